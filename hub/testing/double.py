"""The base of all doubles: a local HTTP server that stands in for a network, and can be as hostile as one."""

from __future__ import annotations

import json as jsonlib
import random
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO, ClassVar, Literal, Self, cast
from urllib.parse import parse_qsl, urlsplit

from hub.errors import HubError
from hub.testing.faults import Fault, Line, Reply


@dataclass(frozen=True, slots=True)
class Request:
    """One call as it came in. Header names are lower case; `form` holds query-free body fields.

    `query` has the last value of each parameter, `parameters` every one, in order.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    parameters: Sequence[tuple[str, str]] = ()

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    def json(self) -> Any:
        return jsonlib.loads(self.body or b"null")

    def form(self) -> dict[str, str]:
        """Return the fields of a urlencoded or multipart body."""
        if self.content_type == "application/x-www-form-urlencoded":
            return dict(parse_qsl(self.body.decode(), keep_blank_values=True))
        return {name: part.decode() for name, (_, part, filename) in self._parts().items() if not filename}

    def files(self) -> dict[str, tuple[str, bytes]]:
        """Return the files of a multipart body: field to (MIME type, content)."""
        return {name: (kind, part) for name, (kind, part, filename) in self._parts().items() if filename}

    def _parts(self) -> dict[str, tuple[str, bytes, str]]:
        if self.content_type != "multipart/form-data":
            return {}
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        message = BytesParser(policy=HTTP).parsebytes(head + self.body)
        found = {}
        for part in message.iter_parts():
            name = str(part.get_param("name", header="content-disposition") or "")
            payload = part.get_payload(decode=True)
            found[name] = (part.get_content_type(), bytes(payload or b""), part.get_filename() or "")
        return found


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error that the network documents, and what a plugin must make of it.

    `reply` is what the network answers to a call of `verb`; the plugin raises `error` then, and a
    `TransientError` asks for `retry_after` seconds (None: not looked at).
    """

    name: str
    reply: Reply
    error: type[HubError]
    retry_after: float | None = None
    verb: Literal["publish", "read", "check"] = "publish"

    def __str__(self) -> str:
        return self.name


Only = Callable[[Request], bool]


def _any(request: Request) -> bool:
    return True


