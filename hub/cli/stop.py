"""`hub stop` and `hub resume`: keeps the hub from writing to any network, and lets it go on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click
from sqlalchemy.engine import Connection

from hub.cli import arguments
from hub.cli.opening import open_store
from hub.cli.output import Output, command, iso, one_line
from hub.cli.person import who
from hub.i18n import N_, _
from hub.scheduling.hub import CONTACTS, PUBLISH, Hub
from hub.store.running import accounts, switches
from hub.store.running.switches import Stop


@command(
    "stop",
    help=_("Stop the hub: nothing is written to any network until `hub resume`."),
    epilog=_(
        "It holds at once, for every process on this database. What is on its way arrives; what waits keeps its "
        "place. Reading goes on."
    ),
)
@click.option("--reason", default="", metavar="TEXT", help=_("Why, for those who meet it."))
def stop(out: Output, reason: str) -> None:
    """Throw the switch; one that is thrown already stays as it is."""
    why = arguments.checked(reason, N_("the reason")).strip()
    with open_store(out) as hub:
        held, changed = hub.store.write(switches.stop, why, who(), hub.clock())
    if changed:
        out.line(_("The hub is stopped: nothing is sent until `hub resume`; reading goes on."))
    else:
        out.line(_stopped_text(out, held))
    out.done({"changed": changed, "stopped": _shape(held)})


@command("resume", help=_("Let a stopped hub go on."))
def resume(out: Output) -> None:
    """Take the switch back; what waits goes out at the next tick."""
    with open_store(out) as hub:
        held = hub.store.write(_go_on, list(hub.settings.accounts), hub.clock())
    if held is None:
        out.line(_("The hub is not stopped."))
    else:
        out.line(
            _("The hub goes on; it was stopped at {time}. What waited goes out at the next `hub tick`.").format(
                time=out.when(held.since)
            )
        )
    out.done({"changed": held is not None, "stopped": None})


def _go_on(connection: Connection, names: Sequence[str], now: datetime) -> Stop | None:
    held = switches.resume(connection)
    if held is not None:
        for kind in (PUBLISH, CONTACTS):
            accounts.hasten(connection, names, kind, now)
    return held


def say_if_stopped(out: Output, hub: Hub) -> dict[str, Any] | None:
    """Say on stderr that the hub is stopped; return what the JSON document says of it, None if it is going."""
    with hub.store.read() as connection:
        held = switches.stopped(connection)
    if held is None:
        return None
    out.say(_stopped_text(out, held))
    return _shape(held)


def _stopped_text(out: Output, held: Stop) -> str:
    text = _("The hub was stopped at {time} by {who}: nothing is sent until `hub resume`.").format(
        time=out.when(held.since), who=held.who
    )
    return f"{text} {_('Reason: {reason}').format(reason=one_line(held.reason))}" if held.reason else text


def _shape(held: Stop) -> dict[str, Any]:
    return {"since": iso(held.since), "reason": held.reason, "by": held.who}
