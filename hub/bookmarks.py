"""Reads on from a bookmark, or from the start if the network no longer knows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import structlog

from hub.errors import PluginError, StaleCursor
from hub.models import Batch

T = TypeVar("T")
log = structlog.get_logger()


def read_on(
    account: str, platform: str, fetch: Callable[[str | None], Iterable[Batch[T]]], cursor: str | None
) -> Iterator[tuple[Batch[T], bool]]:
    """Yield what `fetch` brings since the cursor; with each batch whether the read began anew.

    Raises `PluginError` if the plugin calls the start of all a stale bookmark too.
    """
    try:
        for batch in fetch(cursor):
            yield batch, False
    except StaleCursor as error:
        if cursor is None:
            raise _no_cursor(account, platform, error) from error
        log.warning("bookmark forgotten by the network", account=account, reason=str(error))
    else:
        return
    try:
        for batch in fetch(None):
            yield batch, True
    except StaleCursor as error:
        raise _no_cursor(account, platform, error) from error


def _no_cursor(account: str, platform: str, error: StaleCursor) -> PluginError:
    return PluginError(
        "account {account}: plugin {platform} was given no bookmark, and says that the network no longer knows "
        "it: {why}",
        hint="this is a defect of the plugin; `hub plugins` says whose it is",
        account=account,
        platform=platform,
        why=error,
    )
