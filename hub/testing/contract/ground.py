"""What every part of the kit stands on: the plugin under test, its double, and which roles a test is for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest

from hub.adapter import Adapter, Settle
from hub.resemblance import text_key
from hub.testing.desk import Desk, desk
from hub.testing.double import Double, Request
from hub.testing.faults import Fault
from hub.testing.opening import open_adapter
from hub.testing.replies import Replies, RepliesDouble
from hub.testing.social import Held, SocialDouble

F = TypeVar("F", bound=Callable[..., Any])

# Long enough for a call on this machine, short enough that a fault which says nothing costs little (seconds).
DEADLINE = 0.6
_PATIENT = 10.0


def needs(*wanted: type[Any]) -> Callable[[F], F]:
    """Run a test only for adapters with all these roles and doubles of these kinds; else it is skipped by name."""

    def mark(test: F) -> F:
        marked: F = pytest.mark.hub_needs.with_args(*wanted)(test)
        return marked

    return mark


class Ground:
    """The plugin under test. Its test class names the `adapter` and the `double`, its network on loopback."""

    adapter: ClassVar[type[Adapter]]
    double: ClassVar[type[Double] | Replies]

    def make_network(self) -> Double:
        """Make a network that nobody has used yet; it is not running."""
        return self.double()

    def settings(self, network: Double) -> Mapping[str, Any]:
        """Return the settings of an account on the double; secrets as plain text."""
        account: Mapping[str, Any] = network.account()  # type: ignore[attr-defined]  # every kind of double has it
        return account

    @pytest.fixture(autouse=True)
    def _only_where_it_applies(self, request: pytest.FixtureRequest) -> None:
        for marker in request.node.iter_markers("hub_needs"):
            for wanted in marker.args:
                if issubclass(wanted, Adapter) and not issubclass(self.adapter, wanted):
                    pytest.skip(f"{self.adapter.platform} is no {wanted.__name__}")
                if issubclass(wanted, Double) and not issubclass(self._kind(), wanted):
                    pytest.skip(f"{self._kind().__name__} is no {wanted.__name__}")

    def _kind(self) -> type[Double]:
        return RepliesDouble if isinstance(self.double, Replies) else self.double

    @pytest.fixture
    def network(self) -> Iterator[Double]:
        """The network, running."""
        with self.make_network() as running:
            yield running

    @pytest.fixture
    def opened(self, network: Double) -> Iterator[Callable[..., Any]]:
        """A way to open the account, with changed settings or another deadline; closed at the end."""
        adapters: list[Adapter] = []

        def open_one(deadline: float = 5.0, **changed: Any) -> Any:
            settings = {**self.settings(network), **changed}
            adapters.append(open_adapter(self.adapter, settings, deadline=deadline, paced=False))
            return adapters[-1]

        yield open_one
        for adapter in adapters:
            adapter.http.close()

    @pytest.fixture
    def account(self, opened: Callable[..., Any]) -> Any:
        """The account, ready to call."""
        return opened()

    @pytest.fixture
    def at_desk(self, network: Double, tmp_path: Path) -> Callable[..., AbstractContextManager[Desk]]:
        """A way to open a whole hub, each time a new one, with this one account (on another network: `on`).

        What else is named goes into the account's table, such as `overflow="thread"`.
        """
        folders = (tmp_path / f"desk-{number}" for number in count(1))

        def open_desk(
            deadline: float = DEADLINE, on: Double | None = None, **options: Any
        ) -> AbstractContextManager[Desk]:
            folder = next(folders)
            folder.mkdir()
            return desk(self.adapter, {**self.settings(on or network), **options}, folder, deadline=deadline)

        return open_desk


def held(network: SocialDouble, text: str) -> list[Held]:
    """Return our posts on the network that say `text`, links and punctuation aside."""
    wanted = text_key(text)
    return [post for post in network.held() if text_key(post.text) == wanted]


def settles(account: Any) -> Settle:
    """Return how the account settles a lost answer; it may learn that where it learns its limits."""
    account.limits()
    found: Settle = account.settle
    return found


def ways_to_settle(account: Any) -> set[Settle]:
    """Return all that may settle a lost answer on the account: a key that is forgotten is followed by a look."""
    settle = settles(account)
    return {settle, "lookup"} if settle == "key" and account.key_life < timedelta.max else {settle}


def calls_of(network: Double, work: Callable[[], object]) -> list[Request]:
    """Return the calls that `work` makes."""
    before = len(network.calls)
    work()
    return network.calls[before:]


def deadline_for(fault: Fault) -> float:
    """Return how long a call may take, in seconds: short for what only ends at the deadline, else long.

    A machine that is busy must not make a call late that nothing is wrong with.
    """
    return DEADLINE if fault.name.startswith(("no answer", "slow")) else _PATIENT


def nth(place: int) -> Callable[[Request], bool]:
    """Take only the call in this place (0 is the next one)."""
    seen = iter(range(1_000_000))
    return lambda request: next(seen) == place
