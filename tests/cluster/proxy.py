"""A TCP proxy before PostgreSQL that does what networks do: it refuses, cuts, swallows, delays and loses."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

T = TypeVar("T")
_PIECE = 65536
# A message of the protocol that a client sends by itself: a simple query with the text COMMIT.
COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"

Loss = Literal["before", "after"]
"""Whether a commit is lost on its way to the server, or only the answer to it."""

Then = Literal["cut", "down", "swallow"]
"""What becomes of the connection then, or of all."""


class _Passage:
    """One connection through the proxy: whether it is mute for good, and whether the near side has gone away."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter | None) -> None:
        self.near = near
        self.far = far
        self.dead = far is None
        self.gone = False

    def abort(self) -> None:
        for side in (self.near, self.far):
            if side is not None:
                side.transport.abort()


class Proxy:
    """One way to a server. It runs in a thread of its own; what it is told takes hold at once.

    `target` may be changed: new connections go there. `listening` is a socket that takes connections already, such
    as one in another network; such a proxy does not come up again once it was down.
    """

    def __init__(self, target: tuple[str, int], port: int, listening: socket.socket | None = None) -> None:
        self.target = target
        self.port = port
        self._listening = listening
        self.delay = 0.0
        self.lost_commits = 0
        self._loss: tuple[Loss, Then] | None = None
        self._losses = 0
        self._spared = 0
        self._swallows = False
        self._passages: set[_Passage] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy {port}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.up()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.down()
        self._do(self._settle())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def up(self) -> None:
        """Let connections through."""
        self._do(self._listen())

    def down(self) -> None:
        """Cut all connections, and refuse new ones."""
        self._do(self._shut())

    def cut(self) -> None:
        """Cut all connections; new ones are let through."""
        self._call(self._abort)

    def swallow(self) -> None:
        """Take everything and give nothing back: what was connected meanwhile stays mute for ever."""
        self._call(self._mute)

    def clear(self) -> None:
        """Let new connections through again after `swallow`; the server sees now who has gone away meanwhile."""
        self._call(self._unmute)

    def lose_commits(self, loss: Loss, times: int = 1, then: Then = "cut", spare: int = 0) -> None:
        """Lose the next commits, but for some that come first, before they are passed on or before the answer."""
        self._spared, self._loss, self._losses = spare, (loss, then), times

    def lose_no_more(self) -> bool:
        """Let all commits through again; tell whether there were any to lose."""
        left, self._losses = self._losses, 0
        return left == 0

    @property
    def connections(self) -> int:
        """How many are open through it."""
        return len(self._passages)

    async def _listen(self) -> None:
        if self._server is not None:
            return
        if self._listening is not None:
            self._server = await asyncio.start_server(self._serve, sock=self._listening)
        else:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._abort()

    async def _settle(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            # They end by themselves: what they read is cut.
            await asyncio.wait(others, timeout=5)

    def _abort(self) -> None:
        for passage in list(self._passages):
            passage.abort()

    def _mute(self) -> None:
        self._swallows = True
        for passage in self._passages:
            passage.dead = True

    def _unmute(self) -> None:
        self._swallows = False
        for passage in list(self._passages):
            if passage.gone:
                passage.abort()

    async def _serve(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        if self._swallows:
            passage = _Passage(near, None)
            self._passages.add(passage)
            await self._swallow_all(reader)
            self._end(passage)
            return
        try:
            far_reader, far = await asyncio.open_connection(*self.target)
        except OSError:
            near.transport.abort()
            return
        for side in (near, far):
            side.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        passage = _Passage(near, far)
        self._passages.add(passage)
        try:
            await asyncio.gather(
                self._pump(passage, reader, far, upwards=True),
                self._pump(passage, far_reader, near, upwards=False),
            )
        finally:
            self._end(passage)

    def _end(self, passage: _Passage) -> None:
        passage.abort()
        self._passages.discard(passage)

    async def _swallow_all(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while await reader.read(_PIECE):
                pass

    async def _pump(
        self, passage: _Passage, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, upwards: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(_PIECE):
                if self.delay:
                    await asyncio.sleep(self.delay)
                if passage.dead:
                    continue
                loss, then = self._loss_of(piece) if upwards else (None, None)
                if loss != "before":
                    writer.write(piece)
                    await writer.drain()
                if loss is not None:
                    # What the server says now finds nobody.
                    passage.dead = True
                    if then == "cut":
                        passage.near.transport.abort()
                    elif then == "down":
                        await self._shut()
                    else:
                        self._mute()
                    await asyncio.sleep(0.5)
                    break
        # One side is gone, and so is the other; of a mute one that is not seen.
        passage.gone = passage.gone or upwards
        if not passage.dead or (upwards and not self._swallows):
            passage.abort()

    def _loss_of(self, piece: bytes) -> tuple[Loss, Then] | tuple[None, None]:
        if self._loss is None or not self._losses or COMMIT not in piece:
            return None, None
        if self._spared:
            self._spared -= 1
            return None, None
        self._losses -= 1
        self.lost_commits += 1
        return self._loss

    def _call(self, work: Callable[[], None]) -> None:
        async def run() -> None:
            work()

        self._do(run())

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)
