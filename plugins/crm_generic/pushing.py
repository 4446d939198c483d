"""Creates and updates a CRM's contacts, one at a time or several in one call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from hub import (
    Answer,
    AuthError,
    Contact,
    GoneError,
    HubError,
    Push,
    Receipt,
    RejectedError,
    StaleRecord,
    TransientError,
    UnknownOutcome,
)
from plugins.crm_generic.batch import Item, Told, list_of
from plugins.crm_generic.calls import Line
from plugins.crm_generic.endpoints import Create, Many, Notes, Update
from plugins.crm_generic.filters import FilterError
from plugins.crm_generic.records import Records
from plugins.crm_generic.refusals import Refusals, found_in, misfit
from plugins.crm_generic.settings import CrmSettings
from plugins.crm_generic.templates import LEFT_OUT, Empties, fill, names
from plugins.crm_generic.values import contact_values
from plugins.crm_generic.writing import laid_over, with_ids


class Pusher:
    """Writes the contacts of one account."""

    def __init__(self, settings: CrmSettings, line: Line, records: Records, refusals: Refusals) -> None:
        self._write = settings.write
        self._wanted = names(settings.write)
        self._empties = Empties(settings.empty.text, settings.empty.list)
        self._contacts = settings.contacts
        self._line = line
        self._records = records
        self._told: dict[str, Told] = {}
        batch = settings.contacts.batch
        self.batch_size = batch.size if batch else 1
        for key in ("create", "update"):
            many = getattr(batch, key, None)
            if many is not None:
                self._told[key] = Told(f"contacts.batch.{key}", many, refusals)

    def push(self, contact: Contact, remote_id: str | None) -> Receipt:
        """Create the contact, or update the record with that id."""
        create, update = self._contacts.create, self._contacts.update
        if remote_id is None:
            if create is None:
                raise RejectedError("this CRM takes no new contacts", hint="add contacts.create to the account")
            return self._create(create, contact)
        if update is None:
            raise RejectedError("this CRM takes no changes of contacts", hint="add contacts.update to the account")
        return self._update(update, contact, remote_id)

    def _made(self, contact: Contact, *, update: bool) -> Any:
        try:
            return fill(self._write, contact_values(contact, self._wanted, update=update), self._empties)
        except FilterError as error:
            raise RejectedError(
                "write cannot say this contact: {why}",
                hint="mend the value, or the template in write of the account",
                why=str(error),
            ) from None

    def _create(self, create: Create, contact: Contact) -> Receipt:
        made = self._made(contact, update=False)
        if made is LEFT_OUT or not made:
            raise RejectedError("the contact has nothing that write could send", hint="add a field to write")
        values = {"contact": made, **({"key": contact.key} if contact.key else {})}
        if create.path and "{key}" in create.path and not contact.key:
            raise RejectedError("contacts.create.path wants the hub's key, and this contact has none")
        repeatable = create.repeatable and bool(contact.key)
        answer = self._line.call(create, values, repeatable=repeatable)
        return Receipt(remote_id=new_id(answer, "contacts.create.id", create.id))

    def _update(self, update: Update, contact: Contact, remote_id: str) -> Receipt:
        made = self._made(contact, update=True)
        if made is LEFT_OUT or made == {}:
            return Receipt(remote_id=remote_id)
        if update.whole or update.elements or update.condition:
            held = self._records.get(remote_id)
            if held is None:
                raise GoneError("the record {id} is not there any more", id=remote_id)
            if update.condition and contact.version and held.contact.version != contact.version:
                raise StaleRecord("the record {id} has changed since it was read", id=remote_id)
            made = with_ids(made, held.raw, update.elements)
            if update.whole:
                made = laid_over(held.raw, made)
        values = {"contact": made, "id": remote_id, **({"version": contact.version} if contact.version else {})}
        # PUT and PATCH set fields, so that twice is once; a POST may as well append.
        repeatable = update.method != "POST" if update.repeatable is None else update.repeatable
        self._line.call(update, values, repeatable=repeatable)
        return Receipt(remote_id=remote_id)

    def push_many(self, pushes: Sequence[Push]) -> Iterator[Receipt | HubError]:
        """Push several; those that cannot go in one call go alone."""
        outcomes: dict[int, Receipt | HubError] = {}
        for key in ("create", "update"):
            many = getattr(self._contacts.batch, key, None)
            places = [n for n, push in enumerate(pushes) if (push.remote_id is None) == (key == "create")]
            if many is not None and len(places) > 1 and self._can_go_together(key):
                outcomes |= self._together(key, many, pushes, places)
            else:
                outcomes |= self._alone(pushes, places)
        yield from (outcomes[number] for number in range(len(pushes)))

    def _can_go_together(self, key: str) -> bool:
        update = self._contacts.update
        return key == "create" or update is None or not (update.whole or update.elements or update.condition)

    def _alone(self, pushes: Sequence[Push], places: Sequence[int]) -> dict[int, Receipt | HubError]:
        """Push one after the other; what says nothing of the next one is an outcome, the rest stops all."""
        outcomes: dict[int, Receipt | HubError] = {}
        stopped: HubError | None = None
        for number in places:
            if stopped is not None:
                outcomes[number] = stopped
                continue
            try:
                outcomes[number] = self.push(pushes[number].contact, pushes[number].remote_id)
            except (AuthError, TransientError) as error:
                outcomes[number] = stopped = error
            except HubError as error:
                outcomes[number] = error
        return outcomes

    def _together(
        self, key: str, many: Many, pushes: Sequence[Push], places: Sequence[int]
    ) -> dict[int, Receipt | HubError]:
        outcomes: dict[int, Receipt | HubError] = {}
        items: dict[int, Item] = {}
        for number in places:
            contact, remote_id = pushes[number].contact, pushes[number].remote_id
            try:
                made = self._made(contact, update=remote_id is not None)
            except RejectedError as error:
                outcomes[number] = error
                continue
            if made is LEFT_OUT or made == {}:
                outcomes[number] = (
                    RejectedError("the contact has nothing that write could send", hint="add a field to write")
                    if remote_id is None
                    else Receipt(remote_id=remote_id)
                )
                continue
            own = {"key": contact.key, "version": contact.version}
            items[number] = Item(made, remote_id, {name: value for name, value in own.items() if value})
        if not items:
            return outcomes
        try:
            answer = self._line.call(many, {"contacts": list_of(many, list(items.values()))}, repeatable=False)
            told = self._told[key].outcomes(answer, list(items.values()))
        except (AuthError, TransientError, UnknownOutcome) as error:
            return outcomes | dict.fromkeys(items, error)
        except HubError:
            # All were refused for the sake of one: alone, each is told its own.
            return outcomes | self._alone(pushes, list(items))
        return outcomes | dict(zip(items, told, strict=True))

    def note(self, notes: Notes, key: str, values: dict[str, Any], own_key: str) -> Receipt:
        """Put a note, task or lead on a record; `key` is its table in the settings."""
        answer = self._line.call(notes, values, repeatable=False)
        if notes.id is None and not answer.headers.get("location"):
            # Some CRMs answer a note with 204 and no id; nothing ever asks for it again.
            return Receipt(remote_id=own_key)
        return Receipt(remote_id=new_id(answer, f"{key}.id", notes.id))


def new_id(answer: Answer, key: str, expression: str | None) -> str:
    """Return the id of what was made: by its expression, or the end of the Location header."""
    if expression is None:
        found = urlsplit(answer.headers.get("location", "")).path.rstrip("/").rpartition("/")[2]
        key += " is not set, and the Location header"
    else:
        found = found_in(answer, key, expression, answer.json())
    if not found:
        raise misfit(answer, key, "no id")
    return found
