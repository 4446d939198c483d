"""What the tests of users share: an empty store of each kind, and a moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.store import Store, migrate
from hub.store.team import users as stored
from hub.users.passwords import make_hash
from hub.users.people import user_of
from hub.users.roles import Role, User

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GOOD = "correct horse battery"


@pytest.fixture(scope="session")
def hashed() -> str:
    """A good password, hashed once: it takes a fifth of a second."""
    return make_hash(GOOD)


@pytest.fixture
def hire(store: Store, hashed: str) -> Callable[..., User]:
    """Add a user with the good password."""

    def add(name: str, role: Role = Role.OWNER, **facts: Any) -> User:
        row = store.write(stored.add, name, role.value, hashed, NOW, **facts)
        assert row is not None
        return user_of(row)

    return add


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store.open(database_url)
    migrate.upgrade(opened)
    yield opened
    opened.close()
