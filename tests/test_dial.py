"""The sockets obey the deadline of the call, and lead to no private address unless one is named."""

from __future__ import annotations

import socket
import ssl
import threading
import time

import httpcore
import httpx
import pytest

from hub.dial import Deadline, Refused, is_public, transport

NOWHERE = frozenset[str]()


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104  # not bound, refused
        "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
        "172.31.255.255", "192.0.0.1", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1",
        "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::",
        "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b:1::a00:1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1",
        "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
    ],
)  # fmt: skip
def test_an_address_that_leads_inside_or_nowhere_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "93.184.216.34", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "2a02:6b8::2:242",
     "::ffff:8.8.8.8"],
)  # fmt: skip
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


def connect(url: str, own: frozenset[str], *, foreign: bool, seconds: float = 2.0) -> httpx.Response:
    deadline = Deadline()
    with (
        httpx.Client(transport=transport(ssl.create_default_context(), deadline, own, 1)) as client,
        deadline.within(seconds, foreign=foreign),
    ):
        return client.get(url)


def serve(listener: socket.socket, sent: bytes) -> threading.Thread:
    def once() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(sent)

    thread = threading.Thread(target=once, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize(("own", "foreign"), [(True, True), (False, False)])
def test_a_private_address_is_reached_if_it_is_our_own_or_nobody_else_chose_it(own: bool, foreign: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = serve(listener, b"HTTP/1.1 204 No Content\r\n\r\n")
        named = frozenset({f"127.0.0.1:{port}"}) if own else NOWHERE
        assert connect(f"http://127.0.0.1:{port}/", named, foreign=foreign).status_code == 204
        thread.join()


def test_another_port_of_our_own_host_is_not_our_own() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(httpx.ConnectError, match=f"port {port} of a foreign host"):
            connect(f"http://127.0.0.1:{port}/", frozenset({"127.0.0.1:80"}), foreign=True)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_name_that_leads_to_a_private_address_is_refused(scheme: str) -> None:
    with pytest.raises(httpx.ConnectError, match="localhost leads to the private address") as caught:
        connect(f"{scheme}://localhost/", NOWHERE, foreign=True)
    assert isinstance(caught.value.__cause__, Refused)


def test_a_name_that_leads_nowhere_is_no_connection_and_no_refusal() -> None:
    with pytest.raises(httpx.ConnectError, match="no address for") as caught:
        connect(f"http://{'a' * 64}.invalid/", NOWHERE, foreign=True)
    assert not isinstance(caught.value.__cause__, Refused)


def test_a_deadline_counts_down_only_during_a_call() -> None:
    deadline = Deadline()
    assert deadline.left() == float("inf")
    with deadline.within(5, foreign=True):
        assert 4 < deadline.left() <= 5
        assert deadline.foreign
    assert deadline.left() == float("inf")
    assert not deadline.foreign


def test_a_deadline_is_lifted_even_when_the_call_fails() -> None:
    deadline = Deadline()
    with pytest.raises(ZeroDivisionError), deadline.within(5, foreign=True):
        raise ZeroDivisionError
    assert (deadline.left(), deadline.foreign) == (float("inf"), False)


def test_each_thread_has_a_deadline_of_its_own() -> None:
    deadline = Deadline()
    seen: list[tuple[float, bool]] = []
    with deadline.within(5, foreign=True):
        thread = threading.Thread(target=lambda: seen.append((deadline.left(), deadline.foreign)))
        thread.start()
        thread.join()
    assert seen == [(float("inf"), False)]


def test_a_time_out_is_capped_by_what_is_left_and_never_zero() -> None:
    deadline = Deadline()
    assert deadline.cap(30) == 30
    assert deadline.cap(None) is None
    with deadline.within(1, foreign=False):
        assert deadline.cap(30) == pytest.approx(1, abs=0.1)
        assert deadline.cap(None) == pytest.approx(1, abs=0.1)
        assert deadline.cap(0.2) == 0.2
    with deadline.within(-1, foreign=False):
        assert deadline.cap(30) == 0.001


def test_a_peer_that_never_answers_is_left_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        began = time.monotonic()
        with pytest.raises(httpx.ReadTimeout):
            connect(f"http://127.0.0.1:{listener.getsockname()[1]}/", NOWHERE, foreign=False, seconds=0.2)
        assert time.monotonic() - began < 0.6


def test_a_tls_handshake_that_never_ends_is_left_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        began = time.monotonic()
        with pytest.raises((httpx.ConnectTimeout, httpx.ConnectError)):
            connect(f"https://127.0.0.1:{listener.getsockname()[1]}/", NOWHERE, foreign=False, seconds=0.2)
        assert time.monotonic() - began < 0.6


def test_a_refusal_is_a_kind_of_failed_connection() -> None:
    assert issubclass(Refused, httpcore.ConnectError)
