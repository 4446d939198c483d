"""Any REST CRM, driven by configuration alone: contacts both ways, and notes."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from hub import (
    AccountSettings,
    Answer,
    AuthError,
    Batch,
    Contact,
    ContactSync,
    DuplicateError,
    GoneError,
    Http,
    HubError,
    Identity,
    Note,
    Receipt,
    RejectedError,
    StaleCursor,
    TransientError,
    Vault,
    hookimpl,
)
from plugins.crm_generic import wire
from plugins.crm_generic.paging import Pager, misfit
from plugins.crm_generic.settings import CrmSettings
from plugins.crm_generic.templates import LEFT_OUT, contact_values, fill

_ERRORS: dict[str, type[HubError]] = {
    "transient": TransientError,
    "auth": AuthError,
    "rejected": RejectedError,
    "gone": GoneError,
    "duplicate": DuplicateError,
    "stale": StaleCursor,
}
_BY_STATUS = {400: "rejected", 401: "auth", 403: "rejected", 404: "gone", 410: "gone", 422: "rejected"}
_HINTS = {
    "auth": "renew auth.secret of this account, then run hub check",
    "gone": "see whether the record still exists, and whether api_url and the path of the endpoint are right",
    "duplicate": "the CRM holds this contact already; merge the two there, or let map find its e-mail",
}


class Crm(ContactSync):
    """One CRM as the account's settings describe it."""

    platform: ClassVar[str] = "crm_generic"
    Settings: ClassVar[type[AccountSettings]] = CrmSettings
    settings: CrmSettings

    def __init__(self, account: str, settings: CrmSettings, http: Http, vault: Vault) -> None:
        super().__init__(account, settings, http, vault)
        auth = settings.auth
        self._secret = auth.secret.get_secret_value()
        self._basic = b64encode(f"{auth.user}:{self._secret}".encode()).decode()
        # A CRM that quotes the call in its error may quote these as they were sent.
        for sent in (self._secret, quote(self._secret, safe=""), self._basic):
            http.add_secret(sent)
        self._pager = Pager(settings.contacts.list, wire.contact_reader(settings.map))
        self._reason = wire.getter(settings.reason)
        self._rules = [(rule, wire.getter(rule.when)) for rule in settings.errors]

    def sign(self, method: str, url: str) -> Mapping[str, str]:
        auth = self.settings.auth
        headers = {"Accept": "application/json", **self.settings.headers}
        if auth.kind == "bearer":
            headers["Authorization"] = f"Bearer {self._secret}"
        elif auth.kind == "basic":
            headers["Authorization"] = f"Basic {self._basic}"
        elif auth.kind == "header":
            headers[auth.name] = auth.prefix + self._secret
        return headers

    def explain(self, answer: Answer) -> HubError | None:
        """Ask the account's own rules, then the status; what is left (429, 5xx, redirects) is the hub's."""
        if answer.ok and not self._rules:
            return None
        body = _json(answer)
        means = self._meaning(answer, body)
        if means is None:
            return None
        why = _safely(self._reason, body)
        facts: dict[str, Any] = {
            "method": answer.method,
            "url": answer.url,
            "status": answer.status,
            "why": f" ({self.http.redact(why)[:300]})" if isinstance(why, str) and why else "",
            "hint": _HINTS.get(means) or _hint_of_refusal(answer),
        }
        if means == "duplicate":
            facts["receipt"] = self._existing(body)
        elif means == "transient":
            facts["retry_after"] = wire.seconds(answer.headers.get("retry-after"))
        return _ERRORS[means]("{method} {url}: HTTP {status}{why}", **facts)

    def _meaning(self, answer: Answer, body: Any) -> str | None:
        for rule, when in self._rules:
            fits = rule.status in (None, answer.status)
            if fits and (rule.when is None or wire.truth(_safely(when, body))):
                return rule.means
        if answer.status == 409:
            return "rejected" if answer.repeatable else "duplicate"
        return _BY_STATUS.get(answer.status)

    def _existing(self, body: Any) -> Receipt | None:
        create = self.settings.contacts.create
        found = _safely(wire.getter(create.existing_id if create else None), body)
        return Receipt(remote_id=str(found)) if isinstance(found, int | str) and found else None

    def _call(self, method: str, path: str, params: Mapping[str, Any], body: Any, *, repeatable: bool) -> Answer:
        auth = self.settings.auth
        proof = {auth.name: self._secret} if auth.kind == "query" else {}
        return self.http.request(method, path, params={**params, **proof}, json=body, repeatable=repeatable)

    def check(self) -> Identity:
        check = self.settings.check
        answer = self._call(check.method, check.path, {}, None, repeatable=True)
        body = answer.json()
        remote_id = _found(answer, "check.id", check.id, body)
        name = _found(answer, "check.name", check.name, body) if check.name else ""
        if not remote_id:
            raise misfit(answer, "check.id", "it finds nothing")
        return Identity(remote_id=remote_id, name=name, kind=self.settings.auth.kind)

    def pull_contacts(self, cursor: str | None) -> Iterator[Batch[Contact]]:
        """Read the whole list, or what changed since; only the last batch moves the cursor.

        The pages come in no promised order, and a contact may change while they are read: so the cursor never
        goes beyond the moment, by the CRM's own clock, at which the first page was read.
        """
        listing = self.settings.contacts.list
        params = fill(listing.params, wire.since_of(cursor, listing.since, self.settings.map.timezone))
        newest = wire.newest_of(cursor) if listing.since else None
        started = None
        for page in self._pager.pages(self._list, {} if params is LEFT_OUT else params):
            started = started or wire.http_date(page.answer.headers.get("date"))
            if listing.since:
                times = [contact.updated_at for contact in page.contacts if contact.updated_at]
                newest = max(filter(None, (newest, *times)), default=None)
            if page.last:
                ceiling = min(filter(None, (newest, started)), default=None) if newest else None
                yield Batch(page.contacts, wire.cursor_of(ceiling))
            else:
                yield Batch(page.contacts, cursor)

    def _list(self, path: str, params: Mapping[str, Any]) -> Answer:
        if self.settings.contacts.list.method == "POST":
            return self._call("POST", path, {}, params, repeatable=True)
        return self._call("GET", path, params, None, repeatable=True)

    def push_contact(self, contact: Contact, remote_id: str | None) -> Receipt:
        made = fill(self.settings.write, contact_values(contact))
        if made is LEFT_OUT:
            raise RejectedError("the contact has nothing that write could send", hint="add a field to write")
        return self._create(made) if remote_id is None else self._update(made, remote_id)

    def _create(self, made: Any) -> Receipt:
        create = self.settings.contacts.create
        if create is None:
            raise RejectedError("this CRM takes no new contacts", hint="add contacts.create to the account")
        body = fill(create.body, {"contact": made})
        answer = self._call(create.method, create.path, {}, body, repeatable=False)
        return Receipt(remote_id=self._new_id(answer, "contacts.create.id", create.id))

    def _update(self, made: Any, remote_id: str) -> Receipt:
        update = self.settings.contacts.update
        if update is None:
            raise RejectedError("this CRM takes no changes of contacts", hint="add contacts.update to the account")
        body = fill(update.body, {"contact": made, "id": remote_id})
        # PUT and PATCH set fields, so that twice is once; a POST may as well append.
        self._call(update.method, _path(update.path, remote_id), {}, body, repeatable=update.method != "POST")
        return Receipt(remote_id=remote_id)

    def add_note(self, remote_id: str, note: Note) -> Receipt:
        notes = self.settings.notes
        if notes is None:
            raise RejectedError("this CRM takes no notes", hint="add notes to the account")
        values = {"id": remote_id, "text": note.text, "key": note.key, **({"url": note.url} if note.url else {})}
        body = fill(notes.body, values)
        answer = self._call(notes.method, _path(notes.path, remote_id), {}, body, repeatable=False)
        if notes.id is None and not answer.headers.get("location"):
            # Some CRMs answer a note with 204 and no id; nothing ever asks for it again.
            return Receipt(remote_id=note.key)
        return Receipt(remote_id=self._new_id(answer, "notes.id", notes.id))

    @staticmethod
    def _new_id(answer: Answer, key: str, expression: str | None) -> str:
        if expression is None:
            found = urlsplit(answer.headers.get("location", "")).path.rstrip("/").rpartition("/")[2]
            key += " is not set, and the Location header"
        else:
            found = _found(answer, key, expression, answer.json())
        if not found:
            raise misfit(answer, key, "no id")
        return found


def _found(answer: Answer, key: str, expression: str, body: Any) -> str:
    try:
        return wire.text(wire.getter(expression)(body))
    except ValueError as error:
        raise misfit(answer, key, str(error)) from None


def _json(answer: Answer) -> Any:
    try:
        return answer.json()
    except HubError:
        return None


def _safely(get: wire.Get, body: Any) -> Any:
    try:
        return get(body)
    except ValueError:
        return None


def _hint_of_refusal(answer: Answer) -> str:
    if answer.status == 403:
        return "give the credentials the right to do this in the CRM"
    if answer.status in (400, 422):
        return "compare write, params and the templates in hub.toml with the fields that the CRM knows"
    return ""


def _path(template: str, remote_id: str) -> str:
    return str(fill(template, {"id": quote(remote_id, safe="")})) if "{" in template else template


@hookimpl
def register_adapters() -> list[type[ContactSync]]:
    """Name the adapter of this plugin."""
    return [Crm]
