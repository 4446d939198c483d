"""Joins threads elsewhere to the discussion that they are about, finds repeats, and lets a person undo both."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

import structlog
from sqlalchemy.engine import Connection

from hub.discussions import likening, links
from hub.discussions.repeats import marks
from hub.errors import UsageError
from hub.i18n import N_
from hub.store import Store
from hub.store.discussions import joins, leads, merging, repeats, threads
from hub.store.discussions.joins import Join, NewJoin
from hub.store.discussions.leads import Place
from hub.store.discussions.merging import NewThread, Spoken, Standing
from hub.store.discussions.repeats import Repeat
from hub.store.running import changes

log = structlog.get_logger()

# One transaction takes so many mentions …
_STEP = 500
# … and one turn so many steps; what is left after a long absence is for the next turn.
_STEPS = 200
# Somebody else merges: wait so long, in seconds, and so often.
_PATIENCE = (0.05, 40)
# What a thread of ours is told of an article that is younger than its remark is a clock's fault, to this extent.
_SKEW = timedelta(hours=1)
# A published digest shows a discussion; what is said under it is not of the discussion.
_DIGEST = "digest:"

_SURE = {"post": 0.98, "copy": 0.97, "remark": 0.95}
# A thread of which only a remark leads here may be about something else too.
_IN_PASSING = 0.85


class Why(NamedTuple):
    """Why a discussion is what it is: its joins and its repeats, those that a person undid too."""

    joins: Sequence[Join]
    repeats: Sequence[Repeat]


class _Done(NamedTuple):
    """How a step ended: whether somebody else was at it, and whether there may be more to do."""

    busy: bool = False
    more: bool = False


def merge(store: Store, account: str, clock: Callable[[], datetime]) -> None:
    """Look where the account's new mentions lead, and what was changed anywhere; write nothing if nothing is new.

    Each step is one transaction with its bookmark. Two processes never merge at the same time: what one cannot see
    yet, because the other has not committed it, would be missed by both.
    """
    pause, most = _PATIENCE
    waited = steps = 0
    with store.read() as connection:
        if not merging.has_work(connection, account):
            return
    while steps < _STEPS and waited < most:
        done = store.write(_step, account, clock())
        if done.busy:
            waited += 1
            time.sleep(pause)
        elif done.more:
            steps += 1
        else:
            return


def _step(connection: Connection, account: str, now: datetime) -> _Done:
    if not merging.lock(connection):
        return _Done(busy=True)
    after = merging.merged_to(connection, account)
    fresh = merging.next_ids(connection, account, after, _STEP)
    changed = merging.changed_ids(connection, _STEP)
    opened = merging.new_threads(connection, _STEP)
    if not (fresh or changed or opened):
        return _Done()
    said = {one.id: one for one in merging.spoken(connection, {*fresh, *changed})}
    places = _note_threads(connection, opened) | _note_mentions(connection, list(said.values()), changed)
    moved = _join_all(connection, said, places, now)
    likening.look(connection, said, [*moved], now)
    merging.settle(connection, changed, [thread.id for thread in opened])
    if fresh:
        merging.note_merged(connection, account, fresh[-1])
    return _Done(more=max(len(fresh), len(changed), len(opened)) == _STEP)


def _note_threads(connection: Connection, opened: Iterable[NewThread]) -> set[int]:
    """Note where new threads and the posts of their discussions stand; return these places."""
    rows: dict[tuple[int, str, int], None] = {}
    for thread in opened:
        if thread.key is not None and thread.key.startswith(_DIGEST):
            continue
        for url, kind, ref in (
            (thread.url, "copy", thread.id),
            (thread.post_url, "post", thread.discussion_id),
            (thread.post_link, "post", thread.discussion_id),
        ):
            place = links.precise(url) if url else ""
            if place and links.is_page(place):
                rows[links.key(place), kind, ref] = None
    leads.keep_addresses(connection, list(rows))
    return {place for place, _, _ in rows}


def _note_mentions(connection: Connection, said: Sequence[Spoken], changed: Sequence[int]) -> set[int]:
    """Note where mentions stand, where they lead, and how others find them; return the places where they stand."""
    led: dict[tuple[int, int], str] = {}
    stand: list[tuple[int, str, int]] = []
    found: list[tuple[int, int]] = []
    for one in said:
        own = links.precise(one.url) if one.url else ""
        if own and one.deleted_at is None:
            stand.append((links.key(own), "remark", one.id))
        if one.deleted_at is None:
            found += [(mark, one.id) for mark in marks(likening.as_said(one))]
            for place in _led_to(one):
                if place != own:
                    led.setdefault((one.id, links.key(place)), place)
    leads.keep_links(connection, [(mention, place, url) for (mention, place), url in led.items()], changed)
    leads.keep_addresses(connection, stand)
    leads.keep_marks(connection, found)
    return {place for place, _, _ in stand}


def _led_to(one: Spoken) -> list[str]:
    """Return the pages that a mention leads to, normalised, the most exact form of each first."""
    if not one.links and "/" not in one.text:
        return []
    shown = dict.fromkeys([*one.links.split(), *links.found_in(one.text)])
    return [place for url in shown for place in links.places(url) if links.is_page(place)]


def _join_all(connection: Connection, said: dict[int, Spoken], places: set[int], now: datetime) -> dict[int, None]:
    """Join the threads of mentions that lead somewhere, and of those that lead to what came now; return them."""
    leading = set(leads.leading_to(connection, places))
    older = merging.spoken(connection, leading - set(said))
    led: dict[int, list[tuple[int, str]]] = {}
    for mention, place, url in leads.places_of(connection, [*said, *(one.id for one in older)]):
        led.setdefault(mention, []).append((place, url))
    if not led:
        return {}
    at: dict[int, list[Place]] = {}
    for target in leads.standing_at(connection, {place for found in led.values() for place, _ in found}):
        at.setdefault(target.place, []).append(target)
    moved: dict[int, None] = {}
    for one in sorted([*said.values(), *older], key=lambda each: each.id):
        targets = [(target, url) for place, url in led.get(one.id, ()) for target in at.get(place, ())]
        if targets and one.deleted_at is None:
            moved |= _join(connection, one, targets, now)
    return moved


def _join(
    connection: Connection, one: Spoken, targets: Sequence[tuple[Place, str]], now: datetime
) -> dict[int, None]:
    """Join a mention's thread to what it is about, if it may be; return the threads that moved."""
    thread = merging.standing(connection, one.thread)
    if thread.ours or thread.post_id is not None or not merging.speaks_for(connection, one):
        return {}
    for target, url in sorted(targets, key=partial(_rank, one)):
        where = target.discussion
        if target.kind == "remark" or target.kind == "copy":
            # An earlier one of these joins may have moved it.
            where = _now_in(connection, target)
        if where == thread.discussion_id or joins.was_undone(connection, thread.id, thread.discussion_id, where):
            continue
        is_root = one.remote_id == one.root
        template = _template(target.kind, is_root)
        facts = {"url": url, "remark": one.url or one.remote_id}
        sure = _SURE[target.kind] * (1.0 if is_root else _IN_PASSING)
        return _move(connection, thread, where, target.kind, template, facts, sure, now)
    return {}


