"""The governor: so many posts an hour on one account, and no burst after downtime."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

HOUR = timedelta(hours=1)
# A post whose time is this long ago was kept from going out, by downtime or by trouble.
OVERDUE = timedelta(minutes=10)
# One that was held back already has its place among the others; a `hub tick` every quarter of an hour keeps it.
OVERDUE_AGAIN = HOUR
_SECOND = timedelta(seconds=1)


class Hold(NamedTuple):
    """Until when a post is held back, and why."""

    until: datetime
    why: str


def room_at(times: Sequence[datetime], per_hour: int, now: datetime) -> datetime:
    """Return when one more post may go out, so that no hour sees more than `per_hour`.

    `times`, in order, are when the others went out, or will.
    """
    if len(times) < per_hour or times[-per_hour] <= now - HOUR:
        return now
    return times[-per_hour] + HOUR


class Governor:
    """Decides for one turn of one account which post goes out now, and when the others do; 0 an hour is no limit.

    `spaced` lets posts that downtime kept back go out evenly. Of the times given to `learn`, those of what went
    out need to go back an hour; of each kind, the last `per_hour` are enough.
    """

    def __init__(self, per_hour: int = 0, *, spaced: bool = True) -> None:
        self.per_hour = per_hour
        self.spaced = spaced
        self._sent: list[datetime] = []
        # With what this turn put off from their old places in the line; and with the whole line.
        self._ahead: list[datetime] = []
        self._line: list[datetime] = []

    def learn(self, sent: Sequence[datetime], held: Sequence[datetime]) -> None:
        """Take over when posts went out, and when those that are held back will."""
        self._sent = sorted(sent)
        self._ahead = list(self._sent)
        self._line = sorted([*sent, *held])

    def note(self, now: datetime) -> None:
        """Note that a post goes out now."""
        for times in (self._sent, self._ahead, self._line):
            insort(times, now)

    def hold(self, due_at: datetime, now: datetime, *, again: bool) -> Hold | None:
        """Say until when a post that was due then is held back; None if it goes out now.

        `again` says that it was held back before: then it need not stand in line behind the others that are.
        Ask for posts in the order in which they were due.
        """
        if not self.per_hour:
            return None
        overdue = self.spaced and now - due_at > (OVERDUE_AGAIN if again else OVERDUE)
        if overdue:
            gap = HOUR / self.per_hour
            last = self._ahead[-1] + gap if self._ahead else now
            until = max(last, room_at(self._ahead, self.per_hour, now))
            why = f"held back: after the downtime posts go out one by one, every {gap.total_seconds():.0f} s"
        elif room_at(self._sent, self.per_hour, now) <= now:
            return None
        else:
            until = room_at(self._ahead if again else self._line, self.per_hour, now)
            posts = "post" if self.per_hour == 1 else "posts"
            why = f"held back: {self.per_hour} {posts} an hour on this account"
        if until <= now:
            return None
        # To a whole second, and up: the database keeps milliseconds, and an earlier time would be too early.
        until = until.replace(microsecond=0) + (_SECOND if until.microsecond else timedelta(0))
        insort(self._line, until)
        if again or overdue:
            insort(self._ahead, until)
        return Hold(until, why)
