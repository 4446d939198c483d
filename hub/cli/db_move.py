"""`hub db move`: carries the whole database to another place."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import regex

from hub.cli.opening import read_settings
from hub.cli.output import Output, command
from hub.errors import UsageError
from hub.i18n import _, ngettext
from hub.scheduling.hub import clock_of
from hub.scheduling.process import alive
from hub.store import Store
from hub.store.moving import guard
from hub.store.moving.carrying import LEFT_BEHIND, Carried, Progress
from hub.store.moving.move import move as carry_over

CURRENT = "current"
"""The word for the database that hub.toml names."""
_FILE = "sqlite:///"
_PASSWORD = regex.compile(r"(?<=://[^/@:]*):[^/@]*(?=@)")

even_so = click.option(
    "--even-so", is_flag=True, help=_("Go ahead though a process is at work on the database, or seems to be.")
)


@command(
    "move",
    help=_("Copy everything from one database into another that is empty, and compare what arrived."),
    epilog=_(
        "SOURCE and TARGET are written as in hub.toml: sqlite:///hub.db, postgresql://user@host/name. "
        'The word "current" is the database that hub.toml names.'
    ),
)
@click.argument("source")
@click.argument("target")
@even_so
def move(out: Output, source: str, target: str, even_so: bool) -> None:
    """Move, stop the source, and say what to write into hub.toml."""
    old_address, new_address = _address(out, source), _address(out, target)
    with _opened(old_address) as old, _opened(new_address) as new:
        if old.engine.url == new.engine.url:
            raise UsageError("source and target are the same database", hint="name two")
        reason = _("moved to {place}").format(place=guard.place(new))
        with progress() as told:
            tables = carry_over(
                old, new, clock_of(old)(), alive=alive, reason=reason, progress=told, even_so=even_so
            )
        _say(out, old, new, new_address, tables)


def _say(out: Output, old: Store, new: Store, address: str, tables: list[Carried]) -> None:
    rows = sum(table.rows for table in tables)
    line = f'database = "{_PASSWORD.sub("", address)}"'
    out.line(
        ngettext(
            "Copied {count} row; it is the same on both sides.",
            "Copied {count} rows; counts and hashes are the same on both sides.",
            rows,
        ).format(count=rows)
    )
    say_mended(out, tables)
    out.line(_("Now write into hub.toml, under [hub]:"))
    out.line(f"    {line}")
    if new.engine.url.password:
        out.line(_("The password belongs in ~/.pgpass or PGPASSWORD."))
    out.line(
        _("The old database is as it was, and stopped, so that nothing goes out twice; `hub resume` undoes that.")
    )
    out.done(
        {
            "source": guard.place(old),
            "target": guard.place(new),
            "rows": rows,
            "tables": [table._asdict() for table in tables],
            "left_behind": sorted(LEFT_BEHIND),
            "line": line,
        }
    )


def say_mended(out: Output, tables: list[Carried]) -> None:
    """Name the columns in which something had to be written otherwise."""
    for table in tables:
        for column, count in table.mended.items():
            out.line(
                ngettext(
                    "In {column} {count} text held NUL, which PostgreSQL does not take; there is � now.",
                    "In {column} {count} texts held NUL, which PostgreSQL does not take; there is � now.",
                    count,
                ).format(column=f"{table.table}.{column}", count=count)
            )


def _address(out: Output, word: str) -> str:
    """Return the address that a word means; a SQLite file is meant from here."""
    if word == CURRENT:
        return read_settings(out).database_url
    if word.startswith(_FILE):
        return _FILE + str(Path(word.removeprefix(_FILE)).resolve())
    return word


@contextmanager
def _opened(address: str) -> Iterator[Store]:
    store = Store.open(address)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def progress() -> Iterator[Progress]:
    """Show a bar on a terminal, nothing where nobody watches."""
    if not sys.stderr.isatty():
        yield _nothing
        return
    with click.progressbar(length=0, file=sys.stderr, label=_("rows")) as bar:

        def show(done: int, of: int) -> None:
            bar.length = of
            bar.update(done - bar.pos)

        yield show


def _nothing(done: int, of: int) -> None:
    """Show nothing."""