def _rank(one: Spoken, found: tuple[Place, str]) -> tuple[bool, bool, float]:
    """Sort what a link may mean: our post before a remark, and of several the newest that was there already."""
    target, _ = found
    age = (one.sent_at + _SKEW - target.created_at).total_seconds()
    return target.kind == "remark", age < 0, abs(age)


def _now_in(connection: Connection, target: Place) -> int:
    found = leads.standing_at(connection, [target.place])
    return next(
        (place.discussion for place in found if (place.kind, place.ref) == (target.kind, target.ref)),
        target.discussion,
    )


_LINKS = N_("the post at its root leads to {url}")
_QUOTES = N_("the post at its root quotes or answers {url}")
_LINKS_BY_REMARK = N_("a remark in it, {remark}, leads to {url}")
_QUOTES_BY_REMARK = N_("a remark in it, {remark}, quotes or answers {url}")
_ALONG = N_("it belongs with {url}, which was joined")
_BY_HAND = N_("by hand")


def _template(kind: str, is_root: bool) -> str:
    if kind == "post":
        return _LINKS if is_root else _LINKS_BY_REMARK
    return _QUOTES if is_root else _QUOTES_BY_REMARK


def _move(
    connection: Connection,
    thread: Standing,
    where: int,
    kind: str,
    template: str,
    facts: dict[str, str],
    confidence: float,
    now: datetime,
    by: str = "",
) -> dict[int, None]:
    """Let a thread be of a discussion, and with it those that were joined to its own; return all that moved."""
    before = thread.discussion_id
    own = thread.post_id is None and not joins.came_in(connection, thread.id, before)
    new = NewJoin(thread.id, where, before, thread.polled, kind, template, facts, round(confidence, 3), by)
    number = joins.add(connection, new, now)
    moved = {thread.id: None}
    for other in threads.of_discussion(connection, before) if own else ():
        if other.id == thread.id or joins.was_undone(connection, other.id, before, where):
            continue
        along = {"url": thread.url or facts.get("remark", thread.remote_id)}
        joins.add(
            connection,
            NewJoin(
                other.id, where, before, other.polled, "along", _ALONG, along, round(confidence, 3), by, via=number
            ),
            now,
        )
        moved[other.id] = None
    for discussion in (before, where):
        changes.note(connection, "discussions", discussion)
    log.info("thread joined", thread=thread.id, discussion=where, kind=kind)
    return moved


