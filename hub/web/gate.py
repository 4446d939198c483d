"""Says who makes a request: by a session's cookie, or by a token of the API."""

from __future__ import annotations

from fastapi import Request, Response

from hub.scheduling.hub import Hub
from hub.users import sessions, tokens
from hub.users.roles import User
from hub.web.routes import Forbidden

_COOKIE = "hub_session"
# Asked again and again while a page merely lies open: that keeps no session alive.
_WATCHING = "/live"


class SessionGate:
    """The gate of the real page. What it finds of the session is in `request.state.session`."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def __call__(self, request: Request) -> User | None:
        """Return who asks. A request with a token is the token's, whatever cookies come with it."""
        request.state.session = None
        now = self._hub.clock()
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return tokens.find(self._hub.store, secret.strip(), now)
        watching = request.url.path == _WATCHING
        found = sessions.find(self._hub.store, cookie_of(request), now, touch=not watching)
        if found is None:
            return None
        request.state.session = found.id
        return found.user


def session_of(request: Request) -> int | None:
    """Return the number of the session that makes the request, None without one."""
    found: int | None = getattr(request.state, "session", None)
    return found


def refuse_token(user: User) -> None:
    """Raise `Forbidden` for a call with a token: who holds one must not make themselves a longer-lived one."""
    if user.scopes is not None:
        raise Forbidden("a token cannot do this", hint="log in with your password")


def _cookie_name(request: Request) -> str:
    """Under https no other host and no plain connection can set a cookie of this name."""
    return f"__Host-{_COOKIE}" if request.url.scheme == "https" else _COOKIE


def cookie_of(request: Request) -> str:
    return request.cookies.get(_cookie_name(request), "")


def give_cookie(request: Request, response: Response, secret: str) -> None:
    response.set_cookie(
        _cookie_name(request),
        secret,
        max_age=int(sessions.ABSOLUTE.total_seconds()),
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def take_cookie(request: Request, response: Response) -> None:
    response.delete_cookie(
        _cookie_name(request),
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
