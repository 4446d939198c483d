"""What is done about mentions on the page: their state, who takes care, labels, notes, and what was read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import Form, Response

from hub.discussions import desk
from hub.errors import UsageError
from hub.scheduling.hub import Hub
from hub.users.roles import Permission, User
from hub.web.answering import answerable
from hub.web.inbox import MentionId
from hub.web.opened import find
from hub.web.place import LARGEST, SentPlace
from hub.web.routes import Room, TheHub, TheUser
from hub.web.snoozing import choices_of

room = Room()
# One page of the list.
_AT_ONCE = 200
UserId = Annotated[int, Form(ge=0, le=LARGEST)]
Label = Annotated[str, Form(max_length=200)]


@room.action("/inbox/{mention_id}/status", may=Permission.RESPOND)
def set_status(
    hub: TheHub,
    user: TheUser,
    place: SentPlace,
    mention_id: MentionId,
    status: Annotated[str, Form()],
    until: Annotated[str, Form()] = "",
) -> Response:
    """Give a mention a state; a snoozed one comes back at one of the times that are offered."""
    answerable(hub, mention_id, user)
    at = _until(hub, until) if status == "snoozed" else None
    desk.set_status(hub.store, [mention_id], status, user, hub.clock(), at)
    return place.go(mention_id, done="changed")


def _until(hub: Hub, key: str) -> datetime:
    offered = {one.key: one.at for one in choices_of(hub.clock(), hub.settings.zone)}
    if key not in offered:
        raise UsageError("there is no such time to come back to it", hint="choose one of those that are offered")
    return offered[key]


@room.action("/inbox/{mention_id}/assign", may=Permission.RESPOND)
def assign(
    hub: TheHub,
    user: TheUser,
    place: SentPlace,
    mention_id: MentionId,
    assignee: UserId = 0,
    me: Annotated[str, Form()] = "",
) -> Response:
    """Say who takes care of a mention; 0 is nobody."""
    answerable(hub, mention_id, user)
    desk.assign(hub.store, [mention_id], user.id if me else assignee or None, user, hub.clock())
    return place.go(mention_id, done="changed")


@room.action("/inbox/{mention_id}/label", may=Permission.RESPOND)
def label(hub: TheHub, user: TheUser, place: SentPlace, mention_id: MentionId, label: Label) -> Response:
    """Put a label on a mention."""
    answerable(hub, mention_id, user)
    desk.label(hub.store, [mention_id], label, user, hub.clock())
    return place.go(mention_id, done="changed")


@room.action("/inbox/{mention_id}/unlabel", may=Permission.RESPOND)
def unlabel(hub: TheHub, user: TheUser, place: SentPlace, mention_id: MentionId, label: Label) -> Response:
    """Take a label off a mention."""
    answerable(hub, mention_id, user)
    desk.unlabel(hub.store, [mention_id], label, user, hub.clock())
    return place.go(mention_id, done="changed")


@room.action("/inbox/{mention_id}/note", may=Permission.RESPOND)
def note(
    hub: TheHub, user: TheUser, place: SentPlace, mention_id: MentionId, text: Annotated[str, Form()]
) -> Response:
    """Keep a private note."""
    answerable(hub, mention_id, user)
    desk.add_note(hub.store, mention_id, text, user, hub.clock())
    return place.go(mention_id, done="kept")


@room.action("/inbox/{mention_id}/read", may=Permission.READ)
def read(hub: TheHub, user: TheUser, place: SentPlace, mention_id: MentionId) -> Response:
    """Note that the user has read a mention; a new one is open from then on, if they may answer."""
    find(hub, mention_id, user)
    desk.mark_read(hub.store, [mention_id], user, hub.clock())
    return place.go(mention_id)


@room.action("/inbox/{mention_id}/unread", may=Permission.READ)
def unread(hub: TheHub, user: TheUser, place: SentPlace, mention_id: MentionId) -> Response:
    """Let a mention count as unread again, and lead back to the list, for opening it would read it."""
    find(hub, mention_id, user)
    desk.mark_unread(hub.store, [mention_id], user, hub.clock())
    return place.go()


@room.action("/inbox/bulk", may=Permission.RESPOND)
def bulk(
    hub: TheHub,
    user: TheUser,
    place: SentPlace,
    id: Annotated[list[int] | None, Form()] = None,
    status: Annotated[str, Form()] = "",
    assignee: Annotated[str, Form()] = "",
    label: Label = "",
    read: Annotated[str, Form()] = "",
) -> Response:
    """Change several mentions at once; what is left empty stays as it is."""
    ids = _allowed(hub, user, id or ())
    now = hub.clock()
    if not ids:
        return place.go(done="nothing")
    if read:
        desk.mark_read(hub.store, ids, user, now)
        return place.go(done="changed")
    if status:
        desk.set_status(hub.store, ids, status, user, now)
    if assignee:
        desk.assign(hub.store, ids, int(assignee) or None, user, now)
    if label.strip():
        desk.label(hub.store, ids, label, user, now)
    return place.go(done="changed")


def _allowed(hub: Hub, user: User, ids: Sequence[int]) -> list[int]:
    """Check each of the mentions; one that is not the user's refuses the whole."""
    if len(ids) > _AT_ONCE or any(not 1 <= one <= LARGEST for one in ids):
        raise UsageError("these are too many at once", hint="choose those of one page")
    return [answerable(hub, one, user).mention.id for one in dict.fromkeys(ids)]
