"""Puts the page together: its rooms, who may enter, and what is said when something goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from hub.errors import HubError
from hub.i18n import speak
from hub.scheduling.hub import Hub
from hub.users.roles import User
from hub.web import (
    accounts,
    answering,
    caring,
    compose,
    contact_editing,
    contact_joins,
    contact_privacy,
    contact_questions,
    contacts,
    deciding,
    discussions,
    failures,
    health,
    inbox,
    live,
    login,
    pages,
    profile,
    queue,
    system,
    users,
)
from hub.web.api import rooms
from hub.web.assets import Assets
from hub.web.routes import ApiRoom, Room, check_policies
from hub.web.security import ANYWHERE, Door, Outside

# Says who makes a request, None for nobody.
Gate = Callable[[Request], User | None]
ROOMS: tuple[Room | ApiRoom, ...] = (
    login.room,
    profile.room,
    users.room,
    live.room,
    health.room,
    accounts.room,
    system.room,
    *rooms.ROOMS,
    inbox.room,
    answering.room,
    caring.room,
    discussions.room,
    contacts.room,
    contact_editing.room,
    contact_joins.room,
    contact_privacy.room,
    contact_questions.room,
    compose.room,
    queue.room,
    deciding.room,
)


class Page(FastAPI):
    """The app, with the door round everything, Starlette's own error page too."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        super().__init__(
            title="crosshub",
            docs_url=None,
            redoc_url=None,
            openapi_url=None,
            dependencies=[Depends(speak_to_reader)],
        )

    def build_middleware_stack(self) -> ASGIApp:
        return Door(super().build_middleware_stack(), self._outside, failures.explain)


async def speak_to_reader(request: Request) -> None:
    """Let what this request says be in its reader's language.

    Asynchronous, because what a thread sets of its context ends with the thread.
    """
    speak(await run_in_threadpool(pages.language_of, request))


def make_app(hub: Hub, gate: Gate, outside: Outside = ANYWHERE) -> FastAPI:
    """Return the page on a hub. `gate` says who makes a request; it is asked once for each.

    Raises `RuntimeError` for a route that does not say who may use it.
    """
    app = Page(outside)
    app.state.hub = hub
    app.state.gate = gate
    app.router.routes.extend(_routes())
    app.add_exception_handler(HubError, failures.on_hub_error)
    app.add_exception_handler(HTTPException, failures.on_http_error)
    app.add_exception_handler(RequestValidationError, failures.on_bad_fields)
    app.add_exception_handler(Exception, failures.on_defect)
    return app


@cache
def _routes() -> Sequence[BaseRoute]:
    """Put the rooms together, once in a process: it takes half a second, and they know nothing of any hub."""
    app = Page(ANYWHERE)
    for room in ROOMS:
        app.include_router(room)
    app.mount("/static", Assets(), name="static")
    check_policies(app)
    return app.routes
