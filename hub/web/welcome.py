"""A link that lets one person in once, without a password: for the demo, whose people nobody has met."""

from __future__ import annotations

import threading
from hmac import compare_digest
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from hub.i18n import N_
from hub.users import sessions
from hub.users.randomness import make_secret
from hub.users.roles import User
from hub.web.gate import cookie_of, give_cookie
from hub.web.login import address_of, agent_of
from hub.web.routes import Forbidden, Room, TheHub, check_policies


def invite(app: FastAPI, user: User) -> str:
    """Return the path under which the first who asks is logged in as a user."""
    secret = make_secret()
    unused = threading.Semaphore(1)
    room = Room()

    @room.page("/welcome", may=None)
    def come_in(request: Request, hub: TheHub, key: str = "") -> Response:
        """Begin a session. A GET, since the link is followed out of a terminal; the key is the permission."""
        if not compare_digest(key.encode(), secret.encode()) or not unused.acquire(blocking=False):
            raise Forbidden(N_("this link was used already"), hint="log in with your name and password")
        cookie = sessions.begin(
            hub.store,
            user.id,
            hub.clock(),
            agent=agent_of(request),
            address=address_of(request),
            old=cookie_of(request),
        )
        answer = RedirectResponse("/inbox", 303)
        give_cookie(request, answer, cookie)
        return answer

    app.include_router(room)
    check_policies(app)
    return f"/welcome?key={quote(secret)}"
