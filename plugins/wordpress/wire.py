"""The shapes of WordPress's REST API, and the hub's values made of them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from hub import (
    Answer,
    AuthError,
    Author,
    DuplicateError,
    GoneError,
    HubError,
    Media,
    Mention,
    RejectedError,
    RemotePost,
    TransientError,
    UnknownOutcome,
)
from plugins.wordpress import markup

PUBLIC = "publish"
FLOOD_WAIT = 15.0  # seconds; wp_check_comment_flood has no Retry-After, and its window is 15 s
_AVATAR = re.compile(r"/avatar/([0-9a-f]{32,64})\b")


class Rendered(msgspec.Struct):
    rendered: str = ""
    protected: bool = False


class Picture(msgspec.Struct):
    """An item of the media library, as it is embedded in a post; one that may not be read is an error instead."""

    source_url: str = ""
    alt_text: str = ""


class Embedded(msgspec.Struct):
    featured: list[Picture] = msgspec.field(default_factory=list, name="wp:featuredmedia")


class Item(msgspec.Struct):
    """What posts and comments have in common; times are the site's own, without a zone, and UTC, without a Z."""

    id: int
    date: datetime
    date_gmt: datetime | None
    link: str
    status: str


class Article(Item):
    modified: datetime
    modified_gmt: datetime | None
    title: Rendered
    content: Rendered
    excerpt: Rendered
    embedded: Embedded = msgspec.field(default_factory=Embedded, name="_embedded")


class Comment(Item):
    post: int
    parent: int
    author: int
    author_name: str
    content: Rendered
    author_url: str = ""
    author_avatar_urls: dict[str, str] = {}


class Made(msgspec.Struct):
    """What a write answers, and what a look-up of slugs does."""

    id: int
    link: str
    status: str
    slug: str = ""
    date_gmt: datetime | None = None


class Upload(msgspec.Struct):
    id: int
    source_url: str


class Term(msgspec.Struct):
    id: int
    name: str
    slug: str


class User(msgspec.Struct):
    id: int
    name: str
    link: str = ""
    capabilities: dict[str, Any] = {}  # true or, from some plugins, 1

    def may(self, right: str) -> bool:
        return bool(self.capabilities.get(right))


class Trashed(msgspec.Struct):
    """What a deletion answers: the item with its status, or `deleted` when it went for good."""

    deleted: bool = False
    status: str = ""


class _Told(msgspec.Struct):
    status: int = 0


class Problem(msgspec.Struct):
    code: str
    message: str = ""
    data: Any = None


def utc(time: datetime | None) -> datetime | None:
    """Read a time of the API that ends in `_gmt`: it is UTC, although it does not say so."""
    if time is None:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def comment_id(site: str, number: int) -> str:
    """Return a comment's id on all sites: its number is only one site's."""
    return f"{site}#comment-{number}"


def number_in(remote_id: str) -> int:
    """Return the number of a post or comment; raise `RejectedError` if it is the id of neither."""
    digits = remote_id.rpartition("#comment-")[2]
    if not digits.isdecimal():
        raise RejectedError("{id} is no post or comment of WordPress", id=remote_id)
    return int(digits)


def path_of(remote_id: str) -> str:
    """Return where a post, or a comment, is in the API."""
    return f"/{'comments' if '#comment-' in remote_id else 'posts'}/{number_in(remote_id)}"


def id_in(url: str, site: str) -> str | None:
    """Return the post that a plain permalink such as https://example.org/?p=12 names; pretty ones do not tell."""
    parts = urlsplit(url)
    number = parse_qs(parts.query).get("p", [""])[0]
    same = f"{parts.netloc}{parts.path.rstrip('/')}" == site
    return number if same and number.isdecimal() else None


def mention(item: Comment, site: str) -> Mention:
    parent = comment_id(site, item.parent) if item.parent else None
    return Mention(
        remote_id=comment_id(site, item.id),
        kind="reply" if parent else "comment",
        thread_id=str(item.post),
        parent_id=parent,
        author=author(item, site),
        text=markup.plain(item.content.rendered),
        url=item.link,
        sent_at=utc(item.date_gmt),
        links=markup.links(item.content.rendered),
    )


