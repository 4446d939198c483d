"""Each reading verb, and how the network comes to hold what it reads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import count
from typing import Any, ClassVar

import pytest

from hub.adapter import Adapter, ContactSync, Listener, Publisher, Searcher, ThreadReader, Timeline
from hub.models import Batch, Thread
from hub.testing.contract.calls import a_post
from hub.testing.double import Double
from hub.testing.social import ContactsDouble, FeedDouble, SocialDouble

# More than a page of any network, and than two of most.
MANY = 250
_numbers = count(1)


class Reading(ABC):
    """A reading verb on a network. `open_account` opens an account for what is put there by our own hand."""

    verb: ClassVar[str]
    role: ClassVar[type[Any]]
    doubles: ClassVar[tuple[type[Double], ...]] = (SocialDouble,)
    needs: ClassVar[tuple[type[Adapter], ...]] = ()

    def __init__(self, network: Any, open_account: Callable[[], Any]) -> None:
        self.network = network
        self.many = MANY
        self._open_account = open_account
        self._writer: Any = None

    @property
    def writer(self) -> Any:
        """An account of ours beside the one that reads."""
        if self._writer is None:
            self._writer = self._open_account()
        return self._writer

    @abstractmethod
    def fetch(self, account: Any, cursor: str | None) -> Iterable[Batch[Any]]:
        """Call the verb."""

    @abstractmethod
    def put(self, text: str, at: datetime | None = None) -> str:
        """Let the network hold one item more, made at `at` where that can be said; return its remote id."""

    def add(self, number: int, at: datetime | None = None) -> list[str]:
        """Let the network hold so many items more, each with a text of its own; return their remote ids."""
        return [self.put(f"Number {next(_numbers)} of what is read", at) for _ in range(number)]

    def take(self, remote_id: str) -> bool:
        """Let an item vanish between two pages; False where the network's own paging does not bear that."""
        return False

    def picture(self) -> object:
        """Return what the network holds, to see whether it was changed."""
        network: SocialDouble = self.network
        with network.lock:
            posts = [(post.id, post.text) for post in network.posts.values()]
            return posts, [(one.id, one.text, one.deleted) for one in network.remarks.values()]


class OwnPosts(Reading):
    verb = "fetch_posts"
    role = Timeline
    doubles = (SocialDouble, FeedDouble)

    def __init__(self, network: Any, open_account: Callable[[], Any]) -> None:
        super().__init__(network, open_account)
        if isinstance(network, FeedDouble):
            # A site shows a window of its articles, so 250 between two reads are more than it can show.
            self.many = 60

    def fetch(self, account: Any, cursor: str | None) -> Iterable[Batch[Any]]:
        batches: Iterable[Batch[Any]] = account.fetch_posts(cursor)
        return batches

    def put(self, text: str, at: datetime | None = None) -> str:
        if isinstance(self.network, FeedDouble):
            slug = f"article-{next(_numbers)}"
            return self.network.publish(text, f"<p>{text}</p>", slug, published=at)
        if not isinstance(self.writer, Publisher):
            pytest.skip(f"{self.writer.platform} is no Publisher, so nothing is there to be read")
        remote_id = self.writer.publish(a_post(self.writer, text)).remote_id
        if at is not None and remote_id in self.network.posts:
            self.network.posts[remote_id].sent_at = at
        return remote_id

    def picture(self) -> object:
        return [] if isinstance(self.network, FeedDouble) else super().picture()


class Mentions(Reading):
    verb = "fetch_mentions"
    role: ClassVar[type[Any]] = Listener

    def fetch(self, account: Any, cursor: str | None) -> Iterable[Batch[Any]]:
        batches: Iterable[Batch[Any]] = account.fetch_mentions(cursor)
        return batches

    def put(self, text: str, at: datetime | None = None) -> str:
        network: SocialDouble = self.network
        return network.mention(somebody(network), f"@{network.us.handle} {text}", at)

    def take(self, remote_id: str) -> bool:
        self.network.delete_remark(remote_id)
        return True


class Answers(Reading):
    verb = "fetch_replies"
    role = ThreadReader
    needs = (Publisher,)

    def __init__(self, network: Any, open_account: Callable[[], Any]) -> None:
        super().__init__(network, open_account)
        self._thread: Thread | None = None

    @property
    def thread(self) -> Thread:
        """The post under which the answers stand."""
        if self._thread is None:
            receipt = self.writer.publish(a_post(self.writer, f"Post {next(_numbers)} to be answered"))
            self._thread = Thread(remote_id=receipt.remote_id, url=receipt.url)
        return self._thread

    def fetch(self, account: Any, cursor: str | None) -> Iterable[Batch[Any]]:
        batches: Iterable[Batch[Any]] = account.fetch_replies(self.thread, cursor)
        return batches

    def put(self, text: str, at: datetime | None = None, parent: str | None = None) -> str:
        network: SocialDouble = self.network
        remark_id = network.say(somebody(network), self.thread.remote_id, text, parent)
        if at is not None:
            network.remarks[remark_id].sent_at = at
        return remark_id

    def take(self, remote_id: str) -> bool:
        self.network.delete_remark(remote_id)
        return True


class Findings(Mentions):
    verb = "search"
    role = Searcher
    word = "crosshubbery"

    def fetch(self, account: Any, cursor: str | None) -> Iterable[Batch[Any]]:
        batches: Iterable[Batch[Any]] = account.search(self.word, cursor)
        return batches

    def put(self, text: str, at: datetime | None = None) -> str:
        return super().put(f"{self.word} {text}", at)


class People(Reading):
    verb = "pull_contacts"
    role = ContactSync
    doubles = (ContactsDouble,)

    def fetch(self, account: Any, cursor: str | None) -> Iterable[Batch[Any]]:
        batches: Iterable[Batch[Any]] = account.pull_contacts(cursor)
        return batches

    def put(self, text: str, at: datetime | None = None) -> str:
        network: ContactsDouble = self.network
        return network.add_contact(text, f"person{next(_numbers)}@example.org")

    def picture(self) -> object:
        return self.network.people(), self.network.noted()


READINGS: tuple[type[Reading], ...] = (OwnPosts, Mentions, Answers, Findings, People)


def somebody(network: SocialDouble) -> Any:
    """Return a person on the network, the same one in turn with another."""
    known = [person for person in network.people.values() if person.handle.startswith("visitor")]
    if len(known) < 2:
        number = len(known) + 1
        return network.add_person(f"Visitor Number{number}", f"visitor{number}")
    return known[next(_numbers) % 2]
