"""Backups: a file on both databases, put back whole or not at all, and what was there is kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.errors import StoreError, UsageError
from hub.store import Store, migrate
from hub.store.moving.backup import backup
from hub.store.moving.restore import Restored, restore
from hub.store.running import accounts, leases, switches
from hub.store.tables import activities, cursors, metadata, saved_replies
from hub.store.verify import verify

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
Opener = Callable[[str], Store]


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Open databases that are closed at the end."""
    with ExitStack() as stack:

        def opener(url: str) -> Store:
            store = Store.open(url)
            stack.callback(store.close)
            return store

        yield opener


@pytest.fixture
def store(database_url: str, opened: Opener) -> Store:
    made = opened(database_url)
    made.write(say, "kept")
    return made


def say(connection: Connection, text: str) -> None:
    connection.execute(saved_replies.insert().values(name=text, text=text, by_name="me", updated_at=NOW))


def said(store: Store) -> set[str]:
    with store.read() as connection:
        return set(connection.execute(sa.select(saved_replies.c.text)).scalars())


def quiet(done: int, of: int) -> None:
    """Show nothing."""


def put_back(file: Path, store: Store, **options: Any) -> Restored:
    settings: dict[str, Any] = {"alive": lambda owner: True, "reason": "restored", "progress": quiet}
    return restore(file, store, file.parent, NOW, **{**settings, **options})


