"""`hub inbox` and `hub mention`: what others said as work, and what is to be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

from hub.cli import arguments
from hub.cli.opening import open_store
from hub.cli.output import Output, command, iso, limit_option, one_line
from hub.cli.person import who
from hub.cli.shapes import mention_shape
from hub.discussions import desk
from hub.discussions.query import parse
from hub.errors import UsageError
from hub.i18n import N_, _, ngettext
from hub.scheduling.hub import Hub
from hub.store.desk import replies
from hub.users import people
from hub.users.roles import Role, User
from hub.words import word

_by = click.option(
    "--as", "name", metavar="USER", help=_("The user who does it; without it, you at this machine.")
)
_ids = click.argument("ids", type=click.IntRange(1), nargs=-1, required=True, metavar="ID…")


def user_of(hub: Hub, name: str | None) -> User:
    """Return the user of this name; without a name, the person at the machine, who may do everything."""
    return User(0, who(), Role.OWNER) if name is None else people.find(hub.store, name).user


@command("inbox", help=_("List what others said to us or about us, newest first."), dashes=True)
@click.argument("query", nargs=-1)
@click.option("--account", metavar="NAME", help=_("Only what was said to this account."))
@click.option("--before", type=click.IntRange(1), metavar="ID", help=_("Only mentions older than this one."))
@click.option("--as", "name", metavar="USER", help=_("As this user sees it: `assignee:me`, `is:unread`."))
@limit_option
def inbox(
    out: Output, query: Sequence[str], account: str | None, before: int | None, name: str | None, limit: int | None
) -> None:
    """Show the newest mentions, each with the number that `hub reply` takes.

    QUERY is in the language of the page: `status:new,open label:urgent "exact words"`.
    """
    with open_store(out) as hub:
        wanted = parse(arguments.checked(" ".join(query), N_("the query")), hub.settings.zone)
        if account is not None:
            if account not in hub.settings.accounts:
                raise arguments.unknown_account(account, hub.settings.accounts, hub.settings.path)
            wanted = wanted._replace(accounts=(account,))
        if before is not None and (wanted.before or wanted.after):
            raise UsageError("--before names a mention, and the query a day", hint="give one of them")
        cursor = None if before is None else f"n0.{before}"
        user = user_of(hub, name)
        found = desk.page(hub.store, wanted, user, hub.clock(), cursor=cursor, limit=out.most(limit)).items
    for item in found:
        _print(out, item)
    if not found:
        out.line(_("There is no such mention.") if query or account else _("Nobody said anything yet."))
    out.done({"mentions": [item_shape(item) for item in found]})


def item_shape(item: desk.Item) -> dict[str, Any]:
    """Return a mention, and how the work on it stands."""
    return {
        **mention_shape(item.mention),
        "status": item.status,
        "assignee": None if item.assignee is None else item.assignee.name,
        "labels": list(item.labels),
        "snoozed_until": iso(item.snoozed_until),
        "answered_at": iso(item.answered_at),
        "unread": item.unread,
        "notes": item.notes,
        "replies": item.replies,
    }


def _print(out: Output, item: desk.Item) -> None:
    mention = item.mention
    author = mention.author_name or mention.author_handle or _("somebody")
    marks = _("[deleted]") if mention.deleted_at else _("[edited]") if mention.edited_at else ""
    place = _("discussion {id}").format(id=mention.discussion)
    given = _("given to {name}").format(name=item.assignee.name) if item.assignee else ""
    state = word(item.status)
    if item.snoozed_until is not None:
        state = _("snoozed until {time}").format(time=out.when(item.snoozed_until))
    facts = (out.when(mention.sent_at), mention.account, word(mention.kind), author, place, state, given, marks)
    labels = "  ".join(f"[{label}]" for label in item.labels)
    out.line(f"{mention.id}  " + "  ".join(one_line(fact) for fact in (*facts, labels) if fact))
    for line in mention.text.splitlines():
        out.line("    " + line)
    if mention.url:
        out.line("    " + mention.url)


@click.group("mention", help=_("Show a mention with all that was done about it, or do something about it."))
def mention() -> None:
    """Gather what can be done with mentions."""


@command("show", help=_("Show a mention, its notes, our answers, and who did what."))
@click.argument("mention_id", type=click.IntRange(1), metavar="ID")
def show(out: Output, mention_id: int) -> None:
    """Show one mention with everything that the team knows of it."""
    with open_store(out) as hub:
        item = desk.item(hub.store, mention_id, user_of(hub, None), hub.clock())
        notes = desk.notes(hub.store, mention_id)
        events = desk.history(hub.store, mention_id)
        with hub.store.read() as connection:
            answers = replies.of_mention(connection, mention_id)
    _print(out, item)
    for note in notes:
        _said(out, note.at, note.by.name, _("wrote a note"), note.text)
    for answer in answers:
        state = _("our answer: {state}").format(state=word(answer.state))
        _said(out, answer.at, answer.by or answer.account, state, answer.text)
    for event in events:
        _said(out, event.at, event.by.name, word(event.kind), word(event.detail))
    out.done(
        {
            "mention": item_shape(item),
            "notes": [{"id": one.id, "by": one.by.name, "text": one.text, "at": iso(one.at)} for one in notes],
            "replies": [
                {
                    "id": one.id,
                    "by": one.by,
                    "text": one.text,
                    "state": one.state,
                    "url": one.url,
                    "error": one.error,
                    "at": iso(one.at),
                }
                for one in answers
            ],
            "history": [
                {"by": one.by.name, "kind": one.kind, "detail": one.detail, "at": iso(one.at)} for one in events
            ],
        }
    )


def _said(out: Output, at: datetime, name: str, what: str, text: str) -> None:
    out.line("    " + "  ".join(one_line(part) for part in (out.when(at), name, what, text) if part))


@command("status", help=_("Give mentions a state: new, open, waiting or done."))
@click.argument("status", metavar="STATE")
@_ids
@_by
def status(out: Output, status: str, ids: Sequence[int], name: str | None) -> None:
    """Set the state of mentions."""
    with open_store(out) as hub:
        changed = desk.set_status(hub.store, ids, status, user_of(hub, name), hub.clock())
    _done(out, changed)


@command("snooze", help=_("Put mentions aside until a time, as in --until '2026-12-01 10:00'."))
@_ids
@click.option("--until", required=True, metavar="TIME", help=_("When they come back, by the clock of the hub."))
@_by
def snooze(out: Output, ids: Sequence[int], until: str, name: str | None) -> None:
    """Let mentions come back later."""
    with open_store(out) as hub:
        moment = arguments.read_time(until, hub.settings.zone)
        changed = desk.set_status(hub.store, ids, "snoozed", user_of(hub, name), hub.clock(), moment)
    _done(out, changed)


@command("assign", help=_("Give mentions to somebody, or with --to nobody to nobody."))
@_ids
@click.option("--to", required=True, metavar="USER", help=_("Whose they are to be."))
@_by
def assign(out: Output, ids: Sequence[int], to: str, name: str | None) -> None:
    """Give mentions to one of the team."""
    with open_store(out) as hub:
        number = None if to.lower() == "nobody" else people.find(hub.store, to).user.id
        changed = desk.assign(hub.store, ids, number, user_of(hub, name), hub.clock())
    _done(out, changed)


@command("label", help=_("Put a label on mentions, or with --remove take it off."))
@click.argument("label")
@_ids
@click.option("--remove", is_flag=True, help=_("Take it off."))
@_by
def label(out: Output, label: str, ids: Sequence[int], remove: bool, name: str | None) -> None:
    """Sort mentions by a word."""
    word = arguments.checked(label, N_("the label"))
    change = desk.unlabel if remove else desk.label
    with open_store(out) as hub:
        changed = change(hub.store, ids, word, user_of(hub, name), hub.clock())
    _done(out, changed)


@command("note", help=_("Tell the team something about a mention; no network learns of it."))
@click.argument("mention_id", type=click.IntRange(1), metavar="ID")
@click.argument("text")
@_by
def note(out: Output, mention_id: int, text: str, name: str | None) -> None:
    """Write a private note; `-` reads it from stdin."""
    words = arguments.read_text(text, N_("the note"))
    with open_store(out) as hub:
        number = desk.add_note(hub.store, mention_id, words, user_of(hub, name), hub.clock())
    out.line(_("Noted."))
    out.done({"note": number, "mention": mention_id})


def _done(out: Output, changed: Sequence[int]) -> None:
    count = len(changed)
    out.line(ngettext("{count} mention changed.", "{count} mentions changed.", count).format(count=count))
    out.done({"changed": list(changed)})


for _one in (show, status, snooze, assign, label, note):
    mention.add_command(_one)
