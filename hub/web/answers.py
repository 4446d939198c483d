"""What the form of an answer holds: the text, how long it is, and what went wrong when it was sent."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import NamedTuple

from hub.discussions import desk
from hub.errors import HubError
from hub.i18n import words_of
from hub.scheduling.hub import Hub
from hub.store.desk.replies import StoredReply
from hub.users.roles import Permission, User
from hub.web.counting import Count, as_json, count, limits_of
from hub.web.opened import Opened


class Form(NamedTuple):
    """An answer that is being written.

    `key` is the same for the same form, so that it sends once; `seen` is the newest answer that its writer saw.
    `limits` is what the browser counts by, "" where the network does not tell. `newer` is an answer that came
    between, `place` where to look for one whose outcome is unknown.
    """

    text: str
    key: str
    seen: int
    limits: str = ""
    measured: Count | None = None
    preview: str = ""
    problem: str = ""
    hint: str = ""
    newer: StoredReply | None = None
    place: str = ""


class Saved(NamedTuple):
    """A saved reply, with the names filled in for one mention."""

    id: int
    name: str
    filled: str


def fresh(hub: Hub, user: User, opened: Opened, text: str = "", *, preview: bool = False) -> Form | None:
    """Return a form that was not sent yet; None where there is nobody to answer, or nobody who may."""
    if opened.mute or not user.may(Permission.RESPOND, opened.mention.account):
        return None
    limits = limits_of(hub.adapter(opened.mention.account))
    return Form(
        text=text,
        key=secrets.token_urlsafe(16),
        seen=opened.newest_reply,
        limits=as_json(limits) if limits else "",
        measured=count(text.strip(), limits) if limits else None,
        preview=text.strip() if preview else "",
    )


def failed(form: Form, error: HubError) -> Form:
    """Return the form with what went wrong; its text stays."""
    problem, hint = words_of(error)
    return form._replace(problem=problem, hint=hint)


def saved(hub: Hub, user: User, opened: Opened) -> Sequence[Saved]:
    """Return the team's saved replies as they would answer a mention."""
    if not user.may(Permission.RESPOND, opened.mention.account):
        return ()
    return [
        Saved(one.id, one.name, desk.filled(one.text, opened.mention, user))
        for one in desk.saved_replies(hub.store)
    ]
