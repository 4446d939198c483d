"""What a team does with mentions: their state, whose they are, labels, notes, what was read, and who did what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import chunks, upsert
from hub.store.desk import attention
from hub.store.running import changes
from hub.store.tables import desk_events, desk_notes, labels, mention_labels, mentions, replies, users
from hub.store.team.who import Person, Who


class Label(NamedTuple):
    id: int
    name: str


class Note(NamedTuple):
    """What one of the team tells the others about a mention."""

    id: int
    mention_id: int
    by: Person
    text: str
    at: datetime


class Event(NamedTuple):
    """Who did what with a mention. `kind` is status, assigned, labelled, unlabelled, noted, replied; `detail` says
    to what: a state, a name, a label."""

    id: int
    mention_id: int
    by: Person
    kind: str
    detail: str
    at: datetime


class State(NamedTuple):
    """Where the work on a mention stands, as one of the team sees it."""

    status: str
    assignee: Person | None
    snoozed_until: datetime | None
    answered_at: datetime | None
    labels: tuple[str, ...]
    unread: bool
    notes: int
    replies: int


def states_of(connection: Connection, ids: Sequence[int], user: int, now: datetime) -> dict[int, State]:
    """Return the state of each of these mentions; none of what our own accounts said."""
    name = sa.case((users.c.display_name != "", users.c.display_name), else_=users.c.name)
    rows = connection.execute(
        sa.select(
            mentions.c.id,
            mentions.c.status,
            mentions.c.assignee_id,
            name,
            mentions.c.snoozed_until,
            mentions.c.answered_at,
        )
        .outerjoin(users, users.c.id == mentions.c.assignee_id)
        .where(mentions.c.id.in_(ids), mentions.c.status != "ours")
    ).all()
    borne = _labels_of(connection, ids)
    unread = attention.unread_of(connection, ids, user)
    noted = _counted(connection, desk_notes.c.mention_id, ids)
    answered = _counted(connection, replies.c.mention_id, ids)
    found = {}
    for number, status, assignee, shown, until, answered_at in rows:
        woken = status == "snoozed" and (until is None or until <= now)
        found[number] = State(
            status="open" if woken else status,
            assignee=None if assignee is None else Person(assignee, shown or f"#{assignee}"),
            snoozed_until=until if status == "snoozed" and not woken else None,
            answered_at=answered_at,
            labels=borne.get(number, ()),
            unread=number in unread,
            notes=noted.get(number, 0),
            replies=answered.get(number, 0),
        )
    return found


def _labels_of(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    rows = connection.execute(
        sa.select(mention_labels.c.mention_id, labels.c.name)
        .join(labels, labels.c.id == mention_labels.c.label_id)
        .where(mention_labels.c.mention_id.in_(ids))
        .order_by(labels.c.key)
    )
    found: dict[int, tuple[str, ...]] = {}
    for mention, name in rows:
        found[mention] = (*found.get(mention, ()), name)
    return found


def _counted(connection: Connection, column: sa.ColumnElement[int], ids: Sequence[int]) -> Mapping[int, int]:
    rows = connection.execute(sa.select(column, sa.func.count()).where(column.in_(ids)).group_by(column))
    return {key: value for key, value in rows}  # noqa: C416  # rows are no pairs to mypy


def _note_event(
    connection: Connection, ids: Sequence[int], by: Who, kind: str, detail: str, now: datetime
) -> None:
    if ids:
        rows = [
            {"mention_id": one, "by_id": by.id, "by_name": by.shown, "kind": kind, "detail": detail, "at": now}
            for one in ids
        ]
        connection.execute(desk_events.insert(), rows)
    for one in ids:
        changes.note(connection, "desk", one)


def _change(connection: Connection, ids: Sequence[int], where: Any, **values: Any) -> list[int]:
    """Set these values where they are not set yet; return the mentions that this changed."""
    found: list[int] = []
    for some in chunks(ids):
        rows = connection.execute(
            mentions.update()
            .where(mentions.c.id.in_(some), mentions.c.status != "ours", where)
            .values(**values)
            .returning(mentions.c.id)
        )
        found += rows.scalars()
    return sorted(found)


def set_status(
    connection: Connection, ids: Sequence[int], status: str, by: Who, now: datetime, until: datetime | None = None
) -> list[int]:
    """Give mentions a state, and note who did; return those that it changed. `until` is for `snoozed`."""
    other = sa.or_(mentions.c.status != status, mentions.c.snoozed_until.is_distinct_from(until))
    changed = _change(connection, ids, other, status=status, snoozed_until=until)
    _note_event(connection, changed, by, "status", status, now)
    return changed


def open_new(connection: Connection, ids: Sequence[int], by: Who, now: datetime) -> None:
    """Let what is new among these be open."""
    changed = _change(connection, ids, mentions.c.status == "new", status="open")
    _note_event(connection, changed, by, "status", "open", now)


def assign(connection: Connection, ids: Sequence[int], user: Person | None, by: Who, now: datetime) -> list[int]:
    """Give mentions to somebody, or to nobody; return those that changed hands."""
    number = None if user is None else user.id
    changed = _change(connection, ids, mentions.c.assignee_id.is_distinct_from(number), assignee_id=number)
    _note_event(connection, changed, by, "assigned", user.name if user else "", now)
    return changed


def label_ids(connection: Connection, names: Sequence[str]) -> dict[str, int]:
    """Return the numbers of labels by their names in small letters, of those that there are."""
    keys = [name.casefold() for name in names]
    rows = connection.execute(sa.select(labels.c.key, labels.c.id).where(labels.c.key.in_(keys)))
    return {key: value for key, value in rows}  # noqa: C416  # rows are no pairs to mypy


def all_labels(connection: Connection) -> list[Label]:
    rows = connection.execute(sa.select(labels.c.id, labels.c.name).order_by(labels.c.key))
    return [Label(*row) for row in rows]


def label(connection: Connection, ids: Sequence[int], name: str, by: Who, now: datetime) -> list[int]:
    """Put a label on mentions, made if there is none of the name; return those that did not bear it."""
    key = name.casefold()
    connection.execute(upsert(connection, labels).values(key=key, name=name).on_conflict_do_nothing())
    number, shown = connection.execute(sa.select(labels.c.id, labels.c.name).where(labels.c.key == key)).one()
    changed: list[int] = []
    for some in chunks(ids):
        source = sa.select(sa.literal(number), mentions.c.id).where(
            mentions.c.id.in_(some), mentions.c.status != "ours"
        )
        rows = connection.execute(
            upsert(connection, mention_labels)
            .from_select(["label_id", "mention_id"], source)
            .on_conflict_do_nothing(index_elements=["label_id", "mention_id"])
            .returning(mention_labels.c.mention_id)
        )
        changed += rows.scalars()
    _note_event(connection, sorted(changed), by, "labelled", shown, now)
    return sorted(changed)


def unlabel(connection: Connection, ids: Sequence[int], name: str, by: Who, now: datetime) -> list[int]:
    """Take a label off mentions; return those that bore it. A label that nothing bears is forgotten."""
    row = connection.execute(sa.select(labels.c.id, labels.c.name).where(labels.c.key == name.casefold())).first()
    if row is None:
        return []
    changed: list[int] = []
    for some in chunks(ids):
        rows = connection.execute(
            mention_labels.delete()
            .where(mention_labels.c.label_id == row.id, mention_labels.c.mention_id.in_(some))
            .returning(mention_labels.c.mention_id)
        )
        changed += rows.scalars()
    borne = sa.exists().where(mention_labels.c.label_id == row.id)
    connection.execute(labels.delete().where(labels.c.id == row.id, ~borne))
    _note_event(connection, sorted(changed), by, "unlabelled", row.name, now)
    return sorted(changed)


def add_note(connection: Connection, mention_id: int, text: str, by: Who, now: datetime) -> int:
    row = connection.execute(
        desk_notes.insert()
        .values(mention_id=mention_id, by_id=by.id, by_name=by.shown, text=text, at=now)
        .returning(desk_notes.c.id)
    ).one()
    _note_event(connection, [mention_id], by, "noted", "", now)
    return int(row.id)


def notes(connection: Connection, mention_id: int) -> list[Note]:
    """Return the private notes on a mention, oldest first."""
    rows = connection.execute(
        sa.select(desk_notes).where(desk_notes.c.mention_id == mention_id).order_by(desk_notes.c.id)
    )
    return [Note(row.id, row.mention_id, Person(row.by_id, row.by_name), row.text, row.at) for row in rows]


def history(connection: Connection, mention_id: int) -> list[Event]:
    """Return who did what with a mention, oldest first."""
    rows = connection.execute(
        sa.select(desk_events).where(desk_events.c.mention_id == mention_id).order_by(desk_events.c.id)
    )
    return [
        Event(row.id, row.mention_id, Person(row.by_id, row.by_name), row.kind, row.detail, row.at) for row in rows
    ]


def note_answered(connection: Connection, mention_id: int, by: Who | None, now: datetime) -> None:
    """Let an answered mention wait for its author."""
    connection.execute(
        mentions.update()
        .where(mentions.c.id == mention_id, mentions.c.status != "ours")
        .values(
            status=sa.case((mentions.c.status == "done", "done"), else_="waiting"),
            snoozed_until=None,
            answered_at=now,
        )
    )
    if by is not None:
        _note_event(connection, [mention_id], by, "replied", "", now)
