"""The tables, declared once for SQLite and PostgreSQL; each file is about one topic."""

from hub.store.tables.accounts import accounts, cursors, jobs, runs, secrets, switches
from hub.store.tables.changes import beats, changes
from hub.store.tables.contacts import contact_emails, contacts, notes, records
from hub.store.tables.desk import (
    claims,
    desk_events,
    desk_notes,
    labels,
    mention_labels,
    readers,
    reads,
    saved_replies,
    saved_views,
)
from hub.store.tables.digests import digest_lines, digests, left_out
from hub.store.tables.drafts import draft_events, draft_media, draft_targets, drafts, post_versions, uploads
from hub.store.tables.ground import Id, Moment, metadata
from hub.store.tables.merging import addresses, joins, marks, mention_links, repeats
from hub.store.tables.publishing import IN_DOUBT, attempts, copies, deliveries, media, post_media, posts
from hub.store.tables.reading import SELDOM, authors, discussions, mention_versions, mentions, replies, threads
from hub.store.tables.team import login_attempts, sessions, setup_tokens, tokens, users
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
        joins,
        repeats,
        digests,
        digest_lines,
        left_out,
        labels,
        mention_labels,
        desk_notes,
        saved_replies,
        post_versions,
        drafts,
        draft_targets,
        draft_media,
        draft_events,
    )
)

__all__ = [
    "CONTENT",
    "IN_DOUBT",
    "SELDOM",
    "Id",
    "Moment",
    "accounts",
    "addresses",
    "attempts",
    "authors",
    "beats",
    "changes",
    "claims",
    "contact_emails",
    "contacts",
    "copies",
    "cursors",
    "deliveries",
    "desk_events",
    "desk_notes",
    "digest_lines",
    "digests",
    "discussions",
    "draft_events",
    "draft_media",
    "draft_targets",
    "drafts",
    "jobs",
    "joins",
    "labels",
    "left_out",
    "login_attempts",
    "marks",
    "media",
    "mention_labels",
    "mention_links",
    "mention_versions",
    "mentions",
    "metadata",
    "notes",
    "notices",
    "post_media",
    "post_versions",
    "posts",
    "readers",
    "reads",
    "records",
    "repeats",
    "replies",
    "runs",
    "saved_replies",
    "saved_views",
    "secrets",
    "sessions",
    "setup_tokens",
    "switches",
    "threads",
    "tokens",
    "uploads",
    "users",
    "webhooks",
]
