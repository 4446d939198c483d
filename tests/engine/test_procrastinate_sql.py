"""Procrastinate's own SQL in the hub's database: applied once, from any older state, by whoever comes first."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import Connection

from hub import settings
from hub.engine import choosing, procrastinate_sql
from hub.engine.procrastinate import Procrastinate
from hub.errors import ConfigError, StoreError
from hub.scheduling.hub import Hub
from hub.store import Store
from hub.store.engines import messages, scripts
from hub.store.engines.scripts import Kit, NotPrepared
from hub.store.running import workers
from hub.store.running.workers import Worker
from tests.engine.rows import Rows, now, register, running

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

KIT = procrastinate_sql.kit()


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store.open(database_url)
    yield opened
    opened.close()


def up_to(name: str, version: str) -> Kit:
    """Return what an older version brought along: the files whose names come no later than this one."""
    return KIT._replace(version=version, scripts=[script for script in KIT.scripts if script.name <= name])


def make_older(store: Store, name: str, version: str) -> None:
    """Prepare the database as that version did, step by step from the first one."""
    first = KIT.scripts[0]
    scripts.apply(store, up_to(first.name, "0.1.0")._replace(whole=first), now(), alone=True)
    scripts.apply(store, up_to(name, version), now(), alone=True)


def shape(store: Store) -> list[tuple[Any, ...]]:
    """Describe all that is in the engine's schema: columns, indexes, triggers, functions with their settings."""
    questions = (
        "SELECT table_name, column_name, data_type, column_default, is_nullable FROM information_schema.columns"
        " WHERE table_schema = 'hub_engine'",
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'hub_engine'",
        "SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE c.relnamespace = to_regnamespace('hub_engine') AND NOT t.tgisinternal",
        "SELECT oid::regprocedure::text, proconfig, regexp_replace(prosrc, '\\s+', ' ', 'g') FROM pg_proc"
        " WHERE pronamespace = to_regnamespace('hub_engine')",
        "SELECT enumtypid::regtype::text, enumlabel FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid"
        " WHERE typnamespace = to_regnamespace('hub_engine')",
    )
    with store.read() as connection:
        found = [tuple(row) for question in questions for row in connection.exec_driver_sql(question)]
    return sorted(found, key=str)


def noted(store: Store) -> dict[str, str]:
    with store.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT name, version FROM engine_scripts WHERE engine = 'procrastinate'"
        )
        return {str(name): str(version) for name, version in rows}


def queue_one(store: Store) -> int:
    register(store, ["a"])
    return store.write(messages.put, "hub-1", "hub.turn", ["a"], now())


def message_ids(store: Store) -> list[int]:
    with store.read() as connection:
        return list(connection.exec_driver_sql("SELECT id FROM hub_engine.procrastinate_jobs").scalars())


def test_a_fresh_database_gets_all_of_it_at_once_and_then_nothing_more(store: Store) -> None:
    assert procrastinate_sql.prepare(store, now()) is True
    assert noted(store) == {script.name: KIT.version for script in KIT.scripts}
    assert procrastinate_sql.prepare(store, now()) is False
    procrastinate_sql.check(store)
    with store.read() as connection:
        outside = connection.exec_driver_sql(
            "SELECT relname FROM pg_class WHERE relname LIKE 'procrastinate%%'"
            " AND relnamespace <> to_regnamespace('hub_engine')"
        )
        assert list(outside) == []


@pytest.mark.parametrize("name", ["03.00.00_50_post", "03.01.00_01_pre", "03.02.00_50_post", "03.03.00_01_pre"])
def test_an_older_one_becomes_the_same_with_what_was_queued(store: Store, database_url: str, name: str) -> None:
    last = max(script.name for script in KIT.scripts if script.name[: len(name)] <= name)
    make_older(store, last, "3.0.0")
    with store.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO hub_engine.procrastinate_jobs (queue_name, task_name) VALUES ('hub-1', 'hub.turn')"
        )
    had = message_ids(store)
    with pytest.raises(StoreError, match=f"not prepared for procrastinate {KIT.version}"):
        procrastinate_sql.check(store)
    assert procrastinate_sql.prepare(store, now()) is True
    found = shape(store)
    assert (message_ids(store), set(noted(store).values())) == (had, {"0.1.0", "3.0.0", KIT.version})
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA hub_engine CASCADE")
    assert procrastinate_sql.prepare(store, now()) is True, "the note tells of what is no more"
    assert found == shape(store)


