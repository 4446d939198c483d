"""Row 33: what a write comes to when the line to PostgreSQL breaks, is mute, or comes back as another server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from cluster.proxy import Proxy
from cluster.server import Server
from sqlalchemy.engine import Connection

from hub.errors import StoreAway, StoreError, StoreUnsure
from hub.store import Store, tables
from hub.store.running import changes
from hub.store.running.watching import Watch

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PATIENCE = 2.0


def switch(connection: Connection, name: str) -> str:
    connection.execute(tables.switches.insert().values(name=name, since=NOW, reason="", who=""))
    return name


def names(store: Store) -> list[str]:
    with store.read() as connection:
        return list(connection.execute(sa.select(tables.switches.c.name).order_by("name")).scalars())


def session(store: Store) -> int:
    """Return which of the server's processes we talk to."""
    with store.read() as connection:
        return int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())


def later(seconds: float, work: Callable[[], Any]) -> threading.Timer:
    timer = threading.Timer(seconds, work)
    timer.start()
    return timer


class TestALostAnswerToACommit:
    def test_a_commit_that_was_one_is_told_as_one(self, store: Store, proxy: Proxy) -> None:
        proxy.lose_commits("after")
        assert store.write(switch, "here") == "here"
        assert (names(store), proxy.lost_commits) == (["here"], 1)

    def test_a_commit_that_never_arrived_stored_nothing(self, store: Store, proxy: Proxy) -> None:
        proxy.lose_commits("before")
        with pytest.raises(StoreAway, match="cannot be reached"):
            store.write(switch, "here")
        assert (names(store), proxy.lost_commits) == ([], 1)

    def test_what_must_not_be_forgotten_is_stored_once(self, store: Store, proxy: Proxy) -> None:
        proxy.lose_commits("before", times=2)
        store.keep(switch, "one")
        proxy.lose_commits("after", times=2)
        store.keep(switch, "two")
        assert (names(store), proxy.lost_commits) == (["one", "two"], 3)

    def test_all_who_were_committed_together_are_told(self, store: Store, proxy: Proxy) -> None:
        inside, go_on = threading.Event(), threading.Event()

        def slow(connection: Connection) -> None:
            inside.set()
            go_on.wait(10)

        results: list[str] = []
        threads = [threading.Thread(target=store.write, args=(slow,))]
        threads[0].start()
        inside.wait(10)
        threads += [
            threading.Thread(target=lambda n=n: results.append(store.write(switch, f"k{n}"))) for n in range(5)
        ]
        for thread in threads[1:]:
            thread.start()
        while len(store._waiting) < 5:
            time.sleep(0.01)
        # The first commit is that of `slow`, the second that of the five.
        proxy.lose_commits("after", times=2)
        go_on.set()
        for thread in threads:
            thread.join(30)
        assert sorted(results) == names(store) == [f"k{n}" for n in range(5)]
        assert proxy.lost_commits == 2

    def test_nothing_is_made_up_while_the_server_stays_away(self, store: Store, proxy: Proxy) -> None:
        proxy.lose_commits("after", then="down")
        begun = time.monotonic()
        with pytest.raises(StoreUnsure, match="nothing can tell"):
            store.write(switch, "perhaps")
        assert time.monotonic() - begun < 4 * PATIENCE
        proxy.up()
        assert names(store) == ["perhaps"]

    def test_a_server_that_was_promoted_meanwhile_cannot_tell(
        self, server: Server, database: str, proxy: Proxy
    ) -> None:
        with server.standby() as second:
            store = Store.open(server.url(database, port=proxy.port), patience=PATIENCE)
            store.write(switch, "before")

            def fail_over() -> None:
                waited_for(lambda: proxy.lost_commits)
                server.stop("immediate")
                second.promote()
                proxy.target = (second.host, second.port)
                proxy.up()

            failing = threading.Thread(target=fail_over)
            failing.start()
            proxy.lose_commits("after", then="down")
            with pytest.raises(StoreUnsure):
                store.write(switch, "perhaps")
            failing.join(30)
            assert "before" in names(store)
            store.close()


