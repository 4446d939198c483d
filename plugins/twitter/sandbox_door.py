"""Who may come in at the double of X, and how often: tokens, signatures, rate limits, the shapes of refusals."""

from __future__ import annotations

import secrets
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Literal, cast
from urllib.parse import unquote, urlencode

from hub.testing import Reply, Request

Login = Literal["bearer", "renewing", "oauth1"]

# Calls in 15 minutes for one user, as documented. Tests publish more: the double allows it unless told these.
RATE_LIMITS = {
    "POST /2/tweets": 100,
    "GET /2/tweets": 5000,
    "DELETE /2/tweets/:id": 50,
    "GET /2/users/me": 75,
    "GET /2/users/:id/tweets": 900,
    "GET /2/users/:id/mentions": 300,
    "GET /2/tweets/search/recent": 300,
    "POST /2/media/upload": 500,
    "GET /2/media/upload": 1000,
    "POST /2/media/metadata": 500,
}
WINDOW = 15 * 60


class Failed(Exception):
    """The double says no; `reply` is how X says it."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.json)
        self.reply = reply


def failed(status: int, title: str, detail: str, *, kind: str = "about:blank", **more: Any) -> Failed:
    """Make a problem as X shows it."""
    body = {"title": title, "detail": detail, "type": kind, "status": status, **more}
    return Failed(Reply(body, status, content_type="application/problem+json"))


class Door:
    """The logins that the double knows, of every kind that X has for a user."""

    consumer_key, consumer_secret = "consumer-key-1", "consumer-secret-1"
    oauth1_token, oauth1_secret = "1-oauth1-token", "oauth1-token-secret"
    client_id, client_secret = "client-1", "client-secret-1"
    app_only = "app-only-bearer"
    redirects = ("http://127.0.0.1:8722/callback",)

    def __init__(self, login: Login, expires_in: float, limits: Mapping[str, int], problems: str) -> None:
        self.login = login
        self.expires_in = expires_in
        self.limits = limits
        self.problems = problems
        self.access = {"access-token-0": time.time() + expires_in}
        self.refresh = {"refresh-token-0"}
        self.renewals = 0
        self._codes: dict[str, Mapping[str, str]] = {}
        self._nonces: set[str] = set()
        self._windows: dict[str, tuple[float, int]] = {}

    def account(self) -> dict[str, Any]:
        if self.login == "oauth1":
            return {
                "token": self.oauth1_token,
                "token_secret": self.oauth1_secret,
                "consumer_key": self.consumer_key,
                "consumer_secret": self.consumer_secret,
            }
        pair = {"token": "access-token-0"}
        if self.login == "renewing":
            pair |= {"refresh_token": "refresh-token-0", "client_id": self.client_id}
            pair |= {"client_secret": self.client_secret}
        return pair

    def expire(self) -> None:
        """End all access tokens, as two hours would."""
        self.access = dict.fromkeys(self.access, 0.0)

    def count(self, route: str) -> dict[str, str]:
        """Count a call and return the headers; raises `Failed` above the limit."""
        now = time.time()
        ends, used = self._windows.get(route, (0.0, 0))
        if ends <= now:
            ends, used = now + WINDOW, 0
        limit = self.limits.get(route, 100_000)
        self._windows[route] = (ends, used + 1)
        headers = {
            "x-rate-limit-limit": str(limit),
            "x-rate-limit-remaining": str(max(limit - used - 1, 0)),
            "x-rate-limit-reset": str(int(ends)),
        }
        if used >= limit:
            no = failed(429, "Too Many Requests", "Too Many Requests")
            raise Failed(Reply(no.reply.json, 429, headers, content_type=no.reply.content_type))
        return headers

    def enter(self, request: Request) -> None:
        """Let a signed call in, or raise `Failed`."""
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if kind == "OAuth" and self._signed(request):
            return
        if kind == "Bearer":
            if value == self.app_only:
                raise failed(
                    403,
                    "Unsupported Authentication",
                    "Authenticating with OAuth 2.0 Application-Only is forbidden for this endpoint.  Supported "
                    "authentication types are [OAuth 1.0a User Context, OAuth 2.0 User Context].",
                    kind=self.problems + "unsupported-authentication",
                )
            if self.access.get(value, 0.0) > time.time():
                return
        raise failed(401, "Unauthorized", "Unauthorized")

    def authorize(self, request: Request) -> Reply:
        """Agree to a login at once, and lead the browser back with a code; refuse what X has an error page for."""
        asked = request.query
        known = asked.get("client_id") == self.client_id and asked.get("redirect_uri") in self.redirects
        if not known or asked.get("response_type") != "code" or asked.get("code_challenge_method") != "S256":
            return Reply({"error": "Something went wrong: you weren't able to give access to the App."}, 400)
        code = secrets.token_urlsafe(24)
        self._codes[code] = dict(asked)
        back = urlencode({"state": asked["state"], "code": code})
        return Reply({}, 302, {"Location": f"{asked['redirect_uri']}?{back}"})

    def give(self, request: Request) -> Reply:
        """Answer at the token endpoint: each code and each refresh token is taken once."""
        form = request.form()
        if form.get("grant_type") != "authorization_code":
            return self._renew(request, form)
        if not self._is_client(request, form):
            return Reply({"error": "invalid_client", "error_description": "Missing valid client"}, 401)
        asked = self._codes.pop(form.get("code", ""), None)
        proof = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != proof or asked["redirect_uri"] != form.get("redirect_uri"):
            said = "Value passed for the authorization code was invalid."
            return Reply({"error": "invalid_request", "error_description": said}, 400)
        return self._pair(asked["scope"])

    def _is_client(self, request: Request, form: Mapping[str, str]) -> bool:
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if kind != "Basic":
            return form.get("client_id") == self.client_id
        who, _, secret = b64decode(value).decode().partition(":")
        return (unquote(who), unquote(secret)) == (self.client_id, self.client_secret)

    def _renew(self, request: Request, form: Mapping[str, str]) -> Reply:
        if not self._is_client(request, form):
            return Reply({"error": "invalid_client", "error_description": "Missing valid client"}, 401)
        if set(form) - {"grant_type", "refresh_token", "client_id"} or form.get("grant_type") != "refresh_token":
            return Reply({"error": "invalid_request", "error_description": "Wrong parameters"}, 400)
        if form.get("refresh_token") not in self.refresh:
            # A refresh token that comes again was stolen: what descends from it ends too.
            self.refresh.clear()
            self.expire()
            return Reply({"error": "invalid_grant", "error_description": "The refresh token is not valid"}, 400)
        return self._pair("tweet.read tweet.write users.read media.write offline.access")

    def _pair(self, scope: str) -> Reply:
        """Give new tokens; those before end."""
        self.refresh.clear()
        self.renewals += 1
        access, refresh = (f"{name}-{self.renewals}-{secrets.token_hex(8)}" for name in ("access", "refresh"))
        self.access = {access: time.time() + self.expires_in}
        body = {"token_type": "bearer", "expires_in": int(self.expires_in), "access_token": access, "scope": scope}
        if "offline.access" in scope.split():
            self.refresh.add(refresh)
            body["refresh_token"] = refresh
        return Reply(body)

    def _signed(self, request: Request) -> bool:
        """Verify an OAuth 1.0a signature over method, address and query; other bodies than forms are outside."""
        from oauthlib.common import Request as Signed
        from oauthlib.oauth1.rfc5849 import signature

        query = urlencode(list(request.query.items()))
        headers = {"Authorization": request.headers["authorization"]}
        given = dict(signature.collect_parameters(headers=headers, exclude_oauth_signature=False))
        signed: Any = Signed(f"http://{request.headers['host']}{request.path}", cast(Any, request.method))
        signed.params = signature.collect_parameters(uri_query=query, headers=headers)
        signed.signature = given.get("oauth_signature", "")
        fresh = abs(time.time() - int(given.get("oauth_timestamp", 0))) < 300
        nonce = given.get("oauth_nonce", "")
        ours = (given.get("oauth_consumer_key"), given.get("oauth_token"))
        if not fresh or not nonce or nonce in self._nonces or ours != (self.consumer_key, self.oauth1_token):
            return False
        self._nonces.add(nonce)
        return bool(signature.verify_hmac_sha1(signed, self.consumer_secret, self.oauth1_secret))
