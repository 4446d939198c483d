"""What the story needs of one network, asked of the network itself, never through our plugin."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from real.serving import Server

from hub.adapter import Adapter

PEOPLE = ("ann", "ben", "cid")


@dataclass(frozen=True)
class Shown:
    """A post of ours as the network shows it: plain text, every link target in it, the alt text of each image."""

    id: str
    text: str
    links: Sequence[str] = ()
    alts: Sequence[str] = ()
    answers: str | None = None


@dataclass(frozen=True)
class Said:
    """A comment as the network shows it. `by` is one of `PEOPLE`, or "us"; `answers` a comment, None: the post."""

    id: str
    by: str
    text: str
    answers: str | None = None


class Site(ABC):
    """One network: our account on it, and three people with accounts of their own.

    Ids are the plugin's own (`Receipt.remote_id`, `Mention.remote_id`).
    """

    adapter: ClassVar[type[Adapter]]
    publishes: ClassVar[tuple[str, str]]
    """Method and path (a regular expression) of the request that makes a post."""
    lacks: ClassVar[dict[str, str]] = {}
    """What this server cannot do, and why: a key of `story.STEPS`. The step is skipped by name."""
    settled: ClassVar[str] = "published"
    """What a delivery is in the end whose answer was lost: `asked` where nothing can tell."""
    maximum: ClassVar[int] = 300
    """How many letters one post holds, so that a longer one goes out in parts; 0 if as many as one likes."""

    server: Server

    def __init__(self, server: Server) -> None:
        self.server = server

    @property
    @abstractmethod
    def url(self) -> str:
        """Where the server is."""

    @abstractmethod
    def account(self, url: str) -> dict[str, Any]:
        """Return our account's settings for hub.toml, `url` in place of the server's, secrets as plain text."""

    @abstractmethod
    def posts(self) -> list[Shown]:
        """Return all our posts, oldest first."""

    @abstractmethod
    def comment(self, person: str, post_id: str, text: str, answers: str | None = None) -> str:
        """Let a person comment on our post, or answer a comment under it; return the comment's id."""

    @abstractmethod
    def edit_comment(self, person: str, comment_id: str, text: str) -> None:
        """Let a person change their comment."""

    @abstractmethod
    def delete_comment(self, person: str, comment_id: str) -> None:
        """Let a person delete their comment."""

    @abstractmethod
    def comments(self, post_id: str) -> list[Said]:
        """Return the comments that are there under our post, in any order."""
