"""Drafts and their approval: an author writes, somebody who may publish says yes to what they saw, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.engine import Connection

from hub.errors import HubError, UsageError
from hub.models import Media, Post
from hub.publishing.campaign import Ad, Campaign, with_mark, with_utm
from hub.publishing.routes import accept
from hub.store import Store
from hub.store.outbox import drafts as shelf
from hub.store.outbox import uploads
from hub.store.outbox.drafts import Content, Draft, Event
from hub.store.outbox.posts import NewPost
from hub.store.running import changes
from hub.users.roles import Permission, User

OPEN = ("draft", "approval", "declined")
"""States in which a draft can still be changed."""


class ChangedError(HubError):
    """Somebody changed the draft since the caller saw it."""

    code = "changed"


class NotAllowed(HubError):
    """The user's role or accounts do not reach so far."""

    code = "forbidden"


class Piece(NamedTuple):
    """A draft as it would go out: the post, and the texts of accounts that have one for themselves."""

    post: Post
    versions: Mapping[str, str]


def save(
    store: Store,
    key: str,
    content: Content,
    by: User,
    now: datetime,
    *,
    draft_id: int | None = None,
    seen: int | None = None,
) -> Draft:
    """Store a new draft, or new content of one; what says the same already stays as it is.

    `key` makes a new draft one, however often it is sent. `seen` is the version that the writer changed. A draft
    that waited for approval is a draft again. Raises `ChangedError` if it has another version by now, `NotAllowed`
    for an account that is not the writer's, and `UsageError` if it became a post.
    """
    if not by.may(Permission.DRAFT):
        raise NotAllowed("your role does not let you write posts")
    for name in content.accounts:
        if not by.may(Permission.DRAFT, name):
            raise NotAllowed("the account {account} is not one of yours", account=name)

    def work(connection: Connection) -> Draft:
        if draft_id is None:
            made, new = shelf.add(connection, key, content, by.id, by.shown, now)
            if new:
                shelf.add_event(connection, made, by.id, by.shown, "written", 1, now)
                changes.note(connection, "drafts", made)
                return _get(connection, made)
            before = _get(connection, made)
            if before.content == content:
                return before
            last = shelf.events_of(connection, made)[-1]
            # The browser's way back leads to a form that does not know its draft: only one's own is meant then.
            version = before.version if last.by_id == by.id else None
        else:
            before, version = _get(connection, draft_id), seen
        check_may_write(before, by)
        if before.state == "accepted":
            raise UsageError(
                "the draft became post {id}", hint="change the post, or write a new one", id=before.post_id
            )
        if before.version != version:
            raise ChangedError(
                "somebody else has changed this draft since you opened it",
                hint="compare it with what you wrote; saving again puts yours in its place",
            )
        if before.content == content:
            return before
        if not shelf.change(connection, before.id, before.version, content, now):
            raise ChangedError("somebody else is changing this draft", hint="try again")
        shelf.add_event(connection, before.id, by.id, by.shown, "changed", before.version + 1, now)
        changes.note(connection, "drafts", before.id)
        return _get(connection, before.id)

    return store.write(work)


def submit(store: Store, draft_id: int, seen: int, by: User, now: datetime) -> Draft:
    """Ask for approval of the version that was seen."""
    _check_complete(_read(store, draft_id).content)
    return _move(store, draft_id, seen, ("draft", "declined"), "approval", "asked for approval", by, now)


def decline(store: Store, draft_id: int, seen: int, by: User, now: datetime, note: str = "") -> Draft:
    """Say no to the version that was seen, and why; its author can change it and ask again."""
    draft = _read(store, draft_id)
    _check_may_publish(draft, by)
    return _move(store, draft_id, seen, ("approval",), "declined", "declined", by, now, note)


def _move(
    store: Store,
    draft_id: int,
    seen: int,
    before: Sequence[str],
    state: str,
    what: str,
    by: User,
    now: datetime,
    note: str = "",
) -> Draft:
    def work(connection: Connection) -> Draft:
        draft = _get(connection, draft_id)
        check_may_write(draft, by)
        if draft.state == state and draft.version == seen:
            return draft
        _check_unchanged(draft, seen)
        if not shelf.move(connection, draft_id, seen, before, state, now):
            raise _wrong_state(draft)
        shelf.add_event(connection, draft_id, by.id, by.shown, what, seen, now, note)
        changes.note(connection, "drafts", draft_id)
        return _get(connection, draft_id)

    return store.write(work)


