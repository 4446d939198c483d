"""Cares for people's data: goes on with erasures, and lets go of what is past its time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog
from sqlalchemy.engine import Connection

from hub.contacts.privacy import erasing, retention
from hub.contacts.privacy.retention import Going
from hub.errors import HubError
from hub.lease import elapsed
from hub.scheduling.hub import Hub
from hub.scheduling.keeping import refresh_one
from hub.store.discussions import digests
from hub.store.discussions.digests import StoredDigest
from hub.store.privacy import erasures
from hub.store.privacy.erasures import Step

log = structlog.get_logger()

# Seconds between two looks.
_PATIENCE = 60.0
# So long (seconds) one look may remove what is past its time; the rest waits for the next one.
_SLICE = 0.5


def _always(_name: str) -> bool:
    return True


class Caretaker:
    """Does now and then, and a little at a time, what nobody waits for."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._looked: float | None = None
        self._work: Iterator[Going] = iter(())
        self._gone: Counter[str] = Counter()

    def work(self, slice_: float = _SLICE, begin: Callable[[str], bool] = _always) -> None:
        """Do what is due, retention for at most `slice_` seconds.

        `begin` says by name whether this process is to go on with the erasures, of all that work on the database.
        """
        if self._looked is None or elapsed() - self._looked >= _PATIENCE:
            self._looked = elapsed()
            if begin("care"):
                go_on(self._hub)
            if retention.is_due(self._hub.store, self._hub.clock()):
                hub = self._hub
                self._work = retention.apply(hub.store, hub.settings.retention, hub.tombstones, hub.clock())
        until = elapsed() + slice_
        for going in self._work:
            self._gone[going.kind] += going.number
            if elapsed() >= until:
                return
        if self._gone:
            log.info("past its time and removed", **self._gone)
            self._gone.clear()


def go_on(hub: Hub) -> None:
    """Go on with the erasures that were begun: what fails is tried again at the next look."""
    with hub.store.read() as connection:
        begun = erasures.unfinished(connection)
    for erasure in begun:
        try:
            finish(hub, erasure.id)
        except HubError as error:
            log.warning("erasure waits", erasure=erasure.id, code=error.code)


def finish(hub: Hub, erasure_id: int) -> erasing.Proof:
    """Do what can be done of an erasure now: digests are written without the person, then the rest."""
    with hub.store.read() as connection:
        steps = [step for step in erasures.steps_of(connection, erasure_id) if step.kind == "digest"]
        stored = {step.id: digests.get(connection, step.ref or 0) for step in steps}
    for step in steps:
        digest = stored[step.id]
        if digest is not None and not _is_taken_away(digest):
            refresh_one(hub, digest)
        hub.store.write(_end, step, hub)
    return erasing.go_on(hub, erasure_id)


def _is_taken_away(digest: StoredDigest) -> bool:
    """Tell whether a digest was a file that is there no more: it is not to be made again."""
    return digest.kind == "file" and digest.state == digests.ENDED and not Path(digest.target).exists()


def _end(connection: Connection, step: Step, hub: Hub) -> None:
    """A digest that could not be written says so itself, and stays a step until it is."""
    digest = digests.get(connection, step.ref or 0)
    if digest is not None and digest.error:
        erasures.fail_step(connection, step, erasures.OPEN, "digest", hub.clock())
    else:
        erasures.end_step(connection, step, hub.clock())
