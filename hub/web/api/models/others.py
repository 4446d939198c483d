"""What the API gives besides: the team, who asks, how the accounts fare, what changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from hub.scheduling.health import AccountFacts
from hub.web.api.models.ground import Answer, Somebody


class Team(Answer):
    team: Sequence[Somebody]


class Me(Answer):
    """Who asks, and what they may do; `accounts` null is all of them."""

    id: int
    name: str
    display_name: str
    role: str
    may: Sequence[str]
    accounts: Sequence[str] | None


class AccountAnswer(Answer):
    """How an account fares; `level` is good, warning or bad, `why` in plain words."""

    name: str
    platform: str
    state: str
    level: str
    why: str
    display_name: str
    last_ok_at: datetime | None
    last_error: str
    expires_at: datetime | None
    missing: Sequence[str]
    quota_left: int | None
    queue: int
    asked: int

    @classmethod
    def of(cls, one: AccountFacts, why: str) -> AccountAnswer:
        health = one.health
        return cls(
            name=one.name,
            platform=health.platform,
            state=health.state,
            level=one.level,
            why=why,
            display_name=health.display_name,
            last_ok_at=health.last_ok_at,
            last_error=health.last_error,
            expires_at=health.expires_at,
            missing=one.missing,
            quota_left=health.quota_left,
            queue=one.queue.depth,
            asked=one.queue.asked,
        )


class Accounts(Answer):
    accounts: Sequence[AccountAnswer]


class ChangeAnswer(Answer):
    """Something changed; `ref` is the number of the one, 0 for several, or for whose accounts are bounded."""

    id: int
    kind: str
    ref: int


class Changes(Answer):
    """What changed, in order. `gap` says that some of it is no longer kept: read everything anew."""

    changes: Sequence[ChangeAnswer]
    latest: int
    gap: bool
