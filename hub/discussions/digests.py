"""Plans the comments of a digest: which are to be made, changed or taken away, so that they say what was said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from hub.discussions.digest import Digest, Line
from hub.errors import UsageError
from hub.store.discussions import digest_lines, threads
from hub.store.discussions.digest_lines import Line as StoredLine
from hub.store.discussions.digests import StoredDigest
from hub.store.outbox import copies
from hub.store.outbox.posts import digest as hash_of


def thread_for(connection: Connection, discussion_id: int, account: str) -> str:
    """Return the post on the account whose comments a digest is put among; raise `UsageError` if there is none."""
    roots = [each for each in threads.of_discussion(connection, discussion_id) if each.account == account]
    known = copies.known(connection, account, [each.remote_id for each in roots])
    # The discussed post itself before a thread that somebody attached.
    roots.sort(key=lambda each: (each.remote_id not in known, each.id))
    if not roots:
        raise UsageError(
            "discussion {id} has no post on {account} that could be commented",
            hint="`hub discussion {id}` lists its posts; leave out --as comments to publish a post of its own",
            id=discussion_id,
            account=account,
        )
    return roots[0].remote_id


def wanted(stored: StoredDigest, digest: Digest) -> dict[int, dict[str, Any]]:
    """Return what each comment is to say and to answer, by mention, each parent before its answers.

    What was said under the very post is there already.
    """
    above: dict[str, Line] = {line.key: line for line in digest.lines}
    found: dict[int, dict[str, Any]] = {}
    for position, line in enumerate(digest.said):
        if line.place is None or _stands_there(stored, line) is not None:
            continue
        parent, parent_id = _answered(stored, line, above)
        said = {
            "author": line.author,
            "author_url": line.author_url,
            "site": line.place.site,
            "url": line.place.url,
            "text": line.text,
        }
        found[line.place.mention_id] = {
            "position": position,
            "parent": parent,
            "parent_id": parent_id,
            "sent_at": line.place.at,
            **said,
            "hash": hash_of(*said.values()),
        }
    return found


def _stands_there(stored: StoredDigest, line: Line) -> str | None:
    """Return the remote id by which a remark stands under the post already, None if it does not."""
    for place in line.places:
        if (place.account, place.thread_id) == (stored.account, stored.target):
            return place.remote_id
    return None


def _answered(stored: StoredDigest, line: Line, above: Mapping[str, Line]) -> tuple[int | None, str | None]:
    """Return what a remark answers: the mention that is a comment of ours, or the comment that is there itself.

    A gap is no comment: what it holds answers what the gap answered.
    """
    parent = above.get(line.parent or "")
    while parent is not None:
        if parent.place is not None:
            there = _stands_there(stored, parent)
            return (parent.place.mention_id, None) if there is None else (None, there)
        parent = above.get(parent.parent or "")
    return None, None


class Step(NamedTuple):
    """One thing to be written down: a comment that is new (`line` is None), or what a known one is to become.

    `action` is what the account's turn then does, "" if nothing.
    """

    line: StoredLine | None
    action: str
    values: Mapping[str, Any]


def plan(
    stored: StoredDigest, known: Mapping[int, StoredLine], rows: Mapping[int, Mapping[str, Any]]
) -> list[Step]:
    """Return what brings the comments in line with what is wanted; nothing if they are.

    What may be on its way is left alone until it is known; the next look at it finds the difference.
    """
    place = {"digest_id": stored.id, "account": stored.account, "thread_id": stored.target}
    steps = [
        Step(None, "comment", {**place, "mention_id": number, **row})
        for number, row in rows.items()
        if number not in known
    ]
    for number, line in known.items():
        row = rows.get(number)
        step = _removed(line) if row is None else _kept(line, row)
        steps += [step] if step is not None else []
    return steps


def carry_out(connection: Connection, steps: Sequence[Step], now: datetime) -> bool:
    """Write the steps down; True if the account's turn has something to do now."""
    digest_lines.add_lines(connection, [step.values for step in steps if step.line is None], now)
    for step in steps:
        if step.line is not None and step.action:
            digest_lines.queue(connection, step.line, step.action, now, **step.values)
        elif step.line is not None:
            digest_lines.set_line(connection, step.line, now, **step.values)
    return any(step.action for step in steps)


def _kept(line: StoredLine, row: Mapping[str, Any]) -> Step | None:
    same = all(getattr(line, name) == value for name, value in row.items())
    if line.state == "deleted":
        anew = {"round": line.round + 1, "remote_id": None, "permalink": "", "sent_hash": None}
        return Step(line, "comment", {**row, **anew})
    if line.state == "sending" or (line.remote_id is None and line.state == "unknown"):
        return None
    if line.remote_id is None:
        return None if same else Step(line, "comment", row)
    if line.hash == row["hash"] and line.action != "delete":
        return None if same else Step(line, "", row)
    return Step(line, "edit", row)


def _removed(line: StoredLine) -> Step | None:
    """Take a comment away; nothing of its words stays, but while it may be there and must be sought by them."""
    if line.state in ("deleted", "sending"):
        return None
    if line.remote_id is not None:
        return None if line.action == "delete" else Step(line, "delete", digest_lines.WIPED)
    if line.state == "unknown":
        unwanted = digest_lines.UNWANTED
        return None if line.hash == unwanted else Step(line, "", {"hash": unwanted})
    return Step(
        line, "", {"state": "deleted", "due_at": None, "error": "", "error_code": "", **digest_lines.WIPED}
    )
