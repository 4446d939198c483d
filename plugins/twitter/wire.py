"""Turns what X answers into the hub's models; no I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from hub import Author, Media, Mention, RemotePost, clean_text
from plugins.twitter.shapes import Page, Picture, Url, User, XPost

Spelling = Literal["post", "tweet"]

_FIELDS = {
    "post": {
        # Since 2026-08 the author and what a post refers to are no fields any more: the expansions bring them.
        "post.fields": "attachments,conversation_id,created_at,display_text_range,edit_controls,"
        "entities,note_post",
        "expansions": "attachments.media_keys,author_id,referenced_posts",
    },
    "tweet": {
        "tweet.fields": "attachments,author_id,conversation_id,created_at,display_text_range,edit_controls,"
        "entities,note_tweet,referenced_tweets",
        "expansions": "attachments.media_keys,author_id,referenced_tweets.id",
    },
}
_EMAIL = re.compile(r"[\w.%+-]+@[a-z\d-]+(?:\.[a-z\d-]+)*\.[a-z]{2,}", re.ASCII | re.IGNORECASE)
_HANDLES = re.compile(r"(?:@\S+\s+)+")
_OWN_MEDIA = re.compile(r"/status/\d+/(?:photo|video)/\d+$")
_QUOTED = re.compile(r"https?://(?:mobile\.)?(?:x|twitter)\.com/\w+/status/\d+")
_SITES = re.compile(r"https?://(?:mobile\.)?(?:x|twitter)\.com/")
# An id is milliseconds since this moment (of the Unix epoch), shifted by 22 bits.
_FIRST_MS = 1288834974657


def fields(spelling: Spelling) -> dict[str, str]:
    """Return the query that asks for all that is read here."""
    return _FIELDS[spelling] | {"user.fields": "name,username,description", "media.fields": "alt_text,url"}


def permalink(remote_id: str, handle: str = "") -> str:
    return f"https://x.com/{handle or 'i/web'}/status/{remote_id}"


def mentions(page: Page) -> list[Mention]:
    """Convert a page of what others said."""
    authors = {user.id: _author(user) for user in page.includes.users}
    first = _first_versions(page)
    return [_mention(post, authors, first) for post in page.data]


def posts(page: Page, handle: str) -> list[RemotePost]:
    """Convert a page of our own timeline."""
    first = _first_versions(page)
    pictures = {picture.media_key: picture for picture in page.includes.media}
    return [_post(post, handle, first, pictures) for post in page.data]


def plain_text(post: XPost) -> str:
    """Return the whole text as its author wrote it: no t.co, no escapes, no handles that X put in front."""
    note = post.note_post or post.note_tweet
    text = (note and note.text) or post.text
    entities = (note and note.entities) or post.entities
    if post.display_text_range:
        start = post.display_text_range[0]
        if start > 0 and _HANDLES.fullmatch(text[:start]):
            text = text[start:]
    if "&" in text:
        text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    if entities and entities.urls:
        for url in entities.urls:
            if url.url and url.expanded_url:
                text = text.replace(url.url, "" if _is_media(url) else url.expanded_url)
    return clean_text(text).strip()


def same(post: XPost, text: str, media: int) -> bool:
    """Tell whether a post already says `text` with that many images."""
    # A bare "example.com" comes back with the scheme http.
    shown, wanted = (" ".join(each.replace("http://", "").split()) for each in (plain_text(post), text))
    return shown == wanted and len(post.media_keys) == media


def _mention(post: XPost, authors: Mapping[str, Author], first: Mapping[str, str]) -> Mention:
    remote_id = first.get(post.id, post.id)
    parent = post.answers
    if parent is not None:
        parent = first.get(parent, parent)
    thread = post.conversation_id or parent or remote_id
    thread = first.get(thread, thread)
    edited = remote_id != post.id
    author = None
    if post.author_id is not None:
        author = authors.get(post.author_id) or Author(remote_id=post.author_id)
    return Mention(
        remote_id=remote_id,
        kind="mention" if parent is None else "reply",
        thread_id=thread,
        parent_id=None if parent == thread else parent,
        author=author,
        text=plain_text(post),
        url=permalink(post.id, author.handle if author else ""),
        sent_at=_sent_at(remote_id) if edited else post.created_at,
        edited_at=post.created_at if edited else None,
        links=_links(post),
    )


def _links(post: XPost) -> tuple[str, ...]:
    """Return where a post leads: what shorteners stand for, and what it quotes, at X's own address."""
    note = post.note_post or post.note_tweet
    entities = (note and note.entities) or post.entities
    found: dict[str, None] = {}
    for url in (entities and entities.urls) or ():
        if not _is_media(url):
            for address in (url.expanded_url, url.unwound_url):
                if address:
                    quoted = _QUOTED.match(address)
                    found[clean_text(_SITES.sub("https://x.com/", address) if quoted else address)] = None
    return tuple(found)


def _post(post: XPost, handle: str, first: Mapping[str, str], pictures: Mapping[str, Picture]) -> RemotePost:
    remote_id = first.get(post.id, post.id)
    parent = post.answers
    edited = remote_id != post.id
    shown = [pictures[key] for key in post.media_keys if key in pictures]
    return RemotePost(
        remote_id=remote_id,
        text=plain_text(post),
        link=_link(post),
        url=permalink(post.id, handle),
        media=[Media(url=picture.url, alt=clean_text(picture.alt_text)) for picture in shown if picture.url],
        sent_at=_sent_at(remote_id) if edited else post.created_at,
        edited_at=post.created_at if edited else None,
        reply_to=first.get(parent, parent) if parent else None,
    )


def _author(user: User) -> Author:
    return Author(
        remote_id=user.id,
        name=clean_text(user.name),
        handle=clean_text(user.username),
        url=f"https://x.com/{user.username}" if user.username else "",
        emails=_EMAIL.findall(user.description) if "@" in user.description else (),
    )


def _first_versions(page: Page) -> dict[str, str]:
    """Map the ids of later versions to the first one, by which the hub knows an edited post."""
    first = {}
    for posts_ in (page.data, page.includes.posts, page.includes.tweets):
        for post in posts_:
            versions = post.versions
            if len(versions) > 1:
                first.update({later: versions[0] for later in (*versions, post.id) if later != versions[0]})
    return first


def _sent_at(remote_id: str) -> datetime:
    return datetime.fromtimestamp(((int(remote_id) >> 22) + _FIRST_MS) / 1000, UTC)


def _link(post: XPost) -> str:
    note = post.note_post or post.note_tweet
    entities = (note and note.entities) or post.entities
    for url in (entities and entities.urls) or ():
        if url.expanded_url and not _is_media(url) and not _QUOTED.match(url.expanded_url):
            return url.expanded_url
    return ""


def _is_media(url: Url) -> bool:
    return bool(url.media_key or _OWN_MEDIA.search(url.expanded_url or ""))


def id_in(url: str) -> str | None:
    """Return the post that a permalink such as https://x.com/name/status/456 names."""
    found = re.match(r"https?://(?:\w+\.)?(?:x|twitter)\.com/[\w/]+/status/(\d{1,19})\b", url)
    return found[1] if found else None