def test_each_function_finds_its_tables_whoever_calls_it(store: Store) -> None:
    procrastinate_sql.prepare(store, now())
    assert queue_one(store) == 1
    with store.engine.begin() as connection:
        fetched = connection.exec_driver_sql(
            "SELECT queue_name, args FROM hub_engine.procrastinate_fetch_job_v2(ARRAY['hub-1'], NULL)"
        ).one()
    assert tuple(fetched) == ("hub-1", {"account": "a"})


def test_to_take_a_message_others_are_not_looked_at(store: Store) -> None:
    """What PostgreSQL knows of a queue is of another minute: by that it compared each of 400 with each."""
    procrastinate_sql.prepare(store, now())
    names = [f"a{number}" for number in range(400)]
    register(store, names)
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE hub_engine.procrastinate_jobs")
    assert store.write(messages.put, "hub-1", "hub.turn", names, now()) == len(names)
    with store.engine.begin() as connection:
        before = rows_read(connection)
        fetched = connection.exec_driver_sql(
            "SELECT args FROM hub_engine.procrastinate_fetch_job_v2(ARRAY['hub-1'], NULL)"
        ).scalar()
        assert fetched == {"account": "a0"}
        assert rows_read(connection) - before < 10


def rows_read(connection: Connection) -> int:
    return int(
        connection.exec_driver_sql(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables"
            " WHERE schemaname = 'hub_engine' AND relname = 'procrastinate_jobs'"
        ).scalar()
        or 0
    )


def later_kit(folder: Path, *names: str) -> Kit:
    """Return the kit of a version that is still to come, with further scripts."""
    for number, name in enumerate(names):
        (folder / name).write_text(f"CREATE TABLE more_{number} (percent text DEFAULT '100 %');")
    return KIT._replace(version="3.11.0", scripts=[*KIT.scripts, *(folder / name for name in names)])


def test_what_a_newer_version_took_away_stops_an_older_one(store: Store, tmp_path: Path) -> None:
    newer = later_kit(tmp_path, "03.11.00_01_one.sql", "03.11.00_50_two.sql")
    procrastinate_sql.prepare(store, now())
    scripts.apply(store, newer._replace(scripts=newer.scripts[:-1]), now(), alone=True)
    procrastinate_sql.check(store)
    assert procrastinate_sql.prepare(store, now()) is False, "what it only added disturbs nobody"
    scripts.apply(store, newer, now(), alone=True)
    for use in (lambda: procrastinate_sql.check(store), lambda: procrastinate_sql.prepare(store, now())):
        with pytest.raises(StoreError) as caught:
            use()
        assert str(caught.value) == (
            f"the database is prepared for procrastinate 3.11.0, which is newer than the installed {KIT.version}"
        )
        assert (
            caught.value.hint.format_map(caught.value.facts) == "install it: pip install 'procrastinate>=3.11.0'"
        )


def test_what_would_break_the_workers_of_an_older_version_waits_for_their_end(
    store: Store, tmp_path: Path
) -> None:
    procrastinate_sql.prepare(store, now())
    newer = later_kit(tmp_path, "03.11.00_01_one.sql", "03.11.00_50_two.sql")
    assert scripts.apply(store, newer, now(), alone=False) is True
    assert "03.11.00_50_two.sql" not in noted(store)
    with store.read() as connection:
        scripts.check(connection, newer)
    assert scripts.apply(store, newer, now(), alone=False) is False
    assert scripts.apply(store, newer, now(), alone=True) is True
    assert "03.11.00_50_two.sql" in noted(store)


def test_nothing_is_applied_past_what_would_break_them(store: Store, tmp_path: Path) -> None:
    procrastinate_sql.prepare(store, now())
    newer = later_kit(tmp_path, "03.11.00_50_two.sql", "03.12.00_01_three.sql")
    with pytest.raises(StoreError, match="workers of an older version would break"):
        scripts.apply(store, newer, now(), alone=False)
    assert noted(store).keys() == {script.name for script in KIT.scripts}


def test_a_worker_that_shows_life_keeps_late_scripts_back(store: Store) -> None:
    last = [script.name for script in KIT.scripts if script.name.startswith("03.04.00_01")]
    make_older(store, last[0], "3.3.0")
    at = now()
    worker = Worker("w", "elsewhere", 1, "worker", "procrastinate", 4, 0, at, at, "1", "running")
    store.write(workers.beat, worker)
    assert procrastinate_sql.prepare(store, now()) is False
    store.write(workers.end, ["w"])
    assert procrastinate_sql.prepare(store, now()) is True
    assert noted(store).keys() == {script.name for script in KIT.scripts}


