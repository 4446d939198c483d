"""Moving: whatever a database holds is there after a move, to either kind and back; what fails changes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from store.anything import fill

from hub.errors import HubError, StoreError, UsageError
from hub.store import Store, migrate
from hub.store.discussions import search
from hub.store.moving import ends, move
from hub.store.moving.carrying import LEFT_BEHIND, Carried, tables
from hub.store.running import accounts, leases, switches, workers
from hub.store.tables import metadata
from hub.testing.fresh import empty_database

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
def source(database_url: str, opened: Opener) -> Store:
    return opened(database_url)


@pytest.fixture
def postgresql_url(postgresql: str) -> Iterator[str]:
    """An empty PostgreSQL database, whatever kind the others of the test are."""
    from conftest import named, psycopg_to

    name = "moved_there"
    with psycopg_to(postgresql) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield named(postgresql, name)
    with psycopg_to(postgresql) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def carried(source: Store, target: Store, **options: Any) -> dict[str, Carried]:
    settings: dict[str, Any] = {"alive": lambda owner: False, "reason": "moved", "progress": lambda done, of: None}
    return {one.table: one for one in move.move(source, target, NOW, **{**settings, **options})}


def everything(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Read all rows as the database holds them, but for what is of a process."""
    found = {}
    with store.read() as connection:
        for table in tables():
            if table.name == "switches":
                continue
            columns = [
                sa.type_coerce(column, _raw(column)) for column in table.columns if "lease" not in column.name
            ]
            rows = connection.execute(sa.select(*columns)).all()
            found[table.name] = sorted((tuple(row) for row in rows), key=repr)
    return found


def _raw(column: sa.Column[Any]) -> Any:
    return column.type.impl if isinstance(column.type, sa.TypeDecorator) else column.type


def filled(store: Store, seed: int = 1) -> None:
    with store.engine.begin() as connection:
        fill(connection, seed)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_tables_hold_is_there_after_a_move_there_and_back(
    source: Store, opened: Opener, postgresql_url: str, tmp_path: Path, seed: int
) -> None:
    filled(source, seed)
    before = everything(source)
    there, back = opened(postgresql_url), opened(f"sqlite:///{tmp_path}/back.db")
    sent = carried(source, there)
    assert everything(there) == before
    returned = carried(there, back)
    assert everything(back) == before
    assert {name: (one.rows, one.hash) for name, one in sent.items() if name != "switches"} == {
        name: (one.rows, one.hash) for name, one in returned.items() if name != "switches"
    }
    assert set(sent) == set(metadata.tables) - LEFT_BEHIND
    assert sum(one.rows for one in sent.values()) == 6 * len(sent)


def test_the_indexes_and_keys_of_a_target_are_those_that_the_migrations_make(
    source: Store, opened: Opener, postgresql_url: str, tmp_path: Path
) -> None:
    filled(source)
    for url in (postgresql_url, f"sqlite:///{tmp_path}/other.db"):
        target = opened(url)
        migrate.upgrade(target)
        before = _schema(target)
        carried(source, target)
        assert _schema(target) == before
        source.write(switches.resume)


def _schema(store: Store) -> list[str]:
    """Read what makes the indexes and foreign keys of a database, in its own words."""
    if store.is_sqlite:
        query = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"
    else:
        query = (
            "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid::regclass::text !~ '^pg_' UNION ALL "
            "SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint"
        )
    with store.read() as connection:
        return sorted(connection.exec_driver_sql(query).scalars())


def test_new_rows_are_numbered_after_those_that_came(source: Store, opened: Opener, postgresql_url: str) -> None:
    filled(source)
    target = opened(postgresql_url)
    carried(source, target)
    numbered = 0
    with target.engine.begin() as connection:
        for table in tables():
            column = table.autoincrement_column
            if column is None:
                continue
            name = connection.execute(
                sa.select(sa.func.pg_get_serial_sequence(table.name, column.name))
            ).scalar_one()
            if name is not None:
                largest = connection.execute(sa.select(sa.func.max(column))).scalar_one()
                assert connection.execute(sa.select(sa.func.nextval(name))).scalar_one() == largest + 1
                numbered += 1
    assert numbered > 30


def test_what_a_database_finds_by_words_it_finds_after_a_move(
    source: Store, opened: Opener, postgresql_url: str, tmp_path: Path
) -> None:
    filled(source)
    for url in (postgresql_url, f"sqlite:///{tmp_path}/other.db"):
        target = opened(url)
        carried(source, target)
        with target.read() as connection:
            assert not search.is_behind(connection)
            indexed = connection.execute(sa.select(sa.func.count()).select_from(search.search)).scalar_one()
            standing = metadata.tables["mentions"].c.deleted_at.is_(None)
            query = sa.select(sa.func.count()).select_from(metadata.tables["mentions"]).where(standing)
            assert indexed == connection.execute(query).scalar_one() > 0
        source.write(switches.resume)


