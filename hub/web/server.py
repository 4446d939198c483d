"""Serves the page by Granian, in this process: what holds a socket half open, or sends too much, is shown out."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from fastapi import FastAPI

from hub.errors import ConfigError, UnavailableError
from hub.web import live

# Milliseconds for the headers of a request, and bytes of them.
_HEADERS_IN = 5000
_HEADERS_MOST = 64 * 1024
# Connections that wait to be accepted, and requests at once: each open page holds one for its live stream.
_BACKLOG = 1024
_AT_ONCE = 4096
# Seconds to begin or to end, for a server in a thread.
_PATIENCE = 60
# Ports that the machine chooses are asked for as 0.
_ANY_PORT = 0


class Server:
    """One address, held from the moment it is made, and the page on it while `run` runs."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        """Take the address; raise `UnavailableError` naming the port if somebody has it."""
        self._app = app
        self._held = _hold(host, port)
        self.host = host
        self.port: int = self._held.getsockname()[1]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self.ready = threading.Event()

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{shown}:{self.port}"

    def run(self) -> None:
        """Serve until `stop` is called."""
        asyncio.run(self._serve())

    def stop(self) -> None:
        """End `run`; from any thread or signal handler, also before it began."""
        loop = self._loop
        if loop is None:
            self._stopping.set()
        else:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._stopping.set)

    def close(self) -> None:
        """Let go of the address."""
        self._held.close()

    async def _knock(self) -> None:
        """Say that it is ready once it answers: Granian says so itself before its socket listens."""
        while True:
            try:
                _reader, writer = await asyncio.open_connection(self.host, self.port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                self.ready.set()
                return

    async def _serve(self) -> None:
        from granian.constants import HTTPModes, Interfaces
        from granian.http import HTTP1Settings
        from granian.server.embed import Server as Granian

        self._loop = asyncio.get_running_loop()
        granian = Granian(
            self._app,
            address=self.host,
            port=self.port,
            interface=Interfaces.ASGI,
            http=HTTPModes.http1,
            websockets=False,
            backlog=_BACKLOG,
            backpressure=_AT_ONCE,
            http1_settings=HTTP1Settings(header_read_timeout=_HEADERS_IN, max_buffer_size=_HEADERS_MOST),
            log_enabled=False,
        )
        serving = asyncio.create_task(granian.serve())
        stopping = asyncio.create_task(self._stopping.wait())
        knocking = asyncio.create_task(self._knock())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        knocking.cancel()
        # A server that stops waits for what is open; the live streams are for ever.
        await asyncio.to_thread(live.close, self._app)
        granian.stop()  # type: ignore[no-untyped-call]  # granian does not type its methods
        await serving


def _hold(host: str, port: int) -> socket.socket:
    """Bind the address for ourselves alone, so that a second hub is told; then let our own server share it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    held = socket.socket(family, socket.SOCK_STREAM)
    try:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((host, port))
        # Granian binds its own sockets with this option; asked for only now, it lets in nobody who came before.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError as error:
        held.close()
        raise _not_ours(error, host, port) from None
    return held


def _not_ours(error: OSError, host: str, port: int) -> UnavailableError | ConfigError:
    if error.errno == errno.EADDRINUSE:
        return UnavailableError(
            "port {port} of {host} is in use",
            hint="stop the program that has it, or name another: hub serve --port {other}",
            port=port,
            host=host,
            other=port + 1,
        )
    if error.errno == errno.EACCES:
        return UnavailableError(
            "port {port} needs rights that this user has not",
            hint="name one above 1023, and put a proxy before it",
            port=port,
        )
    return ConfigError(
        "{host} is no address of this machine", hint="write 127.0.0.1, or one that it has", host=host
    )


@contextmanager
def running(app: FastAPI, host: str = "127.0.0.1", port: int = _ANY_PORT) -> Iterator[str]:
    """Serve an app in a thread of this process, on a free port; yield its address."""
    server = Server(app, host, port)
    thread = threading.Thread(target=server.run, name="page", daemon=True)
    thread.start()
    try:
        if not server.ready.wait(_PATIENCE):
            raise UnavailableError("the page does not answer", hint="look into the log")
        yield server.url
    finally:
        server.stop()
        thread.join(_PATIENCE)
        server.close()
