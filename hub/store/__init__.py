"""Tables, queries by topic, migrations; the only place that knows SQL."""

from hub.store import accounts, contacts, deliveries, mentions, posts, replies, threads
from hub.store.database import Store

__all__ = ["Store", "accounts", "contacts", "deliveries", "mentions", "posts", "replies", "threads"]
