"""The shapes of the JSON documents that scripts rely on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub.cli.output import iso
from hub.discussions.tree import Discussion, Node
from hub.store.discussions.joins import Join
from hub.store.discussions.mentions import StoredMention
from hub.store.discussions.repeats import Repeat
from hub.store.outbox.deliveries import Delivery
from hub.store.outbox.posts import StoredPost
from hub.store.people.contacts import Person


def post_shape(post: StoredPost, deliveries: Sequence[Delivery]) -> dict[str, Any]:
    """Return a post and what became of it on each account."""
    return {
        "id": post.id,
        "key": post.key,
        "text": post.text,
        "title": post.title,
        "link": post.link,
        "source": post.source,
        "created_at": iso(post.created_at),
        "publish_at": iso(post.publish_at),
        "deleted_at": iso(post.deleted_at),
        "deliveries": [delivery_shape(delivery) for delivery in deliveries],
    }


def delivery_shape(delivery: Delivery) -> dict[str, Any]:
    """Return one delivery."""
    return {
        "id": delivery.id,
        "account": delivery.account,
        "part": delivery.part,
        "state": delivery.state,
        "action": delivery.action,
        "remote_id": delivery.remote_id,
        "url": delivery.url,
        "attempts": delivery.attempts,
        "error": delivery.error,
        "due_at": iso(delivery.due_at),
    }


def mention_shape(mention: StoredMention) -> dict[str, Any]:
    """Return a mention and its author."""
    return {
        "id": mention.id,
        "account": mention.account,
        "platform": mention.platform,
        "remote_id": mention.remote_id,
        "kind": mention.kind,
        "thread_id": mention.thread_id,
        "parent_id": mention.parent_id,
        "author": {
            "remote_id": mention.author_id,
            "name": mention.author_name,
            "handle": mention.author_handle,
            "url": mention.author_url,
        },
        "contact": mention.contact_id,
        "text": mention.text,
        "url": mention.url,
        "sent_at": iso(mention.sent_at),
        "edited_at": iso(mention.edited_at),
        "deleted": mention.deleted_at is not None,
        "discussion": mention.discussion,
    }


def discussion_shape(found: Discussion) -> dict[str, Any]:
    """Return a discussion as the tree that it is."""
    return {
        "id": found.id,
        "title": found.title,
        "url": found.url,
        "text": found.text,
        "accounts": list(found.accounts),
        "copies": [{"account": account, "url": url} for account, url in found.copies],
        "joins": [_join_shape(join) for join in found.joins],
        "repeats": [_repeat_shape(repeat) for repeat in found.repeats],
        "mentions": [_node_shape(node) for node in found.nodes],
    }


def _join_shape(join: Join) -> dict[str, Any]:
    return {
        "id": join.name,
        "kind": join.kind,
        "account": join.account,
        "url": join.url,
        "from_discussion": join.from_discussion_id,
        **_why_shape(join),
    }


def _repeat_shape(repeat: Repeat) -> dict[str, Any]:
    return {"id": repeat.name, "first": repeat.first_id, "mention": repeat.mention_id, **_why_shape(repeat)}


def _why_shape(why: Join | Repeat) -> dict[str, Any]:
    return {
        "evidence": why.evidence,
        "confidence": why.confidence,
        "at": iso(why.at),
        "by": why.by,
        "undone_at": iso(why.undone_at),
        "undone_by": why.undone_by,
    }


def _node_shape(node: Node) -> dict[str, Any]:
    """A remark that others answer and that the hub has not seen is `unseen`: it has an id and children only."""
    children = {"children": [_node_shape(child) for child in node.children]}
    if node.mention is None:
        unseen = dict.fromkeys(
            ("id", "account", "platform", "kind", "thread_id", "parent_id", "author", "sent_at")
        )
        return {**unseen, "remote_id": node.remote_id, "text": "", "url": "", "unseen": True, **children}
    again = [mention_shape(mention) for mention in node.repeats]
    return {**mention_shape(node.mention), **({"repeats": again} if again else {}), **children}


def person_shape(person: Person) -> dict[str, Any]:
    """Return a contact with all that is known of them."""
    return {
        "id": person.id,
        "name": person.name,
        "emails": list(person.emails),
        "phones": list(person.phones),
        "authors": [
            {
                "platform": author.platform,
                "remote_id": author.remote_id,
                "handle": author.handle,
                "name": author.name,
                "url": author.url,
            }
            for author in person.authors
        ],
        "records": [
            {"account": record.account, "remote_id": record.remote_id, "state": record.state, "url": record.url}
            for record in person.records
        ],
    }
