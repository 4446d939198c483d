"""One's own page: the look, the password, the sessions, and the tokens of the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import Form, Request, Response
from fastapi.responses import RedirectResponse

from hub.errors import HubError, UsageError
from hub.i18n import N_, _, words_of
from hub.scheduling.hub import Hub
from hub.users import people, sessions, tokens
from hub.users.roles import MAY, Permission, User
from hub.web.failures import status_of
from hub.web.gate import refuse_token, session_of
from hub.web.pages import render
from hub.web.routes import Missing, Room, TheHub, TheUser

room = Room()
Field = Annotated[str, Form()]
# How many days a token may live; 0 is for ever.
LIVES = (30, 90, 365, 0)
_SAID = {
    "saved": N_("Saved."),
    "password": N_("The password is changed; everybody else who was logged in as you is logged out."),
    "sessions": N_("Logged out there."),
    "token": N_("The token opens nothing any more."),
}
PERMISSIONS = {
    Permission.READ: N_("read everything that the accounts bring in"),
    Permission.RESPOND: N_("answer, assign, label, decide in the inbox"),
    Permission.DRAFT: N_("write drafts"),
    Permission.PUBLISH: N_("publish, approve, settle"),
    Permission.ADMIN: N_("manage users and accounts"),
}


def _show(request: Request, hub: Hub, user: User, status: int = 200, **facts: object) -> Response:
    shown: dict[str, object] = {"message": "", "hint": "", "secret": "", "said": ""}
    return render(
        request,
        "profile.html",
        status,
        own=people.find(hub.store, user.id).user,
        sessions=sessions.of_user(hub.store, user.id, hub.clock()),
        session=session_of(request),
        tokens=tokens.of_user(hub.store, user.id),
        scopes=[(scope, _(PERMISSIONS[scope])) for scope in Permission if scope in MAY[user.role]],
        lives=LIVES,
        **{**shown, **facts},
    )


def _refused(request: Request, hub: Hub, user: User, error: HubError) -> Response:
    message, hint = words_of(error)
    return _show(request, hub, user, status_of(error), message=message, hint=hint)


@room.page("/profile", may=Permission.READ)
def show(request: Request, hub: TheHub, user: TheUser, said: str = "") -> Response:
    """Show what one can set."""
    return _show(request, hub, user, said=_(_SAID.get(said, "")))


@room.action("/profile", may=Permission.READ)
def save(
    hub: TheHub,
    user: TheUser,
    request: Request,
    display_name: Field = "",
    language: Field = "",
    theme: Field = "",
) -> Response:
    """Set name, language and look."""
    refuse_token(user)
    try:
        people.set_preferences(hub.store, user.id, language=language, theme=theme, display_name=display_name)
    except UsageError as error:
        return _refused(request, hub, user, error)
    return RedirectResponse("/profile?said=saved", 303)


@room.action("/profile/password", may=Permission.READ)
def change_password(
    request: Request, hub: TheHub, user: TheUser, present: Field = "", password: Field = ""
) -> Response:
    """Change the password; other sessions end."""
    refuse_token(user)
    try:
        people.change_password(hub.store, user, present, password, session_of(request))
    except HubError as error:
        return _refused(request, hub, user, error)
    return RedirectResponse("/profile?said=password", 303)


@room.action("/profile/sessions", may=Permission.READ)
def end_sessions(request: Request, hub: TheHub, user: TheUser, session: Annotated[int, Form()] = 0) -> Response:
    """End one session, or with no number all but this one."""
    refuse_token(user)
    if session:
        sessions.revoke(hub.store, user.id, session)
    else:
        sessions.revoke_others(hub.store, user.id, session_of(request))
    return RedirectResponse("/profile?said=sessions", 303)


@room.action("/profile/tokens", may=Permission.READ)
def make_token(
    request: Request,
    hub: TheHub,
    user: TheUser,
    name: Field = "",
    scopes: Annotated[tuple[str, ...], Form()] = (),
    days: Annotated[int, Form()] = LIVES[0],
) -> Response:
    """Make a token. The answer is the page itself and no redirect: the secret is shown once and kept nowhere."""
    refuse_token(user)
    now = hub.clock()
    wanted = [scope for scope in Permission if scope.value in scopes]
    expires_at = now + timedelta(days=days) if 0 < days <= max(LIVES) else None
    try:
        made = tokens.make(hub.store, user, name, wanted, now, expires_at)
    except HubError as error:
        return _refused(request, hub, user, error)
    return _show(request, hub, user, secret=made.secret)


@room.action("/profile/tokens/{token_id}/revoke", may=Permission.READ)
def revoke_token(hub: TheHub, user: TheUser, token_id: int) -> Response:
    """End a token of one's own."""
    refuse_token(user)
    if not tokens.revoke(hub.store, token_id, user.id):
        raise Missing("you have no such token", hint="look at your list")
    return RedirectResponse("/profile?said=token", 303)
