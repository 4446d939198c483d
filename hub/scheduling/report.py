"""What one turn of an account did, and what went wrong in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hub.errors import HubError, OverBudget, TransientError
from hub.models import RateLimit


@dataclass
class Report:
    """What a turn did. `errors` has what went wrong with the account; what a person must decide is in `counts`.

    `stopped` says that something was left unsent because a person has stopped the hub, `comments` that the account
    can put comments of others under a post. `left` are the kinds that are to go on in another turn: broken off, or
    never begun. `lost` says that the lease was over before the turn was, which wrote nothing down then. `over` is
    why our own budget of calls let the turn do no more; `spent` is when the network answers a kind of work again,
    where it said that its own is used up.
    """

    account: str
    kinds: Sequence[str] = ()
    ourselves: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    errors: list[HubError] = field(default_factory=list)
    stopped: bool = False
    quota: RateLimit | None = None
    comments: bool = False
    left: list[str] = field(default_factory=list)
    lost: bool = False
    over: OverBudget | None = None
    spent: dict[str, datetime] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        return "failed" if self.errors else "stopped" if self.stopped else "ok"

    @property
    def troubles(self) -> list[TransientError]:
        """Return the errors that leave the account alone for a while."""
        return [error for error in self.errors if isinstance(error, TransientError)]

    @property
    def wait(self) -> float | None:
        """Return how long the network wants to be left alone, in seconds; None if it did not say."""
        asked = [*self.troubles, self.over] if self.over else self.troubles
        return max((error.retry_after for error in asked if error.retry_after is not None), default=None)

    @property
    def worked(self) -> bool:
        """Tell whether the network took something from us."""
        return any(self.counts[name] for name in ("published", "edited", "deleted"))
