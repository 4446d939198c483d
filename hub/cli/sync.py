"""`hub sync`: brings a CRM and the hub in step now, or shows what that would do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from hub.cli.failures import failure_of
from hub.cli.opening import open_hub
from hub.cli.output import PARTLY, Output, command
from hub.i18n import _, ngettext

if TYPE_CHECKING:
    from hub.contacts.crm.planning import Step
    from hub.scheduling.hub import Hub
    from hub.scheduling.report import Report


@command(
    "sync",
    help=_("Bring the CRMs and the hub in step now, or show what that would do."),
    epilog=_(
        "With --dry-run nothing is written on any side: each creation, change and deletion is shown instead."
    ),
)
@click.argument("account", required=False)
@click.option("--dry-run", is_flag=True, help=_("Show what would be done, and do nothing."))
@click.option(
    "--accept-deletions", is_flag=True, help=_("Many deletions at once are meant: let them be carried out.")
)
def sync(out: Output, account: str | None, dry_run: bool, accept_deletions: bool) -> None:
    """Sync one account, or all that hold contacts."""
    with open_hub(out) as hub:
        names = _accounts(hub, account)
        if accept_deletions:
            hub.accepted.update(names)
        if dry_run:
            _show(out, hub, names)
        else:
            _sync(out, hub, names)


def _accounts(hub: Hub, account: str | None) -> list[str]:
    from hub.adapter import ContactSync
    from hub.errors import UsageError
    from hub.scheduling.hub import CONTACTS

    if account is None:
        names = [name for name in hub.settings.accounts if CONTACTS in hub.kinds(name)]
        if not names:
            raise UsageError("no account holds contacts", hint="`hub plugins` lists the platforms that do")
        return names
    if not isinstance(hub.adapter(account), ContactSync):
        raise UsageError("account {account} holds no contacts", hint="name that of a CRM", account=account)
    return [account]


def _sync(out: Output, hub: Hub, names: Sequence[str]) -> None:
    from hub.scheduling.hub import CONTACTS
    from hub.scheduling.tick import Scheduler

    scheduler = Scheduler(hub, how="sync")
    try:
        reports = [scheduler.take(name, [CONTACTS]) for name in names]
    finally:
        scheduler.close()
    for report in reports:
        _tell(out, report)
    failed = [report for report in reports if report.errors]
    code = 0 if not failed else failed[0].errors[0].exit_code if len(failed) == len(reports) else PARTLY
    out.done(
        {
            "accounts": {
                report.account: {
                    "pulled": report.counts["pulled"],
                    "pushed": report.counts["pushed"],
                    "conflicts": report.counts["conflicts"],
                    "gone": report.counts["gone"],
                    "deleted": report.counts["deleted contacts"],
                    "noted": report.counts["noted"],
                    "errors": [
                        {"code": one.code, "message": one.message, "hint": one.hint}
                        for one in (failure_of(error, out.folder) for error in report.errors)
                    ],
                }
                for report in reports
            }
        },
        code,
    )


def _tell(out: Output, report: Report) -> None:
    counts = report.counts
    said = [
        ngettext("{count} contact taken in", "{count} contacts taken in", counts["pulled"]).format(
            count=counts["pulled"]
        ),
        ngettext("{count} contact given to the CRM", "{count} contacts given to the CRM", counts["pushed"]).format(
            count=counts["pushed"]
        ),
    ]
    if counts["conflicts"]:
        said.append(
            ngettext("{count} conflict to decide", "{count} conflicts to decide", counts["conflicts"]).format(
                count=counts["conflicts"]
            )
        )
    if counts["gone"]:
        said.append(
            ngettext("{count} record gone there", "{count} records gone there", counts["gone"]).format(
                count=counts["gone"]
            )
        )
    if counts["deleted contacts"]:
        said.append(
            ngettext(
                "{count} record deleted there", "{count} records deleted there", counts["deleted contacts"]
            ).format(count=counts["deleted contacts"])
        )
    out.line(f"{report.account}: " + ", ".join(said))
    for error in report.errors:
        failure = failure_of(error, out.folder)
        out.say(f"{report.account}: {failure.message}" + (f"\n  {failure.hint}" if failure.hint else ""))
    if counts["conflicts"]:
        out.say(_("Decide with `hub contacts conflicts`."))


def _show(out: Output, hub: Hub, names: Sequence[str]) -> None:
    from hub.adapter import ContactSync
    from hub.contacts.crm.planning import plan
    from hub.scheduling.turn import exchange_of

    steps: list[Step] = []
    for name in names:
        adapter = hub.adapter(name)
        assert isinstance(adapter, ContactSync)
        steps += plan(exchange_of(hub, adapter, 0))
    for step in steps:
        out.line(f"{step.account}: {_said(step)}")
    if not steps:
        out.line(_("Both sides agree: a sync would change nothing."))
    out.done({"dry_run": True, "steps": [step._asdict() for step in steps]})


def _said(step: Step) -> str:
    name = step.name or step.remote_id or f"#{step.contact_id}"
    match step.where, step.what:
        case "here", "create":
            return _("a new contact here: {name}").format(name=name)
        case "there", "create":
            return _("a new record there: {name}").format(name=name)
        case _where, "join":
            return _("record {remote_id} is {name}, who is here").format(remote_id=step.remote_id, name=name)
        case "here", "change":
            said = _("{name} here: {field} from “{before}” to “{after}”")
        case "there", "change":
            said = _("{name} there: {field} from “{before}” to “{after}”")
        case "here", "delete":
            return _("{name} is gone there and is deleted here").format(name=name)
        case "there", "delete":
            return _("{name} is deleted here and is deleted there").format(name=name)
        case _where, "ask" if step.field:
            said = _("{name}: both sides changed {field}; you are asked: “{before}” here, “{after}” there")
        case _where, "ask":
            return _("{name}: deleted on one side; you are asked").format(name=name)
        case _:
            return _("{count} of {total} records would be deleted: the sync stops").format(
                count=step.after, total=step.before
            )
    return said.format(name=name, field=step.field, before=step.before, after=step.after)
