"""Discussions by the API: list them, read one as the tree that it is, ask why, undo what was joined wrongly."""

from __future__ import annotations

from collections.abc import Sequence

from hub.discussions import joining, tree
from hub.discussions.tree import Discussion
from hub.scheduling.hub import Hub
from hub.store import listings
from hub.store.discussions import digests, mentions
from hub.store.discussions.joins import Join
from hub.store.discussions.repeats import Repeat
from hub.users.roles import Permission, User
from hub.web.api import models
from hub.web.api.room import api_room, demand, sees
from hub.web.routes import Missing, TheHub, TheUser

room = api_room("discussions")


@room.read("/discussions", may=Permission.READ)
def list_discussions(
    hub: TheHub, user: TheUser, before: models.Before = None, limit: models.Limit = 50
) -> models.Discussions:
    """List discussions, the youngest first; remarks are counted on the asker's accounts."""
    with hub.store.read() as connection:
        found = listings.discussions_before(connection, limit + 1, before, user.accounts)
    return models.Discussions(
        discussions=[models.DiscussionLine(**one._asdict()) for one in found[:limit]],
        before=found[limit - 1].id if len(found) > limit else None,
    )


@room.read("/discussions/{id}", may=Permission.READ, errors=(404,))
def get_discussion(id: models.Id, hub: TheHub, user: TheUser) -> models.DiscussionAnswer:
    """Return a discussion in the order of its tree: each remark after the one that it answers, a step deeper.

    A remark on an account that is not the asker's is a place without words, as one that the hub has not seen.
    """
    _demand_sight(hub, user, id)
    found = tree.load(hub.store, id)
    return models.DiscussionAnswer(
        id=found.id,
        title=found.title,
        url=found.url,
        text=found.text,
        threads=[
            models.ThreadAnswer(account=account, url=url) for account, url in found.copies if sees(user, account)
        ],
        nodes=_nodes(found, user),
    )


@room.read("/discussions/{id}/why", may=Permission.READ, errors=(404,))
def explain_discussion(id: models.Id, hub: TheHub, user: TheUser) -> models.WhyAnswer:
    """Say why its threads are in it, and why remarks count as repeats; what was undone stays in the list."""
    _demand_sight(hub, user, id)
    found = joining.why(hub.store, id)
    held = _accounts_of(hub, [one.mention_id for one in found.repeats] + [one.first_id for one in found.repeats])
    return models.WhyAnswer(
        joins=[_evidence(one) for one in found.joins if sees(user, one.account)],
        repeats=[
            _evidence(one)
            for one in found.repeats
            if all(sees(user, held.get(number, "")) for number in (one.mention_id, one.first_id))
        ],
    )


@room.write("/discussions/{id}/joins/{join}/undo", may=Permission.RESPOND, errors=(404,))
def undo_join(id: models.Id, join: models.Id, hub: TheHub, user: TheUser) -> models.WhyAnswer:
    """Say for good that a thread does not belong to the discussion: it goes back to where it was."""
    _demand_sight(hub, user, id)
    known = next((one for one in joining.why(hub.store, id).joins if one.id == join), None)
    if known is None or not sees(user, known.account):
        raise Missing("there is no join j{id}", hint="`hub discussion ID --why` lists them", id=join)
    demand(user, Permission.RESPOND, known.account)
    joining.undo_join(hub.store, join, user.shown, hub.clock())
    return explain_discussion(id, hub, user)


@room.write("/discussions/{id}/repeats/{repeat}/undo", may=Permission.RESPOND, errors=(404,))
def undo_repeat(id: models.Id, repeat: models.Id, hub: TheHub, user: TheUser) -> models.WhyAnswer:
    """Say for good that two remarks are two."""
    shown = explain_discussion(id, hub, user)
    if repeat not in {one.id for one in shown.repeats}:
        raise Missing("there is no repeat r{id}", hint="`hub discussion ID --why` lists them", id=repeat)
    joining.undo_repeat(hub.store, repeat, user.shown, hub.clock())
    return explain_discussion(id, hub, user)


@room.read("/discussions/{id}/digests", may=Permission.READ, errors=(404,))
def list_digests(id: models.Id, hub: TheHub, user: TheUser) -> models.Digests:
    """Return the digests of it that are published, or are being taken down, on the asker's accounts."""
    _demand_sight(hub, user, id)
    with hub.store.read() as connection:
        found = digests.open_ones(connection, id)
    same = set(models.DigestAnswer.model_fields) - {"post"}
    return models.Digests(
        digests=[
            models.DigestAnswer(**{name: getattr(one, name) for name in same}, post=one.post_id)
            for one in found
            if sees(user, one.account)
        ]
    )


def _demand_sight(hub: Hub, user: User, discussion_id: int) -> None:
    """Raise `Missing`, unless the discussion is there and the user may see some of it."""
    with hub.store.read() as connection:
        if not listings.may_see(connection, discussion_id, user.accounts):
            raise Missing("there is no discussion {id}", hint="`hub discussions` lists them", id=discussion_id)


def _accounts_of(hub: Hub, ids: Sequence[int]) -> dict[int, str]:
    with hub.store.read() as connection:
        return mentions.accounts_of(connection, ids)


def _evidence(one: Join | Repeat) -> models.EvidenceAnswer:
    return models.EvidenceAnswer(
        id=one.id,
        kind=one.kind,
        evidence=one.evidence,
        confidence=one.confidence,
        at=one.at,
        by=one.by,
        undone_at=one.undone_at,
    )


def _nodes(found: Discussion, user: User) -> list[models.NodeAnswer]:
    """Lay out the tree as a list: a conversation may be deeper than what reads JSON bears, or Python's stack."""
    nodes = []
    waiting = [(0, node) for node in reversed(found.nodes)]
    while waiting:
        depth, node = waiting.pop()
        waiting += [(depth + 1, child) for child in reversed(node.children)]
        said = node.mention
        nodes.append(
            models.NodeAnswer(
                depth=depth,
                mention=models.Remark.of(said) if said is not None and sees(user, said.account) else None,
                repeats=[models.Remark.of(one) for one in node.repeats if sees(user, one.account)],
            )
        )
    return nodes
