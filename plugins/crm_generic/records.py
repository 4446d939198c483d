"""Reads, finds and deletes single records of a CRM."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from hub import Answer, Contact, GoneError, RejectedError
from plugins.crm_generic.calls import Line
from plugins.crm_generic.endpoints import Search
from plugins.crm_generic.expressions import getter
from plugins.crm_generic.refusals import misfit
from plugins.crm_generic.settings import CrmSettings

# Of one person so many e-mails and phones are looked for; the first are those that people use.
_MOST = 5


class Held(NamedTuple):
    """One record as it is now: as the CRM gave it, and what it was mapped to."""

    raw: Any
    contact: Contact


class Records:
    """The single records of one account."""

    def __init__(self, settings: CrmSettings, line: Line, read: Callable[[Sequence[Any]], list[Contact]]) -> None:
        self._contacts = settings.contacts
        self._line = line
        self._read = read

    def get(self, remote_id: str) -> Held | None:
        """Return the record, None if it is gone or marked as deleted."""
        get = self._contacts.get
        if get is None:
            raise RejectedError("this CRM gives no single records", hint="add contacts.get to the account")
        try:
            answer = self._line.call(get, {"id": remote_id}, repeatable=True)
        except GoneError:
            return None
        if not answer.body:
            return None
        key = "contacts.get.item"
        try:
            raw = getter(get.item)(answer.json())
        except ValueError as error:
            raise misfit(answer, key, str(error)) from None
        if isinstance(raw, list):
            raw = raw[0] if raw else None
        if not raw:
            return None
        contact = self._mapped(answer, [raw])[0]
        if get.version_header:
            version = answer.headers.get(get.version_header.lower(), "")
            contact = msgspec.structs.replace(contact, version=version or contact.version)
        return None if contact.deleted else Held(raw, contact)

    def find(self, contact: Contact) -> list[Contact]:
        """Return the records found by key, then by e-mail, then by phone, each once."""
        found: dict[str, Contact] = {}
        if self._contacts.find is None:
            return []
        wanted = {"key": [contact.key], "email": contact.emails, "phone": contact.phones}
        for name, search in self._contacts.find.searches:
            for text in [text for text in wanted[name] if text][:_MOST]:
                for one in self._searched(name, search, text):
                    if not one.deleted:
                        found.setdefault(one.remote_id, one)
        return list(found.values())

    def _searched(self, name: str, search: Search, text: str) -> Sequence[Contact]:
        try:
            answer = self._line.call(search, {name: text}, repeatable=True)
        except GoneError:  # where a record is asked for by its e-mail
            return []
        if not answer.body:
            return []
        part = "ids" if search.ids else "items"
        try:
            items = getter(search.ids or search.items)(answer.json())
        except ValueError as error:
            raise misfit(answer, f"contacts.find.{name}.{part}", str(error)) from None
        if items is None and search.ids:
            return []
        if not isinstance(items, list):
            why = f"gave {type(items).__name__} instead of a list"
            raise misfit(answer, f"contacts.find.{name}.{part}", why)
        if search.items:
            return self._mapped(answer, items)
        held = [self.get(str(one)) for one in items[: _MOST * 2]]
        return [one.contact for one in held if one is not None]

    def delete(self, remote_id: str, version: str) -> None:
        """Delete or archive the record; already gone is success."""
        delete = self._contacts.delete
        if delete is None:
            raise RejectedError("this CRM lets no contact be deleted", hint="add contacts.delete to the account")
        values = {"id": remote_id, **({"version": version} if version else {})}
        try:
            self._line.call(delete, values, repeatable=delete.method != "POST")
        except GoneError:
            return

    def _mapped(self, answer: Answer, items: Sequence[Any]) -> list[Contact]:
        try:
            return self._read(items)
        except ValueError as error:
            raise misfit(answer, "map", str(error)) from None
