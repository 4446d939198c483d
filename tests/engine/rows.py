"""Turns that do nothing but what a test says: an engine's work by the rows of a store, without a network."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.engine import Connection

from hub.engine.port import Engine
from hub.store import Store
from hub.store.running import accounts, leases
from hub.store.running.leases import Claim

KIND = "listen"
LEASE = timedelta(seconds=20)


def now() -> datetime:
    return datetime.now(UTC)


def register(store: Store, names: Sequence[str], due_at: datetime | None = None) -> None:
    """Make accounts with one kind of work, due now if nothing else is said."""
    store.write(
        accounts.register,
        dict.fromkeys(names, "village"),
        {name: [KIND] for name in names},
        now() if due_at is None else due_at,
    )


def tell(store: Store, engine: Engine) -> None:
    """Have the store tell the engine what falls due, as the hub does."""

    def on_due(connection: Connection, due: Mapping[str, datetime]) -> None:
        names = [name for name, at in due.items() if at <= now()]
        if names:
            engine.put(connection, names)

    store.on_due = on_due


def hasten(store: Store, names: Sequence[str]) -> None:
    """Let these be due now, as an accepted post does."""
    store.write(accounts.hasten, names, KIND, now())


@dataclass(frozen=True)
class Held:
    """An account that was taken."""

    rows: Rows
    claim: Claim

    @property
    def account(self) -> str:
        return self.claim.account

    def carry_out(self, stop: Callable[[], bool]) -> str:
        return self.rows.carry_out(self.claim, stop)


class Rows:
    """Takes accounts as the scheduler does. `act` is the turn: it says when the account is due again."""

    def __init__(self, store: Store, act: Callable[[str], datetime], owner: str = "me") -> None:
        self.turns: Counter[str] = Counter()
        self.most = 0
        self._store = store
        self._act = act
        self._owner = owner
        self._guard = threading.Lock()
        self._running: Counter[str] = Counter()

    def due(self, limit: int, *, besides: Collection[str] = ()) -> Sequence[str]:
        with self._store.read() as connection:
            return leases.due(connection, now(), limit, besides)

    def claim(self, limit: int, *, besides: Collection[str] = ()) -> Sequence[Held]:
        at = now()
        claims = self._store.write(leases.claim_due, self._owner, at, at + LEASE, limit, besides)
        return [Held(self, claim) for claim in claims]

    def take(self, account: str, *, stop: Callable[[], bool]) -> str | None:
        at = now()
        claim = self._store.write(leases.claim_one, account, self._owner, at, at + LEASE)
        return None if claim is None else self.carry_out(claim, stop)

    def carry_out(self, claim: Claim, stop: Callable[[], bool]) -> str:
        with self._guard:
            self._running[claim.account] += 1
            self.most = max(self.most, self._running[claim.account])
        again = self._act(claim.account)
        with self._guard:
            self._running[claim.account] -= 1
            self.turns[claim.account] += 1

        def end(connection: Connection) -> None:
            accounts.hold_jobs(connection, claim.account)
            if leases.release(connection, claim.account, claim.fence):
                accounts.reschedule(connection, claim.account, {KIND: again}, now())

        self._store.write(end)
        return claim.account


@contextmanager
def running(engine: Engine, rows: Rows) -> Iterator[threading.Thread]:
    """Let an engine carry out turns in a thread; it has to end by itself when it is told to."""
    stop = threading.Event()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            engine.run(rows, stop, timedelta(seconds=10))
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()
    if failed:
        raise failed[0]
