"""Logging in and out, the first owner, and the look of the page for who is not logged in."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Form, Request, Response
from fastapi.responses import RedirectResponse

from hub.errors import HubError
from hub.i18n import LANGUAGES, words_of
from hub.users import logins, people, sessions, setup
from hub.users.people import THEMES
from hub.web.failures import status_of
from hub.web.gate import cookie_of, give_cookie, refuse_token, take_cookie
from hub.web.pages import render
from hub.web.routes import Room, TheHub, user_of

room = Room()
Field = Annotated[str, Form()]
# FastAPI takes an empty field for none, but not an empty one of several: here "" is a choice.
Sent = Annotated[tuple[str, ...], Form()]
_HOME = "/"
_YEAR = 365 * 24 * 3600


def local(address: str) -> str:
    """Return an address of this page to go on to; the start for any other, however it is written.

    Browsers read "\\" as "/" and drop tabs and newlines, so that "/\\t/evil" leads away.
    """
    if not address.startswith("/") or address.startswith("//") or "\\" in address:
        return _HOME
    if any(ord(char) <= 0x20 or ord(char) == 0x7F for char in address):
        return _HOME
    try:
        parts = urlsplit(address)
    except ValueError:
        return _HOME
    return _HOME if parts.scheme or parts.netloc else address


def agent_of(request: Request) -> str:
    return request.headers.get("user-agent", "")


def address_of(request: Request) -> str:
    """Return where a request comes from, behind our own proxies."""
    return request.client.host if request.client else ""


@room.page("/", may=None)
def home() -> Response:
    return RedirectResponse("/inbox", 303)


@room.page("/login", may=None)
def show_login(request: Request, hub: TheHub, next: str = _HOME) -> Response:
    """Ask for name and password."""
    if user_of(request) is not None:
        return RedirectResponse(local(next), 303)
    nobody = not people.members(hub.store)
    return render(request, "login.html", next=local(next), name="", nobody=nobody, message="", hint="")


@room.action("/login", may=None)
def log_in(request: Request, hub: TheHub, name: Field = "", password: Field = "", next: Field = _HOME) -> Response:
    """Begin a session, or say that name or password is wrong, never which."""
    try:
        secret = logins.log_in(
            hub.store,
            name,
            password,
            hub.clock(),
            address=address_of(request),
            agent=agent_of(request),
            old=cookie_of(request),
        )
    except HubError as error:
        message, hint = words_of(error)
        page = render(
            request,
            "login.html",
            status_of(error),
            next=local(next),
            name=name,
            nobody=False,
            message=message,
            hint=hint,
        )
        if isinstance(error, logins.TooManyLogins):
            page.headers["retry-after"] = str(error.retry_after)
        return page
    answer = RedirectResponse(local(next), 303)
    give_cookie(request, answer, secret)
    return answer


@room.action("/logout", may=None)
def log_out(request: Request, hub: TheHub) -> Response:
    """End the session; its cookie opens nothing from now on, wherever else it was copied to."""
    cookie = cookie_of(request)
    if cookie:
        sessions.end(hub.store, cookie)
    answer = RedirectResponse("/login", 303)
    take_cookie(request, answer)
    return answer


@room.page("/setup", may=None)
def show_setup(request: Request, hub: TheHub, token: str = "") -> Response:
    """Ask who the first owner is."""
    if not setup.holds(hub.store, token, hub.clock()):
        raise setup.SetupRefused
    return render(request, "setup.html", token=token, name="", message="", hint="")


@room.action("/setup", may=None)
def make_owner(
    request: Request, hub: TheHub, token: Field = "", name: Field = "", password: Field = ""
) -> Response:
    """Make the first owner, and log them in."""
    now = hub.clock()
    try:
        owner = setup.accept(hub.store, token, name, password, now)
    except setup.SetupRefused:
        raise
    except HubError as error:
        message, hint = words_of(error)
        return render(request, "setup.html", status_of(error), token=token, name=name, message=message, hint=hint)
    answer = RedirectResponse(_HOME, 303)
    secret = sessions.begin(
        hub.store, owner.id, now, agent=agent_of(request), address=address_of(request), old=cookie_of(request)
    )
    give_cookie(request, answer, secret)
    return answer


@room.action("/preferences", may=None)
def prefer(
    request: Request,
    hub: TheHub,
    theme: Sent = (),
    language: Sent = (),
    next: Field = _HOME,
) -> Response:
    """Set look or language, what was sent of both: in the browser, and of who is logged in."""
    answer = RedirectResponse(local(next), 303)
    for name, sent, known in (("theme", theme, THEMES), ("language", language, LANGUAGES)):
        if not sent:
            continue
        value = sent[0]
        if value in known:
            secure = request.url.scheme == "https"
            answer.set_cookie(name, value, max_age=_YEAR, secure=secure, httponly=True, samesite="lax")
        else:
            answer.delete_cookie(name)
    user = user_of(request)
    if user is not None:
        refuse_token(user)
        people.set_preferences(
            hub.store,
            user.id,
            language=language[0] if language else user.language,
            theme=theme[0] if theme else user.theme,
        )
    return answer
