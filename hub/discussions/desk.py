"""The inbox as work: what is to be done with each mention, whose it is, and who is at it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

import regex
from sqlalchemy.engine import Connection

from hub.discussions.finding import filter_of, may_see
from hub.discussions.query import Query, parse
from hub.errors import UsageError
from hub.i18n import N_
from hub.models import check_text
from hub.store import Store
from hub.store.desk import attention, inbox, replies, work
from hub.store.desk.attention import View
from hub.store.desk.inbox import STATUSES, Key
from hub.store.desk.replies import SavedReply
from hub.store.desk.work import Event, Label, Note
from hub.store.discussions import mentions, search
from hub.store.discussions.mentions import StoredMention
from hub.store.team.who import Person, person
from hub.users.roles import Permission, User

__all__ = ["Event", "Label", "Note", "Person", "SavedReply", "View"]

T = TypeVar("T")

# How long a claim holds without a sign of life.
CLAIM = timedelta(minutes=2)
# A count goes no further: nobody reads more, and it would have to walk through all.
MOST_COUNTED = 1000
# What a saved reply may hold, and what stands there when it is used.
PLACES = ("author", "handle", "me")
_MOST_TEXT = 100_000
_MOST_NAME = 80
_PLACE = regex.compile(r"\{(\w+)\}")
_CURSOR = regex.compile(r"([np])(\d{1,15})\.(\d{1,18})")


class Item(NamedTuple):
    """A mention as a piece of work, as one of the team sees it."""

    mention: StoredMention
    status: str
    assignee: Person | None
    labels: tuple[str, ...]
    snoozed_until: datetime | None
    answered_at: datetime | None
    unread: bool
    notes: int
    replies: int


class Page(NamedTuple):
    """A page of the inbox, newest first; `next` and `previous` are the cursors of its neighbours."""

    items: Sequence[Item]
    next: str | None
    previous: str | None


class Counts(NamedTuple):
    """How many mentions there are of mine, of nobody's, and in all; each up to `MOST_COUNTED`."""

    mine: int
    unassigned: int
    all: int


class Claim(NamedTuple):
    """Who is answering a mention, and until when; `mine` says that it is whoever asked."""

    by: Person
    until: datetime
    mine: bool


def index(store: Store) -> None:
    """Let what came in be found by its words; nothing is written where nothing came."""
    while True:
        with store.read() as connection:
            if not search.is_behind(connection):
                return
        store.write(search.catch_up)


def page(
    store: Store, query: Query, user: User, now: datetime, *, cursor: str | None = None, limit: int = 50
) -> Page:
    """Return a page of what a query finds among what the user may see, the newest first.

    The order is that of coming in: what was found last stands first, also if it was said long ago. With `before:`
    or `after:` it is that of saying.
    """
    backward, beyond = _read_cursor(cursor)
    with store.read() as connection:
        wanted = filter_of(connection, query, user, now)
        found = inbox.find(connection, wanted, limit + 1, beyond=beyond, newer=backward)
        more = len(found) > limit
        keys = sorted(found[:limit], reverse=True)
        items = _items(connection, [key.id for key in keys], user, now)
        if not keys:
            return Page(items, None, None)
        # In the direction that one comes from there was something; it may be gone by now.
        back = inbox.find(connection, wanted, 1, beyond=keys[-1] if backward else keys[0], newer=not backward)
    older, newer = (bool(back), more) if backward else (more, bool(back))
    return Page(
        items,
        _write_cursor("n", keys[-1]) if older else None,
        _write_cursor("p", keys[0]) if newer else None,
    )


def item(store: Store, mention_id: int, user: User, now: datetime) -> Item:
    """Return one mention; raise `UsageError` if it is not there, is our own, or is not for this user."""
    with store.read() as connection:
        return _item(connection, mention_id, user, now)


def _item(connection: Connection, mention_id: int, user: User, now: datetime) -> Item:
    found = _items(connection, [mention_id], user, now)
    if not found or not may_see(user, found[0].mention.account):
        raise UsageError("there is no mention {id}", hint="`hub inbox` lists them", id=mention_id)
    return found[0]


