"""Row 44: workers in networks of their own, one of them cut off while it sends, and brought back."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cluster.conftest import make_blank
from cluster.proxy import Proxy
from cluster.separate import Networks, Side, why_not
from cluster.server import Server
from cluster.workers import Cluster, cluster
from settle_kinds import KindDouble

LEASE = 8
WORKERS = 3

pytestmark = pytest.mark.skipif(bool(why_not()), reason=f"NOT RUN: {why_not()}")


@pytest.fixture
def networks() -> Iterator[Networks]:
    with Networks(WORKERS) as made:
        yield made


@pytest.fixture
def running(tmp_path: Path, networks: Networks) -> Iterator[Cluster]:
    """Workers that find the database in one network and the platforms in another."""
    name = f"t{uuid.uuid4().hex}"
    with ExitStack() as stack:
        server = stack.enter_context(Server(host=networks.address("database"), inside=networks.server_side))
        make_blank(server)
        with server.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE blank")

        def reach(double: KindDouble) -> str:
            taking = networks.listen("platform", double.port)
            stack.enter_context(Proxy(("127.0.0.1", double.port), double.port, taking))
            return f"http://{networks.address('platform')}:{double.port}"

        places = [networks.place(number) for number in range(WORKERS)]
        with cluster(
            tmp_path,
            server,
            name,
            workers=WORKERS,
            accounts=3 * WORKERS,
            lease=f"{LEASE}s",
            latency=0.1,
            # Each has room for its share, and no more.
            extra="workers = 3",
            places=places,
            reach=reach,
        ) as workers:
            workers.wait_until_they_run(60)
            yield workers
            assert [worker.stop() for worker in workers.workers] == [0] * WORKERS
            workers.store.close()
            until = time.monotonic() + 40
            while server.sessions(name):
                assert time.monotonic() < until, "sessions are left on the server"
                time.sleep(0.2)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "sides", [("database", "platform"), ("database",)], ids=["from both", "from the database"]
)
def test_a_worker_that_is_cut_off_doubles_and_loses_nothing(
    networks: Networks, running: Cluster, sides: tuple[Side, ...]
) -> None:
    """Cut off from the database alone it can go on to send: its lease is what stops it."""
    cut_off = running.workers[0]
    running.accept(8)
    running.wait_until_sending(cut_off, 60)
    begun = time.monotonic()
    networks.cut(0, *sides)
    # The others take over what it had, once its leases are over.
    running.wait_until_settled(120)
    print(f"cut off {', '.join(sides)}: the others were done after {time.monotonic() - begun:.1f} s")
    assert time.monotonic() - begun > LEASE / 2
    networks.mend(0, *sides)
    assert running.wrong() == []
    running.accept(8)
    running.wait_until_sending(cut_off, 60)
    running.wait_until_settled(120)
    assert running.wrong() == []
    print(running.states())