def test_a_backup_holds_what_was_there_and_a_restore_keeps_what_came_since(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    backup(store, file, quiet)
    store.write(say, "later")
    found = put_back(file, store, replace=True)
    assert (said(store), verify(store)) == ({"kept"}, [])
    assert found.kept == tmp_path / "before-restore-20260301-120000.db"
    with closing(sqlite3.connect(found.kept)) as before:
        assert {text for (text,) in before.execute("SELECT text FROM saved_replies")} == {"kept", "later"}
    put_back(found.kept, store, replace=True, as_it_was=True)
    assert said(store) == {"kept", "later"}
    assert sorted(path.name for path in tmp_path.glob("*.db*") if "hub.db" not in path.name) == [
        "backup.db",
        "before-restore-20260301-120000-1.db",
        "before-restore-20260301-120000.db",
    ]


def test_a_backup_is_refused_where_a_file_is(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    file.write_text("dear")
    with pytest.raises(UsageError, match="is there already"):
        backup(store, file, quiet)
    assert file.read_text() == "dear"


def test_a_database_that_holds_something_is_not_replaced_unasked(store: Store, tmp_path: Path) -> None:
    backup(store, tmp_path / "backup.db", quiet)
    store.write(say, "later")
    with pytest.raises(UsageError, match="there is a database at") as caught:
        put_back(tmp_path / "backup.db", store)
    assert "--replace" in caught.value.hint
    assert said(store) == {"kept", "later"}


def test_a_backup_is_put_into_an_empty_place(
    store: Store, bare_database_url: str, opened: Opener, tmp_path: Path
) -> None:
    backup(store, tmp_path / "backup.db", quiet)
    (tmp_path / "hub.db").unlink(missing_ok=True)
    target = opened(bare_database_url)
    assert put_back(tmp_path / "backup.db", target).kept is None
    assert (said(target), migrate.version(target)) == ({"kept"}, migrate.head())


def test_a_backup_of_an_older_program_is_brought_up_to_date(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    from alembic import command

    old = Store.open(f"sqlite:///{tmp_path}/old.db")
    with old.engine.begin() as connection:
        command.upgrade(migrate._config(connection), "0008")
        say(connection, "of old")
    old.close()
    put_back(tmp_path / "old.db", store, replace=True)
    assert (said(store), migrate.version(store)) == ({"of old"}, migrate.head())
    with closing(sqlite3.connect(tmp_path / "old.db")) as file:
        assert file.execute("SELECT version_num FROM alembic_version").fetchall() == [("0008",)]


def _newer(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()


def _torn(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])


def _none(file: Path) -> None:
    file.write_text("these are not the bytes of a database " * 100)


def _other(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE songs (id INTEGER)")


def _orphaned(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("INSERT INTO jobs (account, kind, due_at) VALUES ('nobody', 'publish', 0)")
        connection.commit()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_newer, "newer than this program"),
        (_torn, "no sound backup"),
        (_none, "no sound backup"),
        (_other, "it has no version"),
        (_orphaned, "a row of jobs points to nothing"),
    ],
)
def test_a_file_that_is_no_good_changes_nothing(
    store: Store, tmp_path: Path, spoil: Callable[[Path], None], told: str
) -> None:
    file = tmp_path / "backup.db"
    backup(store, file, quiet)
    store.write(say, "later")
    spoil(file)
    with pytest.raises(StoreError, match=told):
        put_back(file, store, replace=True)
    assert said(store) == {"kept", "later"}
    assert not list(tmp_path.glob("*restor*"))


def test_leases_end_and_fences_go_far_beyond_those_of_workers_that_know_nothing(
    store: Store, tmp_path: Path
) -> None:
    store.write(accounts.register, {"club": "x"}, {"club": ["publish"]}, NOW)
    store.write(leases.claim, "club", "h:1:2", NOW, timedelta(minutes=2))
    backup(store, tmp_path / "backup.db", quiet)
    store.write(leases.release, "club", 1)
    for turn in range(2, 5):
        assert store.write(leases.claim, "club", "h:1:2", NOW, timedelta(minutes=2)) == turn
        store.write(leases.release, "club", turn)
    put_back(tmp_path / "backup.db", store, replace=True)
    assert store.write(leases.claim, "club", "h:3:4", NOW, timedelta(minutes=2)) > 1000
    assert store.write(leases.release, "club", 4) is False


def test_a_database_at_work_is_not_replaced(store: Store, tmp_path: Path) -> None:
    backup(store, tmp_path / "backup.db", quiet)
    store.write(accounts.register, {"club": "x"}, {"club": ["publish"]}, NOW)
    store.write(leases.claim, "club", "h:1:2", NOW, timedelta(minutes=2))
    with pytest.raises(StoreError, match="at work on this database: h:1:2"):
        put_back(tmp_path / "backup.db", store, replace=True)
    assert put_back(tmp_path / "backup.db", store, replace=True, even_so=True).kept


def test_what_was_to_be_told_to_a_crm_is_asked_about(store: Store, tmp_path: Path) -> None:
    def queue(connection: Connection) -> None:
        values = {"account": "crm", "rule": "all", "make": "note", "key": 1, "created_at": NOW, "updated_at": NOW}
        texts = dict.fromkeys(("record_id", "remote_id", "url", "error"), "")
        row = {"state": "queued", "due_at": NOW, "attempts": 0, "fence": 0}
        connection.execute(activities.insert().values({**values, **texts, **row}))

    store.write(queue)
    backup(store, tmp_path / "backup.db", quiet)
    found = put_back(tmp_path / "backup.db", store, replace=True)
    assert found.doubts is not None
    assert found.doubts.activities == 1
    with store.read() as connection:
        assert connection.execute(sa.select(activities.c.state)).scalars().all() == ["asked"]
        assert switches.stopped(connection) == switches.Stop(NOW, "restored", "hub db restore")


def test_bookmarks_remember_when_a_backup_was_put_back(store: Store, tmp_path: Path) -> None:
    store.write(lambda c: c.execute(cursors.insert().values(account="club", verb="posts", subject="", cursor="7")))
    backup(store, tmp_path / "backup.db", quiet)
    put_back(tmp_path / "backup.db", store, replace=True)
    with store.read() as connection:
        assert connection.execute(sa.select(cursors.c.cursor, cursors.c.restored_at)).all() == [("7", NOW)]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_restore_that_is_broken_off_changes_nothing(store: Store, tmp_path: Path) -> None:
    backup(store, tmp_path / "backup.db", quiet)
    store.write(say, "later")
    begun = []

    def progress(done: int, of: int) -> None:
        # The first carrying keeps what is there, the second one puts the backup in its place.
        begun.append(done)
        if begun.count(0) == 2 and done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        put_back(tmp_path / "backup.db", store, replace=True, progress=progress)
    assert said(store) == {"kept", "later"}


class TestSqlite:
    def test_a_damaged_database_is_set_aside_for_its_backup(self, opened: Opener, tmp_path: Path) -> None:
        store = opened(f"sqlite:///{tmp_path}/hub.db")
        migrate.upgrade(store)
        store.write(say, "kept")
        backup(store, tmp_path / "backup.db", quiet)
        store.close()
        _torn(tmp_path / "hub.db")
        torn = (tmp_path / "hub.db").read_bytes()
        again = opened(f"sqlite:///{tmp_path}/hub.db")
        found = put_back(tmp_path / "backup.db", again, replace=True)
        assert (said(again), verify(again)) == ({"kept"}, [])
        assert found.kept is not None
        assert found.kept.read_bytes() == torn

    def test_a_backup_of_postgresql_is_one_for_sqlite_too(
        self, postgresql: str, postgresql_blank: str, opened: Opener, tmp_path: Path
    ) -> None:
        from conftest import named

        backup(opened(named(postgresql, postgresql_blank)), tmp_path / "backup.db", quiet)
        target = opened(f"sqlite:///{tmp_path}/hub.db")
        put_back(tmp_path / "backup.db", target)
        assert migrate.version(target) == migrate.head()
        with target.read() as connection:
            assert set(sa.inspect(connection).get_table_names()) > set(metadata.tables)
