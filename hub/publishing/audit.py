"""Compares what the hub believes of an account with what its network shows, and names every difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hub.adapter import Timeline
from hub.models import RemotePost
from hub.resemblance import not_before, text_key
from hub.store import Store
from hub.store.outbox import beliefs
from hub.store.outbox.beliefs import Belief

# So many of our newest posts are asked for, in so many pages at most; deliveries are compared twice as far back.
_POSTS = 300
_PAGES = 10
_SURELY_NOT = ("queued", "waiting", "failed", "missed")


def compare(store: Store, adapter: Timeline) -> list[str]:
    """Read the account's newest posts and return what is not as the hub believes, nothing if all is well.

    Raises what reading raises.
    """
    shown = read_shown(adapter)
    with store.read() as connection:
        believed = beliefs.newest(connection, adapter.account, _POSTS * 2)
    return differences(believed, shown)


def read_shown(adapter: Timeline) -> list[RemotePost]:
    """Return what the network shows of our posts, the newest few hundred, as it lists them."""
    shown: dict[str, RemotePost] = {}
    for number, batch in enumerate(adapter.fetch_posts(None), 1):
        shown |= {item.remote_id: item for item in batch.items if not item.deleted}
        if len(shown) >= _POSTS or number == _PAGES:
            break
    return list(shown.values())


def differences(believed: Sequence[Belief], shown: Sequence[RemotePost]) -> list[str]:
    """Say for each difference which delivery and which remote post it is about.

    What is older than all that is shown is not judged: the network does not list it any more. Nor are the further
    parts of threads where none is shown: some networks list no answers, our own neither.
    """
    times = [item.sent_at for item in shown if item.sent_at is not None]
    oldest = min(times) if times else None
    by_id = {item.remote_id: item for item in shown}
    known = {remote_id for row in believed for remote_id in row.remote_ids}
    parts_listed = any(row.part and row.remote_ids & by_id.keys() for row in believed)
    keys = {item.remote_id: text_key(item.text) for item in shown}
    there = Counter(key for key in keys.values() if key)
    meant = Counter(text_key(row.text) for row in believed if row.action != "delete")
    found = [
        f"{there[key]} posts say {key[:60]!r}, and the hub sent {meant[key]}"
        for key in there
        if 0 < meant[key] < there[key]
    ]
    for row in believed:
        listed = row.sent_at is not None and (oldest is None or row.sent_at >= oldest)
        listed = listed and (not row.part or parts_listed)
        standing = sorted(row.remote_ids & by_id.keys())
        if row.state == "published" and listed and not standing:
            found.append(f"delivery {row.id} is published as {row.remote_id}, which the network does not show")
        if len(standing) > 1:
            found.append(f"delivery {row.id} is there {len(standing)} times: {', '.join(standing)}")
        if row.state == "deleted" and standing:
            found.append(f"delivery {row.id} was withdrawn, and {standing[0]} is still there")
        if row.state in _SURELY_NOT and row.action == "publish" and row.sent_at is not None:
            found += [
                f"delivery {row.id} is {row.state}, and {remote_id} says what it says"
                for remote_id, key in keys.items()
                if key == text_key(row.text)
                and remote_id not in known
                and not_before(by_id[remote_id].sent_at, row.sent_at)
            ]
    return found
