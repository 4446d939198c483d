"""`hub contacts add`, `edit`, `note`, `delete`: what the team itself knows of a person."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import click

from hub.cli import arguments
from hub.cli.contact_card import person_id
from hub.cli.desk import user_of
from hub.cli.opening import open_hub, open_store
from hub.cli.output import Output, command
from hub.cli.shapes import person_shape
from hub.contacts import card as loading
from hub.contacts import editing
from hub.errors import UsageError
from hub.i18n import N_, _
from hub.scheduling.hub import Hub
from hub.store.people import cards, contacts
from hub.store.people.contacts import Person

_by = click.option(
    "--as", "name", metavar="USER", help=_("The user who does it; without it, you at this machine.")
)
_changes = click.argument("changes", nargs=-1, required=True, metavar="FIELD=VALUE…")
_HOW = _(
    "FIELD=VALUE sets a field, FIELD= clears it; FIELD+=VALUE and FIELD-=VALUE add to a list and take from it, as "
    'in name="Anna Li" phones+=+79161234567 company=. Short for lists: email, phone.'
)
# Names that people type for the two lists that every contact has.
_SHORT = {"email": "emails", "phone": "phones", "e-mail": "emails"}
LISTS = ("emails", "phones")
_CHANGE = re.compile(r"([\w.\- ]+?)\s*(\+=|-=|=)(.*)", re.DOTALL)


@command("add", help=_("Add a person."), epilog=_HOW, dashes=True)
@_changes
@_by
def add(out: Output, changes: Sequence[str], name: str | None) -> None:
    """Add a card that the team typed; matching sees whether the person is there already."""
    values = changed({}, changes)
    with open_store(out) as hub:
        number = editing.add(hub.store, values, user_of(hub, name), hub.clock(), hub.tombstones)
        person = _person(hub, number)
    out.line(_("Contact {id} is added.").format(id=number))
    out.done({"contact": person_shape(person)})


@command("edit", help=_("Change what is known of a person; the CRMs follow."), epilog=_HOW, dashes=True)
@person_id
@_changes
@_by
def edit(out: Output, person_id: int, changes: Sequence[str], name: str | None) -> None:
    """Change fields of a person."""
    with open_store(out) as hub:
        number = loading.person_of(hub.store, person_id)
        with hub.store.read() as connection:
            before = cards.view(connection, number).values
        editing.edit(hub.store, number, changed(before, changes), user_of(hub, name), hub.clock(), hub.tombstones)
        person = _person(hub, number)
    out.line(_("Contact {id} is changed.").format(id=number))
    out.done({"contact": person_shape(person)})


def changed(before: Mapping[str, str | tuple[str, ...]], given: Sequence[str]) -> dict[str, str | Sequence[str]]:
    """Return the new values of the fields that are named; raise `UsageError` for what is no change."""
    found: dict[str, str | Sequence[str]] = {}
    for one in given:
        match = _CHANGE.fullmatch(arguments.checked(one, N_("the change")))
        if match is None:
            raise UsageError(
                "{change} is no change", hint='write FIELD=VALUE, as in company="Coffee Ltd"', change=one
            )
        field, sign, value = match[1].strip(), match[2], match[3].strip()
        field = _SHORT.get(field.lower(), field)
        known = found.get(field, before.get(field, () if field in LISTS else ""))
        if sign == "=":
            found[field] = value if isinstance(known, str) else [part for part in (value,) if part]
        elif isinstance(known, str) and known:
            raise UsageError("{field} is no list", hint="set it with {field}=VALUE", field=field)
        elif sign == "+=":
            found[field] = [*known, value]
        elif value not in known:
            raise UsageError(
                "{field} does not hold {value}",
                hint="`hub contacts show ID` says what it holds",
                field=field,
                value=value,
            )
        else:
            found[field] = [part for part in known if part != value]
    return found


@command("note", help=_("Tell the team something about a person."))
@person_id
@click.argument("text")
@_by
def note(out: Output, person_id: int, text: str, name: str | None) -> None:
    """Write a note that no network learns of; `-` reads it from stdin."""
    words = arguments.read_text(text, N_("the note"))
    with open_store(out) as hub:
        number = loading.person_of(hub.store, person_id)
        editing.note(hub.store, number, words, user_of(hub, name), hub.clock())
    out.line(_("Noted."))
    out.done({"contact": number})


@command(
    "delete",
    help=_("Delete a person here; `deletions` says what the CRMs do."),
    epilog=_("What the person said stays; `hub contacts erase` removes everything that is held of them."),
)
@person_id
@click.option("--yes", is_flag=True, help=_("Do it without asking."))
@_by
def delete(out: Output, person_id: int, yes: bool, name: str | None) -> None:
    """Delete the contact."""
    with open_hub(out) as hub:
        number = loading.person_of(hub.store, person_id)
        if not yes:
            person = _person(hub, number)
            question = _("Delete contact {id}, {name}?").format(id=number, name=person.name or _("somebody"))
            out.ask(question, "add --yes")
        editing.delete(hub.store, number, user_of(hub, name), hub.clock())
    out.line(_("Contact {id} is deleted.").format(id=number))
    out.done({"contact": number})


def _person(hub: Hub, number: int) -> Person:
    with hub.store.read() as connection:
        (found,) = contacts.of_ids(connection, [loading.person_of(hub.store, number)])
    return found
