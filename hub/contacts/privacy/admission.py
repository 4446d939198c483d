"""Says what of that which a network shows may be stored: nothing of who was erased, nothing beyond its age."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from hub.models import Mention
from hub.sections import RetentionSection
from hub.store.privacy.tombstones import Tombstones


class Admission:
    """Decides on one page at a time, in the transaction that stores it."""

    def __init__(self, tombstones: Tombstones, retention: RetentionSection, clock: Callable[[], datetime]) -> None:
        self._tombstones = tombstones
        self._mentions = retention.mentions
        self._messages = retention.messages or retention.mentions
        self._clock = clock

    def __call__(self, connection: Connection, platform: str, items: Sequence[Mention]) -> Sequence[Mention]:
        """Return what may be stored. What has no time of its own is as old as its first sight."""
        if self._mentions is not None or self._messages is not None:
            now = self._clock()
            items = [item for item in items if not self._is_past(item, now)]
        return self._tombstones.mentions(connection, platform, items)

    def _is_past(self, item: Mention, now: datetime) -> bool:
        age = self._messages if item.kind == "message" else self._mentions
        return age is not None and item.sent_at is not None and now - item.sent_at > age
