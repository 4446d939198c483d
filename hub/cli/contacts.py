"""`hub contacts`: the people behind the authors and the CRM records, and what is to be done about them."""

from __future__ import annotations

from importlib import import_module

import click

from hub.cli import arguments
from hub.cli.opening import open_store
from hub.cli.output import Output, limit_option, shared_options
from hub.cli.shapes import person_shape
from hub.cli.table import CONTACTS
from hub.i18n import N_, _
from hub.store.people import contacts as store
from hub.store.people import heard


class Room(click.Group):
    """The commands of a table, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(CONTACTS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = CONTACTS.get(cmd_name)
        if entry is None:
            return None
        found: click.Command = getattr(import_module(f"hub.cli.{entry.module}"), entry.attribute)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(_("Commands")):
            formatter.write_dl([(name, _(entry.help)) for name, entry in CONTACTS.items()])


@click.group(
    "contacts",
    cls=Room,
    invoke_without_command=True,
    help=_("List the people behind the authors and the CRM records."),
)
@click.option(
    "--search", default="", metavar="TEXT", help=_("Only those whose name, e-mail, phone or handle holds this.")
)
@click.option(
    "--only",
    type=click.Choice(store.KINDS),
    help=_("Only those with a record in a CRM, without one, with an open question, or perhaps met twice."),
)
@click.option("--after", type=click.IntRange(1), metavar="ID", help=_("Those that come after this one, by name."))
@limit_option
@click.pass_context
def contacts(
    context: click.Context, search: str, only: store.Kind | None, after: int | None, limit: int | None
) -> None:
    """Show contacts by name, unless a command is named."""
    if context.invoked_subcommand is not None:
        return
    out = context.find_object(Output) or Output()
    wanted = arguments.checked(search, N_("the search"))
    with open_store(out) as hub, hub.store.read() as connection:
        place = None if after is None else heard.place_of(connection, after)
        people = store.people(connection, out.most(limit), search=wanted, only=only, after=place)
    if people:
        out.table(
            (_("Id"), _("Name"), _("E-mail"), _("Phone"), _("Known as"), _("Records")),
            [
                (
                    person.id,
                    person.name,
                    ", ".join(person.emails),
                    ", ".join(person.phones),
                    ", ".join(f"{one.platform}: {one.handle or one.remote_id}" for one in person.authors),
                    ", ".join(f"{one.account}: {one.remote_id or one.state}" for one in person.records),
                )
                for person in people
            ],
        )
    else:
        out.line(_("There are no such contacts."))
    out.done({"contacts": [person_shape(person) for person in people]})


contacts.params += shared_options()
