"""Applies the SQL that an engine brings along, and remembers which pieces of it the database has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.errors import StoreError
from hub.store.database import Store
from hub.store.plain import plain_errors
from hub.store.tables import engine_scripts

SCHEMA = "hub_engine"
"""Where the engine's tables and functions are: a program of the admin's own that uses the same engine in the same
database has its in another."""

_LOCK = 4857394


class NotPrepared(StoreError):
    """The database is prepared for another version of the engine, or for none."""


class Kit(NamedTuple):
    """What an engine of this version brings along, in files of SQL.

    `whole` makes everything at once where there is nothing yet; the scripts lead there from any older state, in
    the order of their names. `is_late` tells by its name whether a script takes away what a worker of an older
    version needs. `table` is one of the engine's tables, by which is told whether anything is there.
    """

    engine: str
    version: str
    table: str
    whole: Path
    scripts: Sequence[Path]
    is_late: Callable[[str], bool]


class State(NamedTuple):
    """How a database stands to a kit: the scripts that it lacks, and those it has that the kit does not know.

    `version` is the newest that applied anything; `empty` says that nothing is there at all.
    """

    lacking: Sequence[Path]
    unknown: Sequence[str]
    version: str
    empty: bool


def state(connection: Connection, kit: Kit) -> State:
    """Compare what was applied with what this kit brings."""
    rows = connection.execute(
        sa.select(engine_scripts.c.name, engine_scripts.c.version)
        .where(engine_scripts.c.engine == kit.engine)
        .order_by(engine_scripts.c.name)
    ).all()
    # The note may have come from elsewhere, with a copy of our tables; what it tells of did not.
    there = connection.execute(sa.select(sa.func.to_regclass(f"{SCHEMA}.{kit.table}"))).scalar() is not None
    applied = {str(row.name): str(row.version) for row in rows} if there else {}
    known = {script.name for script in kit.scripts}
    return State(
        lacking=[script for script in kit.scripts if script.name not in applied],
        unknown=[name for name in applied if name not in known],
        version=max(applied.values(), key=_parts, default=""),
        empty=not there,
    )


def apply(store: Store, kit: Kit, now: datetime, *, alone: bool) -> bool:
    """Bring the engine's part of the database to this kit; False if there was nothing to do.

    While others work (not `alone`) the late scripts at the end wait: they may be of an older version. Each script
    is a transaction of its own: PostgreSQL lets a value that was added to a type be used only after the commit.
    One that fails leaves what was before it, and the next call goes on there. Raises `NotPrepared` if the database
    has what only a newer kit can work with, and if others work that this one would break.
    """
    changed = False
    while _step(store, kit, now, alone):
        changed = True
    return changed


def check(connection: Connection, kit: Kit) -> None:
    """Raise `NotPrepared` if the database is prepared for another version, or for none."""
    found = state(connection, kit)
    _refuse_newer(found, kit)
    if _needed(found, kit):
        raise NotPrepared(
            "the database is not prepared for {engine} {version}",
            hint="run `hub db upgrade`",
            engine=kit.engine,
            version=kit.version,
        )


def _needed(found: State, kit: Kit) -> Sequence[Path]:
    """Return what must be applied before this kit can work: all that is lacking but late ones at its end."""
    needed = list(found.lacking)
    while needed and kit.is_late(needed[-1].name) and not found.empty:
        needed.pop()
    return needed


def _step(store: Store, kit: Kit, now: datetime, alone: bool) -> bool:
    """Apply all at once where nothing is, else the first script that is lacking; False if none need be."""
    with plain_errors(), store.engine.begin() as connection:
        # Programs that start at once wait here, and then find it done.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        found = state(connection, kit)
        _refuse_newer(found, kit)
        wanted = found.lacking if alone else _needed(found, kit)
        if not wanted:
            return False
        if found.empty:
            connection.execute(engine_scripts.delete().where(engine_scripts.c.engine == kit.engine))
            _make_schema(connection)
            _run(connection, kit.whole)
            _note(connection, kit, kit.scripts, now)
        else:
            if kit.is_late(wanted[0].name) and not alone:
                raise NotPrepared(
                    "workers of an older version would break if the database was prepared for {engine} {version}",
                    hint="stop all workers, and run `hub db upgrade`",
                    engine=kit.engine,
                    version=kit.version,
                )
            _run(connection, wanted[0])
            _note(connection, kit, wanted[:1], now)
        _settle_functions(connection)
    return True


def _make_schema(connection: Connection) -> None:
    """Make the engine's schema, unless somebody who may has made it for us."""
    if connection.execute(sa.select(sa.func.to_regnamespace(SCHEMA))).scalar() is not None:
        return
    try:
        connection.execute(sa.schema.CreateSchema(SCHEMA))
    except sa.exc.ProgrammingError as error:
        if "permission denied" not in str(error.orig):
            raise
        raise StoreError(
            "the database's user may not make the schema {schema}",
            hint="let the owner of the database run: CREATE SCHEMA {schema} AUTHORIZATION {user}",
            schema=SCHEMA,
            user=connection.engine.url.username or "…",
        ) from None


def _run(connection: Connection, script: Path) -> None:
    """Run many statements at once, names without a schema meaning ours."""
    connection.exec_driver_sql(f"SET LOCAL search_path = {SCHEMA}")
    text = script.read_text(encoding="utf-8")
    try:
        # As it stands, signs of percent and all.
        connection.exec_driver_sql(text, execution_options={"no_parameters": True})
    except sa.exc.DBAPIError as error:
        if error.connection_invalidated:
            raise
        raise StoreError(
            "the engine's script {name} failed: {why}",
            hint="see what in the schema {schema} is not as the engine made it",
            name=script.name,
            why=str(error.orig).strip().splitlines()[0],
            schema=SCHEMA,
        ) from error
    connection.exec_driver_sql("SET LOCAL search_path = DEFAULT")


def _settle_functions(connection: Connection) -> None:
    """Let each function find its tables by itself, and rows by indexes: callers then need nothing set.

    A queue is empty in one minute and has a thousand rows in the next, so that what PostgreSQL knows of its size
    is mostly wrong; by that it would compare all with all, or sort all, to find the one that is next.
    """
    functions = connection.execute(
        sa.text(
            "SELECT CAST(CAST(p.oid AS regprocedure) AS text) FROM pg_proc p"
            " JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = :schema"
        ),
        {"schema": SCHEMA},
    ).scalars()
    for function in list(functions):
        connection.exec_driver_sql(
            f"ALTER FUNCTION {function} SET search_path = {SCHEMA}, pg_temp"
            " SET enable_seqscan = off SET enable_sort = off"
        )


def _note(connection: Connection, kit: Kit, scripts: Sequence[Path], now: datetime) -> None:
    rows = [
        {"engine": kit.engine, "name": script.name, "version": kit.version, "applied_at": now}
        for script in scripts
    ]
    connection.execute(engine_scripts.insert(), rows)


def _refuse_newer(found: State, kit: Kit) -> None:
    """What a newer version added disturbs nobody; what it took away does."""
    if any(kit.is_late(name) for name in found.unknown):
        raise NotPrepared(
            "the database is prepared for {engine} {found}, which is newer than the installed {version}",
            hint="install it: pip install '{engine}>={found}'",
            engine=kit.engine,
            found=found.version,
            version=kit.version,
        )


def _parts(version: str) -> list[int]:
    """Order versions by their numbers: 3.10 comes after 3.9."""
    return [int(part) for part in version.split(".") if part.isdigit()]
