"""One CRM account's turn at contacts: what it works with, how it merges, and what it has done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy.engine import Connection

from hub.adapter import ContactSync
from hub.contacts.crm import fields
from hub.contacts.crm.threeway import KeyOf
from hub.discussions.commenting import TurnLost
from hub.errors import HubError, UnknownOutcome
from hub.sections import AccountOptions, Policy
from hub.settings import Settings
from hub.store import Store
from hub.store.privacy.tombstones import Tombstones
from hub.store.running import leases

T = TypeVar("T")
P = ParamSpec("P")

_SETTLE_AFTER = timedelta(seconds=30)
_PATIENCE = 3


@dataclass
class Exchange:
    """What a turn at contacts works with. `fence` is the token of the account's lease, `clock` returns now, aware.

    `accept_deletions` is a person's word that so many deletions are meant; `doubts` counts lost answers in a row.
    """

    store: Store
    adapter: ContactSync
    clock: Callable[[], datetime]
    settings: Settings
    fence: int
    tombstones: Tombstones
    counts: Counter[str] = field(default_factory=Counter)
    errors: list[HubError] = field(default_factory=list)
    accept_deletions: bool = False
    doubts: int = 0

    @property
    def account(self) -> str:
        return self.adapter.account

    @property
    def options(self) -> AccountOptions:
        """What hub.toml says of the account."""
        return self.settings.accounts[self.account].options

    @cached_property
    def reads(self) -> frozenset[str]:
        """The names that are compared."""
        return self.adapter.reads

    @cached_property
    def writes(self) -> frozenset[str]:
        """The names that are pushed: what may leave the hub, and can be set there."""
        return (self.adapter.writes & self.reads) - set(self.settings.contacts.never)

    @cached_property
    def policies(self) -> Mapping[str, Policy]:
        return {**self.settings.contacts.fields, **self.options.policies}

    @cached_property
    def key(self) -> KeyOf:
        """How values are compared."""
        return fields.key_of(self.settings.contacts.region)

    def doubt(self, results: Sequence[object]) -> None:
        """Raise the last lost answer if so many came to nothing in a row: it is the CRM, and not the contact."""
        for result in results:
            self.doubts = self.doubts + 1 if isinstance(result, UnknownOutcome) else 0
        last = results[-1] if results else None
        if self.doubts >= _PATIENCE and isinstance(last, UnknownOutcome):
            raise last

    @property
    def settle_after(self) -> timedelta:
        """How long after a lost answer the CRM shows what it took."""
        given = self.options.settle_after
        return _SETTLE_AFTER if given is None else given

    def write(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` in a transaction while the turn is still ours; raise `TurnLost` if it is not."""

        def fenced(connection: Connection) -> T:
            if not leases.holds(connection, self.account, self.fence):
                raise TurnLost
            return work(connection, *args, **kwargs)

        return self.store.write(fenced)
