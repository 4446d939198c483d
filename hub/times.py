"""Reads durations, schedules and time zones as hub.toml writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import regex
from pydantic import AfterValidator, BeforeValidator

_DURATION = regex.compile(r"(\d+)\s*(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(text: object) -> object:
    """Read `30s`, `5m`, `2h` or `1d`; anything else is left for pydantic to refuse."""
    if not isinstance(text, str):
        return text
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError("write a number and s, m, h or d, such as 30m")
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def schedule_text(text: str) -> str:
    """Check `every 5m` or a cron expression of five fields."""
    from cronsim import CronSim, CronSimError

    if text.startswith("every "):
        every = duration(text.removeprefix("every "))
        if not isinstance(every, timedelta) or every < timedelta(seconds=1):
            raise ValueError("an interval is at least 1s")
        return text
    try:
        CronSim(text, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise ValueError(f"neither `every 5m` nor a cron expression ({error})") from None
    return text


def zone_name(name: str) -> str:
    """Check that a time zone is known."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no such time zone; write one such as Europe/Moscow or UTC") from None
    return name


Duration = Annotated[timedelta, BeforeValidator(duration)]
ScheduleText = Annotated[str, AfterValidator(schedule_text)]
Zone = Annotated[str, AfterValidator(zone_name)]
