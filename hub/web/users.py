"""The owners' page of users: who there is, what each may do, and who is logged in where."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form, Request, Response
from fastapi.responses import RedirectResponse

from hub.errors import HubError, UsageError
from hub.i18n import N_, _, words_of
from hub.scheduling.hub import Hub
from hub.users import people, sessions, tokens
from hub.users.people import Member
from hub.users.roles import Permission, Role
from hub.web.failures import status_of
from hub.web.gate import refuse_token
from hub.web.pages import render
from hub.web.routes import Missing, Room, TheHub, TheUser

room = Room()
Field = Annotated[str, Form()]
Names = Annotated[tuple[str, ...], Form()]
ROLES = {
    Role.OWNER: N_("may do everything, and manages users"),
    Role.PUBLISHER: N_("answers, publishes, and approves drafts"),
    Role.AUTHOR: N_("writes drafts, which somebody approves"),
    Role.RESPONDER: N_("answers in the inbox"),
    Role.READER: N_("reads"),
}
_SAID = {
    "added": N_("Added. Tell them their name and password; they can change it in their profile."),
    "saved": N_("Saved."),
    "disabled": N_("Shut out: their sessions and tokens have ended."),
    "enabled": N_("Let in again."),
    "password": N_("The password is set, and they are logged out everywhere."),
    "sessions": N_("Logged out there."),
}


def _list(request: Request, hub: Hub, status: int = 200, **facts: object) -> Response:
    shown: dict[str, object] = {"message": "", "hint": "", "said": "", "name": ""}
    return render(
        request,
        "users.html",
        status,
        members=people.members(hub.store),
        one=None,
        roles=[(role, _(ROLES[role])) for role in Role],
        names=sorted(hub.settings.accounts),
        **{**shown, **facts},
    )


def _one(request: Request, hub: Hub, member: Member, status: int = 200, **facts: object) -> Response:
    shown: dict[str, object] = {"message": "", "hint": "", "said": ""}
    return render(
        request,
        "users.html",
        status,
        members=(),
        one=member,
        sessions=sessions.of_user(hub.store, member.user.id, hub.clock()),
        tokens=tokens.of_user(hub.store, member.user.id),
        roles=[(role, _(ROLES[role])) for role in Role],
        names=sorted({*hub.settings.accounts, *(member.user.accounts or ())}),
        **{**shown, **facts},
    )


def _find(hub: Hub, user_id: int) -> Member:
    try:
        return people.find(hub.store, user_id)
    except UsageError as error:
        raise Missing(error.message, hint="look at the list of users", **error.facts) from None


def _refused(request: Request, hub: Hub, user_id: int, error: HubError) -> Response:
    message, hint = words_of(error)
    return _one(request, hub, _find(hub, user_id), status_of(error), message=message, hint=hint)


def _back(user_id: int, said: str) -> Response:
    return RedirectResponse(f"/users/{user_id}?said={said}", 303)


def _accounts(hub: Hub, scope: str, accounts: tuple[str, ...]) -> frozenset[str] | None:
    """Read the choice between all accounts and some; raise `UsageError` for a name that is none."""
    if scope != "some":
        return None
    for name in accounts:
        if name not in hub.settings.accounts:
            raise UsageError("{name} is no account", hint="choose from the list", name=name)
    return frozenset(accounts)


@room.page("/users", may=Permission.ADMIN)
def show_all(request: Request, hub: TheHub, said: str = "") -> Response:
    """List the users, and offer to add one."""
    return _list(request, hub, said=_(_SAID.get(said, "")))


@room.action("/users", may=Permission.ADMIN)
def add(
    request: Request,
    hub: TheHub,
    user: TheUser,
    name: Field = "",
    display_name: Field = "",
    role: Annotated[Role, Form()] = Role.READER,
    password: Field = "",
    scope: Field = "all",
    accounts: Names = (),
) -> Response:
    """Add a user."""
    refuse_token(user)
    try:
        people.add(
            hub.store,
            name,
            role,
            password,
            hub.clock(),
            display_name=display_name,
            accounts=_accounts(hub, scope, accounts),
        )
    except HubError as error:
        message, hint = words_of(error)
        return _list(request, hub, status_of(error), message=message, hint=hint, name=name)
    return RedirectResponse("/users?said=added", 303)


@room.page("/users/{user_id}", may=Permission.ADMIN)
def show_one(request: Request, hub: TheHub, user_id: int, said: str = "") -> Response:
    """Show one user, and what can be changed."""
    return _one(request, hub, _find(hub, user_id), said=_(_SAID.get(said, "")))


@room.action("/users/{user_id}", may=Permission.ADMIN)
def change(
    request: Request,
    hub: TheHub,
    user: TheUser,
    user_id: int,
    role: Annotated[Role, Form()],
    scope: Field = "all",
    accounts: Names = (),
) -> Response:
    """Set role and accounts; they hold from the user's next click."""
    refuse_token(user)
    _find(hub, user_id)
    try:
        chosen = _accounts(hub, scope, accounts)
        people.change_role(hub.store, user_id, role)
        people.set_accounts(hub.store, user_id, chosen)
    except HubError as error:
        return _refused(request, hub, user_id, error)
    return _back(user_id, "saved")


@room.action("/users/{user_id}/disable", may=Permission.ADMIN)
def disable(request: Request, hub: TheHub, user: TheUser, user_id: int) -> Response:
    """Shut a user out."""
    refuse_token(user)
    _find(hub, user_id)
    try:
        people.disable(hub.store, user_id, hub.clock())
    except HubError as error:
        return _refused(request, hub, user_id, error)
    return _back(user_id, "disabled")


@room.action("/users/{user_id}/enable", may=Permission.ADMIN)
def enable(hub: TheHub, user: TheUser, user_id: int) -> Response:
    """Let a user in again."""
    refuse_token(user)
    _find(hub, user_id)
    people.enable(hub.store, user_id)
    return _back(user_id, "enabled")


@room.action("/users/{user_id}/password", may=Permission.ADMIN)
def set_password(request: Request, hub: TheHub, user: TheUser, user_id: int, password: Field = "") -> Response:
    """Give a user who forgot theirs another password."""
    refuse_token(user)
    _find(hub, user_id)
    try:
        people.set_password(hub.store, user_id, password)
    except HubError as error:
        return _refused(request, hub, user_id, error)
    return _back(user_id, "password")


@room.action("/users/{user_id}/sessions", may=Permission.ADMIN)
def end_sessions(hub: TheHub, user: TheUser, user_id: int, session: Annotated[int, Form()] = 0) -> Response:
    """End one session of a user, or with no number all."""
    refuse_token(user)
    _find(hub, user_id)
    if session:
        sessions.revoke(hub.store, user_id, session)
    else:
        sessions.revoke_others(hub.store, user_id, None)
    return _back(user_id, "sessions")
