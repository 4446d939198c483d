"""Lets a person log in to a network with their browser: OAuth 2's code flow with PKCE, answered on loopback."""

from __future__ import annotations

import hashlib
import html
import queue
import secrets
import threading
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Annotated, Any, Self
from urllib.parse import SplitResult, parse_qs, quote, urlencode, urlsplit

import msgspec

from hub.answer import reason_in
from hub.errors import AuthError, ConfigError, HubError, TransientError, UnavailableError, UnknownOutcome
from hub.http import Http
from hub.models import OAuth, OAuthClient

CALLBACK = "/callback"
_HOST = "127.0.0.1"  # RFC 8252, 8.3: not the name localhost, which may lead elsewhere
_REFUSALS = (400, 401, 403)
# A browser opens connections ahead of their use; one that says nothing is given up after so many seconds.
_SILENCE = 10.0
_POLL = 0.02  # seconds in which the port is closed when a login is over
_REASON = 300  # characters of what a network says in an error


class StrayAnswerError(AuthError):
    """What came back belongs to another login, or to none. It says nothing about this one, which goes on."""


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What a token endpoint gives (RFC 6749, 5.1). `expires_in` is in seconds, `scope` "" if all was granted."""

    access_token: Annotated[str, msgspec.Meta(min_length=1)]
    token_type: str = "Bearer"  # noqa: S105  # a kind
    refresh_token: str = ""
    expires_in: float | None = None
    scope: str = ""

    def __repr__(self) -> str:
        return f"Grant(token_type={self.token_type!r}, expires_in={self.expires_in!r}, scope={self.scope!r})"

    def missing(self, wanted: Sequence[str]) -> list[str]:
        """Name the scopes that were asked for and not granted."""
        granted = set(self.scope.replace(",", " ").split())
        return [scope for scope in wanted if scope not in granted] if granted else []


@dataclass(frozen=True, slots=True)
class Login:
    """One attempt to log in; `state` and `verifier` are its own, and good for one code."""

    oauth: OAuth
    api_url: str
    client: OAuthClient
    redirect_uri: str
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    # RFC 7636, 4.1: 43 to 128 characters.
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(64), repr=False)

    def url(self) -> str:
        """Return the address that the person opens; raise `ConfigError` if it is not safe to."""
        address = self._address(self.oauth.authorize_url)
        challenge = urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self.client.id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(self.oauth.scopes),
            "state": self.state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        # By percent signs throughout: some networks take the + of forms for itself.
        asked = urlencode({name: value for name, value in query.items() if value}, quote_via=quote)
        return f"{address}{'&' if '?' in address else '?'}{asked}"

    def code_in(self, answer: str) -> str:
        """Return the code in the address that the network sent the browser to.

        Raises `StrayAnswerError` for an address of another login, `AuthError` if the network refused.
        """
        if answer.partition("?")[0] != self.redirect_uri:
            raise StrayAnswerError(
                "this is not the address that the network leads back to",
                hint="it begins with {redirect}?",
                redirect=self.redirect_uri,
            )
        try:
            given = parse_qs(urlsplit(answer).query, keep_blank_values=True, max_num_fields=50)
        except ValueError:
            given = {}
        state = given.get("state", [])
        if len(state) != 1 or not secrets.compare_digest(state[0].encode(errors="replace"), self.state.encode()):
            raise StrayAnswerError(
                "this answer belongs to another login: its state is not ours", hint="use the newest address"
            )
        if any(len(values) > 1 for values in given.values()):
            raise StrayAnswerError("this answer says something twice, which OAuth forbids")
        error = given.get("error", [""])[0]
        if error:
            why = given.get("error_description", [""])[0] or error
            raise AuthError(
                "the network did not let the hub in: {why}",
                hint="log in again, and agree to what the network asks",
                why=why[:_REASON],
            )
        code = given.get("code", [""])[0]
        if not code:
            raise AuthError("the network led back without a code", hint="log in again")
        return code

    def exchange(self, code: str, http: Http) -> Grant:
        """Trade the code for tokens. `http` learns them as secrets, and repeats nothing: a code is good once.

        Raises `AuthError` if the network refuses, `TransientError` if it was not to be had.
        """
        url = self._address(self.oauth.token_url)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        }
        headers = {}
        if self.client.secret and self.oauth.client_auth == "basic":
            pair = f"{quote(self.client.id, safe='')}:{quote(self.client.secret, safe='')}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": self.client.id}
            form |= {"client_secret": self.client.secret} if self.client.secret else {}
        for secret in (code, self.verifier, self.client.secret):
            http.add_secret(secret)
        try:
            answer = http.post(url, form=form, headers=headers, accept=_REFUSALS)
            if not answer.ok:
                why = http.redact(reason_in(answer)).strip(" ()") or f"HTTP {answer.status}"
                raise AuthError("the network gives no token: {why}", hint="log in again", why=why)
            grant = answer.decode(Grant)
        except UnknownOutcome as error:
            raise TransientError("the login was not finished: {why}", hint="log in again", why=error) from None
        http.add_secret(grant.access_token)
        http.add_secret(grant.refresh_token)
        if grant.token_type.lower() != "bearer":
            raise AuthError("the network gives tokens of a kind that is not known: {kind}", kind=grant.token_type)
        return grant

    def _address(self, url: str) -> str:
        """Return the whole address; raise `ConfigError` for one that would show secrets on its way."""
        whole = url if url.startswith(("http://", "https://")) else self.api_url.rstrip("/") + url
        parts = urlsplit(whole)
        if parts.scheme != "https" and not _stays_here(parts):
            raise ConfigError(
                "{url} is not https: whoever listens would have the account",
                hint="give an api_url that begins with https://",
                url=whole,
            )
        return whole


def _stays_here(parts: SplitResult) -> bool:
    return parts.scheme == "http" and parts.hostname in (_HOST, "localhost", "::1")


class Loopback:
    """Listens on 127.0.0.1 for the browser to come back, once. Use as a context manager.

    `page(error)` is what the browser is shown: plain text, the first line its heading; None: it went well.
    """

    def __init__(self, page: Callable[[HubError | None], str], port: int = 0) -> None:
        try:
            self._server = _Server(page, port)
        except (OSError, OverflowError) as error:
            raise UnavailableError(
                "nobody can listen on port {port} of 127.0.0.1: {why}",
                hint="name another one with --port, and register its redirect address, or use --no-browser",
                port=port,
                why=error,
            ) from None
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL,), daemon=True)

    @property
    def redirect_uri(self) -> str:
        return redirect_uri(self._server.server_port)

    def begin(self, login: Login) -> None:
        """Answer the browser from now on; some browsers keep whoever opens them waiting until they are done."""
        self._server.login = login
        self._thread.start()

    def wait(self, seconds: float) -> str:
        """Return the code that comes back, or raise what `Login.code_in` raises.

        What is not for this login is refused and changes nothing. After the first answer that is, the port is
        closed. Raises `AuthError` when the time is over.
        """
        try:
            outcome = self._server.outcome.get(timeout=seconds)
        except queue.Empty:
            raise AuthError(
                "nobody has logged in within {seconds} s",
                hint="run it again; where the browser is on another machine, use --no-browser",
                seconds=round(seconds),
            ) from None
        finally:
            self.close()
        if isinstance(outcome, HubError):
            raise outcome
        return outcome

    def close(self) -> None:
        """Close the port; whoever comes now is refused."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def redirect_uri(port: int) -> str:
    """Return where the network leads the browser back to."""
    return f"http://{_HOST}:{port}{CALLBACK}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, page: Callable[[HubError | None], str], port: int) -> None:
        super().__init__((_HOST, port), _Handler)
        self.page = page
        self.login: Login | None = None
        self.outcome: queue.SimpleQueue[str | HubError] = queue.SimpleQueue()
        self._over = threading.Lock()

    def take(self, answer: str) -> tuple[int, str | HubError, bool]:
        """Judge an answer: the status to give, the code or what is wrong, and whether it ends the login."""
        if self.login is None:
            return 503, StrayAnswerError("nobody is logging in"), False
        outcome: str | HubError
        try:
            outcome = self.login.code_in(answer)
        except StrayAnswerError as error:
            return 400, error, False
        except AuthError as error:
            outcome = error
        # Held for ever by the first answer.
        if not self._over.acquire(blocking=False):
            return 410, StrayAnswerError("this login is over"), False
        return (200 if isinstance(outcome, str) else 400), outcome, True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version, sys_version = "crosshub", ""
    timeout = _SILENCE

    def do_GET(self) -> None:  # http.server's name
        here = f"{_HOST}:{self.server.server_port}"
        if self.path.partition("?")[0] != CALLBACK:
            self._say(404, "404")
        elif self.headers.get("Host") != here:
            # Another name for this address is how foreign pages get to speak with it.
            self._say(421, "421")
        else:
            status, outcome, ends = self.server.take(f"http://{here}{self.path}")
            try:
                self._say(status, self.server.page(outcome if isinstance(outcome, HubError) else None))
            finally:
                if ends:
                    self.server.outcome.put(outcome)

    def _say(self, status: int, text: str) -> None:
        title, _, rest = text.partition("\n")
        body = (
            '<!doctype html><meta charset="utf-8"><title>crosshub</title>'
            f"<h1>{html.escape(title)}</h1><p>{html.escape(rest)}</p>"
        ).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the line would hold the code."""