class Double(ABC):
    """A network on loopback. Use as a context manager; `url` is its address.

    `calls` are the requests so far. `latency` is in seconds. `struck` are the faults that came, with their
    requests. `after` is called when an answer has been sent: what happens between two pages. `refusals` are the
    errors that the network documents.
    """

    refusals: ClassVar[Sequence[Refusal]] = ()

    def __init__(self, port: int = 0, *, latency: float = 0.0) -> None:
        self.calls: list[Request] = []
        self.struck: list[tuple[Fault, Request]] = []
        self.latency = latency
        self.lock = threading.RLock()
        self.after: Callable[[Request], None] | None = None
        self._planned: list[_Planned] = []
        self._stopped = threading.Event()
        self._port = port
        self._open()

    def _open(self) -> None:
        self._server = _Server(self._port, self)
        self._port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.01},
            name=type(self).__name__,
            daemon=True,
        )

    @abstractmethod
    def answer(self, request: Request) -> Reply:
        """Answer one call; `self.lock` is held."""

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stopped.set()
        self._close()

    def _close(self) -> None:
        self._server.shutdown()
        self._server.close_connections()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Be down for a while: connections are refused, and those that were open are cut."""
        self._close()
        # Bound and not listening: the port stays ours, and the kernel refuses whoever comes.
        with socket.socket() as closed_door:
            closed_door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            closed_door.bind(("127.0.0.1", self._port))
            try:
                yield
            finally:
                closed_door.close()
                self._open()
                self._thread.start()

    def inject(self, fault: Fault, only: Only = _any, *, times: int = 1) -> None:
        """Let `fault` strike the next `times` requests that `only` takes."""
        with self.lock:
            self._planned.append(_Planned(only, iter([fault] * times)))

    def inject_sequence(self, sequence: Sequence[Fault | None], only: Only = _any) -> None:
        """Let these strike the next requests that `only` takes, one each, in this order; None spares one."""
        with self.lock:
            self._planned.append(_Planned(only, iter(list(sequence))))

    def inject_randomly(
        self, choice: Sequence[Fault], rate: float, only: Only = _any, *, seed: int | None = None
    ) -> int:
        """Let one of `choice` strike a share of `rate` (0 to 1) of the requests that `only` takes, until `calm`.

        Return the seed and print it, so that a failure can be repeated.
        """
        seed = random.SystemRandom().randrange(10**9) if seed is None else seed
        print(f"{type(self).__name__}: faults at random with seed={seed}")  # noqa: T201  # shown by a failing test
        with self.lock:
            self._planned.append(_Planned(only, _drawn(choice, rate, random.Random(seed))))  # noqa: S311  # no secret
        return seed

    def calm(self) -> None:
        """Forget all faults that have not struck yet."""
        with self.lock:
            self._planned.clear()

    def fault_for(self, request: Request, *, unread: bool) -> Fault | None:
        """Say what strikes this request. Asked twice: before its body is read (`unread`), and when it is whole."""
        with self.lock:
            for planned in self._planned:
                if planned.next is None or planned.next.unread != unread or not planned.only(request):
                    continue
                fault = planned.next
                planned.advance()
                self.struck.append((fault, request))
                return fault
            if not unread:
                self._show_mercy(request)
        return None

    def _show_mercy(self, request: Request) -> None:
        """Spend the places of sequences in which this request is left alone."""
        for planned in self._planned:
            if planned.next is None and planned.only(request):
                planned.advance()
        self._planned = [planned for planned in self._planned if not planned.over]

    def handle(self, request: Request, fault: Fault | None) -> Reply | None:
        """Take one call; None if a fault keeps it from having an effect."""
        if self.latency:
            time.sleep(self.latency)
        with self.lock:
            self.calls.append(request)
            return None if fault is not None and not fault.effect else self.answer(request)

    @property
    def stopped(self) -> threading.Event:
        """Set when the double stops, so that slow faults end."""
        return self._stopped


class _Planned:
    """Faults to come, for the requests that `only` takes. `next` is None where one is left alone."""

    def __init__(self, only: Only, coming: Iterator[Fault | None]) -> None:
        self.only = only
        self.over = False
        self.next: Fault | None = None
        self._coming = coming
        self.advance()

    def advance(self) -> None:
        try:
            self.next = next(self._coming)
        except StopIteration:
            self.next, self.over = None, True


def _drawn(choice: Sequence[Fault], rate: float, dice: random.Random) -> Iterator[Fault | None]:
    while True:
        yield dice.choice(choice) if dice.random() < rate else None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, double: Double) -> None:
        self.double = double
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        for connection in list(self._open):
            self.shutdown_request(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A peer that went away is no news; anything else is a defect of the double."""
        import sys

        if not isinstance(sys.exception(), ConnectionError | TimeoutError | ValueError | OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    disable_nagle_algorithm = True

    def _take(self) -> None:
        double = self.server.double
        length = int(self.headers.get("content-length") or 0)
        line = Line(self.connection, cast(BinaryIO, self.rfile), length, double.stopped)
        fault = double.fault_for(self._request(b""), unread=True)
        if fault is None:
            body = self.rfile.read(length)
            if len(body) < length:  # its sender died; a request that is not whole is none
                self.close_connection = True
                return
            request = self._request(body)
            fault = double.fault_for(request, unread=False)
        else:
            request = self._request(b"")
        reply = double.handle(request, fault)
        if fault is not None:
            self.close_connection |= not fault.keeps
            fault.speak(line, Reply({}) if reply is None else reply)
        elif reply is not None:
            line.send(reply.head(len(reply.encoded())) if self.command == "HEAD" else reply.whole())
        if double.after is not None:
            double.after(request)

    def _request(self, body: bytes) -> Request:
        parts = urlsplit(self.path)
        parameters = parse_qsl(parts.query, keep_blank_values=True)
        return Request(
            method=self.command,
            path=parts.path,
            query=dict(parameters),
            parameters=parameters,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _take  # noqa: N815  # http.server's names
    do_PROPFIND = do_REPORT = _take  # noqa: N815  # WebDAV's

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a double's calls are in `calls`."""
