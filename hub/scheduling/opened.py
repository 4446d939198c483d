"""The accounts that this process has opened: each at its pace, and few of them with open connections."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from hub.adapter import Adapter, Vault
from hub.errors import StoreError, TransientError
from hub.pace import Both, Pace, Rate, Shared, Slice
from hub.registry import Registry
from hub.settings import Settings
from hub.store import Store
from hub.store.running import budgets

log = structlog.get_logger()

# So many accounts may keep their connections; beyond that, who was asked for longest ago lets go of its own.
_LINES = 128


class Opened:
    """Opens an account once and keeps its adapter. Safe to use from many threads.

    `vault` gives an account's secrets, `clock` the time that budgets are counted by.
    """

    def __init__(
        self, settings: Settings, registry: Registry, store: Store, clock: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._store = store
        self._clock = clock
        self._lines = max(_LINES, 2 * settings.hub.workers)
        self._guard = threading.Lock()
        self._adapters: dict[str, Adapter] = {}
        self._recent: OrderedDict[str, None] = OrderedDict()
        self._apps: dict[str, Pace] = {}

    def adapter(self, name: str, vault: Callable[[str], Vault]) -> Adapter:
        """Return the adapter of an account that hub.toml has."""
        with self._guard:
            adapter = self._adapters.get(name)
            if adapter is None:
                adapter = self._registry.open(self._settings.accounts[name], self._settings, vault(name))
                adapter.http.pace = self._pace(name, adapter)
                self._adapters[name] = adapter
            self._recent[name] = None
            self._recent.move_to_end(name)
            self._let_go()
        return adapter

    def known(self, name: str) -> Adapter | None:
        """Return an account's adapter if it was opened."""
        return self._adapters.get(name)

    def close(self) -> None:
        for adapter in self._adapters.values():
            adapter.http.close()

    def _let_go(self) -> None:
        """Close the connections of those that were asked for longest ago; whoever is calling keeps them."""
        for name in list(self._recent)[: max(0, len(self._recent) - self._lines)]:
            if self._adapters[name].http.rest():
                del self._recent[name]

    def _pace(self, name: str, adapter: Adapter) -> Pace:
        """Say how an account's calls are spaced: on one machine by itself, on many by the store."""
        options = self._settings.accounts[name].options
        own = adapter.http.pace
        rate = Rate(options.calls_per_second or adapter.calls_per_second)
        if rate.per_second and not self._store.is_sqlite:
            own = self._shared(f"account:{name}", rate, 1)
        if not options.app:
            return own
        if options.app not in self._apps:
            section = self._settings.apps[options.app]
            sharers = Counter(account.options.app for account in self._settings.accounts.values())[options.app]
            shared = self._shared(
                f"app:{options.app}", Rate(section.calls_per_second, section.calls_per_hour), sharers
            )
            self._apps[options.app] = shared
        return Both(own, self._apps[options.app])

    def _shared(self, name: str, rate: Rate, sharers: int) -> Shared:
        def put_by(seconds: float, why: str) -> None:
            now = self._clock()
            try:
                budgets.hold(self._store, name, now, now + timedelta(seconds=seconds), why)
            except StoreError as error:
                # What the network answered counts for more; the next account that it refuses tells the others.
                log.warning("others cannot be told", budget=name, reason=str(error))

        def reserve(calls: int, patience: float) -> Slice:
            try:
                return budgets.reserve(self._store, name, rate, calls, patience, self._clock)
            except StoreError as error:
                # Nothing has left yet, and so nothing is in doubt.
                raise TransientError(
                    "the calls of {name} cannot be counted: {why}", name=name, why=error
                ) from None

        return Shared(name, rate, reserve, put_by, sharers=sharers)
