"""Recognises who was erased, so that they are not taken in again, without keeping who they were."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy.engine import Connection

from hub.errors import ConfigError, UsageError
from hub.models import Contact, Mention
from hub.store.database import chunks, upsert
from hub.store.people.keys import EMAILS, HANDLES, PHONES, normal
from hub.store.prepared import Prepared
from hub.store.tables import tombstones

Mark = tuple[str, ...]
"""What is recognised: its kind, then what it is, such as ("author", platform, remote id) or ("email", address)."""

_CHECK: Mark = ("check",)
_LABEL = b"crosshub tombstones"
# The number of the lock between who takes in and who erases.
_DOOR = 4857395
_ANY = Prepared(lambda _: sa.select(sa.literal_column("1")).select_from(tombstones).limit(1))
# What stands in others' remarks for the id of an erased one that they answer.
_UNNAMED = "erased:"


class Tombstones:
    """The hashes of what was erased. `key` gives the 32 bytes that they are made with, asked only when needed.

    `region` is the country of phone numbers that are written without one. Whoever has the database without the key
    cannot try names and addresses against it.
    """

    def __init__(self, key: Callable[[], bytes], region: str = "") -> None:
        self._key = key
        self._derived: bytes | None = None
        self._region = region

    def mentions(self, connection: Connection, platform: str, items: Sequence[Mention]) -> Sequence[Mention]:
        """Return the mentions that may be taken in, as part of the transaction that stores them.

        While nobody was erased that costs one statement, and another one on PostgreSQL.
        What answers an erased remark, or stands under it, loses its id, which names its writer on some networks.
        """
        if not items or not _is_anybody(connection):
            return items
        marks: set[Mark] = set()
        for item in items:
            marks.update(_marks_of_mention(platform, item))
            marks.update(("mention", platform, above) for above in (item.parent_id, item.thread_id) if above)
        found = self.holds(connection, marks)
        if not found:
            return items
        return [
            self._unnamed_above(platform, item, found)
            for item in items
            if found.isdisjoint(_marks_of_mention(platform, item))
        ]

    def _unnamed_above(self, platform: str, item: Mention, found: set[Mark]) -> Mention:
        parent, root = item.parent_id, item.thread_id
        if parent is not None and ("mention", platform, parent) in found:
            parent = self.unnamed(platform, parent)
        if ("mention", platform, root) in found:
            root = self.unnamed(platform, root)
        same = (parent, root) == (item.parent_id, item.thread_id)
        return item if same else replace(item, parent_id=parent, thread_id=root)

    def contacts(self, connection: Connection, account: str, items: Sequence[Contact]) -> Sequence[Contact]:
        """Return the contacts of a CRM or a list (`account` "") that may be taken in; see `mentions`.

        A deletion passes: it brings nobody.
        """
        if not items or not _is_anybody(connection):
            return items
        marks = {mark for item in items for mark in self.marks_of_contact(account, item)}
        found = self.holds(connection, marks)
        return [item for item in items if item.deleted or found.isdisjoint(self.marks_of_contact(account, item))]

    def refuse(self, connection: Connection, values: Mapping[str, str | Sequence[str]]) -> None:
        """Raise `UsageError` if somebody is to be typed in who was erased."""
        if not _is_anybody(connection):
            return
        found = self.holds(connection, self.marks_of_values(values))
        if found:
            raise UsageError(
                "somebody with {value} was erased, at their wish",
                hint="if they came back by themselves: hub contacts readmit {value}",
                value=sorted(found)[0][-1],
            )

    def marks_of_contact(self, account: str, contact: Contact) -> set[Mark]:
        """Return what a contact is recognised by."""
        marks = self.marks_of_values({EMAILS: contact.emails, PHONES: contact.phones})
        if account and contact.remote_id:
            marks.add(("record", account, contact.remote_id))
        if account and contact.key:
            marks.add(("key", account, contact.key))
        for platform, handle in contact.handles.items():
            name = normal(HANDLES + platform, handle)
            if name:
                marks |= {("handle", platform, name), ("author", platform, handle)}
        return marks

    def marks_of_values(self, values: Mapping[str, str | Sequence[str]]) -> set[Mark]:
        """Return what a person is recognised by of these values, by name of the field."""
        marks: set[Mark] = set()
        for field, kind in ((EMAILS, "email"), (PHONES, "phone")):
            given = values.get(field, ())
            for one in (given,) if isinstance(given, str) else given:
                key = normal(field, one, self._region)
                if key:
                    marks.add((kind, key))
        for field, handle in values.items():
            if field.startswith(HANDLES) and isinstance(handle, str) and (name := normal(field, handle)):
                marks |= {(kind, field.removeprefix(HANDLES), name) for kind in ("handle", "author")}
        return marks

    def unnamed(self, platform: str, remote_id: str) -> str:
        """Return what stands for the id of an erased remark where others answer it: always the same."""
        return _UNNAMED + self._digest(("mention", platform, remote_id)).hex()[:24]

    def holds(self, connection: Connection, marks: Collection[Mark]) -> set[Mark]:
        """Return those of the marks that were erased; raise `ConfigError` if the key is not theirs."""
        by_digest = {self._digest(mark): mark for mark in marks}
        check = self._digest(_CHECK)
        found: set[Mark] = set()
        for some in chunks([check, *by_digest]):
            rows = set(
                connection.execute(sa.select(tombstones.c.digest).where(tombstones.c.digest.in_(some))).scalars()
            )
            if check in some and check not in rows:
                self._refuse_key(connection)
            found.update(by_digest[digest] for digest in rows if digest != check)
        return found

    def bury(self, connection: Connection, marks: Iterable[Mark], now: datetime) -> int:
        """Let these never be taken in again; return how many were not known yet."""
        wanted = {self._digest(mark): mark[0] for mark in marks}
        self.holds(connection, ())
        rows = [
            {"digest": digest, "kind": kind, "at": now}
            for digest, kind in {self._digest(_CHECK): _CHECK[0], **wanted}.items()
        ]
        insert = upsert(connection, tombstones).on_conflict_do_nothing()
        before = self._count(connection)
        for some in chunks(rows):
            connection.execute(insert, list(some))
        return self._count(connection) - before - (0 if before else 1)

    def lift(self, connection: Connection, marks: Iterable[Mark]) -> int:
        """Let these be taken in again; return how many there were."""
        digests = [self._digest(mark) for mark in marks]
        return connection.execute(tombstones.delete().where(tombstones.c.digest.in_(digests))).rowcount

    def _refuse_key(self, connection: Connection) -> None:
        if self._count(connection):
            raise ConfigError(
                "people were erased, and with this key the hub cannot tell who they were",
                hint="bring back the key file of that time; `hub contacts readmit --all` lets everybody in again",
            )

    def _count(self, connection: Connection) -> int:
        return int(connection.execute(sa.select(sa.func.count()).select_from(tombstones)).scalar_one())

    def _digest(self, mark: Mark) -> bytes:
        if self._derived is None:
            self._derived = hmac.digest(self._key(), _LABEL, "sha256")
        return hmac.digest(self._derived, "\x1f".join(mark).encode("utf-8", "surrogatepass"), "sha256")


def shut(connection: Connection) -> None:
    """Let nobody be taken in until this transaction ends, and wait for what is being taken in.

    Without it, what was looked at just before the person was erased could be stored just after. SQLite has one
    writer at a time anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_DOOR})")


def _is_anybody(connection: Connection) -> bool:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock_shared({_DOOR})")
    return bool(_ANY.rows(connection))


def _marks_of_mention(platform: str, item: Mention) -> set[Mark]:
    marks: set[Mark] = {("mention", platform, item.remote_id)}
    if item.author is not None:
        marks.add(("author", platform, item.author.remote_id))
    return marks


def lift_all(connection: Connection) -> int:
    """Forget everybody who was erased; return how many marks there were."""
    return connection.execute(tombstones.delete()).rowcount
