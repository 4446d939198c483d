"""Lays out a discussion: the remarks of all sites as one tree, as its people made it, by time or by site."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, NamedTuple, get_args

from sqlalchemy.engine import Connection

from hub.errors import UsageError
from hub.store import Store
from hub.store.discussions import digest_lines, joins, leads, mentions, repeats, threads
from hub.store.discussions.joins import Join
from hub.store.discussions.mentions import StoredMention
from hub.store.discussions.repeats import Repeat
from hub.store.outbox import posts

Order = Literal["tree", "time", "site"]
ORDERS: tuple[Order, ...] = get_args(Order)


@dataclass
class Node:
    """A remark and what answers it. `mention` is None for a stub: a remark that others answer and that the hub
    has not seen.

    `repeats` are the same remark on other sites, oldest first; `evidence` says of each why that is believed.
    """

    remote_id: str
    mention: StoredMention | None = None
    children: list[Node] = field(default_factory=list)
    repeats: list[StoredMention] = field(default_factory=list)
    evidence: list[Repeat] = field(default_factory=list)

    @property
    def repeat(self) -> Repeat | None:
        """Why the first of its repeats is one."""
        return self.evidence[0] if self.evidence else None

    @property
    def at(self) -> datetime | None:
        if self.mention is not None:
            return self.mention.sent_at
        return min((child.at for child in self.children if child.at is not None), default=None)


class Member(NamedTuple):
    """A thread of a discussion. `thread_id` is its row; `join` says why it is here, None for what always was."""

    account: str
    platform: str
    url: str
    thread_id: int
    join: Join | None


@dataclass(frozen=True)
class Discussion:
    """A discussion as it is shown. `accounts` are those that have a thread in it.

    In the order of the tree `nodes` are its roots; by time or by site each remark is a root of its own, with the
    depth that it has in the tree not shown.
    """

    id: int
    title: str
    url: str
    text: str
    accounts: Sequence[str]
    copies: Sequence[tuple[str, str]]
    nodes: Sequence[Node]
    members: Sequence[Member] = ()
    joins: Sequence[Join] = ()
    repeats: Sequence[Repeat] = ()
    order: Order = "tree"

    def walk(self) -> Iterator[tuple[int, Node]]:
        """Yield (depth, node), each parent before its children."""

        def below(nodes: Sequence[Node], depth: int) -> Iterator[tuple[int, Node]]:
            for node in nodes:
                yield depth, node
                yield from below(node.children, depth + 1)

        yield from below(self.nodes, 0)


def load(store: Store, discussion_id: int, order: Order = "tree") -> Discussion:
    """Read a discussion; raise `UsageError` if there is none with this number.

    `time` lists the remarks of all sites as they were made, `site` those of one site after those of another.
    """
    with store.read() as connection:
        found = threads.discussion(connection, discussion_id)
        if found is None:
            raise UsageError("there is no discussion {id}", hint="`hub discussions` lists them", id=discussion_id)
        title, url, post_id = found
        members = threads.of_discussion(connection, discussion_id)
        platforms = threads.platforms(connection, [thread.account for thread in members])
        said = mentions.of_discussion(connection, discussion_id)
        joined = joins.of_discussion(connection, discussion_id)
        same = repeats.of_discussion(connection, discussion_id)
        answers = leads.answered(connection, discussion_id)
        shown = _shown_again(connection, said)
        post = posts.get(connection, post_id) if post_id is not None else None
    came = {join.thread_id: join for join in joined if join.undone_at is None}
    whole = Discussion(
        id=discussion_id,
        title=title,
        url=url,
        text=post.text if post else "",
        accounts=list(dict.fromkeys(thread.account for thread in members)),
        copies=[(thread.account, thread.url) for thread in members],
        nodes=build(said, dict(reversed(answers)), [each for each in same if each.stands], shown),
        members=[
            Member(thread.account, platforms.get(thread.account, ""), thread.url, thread.id, came.get(thread.id))
            for thread in members
        ],
        joins=joined,
        repeats=same,
        order=order,
    )
    return whole if order == "tree" else replace(whole, nodes=_listed(whole, order))


def _shown_again(connection: Connection, said: Sequence[StoredMention]) -> dict[tuple[str, str], int]:
    """Return for what comments of ours, in which a digest repeats a remark, stand: who answers one answers it."""
    known = {(mention.platform, mention.remote_id) for mention in said}
    missing: dict[str, list[str]] = {}
    for mention in said:
        parent = mention.parent_id
        if parent is not None and parent != mention.thread_id and (mention.platform, parent) not in known:
            missing.setdefault(mention.platform, []).append(parent)
    return {
        (platform, remote_id): original
        for platform, parents in missing.items()
        for remote_id, original in digest_lines.originals(connection, platform, sorted(set(parents))).items()
    }


def _listed(discussion: Discussion, order: Order) -> list[Node]:
    """Return the remarks as a list; a stub, which says nothing, is left out."""
    nodes = [replace(node, children=[]) for _, node in discussion.walk() if node.mention is not None]
    sites = [member.platform for member in discussion.members]

    def place(node: Node) -> tuple[int, datetime, int]:
        assert node.mention is not None
        site = sites.index(node.mention.platform) if order == "site" and node.mention.platform in sites else 0
        return site, node.mention.sent_at, node.mention.id

    return sorted(nodes, key=place)


def build(
    said: Sequence[StoredMention],
    answers: Mapping[int, int] | None = None,
    same: Sequence[Repeat] = (),
    shown: Mapping[tuple[str, str], int] | None = None,
) -> list[Node]:
    """Return the roots of the tree, by time. A remark whose parent is missing hangs under a stub.

    `answers` says which remark another one leads to: it hangs there if it answers nothing on its own site. Of
    `same` remarks the earliest stands, with what answers any of them. `shown` says for which remark a comment of
    ours stands.
    """
    nodes: dict[tuple[str, str], Node] = {
        (mention.platform, mention.remote_id): Node(mention.remote_id, mention) for mention in said
    }
    by_id = {node.mention.id: node for node in nodes.values() if node.mention is not None}
    for place, original in (shown or {}).items():
        if original in by_id:
            nodes.setdefault(place, by_id[original])
    stands = _fold(by_id, same)
    roots: list[Node] = []
    for mention in said:
        node = by_id[mention.id]
        if stands.get(mention.id, node) is not node:
            continue
        above = _above(mention, nodes, roots, by_id, answers or {})
        if above is not None and above.mention is not None:
            above = stands.get(above.mention.id, above)
        if above is None or above is node:
            roots.append(node)
        else:
            above.children.append(node)
    folded = {id(by_id[mention]) for mention, node in stands.items() if by_id[mention] is not node}
    _break_cycles(roots, [node for node in nodes.values() if id(node) not in folded])
    return roots


def _above(
    mention: StoredMention,
    nodes: dict[tuple[str, str], Node],
    roots: list[Node],
    by_id: Mapping[int, Node],
    answers: Mapping[int, int],
) -> Node | None:
    """Return what a remark hangs under, None for a root; a parent that was not seen is made a stub."""
    parent = mention.parent_id
    if parent is None or parent == mention.thread_id:
        if mention.id in answers:
            return by_id.get(answers[mention.id])
        return nodes.get((mention.platform, mention.thread_id)) if mention.remote_id != mention.thread_id else None
    above = nodes.get((mention.platform, parent))
    if above is None:
        above = nodes[mention.platform, parent] = Node(parent)
        roots.append(above)
    return above


def _fold(by_id: Mapping[int, Node], same: Sequence[Repeat]) -> dict[int, Node]:
    """Give the earliest of each set of repeats the others; return which remark stands for each of them."""
    sets: dict[int, list[Repeat]] = {}
    for each in same:
        if each.first_id in by_id and each.mention_id in by_id:
            sets.setdefault(each.first_id, []).append(each)
    stands: dict[int, Node] = {}
    for first, evidence in sets.items():
        members = [by_id[first], *(by_id[each.mention_id] for each in evidence)]
        told = sorted((node.mention for node in members if node.mention is not None), key=_age)
        if any(one.deleted_at is not None for one in told):
            told = [one for one in told if one.deleted_at is None]
        if len(told) < 2:
            continue
        node = by_id[told[0].id]
        node.repeats = told[1:]
        shown = {one.id for one in told}
        node.evidence = [each for each in evidence if {each.first_id, each.mention_id} <= shown]
        stands |= {one.id: node for one in told}
    return stands


def _age(mention: StoredMention) -> tuple[datetime, int]:
    return mention.sent_at, mention.id


def _break_cycles(roots: list[Node], nodes: Sequence[Node]) -> None:
    """Remarks that answer each other in a circle (a network's mistake) are shown from the first of them."""
    reached = {id(node) for root in roots for node in _below(root)}
    for node in nodes:
        if id(node) not in reached:
            roots.append(node)
            for below in _below(node):
                reached.add(id(below))
                below.children = [child for child in below.children if child is not node]


def _below(node: Node) -> list[Node]:
    found, stack, seen = [], [node], set()
    while stack:
        current = stack.pop()
        if id(current) not in seen:
            seen.add(id(current))
            found.append(current)
            stack.extend(current.children)
    return found
