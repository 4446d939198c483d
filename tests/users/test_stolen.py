"""A stolen database: a dump of it holds nothing that opens the page."""

from __future__ import annotations

import hashlib
import string
from contextlib import suppress
from datetime import datetime

import sqlalchemy as sa

from hub.store import Store, tables
from hub.users import people, sessions, setup, tokens
from hub.users.logins import LoginRefused, log_in
from hub.users.roles import Permission, Role

GOOD = "correct horse battery"
MISTAKE = "typed into the wrong field"


def dump(store: Store) -> bytes:
    """Everything that the database holds, in every table."""
    found = []
    with store.read() as connection:
        for table in tables.metadata.sorted_tables:
            for row in connection.execute(sa.select(table)):
                found += [
                    bytes(cell) if isinstance(cell, bytes | memoryview) else str(cell).encode() for cell in row
                ]
    return b"\n".join(found)


def test_a_dump_holds_no_cookie_no_token_no_password_and_no_link(store: Store, now: datetime) -> None:
    link = setup.offer(store, now)
    assert link is not None
    assert setup.holds(store, link, now)
    anna = people.add(store, "anna", Role.OWNER, GOOD, now)
    cookie = log_in(store, "anna", GOOD, now, address="10.0.0.1")
    token = tokens.make(store, anna, "ci", [Permission.READ], now, None).secret
    with suppress(LoginRefused):
        log_in(store, MISTAKE, "x", now, address="10.0.0.1")
    stolen = dump(store)
    assert b"anna" in stolen
    assert hashlib.sha256(cookie.encode()).digest() in stolen
    for secret in (link, cookie, token, GOOD, MISTAKE):
        assert secret.encode() not in stolen
    # Nor does anything in it, taken as it stands, open a session or speak as a token.
    words = {word for line in stolen.split(b"\n") for word in (line, line.hex().encode())}
    for word in words:
        text = word.decode("latin-1").strip(string.whitespace)
        assert sessions.find(store, text, now) is None
        assert tokens.find(store, text, now) is None
        assert not setup.holds(store, text, now)
