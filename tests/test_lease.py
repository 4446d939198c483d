"""No byte of a call leaves when the lease of its turn is over, whatever clocks and frozen processes do."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from support import Clock

from hub.errors import TransientError, UnknownOutcome
from hub.http import Http
from hub.lease import Lease

LENGTH = timedelta(seconds=100)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def held(clock: Clock) -> Lease:
    lease = Lease(LENGTH, clock)
    lease.hold(lease.next_term())
    return lease


def test_a_lease_that_the_store_has_not_granted_has_nothing_left() -> None:
    lease = Lease(LENGTH, Clock())
    lease.next_term()
    assert lease.left() == 0


def test_a_turn_falls_silent_before_the_row_is_over() -> None:
    clock = Clock()
    lease = Lease(LENGTH, clock)
    term = lease.next_term()
    clock.forward(seconds=7)  # the commit took so long
    lease.hold(term)
    assert lease.left() < (term.until - clock()).total_seconds() < 94


def test_a_clock_that_is_put_forward_ends_a_lease_as_it_does_for_the_others() -> None:
    clock = Clock()
    lease = held(clock)
    clock.forward(minutes=10)
    assert lease.left() < 0


def test_a_clock_that_is_put_back_lengthens_no_lease() -> None:
    clock = Clock()
    lease = held(clock)
    clock.forward(minutes=-10)
    assert 90 < lease.left() < 100


def test_a_lease_that_somebody_took_is_over_at_once() -> None:
    lease = held(Clock())
    lease.end()
    assert lease.left() == 0


class Server:
    """Takes one call, and keeps what it got; `begun` is called after the first piece, `ended` after the last."""

    def __init__(self, begun: Callable[[], None] = lambda: None, ended: Callable[[], None] = lambda: None) -> None:
        self.got = b""
        self._begun = begun
        self._ended = ended
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(10)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(5)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            self.got = connection.recv(1000)
            self._begun()
            while b"the end" not in self.got:
                try:
                    piece = connection.recv(65536)
                except OSError:
                    return
                if not piece:
                    return
                self.got += piece
            self._ended()
            connection.sendall(ANSWER)

    def wait(self) -> None:
        """Wait until the call has ended."""
        self._thread.join(10)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.wait()


@pytest.fixture
def line() -> Iterator[Callable[[Server], Http]]:
    opened: list[tuple[Http, Server]] = []

    def open_line(server: Server) -> Http:
        opened.append((Http(server.url, deadline=5), server))
        return opened[-1][0]

    yield open_line
    for http, server in opened:
        http.close()
        server.close()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_call_does_not_begin_when_nothing_is_left(line: Callable[[Server], Http], method: str) -> None:
    """Surely nothing was done, so it may be tried again by whoever has the account then; not by this turn."""
    server = Server()
    http = line(server)
    with (
        http.under(lambda: 0.0),
        pytest.raises(TransientError, match="was not begun: the lease of this turn is over"),
    ):
        http.request(method, "/posts")
    assert server.got == b""


def test_a_body_stops_where_the_lease_ends(line: Callable[[Server], Http]) -> None:
    """Also what the kernel took and had no room to send: megabytes, which the network would read later."""
    left, over = [100.0], threading.Event()

    def begun() -> None:
        left[0] = 0.0
        over.wait(10)

    server = Server(begun)
    http = line(server)
    body = "x" * 30_000_000 + "the end"
    with http.under(lambda: left[0]), pytest.raises(UnknownOutcome, match="the lease of its turn"):
        http.post("/posts", json=body)
    over.set()
    server.wait()
    assert 0 < len(server.got) < 300_000


def test_an_answer_may_be_read_when_the_lease_is_over(line: Callable[[Server], Http]) -> None:
    """What the network did is done; to know it does no harm."""
    left = [100.0]
    server = Server(ended=lambda: left.__setitem__(0, 0.0))
    http = line(server)
    with http.under(lambda: left[0]):
        assert http.post("/posts", json="the end").body == b"ok"


def test_a_call_is_not_tried_again_past_the_lease() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()[1]
    http = Http(f"http://127.0.0.1:{closed}", deadline=30)
    left = iter([10.0])
    with http.under(lambda: next(left, 0.0)), pytest.raises(TransientError, match="no connection"):
        http.get("/posts")
    http.close()


def test_a_line_outside_of_a_turn_is_bound_by_no_lease() -> None:
    http = Http("http://127.0.0.1:9")
    with http.under(lambda: 3.0):
        assert http.lease() == 3.0
    assert http.lease() == float("inf")
