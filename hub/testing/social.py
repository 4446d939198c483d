"""Doubles that the demo, the conformance kit and every story can drive alike: networks, feeds and CRMs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar

from hub.testing.double import Double, Request

T = TypeVar("T")


@dataclass(slots=True)
class Held:
    """One of our posts as the network holds it."""

    id: str
    text: str
    link: str = ""
    alts: list[str] = field(default_factory=list)
    reply_to: str | None = None
    sent_at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who answers us. `email` is one that their profile shows, where the network shows any."""

    id: str
    name: str
    handle: str
    email: str = ""


@dataclass(slots=True)
class Remark:
    """Something a person said under a post, or in answer to another remark."""

    id: str
    post_id: str
    person: Person
    text: str
    parent_id: str | None = None
    deleted: bool = False
    sent_at: datetime = field(default_factory=lambda: datetime.now(UTC))


class ListingDouble(Double):
    """A double that lists things page by page, and can be hostile about it.

    `arrange` changes the items of a page: reorders, repeats or drops some. With `stale_cursors` it knows no
    cursor that it gave out before.
    """

    def __init__(self, port: int = 0, *, latency: float = 0.0) -> None:
        super().__init__(port, latency=latency)
        self.arrange: Callable[[list[Any]], list[Any]] = list
        self.stale_cursors = False

    def arranged(self, page: Sequence[T]) -> list[T]:
        """Return the items of a page as the network lists them today."""
        return self.arrange(list(page))


class SocialDouble(ListingDouble):
    """A double of a network with posts and answers: the state is here, each network's shape in its subclass.

    `posts` are those of our account, by id; `remarks` all answers, ours included; `people` who made them. What a
    subclass lists it takes from `shown_posts` and `shown_remarks`, and passes each page through `arranged`, so
    that the network can be hostile:

    `echo_delay` is how long, in seconds, a post of ours takes to appear where posts are listed. `hidden` are ids
    of remarks that it does not show for now.
    """

    us = Person(id="1", name="Our company", handle="company")
    shows_email = False
    """Whether the network shows a person's e-mail on their profile."""

    def __init__(self, port: int = 0, *, latency: float = 0.0) -> None:
        super().__init__(port, latency=latency)
        self.posts: dict[str, Held] = {}
        self.remarks: dict[str, Remark] = {}
        self.people: dict[str, Person] = {}
        self.echo_delay = 0.0
        self.hidden: set[str] = set()
        self._last_id = 1000

    def next_id(self) -> int:
        with self.lock:
            self._last_id += 1
            return self._last_id

    def add_person(self, name: str, handle: str, email: str = "") -> Person:
        """Let somebody join the network."""
        person = Person(id=str(self.next_id()), name=name, handle=handle, email=email)
        with self.lock:
            self.people[person.id] = person
        return person

    def say(self, person: Person, post_id: str, text: str, parent_id: str | None = None) -> str:
        """Let a person answer a post, or a remark under it; return the remark's id."""
        with self.lock:
            remark = Remark(
                id=self.new_remark_id(post_id), post_id=post_id, person=person, text=text, parent_id=parent_id
            )
            self.remarks[remark.id] = remark
        return remark.id

    def mention(self, person: Person, text: str, sent_at: datetime | None = None) -> str:
        """Let a person say something to us that `fetch_mentions` shows; return its id, as the plugin has it.

        It can be deleted like a remark. Where mentions are not the remarks under our posts, the double of the
        network says here what they are; `text` names us as `@handle`.
        """
        with self.lock:
            post = next(reversed(self.posts), None)
            if post is None:
                post = str(self.next_id())
                self.posts[post] = Held(post, "What do you think?")
            remark_id = self.say(person, post, text)
            self.remarks[remark_id].sent_at = sent_at or self.remarks[remark_id].sent_at
        return remark_id

    def edit_remark(self, remark_id: str, text: str) -> None:
        """Let its author change a remark."""
        with self.lock:
            self.remarks[remark_id].text = text

    def delete_remark(self, remark_id: str) -> None:
        """Let its author delete a remark."""
        with self.lock:
            self.remarks[remark_id].deleted = True

    def restore_remark(self, remark_id: str) -> None:
        """Let a deleted remark return, as networks do when a moderator changes their mind."""
        with self.lock:
            self.remarks[remark_id].deleted = False

    def shown_posts(self) -> list[Held]:
        """Return those of our posts that the network lists by now, oldest first."""
        with self.lock:
            posts = list(self.posts.values())
        if not self.echo_delay:  # a story may date its posts by a clock of its own
            return posts
        now = datetime.now(UTC)
        return [post for post in posts if (now - post.sent_at).total_seconds() >= self.echo_delay]

    def shown_remarks(self, post_id: str | None = None) -> list[Remark]:
        """Return the remarks that the network shows, under one post or all, oldest first."""
        with self.lock:
            return [
                remark
                for remark in self.remarks.values()
                if not remark.deleted and remark.id not in self.hidden and post_id in (None, remark.post_id)
            ]

    def new_remark_id(self, post_id: str) -> str:
        """Make an id in the network's own form, as the plugin's `Mention.remote_id` has it."""
        return str(self.next_id())

    def held(self) -> list[Held]:
        """Return our posts as the network holds them, oldest first."""
        with self.lock:
            return list(self.posts.values())

    @abstractmethod
    def account(self) -> dict[str, Any]:
        """Return settings for an account on this double; secrets as plain text."""


class FeedDouble(ListingDouble):
    """A double of a site that only publishes: the source of a route."""

    @abstractmethod
    def publish(
        self,
        title: str,
        html: str,
        slug: str,
        images: Sequence[str | tuple[str, str]] = (),
        published: datetime | None = None,
    ) -> str:
        """Publish an article and return its id. An image is a file name, or (file name, alt text)."""

    def address(self, slug: str) -> str:
        """Return where an article stands; a site whose articles stand elsewhere says so here."""
        return f"{self.url}/posts/{slug}"

    @abstractmethod
    def edit(self, id: str, *, html: str | None = None, title: str | None = None, slug: str | None = None) -> None:
        """Change an article; what is None stays."""

    @abstractmethod
    def delete(self, id: str) -> None:
        """Take an article out of the site."""

    @abstractmethod
    def account(self) -> dict[str, Any]:
        """Return settings for an account on this double; secrets as plain text."""


class ContactsDouble(ListingDouble):
    """A double of a CRM.

    `samples` are values of the fields beyond the basic ones that the CRM holds as they are, by `Contact.fields`'
    names: the kit writes and empties them.
    """

    samples: ClassVar[Mapping[str, str | Sequence[str]]] = {}

    def writes(self, request: Request) -> bool:
        """Tell whether a call may change something; a CRM that reads by POST says here which do."""
        return request.method in ("POST", "PUT", "PATCH", "DELETE")

    @abstractmethod
    def add_contact(self, name: str, *emails: str) -> str:
        """Let somebody at the CRM enter a contact; return its id."""

    @abstractmethod
    def rename_contact(self, contact_id: str, name: str) -> None:
        """Let somebody at the CRM change a contact's name."""

    @abstractmethod
    def remove_contact(self, contact_id: str) -> None:
        """Let somebody at the CRM delete a contact for good."""

    @abstractmethod
    def people(self) -> list[tuple[str, Sequence[str]]]:
        """Return name and e-mails of every contact."""

    @abstractmethod
    def noted(self) -> list[str]:
        """Return the texts of all notes, oldest first."""

    @abstractmethod
    def account(self) -> dict[str, Any]:
        """Return settings for an account on this double; secrets as plain text."""