def author(item: Comment, site: str) -> Author:
    """Return who wrote it: a user by number, a guest by their avatar, which is made of the e-mail they gave.

    Where the site shows no avatars a guest's comments are nobody else's: a name is no proof. The e-mail itself
    goes no further: anybody may write anybody's.
    """
    known = _AVATAR.search(next(iter(item.author_avatar_urls.values()), ""))
    who = f"user-{item.author}" if item.author else f"guest-{known[1]}" if known else f"guest-of-{item.id}"
    return Author(remote_id=f"{site}#{who}", name=markup.one_line(item.author_name), url=item.author_url)


def remote_post(item: Article, *, excerpt: bool = False) -> RemotePost:
    """Convert a post; what the public does not see, or no longer, counts as deleted."""
    if item.status != PUBLIC or item.content.protected:
        return RemotePost(remote_id=str(item.id), deleted=True)
    sent, edited = utc(item.date_gmt), utc(item.modified_gmt)
    pictures = item.embedded.featured
    featured = Media(url=pictures[0].source_url, alt=pictures[0].alt_text) if pictures else None
    return RemotePost(
        remote_id=str(item.id),
        title=markup.one_line(item.title.rendered),
        text=markup.plain((item.excerpt if excerpt else item.content).rendered),
        link=item.link,
        url=item.link,
        media=markup.with_featured(featured if featured and featured.url else None, item.content.rendered),
        sent_at=sent,
        edited_at=edited if sent and edited and edited > sent else None,
    )


_ROLE = "give the user the role of an editor or author, or write another status into hub.toml"
_LOG_IN = (
    "make a new application password in the user's profile; some hosts take the Authorization header away, and "
    "WordPress takes such passwords over https only"
)
_NO_API = "the REST API is not at this address: without pretty permalinks write api_url as https://example.org/?rest_route=/"
# Codes that end in a person's work, whatever their status; the rest of 4xx is about one item.
_AUTH = {
    **dict.fromkeys(("rest_not_logged_in", "incorrect_password", "invalid_username", "invalid_email"), _LOG_IN),
    **dict.fromkeys(("rest_cannot_create", "rest_cannot_publish", "rest_cannot_edit_others"), _ROLE),
    **dict.fromkeys(("rest_no_route", "rest_disabled"), _NO_API),
}


def explain(answer: Answer, why: Any) -> HubError | None:
    """Tell what a refusal means; `why` takes secrets out of a text. None leaves it to the HTTP status."""
    if answer.ok or 300 <= answer.status < 400:
        return None
    try:
        problem = msgspec.json.decode(answer.body, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _no_answer(answer)
    code, told = problem.code, "WordPress says: {why} ({code})"
    facts: dict[str, Any] = {"why": why(markup.one_line(problem.message)), "code": why(code)}
    if code == "comment_flood":
        return TransientError(told, retry_after=FLOOD_WAIT, **facts)
    if code == "comment_duplicate":
        return DuplicateError(told, **facts)
    if code in _AUTH:
        return AuthError(told, hint=_AUTH[code], **facts)
    if code == "rest_invalid_param" and b'"rest_forbidden_status"' in answer.body:
        # Our own reads ask for drafts: only who is not logged in, or may not write, is refused so.
        return AuthError(told, hint=f"{_ROLE}; or {_LOG_IN}", **facts)
    if code == "rest_cannot_read_post":
        return GoneError(told, hint="the post is in the trash, or private", **facts)
    if code == "rest_trash_not_supported":
        return RejectedError(told, hint="the site has no trash: write trash = false into hub.toml", **facts)
    return None


def _no_answer(answer: Answer) -> HubError | None:
    """Judge a page where the API's answer should be: a firewall, a login page, a site under maintenance.

    Only the statuses that others than WordPress use as they are meant are left to be what they are.
    """
    if answer.status not in (403, 404, 410) or answer.body.lstrip()[:1] in (b"{", b"["):
        return None
    kind = TransientError if answer.repeatable else UnknownOutcome
    message = "{method} {url}: HTTP {status} with a page that is not WordPress's own"
    return kind(message, hint=_NO_API, method=answer.method, url=answer.url, status=answer.status)
