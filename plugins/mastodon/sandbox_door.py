"""Who may come in at the double of a Mastodon server, and what for: apps, logins, tokens and their scopes."""

from __future__ import annotations

import re
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from hub.testing import Reply, Request
from plugins.mastodon.sandbox_refusals import error

# What a call needs, as https://docs.joinmastodon.org/methods/ says of each; the first that fits holds.
_NEEDED = (
    (r"GET /api/v1/accounts/verify_credentials", "read:accounts"),
    (r"GET /api/v1/notifications", "read:notifications"),
    (r"GET /api/v2/search", "read:search"),
    (r"GET /api/v1/(statuses|accounts)/.*", "read:statuses"),
    (r"(POST|GET) /api/v\d/media.*", "write:media"),
    (r"(POST|PUT|DELETE) /api/v1/statuses.*", "write:statuses"),
)
_SCOPES = {"read", "write", "follow", "push", "profile"} | {scope for _, scope in _NEEDED}


@dataclass
class App:
    """A client that registered itself."""

    id: str
    secret: str
    name: str
    redirects: list[str]
    scopes: list[str]


class Door:
    """What the server knows of apps and tokens, of which `token` may do all. `refusing`: the person says no."""

    def __init__(self, token: str) -> None:
        self.apps: dict[str, App] = {}
        self.tokens: dict[str, set[str]] = {token: {"read", "write"}}
        self.refusing = False
        self._codes: dict[str, Mapping[str, str]] = {}

    def refusal(self, request: Request) -> Reply | None:
        """Say why a call is not let in; None if it is."""
        granted = self.tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if granted is None:
            return error(401)
        call = f"{request.method} {request.path}"
        needed = next((scope for pattern, scope in _NEEDED if re.fullmatch(pattern, call)), "read")
        if granted & {needed, needed.partition(":")[0]}:
            return None
        return error(403, "This action is outside the authorized scopes")

    def register(self, request: Request) -> Reply:
        form = request.form()
        redirects, scopes = form.get("redirect_uris", "").split(), form.get("scopes", "read").split()
        if not form.get("client_name") or not redirects or not set(scopes) <= _SCOPES:
            return error(422, "バリデーションに失敗しました")
        app = App(secrets.token_urlsafe(32), secrets.token_urlsafe(32), form["client_name"], redirects, scopes)
        self.apps[app.id] = app
        return Reply(
            {
                "id": str(len(self.apps)),
                "name": app.name,
                "website": None,
                "scopes": scopes,
                "redirect_uris": redirects,
                "vapid_key": "vapid",
                "redirect_uri": "\n".join(redirects),
                "client_id": app.id,
                "client_secret": app.secret,
                "client_secret_expires_at": 0,
            }
        )

    def authorize(self, request: Request) -> Reply:
        """Let the person agree at once, and lead the browser back."""
        asked = request.query
        app = self.apps.get(asked.get("client_id", ""))
        if app is None or asked.get("redirect_uri") not in app.redirects or asked.get("response_type") != "code":
            return _no("invalid_client" if app is None else "invalid_request")
        if not set(asked.get("scope", "read").split()) <= set(app.scopes):
            answer = {"error": "invalid_scope"}
        elif self.refusing:
            answer = {"error": "access_denied", "error_description": "リソースの所有者がリクエストを拒否しました"}
        else:
            code = secrets.token_urlsafe(32)
            self._codes[code] = dict(asked)
            answer = {"code": code}
        if "state" in asked:
            answer["state"] = asked["state"]
        return Reply({}, 302, {"Location": f"{asked['redirect_uri']}?{urlencode(answer)}"})

    def give(self, request: Request) -> Reply:
        """Trade a code for a token, once, to the app that it was made for."""
        form = request.form()
        app = self.apps.get(form.get("client_id", ""))
        if app is None or form.get("client_secret") != app.secret:
            return _no("invalid_client", 401)
        asked = self._codes.pop(form.get("code", ""), {})
        proof = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        meant = {"client_id": app.id, "redirect_uri": form.get("redirect_uri"), "code_challenge": proof}
        if form.get("grant_type") != "authorization_code" or not meant.items() <= asked.items():
            return _no("invalid_grant")
        token = secrets.token_urlsafe(32)
        self.tokens[token] = set(asked["scope"].split())
        given: dict[str, Any] = {"access_token": token, "token_type": "Bearer", "scope": asked["scope"]}
        return Reply({**given, "created_at": int(time.time())})


def _no(kind: str, status: int = 400) -> Reply:
    return Reply({"error": kind, "error_description": "クライアントの認証に失敗しました"}, status=status)
