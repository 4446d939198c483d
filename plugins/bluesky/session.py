"""One session of an account on its PDS, kept in the vault: begun with the app password, then refreshed."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from msgspec import Struct, json
from pydantic import Field, SecretStr

from hub import AccountSettings, AuthError, Http, Vault
from plugins.bluesky.refusals import Refused

CREATE = "/xrpc/com.atproto.server.createSession"
REFRESH = "/xrpc/com.atproto.server.refreshSession"


class Settings(AccountSettings):
    """An account on Bluesky or another PDS, by handle or DID and an app password.

    `api_url` is the PDS; bsky.social stands for all that Bluesky itself hosts. `langs` are up to three language
    tags for every post. `image_bytes` is the most that the server takes for an image: older ones take 1,000,000.
    """

    api_url: str = "https://bsky.social"
    identifier: str = Field(min_length=1)
    password: SecretStr
    langs: tuple[str, ...] = Field((), max_length=3)
    image_bytes: int = Field(2_000_000, gt=0)


class Begun(Struct, rename="camel"):
    """What createSession and refreshSession answer."""

    access_jwt: str
    refresh_jwt: str
    did: str
    handle: str


class _Kept(Struct):
    """What the vault holds. `origin` tells which settings the session descends from."""

    access: str
    refresh: str
    did: str
    handle: str
    origin: str


class Session:
    """Proves who calls. One account's; used by one thread at a time, like its adapter.

    An access token lives two hours, a refresh token is replaced at each use, and createSession is limited to 30
    calls in five minutes: so all processes share one session in the vault.
    """

    def __init__(self, account: str, settings: Settings, http: Http, vault: Vault) -> None:
        self._settings = settings
        self._http = http
        self._vault = vault
        self._name = f"bluesky/{account}"
        self._seen: str | None = None
        self._kept: _Kept | None = None

    def sign(self, method: str, url: str) -> Mapping[str, str]:
        """Return the Authorization header of a call; none begins a session."""
        if url.endswith((CREATE, REFRESH)):
            return {}
        self._read(self._vault.read(self._name))
        return {"Authorization": f"Bearer {self._kept.access}"} if self._kept else {}

    @property
    def known(self) -> tuple[str, str]:
        """The account's DID and handle, as far as they are known without a call."""
        if self._kept is None:
            self._read(self._vault.read(self._name))
        return (self._kept.did, self._kept.handle) if self._kept else ("", self._settings.identifier)

    def begin(self) -> str:
        """Begin a session unless there is one, and return the account's DID."""
        if self._kept is None:
            self._read(self._vault.read(self._name))
        if self._kept is None:
            self.renew()
        assert self._kept is not None
        return self._kept.did

    def renew(self) -> None:
        """Replace the session that the last call was refused with, unless somebody has done so already.

        Raises `AuthError` if neither the refresh token nor the app password is taken, `TransientError` if the
        server was not to be had; what the vault holds then stays.
        """
        self._read(self._vault.rotate(self._name, self._seen, self._renewed))

    def _renewed(self, stored: str | None) -> str:
        """Refresh the session; where its refresh token is over, or was lost with an answer, begin a new one.

        Both calls may be repeated: a session that nobody uses shows nowhere.
        """
        kept = self._decoded(stored)
        if kept is not None:
            proof = {"Authorization": f"Bearer {kept.refresh}"}
            try:
                return self._keep(self._http.post(REFRESH, headers=proof, repeatable=True).decode(Begun))
            except (Refused, AuthError):
                pass
        settings = self._settings
        who = {"identifier": settings.identifier, "password": settings.password.get_secret_value()}
        return self._keep(self._http.post(CREATE, json=who, repeatable=True).decode(Begun))

    def _keep(self, begun: Begun) -> str:
        kept = _Kept(begun.access_jwt, begun.refresh_jwt, begun.did, begun.handle, self._origin())
        return json.encode(kept).decode()

    def _read(self, stored: str | None) -> None:
        if stored != self._seen or self._kept is None:
            self._seen, self._kept = stored, self._decoded(stored)

    def _decoded(self, stored: str | None) -> _Kept | None:
        """Return the stored session, unless a person has put another account or password into hub.toml since."""
        kept = json.decode(stored, type=_Kept) if stored else None
        if kept is None or kept.origin != self._origin():
            return None
        self._http.add_secret(kept.access)
        self._http.add_secret(kept.refresh)
        return kept

    def _origin(self) -> str:
        settings = self._settings
        facts = (settings.api_url, settings.identifier, settings.password.get_secret_value())
        return sha256("\n".join(facts).encode()).hexdigest()
