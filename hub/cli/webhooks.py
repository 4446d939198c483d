"""`hub webhooks`: who is told of what, what waits, what was given up, and what to do about it."""

from __future__ import annotations

from typing import Any

import click

from hub.cli.opening import open_store
from hub.cli.output import Output, command, iso, limit_option, shared_options, short
from hub.errors import UnavailableError, UsageError
from hub.i18n import _, ngettext
from hub.scheduling.hub import Hub
from hub.scheduling.webhooks import send_test
from hub.store.running import webhooks as line
from hub.store.running.webhooks import Condition, Notice

_STATES = ("queued", "sent", "dead")


@click.group(
    "webhooks",
    invoke_without_command=True,
    help=_("List the webhooks, and look after what they were not told."),
)
@click.option("--dead", is_flag=True, help=_("List what was given up, with what the receiver said."))
@limit_option
@click.pass_context
def webhooks(context: click.Context, dead: bool, limit: int | None) -> None:
    """List them, unless a command is named."""
    if context.invoked_subcommand is not None:
        return
    out = context.find_object(Output) or Output()
    with open_store(out) as hub:
        if dead:
            _list_dead(out, hub, limit)
        else:
            _list(out, hub)


def _list(out: Output, hub: Hub) -> None:
    with hub.store.read() as connection:
        conditions = line.conditions(connection)
        counts = line.count_by_state(connection)
    shapes = [
        _shape(hub, name, conditions.get(name), counts.get(name, {}))
        for name in (*hub.settings.webhooks, *(name for name in counts if name not in hub.settings.webhooks))
    ]
    for shape in shapes:
        out.line(f"{shape['name']}: {shape['url'] or _('hub.toml has no such webhook any more')}")
        out.line(
            "  " + _("{queued} waiting, {sent} sent, {dead} given up").format(**{s: shape[s] for s in _STATES})
        )
        if shape["events"]:
            out.line("  " + _("told of: {events}").format(events=", ".join(shape["events"])))
        if shape["error"]:
            out.line("  " + _("last error: {error}").format(error=short(shape["error"], 200)))
        condition = conditions.get(str(shape["name"]))
        if condition is not None and condition.not_before is not None and shape["queued"]:
            out.line("  " + _("next try at {time}").format(time=out.when(condition.not_before)))
    if not shapes:
        out.line(_("There are no webhooks; add [webhooks.NAME] tables to {file}.").format(file=hub.settings.path))
    elif any(shape["dead"] for shape in shapes):
        out.say(_("`hub webhooks --dead` shows what was given up."))
    out.done({"webhooks": shapes})


def _shape(hub: Hub, name: str, condition: Condition | None, counts: dict[str, int]) -> dict[str, Any]:
    section = hub.settings.webhooks.get(name)
    return {
        "name": name,
        "url": section.place if section else "",
        "events": list(section.events) if section else [],
        **{state: counts.get(state, 0) for state in _STATES},
        "failures": condition.failures if condition else 0,
        "error": condition.error if condition else "",
        "next_at": iso(condition.not_before) if condition else None,
    }


def _list_dead(out: Output, hub: Hub, limit: int | None) -> None:
    with hub.store.read() as connection:
        found = line.dead(connection, out.most(limit))
    rows = [(one.id, one.hook, out.when(one.created_at), one.event, one.attempts, one.error) for one in found]
    if rows:
        out.table((_("id"), _("webhook"), _("when"), _("event"), _("tries"), _("last error")), rows)
        out.say(_("`hub webhooks retry ID` sends one again, `hub webhooks drop ID` forgets it."))
    else:
        out.line(_("Nothing was given up."))
    out.done({"dead": [_notice_shape(one) for one in found]})


def _notice_shape(notice: Notice) -> dict[str, Any]:
    return {
        "id": notice.id,
        "webhook": notice.hook,
        "message": notice.message,
        "event": notice.event,
        "body": notice.body,
        "created_at": iso(notice.created_at),
        "attempts": notice.attempts,
        "error": notice.error,
    }


_all_option = click.option("--all", "everything", is_flag=True, help=_("All that was given up."))
_id_argument = click.argument("notice_id", metavar="[ID]", type=click.IntRange(1), required=False)


@command("retry", help=_("Send what was given up again, or what waits at once; at the next tick."))
@_id_argument
@_all_option
def retry(out: Output, notice_id: int | None, everything: bool) -> None:
    """Put notices at their place in the line again, as if they were new."""
    chosen = _chosen(notice_id, everything)
    with open_store(out) as hub:
        count = hub.store.write(line.retry, chosen, hub.clock())
    _answer(out, chosen, count, ngettext("{count} goes out again", "{count} go out again", count))


@command("drop", help=_("Forget what was given up, or one that waits."))
@_id_argument
@_all_option
def drop(out: Output, notice_id: int | None, everything: bool) -> None:
    """Forget notices; with --all also those for webhooks that hub.toml no longer has."""
    chosen = _chosen(notice_id, everything)
    with open_store(out) as hub:
        count = hub.store.write(line.drop, chosen, list(hub.settings.webhooks))
    _answer(out, chosen, count, ngettext("{count} forgotten", "{count} forgotten", count))


def _chosen(notice_id: int | None, everything: bool) -> int | None:
    if (notice_id is None) != everything:
        raise UsageError("say an ID or --all", hint="`hub webhooks --dead` lists them")
    return notice_id


def _answer(out: Output, notice_id: int | None, count: int, said: str) -> None:
    if notice_id is not None and not count:
        raise UsageError(
            "there is no notice {id}, or it was sent", hint="`hub webhooks --dead` lists them", id=notice_id
        )
    out.line(said.format(count=count))
    out.done({"count": count})


@command(
    "test",
    help=_("Send a signed webhook.test at once, and show the answer."),
)
@click.argument("name")
def test(out: Output, name: str) -> None:
    """Call one webhook; nothing is stored."""
    with open_store(out) as hub:
        response = send_test(hub, name)
    if not response.taken:
        raise UnavailableError(
            "{name} did not take it: {said}",
            hint="the receiver must answer 2xx; a secret that differs there shows as 401 or 403",
            name=name,
            said=response.said,
        )
    out.line(_("{name} took it: {said}").format(name=name, said=response.said))
    out.done({"webhook": name, "status": response.status, "said": response.said})


webhooks.params += shared_options()
for _one in (retry, drop, test):
    webhooks.add_command(_one)
