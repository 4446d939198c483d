"""Live: whoever listens is told every change, from the number that their page was made at."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
import regex
from support import Village, VillageDouble, open_hub, write_config
from web.village import Place, opened

from hub.store.running import changes
from hub.users import people
from hub.web import live
from hub.web.server import running


class Event(NamedTuple):
    kind: str
    id: int
    ref: int


class Stream:
    """One open stream, read in a thread."""

    def __init__(self, url: str, secret: str, after: int | None = None, headers: Mapping[str, str] = {}) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        place = "/live" if after is None else f"/live?after={after}"
        _connect(self._connection)
        self._connection.request("GET", place, headers={"authorization": f"Bearer {secret}", **headers})
        self._socket = self._connection.sock
        self.answer = self._connection.getresponse()
        self.events: list[Event] = []
        self.ended = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        fields: dict[str, str] = {}
        try:
            while line := self.answer.readline().decode():
                if line == "\n" and "event" in fields:
                    self.events.append(
                        Event(fields["event"], int(fields["id"]), json.loads(fields["data"])["ref"])
                    )
                    fields = {}
                elif ":" in line[1:]:
                    name, _, value = line.partition(":")
                    fields[name] = value.strip()
        except (OSError, http.client.HTTPException):
            pass
        self.ended.set()

    def wait(self, count: int, seconds: float = 10) -> list[Event]:
        """Wait until that many events have come."""
        until = time.monotonic() + seconds
        while len(self.events) < count and time.monotonic() < until and not self.ended.is_set():
            time.sleep(0.01)
        return list(self.events)

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(10)
        self._connection.close()


def _connect(connection: http.client.HTTPConnection) -> None:
    """Connect to a server that may have begun only now."""
    until = time.monotonic() + 10
    while True:
        try:
            connection.connect()
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with opened(tmp_path_factory.mktemp("live")) as found:
        yield found


@pytest.fixture(scope="module")
def url(place: Place) -> Iterator[str]:
    with running(place.app) as found:
        yield found


@contextmanager
def listening(url: str, secret: str, after: int | None = None, **headers: str) -> Iterator[Stream]:
    stream = Stream(url, secret, after, {name.replace("_", "-"): value for name, value in headers.items()})
    try:
        yield stream
    finally:
        stream.close()


def latest(place: Place) -> int:
    with place.hub.store.read() as connection:
        return changes.latest(connection)


def note(place: Place, *refs: int) -> None:
    for ref in refs:
        place.hub.store.write(changes.note, "posts", ref)


def test_what_changes_between_a_page_and_its_stream_is_told(place: Place, url: str) -> None:
    page = place.client("anna").get("/accounts").text
    cursor = regex.search(r'<body data-cursor="(\d+)"', page)
    assert cursor is not None
    note(place, 71, 72)
    with listening(url, place.secrets["anna"], int(cursor[1])) as stream:
        stream.wait(2)
        note(place, 73)
        assert [one.ref for one in stream.wait(3)] == [71, 72, 73]


def test_a_stream_without_a_number_begins_now(place: Place, url: str) -> None:
    note(place, 1)
    with listening(url, place.secrets["anna"]) as stream:
        time.sleep(0.3)
        note(place, 2)
        assert [(one.kind, one.ref) for one in stream.wait(1)] == [("posts", 2)]


def test_a_stream_that_broke_goes_on_after_the_last_event(place: Place, url: str) -> None:
    start = latest(place)
    note(place, 1)
    with listening(url, place.secrets["anna"], start) as stream:
        (first,) = stream.wait(1)
    note(place, 2, 3)
    with listening(url, place.secrets["anna"], start, last_event_id=str(first.id)) as again:
        assert [one.ref for one in again.wait(2)] == [2, 3]


def test_one_far_behind_is_told_everything_in_order(place: Place, url: str) -> None:
    start = latest(place)
    with listening(url, place.secrets["anna"], start) as stream:
        for ref in range(1, 1301):
            place.hub.store.write(changes.note, "posts", ref)
        heard = stream.wait(1300, 60)
    with listening(url, place.secrets["anna"], start) as late:
        assert late.wait(1300, 60) == heard
    assert [one.ref for one in heard] == list(range(1, 1301))


def test_a_number_that_the_store_has_not_is_answered_with_a_reset(place: Place, url: str) -> None:
    with listening(url, place.secrets["anna"], 10**12) as stream:
        (event,) = stream.wait(1)
        assert (event.kind, event.id) == ("reset", latest(place))
        note(place, 5)
        assert stream.wait(2)[1].ref == 5


def test_whose_accounts_are_bounded_learns_the_kind_only(place: Place, url: str) -> None:
    start = latest(place)
    with listening(url, place.secrets["bob"], start) as stream:
        note(place, 9)
        assert [(one.kind, one.ref) for one in stream.wait(1)] == [("posts", 0)]


def test_nobody_is_told_anything(place: Place, url: str) -> None:
    with listening(url, "hub_nothing") as stream:
        assert (stream.answer.status, stream.wait(1, 0.2)) == (401, [])


def test_who_is_shut_out_hears_no_more_within_the_heartbeat(tmp_path: Path) -> None:
    with opened(tmp_path) as place:
        # A quarter of a minute is longer than a test should wait.
        place.app.state.live = live.Feed(place.hub.store, heartbeat=0.3)
        with running(place.app) as url, listening(url, place.secrets["rita"], latest(place)) as stream:
            note(place, 1)
            stream.wait(1)
            people.disable(place.hub.store, "rita", place.hub.clock())
            ended = stream.ended.wait(5)
            note(place, 2)
            assert (ended, [one.ref for one in stream.events]) == (True, [1])


def test_what_another_process_would_write_is_told_too(place: Place, url: str) -> None:
    """Another store on the same file is what another process is."""
    from hub.store import Store

    other = Store.open(place.hub.hub.settings.database_url)
    start = latest(place)
    with listening(url, place.secrets["anna"], start) as stream:
        other.write(changes.note, "mentions", 4)
        assert [(one.kind, one.ref) for one in stream.wait(1)] == [("mentions", 4)]
    other.close()


def test_a_remark_that_comes_home_is_told(place: Place, url: str) -> None:
    start = latest(place)
    with listening(url, place.secrets["anna"], start) as stream:
        place.say("А когда вторая часть?")
        stream.wait(2)
        assert {"mentions", "discussions"} <= {one.kind for one in stream.events}


def test_a_server_that_stops_ends_its_streams(tmp_path: Path) -> None:
    with opened(tmp_path) as place:
        with running(place.app) as url:
            stream = Stream(url, place.secrets["anna"])
            begun = time.monotonic()
        ended, took = stream.ended.wait(5), time.monotonic() - begun
        stream.close()
        assert (ended, took < 10) == (True, True)


def test_on_postgresql_the_word_comes_with_the_commit(
    request: pytest.FixtureRequest, postgresql: str, tmp_path: Path
) -> None:
    import uuid

    import psycopg

    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    head, _, query = postgresql.partition("?")
    database = f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")
    with (
        VillageDouble() as double,
        open_hub(
            write_config(tmp_path, {"home": {"platform": "village", **double.account()}}, database=database),
            Village,
        ) as hub,
    ):
        feed = live.Feed(hub.store)
        feed.start()
        with hub.store.read() as connection:
            start = changes.latest(connection)
        begun = time.monotonic()
        hub.store.write(changes.note, "posts", 6)
        while not feed.news(start) and time.monotonic() - begun < 4:
            time.sleep(0.005)
        took = time.monotonic() - begun
        feed.close()
        assert [one.ref for one in feed.news(start) or []] == [6]
        assert took < 2  # the safety net alone would take five
