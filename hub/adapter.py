"""What a plugin implements: one account on one platform, and the roles it can take."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from hub.models import (
    Batch,
    Contact,
    Identity,
    Limits,
    Mention,
    Note,
    OAuth,
    OAuthClient,
    Post,
    Push,
    Receipt,
    Remark,
    RemotePost,
    Thread,
    WebhookAnswer,
    WebhookRequest,
)

if TYPE_CHECKING:
    from hub.answer import Answer
    from hub.errors import HubError
    from hub.http import Http

Settle = Literal["key", "natural", "lookup", "none"]
Ability = Literal["find", "get", "delete", "note", "task", "lead"]
BASIC_NAMES = frozenset({"name", "emails", "phones", "handles", "url"})


class AccountSettings(BaseModel):
    """What hub.toml may say about an account of a platform.

    Type a secret `SecretStr`: in the file it is then `{ env = "NAME" }`, `{ file = "path" }` or
    `{ vault = "name" }`, and a plain text there is refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    api_url: str


class Vault(Protocol):
    """Secrets that the hub itself renews, kept encrypted in the store."""

    def read(self, name: str) -> str | None:
        """Return the secret, or None if there is none yet."""

    def rotate(self, name: str, seen: str | None, renew: Callable[[str | None], str]) -> str:
        """Replace the secret that a call failed with, once, however many processes ask at the same time.

        If the store no longer holds `seen`, somebody was faster and the stored one is returned. Otherwise
        `renew(stored)` is called under a lease, its result is committed, then returned.
        """


class Adapter(ABC):
    """One account on one platform. Opening one makes no network call."""

    platform: ClassVar[str]
    """The platform's name in hub.toml, such as `mynet`."""

    calls_per_second: ClassVar[float | None] = None
    """How often the network may be called; the hub spaces the calls."""

    oauth: ClassVar[OAuth | None] = None
    """How `hub accounts add` lets a person log in with a browser; None where tokens are made by hand."""

    Settings: ClassVar[type[AccountSettings]]

    settings: AccountSettings

    def __init__(self, account: str, settings: AccountSettings, http: Http, vault: Vault) -> None:
        self.account = account
        self.settings = settings
        self.http = http
        self.vault = vault
        http.sign = self.sign
        http.explain = self.explain

    @classmethod
    def page(cls, settings: AccountSettings) -> str:
        """Name the remote page that the settings point to, if they alone tell ("" if not).

        Two accounts with the same page are a configuration error.
        """
        return ""

    @classmethod
    def register_client(cls, http: Http, redirect_uri: str) -> OAuthClient | None:
        """Make the hub known to the network as an app; None where a person does that and has its `client_id`.

        It is asked before the login, once for each account; `http` is an unsigned line to `api_url`.
        """
        return None

    def sign(self, method: str, url: str) -> Mapping[str, str]:
        """Return the headers that prove who calls; asked anew for every attempt. `url` has its query."""
        return {}

    def explain(self, answer: Answer) -> HubError | None:
        """Tell what an answer means in this network's own terms; None leaves it to its HTTP status.

        It is asked for every answer, also for a 200: some networks put their errors there.
        """
        return None

    def remote_id_of(self, url: str) -> str | None:
        """Read a post's remote id from its permalink, without a call; None if it is none of the platform."""
        return None

    @abstractmethod
    def check(self) -> Identity:
        """Make the cheapest signed read; say who we are and what is missing."""


class Publisher(Adapter):
    """Can put a post on the network."""

    settle: Settle
    """How a lost answer is settled; an account may know better than its platform, such as by its server.

    `key`: publishing again with the same `post.key` is documented to do nothing twice, for `key_life`.
    `natural`: the id is chosen by us, so that a second publish finds the first.
    `lookup`: `find` reads our own timeline.
    `none`: nothing helps; a person is asked.
    """

    key_life: ClassVar[timedelta] = timedelta.max
    """How long the network keeps a key; an older doubt is settled by a look."""

    settle_after: ClassVar[timedelta] = timedelta(seconds=30)
    """How long after a lost answer the network shows what it took."""

    @abstractmethod
    def limits(self) -> Limits:
        """Say what one post may hold. May ask the network once and remember the answer."""

    @abstractmethod
    def publish(self, post: Post) -> Receipt:
        """Publish one post that fits `limits`, once. Never try again here: the hub does that."""

    def find(self, post: Post) -> Receipt | None:
        """Look for a post whose answer was lost; see `Post.since` and `Post.taken`."""
        return None


class Editor(Adapter):
    """Can change and remove what it published. Both verbs are idempotent: already gone is success."""

    @abstractmethod
    def edit(self, remote_id: str, post: Post) -> Receipt:
        """Make the remote post say what `post` says. The receipt may bear a new id."""

    @abstractmethod
    def delete(self, remote_id: str) -> None:
        """Remove the remote post."""


class Timeline(Adapter):
    """Can read our own posts: the source of a route, and what `find` reads."""

    @abstractmethod
    def fetch_posts(self, cursor: str | None) -> Iterator[Batch[RemotePost]]:
        """Yield what is new or changed since the cursor. Repeating is fine, skipping is not.

        The first read (None) yields what the network shows at once and leaves a cursor even if that is
        nothing.
        """


