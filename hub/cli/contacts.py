"""`hub contacts`: the people behind the authors and the CRM records."""

from __future__ import annotations

import click

from hub.cli.opening import open_store
from hub.cli.output import Output, command, limit_option
from hub.cli.shapes import person_shape
from hub.i18n import _
from hub.store import contacts as store


@command("contacts", help=_("List the people behind the authors and the CRM records."))
@click.option(
    "--search", default="", metavar="TEXT", help=_("Only those whose name, e-mail or handle holds this.")
)
@limit_option
def contacts(out: Output, search: str, limit: int | None) -> None:
    """Show contacts by name."""
    with open_store(out) as hub, hub.store.read() as connection:
        people = store.people(connection, out.most(limit), search=search)
    if people:
        out.table(
            (_("Id"), _("Name"), _("E-mail"), _("Known as"), _("Records")),
            [
                (
                    person.id,
                    person.name,
                    ", ".join(person.emails),
                    ", ".join(f"{one.platform}: {one.handle or one.remote_id}" for one in person.authors),
                    ", ".join(f"{one.account}: {one.remote_id or one.state}" for one in person.records),
                )
                for person in people
            ],
        )
    else:
        out.line(_("There are no such contacts."))
    out.done({"contacts": [person_shape(person) for person in people]})
