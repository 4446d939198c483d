"""The hostile network does on the wire what each fault says, and what took effect is there afterwards."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from hub.testing import Double, Fault, Reply, Request, faults


class Shelf(Double):
    """Keeps what is posted."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[bytes] = []

    def answer(self, request: Request) -> Reply:
        if request.method == "POST":
            self.kept.append(request.body)
        return Reply({"id": len(self.kept), "url": "https://shelf.example/1", "text": "kept"}, status=201)


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with Shelf() as running:
        yield running


def say(shelf: Double, body: bytes = b"hello", method: str = "POST", timeout: float = 5.0) -> bytes:
    """Make one call by hand and return all bytes that come back within `timeout` seconds."""
    until = time.monotonic() + timeout
    with socket.create_connection(("127.0.0.1", shelf.port), timeout=timeout) as line:
        head = f"{method} /things HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        line.sendall(head.encode() + body)
        came = b""
        piece = b"so far"
        while piece and time.monotonic() < until:
            line.settimeout(max(until - time.monotonic(), 0.01))
            try:
                piece = line.recv(1 << 20)
            except TimeoutError:
                break
            came += piece
        return came


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def test_a_healthy_answer_is_whole(shelf: Shelf) -> None:
    answer = say(shelf)
    assert answer.startswith(b"HTTP/1.1 201 Created\r\n")
    assert json.loads(body_of(answer))["id"] == 1


@pytest.mark.parametrize("fault", faults.DONE, ids=str)
def test_a_fault_after_it_was_done_leaves_it_done(shelf: Shelf, fault: Fault) -> None:
    shelf.inject(fault)
    _silently(lambda: say(shelf, timeout=0.5))
    assert (shelf.kept, [struck for struck, _ in shelf.struck]) == ([b"hello"], [fault])


@pytest.mark.parametrize("fault", faults.UNDONE, ids=str)
def test_a_fault_of_a_network_that_did_nothing_leaves_nothing(shelf: Shelf, fault: Fault) -> None:
    shelf.inject(fault)
    _silently(lambda: say(shelf, timeout=0.5))
    assert (shelf.kept, [struck for struck, _ in shelf.struck]) == ([], [fault])


def _silently(work: Callable[[], object]) -> None:
    """Do it, whether or not the line is cut meanwhile."""
    try:
        work()
    except ConnectionError:
        return


@pytest.mark.parametrize("fault", [faults.RESET, faults.RESET_UNREAD, faults.RESET_IN_UPLOAD], ids=str)
def test_a_reset_ends_the_line_with_an_error(shelf: Shelf, fault: Fault) -> None:
    shelf.inject(fault)
    with pytest.raises(ConnectionResetError):
        say(shelf, body=b"x" * 4_000_000)


@pytest.mark.parametrize("fault", [faults.DROPPED, faults.LOST], ids=str)
def test_a_dropped_call_ends_the_line_in_order_and_without_a_byte(shelf: Shelf, fault: Fault) -> None:
    shelf.inject(fault)
    assert say(shelf) == b""


def test_while_it_refuses_the_kernel_does_and_the_port_stays_its_own(shelf: Shelf) -> None:
    address = shelf.url
    with shelf.refusing(), pytest.raises(ConnectionRefusedError):
        say(shelf)
    assert b"201" in say(shelf)
    assert shelf.url == address


def test_silence_lasts_until_the_caller_leaves(shelf: Shelf) -> None:
    shelf.inject(faults.SILENCE)
    assert say(shelf, timeout=0.3) == b""