def waited_for(claim: Callable[[], object], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.005)


class TestASilentServer:
    def test_no_answer_ends_in_an_error_and_not_in_a_hung_thread(self, store: Store, proxy: Proxy) -> None:
        store.write(switch, "before")
        proxy.swallow()
        begun = time.monotonic()
        with pytest.raises(StoreAway, match="did not answer"):
            store.write(switch, "during")
        with pytest.raises(StoreAway):
            names(store)
        assert time.monotonic() - begun < 5 * PATIENCE
        proxy.clear()
        store.write(switch, "after")
        assert names(store) == ["after", "before"]

    @pytest.mark.parametrize("arrives", [True, False])
    def test_a_commit_into_silence_is_found_out_about_afterwards(
        self, store: Store, proxy: Proxy, arrives: bool
    ) -> None:
        proxy.lose_commits("after" if arrives else "before", then="swallow")
        timer = later(PATIENCE, proxy.clear)
        if arrives:
            store.write(switch, "here")
        else:
            # Its session stands open on the server until that ends it by itself.
            with pytest.raises(StoreAway):
                store.write(switch, "nowhere")
        timer.join()
        assert names(store) == (["here"] if arrives else [])

    def test_an_outage_shorter_than_the_patience_is_ridden_out(self, store: Store, proxy: Proxy) -> None:
        proxy.down()
        timer = later(2.5, proxy.up)
        store.keep(switch, "here")
        timer.join()
        assert names(store) == ["here"]

    def test_nobody_waits_for_it_once_the_program_is_to_end(self, store: Store, proxy: Proxy) -> None:
        proxy.down()
        later(0.3, store.hurry)
        begun = time.monotonic()
        with pytest.raises(StoreAway):
            store.keep(switch, "here")
        assert time.monotonic() - begun < PATIENCE


