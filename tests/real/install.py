"""Installs every real server that the tests start, so that they need not wait for it: `python -m real.install`."""

from __future__ import annotations

import sys

from real.bluesky import Network
from real.mastodon import Mock
from real.oauth2 import OAuth2
from real.pgbouncer import PgBouncer
from real.proxy import FaultProxy
from real.radicale import Radicale
from real.serving import NotInstallable, Server
from real.snac import Snac
from real.telegram import LoBotApi, TelegramTestApi
from real.wordpress import WordPressServer

# The one that takes longest comes first.
ALL: tuple[type[Server], ...] = (
    *(Network, FaultProxy, WordPressServer, Snac),
    *(Mock, OAuth2, TelegramTestApi, LoBotApi, Radicale, PgBouncer),
)


def main() -> int:
    """Say of each server what was installed, in how many seconds, or why it cannot be; its tests say so again."""
    for kind in ALL:
        server = kind()
        try:
            server.install_once()
        except NotInstallable as error:
            print(f"{kind.name:<15} cannot be installed here: {error}", flush=True)
        else:
            print(f"{kind.name:<15} {server.version}, {server.install_seconds:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