class Listener(Adapter):
    """Can read what is said to the account, wherever that is."""

    @abstractmethod
    def fetch_mentions(self, cursor: str | None) -> Iterator[Batch[Mention]]:
        """Yield what was said since the cursor. Repeating is fine, skipping is not.

        A batch and its cursor are stored before the next batch is asked for.
        """


class ThreadReader(Adapter):
    """Can read everything under one post, at all depths."""

    @abstractmethod
    def fetch_replies(self, thread: Thread, cursor: str | None) -> Iterator[Batch[Mention]]:
        """Yield the answers under a post.

        With None as cursor read the whole thread and end with `complete=True` if the network can show all of
        it; with a cursor what came since, in one call when there is nothing. Raises `GoneError` when the post
        is not there.
        """


class Searcher(Adapter):
    """Can search the whole network."""

    @abstractmethod
    def search(self, query: str, cursor: str | None) -> Iterator[Batch[Mention]]:
        """Yield what matches `query`, written in the network's own language, since the cursor."""


class Commenter(Adapter):
    """Can put what was said elsewhere among the comments of a post, each under its writer's name.

    A comment shows the writer's name, the text, and after it the address of the original.
    """

    settle_comments: ClassVar[Literal["natural", "lookup"]] = "lookup"
    """How a lost answer is settled: `natural` if one look by the key is sure, `lookup` if it takes two."""

    @abstractmethod
    def comment(self, thread_id: str, remark: Remark) -> Receipt:
        """Put the remark under a post, or under the comment `remark.parent_id`, once. Never try again here."""

    @abstractmethod
    def edit_comment(self, remote_id: str, remark: Remark) -> None:
        """Let a comment that `comment` made say what `remark` says; raise `GoneError` if it is not there."""

    @abstractmethod
    def delete_comment(self, remote_id: str) -> None:
        """Remove a comment that `comment` made, for good where the network can; already gone is success."""

    @abstractmethod
    def find_comment(self, thread_id: str, remark: Remark) -> Receipt | None:
        """Look for a comment whose answer was lost, by its key, or by its words; see `Remark.taken`."""


class Responder(Adapter):
    """Can answer a mention."""

    @abstractmethod
    def reply(self, mention: Mention, text: str) -> Receipt:
        """Answer under the mention, as the account."""


class ContactSync(Adapter):
    """Holds contacts: a CRM or an address book."""

    @property
    def reads(self) -> frozenset[str]:
        """The names that its records can hold, as in `Contact.changed`: what is absent here is never emptied."""
        return BASIC_NAMES

    @property
    def writes(self) -> frozenset[str]:
        """The names that `push_contact` can set; the hub pushes no other."""
        return BASIC_NAMES

    @property
    def single(self) -> frozenset[str]:
        """The lists ("emails", "phones") of which a record holds the first element alone."""
        return frozenset()

    @property
    def abilities(self) -> frozenset[Ability]:
        """What this account can do beyond reading and writing contacts."""
        return frozenset({"note"})

    @property
    def batch_size(self) -> int:
        """How many contacts one call of `push_contacts` may carry."""
        return 1

    @abstractmethod
    def pull_contacts(self, cursor: str | None) -> Iterator[Batch[Contact]]:
        """Yield contacts that are new or changed since the cursor; None asks for all records.

        The last batch is `complete` if all of them together were all records that there are.
        """

    @abstractmethod
    def push_contact(self, contact: Contact, remote_id: str | None) -> Receipt:
        """Create the contact (None) or update the record with that id.

        Raises `DuplicateError` with the receipt of the record that holds this person already, `GoneError` where
        the record is no more, `StaleRecord` where it is another than `contact.version`.
        """

    def push_contacts(self, pushes: Sequence[Push]) -> Iterator[Receipt | HubError]:
        """Push up to `batch_size` at once; yield for each, in order, its receipt or what went wrong with it.

        When nothing can be said of what is left (a lost answer, a lost login), that error stands for each.
        """
        from hub.errors import HubError

        for push in pushes:
            try:
                yield self.push_contact(push.contact, push.remote_id)
            except HubError as error:
                yield error

    def find_contacts(self, contact: Contact) -> Sequence[Contact]:
        """Return the records that may be this person, by key, e-mail or phone (ability "find").

        An index of the CRM may lag behind: what is not found may be there.
        """
        raise NotImplementedError

    def get_contact(self, remote_id: str) -> Contact | None:
        """Return one record as it is now, None if it is gone (ability "get")."""
        raise NotImplementedError

    def delete_contact(self, remote_id: str, version: str = "") -> None:
        """Delete a record; already gone is success (ability "delete"). `version` as in `Contact`."""
        raise NotImplementedError

    @abstractmethod
    def add_note(self, remote_id: str, note: Note) -> Receipt:
        """Put a note, task or lead on a record, as `note.kind` says."""


class WebhookReceiver(Adapter):
    """Is called by the network."""

    @abstractmethod
    def receive(self, request: WebhookRequest) -> WebhookAnswer:
        """Verify the signature over the raw bytes, then read the events. Raises `AuthError` if it is forged."""


ROLES: tuple[type[Adapter], ...] = (
    Publisher,
    Editor,
    Timeline,
    Listener,
    ThreadReader,
    Searcher,
    Responder,
    Commenter,
    ContactSync,
    WebhookReceiver,
)
