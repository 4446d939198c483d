"""Publishes digests and keeps them up to date: as a post, as comments under a post, or as a file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import get_args

import structlog
from sqlalchemy.engine import Connection

from hub.adapter import Commenter, Publisher
from hub.discussions import digest as gathering
from hub.discussions.digest import Digest
from hub.discussions.digests import carry_out, plan, thread_for, wanted
from hub.discussions.rendering import Form, Posted, as_post, render
from hub.errors import HubError, UsageError
from hub.i18n import N_
from hub.lease import elapsed
from hub.publishing import routes
from hub.scheduling.hub import PUBLISH, Hub
from hub.store import Store, accounts, changes, digest_lines, digests, posts
from hub.store.digests import ENDED, ENDING, Kind, NewDigest, StoredDigest
from hub.store.posts import NewPost
from hub.store.posts import digest as hash_of

log = structlog.get_logger()

# What nobody noted as a change, such as a new name of a writer, is seen this much later (seconds).
_PATIENCE = 60.0


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
            digests.update(connection, number, now, post_id=post_id, hash=_hash(said, found.url))
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

    _check_folder(path.absolute())
    stored = hub.store.write(work)
    _write_file(hub, stored, gathering.lines(hub.store, discussion_id, stored.only))
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


class Keeper:
    """Keeps the digests of a hub up to date; looks at them only when something may have changed."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._seen = -1
        self._at = 0.0

    def refresh(self) -> bool:
        """Bring every digest up to date; True if accounts have work to do because of it."""
        with self._hub.store.read() as connection:
            latest = changes.latest(connection)
            if latest == self._seen and elapsed() - self._at < _PATIENCE:
                return False
            waiting = digests.open_ones(connection)
        self._seen, self._at = latest, elapsed()
        woken = False
        for stored in waiting:
            woken |= refresh_one(self._hub, stored)
        return woken


def refresh_one(hub: Hub, stored: StoredDigest) -> bool:
    """Bring a digest up to date; True if its account has work to do now. If nothing changed nothing is written.

    What goes wrong is kept with the digest, and is no trouble for the others.
    """
    try:
        found = gathering.lines(hub.store, stored.discussion_id, stored.only)
        woken = _KINDS[stored.kind](hub, stored, found)
    except HubError as error:
        _note(hub, stored, str(error))
    except Exception as error:
        log.exception("digest cannot be refreshed", digest=stored.id)
        _note(hub, stored, f"{type(error).__name__}: {error}")
    else:
        _note(hub, stored, "")
        return woken
    return False


def _note(hub: Hub, stored: StoredDigest, error: str) -> None:
    if error == stored.error:
        return
    if error:
        log.warning("digest cannot be refreshed", digest=stored.id, reason=error)
    hub.store.write(digests.update, stored.id, hub.clock(), error=error)


def _refresh_post(hub: Hub, stored: StoredDigest, found: Digest) -> bool:
    said = as_post(found, language=stored.language, zone=hub.settings.zone)
    hashed = _hash(said, found.url)
    if stored.post_id is None or hashed == stored.hash:
        return False
    with hub.store.read() as connection:
        post = posts.get(connection, stored.post_id)
    now = hub.clock()
    if post is None or post.deleted_at is not None:
        hub.store.write(digests.update, stored.id, now, state=ENDED)
        return False
    routes.change_post(
        hub.store,
        stored.post_id,
        now,
        notices=hub.notices,
        text=said.text,
        title=said.title,
        link=found.url,
        images=[],
        html=said.html,
    )
    hub.store.write(digests.update, stored.id, now, hash=hashed)
    log.info("digest changed", digest=stored.id, account=stored.account)
    return True


def _hash(said: Posted, link: str) -> int:
    return hash_of(*said, link)


def _refresh_comments(hub: Hub, stored: StoredDigest, found: Digest) -> bool:
    rows = {} if stored.state == ENDING else wanted(stored, found)
    with hub.store.read() as connection:
        known = digest_lines.lines_of(connection, stored.id)
    steps = plan(stored, known, rows)
    if stored.state == ENDING and all(line.state == "deleted" for line in known.values()):
        hub.store.write(digests.update, stored.id, hub.clock(), state=ENDED)
        return False
    if not steps:
        return False
    now = hub.clock()

    def work(connection: Connection) -> bool:
        woken = carry_out(connection, steps, now)
        if woken:
            accounts.hasten(connection, [stored.account], PUBLISH, now)
        return woken

    return hub.store.write(work)


def _refresh_file(hub: Hub, stored: StoredDigest, found: Digest) -> bool:
    _write_file(hub, stored, found)
    return False


def _write_file(hub: Hub, stored: StoredDigest, found: Digest) -> None:
    form: Form = next(form for form in get_args(Form) if form == stored.form)
    text = render(found, form, language=stored.language, zone=hub.settings.zone)
    hashed = hash_of(text)
    place = Path(stored.target)
    if hashed == stored.hash and place.exists():
        return
    replace_file(place, text)
    hub.store.write(digests.update, stored.id, hub.clock(), hash=hashed)
    log.info("digest written", digest=stored.id, file=stored.target)


def replace_file(place: Path, text: str) -> None:
    """Put a text in the place of a file, whole or not at all; raise `UsageError` if it cannot be written."""
    _check_folder(place)
    try:
        mode = place.stat().st_mode & 0o777 if place.exists() else 0o644
        handle, name = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(mode)
            Path(name).replace(place)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise UsageError("{file} cannot be written: {why}", file=place, why=error) from None


def _check_folder(place: Path) -> None:
    if place.is_dir() or not place.parent.is_dir():
        raise UsageError("{file} cannot be written: there is no such folder, or it is one itself", file=place)


_KINDS = {"post": _refresh_post, "comments": _refresh_comments, "file": _refresh_file}
