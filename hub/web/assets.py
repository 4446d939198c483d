"""Serves the static files: for ever under the address that names their content, for a while under any other."""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import Response
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

from hub.web.pages import version_of

FOR_EVER = "public, max-age=31536000, immutable"
FOR_A_WHILE = "public, max-age=300"


class Assets(StaticFiles):
    """The files of hub/web/static."""

    def __init__(self) -> None:
        super().__init__(packages=[("hub.web", "static")])

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code in (200, 304):
            (asked,) = parse_qs(scope["query_string"].decode("latin-1")).get("v", [""])[:1]
            # While a new release takes over, a page of one may ask the other: its file must not stay for ever.
            known = bool(asked) and asked == version_of(path.replace("\\", "/"))
            response.headers["cache-control"] = FOR_EVER if known else FOR_A_WHILE
        return response
