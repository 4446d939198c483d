"""`hub drafts`: what is being written, what waits for approval, and a yes or a no to it from the machine."""

from __future__ import annotations

from typing import Any

import click

from hub.cli import arguments
from hub.cli.opening import open_hub, open_store
from hub.cli.output import Output, command, iso, limit_option, shared_options, short
from hub.cli.person import who
from hub.errors import UsageError
from hub.i18n import N_, _
from hub.publishing import drafts as desk
from hub.publishing import planning
from hub.scheduling.hub import Hub
from hub.store.outbox import drafts as shelf
from hub.store.outbox.drafts import Draft, Event
from hub.users.roles import Role, User
from hub.words import word


@click.group(
    "drafts", invoke_without_command=True, help=_("List the drafts, and say yes or no to what waits for approval.")
)
@click.option("--state", type=click.Choice(desk.OPEN), help=_("Only drafts in this state."))
@limit_option
@click.pass_context
def drafts(context: click.Context, state: str | None, limit: int | None) -> None:
    """List them, unless a command is named."""
    if context.invoked_subcommand is not None:
        return
    out = context.find_object(Output) or Output()
    with open_store(out) as hub, hub.store.read() as connection:
        found = shelf.newest(connection, [state] if state else desk.OPEN, limit=out.most(limit))
    for draft in found:
        _line(out, draft)
    if not found:
        out.line(_("There are no such drafts."))
    out.done({"drafts": [_shape(draft) for draft in found]})


drafts.params += shared_options()


@command("show", help=_("Show a draft, and who did what to it."))
@click.argument("draft_id", type=click.IntRange(1))
def show(out: Output, draft_id: int) -> None:
    """Show all that was written, and its history."""
    with open_store(out) as hub:
        draft, history = desk.load(hub.store, draft_id, _admin())
    _line(out, draft)
    for line in draft.content.text.splitlines():
        out.line("    " + line)
    for account, text in draft.content.versions.items():
        out.line("  " + _("on {account}:").format(account=account))
        for line in text.splitlines():
            out.line("    " + line)
    for event in history:
        out.line("  ".join([out.when(event.at), event.by, word(event.what), short(event.note)]))
    out.done({"draft": {**_shape(draft), "events": [_event(event) for event in history]}})


@command("approve", help=_("Make a post of a draft."))
@click.argument("draft_id", type=click.IntRange(1))
@click.option("--seen", type=click.IntRange(1), metavar="VERSION", help=_("Only if it still is this version."))
def approve(out: Output, draft_id: int, seen: int | None) -> None:
    """Check it as `hub post` does, then accept it; approved twice it is one post."""
    with open_hub(out) as hub:
        draft, _history = desk.load(hub.store, draft_id, _admin())
        if draft.post_id is None:
            _check(hub, draft)
        version = draft.version if seen is None else seen
        post_id = desk.approve(hub.store, draft_id, version, _admin(), hub.settings.hub.late, hub.clock())
    out.line(_("Draft {id} is post {post} now.").format(id=draft_id, post=post_id))
    out.done({"draft": draft_id, "post": post_id})


@command("decline", help=_("Say no to a draft that waits for approval."))
@click.argument("draft_id", type=click.IntRange(1))
@click.option("--note", default="", metavar="TEXT", help=_("Why; its author reads this."))
def decline(out: Output, draft_id: int, note: str) -> None:
    """Give the draft back to its author."""
    why = arguments.checked(note, N_("the note")).strip()
    with open_hub(out) as hub:
        draft, _history = desk.load(hub.store, draft_id, _admin())
        desk.decline(hub.store, draft_id, draft.version, _admin(), hub.clock(), why)
    out.line(_("Draft {id} is declined.").format(id=draft_id))
    out.done({"draft": draft_id})


for _one in (show, approve, decline):
    drafts.add_command(_one)


def _admin() -> User:
    """Who works on the machine itself may do anything; the history names them."""
    return User(0, who(), Role.OWNER)


def _check(hub: Hub, draft: Draft) -> None:
    piece = desk.piece_of(hub.store, draft.content, draft.key)
    targets = draft.content.accounts
    for plan in planning.plan_all(hub, piece.post, piece.versions, targets, with_hooks=False):
        if plan.refused and plan.error is not None:
            raise UsageError(
                "{account} cannot take this post: {why}",
                hint=plan.error.hint or N_("nothing was stored; mend it, or leave the account out"),
                account=plan.account,
                why=plan.error,
            )


def _line(out: Output, draft: Draft) -> None:
    content = draft.content
    at = out.when(content.publish_at) if content.publish_at else _("as soon as it is published")
    facts = [str(draft.id), word(draft.state), draft.author, at, ", ".join(content.accounts)]
    out.line("  ".join([*facts, short(content.title or content.text or content.link)]))


def _shape(draft: Draft) -> dict[str, Any]:
    content = draft.content
    return {
        "id": draft.id,
        "key": draft.key,
        "version": draft.version,
        "state": draft.state,
        "author": draft.author,
        "text": content.text,
        "title": content.title,
        "link": content.link,
        "accounts": list(content.accounts),
        "versions": dict(content.versions),
        "images": [{"sha256": picture.sha256, "alt": picture.alt} for picture in content.pictures],
        "publish_at": iso(content.publish_at),
        "created_at": iso(draft.created_at),
        "updated_at": iso(draft.updated_at),
        "post": draft.post_id,
    }


def _event(event: Event) -> dict[str, Any]:
    return {
        "at": iso(event.at),
        "by": event.by,
        "what": event.what,
        "version": event.version,
        "note": event.note,
    }
