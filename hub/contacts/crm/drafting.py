"""Finds who is missing in a CRM, and how each is to be created there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy.engine import Connection

from hub.contacts.crm import applying, fields
from hub.contacts.crm.exchange import Exchange
from hub.contacts.crm.threeway import Value
from hub.contacts.identity import matching
from hub.models import Contact
from hub.store.crm import lacking
from hub.store.people import cards
from hub.store.people.keys import HANDLES
from hub.store.privacy import consents

_PAGE = 200


class Draft(NamedTuple):
    """A person as they are to be created: what is held here, and what of it is pushed."""

    person_id: int
    card_id: int
    held: Mapping[str, Value]
    pushed: Mapping[str, Value]

    def contact(self, key: str) -> Contact:
        """Return what is handed to the CRM."""
        return fields.as_contact(self.pushed, key=key)


def missing(connection: Connection, exchange: Exchange, after: int) -> list[int]:
    """Return a page of persons who have no record, and by the account's settings are to have one."""
    return lacking.without_record(
        connection, exchange.account, speakers=exchange.options.create == "speakers", after=after, limit=_PAGE
    )


def drafts(connection: Connection, exchange: Exchange, people: Sequence[int]) -> list[Draft]:
    """Return how these persons are to be created; not those who may turn out to be somebody with a record.

    That may also be the record of a contact that was deleted here.
    """
    waiting = matching.waiting(connection, people, account=exchange.account)
    waiting |= lacking.shadowed(connection, exchange.account, people)
    purpose = exchange.options.consent
    agreed = consents.agreed(connection, people, purpose) if purpose else set(people)
    wanted = [person for person in people if person in agreed and person not in waiting]
    views = cards.views(connection, wanted)
    numbers = cards.cards_of(connection, wanted)
    found = []
    for person in wanted:
        shown = dict(views[person].values)
        if not shown.get("name"):
            shown["name"] = next((value for field, value in shown.items() if field.startswith(HANDLES)), "")
        held = {
            field: value
            for field, value in applying.to_push(exchange, fields.of_view(shown, exchange.reads)).items()
            if value
        }
        pushed = {
            field: value[:1] if field in exchange.adapter.single and isinstance(value, tuple) else value
            for field, value in held.items()
        }
        if pushed:
            found.append(Draft(person, numbers[person][0], held, pushed))
    return found
