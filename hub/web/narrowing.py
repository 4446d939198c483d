"""Shows of a discussion what a user may see, who may be bound to some of its accounts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from hub.discussions.tree import Discussion, Node
from hub.scheduling.hub import Hub
from hub.store.discussions import threads
from hub.store.discussions.mentions import StoredMention
from hub.users.roles import Permission, User


def sees_all(hub: Hub, user: User, discussion_id: int) -> bool:
    """Tell whether a user may see every thread of a discussion."""
    if user.accounts is None:
        return True
    with hub.store.read() as connection:
        members = threads.of_discussion(connection, discussion_id)
    return all(user.may(Permission.READ, thread.account) for thread in members)


def narrowed(found: Discussion, user: User) -> Discussion:
    """Leave out what was said on accounts that are not the user's; what answers it hangs under a stub."""
    if user.accounts is None:
        return found
    mine = user.accounts
    nodes = _kept(found.nodes, mine)
    whole = replace(found, nodes=nodes)
    shown = {one.id for _depth, node in whole.walk() for one in _said(node)}
    return replace(
        whole,
        accounts=[name for name in found.accounts if name in mine],
        copies=[(name, url) for name, url in found.copies if name in mine],
        members=[member for member in found.members if member.account in mine],
        joins=[join for join in found.joins if join.account in mine],
        repeats=[one for one in found.repeats if {one.first_id, one.mention_id} <= shown],
    )


def _kept(nodes: Sequence[Node], mine: Collection[str]) -> list[Node]:
    kept: list[Node] = []
    for node in nodes:
        children = _kept(node.children, mine)
        said = [one for one in _said(node) if one.account in mine]
        if said:
            first, *others = said
            ids = {one.id for one in said}
            evidence = [one for one in node.evidence if {one.first_id, one.mention_id} <= ids]
            kept.append(Node(first.remote_id, first, children, others, evidence))
        elif children:
            kept.append(Node(node.remote_id, None, children))
    return kept


def _said(node: Node) -> list[StoredMention]:
    return [one for one in (node.mention, *node.repeats) if one is not None]
