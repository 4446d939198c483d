"""The turns of a hub's accounts, as an engine carries them out: each under a lease, whatever the engine."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.engine import Connection

from hub.errors import HubError, StoreUnsure
from hub.lease import Lease, elapsed, never
from hub.scheduling.hub import Hub
from hub.scheduling.process import alive, host
from hub.scheduling.report import Report
from hub.scheduling.turn import take_turn
from hub.store.running import leases, workers
from hub.store.running.leases import Claim

log = structlog.get_logger()

# Seconds between two looks for processes of this machine that have died.
_BURIAL = 1.0
# Seconds for which an account is left alone here after a turn that went wrong, if nothing says longer.
_REST = 1.0
# What finds new work again and again (a loop that the guard missed) has so many turns in one round of `hub tick`.
_ROUNDS = 50


@dataclass(frozen=True)
class Held:
    """An account that this process has, for one turn, and the lease that it has it under."""

    turns: Turns
    claim: Claim
    lease: Lease

    @property
    def account(self) -> str:
        return self.claim.account

    def carry_out(self, stop: Callable[[], bool]) -> Report:
        return self.turns.carry_out(self, stop)


class Turns:
    """Takes accounts for the process `owner`, and keeps their leases. For any number of threads."""

    def __init__(self, hub: Hub, owner: str) -> None:
        self._hub = hub
        self._owner = owner
        self._guard = threading.Lock()
        self._held: dict[str, Held] = {}
        # Accounts of the database that this hub.toml does not know.
        self._strangers: set[str] = set()
        # Until when those are left alone whose turn went wrong.
        self._resting: dict[str, float] = {}
        self._begun: Counter[str] | None = None
        self._buried: float | None = None
        self._claiming = 0
        self._is_unsure = False

    @property
    def running(self) -> int:
        """How many turns this process carries out now."""
        return len(self._held)

    def held(self) -> list[Held]:
        """Return what this process has now."""
        with self._guard:
            return list(self._held.values())

    def begin_round(self) -> None:
        """Give each account a bounded number of turns from now on, so that a round of them comes to an end."""
        self._begun = Counter()
        self._resting.clear()

    def due(self, limit: int) -> Sequence[str]:
        """Return accounts that are due, free and not paused, longest overdue first."""
        self._bury()
        if self._is_unsure:
            self._give_back_the_unknown()
        while True:
            with self._hub.store.read() as connection:
                found = leases.due(connection, self._hub.clock(), limit, self._besides())
            unknown = set(found) - self._hub.settings.accounts.keys()
            if not unknown:
                return found
            self._strangers |= unknown

    def claim(self, limit: int) -> Sequence[Held]:
        """Take at most so many of those; each is to be carried out at once."""
        if not self.due(1):
            return []
        return self._claim(
            lambda connection, now, until: leases.claim_due(
                connection, self._owner, now, until, limit, self._besides()
            )
        )

    def take(self, account: str, *, stop: Callable[[], bool]) -> Report | None:
        """Take one account and carry out its turn; None if somebody has it, or nothing is due on it any more."""
        # A message may name an account that only another machine's hub.toml has.
        if account not in self._hub.settings.accounts or account in self._besides():
            return None

        def claim(connection: Connection, now: datetime, until: datetime) -> list[Claim]:
            found = leases.claim_one(connection, account, self._owner, now, until)
            return [] if found is None else [found]

        return self._take(claim, stop)

    def take_for(self, account: str, kinds: Sequence[str]) -> Report | None:
        """Take one account for these kinds of work, due or not; None if somebody has it."""

        def claim(connection: Connection, now: datetime, until: datetime) -> list[Claim]:
            fence = leases.claim(connection, account, self._owner, now, until - now)
            return [] if fence is None else [Claim(account, kinds, fence)]

        return self._take(claim, never)

    def carry_out(self, held: Held, stop: Callable[[], bool]) -> Report:
        """Take the turn of an account that this process has; what goes wrong is in the report."""
        claim = held.claim
        until = elapsed() + self._hub.settings.hub.quantum.total_seconds()
        try:
            report = take_turn(
                self._hub,
                claim.account,
                claim.kinds,
                claim.fence,
                held.lease.left,
                enough=lambda: stop() or elapsed() >= until,
            )
        except Exception as error:
            # Even its end could not be written down, nor that the account is free again.
            log.exception("turn failed", account=claim.account)
            self._is_unsure = True
            if not isinstance(error, HubError):
                error = HubError("{why}", why=f"{type(error).__name__}: {error}")
            report = Report(claim.account, claim.kinds, errors=[error])
        with self._guard:
            if self._held.get(claim.account) is held:
                del self._held[claim.account]
            if report.errors or report.lost:
                self._resting[claim.account] = elapsed() + _REST
            if self._begun is not None and not report.left:
                self._begun[claim.account] += 1
        return report

    def extend(self) -> None:
        """Prolong the leases of the turns that run; a turn whose account was taken ends its own at once."""
        for held in self.held():
            term = held.lease.next_term()
            if self._hub.store.write(leases.extend, held.account, held.claim.fence, term.until):
                held.lease.hold(term)
            else:
                held.lease.end()

    def let_go(self) -> None:
        """Give back what is still being worked on: its turn falls silent first, so others can go on at once."""
        for held in self.held():
            held.lease.end()
            self._hub.store.write(leases.release, held.account, held.claim.fence)

    def _take(
        self, claim: Callable[[Connection, datetime, datetime], Sequence[Claim]], stop: Callable[[], bool]
    ) -> Report | None:
        taken = self._claim(claim)
        return taken[0].carry_out(stop) if taken else None

    def _claim(self, claim: Callable[[Connection, datetime, datetime], Sequence[Claim]]) -> list[Held]:
        """Claim with a term that is measured before the statement is sent: it is over before the row's."""
        length, clock = self._hub.settings.hub.lease, self._hub.clock
        term = Lease(length, clock).next_term()
        taken = []
        with self._guard:
            self._claiming += 1
        try:
            for claimed in self._hub.store.write(claim, term.began, term.until):
                held = Held(self, claimed, Lease(length, clock))
                held.lease.hold(term)
                taken.append(held)
            with self._guard:
                self._held.update({held.account: held for held in taken})
        except StoreUnsure:
            # Accounts may be ours of which we know nothing: nobody would work on them until the lease is over.
            self._is_unsure = True
            raise
        finally:
            with self._guard:
                self._claiming -= 1
        return taken

    def _besides(self) -> set[str]:
        """Return the accounts that are not to be taken by this process now."""
        now = elapsed()
        with self._guard:
            self._resting = {name: until for name, until in self._resting.items() if until > now}
            worn = () if self._begun is None else (name for name, count in self._begun.items() if count >= _ROUNDS)
            return {*self._strangers, *self._held, *self._resting, *worn}

    def _bury(self) -> None:
        """Take back what processes of this machine had that are no more: nobody need wait for their leases.

        Whoever wrote no sign of life is found by the leases, once: to ask for those reads all accounts.
        """
        if self._buried is not None and elapsed() - self._buried < _BURIAL:
            return
        with self._hub.store.read() as connection:
            found = set(workers.on_host(connection, host()))
            if self._buried is None:
                found.update(leases.owners(connection))
        self._buried = elapsed()
        dead = [name for name in found if name != self._owner and not alive(name)]
        if dead:
            self._hub.store.write(_bury, dead)

    def _give_back_the_unknown(self) -> None:
        """Give back accounts that a claim took whose answer was lost; not while another claim is on its way."""
        with self._guard:
            known = {held.account: held.claim.fence for held in self._held.values()}
            if self._claiming:
                return
            self._is_unsure = False
        self._hub.store.write(leases.free_besides, self._owner, known)


def _bury(connection: Connection, dead: Sequence[str]) -> None:
    leases.free(connection, dead)
    workers.end(connection, dead)
