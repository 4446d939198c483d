"""What stands around one mention: what it answers, what answers it, and what else its author said."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.database import chunks
from hub.store.discussions.mentions import StoredMention, of_ids
from hub.store.tables import accounts as account_rows
from hub.store.tables import authors, contacts, mentions, replies, threads

_IDS = sa.select(mentions.c.id).join(threads, threads.c.id == mentions.c.thread_id)
# A conversation deeper than this is read on its own page.
_DEEPEST = 12


class Around(NamedTuple):
    """The conversation around a mention. `parents` begin at the top; `before` and `after` answer the same."""

    parents: list[StoredMention]
    before: list[StoredMention]
    after: list[StoredMention]
    answers: list[StoredMention]


def around(connection: Connection, mention: StoredMention, beside: int = 3, most: int = 50) -> Around:
    """Return the remarks above, beside and under a mention: `beside` on each side, at most `most` answers."""
    thread = sa.and_(threads.c.account == mention.account, threads.c.remote_id == mention.thread_id)
    same = _IDS.where(thread, mentions.c.parent_id.is_not_distinct_from(mention.parent_id))
    place = sa.tuple_(mentions.c.sent_at, mentions.c.id)
    here = sa.tuple_(sa.literal(mention.sent_at, mentions.c.sent_at.type), sa.literal(mention.id))
    before = same.where(place < here).order_by(mentions.c.sent_at.desc(), mentions.c.id.desc()).limit(beside)
    after = same.where(place > here).order_by(mentions.c.sent_at, mentions.c.id).limit(beside)
    answers = (
        _IDS.where(thread, mentions.c.parent_id == mention.remote_id)
        .order_by(mentions.c.sent_at, mentions.c.id)
        .limit(most)
    )
    return Around(
        _parents(connection, mention),
        _read(connection, before)[::-1],
        _read(connection, after),
        _read(connection, answers),
    )


def _parents(connection: Connection, mention: StoredMention) -> list[StoredMention]:
    found: list[StoredMention] = []
    seen = {mention.remote_id}
    above = mention.parent_id
    while above is not None and above != mention.thread_id and above not in seen and len(found) < _DEEPEST:
        seen.add(above)
        rows = _read(
            connection,
            _IDS.where(mentions.c.platform == mention.platform, mentions.c.remote_id == above),
        )
        if not rows:
            break
        found.append(rows[0])
        above = rows[0].parent_id
    return found[::-1]


def by_the_same(
    connection: Connection, mention: StoredMention, accounts: Collection[str] | None, most: int = 10
) -> list[StoredMention]:
    """Return the newest other remarks of a mention's author, on every site where the same contact is known.

    `accounts` bounds where they were said, None for anywhere.
    """
    if mention.author_id is None:
        return []
    identities = [(mention.platform, mention.author_id)]
    if mention.contact_id is not None:
        rows = connection.execute(
            sa.select(authors.c.platform, authors.c.remote_id)
            .join(contacts, contacts.c.id == authors.c.contact_id)
            .where(contacts.c.person_id == mention.contact_id)
        )
        identities = list(dict.fromkeys([*identities, *((row.platform, row.remote_id) for row in rows)]))
    found: list[StoredMention] = []
    for platform, author in identities:
        query = _IDS.where(
            mentions.c.platform == platform, mentions.c.author_id == author, mentions.c.id != mention.id
        )
        if accounts is not None:
            query = query.where(mentions.c.account.in_(accounts))
        found += _read(connection, query.order_by(mentions.c.id.desc()).limit(most))
    return sorted(found, key=lambda one: (one.sent_at, one.id), reverse=True)[:most]


def _read(connection: Connection, query: sa.Select[Any]) -> list[StoredMention]:
    ids = list(connection.execute(query).scalars())
    found = of_ids(connection, ids)
    return [found[one] for one in ids if one in found]


class Site(NamedTuple):
    """One of our accounts, and the platform that it is on."""

    account: str
    platform: str


def sites_of(
    connection: Connection, discussions: Sequence[int], accounts: Collection[str] | None
) -> dict[int, list[Site]]:
    """Return on which accounts each of these discussions is held, of those that are asked for (None: any)."""
    query = (
        sa.select(threads.c.discussion_id, threads.c.account, account_rows.c.platform)
        .join(account_rows, account_rows.c.name == threads.c.account)
        .where(threads.c.discussion_id.in_(discussions))
        .group_by(threads.c.discussion_id, threads.c.account, account_rows.c.platform)
        .order_by(sa.func.min(threads.c.id))
    )
    if accounts is not None:
        query = query.where(threads.c.account.in_(sorted(accounts)))
    found: dict[int, list[Site]] = {}
    for number, account, platform in connection.execute(query):
        found.setdefault(number, []).append(Site(account, platform))
    return found


def ours_among(connection: Connection, ids: Collection[int]) -> dict[int, str]:
    """Return those of the mentions that our own accounts said, with who of the team wrote them ("": not known)."""
    found: dict[int, str] = {}
    for some in chunks(sorted(ids)):
        rows = connection.execute(
            sa.select(mentions.c.id, sa.func.coalesce(sa.func.max(replies.c.by_name), ""))
            .outerjoin(
                replies,
                sa.and_(replies.c.account == mentions.c.account, replies.c.remote_id == mentions.c.remote_id),
            )
            .where(mentions.c.id.in_(some), mentions.c.status == "ours")
            .group_by(mentions.c.id)
        )
        found |= {number: name for number, name in rows}  # noqa: C416  # a row is no pair to mypy
    return found
