"""Turns what the Graph API sends into the hub's values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Generic, TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec

from hub import (
    Author,
    Media,
    Mention,
    Receipt,
    RemotePost,
    clean_text,
)

SITE = "https://www.facebook.com"
ME_FIELDS = "id,name"
MENTION_FIELDS = (
    "id,message,from{id,name},created_time,updated_time,permalink_url,attachments{type,url,unshimmed_url}"
)
POST_FIELDS = (
    "id,message,created_time,updated_time,permalink_url,"
    "attachments{type,url,unshimmed_url,media,subattachments{type,media}}"
)
COMMENT_FIELDS = "id,message,from{id,name},created_time,permalink_url,parent{id}"

T = TypeVar("T")


class Person(msgspec.Struct):
    """Who wrote something; the id is scoped to the page, so no profile address follows from it."""

    id: str
    name: str = ""


class Image(msgspec.Struct):
    src: str = ""


class AttachedMedia(msgspec.Struct):
    image: Image | None = None


class Attachment(msgspec.Struct):
    type: str = ""
    url: str = ""
    unshimmed_url: str = ""
    media: AttachedMedia | None = None
    subattachments: Listing[Attachment] | None = None


class Parent(msgspec.Struct):
    id: str = ""


class FeedPost(msgspec.Struct):
    """An item of /published_posts, /tagged or /visitor_posts."""

    id: str
    message: str = ""
    created_time: datetime | None = None
    updated_time: datetime | None = None
    permalink_url: str = ""
    from_: Person | None = msgspec.field(default=None, name="from")
    attachments: Listing[Attachment] | None = None


class Comment(msgspec.Struct):
    """An item of /comments; a token of another kind than the page's own sees neither `id` nor `from`."""

    id: str = ""
    message: str = ""
    created_time: datetime | None = None
    permalink_url: str = ""
    from_: Person | None = msgspec.field(default=None, name="from")
    parent: Parent | None = None


class Cursors(msgspec.Struct):
    after: str = ""


class Paging(msgspec.Struct):
    cursors: Cursors | None = None
    next: str = ""


class Listing(msgspec.Struct, Generic[T]):
    """One page of an edge."""

    data: list[T]
    paging: Paging | None = None


class Written(msgspec.Struct):
    """What any write answers."""

    id: str = ""
    success: bool = False


def following(page: Listing[T]) -> dict[str, str]:
    """Return the parameters that ask for the page after this one, none at the end.

    `paging.next` is only mined for them: it holds the token and goes no further.
    """
    paging = page.paging
    if paging is None or not paging.next:
        return {}
    if paging.cursors and paging.cursors.after:
        return {"after": paging.cursors.after}
    query = parse_qs(urlsplit(paging.next).query)
    return {name: query[name][0] for name in ("after", "until", "__paging_token") if name in query}


def seconds(time: datetime | None) -> int:
    """Return epoch seconds, 0 where there is no time."""
    return int(time.timestamp()) if time else 0


def touched(post: FeedPost) -> int:
    """Return when a post was last written or changed, in epoch seconds."""
    return max(seconds(post.created_time), seconds(post.updated_time))


def remote_posts(items: Iterable[FeedPost]) -> list[RemotePost]:
    """Convert our own posts. `updated_time` moves with every comment, so it is no time of editing."""
    return [
        RemotePost(
            remote_id=item.id,
            text=clean_text(item.message),
            link=_link(item),
            url=item.permalink_url,
            media=_media(item.attachments),
            sent_at=_utc(item.created_time),
        )
        for item in items
    ]


def mentions_of(items: Iterable[FeedPost], page: str) -> list[Mention]:
    """Convert posts of others that name the page or stand on it; each is the root of its own thread."""
    return [
        Mention(
            remote_id=item.id,
            kind="mention",
            thread_id=item.id,
            author=_author(item.from_),
            text=clean_text(item.message),
            url=item.permalink_url,
            sent_at=_utc(item.created_time),
            links=_links(item),
        )
        for item in items
        if item.from_ is None or item.from_.id != page
    ]


def comments_of(items: Iterable[Comment], thread_id: str) -> list[Mention]:
    """Convert a page of comments; without an id the permalink is the identity, without both there is none."""
    found = []
    for item in items:
        url = item.permalink_url
        parent = item.parent.id if item.parent and item.parent.id else None
        if not item.id and "&reply_comment_id=" in url:
            parent = url.partition("&reply_comment_id=")[0]
        if item.id or url:
            found.append(
                Mention(
                    remote_id=item.id or url,
                    kind="reply" if parent else "comment",
                    thread_id=thread_id,
                    parent_id=parent,
                    author=_author(item.from_),
                    text=clean_text(item.message),
                    url=url,
                    sent_at=_utc(item.created_time),
                )
            )
    return found


def post_receipt(post_id: str) -> Receipt:
    return Receipt(remote_id=post_id, url=f"{SITE}/{post_id.replace('_', '/posts/', 1)}")


def reply_receipt(comment_id: str, under: Mention) -> Receipt:
    """Make the permalink that the network's own have: a reply stands under the comment at the top."""
    own = comment_id.rpartition("_")[2]
    url = f"{post_receipt(under.thread_id).url}?comment_id="
    if under.remote_id == under.thread_id:
        return Receipt(remote_id=comment_id, url=url + own)
    top = (under.parent_id or under.remote_id).rpartition("_")[2]
    return Receipt(remote_id=comment_id, url=f"{url}{top}&reply_comment_id={own}")


def _utc(time: datetime | None) -> datetime | None:
    return time if time is None or time.tzinfo is UTC else time.astimezone(UTC)


def _author(person: Person | None) -> Author | None:
    return Author(remote_id=person.id, name=clean_text(person.name)) if person and person.id else None


def _link(post: FeedPost) -> str:
    """Return what a shared link leads to; `url` goes through the network's own redirect, the other not."""
    for item in post.attachments.data if post.attachments else ():
        if item.type == "share":
            return item.unshimmed_url or item.url
    return ""


def _links(post: FeedPost) -> tuple[str, ...]:
    """Return where a post leads beside its text."""
    shown = post.attachments.data if post.attachments else ()
    found = dict.fromkeys(item.unshimmed_url or item.url for item in shown if item.type not in _OWN)
    return tuple(clean_text(link) for link in found if link)


# What leads to the network's own page of a picture, and nowhere else.
_OWN = ("photo", "album", "cover_photo", "profile_media", "video_inline")


def _media(listing: Listing[Attachment] | None) -> list[Media]:
    """Return the images of a post, not the preview of a link."""
    found = []
    for item in listing.data if listing else ():
        if item.subattachments and item.subattachments.data:
            found += _media(item.subattachments)
        elif item.type in ("photo", "cover_photo", "profile_media") and item.media and item.media.image:
            found.append(Media(url=item.media.image.src))
    return found


def id_in(url: str, page: str) -> str | None:
    """Return the post of a page that a permalink such as https://www.facebook.com/123/posts/456 names.

    A page may stand there by a name of its own, which tells nothing; another page's number does.
    """
    found = re.match(r"https?://(?:\w+\.)?facebook\.com/([^/?#]+)/posts/(?:[^/?#]*[^/?#\d])?(\d+)", url)
    if found is None or (found[1].isdecimal() and found[1] != page):
        return None
    return f"{page}_{found[2]}"
