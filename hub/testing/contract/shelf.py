"""A shelf that keeps what a reading verb brings, as the hub does, and the ground of the tests of these verbs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from itertools import count
from typing import Any

import pytest

from hub.errors import HubError
from hub.models import Batch
from hub.testing.contract.ground import Ground
from hub.testing.contract.verbs import READINGS, Answers, Reading
from hub.testing.double import Double, Request
from hub.testing.faults import too_many
from hub.testing.social import SocialDouble

# What is read in more calls than these is read for ever: a page of one item each would need fewer.
_ENDLESS = 600
# What has not come after so many reads will not come.
_ROUNDS = 5
_ENOUGH = too_many("86400")


class Shelf:
    """Keeps what a verb brings, as the hub does: every batch with its cursor, a thread's cursor at its end."""

    def __init__(self, reading: Reading, account: Any, cursor: str | None = None) -> None:
        self.reading = reading
        self.account = account
        self.cursor = cursor
        self.items: dict[str, Any] = {}
        self.batches: list[Batch[Any]] = []

    @property
    def live(self) -> set[str]:
        """The ids of what came and was not called deleted."""
        return {remote_id for remote_id, item in self.items.items() if not item.deleted}

    def read(self) -> list[Batch[Any]]:
        """Read on from the cursor; return the batches. Raises what the verb raises."""
        network, verb = self.reading.network, self.reading.verb
        leash(network)
        begun = len(self.batches)
        cursor = self.cursor
        try:
            for batch in self.reading.fetch(self.account, self.cursor):
                assert isinstance(batch, Batch), f"{verb} must yield hub.Batch(items, cursor), not {batch!r}"
                assert batch.cursor is None or isinstance(batch.cursor, str), (
                    f"{verb} gave the cursor {batch.cursor!r}: a cursor is a text, the hub stores it as it is"
                )
                self.batches.append(batch)
                self.items |= {item.remote_id: item for item in batch.items}
                cursor = batch.cursor
                if not isinstance(self.reading, Answers):
                    self.cursor = cursor
                assert len(self.batches) - begun < _ENDLESS, f"{verb} yields batches without end"
        except HubError:
            assert not any(fault is _ENOUGH for fault, _ in network.struck), (
                f"{verb} made over {_ENDLESS} calls: it asks for the same page again and again. A page may be "
                "reordered or repeat items, so take the greatest id of a page, not the last, as the next cursor"
            )
            raise
        self.cursor = cursor
        return self.batches[begun:]

    def read_all(self, wanted: Collection[str]) -> set[str]:
        """Read on until all that is wanted has come or no more comes; return the ids of what is missing."""
        for _ in range(_ROUNDS):
            known, cursor = len(self.items), self.cursor
            self.read()
            if set(wanted) <= self.items.keys() or (len(self.items), self.cursor) == (known, cursor):
                break
        return set(wanted) - self.items.keys()


def leash(network: Double) -> None:
    """End a read that does not end by itself."""
    seen = count()
    network.inject(_ENOUGH, lambda request: next(seen) >= _ENDLESS, times=_ENDLESS)


class Drift:
    """What happens on a network between two pages: an item comes, and more of those that were there vanish."""

    def __init__(self, reading: Reading, standing: list[str], *, most: int = 12) -> None:
        self.reading = reading
        self.standing = standing
        self.came: list[str] = []
        self._left = most
        self._busy = False

    def __call__(self, request: Request) -> None:
        # What is put there by our own hand makes calls too.
        if self._busy or self._left == 0:
            return
        self._busy = True
        try:
            self._left -= 1
            self.came += self.reading.add(1)
            # The newest, so that a list that begins with them moves up by more than it moves down.
            for place in (-1, -1, -1, 0, len(self.standing) // 2):
                remote_id = self.standing[place]
                if self.reading.take(remote_id):
                    self.standing.remove(remote_id)
        finally:
            self._busy = False


class ReadingGround(Ground):
    """The ground of tests that hold for every reading verb: `reading` is each of those that the plugin has."""

    @pytest.fixture(params=READINGS, ids=lambda kind: kind.verb)
    def reading(self, request: pytest.FixtureRequest, network: Double, opened: Callable[..., Any]) -> Reading:
        """A reading verb of the plugin, with what it reads."""
        kind: type[Reading] = request.param
        return self.reading_of(kind, network, opened)

    def reading_of(self, kind: type[Reading], network: Double, opened: Callable[..., Any]) -> Reading:
        """Return the verb on the network; the test is skipped, by name, where the plugin has none."""
        for role in (kind.role, *kind.needs):
            if not issubclass(self.adapter, role):
                pytest.skip(f"{self.adapter.platform} is no {role.__name__}")
        if not isinstance(network, kind.doubles):
            wanted = " or ".join(double.__name__ for double in kind.doubles)
            pytest.skip(f"{type(network).__name__} is no {wanted}")
        return kind(network, opened)

    @pytest.fixture
    def answers(self, network: Double, opened: Callable[..., Any]) -> Answers:
        """The answers under a post of ours, of which the network holds some and the plugin need not read any."""
        if not isinstance(network, SocialDouble):
            pytest.skip(f"{type(network).__name__} is no SocialDouble")
        return Answers(network, opened)

    def cheapest_reads(
        self, network: Double, opened: Callable[..., Any], account: Any
    ) -> list[Callable[[], object]]:
        """Return a first read by each of the plugin's reading verbs, with a little to read."""
        reads: list[Callable[[], object]] = []
        for kind in READINGS:
            if issubclass(self.adapter, kind.role) and isinstance(network, kind.doubles):
                reading = self.reading_of(kind, network, opened)
                reading.add(1)
                reads.append(partial(_read_first, reading, account))
        return reads

    @pytest.fixture
    def shelf(self, reading: Reading, account: Any) -> Shelf:
        """An empty shelf for what the verb brings."""
        return Shelf(reading, account)


def _read_first(reading: Reading, account: Any) -> None:
    for _ in reading.fetch(account, None):
        pass


def some(ids: Iterable[str], most: int = 5) -> str:
    """Name a few ids in a message."""
    listed: Iterator[str] = iter(sorted(ids))
    shown = [one for one, _ in zip(listed, range(most), strict=False)]
    return ", ".join(shown) + (" …" if next(listed, None) is not None else "")


def raised_by(work: Callable[[], object]) -> Exception | None:
    """Do it; return what it raises."""
    try:
        work()
    except Exception as error:
        return error
    return None


def named(raised: Exception | None) -> str:
    """Say in a message how a call ended."""
    return "a success" if raised is None else f"{type(raised).__name__} ({raised})"