def counts(store: Store, query: Query, user: User, now: datetime) -> Counts:
    """Count what a query finds: what is the user's, nobody's, and all; whatever the query says of assignees."""
    with store.read() as connection:
        wanted = filter_of(connection, query._replace(assignees=()), user, now)
        mine = inbox.count(connection, wanted._replace(assignees=(user.id,)), MOST_COUNTED)
        nobodys = inbox.count(connection, wanted._replace(assignees=(None,)), MOST_COUNTED)
        return Counts(mine, nobodys, inbox.count(connection, wanted, MOST_COUNTED))


def _items(connection: Connection, ids: Sequence[int], user: User, now: datetime) -> list[Item]:
    said = mentions.of_ids(connection, ids)
    states = work.states_of(connection, ids, user.id, now)
    return [
        Item(
            mention=said[one],
            status=states[one].status,
            assignee=states[one].assignee,
            labels=states[one].labels,
            snoozed_until=states[one].snoozed_until,
            answered_at=states[one].answered_at,
            unread=states[one].unread,
            notes=states[one].notes,
            replies=states[one].replies,
        )
        for one in ids
        if one in said and one in states
    ]


def _read_cursor(cursor: str | None) -> tuple[bool, Key | None]:
    if not cursor:
        return False, None
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise UsageError("this page of the inbox is none", hint="go back to the first page")
    return found[1] == "p", Key(int(found[2]), int(found[3]))


def _write_cursor(direction: str, key: Key) -> str:
    return f"{direction}{key.at}.{key.id}"


def set_status(
    store: Store, ids: Sequence[int], status: str, by: User, now: datetime, until: datetime | None = None
) -> Sequence[int]:
    """Give mentions a state; return those that it changed. `snoozed` needs a time to come: `until`."""
    if status not in STATUSES:
        raise UsageError(
            "{status} is no state", hint="it may be {choices}", status=status, choices=", ".join(STATUSES)
        )
    if (status == "snoozed") != (until is not None) or (until is not None and until <= now):
        raise UsageError("what is snoozed comes back at a time to come", hint="say when, and only for snoozed")
    return store.write(_changing, ids, by, lambda c: work.set_status(c, ids, status, by, now, until))


def assign(store: Store, ids: Sequence[int], user_id: int | None, by: User, now: datetime) -> Sequence[int]:
    """Give mentions to somebody, or to nobody; return those that changed hands."""

    def change(connection: Connection) -> list[int]:
        user = None if user_id is None else person(connection, user_id)
        if user_id is not None and user is None:
            raise UsageError("there is no user {id}", hint="`hub users` lists them", id=user_id)
        return work.assign(connection, ids, user, by, now)

    return store.write(_changing, ids, by, change)


def label(store: Store, ids: Sequence[int], name: str, by: User, now: datetime) -> Sequence[int]:
    """Put a label on mentions, made if it is new; return those that did not bear it."""
    name = _name(N_("the label"), name)
    return store.write(_changing, ids, by, lambda c: work.label(c, ids, name, by, now))


def unlabel(store: Store, ids: Sequence[int], name: str, by: User, now: datetime) -> Sequence[int]:
    """Take a label off mentions; return those that bore it. A label that nothing bears is forgotten."""
    return store.write(_changing, ids, by, lambda c: work.unlabel(c, ids, name.strip(), by, now))


def labels(store: Store) -> Sequence[Label]:
    """Return the labels there are, by name."""
    with store.read() as connection:
        return work.all_labels(connection)


def add_note(store: Store, mention_id: int, text: str, by: User, now: datetime) -> int:
    """Tell the team something about a mention; no network learns of it."""
    text = _text(N_("the note"), text)
    return store.write(_changing, [mention_id], by, lambda c: work.add_note(c, mention_id, text, by, now))


def notes(store: Store, mention_id: int) -> Sequence[Note]:
    """Return the private notes on a mention, oldest first."""
    with store.read() as connection:
        return work.notes(connection, mention_id)


def history(store: Store, mention_id: int) -> Sequence[Event]:
    """Return who did what with a mention, and when, oldest first."""
    with store.read() as connection:
        return work.history(connection, mention_id)


def mark_read(store: Store, ids: Sequence[int], by: User, now: datetime) -> None:
    """Note that somebody has read mentions; what was new is open then, if they may answer."""

    def change(connection: Connection) -> None:
        attention.mark(connection, ids, by.id, unread=False)
        if by.may(Permission.RESPOND):
            work.open_new(connection, ids, by, now)

    store.write(_changing, ids, by, change)


