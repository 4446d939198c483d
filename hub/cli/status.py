"""`hub status`: who does the work, how much of it is due, and which accounts wait longest."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from hub import dates
from hub.cli.opening import open_store
from hub.cli.output import PARTLY, Output, command, iso
from hub.i18n import _, ngettext
from hub.scheduling import standing
from hub.scheduling.standing import Standing
from hub.store import migrate


@command("status", help=_("Say who does the work, how much is due, and who waits longest."))
@click.option("--all", "everything", is_flag=True, help=_("Show every account that waits."))
def status(out: Output, everything: bool) -> None:
    """Ask the store alone; exit 5 if nobody works, or if work has been due for a quarter of an hour."""
    with open_store(out) as hub:
        with hub.store.read() as connection:
            found = standing.of(hub, connection, hub.clock(), None if everything else 10)
        schema = migrate.version(hub.store) or ""
        database = "sqlite" if hub.store.is_sqlite else "postgresql"
    _print_workers(out, found)
    _print_work(out, found)
    out.line(
        _("database: {kind}, schema {schema}; engine: {engine}").format(
            kind=database, schema=schema, engine=found.engine
        )
    )
    out.done({"database": database, "schema": schema, **_shape(found)}, 0 if found.is_well else PARTLY)


def _print_workers(out: Output, found: Standing) -> None:
    if not found.alive:
        out.line(_("nobody does the work: begin `hub run`, or `hub worker` on PostgreSQL, or see to `hub tick`"))
    rows = [
        (
            worker.host,
            worker.pid,
            f"hub {worker.how}",
            standing.said(worker, found.at),
            _("{span} ago").format(span=dates.span(found.at - worker.beat_at)),
            f"{worker.running}/{worker.turns}",
            out.when(worker.started_at),
            worker.version,
        )
        for worker in found.workers
    ]
    if rows:
        headers = (_("machine"), _("process"), _("command"), _("state"), _("last sign of life"))
        out.table((*headers, _("turns"), _("since"), _("version")), rows)


def _print_work(out: Output, found: Standing) -> None:
    if found.stopped is not None:
        out.line(_("the hub is stopped; `hub resume` lets it go on"))
    stats = found.stats
    facts = [
        ngettext("{count} account is due", "{count} accounts are due", stats.depth).format(count=stats.depth),
        ngettext("{count} turn is under way", "{count} turns are under way", stats.running).format(
            count=stats.running
        ),
    ]
    if stats.depth:
        facts.insert(1, _("the first for {span}").format(span=dates.span(found.behind)))
    if stats.ready:
        facts.append(
            ngettext("{count} message is queued", "{count} messages are queued", stats.ready).format(
                count=stats.ready
            )
        )
    out.line(", ".join(facts))
    for lag in found.lags:
        running = ", " + _("its turn is under way") if lag.running else ""
        said = _("due for {span}").format(span=dates.span(found.at - lag.due_at))
        out.line(f"  {lag.account}: {said}{running}")
    for one in found.held:
        said = _("left alone until {time}").format(time=out.when(one.until))
        out.line(f"  {one.name}: {said}" + (f" ({one.why})" if one.why else ""))


def _shape(found: Standing) -> dict[str, Any]:
    def age(moment: datetime) -> float:
        return max((found.at - moment).total_seconds(), 0.0)

    return {
        "engine": found.engine,
        "alive": len(found.alive),
        "stopped": found.stopped is not None,
        "workers": [
            {
                "name": worker.name,
                "host": worker.host,
                "pid": worker.pid,
                "command": worker.how,
                "state": worker.state,
                "alive": worker.is_alive(found.at),
                "heartbeat_age": age(worker.beat_at),
                "turns": worker.turns,
                "running": worker.running,
                "started_at": iso(worker.started_at),
                "version": worker.version,
            }
            for worker in found.workers
        ],
        "due": found.stats.depth,
        "oldest_due_at": iso(found.stats.oldest_due),
        "behind": found.behind.total_seconds(),
        "running": found.stats.running,
        "queued": found.stats.ready,
        "waiting": [
            {"account": lag.account, "due_at": iso(lag.due_at), "lag": age(lag.due_at), "running": lag.running}
            for lag in found.lags
        ],
        "left_alone": [{"name": one.name, "until": iso(one.until), "why": one.why} for one in found.held],
    }
