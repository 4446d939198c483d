"""Walks through all that a CRM's account can do, on a record of its own, and shows what came of each step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from hub.adapter import ContactSync
from hub.answer import Answer
from hub.contacts.trial.steps import Exchange, Step, digits, filled, shown, texts
from hub.errors import DuplicateError, HubError, PluginError, StaleRecord
from hub.i18n import N_, _
from hub.models import Batch, Contact, Note, NoteKind, Receipt

CHECK, READ, MORE = N_("check"), N_("read a page"), N_("read the next page")
CREATE, BACK, FIND, UPDATE = N_("create"), N_("read back"), N_("find"), N_("update")
EMPTY, STALE, DELETE, GONE = (
    N_("empty a value"),
    N_("refuse what is stale"),
    N_("delete"),
    N_("see that it is gone"),
)
_NOTES: tuple[tuple[NoteKind, str], ...] = (("note", N_("add a note")), ("task", N_("add a task")))
_SHOWN = 3  # contacts of a page


class Trial:
    """One walk. `mark` makes the test record unlike any other; `email` is its address."""

    def __init__(self, adapter: ContactSync, mark: str, email: str) -> None:
        self._adapter = adapter
        self._came: list[Exchange] = []
        self._mark = mark
        self._email = email
        self.left: Receipt | None = None
        self._listen()

    def walk(self, *, write: bool) -> Iterator[Step]:
        """Yield each step when it is done; a step that makes the next ones senseless ends the walk.

        What it creates it deletes; `left` is the record where it could not.
        """
        checked = self._step(CHECK, self._check)
        yield checked
        if checked.state == "failed":
            return
        read = self._step(READ, lambda: self._page(0))
        yield read
        if read.state == "ok":
            yield self._step(MORE, lambda: self._page(1))
        if write:
            yield from self._writes()

    def _writes(self) -> Iterator[Step]:
        if not self._adapter.writes:
            yield Step(CREATE, "skipped", N_("this account is only read"))
            return
        created = self._step(CREATE, self._create)
        yield created
        record = self.left
        if record is None:
            return
        try:
            yield self._step(BACK, lambda: self._compare(self._wanted(), record.remote_id))
            yield self._step(FIND, lambda: self._find(record.remote_id))
            yield self._step(UPDATE, lambda: self._update(record.remote_id))
            yield self._step(EMPTY, lambda: self._empty(record.remote_id))
            yield self._step(STALE, lambda: self._stale(record.remote_id))
            for kind, name in _NOTES:
                yield self._step(name, lambda kind=kind: self._note(record.remote_id, kind))  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        finally:
            deleted = self._step(DELETE, lambda: self._delete(record.remote_id))
        yield deleted
        if deleted.state == "ok":
            yield self._step(GONE, lambda: self._gone(record.remote_id))

    # The steps

    def _check(self) -> Step:
        who = self._adapter.check()
        if who.missing:
            return Step(CHECK, "failed", N_("missing rights: {rights}"), {"rights": ", ".join(who.missing)})
        return Step(CHECK, "ok", N_("we are {name} ({id})"), {"name": who.name or "?", "id": who.remote_id})

    def _page(self, number: int) -> Step:
        batches: Iterator[Batch[Contact]] = self._adapter.pull_contacts(None)
        batch = next(islice(batches, number, None), None)
        name = READ if number == 0 else MORE
        if batch is None:
            if number:
                return Step(name, "skipped", N_("there is only one"))
            raise PluginError("the list yielded no page at all, not even an empty one")
        return Step(
            name,
            "ok",
            N_("{count} contacts: {filled}"),
            filled(batch.items, self._adapter.reads),
            None,
            (),
            batch.items[:_SHOWN],
        )

    def _wanted(self) -> Contact:
        """Return the test record, with what the account can write."""
        writes = self._adapter.writes
        return Contact(
            name=f"Crosshub Trial{self._mark}",
            emails=(self._email,) if "emails" in writes else (),
            phones=("+12015550123",) if "phones" in writes else (),
            key=f"crosshub-trial-{self._mark}",
        )

    def _create(self) -> Step:
        try:
            self.left = self._adapter.push_contact(self._wanted(), None)
        except DuplicateError:
            raise
        except HubError:
            # The answer may be what was lost: what is found must not stay there.
            self._look_for_leavings()
            raise
        return Step(CREATE, "ok", N_("made the record {id}"), {"id": self.left.remote_id})

    def _look_for_leavings(self) -> None:
        if "find" not in self._adapter.abilities:
            return
        try:
            found = self._adapter.find_contacts(self._wanted())
        except HubError:
            return
        mine = [one for one in found if one.key == self._wanted().key or self._email in one.emails]
        if mine:
            self.left = Receipt(remote_id=mine[0].remote_id)

    def _record(self, remote_id: str) -> Contact | None:
        """Return the record as the CRM shows it: alone where it can, else out of the list."""
        if "get" in self._adapter.abilities:
            return self._adapter.get_contact(remote_id)
        for batch in self._adapter.pull_contacts(None):
            for contact in batch.items:
                if contact.remote_id == remote_id:
                    return None if contact.deleted else contact
        return None

    def _compare(self, wanted: Contact, remote_id: str, name: str = BACK) -> Step:
        held = self._record(remote_id)
        if held is None:
            raise HubError(
                "the record {id} is not there",
                hint="compare contacts.create.id with the answer, and contacts.get with the address of a record",
                id=remote_id,
            )
        off = [one for one in ("name", "emails", "phones") if self._differs(one, wanted, held)]
        if off:
            raise HubError(
                "{names} came back otherwise than it was sent: {sent} became {held}",
                hint="compare map and write: both must speak of the same fields of the CRM",
                names=", ".join(off),
                sent="; ".join(shown(wanted, one) for one in off),
                held="; ".join(shown(held, one) or _("nothing") for one in off),
            )
        return Step(name, "ok", N_("it came back as it was sent"), {}, None, (), (held,))

    def _differs(self, name: str, wanted: Contact, held: Contact) -> bool:
        adapter = self._adapter
        if name not in adapter.reads & adapter.writes:
            return False
        sent, back = texts(wanted, name), texts(held, name)
        return sent != back if name != "phones" else [digits(one) for one in sent] != [digits(one) for one in back]

    def _find(self, remote_id: str) -> Step:
        if "find" not in self._adapter.abilities:
            return Step(FIND, "skipped", N_("the account has no way to look for a person"))
        found = self._adapter.find_contacts(self._wanted())
        if remote_id in [one.remote_id for one in found]:
            return Step(FIND, "ok", N_("found by what identifies it"), {}, None, (), found[:_SHOWN])
        told = N_("not found yet: the CRM's index may lag behind; what is new may be looked for in vain")
        return Step(FIND, "ok", told, {}, None, (), found[:_SHOWN])

    def _update(self, remote_id: str) -> Step:
        if "name" not in self._adapter.writes:
            return Step(UPDATE, "skipped", N_("the account writes no name"))
        changed = Contact(name=f"Crosshub Changed{self._mark}", changed=frozenset({"name"}))
        self._adapter.push_contact(changed, remote_id)
        wanted = self._wanted()
        return self._compare(
            Contact(name=changed.name, emails=wanted.emails, phones=wanted.phones), remote_id, UPDATE
        )

    def _empty(self, remote_id: str) -> Step:
        if "phones" not in self._adapter.reads & self._adapter.writes:
            return Step(EMPTY, "skipped", N_("the account reads and writes no phones, which are tried"))
        self._adapter.push_contact(Contact(changed=frozenset({"phones"})), remote_id)
        held = self._record(remote_id)
        if held is not None and held.phones:
            raise HubError(
                "the phone was emptied and is still {phone}",
                hint="say under empty what the CRM takes for nothing: text, null, list or false",
                phone=", ".join(held.phones),
            )
        return Step(
            EMPTY, "ok", N_("the phone is gone, and the rest stayed"), {}, None, (), (held,) if held else ()
        )

    def _stale(self, remote_id: str) -> Step:
        held = self._record(remote_id)
        if held is None or not held.version:
            return Step(STALE, "skipped", N_("the account tells no version of a record"))
        wanted = frozenset({"name"})
        first = Contact(name=f"Crosshub Second{self._mark}", version=held.version, changed=wanted)
        self._adapter.push_contact(first, remote_id)
        try:
            late = Contact(name=f"Crosshub Late{self._mark}", version=held.version, changed=wanted)
            self._adapter.push_contact(late, remote_id)
        except StaleRecord:
            return Step(STALE, "ok", N_("a write to what had changed was refused"))
        raise HubError(
            "a write to what had changed was taken",
            hint="send the version with contacts.update (headers, or condition = 'read'), or take map.version out",
        )

    def _note(self, remote_id: str, kind: NoteKind) -> Step:
        name = dict(_NOTES)[kind]
        if kind not in self._adapter.abilities:
            return Step(name, "skipped", N_("the account has no place for it"))
        text = f"A trial of crosshub ({self._mark}): 5 < 6 & «почему?»"
        note = Note(
            key=f"trial-{self._mark}-{kind}",
            text=text,
            kind=kind,
            title="A trial of crosshub",
            url="https://example.com/trial",
        )
        made = self._adapter.add_note(remote_id, note)
        return Step(name, "ok", N_("made {id}"), {"id": made.remote_id})

    def _delete(self, remote_id: str) -> Step:
        if "delete" not in self._adapter.abilities:
            return Step(
                DELETE,
                "skipped",
                N_("the account cannot delete: delete the record {id} in the CRM by hand"),
                {"id": remote_id},
            )
        self._adapter.delete_contact(remote_id)
        self.left = None
        return Step(DELETE, "ok", N_("deleted the record {id}"), {"id": remote_id})

    def _gone(self, remote_id: str) -> Step:
        if "get" not in self._adapter.abilities:
            return Step(GONE, "skipped", N_("the account gives no single records"))
        if self._adapter.get_contact(remote_id) is not None:
            self.left = Receipt(remote_id=remote_id)
            raise HubError(
                "the record {id} was deleted and is still given",
                hint="let map.deleted find the mark of a deleted record, or compare contacts.delete with the docs",
                id=remote_id,
            )
        return Step(GONE, "ok", N_("it is gone"))

    # What surrounds them

    def _step(self, name: str, work: Callable[[], Step]) -> Step:
        self._came.clear()
        try:
            done = work()
        except HubError as error:
            done = Step(name, "failed", error=error)
        return Step(done.name, done.state, done.told, done.facts, done.error, tuple(self._came), done.mapped)

    def _listen(self) -> None:
        """Note every answer on its way to the adapter, which judges it as always."""
        http = self._adapter.http
        judge = http.explain

        def explain(answer: Answer) -> HubError | None:
            text = answer.body.decode("utf-8", "replace")
            self._came.append(Exchange(answer.method, answer.url, answer.status, http.redact(text)))
            return judge(answer)

        http.explain = explain
