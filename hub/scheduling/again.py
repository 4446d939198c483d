"""When each kind of an account's work is due again: by schedule, by silence, and by what the network answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from hub.models import RateLimit
from hub.scheduling import due
from hub.scheduling.hub import LISTEN
from hub.settings import Settings
from hub.store.running import accounts, rounds

# Of what a turn counts, that by which a silent account shows life.
_NEWS = ("new mentions", "changed mentions", "deleted mentions", "new posts", "changed posts")
_SENT = ("published", "edited")


def next_runs(settings: Settings, account: str, kinds: Iterable[str], now: datetime) -> dict[str, datetime]:
    """Return when the schedule says that each kind is due again; with many accounts not together with theirs."""
    schedule = settings.schedule
    return {
        kind: due.next_run(
            getattr(schedule, kind),
            now,
            settings.zone,
            share=due.jitter(account, kind, now, len(settings.accounts)),
        )
        for kind in kinds
    }


def slow_down(
    connection: Connection,
    settings: Settings,
    account: str,
    runs: dict[str, datetime],
    counts: Mapping[str, int],
    now: datetime,
) -> None:
    """Put off listening to a silent account, as far as `[schedule] quiet` allows; note what ends the silence."""
    schedule = settings.schedule.listen
    if settings.schedule.quiet is None or not due.is_interval(schedule):
        return
    sent = any(counts.get(name) for name in _SENT)
    if sent or any(counts.get(name) for name in _NEWS):
        rounds.note_news(connection, account, LISTEN, now)
        news_at = now
    else:
        known = rounds.news_at(connection, account, LISTEN)
        if known is None:
            rounds.note_news(connection, account, LISTEN, now)
        news_at = known or now
    every = due.interval(schedule)
    pause = due.listen_every(every, settings.schedule.quiet, now, news_at)
    if LISTEN in runs:
        runs[LISTEN] += pause - every
    elif sent:
        # What people say to that is heard as soon as on an account that was never silent.
        accounts.hasten(connection, [account], LISTEN, now + every)


class Told:
    """What a network tells of its limits from here on; `limits` are those of the account's line."""

    def __init__(self, limits: Mapping[str, RateLimit]) -> None:
        self._limits = limits
        self._before = dict(limits)

    def spent(self, now: datetime) -> datetime | None:
        """Return when the network answers again if it says that one of its limits is used up; None if none is."""
        news = [limit for name, limit in self._limits.items() if self._before.get(name) is not limit]
        return due.spent_until(news, now)


def keep_away(
    connection: Connection, account: str, until: Mapping[str, datetime], runs: Sequence[dict[str, datetime]]
) -> None:
    """Let nothing of a kind be due before the network answers it again."""
    for kind, moment in until.items():
        rounds.wait_until(connection, account, kind, moment)
        for times in runs:
            if kind in times:
                times[kind] = max(times[kind], moment)