def test_a_script_that_fails_leaves_what_was_before_it(store: Store, tmp_path: Path) -> None:
    procrastinate_sql.prepare(store, now())
    newer = later_kit(tmp_path, "03.11.00_01_one.sql", "03.11.00_02_bad.sql", "03.11.00_03_end.sql")
    (tmp_path / "03.11.00_02_bad.sql").write_text("CREATE TABLE half (id int); SELECT 1 / 0;")
    with pytest.raises(StoreError, match=r"script 03\.11\.00_02_bad\.sql failed: division by zero"):
        scripts.apply(store, newer, now(), alone=True)
    assert noted(store).keys() - {script.name for script in KIT.scripts} == {"03.11.00_01_one.sql"}
    (tmp_path / "03.11.00_02_bad.sql").write_text("CREATE TABLE half (id int);")
    assert scripts.apply(store, newer, now(), alone=True) is True
    assert len(noted(store)) == len(newer.scripts)


def test_programs_that_start_at_once_apply_it_once(store: Store, database_url: str) -> None:
    failed: list[BaseException] = []
    ready = threading.Barrier(4)

    def start() -> None:
        own = Store.open(database_url)
        try:
            ready.wait(10)
            procrastinate_sql.prepare(own, now())
        except BaseException as error:
            failed.append(error)
        finally:
            own.close()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    procrastinate_sql.check(store)


def test_a_user_who_may_make_no_schema_is_told_what_the_owner_has_to_do(store: Store, database_url: str) -> None:
    with store.engine.begin() as connection:
        if connection.exec_driver_sql("SELECT 1 FROM pg_roles WHERE rolname = 'clerk'").first() is None:
            connection.exec_driver_sql("CREATE ROLE clerk LOGIN")
        connection.exec_driver_sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO clerk")
    own = Store.open(database_url.replace("//postgres:@", "//clerk@"))
    try:
        with pytest.raises(StoreError) as caught:
            procrastinate_sql.prepare(own, now())
        hint = caught.value.hint.format_map(caught.value.facts)
        assert hint == "let the owner of the database run: CREATE SCHEMA hub_engine AUTHORIZATION clerk"
        with store.engine.begin() as connection:
            connection.exec_driver_sql("CREATE SCHEMA hub_engine AUTHORIZATION clerk")
        assert procrastinate_sql.prepare(own, now()) is True
        assert queue_one(own) == 1
    finally:
        own.close()


def toml(folder: Path, database: str, engine: str = "procrastinate") -> settings.Settings:
    path = folder / "hub.toml"
    path.write_text(f'[hub]\ndatabase = "{database}"\nengine = "{engine}"\n')
    return settings.load(path, {})


def test_a_hub_prepares_what_its_engine_needs_when_it_opens(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    read = toml(tmp_path, database_url)
    with pytest.raises(StoreError, match="not prepared for procrastinate"):
        Hub.open(read, migrate_first=False)
    assert noted(store) == {}
    with Hub.open(read) as hub:
        assert hub.engine.name == "procrastinate"
    with Hub.open(read, migrate_first=False) as hub:
        assert hub.engine.name == "procrastinate"
    procrastinate_sql.check(store)


def test_a_hub_on_the_other_engine_makes_nothing_of_it(store: Store, database_url: str, tmp_path: Path) -> None:
    with Hub.open(toml(tmp_path, database_url, "local")) as hub:
        assert hub.engine.name == "local"
    assert (noted(store), shape(store)) == ({}, [])


def test_on_sqlite_it_says_what_to_do(store: Store, tmp_path: Path) -> None:
    read = toml(tmp_path, "sqlite:///hub.db")
    own = Store.open(read.database_url)
    try:
        with pytest.raises(ConfigError) as caught:
            choosing.choose(read, own, now)
    finally:
        own.close()
    assert str(caught.value).endswith(
        "hub.engine is procrastinate, which needs PostgreSQL, and the database is SQLite"
    )
    assert "hub db move" in caught.value.hint


def test_a_worker_ends_when_a_newer_version_takes_away_what_it_needs(store: Store, tmp_path: Path) -> None:
    procrastinate_sql.prepare(store, now())
    newer = later_kit(tmp_path, "03.11.00_50_two.sql")
    newer.scripts[-1].write_text("DROP FUNCTION procrastinate_fetch_job_v2(varchar[], bigint);")
    rows = Rows(store, lambda account: now() + timedelta(hours=1))
    with (
        pytest.raises(NotPrepared, match="which is newer than the installed"),
        running(Procrastinate(store, now, 2), rows) as thread,
    ):
        register(store, ["a"])
        deadline = time.monotonic() + 15
        while not rows.turns["a"]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        scripts.apply(store, newer, now(), alone=True)
        thread.join(20)
        assert not thread.is_alive()
