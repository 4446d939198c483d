"""The tables, declared once for SQLite and PostgreSQL; each file is about one topic."""

from hub.store.tables.accounts import accounts, cursors, jobs, runs, secrets, switches
from hub.store.tables.contacts import contact_emails, contacts, notes, records
from hub.store.tables.ground import Id, Moment, metadata
from hub.store.tables.publishing import IN_DOUBT, attempts, copies, deliveries, media, post_media, posts
from hub.store.tables.reading import authors, discussions, mention_versions, mentions, replies, threads
from hub.store.tables.webhooks import notices, webhooks

# What people made or said; the rest is the hub's own bookkeeping.
CONTENT = frozenset(
    table.name
    for table in (
        posts,
        media,
        post_media,
        deliveries,
        attempts,
        copies,
        discussions,
        contacts,
        contact_emails,
        authors,
        mentions,
        mention_versions,
        replies,
        records,
        notes,
    )
)

__all__ = [
    "CONTENT",
    "IN_DOUBT",
    "Id",
    "Moment",
    "accounts",
    "attempts",
    "authors",
    "contact_emails",
    "contacts",
    "copies",
    "cursors",
    "deliveries",
    "discussions",
    "jobs",
    "media",
    "mention_versions",
    "mentions",
    "metadata",
    "notes",
    "notices",
    "post_media",
    "posts",
    "records",
    "replies",
    "runs",
    "secrets",
    "switches",
    "threads",
    "webhooks",
]
