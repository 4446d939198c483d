"""Compares what the hub believes with what the networks hold, rule by rule, and counts what became of posts."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from hub.models import RemotePost
from hub.publishing.audit import differences
from hub.resemblance import text_key
from hub.store import Store
from hub.store.outbox import beliefs
from hub.store.verify import verify
from hub.testing import SocialDouble

# All that a delivery can be; see docs/architecture.md.
STATES = frozenset(
    ("queued", "sending", "waiting", "published", "unknown", "asked", "failed", "missed", "deleted")
)
_SURELY_NOT = ("queued", "waiting", "failed", "missed")


class Tally(NamedTuple):
    """What became of the deliveries of one account.

    `attempts` is how often they were sent; `settled` how many were in doubt and are out without a person's word;
    `asked` how many a person had to decide on. `lost` are out nowhere, and nobody knows.
    """

    attempts: int = 0
    duplicates: int = 0
    lost: int = 0
    settled: int = 0
    asked: int = 0


class Row(NamedTuple):
    """One delivery as the store has it. `text` is what was sent, or would be."""

    id: int
    post_id: int
    part: int
    state: str
    remote_id: str | None
    attempts: int
    action: str
    text: str


def audit(store: Store, networks: Mapping[str, SocialDouble], *, secret: str = "", said: str = "") -> list[str]:
    """Return every rule that is broken; nothing if all is well. No two posts may have the same words.

    `networks` are the doubles by account; `said` is what was logged, in which no `secret` may stand.
    """
    wrong = [f"the store: {finding}" for finding in verify(store)]
    for account, network in networks.items():
        wrong += [f"{account}: {finding}" for finding in _compare(rows_of(store, account), network)]
        wrong += [f"{account}: {finding}" for finding in _unread(store, account, network)]
        wrong += [
            f"{account}, as `hub db verify --remote` says: {line}" for line in _remote(store, account, network)
        ]
    wrong += _twice(store)
    if secret:
        wrong += [f"I12: the secret stands in {where}" for where in _leaks(store, secret, said)]
    return wrong


def tally(store: Store, account: str, network: SocialDouble) -> Tally:
    """Count what became of an account's deliveries."""
    rows = rows_of(store, account)
    said = Counter(text_key(held.text) for held in network.held())
    wanted = Counter(text_key(row.text) for row in rows)
    in_doubt, asked = _doubted(store, account)
    return Tally(
        attempts=sum(row.attempts for row in rows),
        duplicates=sum(max(said[text] - wanted[text], 0) for text in wanted),
        lost=sum(row.state == "published" and row.remote_id not in network.posts for row in rows)
        + sum(row.state not in STATES for row in rows),
        settled=sum(row.state == "published" and row.id in in_doubt - asked for row in rows),
        asked=len(asked),
    )


def rows_of(store: Store, account: str) -> list[Row]:
    found = _select(
        store,
        "SELECT d.id, d.post_id, d.part, d.state, d.remote_id, d.attempts, d.action, "
        "coalesce(d.text, p.text) AS text FROM deliveries d JOIN posts p ON p.id = d.post_id "
        "WHERE d.account = :account ORDER BY d.id",
        account=account,
    )
    return [Row(**row) for row in found]


def _compare(rows: list[Row], network: SocialDouble) -> list[str]:
    upstream = {held.id: text_key(held.text) for held in network.held()}
    times = Counter(upstream.values())
    wanted = Counter(text_key(row.text) for row in rows)
    wrong = [f"I1: {text!r} is there {times[text]} times" for text in wanted if times[text] > wanted[text]]
    for row in rows:
        if row.state not in STATES:
            wrong.append(f"I2: delivery {row.id} is in the state {row.state!r}")
        if row.state == "published" and row.remote_id not in upstream:
            wrong.append(f"I3: delivery {row.id} is published, and {row.remote_id} is not there")
        if row.state in _SURELY_NOT and row.action == "publish" and times[text_key(row.text)]:
            wrong.append(f"I4: delivery {row.id} is {row.state}, and it is there")
    known = {row.remote_id for row in rows}
    in_doubt = {text_key(row.text) for row in rows if row.state in ("sending", "unknown", "asked")}
    for remote_id, text in upstream.items():
        if text in wanted and remote_id not in known and text not in in_doubt:
            wrong.append(f"I3: {remote_id} ({text!r}) is there, and no delivery knows it")
    return wrong


def _remote(store: Store, account: str, network: SocialDouble) -> list[str]:
    """Compare as the hub does for its users."""
    shown = [RemotePost(remote_id=held.id, text=held.text, sent_at=held.sent_at) for held in network.held()]
    with store.read() as connection:
        return differences(beliefs.newest(connection, account, 100_000), shown)


def _unread(store: Store, account: str, network: SocialDouble) -> list[str]:
    """I6 and I7: what is said under what we published, and where we listen, is stored as the network shows it."""
    read = _select(store, "SELECT 1 FROM cursors WHERE account = :account AND verb = 'mentions'", account=account)
    if not read:
        return []
    stored = {
        row["remote_id"]: row
        for row in _select(
            store, "SELECT remote_id, text, deleted_at FROM mentions WHERE account = :account", account=account
        )
    }
    wrong = []
    for remark in network.remarks.values():
        if remark.deleted or remark.person == network.us or remark.id in network.hidden:
            continue
        row = stored.get(remark.id)
        if row is None:
            wrong.append(f"I6: remark {remark.id} is not stored")
        elif row["text"] != remark.text:
            wrong.append(f"I7: remark {remark.id} is stored as {row['text']!r}, and says {remark.text!r}")
    return wrong


def _twice(store: Store) -> list[str]:
    same = _select(
        store,
        "SELECT account, remote_id FROM mentions GROUP BY account, remote_id HAVING count(*) > 1 "
        "UNION ALL SELECT account, remote_id FROM copies GROUP BY account, remote_id HAVING count(*) > 1",
    )
    # An edit may leave the ids of former copies behind; those that are out now are in the deliveries.
    looped = _select(
        store,
        "SELECT account, post_id FROM deliveries WHERE state = 'published' "
        "GROUP BY account, post_id, part HAVING count(*) > 1",
    )
    back = _select(
        store,
        "SELECT d.account, d.post_id FROM deliveries d JOIN copies c ON c.post_id = d.post_id "
        "WHERE c.origin AND c.account = d.account AND d.state = 'published'",
    )
    return [f"I5: {row['remote_id']} is stored twice for {row['account']}" for row in same] + [
        f"I8: post {row['post_id']} is twice on {row['account']}" for row in [*looped, *back]
    ]


def _doubted(store: Store, account: str) -> tuple[set[int], set[int]]:
    """Return the deliveries that were in doubt, and those that a person was asked about."""
    doubted = _select(
        store,
        "SELECT DISTINCT a.delivery_id AS id, a.outcome FROM attempts a JOIN deliveries d ON d.id = a.delivery_id "
        "WHERE d.account = :account AND a.outcome IN ('unknown', 'asked')",
        account=account,
    )
    return {row["id"] for row in doubted}, {row["id"] for row in doubted if row["outcome"] == "asked"}


def _leaks(store: Store, secret: str, said: str) -> list[str]:
    places = ["the log"] if secret in said else []
    connection = sqlite3.connect(Path(str(store.engine.url.database)))
    try:
        places += ["the database" for line in connection.iterdump() if secret in line]
    finally:
        connection.close()
    return places


def _select(store: Store, query: str, **values: Any) -> list[Any]:
    with store.read() as connection:
        return list(connection.execute(sa.text(query), values).mappings())
