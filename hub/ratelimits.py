"""How long to wait, and what is left, in every dialect of header, and how the wait grows where nobody says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from hub.models import RateLimit

# A network that asks for a longer wait than this is misread or broken (reliability: cap 24 h).
LONGEST_WAIT = 24 * 3600.0
# Where nobody says how long, the wait grows to this at most (seconds).
_LONGEST_GROWN = 3600.0
_NO_COUNT = 2**63


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a Retry-After header (a number or a date), at most 24 hours; None if unreadable.

    A date is measured against the answer's own Date, so that our clock may be wrong.
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        then = _date(text)
        if then is None:
            return None
        seconds = (then - _now_of(headers)).total_seconds()
    if seconds != seconds:  # "nan"
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def rate_limit(headers: Mapping[str, str]) -> RateLimit | None:
    """Read the rate-limit headers of the usual dialects: `X-RateLimit-*`, `x-rate-limit-*`, `RateLimit-*`.

    The reset comes as epoch seconds, as seconds to go, or as an ISO date.
    """
    for prefix in ("x-rate-limit-", "x-ratelimit-", "ratelimit-"):
        if prefix + "remaining" in headers:
            return RateLimit(
                limit=_int(headers.get(prefix + "limit")),
                remaining=_int(headers.get(prefix + "remaining")),
                reset_after=_reset(headers.get(prefix + "reset"), headers),
            )
    return None


def _reset(text: str | None, headers: Mapping[str, str]) -> float | None:
    if not text:
        return None
    now = _now_of(headers)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        try:
            then = datetime.fromisoformat(text)
        except ValueError:
            return None
        then = then if then.tzinfo else then.replace(tzinfo=UTC)
        return max((then - now).total_seconds(), 0.0)
    # More than ten years of seconds can only be a moment, not a wait.
    return max(number - now.timestamp(), 0.0) if number > 315_000_000 else max(number, 0.0)


def _int(text: str | None) -> int | None:
    try:
        number = int(float(text)) if text else None
    except (ValueError, OverflowError):
        return None
    # A count that the store could not hold is none.
    return None if number is None or abs(number) >= _NO_COUNT else number


def _date(text: str) -> datetime | None:
    try:
        then = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return then if then.tzinfo else then.replace(tzinfo=UTC)


def _now_of(headers: Mapping[str, str]) -> datetime:
    return _date(headers.get("date", "")) or datetime.now(UTC)


def growing(first: float, times: int) -> float:
    """Return how long to wait, in seconds, if `times` tries before this one came to nothing too.

    `first`, and twice as long each time, at most an hour.
    """
    grown: float = first * 2 ** min(times, 20)
    return max(first, min(grown, _LONGEST_GROWN))
