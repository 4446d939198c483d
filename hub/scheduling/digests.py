"""Publishes digests: as a post, as comments under a post, or as a file; and stops to keep one up to date."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import structlog
from sqlalchemy.engine import Connection

from hub.adapter import Commenter, Publisher
from hub.discussions import digest as gathering
from hub.discussions.digest import Digest
from hub.discussions.digests import carry_out, plan, thread_for
from hub.discussions.rendering import Form, as_post
from hub.errors import UsageError
from hub.i18n import N_
from hub.publishing import routes
from hub.scheduling.hub import PUBLISH, Hub
from hub.scheduling.keeping import check_folder, hash_post, refresh_one, write_file
from hub.store import Store
from hub.store.discussions import digest_lines, digests
from hub.store.discussions.digests import ENDED, ENDING, Kind, NewDigest, StoredDigest
from hub.store.outbox.posts import NewPost
from hub.store.running import accounts

log = structlog.get_logger()


def publish(
    hub: Hub,
    discussion_id: int,
    account: str,
    *,
    kind: Kind = "post",
    chosen: Sequence[int] | None = None,
    language: str = "en",
) -> StoredDigest:
    """Publish a discussion on an account, once; one that is published there already gets the new choice.

    It goes out with the account's next turn. Raises `UsageError` if the account cannot, or if there is nothing to
    publish.
    """
    found = _something(hub, discussion_id, chosen)
    adapter = hub.adapter(account)
    if not isinstance(adapter, Commenter if kind == "comments" else Publisher):
        raise UsageError(
            "{name} is on {platform}, where the hub cannot publish {what}",
            hint="`hub plugins` says what each platform can do",
            name=account,
            platform=adapter.platform,
            what=N_("comments of others") if kind == "comments" else N_("a post"),
        )
    now = hub.clock()

    def work(connection: Connection) -> StoredDigest:
        target = thread_for(connection, discussion_id, account) if kind == "comments" else ""
        new = NewDigest(discussion_id, kind, account, target, chosen=chosen, language=language)
        number, is_new = digests.add(connection, new, now)
        if is_new and kind == "post":
            said = as_post(found, language=language, zone=hub.settings.zone)
            post = NewPost(
                key=f"digest:{number}",
                text=said.text,
                title=said.title,
                link=found.url,
                html=said.html,
                publish_at=now,
            )
            post_id, _new = routes.accept(connection, post, [account], now)
            digests.update(connection, number, now, post_id=post_id, hash=hash_post(said, found.url))
        return _stored(connection, number)

    stored = hub.store.write(work)
    refresh_one(hub, stored)
    return stored


def keep_file(
    hub: Hub,
    discussion_id: int,
    path: Path,
    form: Form,
    *,
    chosen: Sequence[int] | None = None,
    language: str = "en",
) -> StoredDigest:
    """Write a discussion into a file and keep that up to date. Raises `UsageError` if it cannot be written."""
    _something(hub, discussion_id, chosen, may_be_empty=True)
    place = str(path.absolute())
    new = NewDigest(discussion_id, "file", "", place, form, chosen, language)

    def work(connection: Connection) -> StoredDigest:
        number, _new = digests.add(connection, new, hub.clock())
        return _stored(connection, number)

    check_folder(path.absolute())
    stored = hub.store.write(work)
    write_file(hub, stored, gathering.lines(hub.store, discussion_id, stored.only))
    return stored


def _something(
    hub: Hub, discussion_id: int, chosen: Sequence[int] | None, *, may_be_empty: bool = False
) -> Digest:
    if chosen is not None:
        check_chosen(hub.store, discussion_id, chosen)
    found = gathering.lines(hub.store, discussion_id, chosen)
    if not found.said and not may_be_empty:
        raise UsageError(
            "there is nothing to publish of discussion {id}",
            hint="nobody has said anything in it that stands",
            id=discussion_id,
        )
    return found


def check_chosen(store: Store, discussion_id: int, chosen: Sequence[int]) -> None:
    """Raise `UsageError` for a mention that the discussion does not hold."""
    unknown = gathering.strangers(store, discussion_id, chosen)
    if unknown:
        raise UsageError(
            "discussion {id} has no mention {mention}",
            hint="`hub discussion {id}` shows the number of each after a #",
            id=discussion_id,
            mention=unknown[0],
        )


def _stored(connection: Connection, number: int) -> StoredDigest:
    found = digests.get(connection, number)
    assert found is not None
    return found


def stop(hub: Hub, stored: StoredDigest, *, delete: bool = False) -> None:
    """Keep a digest up to date no longer; with `delete` what was published of it is taken away."""
    now = hub.clock()
    if stored.kind == "post" and delete and stored.post_id is not None:
        routes.delete_post(hub.store, stored.post_id, now, notices=hub.notices)
    if stored.kind == "file" and delete:
        Path(stored.target).unlink(missing_ok=True)

    def work(connection: Connection) -> None:
        state = ENDED
        if stored.kind == "comments":
            known = digest_lines.lines_of(connection, stored.id)
            if not delete:
                # What is not there yet will not be; what may be there is known when it is settled.
                known = {number: line for number, line in known.items() if line.remote_id is None}
            carry_out(connection, plan(stored, known, {}), now)
            accounts.hasten(connection, [stored.account], PUBLISH, now)
            state = ENDING if delete else ENDED
        digests.update(connection, stored.id, now, state=state)

    hub.store.write(work)
