"""The base of all doubles: a local HTTP server that stands in for a network and keeps its state."""

from __future__ import annotations

import json as jsonlib
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    """One call as it came in. Header names are lower case; `form` holds query-free body fields."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

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
        return jsonlib.dumps(self.json, ensure_ascii=False).encode()


class Double(ABC):
    """A network on loopback. Use as a context manager; `url` is its address.

    `calls` are the requests so far. `latency` is in seconds. A fault from `fail_next` is spent on the next
    request that its filter takes.
    """

    def __init__(self, port: int = 0, *, latency: float = 0.0) -> None:
        self.calls: list[Request] = []
        self.latency = latency
        self.lock = threading.RLock()
        self._faults: list[tuple[str, Callable[[Request], bool], Reply | None]] = []
        self._server = _Server(port, self)
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name=type(self).__name__,
            daemon=True,
        )

    @abstractmethod
    def answer(self, request: Request) -> Reply:
        """Answer one call; `self.lock` is held."""

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._server.close_connections()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def lose_answer(self, only: Callable[[Request], bool] = lambda request: True) -> None:
        """Let the next such request take effect, then close the connection without an answer."""
        self._faults.append(("lose", only, None))

    def drop_request(self, only: Callable[[Request], bool] = lambda request: True) -> None:
        """Close the connection at the next such request, which has no effect."""
        self._faults.append(("drop", only, None))

    def answer_next(self, reply: Reply, only: Callable[[Request], bool] = lambda request: True) -> None:
        """Answer the next such request with `reply`, without effect."""
        self._faults.append(("answer", only, reply))

    def answer_after(self, reply: Reply, only: Callable[[Request], bool] = lambda request: True) -> None:
        """Let the next such request take effect, then answer it with `reply` all the same."""
        self._faults.append(("after", only, reply))

    def handle(self, request: Request) -> Reply | None:
        """Take one call; None closes the connection without an answer."""
        if self.latency:
            time.sleep(self.latency)
        with self.lock:
            self.calls.append(request)
            fault = next((fault for fault in self._faults if fault[1](request)), None)
            if fault is None:
                return self.answer(request)
            self._faults.remove(fault)
            kind, _, reply = fault
            if kind == "answer":
                return reply
            if kind == "drop":
                return None
            self.answer(request)
            return reply


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
    wbufsize = -1

    def _take(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        request = Request(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )
        reply = self.server.double.handle(request)
        if reply is None:
            self.close_connection = True
            return
        content = reply.encoded()
        self.send_response(reply.status)
        for name, value in {"Content-Type": reply.content_type, **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _take  # noqa: N815  # http.server's names

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a double's calls are in `calls`."""