def test_the_source_is_stopped_so_that_nothing_goes_out_twice(
    source: Store, opened: Opener, tmp_path: Path
) -> None:
    target = opened(f"sqlite:///{tmp_path}/other.db")
    carried(source, target, reason="moved away")
    with source.read() as here, target.read() as there:
        stop = switches.stopped(here)
        assert (stop and stop.reason, switches.stopped(there)) == ("moved away", None)


def test_a_target_that_holds_something_is_refused(source: Store, opened: Opener, database_url: str) -> None:
    filled(source)
    with pytest.raises(UsageError, match="is not empty"):
        carried(source, opened(database_url))


def test_a_place_without_a_database_is_no_source_and_none_is_made(opened: Opener, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere.db"
    with pytest.raises(UsageError, match="there is no hub's database"):
        carried(opened(f"sqlite:///{nowhere}"), opened(f"sqlite:///{tmp_path}/other.db"))
    assert list(tmp_path.glob("*.db")) in ([], [tmp_path / "hub.db"])


@pytest.mark.parametrize(("version", "said"), [("9999", "newer than this program"), ("0013", "older version")])
def test_a_source_of_another_version_is_refused(
    source: Store, opened: Opener, tmp_path: Path, version: str, said: str
) -> None:
    with source.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :version"), {"version": version})
    with pytest.raises(StoreError, match=said):
        carried(source, opened(f"sqlite:///{tmp_path}/other.db"))


def test_tables_of_another_program_are_left_alone(opened: Opener, postgresql_url: str, tmp_path: Path) -> None:
    (tmp_path / "hub.db").write_bytes(empty_database())
    target = opened(postgresql_url)
    with target.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE users (id int)")
    with pytest.raises(UsageError, match="tables of another program: users"):
        carried(opened(f"sqlite:///{tmp_path}/hub.db"), target)


def test_a_database_that_does_not_keep_unicode_is_refused(postgresql: str, opened: Opener, tmp_path: Path) -> None:
    from conftest import named, psycopg_to

    (tmp_path / "hub.db").write_bytes(empty_database())
    with psycopg_to(postgresql) as connection:
        connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        with pytest.raises(UsageError, match="keeps texts as LATIN1"):
            carried(opened(f"sqlite:///{tmp_path}/hub.db"), opened(named(postgresql, "latin")))
    finally:
        with psycopg_to(postgresql) as connection:
            connection.execute("DROP DATABASE latin WITH (FORCE)")


class TestWork:
    LEASE = timedelta(minutes=2)

    def claimed(self, store: Store, owner: str) -> None:
        store.write(accounts.register, {"club": "x"}, {"club": ["publish"]}, NOW)
        assert store.write(leases.claim, "club", owner, NOW, self.LEASE) == 1

    def test_a_database_at_work_is_not_moved(self, source: Store, opened: Opener, tmp_path: Path) -> None:
        self.claimed(source, "host:1:2")
        with pytest.raises(StoreError, match="at work on this database: host:1:2") as caught:
            carried(source, opened(f"sqlite:///{tmp_path}/other.db"), alive=lambda owner: True)
        assert "--even-so" in caught.value.hint
        assert not (tmp_path / "other.db").exists()

    def test_a_worker_that_lives_is_named_and_one_that_ended_is_not(
        self, source: Store, opened: Opener, tmp_path: Path
    ) -> None:
        worker = workers.Worker("h:7:8", "h", 7, "run", "local", 4, 0, NOW, NOW, "1", "running")
        source.write(workers.beat, worker)
        target = opened(f"sqlite:///{tmp_path}/other.db")
        with pytest.raises(StoreError, match="at work on this database: h:7:8"):
            carried(source, target, alive=lambda owner: True)
        source.write(workers.end, ["h:7:8"])
        assert carried(source, target, alive=lambda owner: True)

    def test_the_lease_of_a_process_that_died_is_in_nobodys_way(
        self, source: Store, opened: Opener, tmp_path: Path
    ) -> None:
        self.claimed(source, "host:1:2")
        assert carried(source, opened(f"sqlite:///{tmp_path}/other.db"))

    def test_a_lease_does_not_come_along_and_its_fence_does(
        self, source: Store, opened: Opener, tmp_path: Path
    ) -> None:
        self.claimed(source, "host:1:2")
        target = opened(f"sqlite:///{tmp_path}/other.db")
        carried(source, target, alive=lambda owner: True, even_so=True)
        assert target.write(leases.claim, "club", "another", NOW, self.LEASE) == 2

    def test_nobody_writes_to_the_source_while_it_is_moved(
        self, source: Store, opened: Opener, database_url: str, tmp_path: Path
    ) -> None:
        other = Store.open(database_url, busy_timeout=0.1)
        tried: list[str] = []

        def insert(connection: Connection) -> None:
            if not ends.is_sqlite(connection):
                connection.exec_driver_sql("SET LOCAL lock_timeout = '100ms'")
            accounts.register(connection, {"late": "x"}, {"late": []}, NOW)

        def progress(done: int, of: int) -> None:
            if not tried:
                tried.append("tried")
                with pytest.raises((HubError, sa.exc.OperationalError)):
                    other.write(insert)
                tried.append("refused")

        target = opened(f"sqlite:///{tmp_path}/other.db")
        carried(source, target, progress=progress)
        other.close()
        assert tried == ["tried", "refused"]


class TestTrouble:
    def test_what_fails_half_way_leaves_source_and_target_as_they_were(
        self, source: Store, opened: Opener, postgresql_url: str, tmp_path: Path
    ) -> None:
        filled(source)

        def progress(done: int, of: int) -> None:
            if done > of * 0.9:
                raise KeyboardInterrupt

        for url in (postgresql_url, f"sqlite:///{tmp_path}/other.db"):
            before = everything(source)
            with pytest.raises(KeyboardInterrupt):
                carried(source, opened(url), progress=progress)
            assert everything(source) == before
            with source.read() as connection:
                assert switches.stopped(connection) is None
            carried(source, opened(url))
            source.write(switches.resume)
        assert not list(tmp_path.glob(f"*{move.UNFINISHED}*"))

    def test_a_value_of_the_wrong_kind_is_named(self, opened: Opener, postgresql_url: str, tmp_path: Path) -> None:
        path = tmp_path / "hub.db"
        path.write_bytes(empty_database())
        with sqlite3.connect(path) as connection:
            connection.execute("INSERT INTO chores (name, at) VALUES ('sweep', 'yesterday')")
        connection.close()
        with pytest.raises(StoreError, match=r"str in chores\.at, where a whole number belongs"):
            carried(opened(f"sqlite:///{path}"), opened(postgresql_url))

    def test_a_number_that_is_too_large_for_its_column_is_named(
        self, opened: Opener, postgresql_url: str, tmp_path: Path
    ) -> None:
        path = tmp_path / "hub.db"
        path.write_bytes(empty_database())
        with sqlite3.connect(path) as connection:
            connection.execute(
                "INSERT INTO webhooks (name, failures, error, fence) VALUES ('desk', 3000000000, '', 0)"
            )
        connection.close()
        with pytest.raises(StoreError, match=r"3000000000.* out of range .*column failures"):
            carried(opened(f"sqlite:///{path}"), opened(postgresql_url))

    def test_nul_becomes_a_visible_sign_on_postgresql_and_is_counted(
        self, opened: Opener, postgresql_url: str, tmp_path: Path
    ) -> None:
        path = tmp_path / "hub.db"
        path.write_bytes(empty_database())
        with sqlite3.connect(path) as connection:
            connection.executemany(
                "INSERT INTO saved_replies (name, text, by_name, updated_at) VALUES (?, ?, '', 0)",
                [("one", "a\x00b"), ("two", "ab")],
            )
        connection.close()
        source = opened(f"sqlite:///{path}")
        target = opened(postgresql_url)
        assert carried(source, target)["saved_replies"].mended == {"text": 1}
        with target.read() as read:
            texts = read.execute(sa.select(metadata.tables["saved_replies"].c.text)).scalars()
            assert set(texts) == {"a\ufffdb", "ab"}
        before = everything(source)
        other = opened(f"sqlite:///{tmp_path}/other.db")
        assert carried(source, other)["saved_replies"].mended == {}
        assert everything(other) == before

    def test_a_row_that_points_to_nothing_is_named(
        self, opened: Opener, postgresql_url: str, tmp_path: Path
    ) -> None:
        path = tmp_path / "hub.db"
        path.write_bytes(empty_database())
        with sqlite3.connect(path) as connection:
            connection.execute("INSERT INTO jobs (account, kind, due_at) VALUES ('nobody', 'publish', 0)")
        connection.close()
        for url in (postgresql_url, f"sqlite:///{tmp_path}/other.db"):
            with pytest.raises((HubError, sa.exc.IntegrityError), match="jobs"):
                carried(opened(f"sqlite:///{path}"), opened(url))
