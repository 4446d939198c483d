"""Routes that say what they need: one that does not say it cannot be declared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute

from hub.errors import HubError
from hub.scheduling.hub import Hub
from hub.users.roles import Permission, User

F = TypeVar("F", bound=Callable[..., Any])


class LoginNeeded(HubError):
    """Nobody is logged in, and the page is not for everybody."""

    code = "login"
    exit_code = 4


class Forbidden(HubError):
    """The user's role, scope or accounts do not reach so far."""

    code = "forbidden"


class Needs:
    """What a route needs: a permission; None is for everybody, also for who is not logged in."""

    def __init__(self, permission: Permission | None) -> None:
        self.permission = permission

    def __call__(self, request: Request) -> None:
        """Let the request pass, or raise `LoginNeeded` or `Forbidden`."""
        user = user_of(request)
        if self.permission is None:
            return
        if user is None:
            raise LoginNeeded("log in first")
        if not user.may(self.permission):
            raise Forbidden("your role does not allow this")


class Room(APIRouter):
    """The routes of one page, each with the permission that it needs.

    `page` shows something and writes nothing; `action` is a form's POST and ends in a redirect.
    """

    def page(self, path: str, *, may: Permission | None) -> Callable[[F], F]:
        return self._route(path, "GET", may)

    def action(self, path: str, *, may: Permission | None) -> Callable[[F], F]:
        return self._route(path, "POST", may)

    def _route(self, path: str, method: str, may: Permission | None) -> Callable[[F], F]:
        def add(endpoint: F) -> F:
            self.add_api_route(
                path,
                endpoint,
                methods=[method],
                dependencies=[Depends(Needs(may))],
                response_class=HTMLResponse,
                response_model=None,
                include_in_schema=False,
            )
            return endpoint

        return add


def need_of(route: APIRoute) -> Needs | None:
    """Return what a route says it needs, None if it says nothing."""
    found = [one.dependency for one in route.dependencies if isinstance(one.dependency, Needs)]
    return found[0] if found else None


def check_policies(app: FastAPI) -> None:
    """Raise `RuntimeError` for a route that says nothing about who may use it."""
    for route in app.routes:
        if isinstance(route, APIRoute) and need_of(route) is None:
            raise RuntimeError(f"the route {route.path} does not say who may use it")


def hub_of(request: Request) -> Hub:
    found: Hub = request.app.state.hub
    return found


def user_of(request: Request) -> User | None:
    """Return who makes the request, asked of the app's gate once."""
    if not hasattr(request.state, "user"):
        request.state.user = request.app.state.gate(request)
    found: User | None = request.state.user
    return found


def somebody(request: Request) -> User:
    """Return who makes the request; raise `LoginNeeded` for nobody."""
    found = user_of(request)
    if found is None:
        raise LoginNeeded("log in first")
    return found


# What a route's function asks for.
TheHub = Annotated[Hub, Depends(hub_of)]
TheUser = Annotated[User, Depends(somebody)]
