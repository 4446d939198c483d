"""Every page there is, and who looks at it: the browser tests and the screenshots walk along this list."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from web.office import Office

from hub.testing.clients import ANNA as _ANNA
from hub.testing.clients import PAVEL as _PAVEL
from hub.users.roles import Role

ANNA, PAVEL = _ANNA[1], _PAVEL[1]


class Sight(NamedTuple):
    """One page: where it is, and as whom it is looked at (None: as somebody who is not logged in).

    A `minor` one is made of what the others are made of: it is looked at in two looks and not in all eight.
    """

    name: str
    where: Callable[[Office], str]
    role: Role | None = Role.OWNER
    status: int = 200
    minor: bool = False


def _at(path: str) -> Callable[[Office], str]:
    return lambda _office: path


SIGHTS: tuple[Sight, ...] = (
    Sight("inbox", _at("/inbox?q=")),
    Sight("mention", lambda office: f"/inbox/{office.mention('parking')}"),
    Sight("discussions", _at("/discussions")),
    Sight("discussion", _at("/discussions/1")),
    Sight("contacts", _at("/contacts")),
    Sight("contact", lambda office: f"/contacts/{office.contact(ANNA)}"),
    Sight("merge", lambda office: f"/contacts/{office.contact(PAVEL)}/merge?other={office.contact(ANNA)}"),
    Sight("conflicts", _at("/contacts/conflicts")),
    Sight("compose", _at("/compose")),
    Sight("queue", _at("/queue")),
    Sight("calendar", _at("/queue/calendar")),
    Sight("post", _at("/queue/1")),
    Sight("accounts", _at("/accounts")),
    Sight("system", _at("/system")),
    Sight("users", _at("/users")),
    Sight("profile", _at("/profile")),
    Sight("login", _at("/login"), None),
    Sight("setup", lambda office: office.fresh, None),
    Sight("draft", _at("/compose/1")),
    Sight("review", _at("/compose/1/review"), Role.PUBLISHER, minor=True),
    Sight("edit", _at("/queue/4/edit"), minor=True),
    Sight("week", _at("/queue/calendar?view=week"), minor=True),
    Sight("replies", _at("/inbox/replies"), Role.RESPONDER, minor=True),
    Sight("user", _at("/users/2"), minor=True),
    Sight("proposals", _at("/contacts/proposals"), Role.PUBLISHER, minor=True),
    Sight("split", lambda office: f"/contacts/{office.contact(ANNA)}/split", minor=True),
    Sight("candidates", lambda office: f"/contacts/{office.contact(PAVEL)}/merge?q=example", minor=True),
    Sight("new-contact", _at("/contacts/new"), Role.RESPONDER, minor=True),
    Sight("erasures", _at("/contacts/erasures"), minor=True),
    Sight("contact-reader", lambda office: f"/contacts/{office.contact(ANNA)}", Role.READER, minor=True),
    Sight("reader", lambda office: f"/inbox/{office.mention('parking')}", Role.READER, minor=True),
    Sight("error", _at("/inbox/999999"), Role.OWNER, 404),
)
