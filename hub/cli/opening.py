"""Opens what a command works with: the whole hub, or only what hub.toml and the database say."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from hub import settings as configuration
from hub.cli import logging
from hub.cli.output import Output
from hub.registry import Registry
from hub.scheduling.hub import Hub, clock_of
from hub.settings import Settings
from hub.store import Store, migrate

_QUIET = {"debug": "debug", "info": "warning", "warning": "warning", "error": "error"}


def read_settings(out: Output, *, daemon: bool = False) -> Settings:
    """Read hub.toml and set up the log; only the daemon tells good news there, others print them."""
    settings = configuration.load(configuration.find_path(out.config))
    out.zone = settings.zone
    level = settings.hub.log
    logging.configure(level if daemon else _QUIET[level], json=daemon and not sys.stderr.isatty())
    return settings


@contextmanager
def open_hub(out: Output, *, daemon: bool = False) -> Iterator[Hub]:
    """Open everything: the settings and secrets of every account are checked first."""
    with Hub.open(read_settings(out, daemon=daemon)) as hub:
        yield hub


@contextmanager
def open_store(out: Output) -> Iterator[Hub]:
    """Open the hub for a look into its database; the accounts' secrets may be missing."""
    settings = read_settings(out)
    store = Store.open(settings.database_url)
    try:
        migrate.upgrade(store)
    except BaseException:
        store.close()
        raise
    with Hub(settings, Registry.discover(), store, clock_of(store)) as hub:
        yield hub
