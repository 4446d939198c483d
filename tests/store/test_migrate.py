"""Upgrades: by many at once, broken off half way, and with what the database does not allow."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from hub.errors import HubError
from hub.store import Store, migrate
from hub.store.people import parts
from hub.store.tables import metadata

UPGRADE = """
import sys
from hub.store import Store, migrate
store = Store.open(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print(migrate.upgrade(store))
"""


@pytest.fixture
def bare(bare_database_url: str) -> Iterator[Store]:
    store = Store.open(bare_database_url)
    yield store
    store.close()


def _at(store: Store, version: str) -> None:
    from alembic import command

    with store.engine.begin() as connection:
        command.upgrade(migrate._config(connection), version)


def test_programs_that_start_at_once_upgrade_it_once(bare: Store, bare_database_url: str) -> None:
    _at(bare, "0004")
    words = [sys.executable, "-c", UPGRADE, bare_database_url]
    started = [subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    said = []
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in started:
        out, _ = process.communicate(timeout=100)
        said.append((process.returncode, out.strip()))
    assert {code for code, _ in said} == {0}
    assert "True" in {out for _, out in said}
    assert migrate.version(bare) == migrate.head()
    assert set(sa.inspect(bare.engine).get_table_names()) >= set(metadata.tables)


def test_an_upgrade_that_fails_half_way_leaves_the_version_of_before(bare: Store) -> None:
    _at(bare, "0008")
    with bare.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE activities (id int)")
    before = sorted(sa.inspect(bare.engine).get_table_names())
    with pytest.raises((HubError, sa.exc.ProgrammingError), match="activities"):
        migrate.upgrade(bare)
    assert migrate.version(bare) == "0008"
    assert sorted(sa.inspect(bare.engine).get_table_names()) == before
    with bare.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE activities")
    assert migrate.upgrade(bare) is True


def test_a_database_that_cannot_find_parts_of_names_is_upgraded_all_the_same(bare: Store) -> None:
    migrate.upgrade(bare)
    with bare.read() as connection:
        known = (
            bare.is_sqlite
            or connection.exec_driver_sql(
                "SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_trgm'"
            ).scalar_one()
        )
        assert parts.lacking(connection) is (not known)
    assert migrate.complete(bare) is False


def test_both_databases_have_the_indexes_that_the_tables_declare(bare: Store) -> None:
    migrate.upgrade(bare)
    found, kind = sa.inspect(bare.engine), bare.engine.dialect.name
    for table in metadata.sorted_tables:
        there = {index["name"]: index for index in found.get_indexes(table.name)}
        declared = {index.name: index for index in table.indexes if _is_for(index, kind)}
        there = {name: index for name, index in there.items() if "duplicates_constraint" not in index}
        assert set(there) - set(declared) <= {"sqlite_autoindex", *parts.NAMES}
        for name, index in declared.items():
            assert (name, bool(there[str(name)]["unique"])) == (name, bool(index.unique))
            condition = index.dialect_options[kind].get("where")
            held = there[str(name)].get("dialect_options", {}).get(f"{kind}_where")
            assert (name, held is not None) == (name, condition is not None)
            plain = [column.name for column in index.columns]
            if len(plain) == len(index.expressions):
                assert (name, there[str(name)]["column_names"]) == (name, plain)


def _is_for(index: sa.Index, kind: str) -> bool:
    condition = index._ddl_if
    return condition is None or condition.dialect == kind
