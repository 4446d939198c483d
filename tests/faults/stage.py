"""One account of a settle kind on a network that a fault strikes, and a healthy account beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from faults.truth import Tally, audit, tally
from settle_kinds import KINDS, TOKEN, KindDouble
from support import Clock, TestHub, open_hub, write_config

from hub import Receipt
from hub.publishing import routes, settling
from hub.resemblance import text_key
from hub.store.outbox import deliveries
from hub.store.outbox.posts import NewPost

STRUCK, STEADY = "struck", "steady"
UNHEARD = "every 365d"
# Seconds: mostly enough for a call on this machine, little enough that a fault which says nothing costs little.
HASTE = 1.0
# Seconds: enough on any machine.
PATIENCE = 10.0
# An account that failed is left alone for an hour at most, and a doubt needs two looks.
_STEPS = [{"seconds": 40}] * 8 + [{"minutes": 61}] * 40


class Stage:
    """Two accounts of one kind, each on a network of its own; only the network of the first is struck."""

    def __init__(self, hub: TestHub, networks: dict[str, KindDouble]) -> None:
        self.hub = hub
        self.networks = networks
        self.network = networks[STRUCK]
        self._keys = iter(range(1_000_000))

    def accept(self, *texts: str, late_after: datetime | None = None) -> list[int]:
        """Take posts for both accounts."""
        return [self._accept(text, late_after) for text in texts]

    def _accept(self, text: str, late_after: datetime | None) -> int:
        now = self.hub.clock()
        new = NewPost(key=f"{next(self._keys)}", text=text, publish_at=now, late_after=late_after)
        number, _ = routes.add_post(self.hub.store, new, list(self.networks), now)
        return number

    def strike(self, *texts: str) -> None:
        """Take posts and do what is due; the healthy account has them out at once, whatever befalls the other."""
        self.accept(*texts)
        self.hub.tick()
        said = {text_key(held.text) for held in self.networks[STEADY].held()}
        assert said >= {text_key(text) for text in texts}, "I13: the healthy account was held up"

    def rest(self) -> None:
        """Let time pass until nothing more happens by itself."""
        for step in _STEPS:
            if not self._open():
                return
            self.hub.tick(**step)
        raise AssertionError(f"it does not come to rest: {self.states()}")

    def _open(self) -> bool:
        return bool(
            self.hub.rows(
                "SELECT 1 FROM deliveries d JOIN accounts a ON a.name = d.account "
                "WHERE (d.due_at IS NOT NULL OR d.state = 'sending') AND a.state = 'active'"
            )
        )

    def decide(self) -> None:
        """Let a person who has looked say what became of each delivery that is asked about, until none is."""
        for _ in range(5):
            asked = self.hub.rows("SELECT id, account, text FROM deliveries WHERE state = 'asked'")
            if not asked:
                return
            there = {
                (name, text_key(held.text)): held.id
                for name, network in self.networks.items()
                for held in reversed(network.held())
            }
            for row in asked:
                found = there.get((row["account"], text_key(row["text"])))
                self._decide(row["id"], row["account"], Receipt(remote_id=found) if found else None)
            self.rest()
        raise AssertionError("a person is asked again and again")

    def _decide(self, delivery: int, account: str, sent: Receipt | None) -> None:
        hub = self.hub.hub
        settling.decide(hub.store, hub.adapter(account), delivery, hub.clock(), sent=sent, again=sent is None)

    def states(self, account: str = STRUCK) -> list[str]:
        rows = self.hub.rows(f"SELECT state FROM deliveries WHERE account = '{account}' ORDER BY id")
        return [row["state"] for row in rows]

    def texts(self) -> list[str]:
        """Return what the struck network holds."""
        return [held.text for held in self.network.held()]

    def everything_is_out(self) -> bool:
        with self.hub.store.read() as connection:
            return set(deliveries.count_by_state(connection)) == {"published"}

    def audit(self, said: str) -> list[str]:
        return audit(self.hub.store, self.networks, secret=TOKEN, said=said)

    def tally(self) -> Tally:
        return tally(self.hub.store, STRUCK, self.network)


@contextmanager
def set_up(
    folder: Path,
    kind: str,
    *,
    bad: type[Any] | None = None,
    accounts: Sequence[str] = (STRUCK, STEADY),
    options: Mapping[str, Any] | None = None,
    extra: str = "",
    listen: str = UNHEARD,
    deadline: float = HASTE,
) -> Iterator[Stage]:
    """Open a hub with accounts of one kind, each on its own network; the struck one may have a `bad` plugin.

    `options` are those of the accounts, `extra` is of `[hub]`. Nothing is read, unless `listen` says how often.
    `deadline` bounds a call of the struck account, in seconds.
    """
    adapter = KINDS[kind]
    clock = Clock()
    with ExitStack() as stack:
        networks = {name: stack.enter_context(KindDouble(clock=clock)) for name in accounts}
        tables = {
            name: {"platform": _plugin(adapter, bad, name).platform, **double.account(), **(options or {})}
            for name, double in networks.items()
        }
        config = write_config(folder, tables, f'[schedule]\nlisten = "{listen}"\n', extra=extra)
        plugins = {_plugin(adapter, bad, name) for name in accounts}
        hub = stack.enter_context(open_hub(config, *plugins, clock=clock))
        hub.tick()
        hub.hub.adapter(STRUCK).http.deadline = deadline
        yield Stage(hub, networks)


def _plugin(good: type[Any], bad: type[Any] | None, account: str) -> type[Any]:
    return bad if bad is not None and account == STRUCK else good
