"""`hub db restore`: puts a backup in the place of the database."""

from __future__ import annotations

from pathlib import Path

import click

from hub.cli.db_move import even_so, progress
from hub.cli.opening import read_settings
from hub.cli.output import Output, command
from hub.i18n import _, ngettext
from hub.scheduling.hub import clock_of
from hub.scheduling.process import alive
from hub.store import Store
from hub.store.moving.restore import restore as put_back
from hub.store.moving.restored import Doubts


@command(
    "restore", help=_("Put a backup in the place of the database, and look for what may have gone out since it.")
)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help=_("Replace a database that holds something; it is kept in a file."))
@click.option(
    "--nothing-since",
    is_flag=True,
    help=_("The hub has done nothing since the backup was made: nothing is in doubt."),
)
@even_so
def restore(out: Output, path: Path, replace: bool, nothing_since: bool, even_so: bool) -> None:
    """Put it back, stopped unless nothing can be in doubt, and say what is."""
    settings = read_settings(out)
    store = Store.open(settings.database_url)
    try:
        with progress() as told:
            done = put_back(
                path,
                store,
                settings.folder,
                clock_of(store)(),
                alive=alive,
                reason=_("restored from {file}").format(file=path),
                progress=told,
                replace=replace,
                as_it_was=nothing_since,
                even_so=even_so,
            )
    finally:
        store.close()
    out.line(_("{file} is the hub's database now.").format(file=path))
    if done.kept:
        out.line(_("What was there is in {file}.").format(file=done.kept))
    if done.doubts:
        _say(out, done.doubts)
    out.done(
        {
            "file": str(path),
            "kept": str(done.kept) if done.kept else None,
            "in_doubt": done.doubts._asdict() if done.doubts else None,
            "stopped": done.doubts is not None,
        }
    )


def _say(out: Output, doubts: Doubts) -> None:
    """Say what may have gone out since the backup was made, and how to go on."""
    out.line(
        ngettext(
            "{count} delivery was due before now and may be out.",
            "{count} deliveries were due before now and may be out.",
            doubts.deliveries,
        ).format(count=doubts.deliveries)
    )
    if doubts.activities:
        out.line(
            ngettext(
                "{count} note, task or lead may be in its CRM; `hub activities` lists it.",
                "{count} notes, tasks and leads may be in their CRMs; `hub activities` lists them.",
                doubts.activities,
            ).format(count=doubts.activities)
        )
    out.line(_("The hub is stopped. `hub tick` looks on the networks for what may be out;"))
    out.line(_("`hub posts --state asked` then lists what it does not find. `hub resume` lets the hub go on."))
