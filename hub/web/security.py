"""The outermost layer of the page: who may knock at all, how much they may bring, and what every answer says."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.errors import HubError
from hub.sections import ServeSection

log = structlog.get_logger()

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Bytes of a body: images come to these addresses; everywhere else there are only forms.
_LARGE, _SMALL = 32 * 1024 * 1024, 1024 * 1024
_LARGE_AT = ("/compose", "/api/")
# Seconds without a byte of a body that was announced.
_BODY_PATIENCE = 20.0
_YEAR = 365 * 24 * 3600

HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; manifest-src 'self'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
}


class Outside(NamedTuple):
    """How the page is reached: by which names (None: any), through which proxies, and whether by https."""

    hosts: frozenset[str] | None = None
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    https: bool = False


ANYWHERE = Outside()
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def outside_of(serve: ServeSection, *, behind_proxy: bool = False) -> Outside:
    """Say how the page is reached, by what hub.toml says of it."""
    https = serve.https or behind_proxy
    names = {*_LOOPBACK_NAMES, serve.host.lower(), *(host.lower() for host in serve.hosts)}
    if serve.url:
        names.add(urlsplit(serve.url).hostname or "")
    return Outside(frozenset(names), serve.proxies or (_LOOPBACK if https else ()), https)


class Refusal(HubError):
    """The request is not let in at all; `status` says why in HTTP's words."""

    code = "refused"

    def __init__(self, status: int, message: str, *, hint: str = "", **facts: object) -> None:
        super().__init__(message, hint=hint, **facts)
        self.status = status


Explain = Callable[[Request, HubError], Response]


class Door:
    """Plain ASGI, round everything else: Starlette makes its own 500 outside of what it calls middleware."""

    def __init__(self, app: ASGIApp, outside: Outside, explain: Explain) -> None:
        self._app = app
        self._outside = outside
        self._explain = explain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._visit(scope, receive, send)
        else:
            # Nothing here speaks by websockets.
            await send({"type": "websocket.close", "code": 1000})

    async def _visit(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.monotonic()
        request_id = uuid.uuid4().hex[:12]
        scope.setdefault("state", {})["request_id"] = request_id
        believe_proxies(scope, self._outside)
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _dress(scope, message, request_id)
            await send(message)

        try:
            refusal = host_refusal(scope, self._outside) or cross_site_refusal(scope)
            if refusal is None:
                await self._app(scope, _Measured(scope, receive), answer)
            else:
                await self._refuse(scope, receive, answer, refusal)
        except Exception:
            log.exception("page failed", request=request_id, method=scope["method"], path=_shown(scope))
            if not status:
                await PlainTextResponse("Internal Server Error", 500)(scope, receive, answer)
        finally:
            log.info(
                "page",
                method=scope["method"],
                path=_shown(scope),
                status=status,
                ms=round((time.monotonic() - began) * 1000),
                address=_address(scope),
                request=request_id,
            )

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, refusal: Refusal) -> None:
        # Who came in by a wrong door is nobody, whatever cookie they bring.
        scope["state"]["user"] = None
        response = await run_in_threadpool(self._explain, Request(scope, receive), refusal)
        await response(scope, receive, send)


def believe_proxies(scope: Scope, outside: Outside) -> None:
    """Put the browser's address and scheme in place of the proxy's, if the proxy is one of ours."""
    headers = Headers(scope=scope)
    if _is_proxy(_address(scope), outside):
        if headers.get("x-forwarded-proto", "").strip() == "https":
            scope["scheme"] = "https"
        # Each proxy adds whom it saw at the right; what stands left of the first stranger, the stranger wrote.
        for address in reversed(",".join(headers.getlist("x-forwarded-for")).split(",")):
            try:
                scope["client"] = (str(ip_address(address.strip())), 0)
            except ValueError:
                break
            if not _is_proxy(_address(scope), outside):
                break
    if outside.https:
        scope["scheme"] = "https"


def _is_proxy(address: str, outside: Outside) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in outside.proxies)


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def host_refusal(scope: Scope, outside: Outside) -> Refusal | None:
    """Refuse a name that is not ours: a stranger's name may lead here, and their page would be of our origin."""
    if outside.hosts is None:
        return None
    given = Headers(scope=scope).getlist("host")
    name = host_name(given[0]) if len(given) == 1 else ""
    if name in outside.hosts:
        return None
    return Refusal(
        400,
        "this address does not lead to the hub's page",
        hint="open it by the address that `hub serve` printed, or name this one in [serve] hosts of hub.toml",
    )


def host_name(host: str) -> str:
    """Return the name in a Host header, without its port."""
    try:
        return (urlsplit(f"//{host.strip()}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def cross_site_refusal(scope: Scope) -> Refusal | None:
    """Refuse a write that a page of another origin makes in a browser; other programs send neither header.

    The browser itself says where a request comes from, and no page can change that; older ones say Origin.
    A token in Authorization is no cookie: no other page can send it.
    """
    if scope["method"] in SAFE_METHODS:
        return None
    headers = Headers(scope=scope)
    if headers.get("authorization", "").lower().startswith("bearer "):
        return None
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        ours = site in ("same-origin", "none")
    else:
        ours = origin is None or _same_host(origin, headers.get("host", ""))
    if ours:
        return None
    return Refusal(403, "this was sent by a page of another site", hint="open the hub's page and do it there")


def _same_host(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return bool(parts.netloc) and parts.netloc.lower() == host.lower()


def body_cap(path: str) -> int:
    """Return how many bytes a body may have."""
    return _LARGE if path.startswith(_LARGE_AT) else _SMALL


class _Measured:
    """Receives a body, counts it as it comes (a chunked one says no length), and waits for no laggard."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._cap = body_cap(scope["path"])
        self._come = 0
        self._over = False
        length = Headers(scope=scope).get("content-length", "")
        self._announced = int(length) if length.isascii() and length.isdigit() else 0

    async def __call__(self) -> Message:
        if self._over:
            # A stream of events waits here for the reader to go away, which may take days.
            return await self._receive()
        if self._announced > self._cap:
            raise HTTPException(413)
        waiting: Awaitable[Message] = self._receive()
        try:
            message = await asyncio.wait_for(waiting, _BODY_PATIENCE)
        except TimeoutError:
            raise HTTPException(408) from None
        self._come += len(message.get("body", b""))
        if self._come > self._cap:
            raise HTTPException(413)
        self._over = not message.get("more_body", False)
        return message


def _dress(scope: Scope, message: Message, request_id: str) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in HEADERS.items():
        headers[name] = value
    headers["x-request-id"] = request_id
    if scope["scheme"] == "https":
        headers["strict-transport-security"] = f"max-age={_YEAR}"
    # Static files say by themselves how long they may be kept.
    headers.setdefault("cache-control", "no-store")


def _shown(scope: Scope) -> str:
    """The path for the log: no query, which may hold words of people, and nothing that steers a terminal."""
    return quote(scope["path"], safe="/-._~")
