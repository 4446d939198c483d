"""The kit on resources: a thousand calls leave nothing behind, and two accounts of one platform share nothing."""

from __future__ import annotations

import gc
import json
import threading
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hub.adapter import Adapter
from hub.errors import HubError
from hub.secrets import plain_secrets, secret_values
from hub.testing.contract.ground import calls_of
from hub.testing.contract.shelf import ReadingGround
from hub.testing.double import Double, Request
from hub.testing.opening import open_adapter

_CALLS = 1000
# Watching memory makes a call four times as slow, so that only these of the thousand are watched.
_WATCHED = 250
_MEMORY = 5 * 1024 * 1024 * _WATCHED // _CALLS
# A file or a thread more or less may come from elsewhere in the process.
_SLACK = 3
_OPEN = Path("/proc/self/fd")


class Resources(ReadingGround):
    area: ClassVar[str] = "resources"

    def test_a_thousand_calls_leave_nothing_behind(
        self, network: Double, opened: Callable[..., Any], account: Any
    ) -> None:
        works = [account.check, *self.cheapest_reads(network, opened, account)]

        def call(times: int) -> None:
            for number in range(times):
                works[number % len(works)]()
                network.calls.clear()

        call(len(works))
        files, threads = _files(), threading.active_count()
        call(_CALLS - _WATCHED)
        tracemalloc.start()
        try:
            call(len(works))
            gc.collect()
            before = tracemalloc.get_traced_memory()[0]
            call(_WATCHED)
            gc.collect()
            grown = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
        assert threading.active_count() <= threads + _SLACK, (
            f"{_CALLS} calls left {threading.active_count() - threads} threads behind: a plugin starts none"
        )
        assert _files() <= files + _SLACK, (
            f"{_CALLS} calls left {_files() - files} open files or connections behind: call through self.http, "
            "which keeps one connection"
        )
        assert grown < _MEMORY, (
            f"{_WATCHED} calls left {grown / 1e6:.1f} MB behind: what the adapter remembers grows without bound; "
            "the store is the hub's, and a cache needs a size"
        )

    def test_a_closed_account_leaves_no_connection_open(self, network: Double) -> None:
        if not _OPEN.is_dir():
            pytest.skip("this system does not list open files")
        opened: list[Adapter] = []
        before = _files()
        for _ in range(10):
            opened.append(open_adapter(self.adapter, self.settings(network), paced=False))
            opened[-1].check()
        for adapter in opened:
            adapter.http.close()
        # The network closes its end of each a moment later.
        until = time.monotonic() + 3
        while _files() > before + _SLACK and time.monotonic() < until:
            time.sleep(0.02)
        assert _files() <= before + _SLACK, (
            f"10 accounts were closed, and {_files() - before} connections are open: call through self.http alone"
        )

    def test_an_account_may_be_used_from_another_thread(
        self, network: Double, opened: Callable[..., Any], account: Any
    ) -> None:
        works = [account.check, *self.cheapest_reads(network, opened, account)]
        raised: list[Exception] = []

        def work() -> None:
            for call in works:
                try:
                    call()
                except Exception as error:
                    raised.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join(timeout=30)
        assert not raised, (
            f"an account that was opened in one thread did not work in another: {raised[0]!r}. The hub takes each "
            "turn in any thread, one at a time; keep nothing in thread-locals"
        )
        assert not thread.is_alive(), "an account that was opened in one thread hangs in another"

    def test_two_accounts_share_no_secret(self, network: Double, opened: Callable[..., Any], account: Any) -> None:
        other = opened(**self._other_secrets(network))
        mine, theirs = (set(secret_values(one.settings)) for one in (account, other))
        for one, secrets, foreign in ((account, mine, theirs), (other, theirs, mine)):

            def check(one: Any = one) -> None:
                # The network knows one of the two.
                with suppress(HubError):
                    one.check()

            for call in calls_of(network, check):
                assert not any(secret in _whole(call) for secret in foreign - secrets), (
                    f"{call.method} {call.path} of one account bears the secret of another: keep what is an "
                    "account's on self, not on the class or the module"
                )

    def _other_secrets(self, network: Double) -> dict[str, Any]:
        """Return the settings of a second account: the same, with other secrets."""
        settings: dict[str, Any] = json.loads(json.dumps(dict(self.settings(network))))
        dotted = list(plain_secrets(self.adapter.Settings, settings, ()))
        if not dotted:
            pytest.skip(f"{self.adapter.platform} has no secrets here")
        for name in dotted:
            *above, key = name.split(".")
            table = settings
            for step in above:
                table = table[step]
            table[key] = table[key][1:] + table[key][:1]
        return settings

    def test_nothing_is_kept_on_the_class(self, network: Double, opened: Callable[..., Any], account: Any) -> None:
        before = _on_class(self.adapter)
        for work in [account.check, *self.cheapest_reads(network, opened, account)]:
            work()
        after = _on_class(self.adapter)
        written = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        assert not written, (
            f"calls changed {', '.join(written)}, which all accounts of the platform share: keep what is an "
            "account's on self"
        )


def _files() -> int:
    return len(list(_OPEN.iterdir())) if _OPEN.is_dir() else 0


def _whole(call: Request) -> str:
    said = [call.path, *call.query.values(), *call.headers.values(), call.body.decode(errors="replace")]
    return "\n".join(said)


def _on_class(adapter: type[Adapter]) -> dict[str, str]:
    """Return what the classes of a plugin hold, and what is in it."""
    found = {}
    for owner in adapter.__mro__:
        if owner.__module__.partition(".")[0] in ("hub", "abc", "builtins"):
            continue
        for name, value in vars(owner).items():
            if not name.startswith(("__", "_abc_")):
                inner = repr(value) if isinstance(value, dict | list | set) else ""
                found[f"{owner.__name__}.{name}"] = f"{id(value)} {inner}"
    return found