@pytest.mark.parametrize("fault", [faults.SLOW_HEADERS, faults.SLOW_BODY], ids=str)
def test_a_slow_answer_comes_byte_by_byte(shelf: Shelf, fault: Fault) -> None:
    shelf.inject(fault)
    began = time.monotonic()
    came = b""
    with socket.create_connection(("127.0.0.1", shelf.port), timeout=0.9) as line:
        line.sendall(b"POST /things HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        while time.monotonic() - began < 0.8:
            came += line.recv(1 << 16)
    slow = came if fault is faults.SLOW_HEADERS else body_of(came)
    assert 1 <= len(slow) <= 5


def test_an_answer_may_come_late(shelf: Shelf) -> None:
    shelf.inject(faults.late(0.3))
    began = time.monotonic()
    assert b'"id": 1' in say(shelf)
    assert time.monotonic() - began >= 0.3


def test_a_truncated_answer_promises_more_than_it_brings(shelf: Shelf) -> None:
    shelf.inject(faults.TRUNCATED.after)
    answer = say(shelf)
    promised = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    assert len(body_of(answer)) == promised // 2


def test_an_answer_without_ids_keeps_the_rest(shelf: Shelf) -> None:
    shelf.inject(faults.NO_ID.after)
    assert json.loads(body_of(say(shelf))) == {"text": "kept"}


def test_ids_of_another_type_are_no_texts_and_no_numbers(shelf: Shelf) -> None:
    shelf.inject(faults.WRONG_TYPE.after)
    answer = json.loads(body_of(say(shelf)))
    assert isinstance(answer["id"], dict)
    assert isinstance(answer["url"], dict)
    assert answer["text"] == "kept"


@pytest.mark.parametrize("fault", [faults.OTHER_SHAPE, faults.NULL, faults.ERROR_IN_200, faults.HTML], ids=str)
def test_a_wrong_success_is_a_success_by_its_status(shelf: Shelf, fault: Fault) -> None:
    shelf.inject(fault.after)
    assert say(shelf).split(b" ", 2)[1] in (b"200", b"201")


def test_malformed_json_is_none(shelf: Shelf) -> None:
    shelf.inject(faults.MALFORMED.after)
    with pytest.raises(ValueError, match=r"Expecting|delimiter|Unterminated"):
        json.loads(body_of(say(shelf)))


def test_a_giant_answer_has_thirty_megabytes(shelf: Shelf) -> None:
    shelf.inject(faults.GIANT.after)
    assert len(body_of(say(shelf))) > 30_000_000


def test_a_gzip_bomb_is_small_on_the_wire_and_a_gigabyte_unpacked(shelf: Shelf) -> None:
    import zlib

    shelf.inject(faults.GZIP_BOMB.after)
    packed = body_of(say(shelf))
    first = zlib.decompressobj(wbits=31)
    member = len(first.decompress(packed))
    members = len(packed) // (len(packed) - len(first.unused_data))
    assert len(packed) < 2_000_000
    assert member * members >= 1_000_000_000


@pytest.mark.parametrize("said", ["7", "Wed, 21 Oct 2026 07:28:00 GMT", "soon", None])
def test_too_many_says_when_to_come_back_or_not(shelf: Shelf, said: str | None) -> None:
    shelf.inject(faults.too_many(said))
    answer = say(shelf)
    assert answer.startswith(b"HTTP/1.1 429 Too Many Requests")
    assert (f"Retry-After: {said}".encode() in answer) == (said is not None)


def test_a_redirect_names_the_login_page(shelf: Shelf) -> None:
    shelf.inject(faults.redirected())
    answer = say(shelf)
    assert answer.startswith(b"HTTP/1.1 302 Found")
    assert b"Location: /login" in answer


def test_a_sequence_strikes_in_order_and_spares_where_it_says_so(shelf: Shelf) -> None:
    shelf.inject_sequence([faults.server_error(500), None, faults.server_error(502)])
    assert [say(shelf).split(b" ", 2)[1] for _ in range(4)] == [b"500", b"201", b"502", b"201"]


def test_only_the_calls_that_are_meant_are_struck(shelf: Shelf) -> None:
    shelf.inject(faults.server_error(500), lambda request: request.body == b"two", times=2)
    assert [b" 500 " in say(shelf, body) for body in (b"one", b"two", b"one", b"two", b"two")] == [
        False,
        True,
        False,
        True,
        False,
    ]


def test_the_same_seed_draws_the_same_faults(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    def strike(seed: int) -> list[bytes]:
        shelf.inject_randomly([faults.server_error(500), faults.server_error(502)], 0.5, seed=seed)
        struck = [say(shelf).split(b" ", 2)[1] for _ in range(20)]
        shelf.calm()
        return struck

    first = strike(7)
    assert strike(7) == first
    assert len(set(first)) == 3
    assert "seed=7" in capsys.readouterr().out


def test_a_drawn_seed_is_told(shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    seed = shelf.inject_randomly([faults.LOST], 0.1)
    assert f"seed={seed}" in capsys.readouterr().out


def test_what_happens_between_two_calls_happens(shelf: Shelf) -> None:
    shelf.after = lambda request: shelf.kept.append(b"from elsewhere")
    assert [json.loads(body_of(say(shelf)))["id"] for _ in range(2)] == [1, 3]


def test_what_was_not_read_cannot_have_been_done() -> None:
    with pytest.raises(ValueError, match="not read"):
        _ = faults.RESET_UNREAD.after


def test_a_request_that_breaks_off_is_none(shelf: Shelf) -> None:
    """Its sender died in the middle of the body: the network has nothing to take."""
    with socket.create_connection(("127.0.0.1", shelf.port), timeout=5) as line:
        line.sendall(b"POST /things HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhel")
        line.shutdown(socket.SHUT_WR)
        assert line.recv(1000) == b""
    assert (shelf.kept, shelf.calls) == ([], [])
