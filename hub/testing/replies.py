"""A table of replies in place of a double: enough to begin a plugin with, and it holds no posts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.testing.double import Double, Request
from hub.testing.faults import Reply

Table = Mapping[tuple[str, str], Reply]


class Replies:
    """What a network answers to each (method, path), for the kit: `double = Replies({…}, settings={…})`.

    `settings` are those of the account, secrets as plain text; `api_url` is added. What is not in the table is
    answered 404. Tests that look at what the network holds are skipped.
    """

    def __init__(self, table: Table, *, settings: Mapping[str, Any]) -> None:
        self.table = dict(table)
        self.settings = dict(settings)

    def __call__(self) -> RepliesDouble:
        return RepliesDouble(self.table, self.settings)


class RepliesDouble(Double):
    """A network that answers from a table."""

    def __init__(self, table: Table, settings: Mapping[str, Any]) -> None:
        super().__init__()
        self._table = table
        self._settings = settings

    def account(self) -> dict[str, Any]:
        return {"api_url": self.url, **self._settings}

    def answer(self, request: Request) -> Reply:
        return self._table.get((request.method, request.path), Reply({"error": "not in the table"}, status=404))
