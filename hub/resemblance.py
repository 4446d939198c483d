"""Recognises a post of ours in what a network shows, which rewrites links, cuts texts and stamps its own time."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING

import regex

from hub.errors import UnknownOutcome
from hub.models import Post, Receipt, RemotePost

if TYPE_CHECKING:
    from hub.adapter import Timeline

# Links, and bare domains too: some networks make links of them. A domain begins where a word does; looked for at
# every letter, or by `regex`, a text without blanks would cost its length squared.
_LINK = re.compile(r"https?://\S+|(?<![^\s/@])[^\s/@]+\.[^\W\d_]{2,}(?:[/?#:]\S*)?")
_QUERY = re.compile(r"[?#]")
_NO_WORD = regex.compile(r"[\s\p{P}]+")
# A network's clock may be behind ours by this much when it stamps a post.
_CLOCK_SKEW = timedelta(minutes=2)


def text_key(text: str) -> str:
    """Reduce a text to what survives a network: no links, domains, punctuation or HTML escapes."""
    return _NO_WORD.sub(" ", _LINK.sub(" ", unescape(text))).strip()


def find_in_timeline(adapter: Timeline, post: Post, depth: int = 100) -> Receipt | None:
    """Implement `Publisher.find` by reading our own timeline: same words, not too old, not another post's.

    Looks at the newest `depth` posts. A text cut by the network matches by its beginning (60 characters at
    least). Raises `UnknownOutcome` if nothing is found and the posts shown are all younger than `post.since`:
    what is older is out of sight, and may be there.
    """
    alike: list[RemotePost] = []
    seen = 0
    far_enough = False
    for batch in adapter.fetch_posts(None):
        for item in batch.items:
            if post.since is None or item.sent_at is None or item.sent_at < post.since:
                far_enough = True
            if item.deleted or not not_before(item.sent_at, post.since):
                continue
            if item.remote_id not in post.taken and resembles(item, post.text, post.link):
                alike.append(item)
        seen += len(batch.items)
        if seen >= depth:
            break
    same = [item for item in alike if unescape(item.text).split() == post.text.split()]
    for item in [*same, *alike]:
        return Receipt(remote_id=item.remote_id, url=item.url)
    if seen >= depth and not far_enough:
        raise UnknownOutcome("the {count} newest posts are all younger than the one that is sought", count=seen)
    return None


def resembles(item: RemotePost, text: str, link: str = "") -> bool:
    """Tell whether what a network shows may be a post of ours that says `text`.

    Networks rewrite links and cut texts. But a link to another page of the same site makes it another post.
    """
    wanted, shown = text_key(text), text_key(item.text)
    if shown != wanted and not (len(shown) >= 60 and wanted.startswith(shown.rstrip(" …."))):
        return False
    ours, theirs = _places(text, link), _places(item.text, item.link)
    if not wanted and not ours:
        return unescape(item.text).split() == text.split()
    near = [(place, other) for site, place in ours for seen, other in theirs if seen == site]
    return not near or any(
        place == other or (other.endswith("…") and place.startswith(other[:-1])) for place, other in near
    )


def _places(text: str, link: str) -> set[tuple[str, str]]:
    """Return site and path of every link, a path that was cut with its dots."""
    found = set()
    for match in _LINK.findall(unescape(f"{text} {link}")):
        address = _QUERY.split(match.partition("://")[2] or match)[0]
        site, _, path = address.lower().replace("...", "…").partition("/")
        found.add((site.removeprefix("www."), path.rstrip("/.,;:!?)]}\"'»")))
    return found


def not_before(sent_at: datetime | None, since: datetime | None) -> bool:
    """Tell whether a network's time is, as far as clocks can be trusted, no earlier than ours."""
    return sent_at is None or since is None or sent_at >= since - _CLOCK_SKEW
