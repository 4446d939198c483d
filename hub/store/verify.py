"""Checks the database: the file itself, and the hub's own rules as far as the rows can tell."""

from __future__ import annotations

import sqlalchemy as sa

from hub.store.database import Store

# Each statement returns what breaks the rule that it is named after.
_CHECKS = {
    "one remote post that stands for two deliveries": (
        "SELECT min(id) FROM deliveries WHERE remote_id IS NOT NULL "
        "GROUP BY account, remote_id HAVING count(*) > 1"
    ),
    "a delivery in a state that is none": (
        "SELECT id FROM deliveries WHERE state NOT IN "
        "('queued', 'sending', 'waiting', 'published', 'unknown', 'asked', 'failed', 'missed', 'deleted')"
    ),
    "a delivery that waits for nothing": (
        "SELECT id FROM deliveries WHERE due_at IS NULL "
        "AND (state IN ('waiting', 'unknown') OR (state = 'queued' AND (part = 0 OR action <> 'publish')))"
    ),
    "a part of a thread that waits though the part before it is out": (
        "SELECT d.id FROM deliveries d JOIN deliveries b ON b.post_id = d.post_id AND b.account = d.account "
        "AND b.part = d.part - 1 WHERE d.state = 'queued' AND d.due_at IS NULL AND b.state = 'published'"
    ),
    "a part of a thread that is out though the part before it never was": (
        "SELECT d.id FROM deliveries d JOIN deliveries b ON b.post_id = d.post_id AND b.account = d.account "
        "AND b.part = d.part - 1 WHERE d.remote_id IS NOT NULL AND b.remote_id IS NULL"
    ),
    "a delivery that is at rest and yet due": (
        "SELECT id FROM deliveries WHERE due_at IS NOT NULL "
        "AND state IN ('sending', 'published', 'asked', 'failed', 'missed', 'deleted')"
    ),
    "a delivery of a turn that is still to come": (
        "SELECT d.id FROM deliveries d JOIN accounts a ON a.name = d.account WHERE d.fence > a.fence"
    ),
    "a delivery that was sent without an attempt": (
        "SELECT d.id FROM deliveries d WHERE d.state = 'sending' AND NOT EXISTS "
        "(SELECT 1 FROM attempts t WHERE t.delivery_id = d.id AND t.outcome = 'started')"
    ),
    "a published delivery without its remote id": (
        "SELECT id FROM deliveries WHERE state = 'published' AND remote_id IS NULL"
    ),
    "a published delivery that the map of copies does not know": (
        "SELECT d.id FROM deliveries d LEFT JOIN copies c ON c.account = d.account AND c.remote_id = d.remote_id "
        "WHERE d.state = 'published' AND c.post_id IS NULL"
    ),
    "a published delivery whose remote post belongs to another one": (
        "SELECT d.id FROM deliveries d JOIN copies c ON c.account = d.account AND c.remote_id = d.remote_id "
        "WHERE d.state = 'published' AND NOT c.origin AND (c.post_id <> d.post_id OR c.part <> d.part)"
    ),
    "a lease that nobody holds": (
        "SELECT name FROM accounts WHERE (lease_owner <> '' AND lease_until IS NULL) "
        "OR (lease_owner = '' AND lease_until IS NOT NULL)"
    ),
    "a mention in a thread of another account": (
        "SELECT m.id FROM mentions m JOIN threads t ON t.id = m.thread_id WHERE m.account <> t.account"
    ),
    "a bookmark of an account that there is not": (
        "SELECT c.account FROM cursors c LEFT JOIN accounts a ON a.name = c.account WHERE a.name IS NULL"
    ),
    "a deleted mention that still says something": (
        "SELECT id FROM mentions WHERE deleted_at IS NOT NULL AND text <> ''"
    ),
    "a post with two origins": "SELECT post_id FROM copies WHERE origin GROUP BY post_id HAVING count(*) > 1",
    "a post that went back to where it came from": (
        "SELECT d.id FROM deliveries d JOIN copies c ON c.post_id = d.post_id AND c.account = d.account "
        "WHERE c.origin AND d.remote_id IS NOT NULL AND d.remote_id <> c.remote_id"
    ),
}


def verify(store: Store) -> list[str]:
    """Check the file and the hub's own rules; return what is wrong, nothing if all is well."""
    wrong: list[str] = []
    with store.read() as connection:
        # It walks through whole tables.
        store.unhurried(connection)
        if store.is_sqlite:
            lines = connection.execute(sa.text("PRAGMA integrity_check")).scalars()
            wrong += [f"integrity: {line}" for line in lines if line != "ok"]
            orphans = connection.execute(sa.text("PRAGMA foreign_key_check"))
            wrong += [f"{row[0]} row {row[1]} points to a missing row of {row[2]}" for row in orphans]
        for what, query in _CHECKS.items():
            wrong += [f"{what}: {found}" for (found,) in connection.execute(sa.text(query))]
    return wrong
