"""The database: durable group commits, plain errors, the same answers on SQLite and PostgreSQL."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.errors import ConfigError, StoreError, UsageError
from hub.store import Store, migrate, tables
from hub.store.moving.backup import backup
from hub.store.running import accounts, leases
from hub.store.verify import verify

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store.open(database_url)
    migrate.upgrade(opened)
    yield opened
    opened.close()


def insert(connection: Connection, key: str) -> None:
    """Store a post with what every version of the program had of one."""
    texts = dict.fromkeys(("text", "title", "link", "url", "source", "source_id"), "")
    values = {"key": key, "hash": 1, "created_at": NOW, "publish_at": NOW, "version": 1, **texts}
    first = sa.table("posts", *(sa.column(name, tables.posts.c[name].type) for name in values))
    connection.execute(first.insert().values(values))


def keys(store: Store) -> set[str]:
    with store.read() as connection:
        return set(connection.execute(sa.select(tables.posts.c.key)).scalars())


# What SQLite has no index of its own for, its tables declare for PostgreSQL alone.
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
def test_the_migrations_make_the_tables_that_the_program_declares(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def declared(name: str | None, kind: str, _: object) -> bool:
        """The index of words is no table of ours: SQLite makes several of one, PostgreSQL knows another kind."""
        return kind != "table" or not str(name).startswith("mention_search")

    def for_this_kind(item: object, _name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
        condition = item._ddl_if if isinstance(item, sa.Index) else None
        return condition is None or condition.dialect == store.engine.dialect.name

    with store.engine.connect() as connection:
        options = {"compare_type": False, "include_name": declared, "include_object": for_this_kind}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, tables.metadata) == []


def test_the_files_of_the_migrations_are_named_by_their_versions() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_current_head() == migrate.head()
    for script in scripts.walk_revisions():
        assert Path(script.path).name.startswith(f"{script.revision}_")


def test_what_the_first_version_held_is_there_after_an_upgrade(bare_database_url: str) -> None:
    from alembic import command

    opened = Store.open(bare_database_url)
    with opened.engine.begin() as connection:
        command.upgrade(migrate._config(connection), "0001")
    opened.write(insert, "old")
    assert migrate.upgrade(opened) is True
    assert (keys(opened), migrate.version(opened), verify(opened)) == ({"old"}, migrate.head(), [])
    opened.close()


def test_an_upgrade_of_a_current_database_does_nothing(store: Store) -> None:
    assert migrate.upgrade(store) is False


def test_a_newer_database_is_refused_and_left_alone(store: Store) -> None:
    with store.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer than this program"):
        migrate.upgrade(store)
    assert migrate.version(store) == "9999"


def test_an_empty_database_names_its_mend(bare_database_url: str) -> None:
    opened = Store.open(bare_database_url)
    with pytest.raises(StoreError) as caught, opened.read() as connection:
        connection.execute(sa.select(tables.posts.c.id))
    assert caught.value.hint == "run `hub db upgrade`"
    opened.close()


def test_writes_that_wait_for_each_other_are_committed_together(store: Store) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        inside.set()
        go_on.wait(5)
        insert(connection, "first")

    writers = [threading.Thread(target=store.write, args=(slow,))]
    writers[0].start()
    inside.wait(5)
    before = store.transactions
    writers += [threading.Thread(target=store.write, args=(insert, f"k{n}")) for n in range(50)]
    for writer in writers[1:]:
        writer.start()
    while len(store._waiting) < 50:
        pass
    go_on.set()
    for writer in writers:
        writer.join()
    assert len(keys(store)) == 51
    assert store.transactions - before <= 3


def test_one_failing_unit_takes_no_other_with_it(store: Store) -> None:
    store.write(insert, "twice")
    inside, go_on = threading.Event(), threading.Event()
    errors: list[BaseException] = []

    def slow(connection: Connection) -> None:
        inside.set()
        go_on.wait(5)

    def failing() -> None:
        try:
            store.write(insert, "twice")
        except sa.exc.IntegrityError as error:
            errors.append(error)

    threads = [threading.Thread(target=store.write, args=(slow,))]
    threads[0].start()
    inside.wait(5)
    threads += [threading.Thread(target=failing), threading.Thread(target=store.write, args=(insert, "good"))]
    for thread in threads[1:]:
        thread.start()
    while len(store._waiting) < 2:
        pass
    go_on.set()
    for thread in threads:
        thread.join()
    assert keys(store) == {"twice", "good"}
    assert len(errors) == 1


def test_a_unit_that_raises_leaves_nothing_behind(store: Store) -> None:
    def half(connection: Connection) -> None:
        insert(connection, "half")
        raise KeyError("no")

    with pytest.raises(KeyError):
        store.write(half)
    assert keys(store) == set()


def test_times_come_back_aware_and_in_utc(store: Store) -> None:
    moscow = datetime(2026, 3, 1, 15, 30, 0, 250_000, tzinfo=UTC) + timedelta(0)
    store.write(accounts.register, {"a": "x"}, {"a": ["publish"]}, moscow)
    with store.read() as connection:
        due = accounts.next_due(connection)
    assert due == moscow
    assert due is not None
    assert due.tzinfo == UTC


def test_sixty_four_bit_numbers_fit(store: Store) -> None:
    store.write(
        lambda c: c.execute(
            tables.posts.insert().values(
                key="big",
                hash=-(2**63),
                created_at=NOW,
                publish_at=NOW,
                text="",
                title="",
                link="",
                url="",
                version=1,
                source="",
                source_id="",
            )
        )
    )
    with store.read() as connection:
        assert connection.execute(sa.select(tables.posts.c.hash)).scalar() == -(2**63)


def test_an_account_is_claimed_by_one_worker_at_a_time(store: Store) -> None:
    store.write(accounts.register, {"a": "x"}, {"a": ["publish"]}, NOW)
    lease = timedelta(minutes=2)
    first = store.write(leases.claim, "a", "one", NOW, lease)
    second = store.write(leases.claim, "a", "two", NOW, lease)
    later = store.write(leases.claim, "a", "two", NOW + timedelta(minutes=3), lease)
    assert (first, second, later) == (1, None, 2)
    assert store.write(leases.release, "a", 1) is False
    assert store.write(leases.release, "a", 2) is True


def test_eight_threads_that_claim_one_account_get_one_turn(store: Store) -> None:
    store.write(accounts.register, {"a": "x"}, {"a": ["publish"]}, NOW)
    got: list[int | None] = []
    lease = timedelta(minutes=2)
    threads = [
        threading.Thread(target=lambda n=n: got.append(store.write(leases.claim, "a", str(n), NOW, lease)))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [fence for fence in got if fence is not None] == [1]


class TestSqlite:
    def test_a_backup_of_a_database_in_use_holds_everything(self, tmp_path: Path) -> None:
        store = Store.open(f"sqlite:///{tmp_path}/hub.db")
        migrate.upgrade(store)
        store.write(insert, "kept")
        backup(store, tmp_path / "copy.db", lambda done, of: None)
        copy = sqlite3.connect(tmp_path / "copy.db")
        assert copy.execute("SELECT key FROM posts").fetchall() == [("kept",)]
        copy.close()
        with pytest.raises(UsageError, match="there already"):
            backup(store, tmp_path / "copy.db", lambda done, of: None)
        store.close()

    def test_a_full_disk_is_said_in_words_and_mends_itself(self, tmp_path: Path) -> None:
        store = Store.open(f"sqlite:///{tmp_path}/hub.db", connections=1)
        migrate.upgrade(store)

        def cap(connection: Connection, pages: int) -> None:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

        with store.engine.connect() as connection:
            used = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            cap(connection, used)
        with pytest.raises(StoreError, match="disk of the database is full"):
            for number in range(10_000):
                store.write(insert, f"key {number} " + "x" * 500)
        with store.engine.connect() as connection:
            cap(connection, 100_000)
        store.write(insert, "room again")
        assert "room again" in keys(store)
        assert verify(store) == []
        store.close()

    def test_a_database_held_by_another_program_is_waited_for(self, tmp_path: Path) -> None:
        store = Store.open(f"sqlite:///{tmp_path}/hub.db")
        migrate.upgrade(store)
        other = sqlite3.connect(tmp_path / "hub.db", check_same_thread=False, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.5, lambda: other.execute("ROLLBACK"))
        release.start()
        store.write(insert, "waited")
        release.join()
        assert keys(store) == {"waited"}
        other.close()
        store.close()

    def test_a_database_held_for_too_long_is_said_in_words(self, tmp_path: Path) -> None:
        store = Store.open(f"sqlite:///{tmp_path}/hub.db", busy_timeout=0.1)
        migrate.upgrade(store)
        other = sqlite3.connect(tmp_path / "hub.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="held by another program"):
            store.write(insert, "no")
        other.close()
        store.close()

    @pytest.mark.parametrize("url", ["mysql://x", "hub.db", "sqlite:////nowhere/at/all/hub.db"])
    def test_an_address_that_is_none_is_a_configuration_error(self, url: str) -> None:
        with pytest.raises(ConfigError):
            Store.open(url)
