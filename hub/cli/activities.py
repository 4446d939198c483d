"""`hub activities`: what was told to the CRMs by rule, and what a person must decide about it."""

from __future__ import annotations

from typing import Any

import click

from hub.adapter import ContactSync
from hub.cli import arguments
from hub.cli.opening import open_hub, open_store
from hub.cli.output import Output, command, iso, limit_option, shared_options, short
from hub.contacts.activities import gathering, telling
from hub.errors import UsageError
from hub.i18n import _, ngettext
from hub.store.crm import activities as kept
from hub.store.crm.activities import Activity
from hub.words import word

_STATES = ("queued", "sending", "waiting", "sent", "asked", "failed", "dropped")


@click.group(
    "activities",
    invoke_without_command=True,
    help=_("List the notes, tasks and leads that the CRMs are given by rule."),
)
@click.option("--rule", metavar="NAME", help=_("Only those of this rule."))
@click.option("--state", "states", type=click.Choice(_STATES), multiple=True, help=_("Only those in this state."))
@limit_option
@click.pass_context
def activities(context: click.Context, rule: str | None, states: tuple[str, ...], limit: int | None) -> None:
    """List them, newest first, unless a command is named."""
    if context.invoked_subcommand is not None:
        return
    out = context.find_object(Output) or Output()
    with open_store(out) as hub, hub.store.read() as connection:
        found = kept.listed(connection, out.most(limit), rule=rule, states=states)
    rows = [
        (
            one.id,
            out.when(one.updated_at),
            one.account,
            one.rule,
            word(one.make),
            "" if one.mention_id is None else f"#{one.mention_id}",
            word(one.state),
            one.url if one.state == "sent" else short(one.error, 100),
        )
        for one in found
    ]
    if rows:
        heads = (_("id"), _("when"), _("CRM"), _("rule"), _("what"), _("mention"), _("state"), _("where or why"))
        out.table(heads, rows)
    else:
        out.line(_("There are none."))
    if any(one.state in ("asked", "failed") for one in found):
        out.say(_("`hub activities settle ID` says with --sent, --again or --drop what becomes of one."))
    out.done({"activities": [activity_shape(one) for one in found]})


def activity_shape(activity: Activity) -> dict[str, Any]:
    """Return an activity as scripts see it."""
    return {
        "id": activity.id,
        "account": activity.account,
        "rule": activity.rule,
        "make": activity.make,
        "mention": activity.mention_id,
        "state": activity.state,
        "record": activity.record_id or None,
        "remote_id": activity.remote_id or None,
        "url": activity.url,
        "attempts": activity.attempts,
        "due_at": iso(activity.due_at),
        "error": activity.error,
        "created_at": iso(activity.created_at),
        "updated_at": iso(activity.updated_at),
    }


@command("settle", help=_("Decide what becomes of one that was refused, or that may be in the CRM or not."))
@click.argument("activity_id", type=click.IntRange(1), metavar="ID")
@click.option("--sent", is_flag=True, help=_("It is in the CRM."))
@click.option("--again", is_flag=True, help=_("It is not in the CRM: tell it again."))
@click.option("--drop", is_flag=True, help=_("Leave it be."))
def settle(out: Output, activity_id: int, sent: bool, again: bool, drop: bool) -> None:
    """Write down a person's word."""
    if [sent, again, drop].count(True) != 1:
        raise UsageError("say one of --sent, --again and --drop", hint="look in the CRM whether it is there")
    with open_store(out) as hub:
        settled = telling.decide(hub.store, activity_id, hub.clock(), sent=sent, again=again)
    out.line(_("Activity {id} is now: {state}").format(id=settled.id, state=word(settled.state)))
    out.done({"activity": activity_shape(settled)})


@command("run", help=_("Let a rule look at what was said before it was there."))
@click.argument("rule", metavar="RULE")
@click.option("--since", metavar="DAY", required=True, help=_("The first day that counts, such as 2026-11-01."))
def run(out: Output, rule: str, since: str) -> None:
    """Queue what the rule makes of the past; it is told by the next exchanges with the CRM."""
    with open_hub(out) as hub:
        section = hub.settings.activities.get(rule)
        if section is None:
            known = ", ".join(hub.settings.activities) or "-"
            raise UsageError("there is no rule {name}", hint="the rules are: {known}", name=rule, known=known)
        adapter = hub.adapter(section.account)
        assert isinstance(adapter, ContactSync)
        moment = arguments.read_time(since, hub.settings.zone)
        count = gathering.run(hub.store, hub.settings, adapter, rule, moment, hub.clock())
    out.line(ngettext("{count} is queued.", "{count} are queued.", count).format(count=count))
    out.done({"queued": count})


activities.add_command(settle)
activities.add_command(run)
activities.params += shared_options()
