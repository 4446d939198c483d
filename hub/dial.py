"""Opens the sockets: a deadline that holds over every byte, and no private address unless one is named."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpcore
import httpx

from hub.lease import elapsed, unbounded

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of IPv6 only this is in use on the internet; the rest holds NAT64, site-local and IPv4-compatible addresses.
_UNICAST = ipaddress.IPv6Network("2000::/3")
# Ranges that `is_global` calls public and that lead back inside, or nowhere: 6to4 and its relays, documentation.
_INWARD = tuple(
    ipaddress.ip_network(net)
    for net in ("2002::/16", "3fff::/20", "192.0.0.0/24", "192.88.99.0/24", "224.0.0.0/4")
)
# A peer that reads slowly takes this much (bytes) before the deadline is looked at again.
_PIECE = 16 * 1024
# What closing a socket waits for with SO_LINGER: on, and no seconds.
_AT_ONCE = struct.pack("ii", 1, 0)


class Refused(httpcore.ConnectError):
    """The address is one that foreign content must not lead us to."""


class Deadline:
    """What one thread may still spend on the call it is making, and whether content chose the address.

    `lease` says how many seconds whoever calls may still send, whatever the deadline.
    """

    def __init__(self, lease: Callable[[], float] = unbounded) -> None:
        self._state = threading.local()
        self._lease = lease

    @contextmanager
    def within(self, seconds: float, *, foreign: bool) -> Iterator[None]:
        self._state.until = elapsed() + seconds
        self._state.foreign = foreign
        try:
            yield
        finally:
            del self._state.until, self._state.foreign

    def leave_home(self) -> None:
        """From here on the call goes where an answer sent it: no private address but our own."""
        self._state.foreign = True

    def left(self) -> float:
        """Seconds left, infinite outside of a call."""
        until: float = getattr(self._state, "until", float("inf"))
        return until - elapsed()

    def left_to_send(self) -> float:
        """Seconds in which a byte may still leave. What was answered may be read when the lease is over."""
        return min(self.left(), self._lease())

    @property
    def foreign(self) -> bool:
        return bool(getattr(self._state, "foreign", False))

    def cap(self, timeout: float | None) -> float | None:
        return _within(self.left(), timeout)


def _within(left: float, timeout: float | None) -> float | None:
    """Return the time-out that keeps within what is left, in seconds and never 0; None for no end."""
    if left == float("inf"):
        return timeout
    return max(left, 0.001) if timeout is None else max(min(timeout, left), 0.001)


class _Stream(httpcore.NetworkStream):
    """A socket whose reads end with the call's deadline, and whose writes also with the lease of its turn."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._deadline.left() <= 0:
            raise httpcore.ReadTimeout("the deadline of the call has passed")
        return self._inner.read(max_bytes, self._deadline.cap(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            for start in range(0, len(buffer), _PIECE):
                left = self._deadline.left_to_send()
                if left <= 0:
                    raise httpcore.WriteTimeout("the deadline of the call has passed, or the lease of its turn")
                # No longer than that may the kernel look for room, either.
                self._inner.write(buffer[start : start + _PIECE], _within(left, timeout))
        except httpcore.WriteTimeout:
            # Nor may it go on with the megabytes that it took and has not sent: closing drops them.
            self._inner.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            raise

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        inner = self._inner.start_tls(ssl_context, server_hostname, self._deadline.cap(timeout))
        return _Stream(inner, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, deadline: Deadline, own_hosts: frozenset[str]) -> None:
        self._inner = httpcore.SyncBackend()
        self._deadline = deadline
        self._own_hosts = own_hosts

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        if self._deadline.foreign and f"{host}:{port}" not in self._own_hosts:
            host = _public_address(host, port)
        inner = self._inner.connect_tcp(host, port, self._deadline.cap(timeout), local_address, socket_options)
        return _Stream(inner, self._deadline)


def _public_address(host: str, port: int) -> str:
    """Resolve once and connect to what was checked; every address of the name must be public."""
    if port not in (80, 443):
        raise Refused(f"port {port} of a foreign host")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise httpcore.ConnectError(f"no address for {host}") from error
    addresses = [str(entry[4][0]) for entry in found]
    for text in addresses:
        if not is_public(text):
            raise Refused(f"{host} leads to the private address {text}")
    return addresses[0]


def is_public(text: str) -> bool:
    """Tell whether an IP address is one of the open internet."""
    address = ipaddress.ip_address(text.split("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if isinstance(address, ipaddress.IPv6Address) and address not in _UNICAST:
        return False
    return (
        address.is_global
        and not address.is_multicast
        and not any(address.version == net.version and address in net for net in _INWARD)
    )


def transport(
    context: ssl.SSLContext, deadline: Deadline, own_hosts: frozenset[str], connections: int
) -> httpx.HTTPTransport:
    """Return an httpx transport over sockets that obey `deadline`."""
    made = httpx.HTTPTransport(verify=context)
    # httpx has no door for a network backend, so the pool that it made is replaced before its first use.
    made._pool = httpcore.ConnectionPool(
        ssl_context=context,
        max_connections=connections,
        max_keepalive_connections=connections,
        keepalive_expiry=5.0,
        network_backend=_Backend(deadline, own_hosts),
    )
    return made
