"""oauth2-mock-server: an authorization server of somebody else's making, in the place of X's."""

from __future__ import annotations

import http.client
import shutil
from typing import ClassVar

from real.serving import MATERIAL, NotInstallable, Server, refuse_taken, run

_FILES = MATERIAL / "oauth2"


class OAuth2(Server):
    """The server, by npm. It knows any client and leads back at once; PKCE it takes seriously."""

    name: ClassVar[str] = "oauth2"
    recipe: ClassVar[str] = "oauth2-mock-server==8.2.3"
    port: ClassVar[int] = 15981

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def install(self) -> str:
        if shutil.which("npm") is None:
            raise NotInstallable("it needs Node 20 and npm")
        for name in ("package.json", "package-lock.json"):
            shutil.copy(_FILES / name, self.home / name)
        run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"], cwd=self.home)
        return self.recipe.partition("==")[2]

    def start(self) -> None:
        refuse_taken(self.port)
        self.spawn(["node", _FILES / "start.mjs", str(self.port), self.home])

    def ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/.well-known/openid-configuration")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()
