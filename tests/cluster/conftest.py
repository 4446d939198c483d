"""What the tests of a cluster share: a PostgreSQL of their own, a database on it, and a proxy on the way there."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from cluster.proxy import Proxy
from cluster.server import Server
from real.serving import free_port

from hub.store import Store, migrate


@pytest.fixture(scope="session")
def running_server() -> Iterator[Server]:
    """A server, with a database `blank` that has all tables; tests that stop it start it again."""
    with Server() as server:
        make_blank(server)
        yield server


def make_blank(server: Server) -> None:
    with server.connect() as connection:
        connection.execute("CREATE DATABASE blank")
    store = Store.open(server.local_url("blank"))
    migrate.upgrade(store)
    store.close()


@pytest.fixture
def server(running_server: Server) -> Iterator[Server]:
    """The server; it runs, and nobody is connected to it any more, when the test is over."""
    yield running_server
    running_server.start_again()


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    """The name of a database with all tables and nothing in them."""
    name = f"t{uuid.uuid4().hex}"
    with server.connect() as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE blank")
    yield name
    server.start_again()
    with server.connect() as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def proxied(server: Server) -> Iterator[Callable[[], Proxy]]:
    """Make a way to the server that can be cut."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(Proxy((server.host, server.port), free_port()))


@pytest.fixture
def proxy(proxied: Callable[[], Proxy]) -> Proxy:
    """One such way."""
    return proxied()


@pytest.fixture
def store(server: Server, database: str, proxy: Proxy) -> Iterator[Store]:
    """A store by way of the proxy, with little patience."""
    opened = Store.open(server.url(database, port=proxy.port), patience=2.0)
    yield opened
    opened.close()
