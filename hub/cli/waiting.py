"""Says until when an account is left alone, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeGuard

from hub.cli.output import Output, iso, one_line
from hub.i18n import _
from hub.store.running.accounts import Health


def waits(health: Health | None, now: datetime) -> TypeGuard[Health]:
    """Tell whether nothing is done on an account for a while."""
    return health is not None and health.not_before is not None and health.not_before > now


def waiting_text(out: Output, health: Health) -> str:
    """Say until when, and why."""
    text = _("waits until {time}, because: {why}")
    return text.format(time=out.when(health.not_before, seconds=True), why=one_line(health.last_error))


def waiting_shape(health: Health | None, now: datetime) -> dict[str, Any]:
    """Return the same for a JSON document."""
    if not waits(health, now):
        return {"waits_until": None, "waits_because": ""}
    return {"waits_until": iso(health.not_before), "waits_because": health.last_error}
