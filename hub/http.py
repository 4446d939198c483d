"""One account's line to its platform: deadline, size cap, retries, rate limits, redaction."""

from __future__ import annotations

import functools
import logging
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from hub import dial
from hub.answer import Answer, reason_in
from hub.body import TooLarge, read_body
from hub.errors import (
    AuthError,
    GoneError,
    HubError,
    OverBudget,
    RejectedError,
    TransientError,
    UnknownOutcome,
)
from hub.lease import elapsed, unbounded
from hub.models import RateLimit
from hub.pace import Pace, Spaced
from hub.ratelimits import rate_limit, retry_after

# httpx writes whole URLs, and with them tokens, at INFO.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)

T = TypeVar("T")
Files = Mapping[str, tuple[str, bytes, str]]
"""Multipart files: field name to (file name, content, MIME type)."""

DEADLINE = 30.0
MAX_BYTES = 20 * 1024 * 1024
_REPEATABLE = frozenset({"GET", "HEAD"})
# Of so many paths is kept what the network told of its limits.
_PATHS = 64


@functools.cache
def tls() -> ssl.SSLContext:
    """Return the TLS context that all accounts share: making one costs 30 ms."""
    return httpx.create_ssl_context(trust_env=False)


class Http:
    """Calls one platform for one account. Safe to use from one thread at a time, like the account itself.

    `lease` says how many seconds the turn that calls may still send, no end of them outside a turn. No call begins
    when nothing is left, and none goes on sending: see hub/lease.py.

    Raises, for every call: `TransientError` (surely nothing was done), `UnknownOutcome` (a write left and was
    not answered), `AuthError` (401, or a redirect where none belongs), `GoneError` (404, 410), `RejectedError`
    (any other 4xx), or what the plugin's `explain` makes of the answer.
    """

    def __init__(
        self,
        base_url: str,
        *,
        deadline: float = DEADLINE,
        max_bytes: int = MAX_BYTES,
        calls_per_second: float | None = None,
        secrets: Sequence[str] = (),
        connections: int = 2,
        user_agent: str = "crosshub (+https://github.com/crosshub/crosshub)",
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.deadline = deadline
        self.max_bytes = max_bytes
        self.rate_limits: dict[str, RateLimit] = {}
        self.last_request_id = ""
        self.sign: Callable[[str, str], Mapping[str, str]] = lambda method, url: {}
        self.explain: Callable[[Answer], HubError | None] = lambda answer: None
        self._secrets = [secret for secret in secrets if len(secret) >= 4]
        self.pace: Pace = Spaced(calls_per_second)
        self.lease: Callable[[], float] = unbounded
        self._clock = dial.Deadline(lambda: self.lease())
        self._connections = connections
        self._user_agent = user_agent
        self._client: httpx.Client | None = None
        self._opening = threading.Lock()
        self._calls = 0

    def get(self, path: str, **options: Any) -> Answer:
        """Read; see `request`. Retried on any transient trouble within the deadline."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Answer:
        """Write; see `request`. Retried only if it surely did nothing."""
        return self.request("POST", path, **options)

    def fetch(self, url: str, *, max_bytes: int | None = None) -> Answer:
        """Read an address that content named: unsigned, followed, and never to a private host but our own."""
        return self.request("GET", url, foreign=True, follow=3, max_bytes=max_bytes)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        form: Mapping[str, Any] | None = None,
        files: Files | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
        follow: int = 0,
        foreign: bool = False,
        accept: Sequence[int] = (),
        max_bytes: int | None = None,
    ) -> Answer:
        """Make one call and return its answer once it is whole.

        `path` is joined to the base URL unless it is a URL itself; a None among `params` or `form` is left out.
        `content` is a body as it stands, whose `Content-Type` is among the `headers`.
        `repeatable` says that doing it twice shows nowhere (an upload that is not used, a token exchange);
        without it only GET and HEAD are. `follow` is the number of redirects to follow (reads only). A status
        in `accept` is returned as it is, such as 304.
        """
        url = path if path.startswith(("http://", "https://")) else self.base_url + path
        call = _Call(
            method=method,
            url=url,
            params=_given(params),
            json=json,
            form=_given(form),
            files=files,
            content=content,
            headers=dict(headers or {}),
            repeatable=method in _REPEATABLE if repeatable is None else repeatable,
            follow=follow,
            foreign=foreign,
            accept=frozenset(accept),
            max_bytes=max_bytes or self.max_bytes,
        )
        until = elapsed() + self.deadline
        self.last_request_id = ""
        try:
            return self._once(call, until)
        except TransientError as error:
            return self._again(call, until, error)

    def redact(self, text: str) -> str:
        """Return `text` without any secret of the account."""
        # The longest first: one secret may begin with another.
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, "…")
        return text

    def add_secret(self, secret: str) -> None:
        """Learn a secret that came during the run, such as a renewed token."""
        if len(secret) >= 4 and secret not in self._secrets:
            self._secrets.append(secret)

    @contextmanager
    def under(self, lease: Callable[[], float]) -> Iterator[None]:
        """Let calls be under a turn's lease for a while."""
        self.lease = lease
        try:
            yield
        finally:
            if self.lease is lease:
                self.lease = unbounded

    def rest(self) -> bool:
        """Let go of the connections, which the next call opens anew; False if a call is under way."""
        with self._opening:
            if self._calls:
                return False
            client, self._client = self._client, None
        if client is not None:
            client.close()
        return True

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _again(self, call: _Call, until: float, first: TransientError) -> Answer:
        """Try again within the deadline; tenacity is only imported and asked after a failure."""
        import tenacity

        def wait(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.retry_after if isinstance(error, TransientError) else None
            jittered: float = tenacity.wait_random_exponential(multiplier=0.2, max=5)(state)
            return jittered if asked is None else asked

        def enough(state: tenacity.RetryCallState) -> bool:
            left = min(until - elapsed(), self.lease())
            return state.attempt_number >= 5 or state.upcoming_sleep >= left

        attempts = iter([first])

        def once() -> Answer:
            for error in attempts:
                raise error
            return self._once(call, until)

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(
                lambda error: isinstance(error, TransientError) and not isinstance(error, OverBudget)
            ),
            wait=wait,
            stop=enough,
            reraise=True,
        )
        return retrying(once)

    def _once(self, call: _Call, until: float) -> Answer:
        self.pace.wait(until)
        where: dict[str, Any] = {"method": call.method, "url": self.redact(_without_query(call.url))}
        if self.lease() <= 0:
            raise TransientError("{method} {url} was not begun: the lease of this turn is over", **where)
        try:
            with self._calling(), self._clock.within(until - elapsed(), foreign=call.foreign):
                response, moved = self._send(call)
                try:
                    body = read_body(response, call.max_bytes)
                finally:
                    response.close()
        except dial.Refused as error:
            raise RejectedError("{method} {url} was not made: {why}", why=str(error), **where) from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise RejectedError("{method} {url} is no address: {why}", why=str(error), **where) from None
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            cause = error.__cause__
            if isinstance(cause, dial.Refused):
                raise RejectedError("{method} {url} was not made: {why}", why=str(cause), **where) from None
            raise TransientError(
                "{method} {url}: no connection ({why})", why=self.redact(str(error)), **where
            ) from None
        except (httpx.LocalProtocolError, UnicodeEncodeError):
            # What it says quotes the header, and with it the secret.
            raise AuthError(
                "{method} {url} could not be written: a header holds what HTTP forbids",
                hint="look for a line break or a letter that is not Latin in the account's secrets",
                **where,
            ) from None
        except (httpx.TransportError, httpx.DecodingError, zlib.error) as error:
            why = self.redact(str(error) or type(error).__name__)
            again = RejectedError if isinstance(error, TooLarge) else TransientError
            kind: type[HubError] = again if call.repeatable else UnknownOutcome
            raise kind("{method} {url}: the answer was lost ({why})", why=why, **where) from None
        answer = Answer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=body,
            method=call.method,
            url=self.redact(_without_query(str(response.url))),
            repeatable=call.repeatable,
            moved=moved,
        )
        self.last_request_id = answer.request_id
        self._note_rate_limit(answer)
        error_ = self._error_of(answer, call)
        if isinstance(error_, TransientError) and error_.whole_app and error_.retry_after is not None:
            self.pace.hold(error_.retry_after, self.redact(str(error_)))
        if error_ is not None:
            raise error_
        return answer

    @contextmanager
    def _calling(self) -> Iterator[None]:
        """Keep the connections for as long as a call is under way."""
        with self._opening:
            self._calls += 1
        try:
            yield
        finally:
            with self._opening:
                self._calls -= 1

    def _open(self) -> httpx.Client:
        with self._opening:
            if self._client is None:
                own = urlsplit(self.base_url)
                port = own.port or (443 if own.scheme == "https" else 80)
                self._client = httpx.Client(
                    transport=dial.transport(
                        tls(), self._clock, frozenset({f"{own.hostname}:{port}"}), self._connections
                    ),
                    headers={"User-Agent": self._user_agent, "Accept-Encoding": "gzip"},
                    timeout=self.deadline,
                    trust_env=False,
                    max_redirects=3,
                )
            return self._client

    def _build(self, call: _Call) -> httpx.Request:
        url = httpx.URL(call.url, params=call.params) if call.params else httpx.URL(call.url)
        if url.scheme not in ("http", "https"):
            raise httpx.UnsupportedProtocol(f"{url.scheme!r} is not http or https")
        signed = {} if call.foreign else self.sign(call.method, str(url))
        headers = {**signed, **call.headers}
        content = call.content
        if call.json is not None:
            content = msgspec.json.encode(call.json)
            headers.setdefault("Content-Type", "application/json")
        return self._open().build_request(
            call.method, url, content=content, data=call.form, files=call.files, headers=headers
        )

    def _send(self, call: _Call) -> tuple[httpx.Response, str]:
        """Send the call and, for a read that may, follow redirects.

        Credentials stay with the first host, and a hop to another one is foreign from there on. The address
        to remember is where permanent redirects led before the first temporary one.
        """
        client = self._open()
        client.cookies.clear()
        request = self._build(call)
        response = client.send(request, stream=True)
        moved, permanent = "", True
        for _ in range(call.follow):
            if not (response.has_redirect_location and call.repeatable):
                break
            response.close()
            target = response.url.join(response.headers["location"])
            permanent = permanent and response.status_code in (301, 308)
            moved = str(target) if permanent else moved
            headers: Mapping[str, str] = {}
            if _same_door(request.url, target):
                headers = {**(self.sign("GET", str(target)) if not call.foreign else {}), **call.headers}
            else:
                self._clock.leave_home()
            response = client.send(client.build_request("GET", target, headers=headers), stream=True)
        return response, moved

    def _error_of(self, answer: Answer, call: _Call) -> HubError | None:
        if answer.status in call.accept:
            return None
        if not call.foreign:
            explained = self.explain(answer)
            if explained is not None:
                return explained
        if answer.ok:
            return None
        message = "{method} {url}: HTTP {status}{why}"
        facts: dict[str, Any] = {
            "method": answer.method,
            "url": answer.url,
            "status": answer.status,
            "why": self.redact(reason_in(answer)),
        }
        waits = retry_after(answer.headers)
        if answer.status in (408, 425, 429) or (answer.status == 503 and waits is not None):
            return TransientError(message, retry_after=waits, **facts)
        if answer.status >= 500:
            return (TransientError if answer.repeatable else UnknownOutcome)(message, **facts)
        if answer.status in (404, 410):
            return GoneError(message, **facts)
        # What content or a redirect led to says nothing about the account's own credentials.
        if not call.foreign and (
            answer.status == 401 or (300 <= answer.status < 400 and not (call.follow and call.repeatable))
        ):
            return AuthError(message, **facts)
        return RejectedError(message, **facts)

    def _note_rate_limit(self, answer: Answer) -> None:
        limit = rate_limit(answer.headers)
        if limit is not None:
            # The newest last: paths with ids in them are without end.
            self.rate_limits.pop(path := urlsplit(answer.url).path, None)
            self.rate_limits[path] = limit
            while len(self.rate_limits) > _PATHS:
                del self.rate_limits[next(iter(self.rate_limits))]


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    url: str
    params: dict[str, Any]
    json: Any
    form: dict[str, Any] | None
    files: Files | None
    content: bytes | None
    headers: dict[str, str]
    repeatable: bool
    follow: int
    foreign: bool
    accept: frozenset[int]
    max_bytes: int


def _same_door(first: httpx.URL, target: httpx.URL) -> bool:
    """Tell whether what the first address may know the target may know too; http may become https."""
    if target.host != first.host:
        return False
    return (target.scheme, target.port) in ((first.scheme, first.port), ("https", None))


def _given(values: Mapping[str, Any] | None) -> Any:
    return None if values is None else {name: value for name, value in values.items() if value is not None}


def _without_query(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path}"