def mark_unread(store: Store, ids: Sequence[int], by: User, now: datetime) -> None:
    """Let mentions count as unread by somebody."""
    store.write(_changing, ids, by, lambda c: attention.mark(c, ids, by.id, unread=True))


def mark_all_read(store: Store, by: User) -> None:
    """Note that somebody has read all there is; its state stays as it is."""
    store.write(attention.read_all, by.id)


def claim(store: Store, mention_id: int, by: User, now: datetime) -> Claim:
    """Say that somebody is answering a mention, for two minutes from now; return who is, which may be another."""

    def change(connection: Connection) -> Claim:
        held = attention.claim(connection, mention_id, by, now, now + CLAIM)
        return Claim(held.by, held.until, held.by.id == by.id)

    return store.write(_changing, [mention_id], by, change)


def claim_of(store: Store, mention_id: int, now: datetime, user: User) -> Claim | None:
    """Return who is answering a mention."""
    with store.read() as connection:
        held = attention.holder(connection, mention_id, now)
    return None if held is None else Claim(held.by, held.until, held.by.id == user.id)


def release(store: Store, mention_id: int, by: User) -> None:
    """Say that somebody answers a mention no longer."""
    store.write(attention.release, mention_id, by.id)


def saved_replies(store: Store) -> Sequence[SavedReply]:
    """Return the answers that are given often, by name."""
    with store.read() as connection:
        return replies.saved(connection)


def save_reply(store: Store, name: str, text: str, by: User, now: datetime) -> int:
    """Keep an answer that is given often; raise `UsageError` if it names a place that there is not."""
    name, text = _name(N_("the name"), name), _text(N_("the answer"), text)
    for place in _PLACE.findall(text):
        if place not in PLACES:
            raise UsageError(
                "{{{place}}} stands for nothing",
                hint="an answer may hold {places}",
                place=place,
                places=", ".join(f"{{{one}}}" for one in PLACES),
            )
    return store.write(replies.save, name, text, by, now)


def forget_reply(store: Store, reply_id: int, by: User, now: datetime) -> bool:
    """Forget a saved answer; False if there was none."""
    return store.write(replies.forget, reply_id)


def views(store: Store, user: User) -> Sequence[View]:
    """Return the queries that somebody keeps under names of their own, by name."""
    with store.read() as connection:
        return attention.views(connection, user.id)


def save_view(store: Store, name: str, query: str, by: User, now: datetime) -> int:
    """Keep a query under a name, in place of the one that there is; raise `UsageError` for what is no query."""
    name = _name(N_("the name"), name)
    parse(query)
    return store.write(attention.save_view, by.id, name, query.strip())


def forget_view(store: Store, view_id: int, by: User) -> bool:
    """Forget one of somebody's own views; False if it is not theirs or not there."""
    return store.write(attention.forget_view, by.id, view_id)


def filled(text: str, mention: StoredMention, user: User) -> str:
    """Put names into a saved answer, in one pass: what a name holds is not filled again."""
    names = {
        "author": mention.author_name or mention.author_handle,
        "handle": mention.author_handle or mention.author_name,
        "me": user.shown,
    }
    return _PLACE.sub(lambda found: names.get(found[1], found[0])[:_MOST_NAME], text[:_MOST_TEXT])


def _changing(connection: Connection, ids: Sequence[int], by: User, change: Callable[[Connection], T]) -> T:
    """Change mentions, if every one of them is there and somebody may see it."""
    held = mentions.accounts_of(connection, ids)
    for one in ids:
        if one not in held or not may_see(by, held[one]):
            raise UsageError("there is no mention {id}", hint="`hub inbox` lists them", id=one)
    return change(connection)


def _name(which: str, name: str) -> str:
    found = " ".join(_text(which, name).split())
    if len(found) > _MOST_NAME:
        raise UsageError("{which} is longer than {most} characters", which=which, most=_MOST_NAME)
    return found


def _text(which: str, text: str) -> str:
    try:
        text = check_text(which, text).strip()
    except ValueError as error:
        raise UsageError("{why}", why=error) from None
    if not text:
        raise UsageError("{which} is empty", which=which)
    if len(text) > _MOST_TEXT:
        raise UsageError("{which} is longer than {most} characters", which=which, most=_MOST_TEXT)
    return text