def join_by_hand(connection: Connection, thread_id: int, discussion: int, by: str, now: datetime) -> int:
    """Let a thread be of a discussion because a person says so, even after an undo; return the discussion."""
    thread = merging.standing(connection, thread_id)
    if thread.discussion_id != discussion:
        moved = _move(connection, thread, discussion, "hand", _BY_HAND, {}, 1.0, now, by)
        likening.look(connection, {}, list(moved), now)
    return discussion


def why(store: Store, discussion_id: int) -> Why:
    """Say why a discussion is what it is; raise `UsageError` if there is none with this number."""
    with store.read() as connection:
        if threads.discussion(connection, discussion_id) is None:
            raise UsageError("there is no discussion {id}", hint="`hub discussions` lists them", id=discussion_id)
        return Why(
            joins.of_discussion(connection, discussion_id), repeats.of_discussion(connection, discussion_id)
        )


def undo_join(store: Store, join_id: int, by: str, now: datetime) -> Join:
    """Say for good that a thread does not belong to a discussion, and put it back where it was."""

    def work(connection: Connection) -> Join:
        found = joins.get(connection, join_id)
        if found is None:
            raise UsageError("there is no join j{id}", hint="`hub discussion ID --why` lists them", id=join_id)
        if found.undone_at is None:
            joins.undo(connection, found, by, now)
            for discussion in (found.discussion_id, found.from_discussion_id):
                changes.note(connection, "discussions", discussion)
        return found

    return store.write(work)


def undo_repeat(store: Store, repeat_id: int, by: str, now: datetime) -> Repeat:
    """Say for good that two remarks are two; return what was believed."""

    def work(connection: Connection) -> Repeat:
        found = repeats.get(connection, repeat_id)
        if found is None:
            raise UsageError("there is no repeat r{id}", hint="`hub discussion ID --why` lists them", id=repeat_id)
        if found.undone_at is None:
            repeats.undo(connection, repeat_id, by, now)
            for one in merging.spoken(connection, [found.mention_id]):
                changes.note(connection, "discussions", one.discussion)
        return found

    return store.write(work)
