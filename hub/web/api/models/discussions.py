"""What the API gives about discussions: the tree, why it is one, its digests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from hub.web.api.models.ground import Answer
from hub.web.api.models.mentions import Remark


class DiscussionLine(Answer):
    id: int
    title: str
    url: str
    post: int | None
    mentions: int
    last_at: datetime | None


class Discussions(Answer):
    """A page of discussions, the youngest first; `before` asks for the next one, null at the end."""

    discussions: Sequence[DiscussionLine]
    before: int | None


class NodeAnswer(Answer):
    """A remark in its place: it answers the nearest one before it that is a step less deep; 0 answers the post.

    `mention` is null for one that others answer and that the hub has not seen. `repeats` are the same remark by
    the same person on other sites.
    """

    depth: int
    mention: Remark | None
    repeats: Sequence[Remark]


class ThreadAnswer(Answer):
    account: str
    url: str


class DiscussionAnswer(Answer):
    id: int
    title: str
    url: str
    text: str
    threads: Sequence[ThreadAnswer]
    nodes: Sequence[NodeAnswer]


class EvidenceAnswer(Answer):
    """One join, or one recognised repeat: why, how sure (0 to 1), since when, and whether it was undone."""

    id: int
    kind: str
    evidence: str
    confidence: float
    at: datetime
    by: str
    undone_at: datetime | None


class WhyAnswer(Answer):
    joins: Sequence[EvidenceAnswer]
    repeats: Sequence[EvidenceAnswer]


class DigestAnswer(Answer):
    """A discussion that is published on an account and kept up to date; `kind` says as what."""

    id: int
    kind: str
    account: str
    target: str
    state: str
    post: int | None
    error: str
    created_at: datetime
    updated_at: datetime


class Digests(Answer):
    digests: Sequence[DigestAnswer]