def approve(store: Store, draft_id: int, seen: int, by: User, late: timedelta, now: datetime) -> int:
    """Make a post of the version that was seen, and return its number; a second approval returns the same.

    A time that has gone by means now; after that the post may be `late` by that much before it is missed. Raises
    `NotAllowed` without the right to publish on all of its accounts, and `ChangedError` for another version.
    """

    def work(connection: Connection) -> int:
        draft = _get(connection, draft_id)
        _check_may_publish(draft, by)
        if draft.state == "accepted" and draft.post_id is not None:
            return draft.post_id
        _check_unchanged(draft, seen)
        _check_complete(draft.content)
        if not shelf.move(connection, draft_id, seen, OPEN, "accepted", now):
            # On PostgreSQL another approval was faster by a moment: the post is theirs.
            draft = _get(connection, draft_id)
            if draft.post_id is None:
                raise _wrong_state(draft)
            return draft.post_id
        content = draft.content
        piece = composed(content, _images(connection, content), draft.key)
        publish_at = max(content.publish_at or now, now)
        post_id, _ = accept(
            connection,
            NewPost(
                key=draft.key,
                text=piece.post.text,
                title=piece.post.title,
                link=piece.post.link,
                media=piece.post.media,
                versions=piece.versions,
                publish_at=publish_at,
                late_after=publish_at + late,
            ),
            content.accounts,
            now,
        )
        shelf.set_post(connection, draft_id, post_id)
        what = "approved" if draft.author_id != by.id else "published"
        shelf.add_event(connection, draft_id, by.id, by.shown, what, seen, now)
        changes.note(connection, "drafts", draft_id)
        return post_id

    return store.write(work)


def discard(store: Store, draft_id: int, seen: int, by: User) -> None:
    """Throw a draft away that never became a post."""

    def work(connection: Connection) -> None:
        draft = _get(connection, draft_id)
        check_may_write(draft, by)
        _check_unchanged(draft, seen)
        if not shelf.remove(connection, draft_id, seen):
            raise _wrong_state(draft)
        changes.note(connection, "drafts", draft_id)

    store.write(work)


def load(store: Store, draft_id: int, user: User) -> tuple[Draft, list[Event]]:
    """Return a draft and what was done to it; raise `UsageError` if it is not there, or not theirs to see."""
    with store.read() as connection:
        draft = _get(connection, draft_id)
        if not may_see(draft, user):
            raise _unknown(draft_id)
        return draft, shelf.events_of(connection, draft_id)


def piece_of(store: Store, content: Content, key: str) -> Piece:
    """Return content as it would go out; raise `UsageError` if an image of it is no longer there."""
    with store.read() as connection:
        return composed(content, _images(connection, content), key)


def composed(content: Content, images: Sequence[Media], key: str) -> Piece:
    """Put together what goes out: the link with its UTM parameters, each text with the mark of an ad."""
    ad = Ad(content.advertiser, content.erid)
    link = with_utm(content.link.strip(), Campaign(content.utm_source, content.utm_medium, content.utm_campaign))
    post = Post(text=with_mark(content.text, ad), title=content.title, link=link, media=tuple(images), key=key)
    versions = {name: with_mark(text, ad) for name, text in content.versions.items() if name in content.accounts}
    return Piece(post, versions)


def may_see(draft: Draft, user: User) -> bool:
    """Tell whether a draft is the user's own, or goes to an account of theirs."""
    if user.accounts is None or draft.author_id == user.id:
        return True
    return any(name in user.accounts for name in draft.content.accounts)


def may_write(draft: Draft, user: User) -> bool:
    """Tell whether a user may change a draft: their own, or, for those who may publish, one for their accounts."""
    if not user.may(Permission.DRAFT):
        return False
    return draft.author_id == user.id or may_publish(draft, user)


def may_publish(draft: Draft, user: User) -> bool:
    """Tell whether a user may say yes or no to a draft: they may publish on every account of it."""
    return user.may(Permission.PUBLISH) and all(
        user.may(Permission.PUBLISH, name) for name in draft.content.accounts
    )


def check_may_write(draft: Draft, by: User) -> None:
    """Raise `NotAllowed` for a draft that is not theirs to change."""
    if not may_write(draft, by):
        raise NotAllowed("this draft is not yours to change", hint="its author can, and who may publish there")


def _check_may_publish(draft: Draft, by: User) -> None:
    if not may_publish(draft, by):
        raise NotAllowed(
            "your role and accounts do not let you publish this draft",
            hint="ask for approval; somebody who may publish there decides",
        )


def _check_unchanged(draft: Draft, seen: int) -> None:
    if draft.version != seen:
        raise ChangedError(
            "the draft was changed since you looked at it", hint="look at it as it is now, then decide"
        )


def _check_complete(content: Content) -> None:
    if not content.accounts:
        raise UsageError("no account is chosen", hint="choose where the post goes")
    if not any(part.strip() for part in (content.text, content.title, content.link)) and not content.pictures:
        raise UsageError("the post is empty", hint="give it a text, a link or an image")


def _images(connection: Connection, content: Content) -> list[Media]:
    found = uploads.load(connection, [picture.sha256 for picture in content.pictures])
    images = []
    for number, (name, alt) in enumerate(content.pictures, 1):
        if name not in found:
            raise UsageError(
                "image {number} is no longer here", hint="take it out, and add it again", number=number
            )
        images.append(Media(content=found[name].content, mime=found[name].mime, alt=alt))
    return images


def _read(store: Store, draft_id: int) -> Draft:
    with store.read() as connection:
        return _get(connection, draft_id)


def _get(connection: Connection, draft_id: int) -> Draft:
    draft = shelf.get(connection, draft_id)
    if draft is None:
        raise _unknown(draft_id)
    return draft


def _unknown(draft_id: int) -> UsageError:
    return UsageError("there is no draft {id}", hint="`hub drafts` lists them", id=draft_id)


def _wrong_state(draft: Draft) -> UsageError:
    return UsageError(
        "the draft is {state}; this cannot be done with it any more", state=draft.state, hint="open it anew"
    )
