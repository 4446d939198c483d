"""A network that costs nearly nothing, in a process of its own: answers every POST after a fixed latency."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

_IDS = count(1)


class Network(asyncio.Protocol):
    """Speaks as much HTTP/1.1 as a client with keep-alive needs."""

    latency = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while True:
            head, end, rest = self._received.partition(b"\r\n\r\n")
            if not end:
                return
            length = next(
                (
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line[:15].lower() == b"content-length:"
                ),
                0,
            )
            if len(rest) < length:
                return
            self._received = rest[length:]
            asyncio.get_running_loop().call_later(self.latency, self._answer)

    def _answer(self) -> None:
        body = b'{"id":"%d"}' % next(_IDS)
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (len(body), body)
        )


async def _serve(latency: float) -> None:
    Network.latency = latency
    server = await asyncio.get_running_loop().create_server(Network, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    # It ends with whoever started it: then its standard input does.
    await asyncio.to_thread(sys.stdin.read)


@contextmanager
def running(latency: float) -> Iterator[str]:
    """Start the server with this latency in seconds; give its address."""
    command = [sys.executable, "-m", "bench.server", str(latency)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1])))
