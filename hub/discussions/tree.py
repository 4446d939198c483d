"""Lays out a discussion: the remarks of all sites as one tree, as its people made it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hub.errors import UsageError
from hub.store import Store, mentions, posts, threads
from hub.store.mentions import StoredMention


@dataclass
class Node:
    """A remark and what answers it. `mention` is None for a stub: a remark that others answer and that the hub
    has not seen."""

    remote_id: str
    mention: StoredMention | None = None
    children: list[Node] = field(default_factory=list)

    @property
    def at(self) -> datetime | None:
        if self.mention is not None:
            return self.mention.sent_at
        return min((child.at for child in self.children if child.at is not None), default=None)


@dataclass(frozen=True)
class Discussion:
    """A discussion as it is shown. `accounts` are those that have a thread in it."""

    id: int
    title: str
    url: str
    text: str
    accounts: Sequence[str]
    copies: Sequence[tuple[str, str]]
    nodes: Sequence[Node]

    def walk(self) -> Iterator[tuple[int, Node]]:
        """Yield (depth, node), each parent before its children."""

        def below(nodes: Sequence[Node], depth: int) -> Iterator[tuple[int, Node]]:
            for node in nodes:
                yield depth, node
                yield from below(node.children, depth + 1)

        yield from below(self.nodes, 0)


def load(store: Store, discussion_id: int) -> Discussion:
    """Read a discussion; raise `UsageError` if there is none with this number."""
    with store.read() as connection:
        found = threads.discussion(connection, discussion_id)
        if found is None:
            raise UsageError("there is no discussion {id}", hint="`hub discussions` lists them", id=discussion_id)
        title, url, post_id = found
        members = threads.of_discussion(connection, discussion_id)
        said = mentions.of_discussion(connection, discussion_id)
        post = posts.get(connection, post_id) if post_id is not None else None
    return Discussion(
        id=discussion_id,
        title=title,
        url=url,
        text=post.text if post else "",
        accounts=list(dict.fromkeys(thread.account for thread in members)),
        copies=[(thread.account, thread.url) for thread in members],
        nodes=build(said),
    )


def build(said: Sequence[StoredMention]) -> list[Node]:
    """Return the roots of the tree, by time. A remark whose parent is missing hangs under a stub."""
    nodes: dict[tuple[str, str], Node] = {
        (mention.platform, mention.remote_id): Node(mention.remote_id, mention) for mention in said
    }
    roots: list[Node] = []
    for mention in said:
        node = nodes[mention.platform, mention.remote_id]
        parent = mention.parent_id
        if parent is None or parent == mention.thread_id:
            roots.append(node)
            continue
        above = nodes.get((mention.platform, parent))
        if above is None:
            above = nodes[mention.platform, parent] = Node(parent)
            roots.append(above)
        above.children.append(node)
    _break_cycles(roots, nodes)
    return roots


def _break_cycles(roots: list[Node], nodes: dict[tuple[str, str], Node]) -> None:
    """Remarks that answer each other in a circle (a network's mistake) are shown from the first of them."""
    reached = {id(node) for root in roots for node in _below(root)}
    for node in nodes.values():
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
