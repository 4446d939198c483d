"""`hub db`: upgrades, verifies, backs up, restores and moves the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from hub.adapter import Publisher, Timeline
from hub.cli.db_move import move, progress
from hub.cli.db_restore import restore
from hub.cli.opening import open_hub, read_settings
from hub.cli.output import PARTLY, Output, command
from hub.engine.choosing import prepare
from hub.errors import HubError, UsageError
from hub.i18n import _, ngettext
from hub.scheduling.hub import Hub, clock_of
from hub.store import Store, migrate
from hub.store import verify as rules
from hub.store.moving.backup import backup as copy_away


@click.group("db", help=_("Upgrade, verify, back up, restore or move the database."))
def db() -> None:
    """Gather the commands of the database."""


@command("upgrade", help=_("Bring the database to this program's version; it is made if there is none."))
def upgrade(out: Output) -> None:
    """Migrate, in one transaction."""
    with _store(out, must_exist=False) as store:
        changed = migrate.upgrade(store)
        # The engine's own part of it.
        changed = prepare(read_settings(out), store, clock_of(store)()) or changed
        changed = migrate.complete(store) or changed
        found = migrate.version(store)
    out.line(
        (
            _("The database is now of version {version}.")
            if changed
            else _("The database is of version {version}; there was nothing to do.")
        ).format(version=found)
    )
    out.done({"changed": changed, "version": found})


@command("verify", help=_("Check the file and the hub's own rules."))
@click.option("--remote", is_flag=True, help=_("Compare with what the networks show, too."))
def verify(out: Output, remote: bool) -> None:
    """Say what is wrong; exit 1 if anything is, 5 if an account could not be compared."""
    with _store(out) as store:
        problems = rules.verify(store)
    compared: list[str] = []
    skipped: dict[str, str] = {}
    if remote:
        with open_hub(out) as hub:
            problems += _compare(hub, compared, skipped)
    for problem in problems:
        out.line(problem)
    for account, why in skipped.items():
        out.line(_("{account} was not compared: {why}").format(account=account, why=why))
    count = len(problems)
    out.line(
        ngettext("{count} problem found.", "{count} problems found.", count).format(count=count)
        if problems
        else _("The database is sound.")
    )
    code = HubError.exit_code if problems else PARTLY if skipped else 0
    shape: dict[str, object] = {"problems": problems}
    if remote:
        shape |= {"compared": compared, "not_compared": skipped}
    out.done(shape, code)


def _compare(hub: Hub, compared: list[str], skipped: dict[str, str]) -> list[str]:
    """Hold every account that publishes against its network; note which were, and why others were not."""
    from hub.publishing import audit

    problems: list[str] = []
    for account in hub.settings.accounts:
        adapter = hub.adapter(account)
        if not isinstance(adapter, Publisher):
            continue
        if not isinstance(adapter, Timeline):
            skipped[account] = _("{platform} cannot list our posts").format(platform=adapter.platform)
            continue
        try:
            problems += [f"{account}: {one}" for one in audit.compare(hub.store, adapter)]
            compared.append(account)
        except HubError as error:
            skipped[account] = adapter.http.redact(str(error))
    return problems


@command(
    "backup",
    help=_("Copy the database to a new file while it is in use."),
    epilog=_("The file is a SQLite database, whatever kind the hub's own is of."),
)
@click.argument("path", type=click.Path(path_type=Path))
def backup(out: Output, path: Path) -> None:
    """Copy it whole or not at all."""
    with _store(out) as store, progress() as told:
        copy_away(store, path, told)
    size = path.stat().st_size
    out.line(_("Copied to {file} ({size} bytes).").format(file=path, size=size))
    out.done({"file": str(path), "bytes": size})


@contextmanager
def _store(out: Output, *, must_exist: bool = True) -> Iterator[Store]:
    settings = read_settings(out)
    store = Store.open(settings.database_url)
    try:
        if must_exist and store.is_sqlite and not Path(str(store.engine.url.database)).exists():
            raise UsageError(
                "there is no database {file} yet",
                hint="`hub db upgrade` makes it",
                file=store.engine.url.database,
            )
        yield store
    finally:
        store.close()


for _command in (upgrade, verify, backup, restore, move):
    db.add_command(_command)
