"""Gathers what is published of a discussion: the lines that stand, each with author, site, time and permalink."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote, urlsplit
from uuid import NAMESPACE_URL, uuid5

from hub.discussions import tree
from hub.discussions.tree import Node
from hub.i18n import _
from hub.store import Store
from hub.store.discussions import digest_lines, digests, left_out, mentions
from hub.store.discussions.mentions import StoredMention

# What no page or feed is to be given: control characters, what turns writing around, what is no character.
_UNSAFE: dict[int, str | None] = {
    **dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), " "),
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF, 0xFFFE, 0xFFFF)),
    **dict.fromkeys((0x0B, 0x0C, 0x85, 0x2028, 0x2029), "\n"),
    0x0A: "\n",
}
# What RFC 3987 has in no address.
_NO_IRI = re.compile(r"[<>\"{}|\\^`]")


class Place(NamedTuple):
    """Where a remark stands. `site` is what people call it: the host of its address, else the platform."""

    mention_id: int
    account: str
    platform: str
    remote_id: str
    thread_id: str
    site: str
    url: str
    at: datetime


class Line(NamedTuple):
    """One remark, or a gap (`place` is None) that others answer and that is not shown.

    `key` is the same for as long as the remark stands, and no other's. `parent` is the key of the line that it
    answers, None for the post. `repeats` are the other places where the same person said the same.
    """

    key: str
    parent: str | None
    depth: int
    place: Place | None
    author: str = ""
    author_url: str = ""
    text: str = ""
    edited_at: datetime | None = None
    ours: bool = False
    repeats: tuple[Place, ...] = ()

    @property
    def places(self) -> tuple[Place, ...]:
        """Every place where it stands, the first one first."""
        return () if self.place is None else (self.place, *self.repeats)


@dataclass(frozen=True)
class Digest:
    """What is published of one discussion: `lines` in the order of the tree, each parent before its answers."""

    id: int
    title: str
    url: str
    started_at: datetime
    updated_at: datetime
    lines: Sequence[Line]

    @property
    def said(self) -> list[Line]:
        """The lines that are remarks."""
        return [line for line in self.lines if line.place is not None]

    @property
    def sites(self) -> list[str]:
        """Every site that something stands on, in the order of the lines."""
        return list(dict.fromkeys(place.site for line in self.lines for place in line.places))

    @property
    def key(self) -> str:
        """A name for it that no other discussion has, and that stays."""
        return _urn(f"discussion {self.id} {self.url} {self.started_at.isoformat()}")


@dataclass(slots=True)
class _Entry:
    """A node on its way to become a line; `parent` is the place of the entry above it."""

    node: Node
    depth: int
    parent: int | None
    line: Line | None
    holds: Line | None = field(default=None)


class _Seen(NamedTuple):
    """What decides who is shown."""

    out: frozenset[tuple[str, str]]
    ours: frozenset[tuple[str, str]]
    digests: Collection[tuple[str, str]]
    chosen: Collection[int] | None


def lines(store: Store, discussion_id: int, chosen: Collection[int] | None = None) -> Digest:
    """Return what is to be published of a discussion now, or only the `chosen` mentions, by number.

    What was deleted or belongs to somebody who is left out is not in it, but for a gap where others answer it.
    What was not chosen leaves no gap: its answers move up. Raises `UsageError` if there is no such discussion.
    """
    found = tree.load(store, discussion_id)
    with store.read() as connection:
        absent = left_out.everybody(connection)
        seen = _Seen(
            absent.who,
            left_out.our_identities(connection),
            digests.threads_of_digests(connection, discussion_id),
            chosen,
        )
        started_at = digests.started_at(connection, discussion_id)
        stubs = {
            (child.mention.platform, node.remote_id)
            for _depth, node in found.walk()
            if node.mention is None
            for child in node.children
            if child.mention is not None
        }
        standing_for = {
            (platform, remote_id): mention
            for platform in {platform for platform, _id in stubs}
            for remote_id, mention in digest_lines.originals(
                connection, platform, [one for each, one in stubs if each == platform]
            ).items()
        }
    nodes = _under_their_originals(found.nodes, standing_for)
    entries = _entries(nodes, seen)
    times = [started_at]
    for entry in entries:
        for mention in _mentions(entry.node):
            times += [at for at in (mention.sent_at, mention.edited_at, mention.deleted_at) if at is not None]
            if absent.since is not None and _who(mention) in absent.who:
                times.append(absent.since)
    return Digest(
        id=found.id,
        title=_one_line(found.title) or _one_line(found.url) or _("Discussion {id}").format(id=found.id),
        url=safe_url(found.url),
        started_at=started_at,
        updated_at=max(times),
        lines=_standing(entries),
    )


def _under_their_originals(nodes: Sequence[Node], standing_for: dict[tuple[str, str], int]) -> list[Node]:
    """Hang what answers a comment that we made for a digest under the remark that it stands for."""
    if not standing_for:
        return list(nodes)
    by_number = {mention.id: node for node in _all(nodes) for mention in _mentions(node)}
    kept = []
    for node in nodes:
        platforms = {child.mention.platform for child in node.children if child.mention is not None}
        numbers = [standing_for.get((platform, node.remote_id)) for platform in platforms]
        original = next((by_number[each] for each in numbers if each in by_number), None)
        if node.mention is None and original is not None:
            original.children += [child for child in node.children if child is not original]
        else:
            kept.append(node)
    return kept


def _all(nodes: Iterable[Node]) -> list[Node]:
    found, stack = [], list(nodes)
    while stack:
        node = stack.pop()
        found.append(node)
        stack += node.children
    return found


def _entries(nodes: Sequence[Node], seen: _Seen) -> list[_Entry]:
    """Return the nodes, each before those below it; one that was not chosen is none, what it holds moves up."""
    entries: list[_Entry] = []
    stack: list[tuple[Node, int, int | None]] = [(node, 0, None) for node in reversed(nodes)]
    while stack:
        node, depth, parent = stack.pop()
        line = _line(node, seen)
        place = parent
        if line is not None or not _unchosen(node, seen):
            place = len(entries)
            entries.append(_Entry(node, depth, parent, line))
            depth += 1
        stack += [(child, depth, place) for child in reversed(node.children)]
    return entries


def _standing(entries: Sequence[_Entry]) -> list[Line]:
    """Return the lines, with a gap for each entry that shows nothing itself and holds something that does."""
    for entry in reversed(entries):
        entry.holds = entry.line or entry.holds
        if entry.holds is not None and entry.parent is not None:
            entries[entry.parent].holds = entry.holds
    found: list[Line] = []
    keys: dict[int, str] = {}
    for number, entry in enumerate(entries):
        if entry.holds is None:
            continue
        above = None if entry.parent is None else keys[entry.parent]
        line = entry.line or Line(_urn(f"above {entry.holds.key}"), None, 0, None)
        keys[number] = line.key
        found.append(line._replace(parent=above, depth=entry.depth))
    return found


def _line(node: Node, seen: _Seen) -> Line | None:
    """Return a remark as it is shown, None if it is not; where the network gave it and where it is repeated."""
    told = [mention for mention in _mentions(node) if mention.deleted_at is None]
    if not told or any(_who(mention) in seen.out for mention in _mentions(node)):
        return None
    if seen.chosen is not None and not any(mention.id in seen.chosen for mention in told):
        return None
    told = [mention for mention in told if (mention.account, mention.thread_id) not in seen.digests]
    if not told:
        return None
    first, *others = told
    edited = first.edited_at
    return Line(
        key=_urn(f"{first.platform} {first.remote_id}"),
        parent=None,
        depth=0,
        place=_place(first),
        author=_one_line(first.author_name) or _one_line(first.author_handle) or _("somebody"),
        author_url=safe_url(first.author_url),
        text=clean(first.text),
        edited_at=edited if edited is not None and edited > first.sent_at else None,
        ours=_who(first) in seen.ours,
        repeats=tuple(_place(mention) for mention in others),
    )


def _unchosen(node: Node, seen: _Seen) -> bool:
    """Tell whether a node stands and is not shown because nobody chose it, or because it is about a digest."""
    standing = [mention for mention in _mentions(node) if mention.deleted_at is None]
    return bool(standing) and not any(_who(mention) in seen.out for mention in standing)


def _mentions(node: Node) -> list[StoredMention]:
    """Return what a node shows: the remark, and the same remark elsewhere."""
    return [*([node.mention] if node.mention is not None else []), *node.repeats]


def _who(mention: StoredMention) -> tuple[str, str]:
    return mention.platform, mention.author_id or ""


def _place(mention: StoredMention) -> Place:
    url = safe_url(mention.url)
    return Place(
        mention.id,
        mention.account,
        mention.platform,
        mention.remote_id,
        mention.thread_id,
        urlsplit(url).netloc.rpartition("@")[2].removeprefix("www.") or mention.platform,
        url,
        mention.sent_at,
    )


def safe_url(url: str) -> str:
    """Return an address that a reader may follow, "" for one that is none, such as a script's."""
    url = "".join(_one_line(url).split())
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return ""
    return _NO_IRI.sub(lambda match: quote(match.group()), url)


def clean(text: str) -> str:
    """Return a stranger's text without what may steer a reader's machine; its lines and paragraphs stay."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ").translate(_UNSAFE)
    paragraphs = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(_single_gaps(paragraphs))


def _single_gaps(said: Iterable[str]) -> list[str]:
    """Return the lines with one empty line at most between two, and none at either end."""
    found: list[str] = []
    for line in said:
        if line or (found and found[-1]):
            found.append(line)
    while found and not found[-1]:
        found.pop()
    return found


def _one_line(text: str) -> str:
    return " ".join(clean(text).split())


def _urn(name: str) -> str:
    return uuid5(NAMESPACE_URL, f"crosshub {name}").urn


def strangers(store: Store, discussion_id: int, given: Collection[int]) -> list[int]:
    """Return those of the mentions, by number, that the discussion does not hold."""
    with store.read() as connection:
        held = {mention.id for mention in mentions.of_discussion(connection, discussion_id)}
    return sorted(set(given) - held)
