"""What the team itself keeps of a person: fields and notes; and a person who is added or deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import FormData

from hub.contacts import editing
from hub.contacts.card import Card
from hub.contacts.wording import field_name
from hub.errors import HubError, UsageError
from hub.i18n import words_of
from hub.users.roles import Permission
from hub.web import pages, writing
from hub.web.contacts import WORDS, Number, back, checked, contact_room, editable, load, person_of, show
from hub.web.failures import status_of
from hub.web.routes import TheHub, TheUser

room = contact_room()
Text = Annotated[str, Form(max_length=100_000)]
TheForm = Annotated[FormData, Depends(writing.form_of)]
Fields = Mapping[str, "str | Sequence[str]"]
_LISTS = ("emails", "phones")
_NEW = ("name", "emails", "phones", "company", "title", "city", "url")


class ChangedMeanwhile(HubError):
    """Somebody else changed the same field since the form was opened."""

    code = "changed"


@room.page("/contacts/new", may=Permission.RESPOND)
def new(request: Request, hub: TheHub, user: TheUser) -> Response:
    """Show an empty form for a person."""
    return _new(request, {})


@room.action("/contacts/new", may=Permission.RESPOND)
def add(request: Request, hub: TheHub, user: TheUser, form: TheForm) -> Response:
    """Add a person."""
    typed = {field: _typed(form, f"field-{field}") for field in _NEW}
    try:
        values = {field: _value(checked(text), field in _LISTS) for field, text in typed.items() if text.strip()}
        if not values:
            raise UsageError("nothing is known of this person", hint="give a name, an e-mail or a phone")
        number = editing.add(hub.store, values, user, hub.clock(), hub.tombstones)
    except HubError as error:
        return _new(request, typed, error)
    return back(person_of(hub, number), "added")


def _new(request: Request, typed: Mapping[str, str], error: HubError | None = None) -> Response:
    problem, hint = words_of(error) if error else ("", "")
    return pages.render(
        request,
        "contact_new.html",
        status_of(error) if error else 200,
        **WORDS,
        fields=[(field, typed.get(field, ""), field in _LISTS) for field in _NEW],
        problem=problem,
        problem_hint=hint,
    )


@room.action("/contacts/{person_id:int}/edit", may=Permission.RESPOND)
def edit(request: Request, hub: TheHub, user: TheUser, person_id: Number, form: TheForm) -> Response:
    """Change the fields that were changed in the form.

    The form brings along what each field held when it was opened: who changed one meanwhile is not overwritten.
    """
    found = load(hub, person_id)
    typed = {name.removeprefix("field-"): _typed(form, name) for name in form if name.startswith("field-")}
    seen = {name.removeprefix("was-"): _typed(form, name) for name in form if name.startswith("was-")}
    try:
        changes = _changes(found, typed, seen)
        extra = checked(_typed(form, "new-name"))
        if extra:
            if extra in found.view.values:
                raise UsageError("{field} is there already", hint="change it in its own line", field=extra)
            changes[extra] = checked(_typed(form, "new-value"))
        if changes:
            editing.edit(hub.store, found.person.id, changes, user, hub.clock(), hub.tombstones)
    except HubError as error:
        return show(request, hub, user, load(hub, person_id), error=error, typed=typed)
    return back(found.person.id, "changed")


def _changes(found: Card, typed: Mapping[str, str], seen: Mapping[str, str]) -> dict[str, str | Sequence[str]]:
    now = editable(found)
    changes: dict[str, str | Sequence[str]] = {}
    for field, text in typed.items():
        current, is_list = now.get(field, ("", field in _LISTS))
        wanted = checked(text)
        if _same(wanted, seen.get(field, "")) or _same(wanted, current):
            continue
        if not _same(current, seen.get(field, "")):
            raise ChangedMeanwhile(
                "{field} was changed meanwhile, to: {value}",
                hint="what you typed is still in the form; saving again puts it in its place",
                field=field_name(field),
                value=" ".join(current.split("\n")) or "—",
            )
        changes[field] = _value(wanted, is_list)
    return changes


def _same(one: str, other: str) -> bool:
    return [line.strip() for line in one.strip().split("\n")] == [
        line.strip() for line in other.strip().split("\n")
    ]


def _value(text: str, is_list: bool) -> str | Sequence[str]:
    return [line.strip() for line in text.split("\n") if line.strip()] if is_list else text


def _typed(form: FormData, name: str) -> str:
    """Return a field as it was typed: browsers end lines with two characters."""
    return str(form.get(name, "")).replace("\r\n", "\n")


@room.action("/contacts/{person_id:int}/note", may=Permission.RESPOND)
def note(request: Request, hub: TheHub, user: TheUser, person_id: Number, text: Text = "") -> Response:
    """Tell the team something about a person."""
    found = load(hub, person_id)
    try:
        words = checked(text.replace("\r\n", "\n"))
        if not words:
            raise UsageError("the note is empty", hint="write something")
        editing.note(hub.store, found.person.id, words, user, hub.clock())
    except UsageError as error:
        return show(request, hub, user, found, error=error)
    return back(found.person.id, "noted", "notes")


@room.action("/contacts/{person_id:int}/delete", may=Permission.ADMIN)
def delete(
    request: Request,
    hub: TheHub,
    user: TheUser,
    person_id: Number,
    sure: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Delete a person here; the policy of each CRM says what becomes of the record there."""
    found = load(hub, person_id)
    try:
        if sure != "yes":
            raise UsageError(
                "the person is still there", hint="say that you are sure, by the box above the button"
            )
        editing.delete(hub.store, found.person.id, user, hub.clock())
    except HubError as error:
        return show(request, hub, user, found, error=error)
    return RedirectResponse("/contacts?done=deleted", 303)
