"""The API's description of itself, as OpenAPI."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse

from hub.web.api.room import PREFIX, api_room

room = api_room("document")

_ABOUT = """\
Everything that the page can do, for programs.

Log in with a token (`hub tokens add`, or on the profile page): `Authorization: Bearer hub_…`. A token can do what
its user may and its scopes allow. Every answer that is no success is `{"ok": false, "error": {code, message,
hint}}`, in the language that `Accept-Language` asks for.
"""


@room.read("/openapi.json", may=None)
def get_document(request: Request) -> JSONResponse:
    """Return this document; it is for everybody, and says nothing of this hub."""
    app = request.app
    if not hasattr(app.state, "openapi"):
        app.state.openapi = _document(app.routes)
    return JSONResponse(app.state.openapi)


def _document(routes: Any) -> dict[str, Any]:
    document = get_openapi(title="crosshub", version="1", description=_ABOUT, routes=routes)
    schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes["token"] = {"type": "http", "scheme": "bearer"}
    document["security"] = [{"token": []}]
    for path, methods in document["paths"].items():
        assert path.startswith(PREFIX), path
        for operation in methods.values():
            if operation.get("x-permission") is None:
                operation["security"] = []
    # FastAPI's own form of a refusal; ours is in its place everywhere.
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"].get("schemas", {}).pop(name, None)
    return document
