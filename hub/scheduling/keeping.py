"""Keeps what was published of discussions up to date, when something may have changed in one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import get_args

import structlog
from sqlalchemy.engine import Connection

from hub.discussions import digest as gathering
from hub.discussions.digest import Digest
from hub.discussions.digests import carry_out, plan, wanted
from hub.discussions.rendering import Form, Posted, as_post, render
from hub.errors import HubError, UsageError
from hub.lease import elapsed
from hub.publishing import routes
from hub.scheduling.hub import PUBLISH, Hub
from hub.store.discussions import digest_lines, digests
from hub.store.discussions.digests import ENDED, ENDING, StoredDigest
from hub.store.outbox import posts
from hub.store.outbox.posts import digest as hash_of
from hub.store.running import accounts, changes

log = structlog.get_logger()

# What nobody noted as a change, such as a new name of a writer, is seen this much later (seconds).
_PATIENCE = 60.0


def _always(_name: str) -> bool:
    return True


class Keeper:
    """Keeps the digests of a hub up to date; looks at them only when something may have changed."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._seen = -1
        self._at = 0.0

    def refresh(self, begin: Callable[[str], bool] = _always) -> bool:
        """Bring every digest up to date; True if accounts have work to do because of it.

        `begin` says by name whether this process is to do it, of all that see the same change.
        """
        with self._hub.store.read() as connection:
            latest = changes.latest(connection)
            if latest == self._seen and elapsed() - self._at < _PATIENCE:
                return False
            waiting = digests.open_ones(connection)
        self._seen, self._at = latest, elapsed()
        if not waiting or not begin(f"digests to {latest}"):
            return False
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
    hashed = hash_post(said, found.url)
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


def hash_post(said: Posted, link: str) -> int:
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
    write_file(hub, stored, found)
    return False


def write_file(hub: Hub, stored: StoredDigest, found: Digest) -> None:
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
    check_folder(place)
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


def check_folder(place: Path) -> None:
    if place.is_dir() or not place.parent.is_dir():
        raise UsageError("{file} cannot be written: there is no such folder, or it is one itself", file=place)


_KINDS = {"post": _refresh_post, "comments": _refresh_comments, "file": _refresh_file}
