"""Puts the page together: its rooms, who may enter, and what is said when something goes wrong."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles

from hub.errors import HubError, UsageError
from hub.i18n import speak, words_of
from hub.scheduling.hub import Hub
from hub.users.roles import User
from hub.web import pages
from hub.web.routes import Forbidden, LoginNeeded, Room, check_policies

# Says who makes a request, None for nobody.
Gate = Callable[[Request], User | None]
ROOMS: tuple[Room, ...] = ()


def make_app(hub: Hub, gate: Gate) -> FastAPI:
    """Return the page on a hub. `gate` says who makes a request; it is asked once for each."""
    app = FastAPI(title="crosshub", docs_url=None, redoc_url=None)
    app.state.hub = hub
    app.state.gate = gate
    for room in ROOMS:
        app.include_router(room)
    app.mount("/static", StaticFiles(packages=[("hub.web", "static")]), name="static")
    app.add_exception_handler(HubError, _explain)
    check_policies(app)
    return app


def _explain(request: Request, error: Exception) -> Response:
    assert isinstance(error, HubError)
    if isinstance(error, LoginNeeded) and request.method == "GET":
        return RedirectResponse(f"/login?next={request.url.path}", 303)
    status = 401 if isinstance(error, LoginNeeded) else 403 if isinstance(error, Forbidden) else 400
    if not isinstance(error, LoginNeeded | Forbidden | UsageError):
        status = 503
    speak(pages.language_of(request))
    message, hint = words_of(error)
    return pages.render(request, "error.html", status, message=message, hint=hint)
