"""What a network can do to a call: each fault as the bytes that go over the socket."""

from __future__ import annotations

import functools
import gzip
import json as jsonlib
import re
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from http.client import responses
from typing import Any, BinaryIO

# Keys under which networks tell the id or the address of what they took.
_IDENTIFYING = re.compile(r"(.*_)?(id|ids|id_str|did|cid|uri|url|link|permalink|guid)", re.IGNORECASE)
_PAGE = b"<!doctype html><html><body><h1>We'll be right back</h1></body></html>"
_GIANT = 30 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """What a double answers: JSON from `json`, or `body` as it stands."""

    json: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    content_type: str = "application/json; charset=utf-8"

    def encoded(self) -> bytes:
        if self.body is not None:
            return self.body
        try:
            return jsonlib.dumps(self.json, ensure_ascii=False).encode()
        except UnicodeEncodeError:  # half an emoji goes over the wire as an escape
            return jsonlib.dumps(self.json).encode()

    def head(self, length: int | None) -> bytes:
        """Return status line and headers; `length` of the body in bytes, None for one that ends with the line."""
        ending = {"Connection": "close"} if length is None else {"Content-Length": str(length)}
        headers = {"Date": formatdate(usegmt=True), "Content-Type": self.content_type, **self.headers, **ending}
        lines = [
            f"HTTP/1.1 {self.status} {responses.get(self.status, '')}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def whole(self) -> bytes:
        """Return the answer as it goes over the wire."""
        body = self.encoded()
        return self.head(len(body)) + body


class Line:
    """The connection that a fault speaks on. `stopped` is set when the double stops."""

    def __init__(
        self, connection: socket.socket, reading: BinaryIO, length: int, stopped: threading.Event
    ) -> None:
        self._connection = connection
        self._reading = reading
        self._length = length
        self._stopped = stopped

    def send(self, content: bytes) -> None:
        self._connection.sendall(content)

    def send_slowly(self, content: bytes, every: float) -> None:
        """Send byte by byte, one in `every` seconds, until the peer leaves or the double stops."""
        for place in range(len(content)):
            if self._stopped.wait(every):
                return
            self.send(content[place : place + 1])

    def take_half(self) -> None:
        """Read half of the body that the peer is sending."""
        self._reading.read(self._length // 2)

    def wait_for_peer(self, seconds: float | None = None) -> None:
        """Say nothing for so many seconds (None: until the peer leaves or the double stops)."""
        self._connection.settimeout(0.05)
        waited = 0.0
        while not self._stopped.is_set() and (seconds is None or waited < seconds):
            try:
                if not self._connection.recv(1, socket.MSG_PEEK):
                    return
            except TimeoutError:
                waited += 0.05
            except OSError:
                return
            else:  # the peer has sent more; it is not read
                waited += 0.05
                self._stopped.wait(0.05)
        self._connection.settimeout(None)

    def reset(self) -> None:
        """End the connection as a crash does: with a reset instead of a farewell."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()


Speak = Callable[[Line, Reply], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong with one call.

    `effect`: the network does what was asked, and the fault strikes on the way back; otherwise nothing was
    done. `unread` faults strike before the body was read. `speak` says what goes over the line instead of the
    reply; afterwards the connection is closed, unless `keeps` it.
    """

    name: str
    speak: Speak
    effect: bool = False
    unread: bool = False
    keeps: bool = False

    @property
    def after(self) -> Fault:
        """The same fault, after the network did what was asked."""
        if self.unread:
            raise ValueError(f"{self.name}: what was not read cannot have been done")
        return replace(self, name=f"{self.name}, after it was done", effect=True)

    def __str__(self) -> str:
        return self.name


def answered(reply: Reply, name: str = "") -> Fault:
    """Answer with `reply` instead."""
    return Fault(name or f"HTTP {reply.status}", lambda line, _: line.send(reply.whole()), keeps=True)


def server_error(status: int) -> Fault:
    """Answer 500, 502, 504 … with a page, as proxies do."""
    return answered(Reply(status=status, body=_PAGE, content_type="text/html"))


def too_many(retry_after: str | None = None) -> Fault:
    """Answer 429, with a Retry-After of this text."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    name = "HTTP 429" + ("" if retry_after is None else f" with Retry-After: {retry_after}")
    return answered(Reply({"error": "too many requests"}, status=429, headers=headers), name)


def redirected(location: str = "/login", status: int = 302) -> Fault:
    """Send the caller elsewhere, such as to a login page."""
    reply = Reply(status=status, headers={"Location": location}, body=_PAGE, content_type="text/html")
    return answered(reply, f"HTTP {status} to {location}")


def late(seconds: float) -> Fault:
    """Do what was asked, and answer only after so many seconds."""

    def speak(line: Line, reply: Reply) -> None:
        line.wait_for_peer(seconds)
        line.send(reply.whole())

    return Fault(f"an answer after {seconds:g} s", speak, effect=True)


def _changed(name: str, change: Callable[[Any], Any]) -> Fault:
    """Answer a success whose JSON is not as agreed."""

    def speak(line: Line, reply: Reply) -> None:
        try:
            value = jsonlib.loads(reply.encoded() or b"null")
        except ValueError:
            value = None
        line.send(replace(reply, status=_success(reply), json=change(value), body=None).whole())

    return Fault(name, speak, keeps=True)


def _success(reply: Reply) -> int:
    """A network that did nothing answers some success all the same."""
    return reply.status if 200 <= reply.status < 300 else 200


def _without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_ids(inner) for key, inner in value.items() if not _IDENTIFYING.fullmatch(key)}
    return [_without_ids(inner) for inner in value] if isinstance(value, list) else value


def _odd_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: {"of": ["another", "type"]} if _IDENTIFYING.fullmatch(key) else _odd_ids(inner)
            for key, inner in value.items()
        }
    return [_odd_ids(inner) for inner in value] if isinstance(value, list) else value


def _upload_reset(line: Line, _: Reply) -> None:
    line.take_half()
    line.reset()


def _slow_body(line: Line, reply: Reply) -> None:
    line.send(reply.head(100_000))
    line.send_slowly(b" " * 100_000, 0.2)


def _truncated(line: Line, reply: Reply) -> None:
    body = reply.encoded()
    line.send(reply.head(max(len(body), 2)) + body[: len(body) // 2])


def _malformed(line: Line, reply: Reply) -> None:
    line.send(replace(reply, status=_success(reply), body=b'{"response": [' + reply.encoded()[:20]).whole())


def _giant(line: Line, _: Reply) -> None:
    line.send(Reply().head(_GIANT + 2) + b'"')
    piece = b"x" * (1024 * 1024)
    for _number in range(_GIANT // len(piece)):
        line.send(piece)
    line.send(b'"')


@functools.cache
def _bomb() -> bytes:
    """A gigabyte of blanks in a megabyte: a gzip file may be several, one after another."""
    return gzip.compress(b" " * (10 * 1024 * 1024)) * 100


def _gzip_bomb(line: Line, _: Reply) -> None:
    packed = _bomb()
    line.send(Reply(headers={"Content-Encoding": "gzip"}).head(len(packed)) + packed)


DROPPED = Fault("connection closed without an answer", lambda line, _: None)
LOST = replace(DROPPED, name="answer lost after it was done", effect=True)
RESET = Fault("connection reset", lambda line, _: line.reset())
RESET_UNREAD = Fault("connection reset before it was read", lambda line, _: line.reset(), unread=True)
RESET_IN_UPLOAD = Fault("connection reset in the middle of the body", _upload_reset, unread=True)
SILENCE = Fault("no answer", lambda line, _: line.wait_for_peer())
SLOW_HEADERS = Fault("slow headers", lambda line, reply: line.send_slowly(reply.whole(), 0.2))
SLOW_BODY = Fault("slow body", _slow_body)
TRUNCATED = Fault("truncated answer", _truncated)
MALFORMED = Fault("malformed JSON", _malformed)
WRONG_TYPE = _changed("ids of another type", _odd_ids)
OTHER_SHAPE = _changed("JSON of another shape", lambda value: 42)
NO_ID = _changed("an answer without ids", _without_ids)
NULL = _changed("null", lambda value: None)
ERROR_IN_200 = _changed("an error with HTTP 200", lambda value: {"error": "something went wrong"})
HTML = answered(Reply(body=_PAGE, content_type="text/html"), "an HTML page with HTTP 200")
GIANT = Fault("an answer of 30 MB", _giant)
GZIP_BOMB = Fault("a gzip bomb", _gzip_bomb)

UNDONE: tuple[Fault, ...] = (
    DROPPED,
    RESET,
    RESET_UNREAD,
    RESET_IN_UPLOAD,
    SILENCE,
    *(server_error(status) for status in (500, 502, 503, 504)),
    too_many("1"),
    too_many(),
    too_many("soon"),
    TRUNCATED,
    HTML,
)
"""Faults of a network that did nothing."""

DONE: tuple[Fault, ...] = (
    LOST,
    RESET.after,
    SILENCE.after,
    SLOW_HEADERS.after,
    SLOW_BODY.after,
    *(server_error(status).after for status in (500, 502, 504)),
    TRUNCATED.after,
    MALFORMED.after,
    WRONG_TYPE.after,
    OTHER_SHAPE.after,
    NO_ID.after,
    NULL.after,
    ERROR_IN_200.after,
    HTML.after,
    GIANT.after,
    GZIP_BOMB.after,
)
"""Faults of a network that did what was asked, and does not say so."""
