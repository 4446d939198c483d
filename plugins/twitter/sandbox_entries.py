"""What the double of X keeps: posts as chains of versions, images, and ids that tell the time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from hub.testing import Person

_FIRST_MS = 1288834974657  # of the Unix epoch; an id is the milliseconds since then, shifted by 22 bits


@dataclass(slots=True)
class Version:
    """One wording of a post: each has an id of its own."""

    id: str
    text: str
    sent_at: datetime


@dataclass(slots=True)
class Upload:
    """An image that was sent; `polls` are the looks that it takes until X has worked on it."""

    id: str
    content: bytes
    polls: int = 0
    alt: str = ""

    @property
    def key(self) -> str:
        return f"3_{self.id}"


@dataclass(slots=True)
class Entry:
    """A post as X keeps it, whoever wrote it: a chain of versions."""

    author: Person
    conversation: str
    parent: str | None
    versions: list[Version]
    media: list[Upload] = field(default_factory=list)
    gone: bool = False

    @property
    def now(self) -> Version:
        return self.versions[-1]


def id_at(moment: datetime) -> int:
    return (int(moment.timestamp() * 1000) - _FIRST_MS) << 22


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