class TestLocks:
    def test_a_frozen_process_holds_its_locks_for_a_moment_only(
        self, store: Store, server: Server, database: str, proxied: Callable[[], Proxy]
    ) -> None:
        """Its transaction stands open, and its machine answers TCP: the server ends it by itself."""
        other = proxied()
        frozen = Store.open(server.url(database, port=other.port), patience=PATIENCE)
        store.write(switch, "row")
        inside = threading.Event()
        errors: list[BaseException] = []

        def stand_still(connection: Connection) -> None:
            touch(connection)
            other.swallow()
            inside.set()
            time.sleep(PATIENCE * 2)
            touch(connection)

        def touch(connection: Connection) -> None:
            connection.execute(tables.switches.update().where(tables.switches.c.name == "row").values(who="x"))

        def run() -> None:
            try:
                frozen.write(stand_still)
            except StoreError as error:
                errors.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        inside.wait(10)
        begun = time.monotonic()
        store.keep(touch)
        assert time.monotonic() - begun < PATIENCE * 2
        thread.join(30)
        assert isinstance(errors[0], StoreAway)
        frozen.close()

    def test_of_two_that_hold_each_other_up_the_one_that_loses_is_run_again(
        self, server: Server, database: str
    ) -> None:
        store, other = (Store.open(server.url(database)) for _ in range(2))
        for name in ("a", "b"):
            store.write(switch, name)
        both = threading.Barrier(2)
        waits = iter((both.wait, both.wait))

        def cross(connection: Connection, first: str, second: str, who: str) -> None:
            for name in (first, second):
                row = tables.switches.c.name == name
                connection.execute(
                    tables.switches.update().where(row).values(reason=tables.switches.c.reason + who)
                )
                if name == first:
                    next(waits, lambda _: None)(10)

        threads = [
            threading.Thread(target=store.write, args=(cross, "a", "b", "1")),
            threading.Thread(target=other.write, args=(cross, "b", "a", "2")),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        with store.read() as connection:
            found = connection.execute(sa.select(tables.switches.c.reason)).scalars().all()
        assert [sorted(reason) for reason in found] == [["1", "2"], ["1", "2"]]
        store.close()
        other.close()


class TestTheServerComesBack:
    @pytest.mark.parametrize("how", ["fast", "immediate"])
    def test_after_a_restart_the_next_write_is_stored(self, store: Store, server: Server, how: Any) -> None:
        store.write(switch, "before")
        server.stop(how)
        with pytest.raises(StoreAway, match="cannot be reached"):
            store.write(switch, "during")
        server.start()
        store.write(switch, "after")
        assert names(store) == ["after", "before"]

    def test_a_server_that_is_none_that_takes_writes_is_left_for_the_one_that_does(
        self, server: Server, database: str
    ) -> None:
        """The address names both, as libpq has it; the hub asks for the one that takes writes."""
        with server.standby() as second:
            hosts = f"{second.host}:{second.port},{server.host}:{server.port}"
            store = Store.open(f"postgresql://postgres@{hosts}/{database}", patience=PATIENCE)
            store.write(switch, "before")
            server.stop("fast")
            second.promote()
            store.keep(switch, "after")
            assert names(store) == ["after", "before"]
            store.close()

    def test_a_first_server_that_became_a_standby_is_left(
        self, server: Server, database: str, proxy: Proxy
    ) -> None:
        """Its connections live on, and refuse to write: the next ones are made where the address leads now."""
        store = Store.open(server.url(database, port=proxy.port), patience=PATIENCE)
        store.write(switch, "before")
        first = session(store)
        with server.connect() as connection:
            connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
            connection.execute("SELECT pg_reload_conf()")
        time.sleep(0.5)
        with pytest.raises(StoreAway, match="read-only"):
            store.write(switch, "during")
        with server.connect() as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute("ALTER SYSTEM RESET default_transaction_read_only")
            connection.execute("SELECT pg_reload_conf()")
        time.sleep(0.5)
        assert session(store) != first
        store.write(switch, "after")
        assert names(store) == ["after", "before"]
        store.close()


class TestListening:
    @pytest.mark.parametrize("fault", [Proxy.cut, Proxy.swallow])
    def test_a_line_that_broke_while_it_was_quiet_is_noticed_and_made_anew(
        self, store: Store, server: Server, database: str, proxy: Proxy, fault: Callable[[Proxy], None]
    ) -> None:
        """Otherwise a page would be told of nothing any more, for as long as the process lives."""
        watch = Watch(store, pace=0.05)
        watch.wait()
        fault(proxy)
        with pytest.raises(StoreAway):
            watch.wait()
        proxy.clear()
        watch.wait()
        other = Store.open(server.url(database))
        timer = later(0.3, lambda: other.write(changes.note, "posts", 1))
        begun = time.monotonic()
        watch.wait()
        assert time.monotonic() - begun < 4
        timer.join()
        watch.close()
        other.close()


class TestConnections:
    def test_none_is_left_over_by_trouble(self, store: Store, server: Server, database: str, proxy: Proxy) -> None:
        """Those that broke are closed on both sides; those that were made are given back."""

        def work(number: int) -> None:
            for turn in range(6):
                try:
                    store.write(switch, f"{number}.{turn}")
                    names(store)
                except StoreError:
                    time.sleep(0.05)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for _ in range(5):
            time.sleep(0.1)
            proxy.cut()
        for thread in threads:
            thread.join(60)
        assert store.engine.pool.checkedout() == 0
        waited_for(lambda: proxy.connections == server.sessions(database))
        store.close()
        waited_for(lambda: (proxy.connections, server.sessions(database)) == (0, 0))

    def test_a_commit_that_the_server_may_lose_is_asked_to_be_kept(self, server: Server, database: str) -> None:
        url = server.url(database) + "?options=-csynchronous_commit%3Doff"
        store = Store.open(url)

        def asked(connection: Connection) -> Any:
            return connection.exec_driver_sql("SHOW synchronous_commit").scalar()

        assert store.write(asked) == "on"
        store.close()
