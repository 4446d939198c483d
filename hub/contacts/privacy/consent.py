"""What people agree to: given, withdrawn, by whom, and the whole history of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from hub.errors import UsageError
from hub.store import Store
from hub.store.people import cards
from hub.store.privacy import consents
from hub.store.privacy.consents import Consent
from hub.store.team.who import Who

__all__ = ["Consent", "give", "history", "of", "withdraw"]

_PURPOSE = re.compile(r"[\w][\w .-]{0,63}")


def give(
    store: Store, person_id: int, purpose: str, by: Who | None, now: datetime, note: str = "", source: str = "user"
) -> bool:
    """Write down that a person agreed to a purpose; False, and nothing is written, if they had already."""
    return _say(store, person_id, purpose, True, by, now, note, source)


def withdraw(
    store: Store, person_id: int, purpose: str, by: Who | None, now: datetime, note: str = "", source: str = "user"
) -> bool:
    """Write down that a person took a consent back, or never gave it; False if that is known already."""
    return _say(store, person_id, purpose, False, by, now, note, source)


def of(store: Store, person_id: int) -> Sequence[Consent]:
    """Return what holds of a person now: the latest word to each purpose, by its name."""
    latest = {one.purpose: one for one in reversed(history(store, person_id))}
    return [latest[purpose] for purpose in sorted(latest)]


def history(store: Store, person_id: int) -> Sequence[Consent]:
    """Return all that a person ever said, the newest first."""
    with store.read() as connection:
        return consents.history(connection, known_person(connection, person_id))


def known_person(connection: Connection, number: int) -> int:
    """Return the person that a card's number names; raise `UsageError` if there is none."""
    found = cards.person_of(connection, number)
    if found is None:
        raise UsageError("there is no contact {id}", hint="`hub contacts` lists them", id=number)
    return found


def _say(
    store: Store,
    person_id: int,
    purpose: str,
    granted: bool,
    by: Who | None,
    now: datetime,
    note: str,
    source: str,
) -> bool:
    if not _PURPOSE.fullmatch(purpose):
        raise UsageError(
            "{purpose} is no usable name of a purpose",
            hint="write a few letters, such as newsletter",
            purpose=repr(purpose),
        )

    def work(connection: Connection) -> bool:
        person = known_person(connection, person_id)
        said = next((one for one in consents.history(connection, person) if one.purpose == purpose), None)
        if said is not None and said.granted == granted:
            return False
        user_id = by.id if by is not None and by.id else None
        consents.add(connection, person, purpose, granted, source=source, now=now, note=note, user_id=user_id)
        return True

    return store.write(work)
