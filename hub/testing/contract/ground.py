"""What every part of the kit stands on: the plugin under test, its double, and which roles a test is for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest

from hub.adapter import Adapter, text_key
from hub.testing.desk import Desk, desk
from hub.testing.double import Double, Request
from hub.testing.opening import open_adapter
from hub.testing.social import Held, SocialDouble

F = TypeVar("F", bound=Callable[..., Any])

# Long enough for a call on this machine, short enough that a fault which says nothing costs little (seconds).
DEADLINE = 0.6


def needs(*wanted: type[Any]) -> Callable[[F], F]:
    """Run a test only for adapters with all these roles and doubles of these kinds; else it is skipped by name."""

    def mark(test: F) -> F:
        marked: F = pytest.mark.hub_needs(*wanted)(test)
        return marked

    return mark


class Ground:
    """The plugin under test. Its test class names the `adapter` and the `double`, its network on loopback."""

    adapter: ClassVar[type[Adapter]]
    double: ClassVar[type[Double]]

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
                if issubclass(wanted, Double) and not issubclass(self.double, wanted):
                    pytest.skip(f"{self.double.__name__} is no {wanted.__name__}")

    @pytest.fixture
    def network(self) -> Iterator[Double]:
        """The network, running."""
        with self.double() as running:
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
        """A way to open a whole hub with this one account."""

        def open_desk(deadline: float = DEADLINE) -> AbstractContextManager[Desk]:
            return desk(self.adapter, self.settings(network), tmp_path, deadline=deadline)

        return open_desk


def held(network: SocialDouble, text: str) -> list[Held]:
    """Return our posts on the network that say `text`, links and punctuation aside."""
    wanted = text_key(text)
    return [post for post in network.held() if text_key(post.text) == wanted]


def calls_of(network: Double, work: Callable[[], object]) -> list[Request]:
    """Return the calls that `work` makes."""
    before = len(network.calls)
    work()
    return network.calls[before:]


def nth(place: int) -> Callable[[Request], bool]:
    """Take only the call in this place (0 is the next one)."""
    seen = iter(range(1_000_000))
    return lambda request: next(seen) == place
