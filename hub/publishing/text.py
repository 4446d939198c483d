"""Makes texts fit their networks: measures them, and turns one post into the parts that an account publishes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import regex
from msgspec.structs import replace

from hub.errors import RejectedError
from hub.models import Limits, Media, Post, check_text
from hub.publishing.cutting import Cutter, strip
from hub.publishing.length import link_place, measure, within
from hub.publishing.spans import Span, spans, utf8_offset, utf16_offset

Overflow = Literal["thread", "shorten"]

_NEWLINE = regex.compile(r"\r\n?")
_BLANK_LINES = regex.compile(r"\n(?:[^\S\n]*\n){3,}")
# X refuses a text with one of these, and nobody sees them.
_INVALID_WEIGHTED = regex.compile("[\ufffe\ufeff\uffff]")


def fit(post: Post, limits: Limits, *, overflow: Overflow, permalink: str = "") -> list[Post]:
    """Return the parts to publish one after another, each within `limits`; one part if the post fits.

    The text is the title, unless it already begins with it, the text itself and the link, as far as `limits`
    sends them in the text; what went into the text is emptied, and so is the HTML where the text is cut. `thread`
    cuts what is too long, and lets the media that are too many go with the following parts. `shorten` cuts it off,
    with an ellipsis and the link, else `permalink`: where the whole text is. The first part keeps the post's key,
    part i has `key.i`.

    Raises `RejectedError` for a post with nothing in it, without the text that the network requires, with a
    character that no network takes, with media that it does not take, or with a link too long for one part.
    """
    _check_characters(post, permalink)
    _check_media(post.media, limits)
    body = _normalised(post, limits)
    link = post.link.strip()
    if regex.search(r"\s", link):
        raise RejectedError("the link holds a space: {link}", link=link)
    in_text = link_place(limits, media=bool(post.media)) == "text"
    text = body
    if in_text and link and not _mentions_link(body, link):
        text = f"{body}\n\n{link}" if body else link
    if not text and not link and not post.media:
        raise RejectedError("there is nothing to publish: no text, no link, no media")
    if limits.text_required and not text:
        raise RejectedError("the network takes no post without a text")
    whole = replace(
        post,
        text=text,
        title=strip(post.title) if limits.title == "field" else "",
        link="" if in_text else link,
        media=tuple(post.media),
    )
    step = max(limits.media_count, 1)
    groups = [whole.media[first : first + step] for first in range(0, len(whole.media), step)]
    if len(groups) <= 1 and within(text, limits, media=bool(groups)):
        return [whole]
    if overflow == "shorten":
        if len(groups) > 1:
            raise RejectedError(
                "{count} media are too many: {most} go into one post",
                count=len(whole.media),
                most=limits.media_count,
            )
        return [_shortened(whole, body, limits, link or permalink.strip())]
    texts = list(Cutter(text, limits).parts(lambda index: index < len(groups)))
    texts += [""] * (len(groups) - len(texts))
    if limits.text_required and not all(texts):
        raise RejectedError("the network takes no post without a text, and there are more media than texts")
    return [_part(whole, index, text, groups) for index, text in enumerate(texts)]


def _part(whole: Post, index: int, text: str, groups: Sequence[Sequence[Media]]) -> Post:
    media = groups[index] if index < len(groups) else ()
    if index == 0:
        return replace(whole, text=text, media=media, html="")
    return replace(
        whole, text=text, media=media, key=f"{whole.key}.{index}", title="", link="", html="", reply_to=None
    )


def _shortened(whole: Post, body: str, limits: Limits, pointer: str) -> Post:
    """Cut off the body; the pointer goes where `limits` wants links."""
    media = bool(whole.media)
    if link_place(limits, media=media) == "field":
        pointer, whole = "", replace(whole, link=pointer)
    cutter = Cutter(body.removesuffix(pointer).rstrip(), limits)
    text = cutter.shortened(pointer, media=media)
    if pointer and _mentions_link(text.removesuffix(pointer), pointer):
        text = cutter.shortened("", media=media)
    return replace(whole, text=text, html="")


def _normalised(post: Post, limits: Limits) -> str:
    text, title = (
        _BLANK_LINES.sub(
            "\n\n\n", _NEWLINE.sub("\n", _INVALID_WEIGHTED.sub("", raw) if limits.unit == "weighted" else raw)
        )
        for raw in (post.text, post.title)
    )
    text, title = strip(text), strip(title)
    if limits.title == "field" or not title or _begins_with(text, title):
        return text
    return f"{title}\n\n{text}" if text else title


def _begins_with(text: str, title: str) -> bool:
    rest = text[len(title) :]
    return text[: len(title)].casefold() == title.casefold() and not rest[:1].isalnum()


def _mentions_link(text: str, link: str) -> bool:
    """Tell whether the text holds this link, and not only a longer one that begins like it."""
    if link not in text:
        return False
    found = [span for span in spans(text) if span.kind == "link"]
    return link in text.split() or any(
        text.startswith(link, span.start) and span.end <= span.start + len(link) for span in found
    )


def _check_characters(post: Post, permalink: str) -> None:
    try:
        for field in ("text", "title", "link"):
            check_text(field, getattr(post, field))
        for number, media in enumerate(post.media, 1):
            check_text(f"the description of image {number}", media.alt)
        check_text("the permalink", permalink)
    except ValueError as error:
        raise RejectedError("the post cannot be sent: {why}", why=str(error)) from None


def _check_media(media: Sequence[Media], limits: Limits) -> None:
    for number, item in enumerate(media, 1):
        facts: dict[str, Any] = {
            "number": number,
            "name": item.alt or item.url.partition("?")[0] or "without a name",
        }
        kind = item.mime.partition(";")[0].strip().lower()
        if limits.media_count <= 0:
            raise RejectedError("image {number} ({name}): the network takes no media", **facts)
        # Without a type it is the network that judges.
        if kind and kind not in limits.media_types:
            raise RejectedError(
                "image {number} ({name}) is {kind}; the network takes {allowed}",
                kind=kind,
                allowed=", ".join(limits.media_types),
                **facts,
            )
        if limits.media_bytes and len(item.content) > limits.media_bytes:
            raise RejectedError(
                "image {number} ({name}) has {size} bytes; the network takes {most}",
                size=len(item.content),
                most=limits.media_bytes,
                **facts,
            )


__all__ = ["Overflow", "Span", "fit", "measure", "spans", "utf8_offset", "utf16_offset"]
