"""Says what went wrong, in one place: as a page in the reader's language, or as JSON to programs."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException

from hub.errors import DuplicateError, GoneError, HubError, RejectedError, UsageError
from hub.i18n import speak, words_of
from hub.users.logins import LoginRefused, TooManyLogins
from hub.users.setup import SetupRefused
from hub.web import pages
from hub.web.routes import Forbidden, LoginNeeded, Missing, methods_at
from hub.web.security import Refusal

# Read by programs, which follow no redirect to a form.
_FOR_PROGRAMS = ("/api/", "/live", "/metrics", "/healthz", "/readyz")
# The first that an error is decides.
_STATUS: tuple[tuple[type[HubError], int], ...] = (
    (LoginNeeded, 401),
    (LoginRefused, 422),
    (TooManyLogins, 429),
    (SetupRefused, 410),
    (Forbidden, 403),
    (Missing, 404),
    (GoneError, 404),
    (DuplicateError, 409),
    (RejectedError, 422),
    (UsageError, 400),
)
# Codes of errors that rooms below declare.
_BY_CODE = {"answered": 409, "unknown": 502, "changed": 409, "forbidden": 403}


def status_of(error: HubError) -> int:
    """Return HTTP's number for an error; what is not the reader's doing is 503."""
    if isinstance(error, Refusal):
        return error.status
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 503)


def explain(request: Request, error: HubError) -> Response:
    """Answer with what went wrong; who is not logged in and opens a page is led to the login."""
    programs = request.url.path.startswith(_FOR_PROGRAMS)
    status = status_of(error)
    headers: dict[str, str] = {}
    if isinstance(error, LoginNeeded) and not programs:
        login = f"/login?next={quote(_wanted(request), safe='/')}"
        if request.headers.get("hx-request"):
            # A part of a page cannot hold the login: the whole page goes there.
            headers["hx-redirect"] = login
        elif request.method in ("GET", "HEAD"):
            return RedirectResponse(login, 303)
    if isinstance(error, TooManyLogins):
        headers["retry-after"] = str(error.retry_after)
    speak(pages.language_of(request))
    message, hint = words_of(error)
    if programs:
        if status == 401:
            headers["www-authenticate"] = "Bearer"
        document = {"ok": False, "error": {"code": error.code, "message": message, "hint": hint}}
        return JSONResponse(document, status, headers)
    page = pages.render(request, "error.html", status, message=message, hint=hint)
    page.headers.update(headers)
    return page


def _wanted(request: Request) -> str:
    """Return the address to go to after the login: this page, or the one that asked for a part of itself."""
    current = request.headers.get("hx-current-url")
    url = urlsplit(current) if current else urlsplit(str(request.url))
    return url.path + (f"?{url.query}" if url.query else "")


def on_hub_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HubError)
    return explain(request, error)


def on_http_error(request: Request, error: Exception) -> Response:
    """Say FastAPI's and Starlette's own refusals in our words."""
    assert isinstance(error, HTTPException)
    refusal = _refusal(error.status_code, str(error.detail))
    answer = explain(request, refusal)
    answer.headers.update(error.headers or {})
    if error.status_code == 405:
        # Starlette names those of the first route that it finds, and an address may have several.
        answer.headers["allow"] = ", ".join(methods_at(request.app, request.url.path))
    return answer


def _refusal(status: int, detail: str) -> Refusal:
    if status == 404:
        return Refusal(404, "there is no such page", hint="look for it from the start page")
    if status == 405:
        return Refusal(405, "this address does not work that way", hint="open the page and use its buttons")
    if status == 408:
        return Refusal(408, "what you sent did not arrive in time", hint="try again")
    if status == 413:
        return Refusal(413, "what you sent is too large", hint="send less at once, or smaller images")
    return Refusal(status, "the request was refused: {detail}", detail=detail)


def on_bad_fields(request: Request, error: Exception) -> Response:
    """Say which fields of a form or of an address are not as they should be; never what stood in them."""
    assert isinstance(error, RequestValidationError)
    fields = sorted({str(one["loc"][-1]) for one in error.errors()})
    refusal = Refusal(
        422,
        "these fields are not as they should be: {fields}",
        hint="go back and look at them",
        fields=", ".join(fields),
    )
    return explain(request, refusal)


def on_defect(request: Request, _error: Exception) -> Response:
    """Say that it is our fault, and where the log tells more; what it was is for the log alone."""
    refusal = Refusal(
        500,
        "something went wrong in the hub",
        hint="it is a defect; the log has it under {request}",
        request=request.state.request_id,
    )
    return explain(request, refusal)
