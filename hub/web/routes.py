"""Routes that say what they need: one that does not say it cannot be declared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from pydantic import BaseModel
from starlette.routing import Mount, compile_path

from hub.errors import HubError, UsageError
from hub.scheduling.hub import Hub
from hub.store.running import changes
from hub.users.roles import Permission, User

F = TypeVar("F", bound=Callable[..., Any])


class LoginNeeded(HubError):
    """Nobody is logged in, and the page is not for everybody."""

    code = "login"
    exit_code = 4


class Forbidden(HubError):
    """The user's role, scope or accounts do not reach so far."""

    code = "forbidden"


class Missing(UsageError):
    """What the address names is not there, or not for this user."""

    code = "missing"


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
        needed = [Depends(Needs(may)), *([Depends(mark_place)] if method == "GET" else [])]

        def add(endpoint: F) -> F:
            self.add_api_route(
                path,
                endpoint,
                methods=[method],
                dependencies=needed,
                response_class=HTMLResponse,
                response_model=None,
                include_in_schema=False,
            )
            return endpoint

        return add


class ApiRoom(APIRouter):
    """Routes of the API, each with the permission that it needs and the model of its answer.

    `read` writes nothing; `write` is a POST unless it says otherwise. `errors` are the numbers of the answers that
    say what went wrong, beside those that any route may give.
    """

    def read(self, path: str, *, may: Permission | None, errors: Sequence[int] = ()) -> Callable[[F], F]:
        return self._route(path, "GET", may, errors, 200)

    def write(
        self,
        path: str,
        *,
        may: Permission,
        method: Literal["POST", "PUT", "DELETE"] = "POST",
        errors: Sequence[int] = (),
        status: int = 200,
    ) -> Callable[[F], F]:
        return self._route(path, method, may, errors, status)

    def _route(
        self, path: str, method: str, may: Permission | None, errors: Sequence[int], status: int
    ) -> Callable[[F], F]:
        needs = Needs(may)
        common = (400, 503) if may is None else (400, 401, 403, 503)
        told: dict[int | str, dict[str, Any]] = {
            number: {"model": ErrorAnswer, "description": _SAID[number]}
            for number in sorted({*common, *errors, 422})
        }

        def add(endpoint: F) -> F:
            self.add_api_route(
                path,
                endpoint,
                methods=[method],
                status_code=status,
                dependencies=[Depends(needs)],
                responses=told,
                # By the name of its function: what a client that is made of the document will call it.
                operation_id=endpoint.__name__,
                openapi_extra={"x-permission": may.value if may else None},
            )
            return endpoint

        return add


class Error(BaseModel):
    """What went wrong: a code for programs; words and a mend for people, in the language that was asked for."""

    code: str
    message: str
    hint: str


class ErrorAnswer(BaseModel):
    """Every answer that is no success."""

    ok: Literal[False]
    error: Error


_SAID = {
    400: "It cannot be done as it was asked for.",
    401: "A session or a token is needed.",
    403: "The role, the scope of the token, or its accounts do not reach so far.",
    404: "It is not there, or not for you.",
    409: "Somebody was faster, or it is another thing already.",
    413: "It is too large.",
    422: "It cannot be read, or the network would refuse it.",
    502: "The network refused it, or may have taken it without saying so.",
    503: "The store or a network cannot be reached, or the hub is stopped.",
}


def mark_place(request: Request) -> None:
    """Remember the newest change before the page reads anything: what changes later, it is told of by `/live`."""
    if user_of(request) is not None:
        with hub_of(request).store.read() as connection:
            request.state.cursor = changes.latest(connection)


def routes_of(app: FastAPI) -> Iterator[RouteContext]:
    """Yield every route of the app, those of its rooms too, which FastAPI keeps in routers of their own."""
    yield from iter_route_contexts(app.routes)


def methods_at(app: FastAPI, path: str) -> list[str]:
    """Return what can be done at an address, whichever of its routes does it."""
    found = set[str]()
    for route in routes_of(app):
        if isinstance(route.original_route, APIRoute) and compile_path(str(route.path))[0].match(path):
            found |= set(route.methods or ())
    return sorted(found)


def need_of(route: RouteContext | APIRoute) -> Needs | None:
    """Return what a route says it needs, None if it says nothing."""
    dependencies = getattr(route, "dependencies", None) or ()
    found = [one.dependency for one in dependencies if isinstance(one.dependency, Needs)]
    return found[0] if found else None


def check_policies(app: FastAPI) -> None:
    """Raise `RuntimeError` for a route that says nothing about who may use it; static files are for everybody."""
    for route in routes_of(app):
        if isinstance(route.original_route, Mount) and route.path == "/static":
            continue
        if not isinstance(route.original_route, APIRoute) or need_of(route) is None:
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
