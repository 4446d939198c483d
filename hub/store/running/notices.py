"""Writes down what webhooks are to be told, in the transaction of the change that they are told of."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.models import Mention
from hub.store.prepared import Prepared, among
from hub.store.tables import accounts, deliveries, mentions, notices, posts
from hub.webhooks import (
    URGENT,
    AccountFacts,
    DeliveryFacts,
    Fault,
    MentionFacts,
    Message,
    Speaker,
    wants,
)

# The lower comes first in a webhook's line.
URGENT_RANK, RANK = 0, 1


class Notices:
    """Who wants to be told of what: `wanted` maps each webhook to the events that it asked for.

    Every method belongs into the caller's transaction: the notice is there if the change is, and only then.
    What nobody wants costs no statement.
    """

    def __init__(self, wanted: Mapping[str, Sequence[str]]) -> None:
        self._wanted = wanted
        self._hooks = functools.cache(self._find_hooks)

    def wants(self, event: str) -> bool:
        """Tell whether anybody wants to know of such an event."""
        return bool(self._hooks(event))

    def delivery(
        self, connection: Connection, event: str, delivery_id: int, now: datetime, decision: str | None = None
    ) -> None:
        """Tell of a delivery, as it is in the transaction by now; `decision` is a person's."""
        if not self.wants(event):
            return
        ((post, key, account, platform, part, action, state, remote_id, url, attempts, code, error),) = (
            _DELIVERY.rows(connection, at_id=delivery_id)
        )
        facts = DeliveryFacts(
            delivery=delivery_id,
            post=post,
            post_key=key,
            account=account,
            platform=platform,
            part=part,
            action=action,
            state=state,
            remote_id=remote_id,
            url=url,
            attempts=attempts,
            error=Fault(code=code, message=error) if code or error else None,
            decision=decision,
        )
        self._add(connection, now, Message(type=event, timestamp=now, data=facts))

    def account(self, connection: Connection, event: str, name: str, now: datetime) -> None:
        """Tell of an account, as it is in the transaction by now."""
        if not self.wants(event):
            return
        row = connection.execute(
            sa.select(accounts.c.platform, accounts.c.state, accounts.c.reason).where(accounts.c.name == name)
        ).one()
        facts = AccountFacts(account=name, platform=row.platform, state=row.state, reason=row.reason)
        self._add(connection, now, Message(type=event, timestamp=now, data=facts))

    def mentions(
        self, connection: Connection, account: str, platform: str, items: Sequence[Mention], now: datetime
    ) -> None:
        """Tell of what others said; it is stored already."""
        event = "mention.received"
        if not items or not self.wants(event):
            return
        remote_ids = [item.remote_id for item in items]
        numbers = dict(_MENTIONS.rows(connection, platform=platform, remote_ids=remote_ids))
        for item in items:
            facts = MentionFacts(
                mention=numbers[item.remote_id],
                account=account,
                platform=platform,
                remote_id=item.remote_id,
                kind=item.kind,
                thread_id=item.thread_id,
                parent_id=item.parent_id,
                author=_speaker(item),
                text=item.text,
                url=item.url,
                sent_at=item.sent_at,
            )
            self._add(connection, now, Message(type=event, timestamp=now, data=facts))

    def _add(self, connection: Connection, now: datetime, message: Message) -> None:
        """Put a message into the line of each webhook that wants it, under one id that no retry changes."""
        name = f"msg_{uuid.uuid4().hex}"
        body = message.encoded().decode()
        rows = [
            {
                "hook": hook,
                "message": name,
                "event": message.type,
                "body": body,
                "rank": URGENT_RANK if message.type in URGENT else RANK,
                "state": "queued",
                "attempts": 0,
                "due_at": now,
                "queued_at": now,
                "error": "",
                "created_at": now,
            }
            for hook in self._hooks(message.type)
        ]
        _INSERT.many(connection, rows)

    def _find_hooks(self, event: str) -> tuple[str, ...]:
        return tuple(hook for hook, events in self._wanted.items() if wants(events, event))


def _speaker(mention: Mention) -> Speaker | None:
    who = mention.author
    if who is None:
        return None
    return Speaker(remote_id=who.remote_id, name=who.name, handle=who.handle, url=who.url)


NOBODY = Notices({})

_DELIVERY = Prepared(
    lambda _: (
        sa.select(
            deliveries.c.post_id,
            posts.c.key,
            deliveries.c.account,
            accounts.c.platform,
            deliveries.c.part,
            deliveries.c.action,
            deliveries.c.state,
            deliveries.c.remote_id,
            deliveries.c.url,
            deliveries.c.attempts,
            deliveries.c.error_code,
            deliveries.c.error,
        )
        .join(posts, posts.c.id == deliveries.c.post_id)
        .join(accounts, accounts.c.name == deliveries.c.account)
        .where(deliveries.c.id == sa.bindparam("at_id"))
    )
)
_MENTIONS = Prepared(
    lambda connection: sa.select(mentions.c.remote_id, mentions.c.id).where(
        mentions.c.platform == sa.bindparam("platform"), among(connection, mentions.c.remote_id, "remote_ids")
    )
)
_INSERT = Prepared(
    lambda _: notices.insert().inline(),
    columns=[column.name for column in notices.columns if column.name not in ("id", "sent_at")],
)
