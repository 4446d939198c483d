"""Who has no record in a CRM, and what speaks against making one."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.crm.records import GONE, Record
from hub.store.database import chunks
from hub.store.tables import accounts, authors, contact_values, contacts, mentions, records


def without_record(connection: Connection, account: str, *, speakers: bool, after: int, limit: int) -> list[int]:
    """Return persons of whom an account holds nothing, from the number after `after`.

    With `speakers` only those who said something somewhere. One whose record was deleted there has one still.
    """
    card = contacts.alias("card")
    # One list for all of them: a look for each would go through the account's records again and again.
    held = (
        sa.select(card.c.person_id)
        .join(records, records.c.contact_id == card.c.id)
        .where(records.c.account == account, card.c.person_id.is_not(None))
    )
    query = sa.select(contacts.c.id).where(
        contacts.c.id == contacts.c.person_id,
        contacts.c.id > after,
        contacts.c.deleted_at.is_(None),
        contacts.c.id.not_in(held),
    )
    if speakers:
        said = contacts.alias("said")
        heard = (
            sa.select(said.c.person_id)
            .join(authors, authors.c.contact_id == said.c.id)
            .where(
                sa.exists().where(
                    mentions.c.platform == authors.c.platform, mentions.c.author_id == authors.c.remote_id
                ),
                ~sa.exists().where(
                    accounts.c.platform == authors.c.platform, accounts.c.identity == authors.c.remote_id
                ),
            )
        )
        query = query.where(contacts.c.id.in_(heard))
    return list(connection.execute(query.order_by(contacts.c.id).limit(limit)).scalars())


def shadowed(connection: Connection, account: str, person_ids: Collection[int]) -> set[int]:
    """Return those of these persons who bear an e-mail or a phone of somebody deleted here with a record there."""
    if (
        connection.execute(sa.select(contacts.c.id).where(contacts.c.deleted_at.is_not(None)).limit(1)).first()
        is None
    ):
        return set()
    found: set[int] = set()
    other = contacts.alias("other")
    for part in chunks(list(person_ids)):
        rows = connection.execute(
            sa.select(contact_values.c.field, contact_values.c.key, contacts.c.person_id)
            .join(contacts, contacts.c.id == contact_values.c.contact_id)
            .where(
                contacts.c.person_id.in_(part),
                contact_values.c.field.in_(("emails", "phones")),
                contact_values.c.key != "",
            )
        )
        owners: dict[tuple[str, str], set[int]] = {}
        for field, key, person in rows:
            owners.setdefault((field, key), set()).add(person)
        for keys in chunks(sorted({key for _, key in owners})):
            borne = connection.execute(
                sa.select(contact_values.c.field, contact_values.c.key)
                .join(other, other.c.id == contact_values.c.contact_id)
                .join(records, records.c.contact_id == other.c.id)
                .where(
                    contact_values.c.key.in_(keys),
                    contact_values.c.key != "",
                    other.c.deleted_at.is_not(None),
                    records.c.account == account,
                    records.c.remote_id.is_not(None),
                    records.c.state != GONE,
                )
            )
            for field, key in borne:
                found |= owners.get((field, key), set())
    return found


def is_superseded(connection: Connection, record: Record) -> bool:
    """Tell whether the person of a creation has a record of the account by now, in another way."""
    mine, other = contacts.alias("mine"), contacts.alias("other")
    query = sa.select(sa.literal(1)).where(
        mine.c.id == record.contact_id,
        other.c.person_id == mine.c.person_id,
        records.c.contact_id == other.c.id,
        records.c.account == record.account,
        records.c.id != record.id,
    )
    return connection.execute(query).first() is not None


def strangers_since(connection: Connection, record: Record) -> int:
    """Count the records of an account that were seen first after a creation was begun, and came from elsewhere."""
    query = sa.select(sa.func.count()).where(
        records.c.account == record.account,
        records.c.id > record.id,
        records.c.remote_id.is_not(None),
        records.c.key == "",
    )
    return int(connection.execute(query).scalar_one())
