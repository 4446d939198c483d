"""`hub users`: who works with the hub, in which role, and with which password."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from hub.cli import arguments
from hub.cli.opening import open_store
from hub.cli.output import Output, command, iso, shared_options
from hub.errors import UsageError
from hub.i18n import _
from hub.scheduling.hub import Hub
from hub.users import people
from hub.users.people import Member
from hub.users.roles import Role
from hub.words import word

_ROLES = click.Choice([role.value for role in Role])
_PASSWORD = _("The password is read from stdin, or asked for without showing it; it is never an argument.")


@click.group("users", invoke_without_command=True, help=_("List the users, or add and change them."))
@click.pass_context
def users(context: click.Context) -> None:
    """List them, unless a command is named."""
    if context.invoked_subcommand is not None:
        return
    out = context.find_object(Output) or Output()
    with open_store(out) as hub:
        found = people.members(hub.store)
    rows = [
        (
            member.user.name,
            word(member.user.role.value),
            _("all") if member.user.accounts is None else ", ".join(sorted(member.user.accounts)) or _("none"),
            out.when(member.seen_at) or _("never"),
            _("shut out") if member.disabled_at else "",
        )
        for member in found
    ]
    if rows:
        out.table((_("name"), _("role"), _("accounts"), _("last seen"), ""), rows)
    else:
        out.line(_("There are no users; `hub users add NAME --role owner` adds the first."))
    out.done({"users": [_shape(member) for member in found]})


def _shape(member: Member) -> dict[str, Any]:
    user = member.user
    return {
        "id": user.id,
        "name": user.name,
        "display_name": user.display_name,
        "role": user.role.value,
        "accounts": None if user.accounts is None else sorted(user.accounts),
        "created_at": iso(member.created_at),
        "seen_at": iso(member.seen_at),
        "disabled_at": iso(member.disabled_at),
    }


_role_option = click.option(
    "--role", type=_ROLES, default=Role.READER.value, show_default=True, help=_("What they may do.")
)
_accounts_option = click.option(
    "--accounts", multiple=True, metavar="A,B", help=_("The only accounts that they may see and use.")
)


@command("add", help=_("Add a user."), epilog=_PASSWORD)
@click.argument("name")
@_role_option
@_accounts_option
@click.option("--display-name", default="", metavar="TEXT", help=_("The name as others see it."))
def add(out: Output, name: str, role: str, accounts: tuple[str, ...], display_name: str) -> None:
    """Add a user; also the first owner, for who reaches the database is trusted."""
    with open_store(out) as hub:
        chosen = _accounts(hub, accounts)
        password = _read_password(out)
        user = people.add(
            hub.store, name, Role(role), password, hub.clock(), display_name=display_name, accounts=chosen
        )
        member = people.find(hub.store, user.id)
    out.line(_("{name} is added, as {role}.").format(name=user.name, role=word(role)))
    out.done({"user": _shape(member)})


@command("role", help=_("Give a user another role, or other accounts."))
@click.argument("name")
@click.argument("role", type=_ROLES)
@_accounts_option
@click.option("--all-accounts", is_flag=True, help=_("Let them see and use all accounts."))
def role(out: Output, name: str, role: str, accounts: tuple[str, ...], all_accounts: bool) -> None:
    """Change the role; accounts stay as they are unless they are named."""
    with open_store(out) as hub:
        chosen = _accounts(hub, accounts)
        user = people.change_role(hub.store, name, Role(role))
        if chosen is not None or all_accounts:
            people.set_accounts(hub.store, name, None if all_accounts else chosen)
        member = people.find(hub.store, user.id)
    out.line(_("{name} is {role} now.").format(name=user.name, role=word(role)))
    out.done({"user": _shape(member)})


@command("disable", help=_("Shut a user out; their sessions and tokens end at once."))
@click.argument("name")
@click.option("--undo", is_flag=True, help=_("Let them in again."))
def disable(out: Output, name: str, undo: bool) -> None:
    """Shut a user out, or let them in again; what they did stays under their name."""
    with open_store(out) as hub:
        user = people.enable(hub.store, name) if undo else people.disable(hub.store, name, hub.clock())
        member = people.find(hub.store, user.id)
    said = _("{name} is let in again.") if undo else _("{name} is shut out.")
    out.line(said.format(name=user.name))
    out.done({"user": _shape(member)})


@command("password", help=_("Give a user another password; they are logged out everywhere."), epilog=_PASSWORD)
@click.argument("name")
def password(out: Output, name: str) -> None:
    """Set the password of somebody who forgot theirs."""
    with open_store(out) as hub:
        people.find(hub.store, name)
        user = people.set_password(hub.store, name, _read_password(out))
        member = people.find(hub.store, user.id)
    out.line(_("The password of {name} is set.").format(name=user.name))
    out.done({"user": _shape(member)})


def _accounts(hub: Hub, given: Sequence[str]) -> frozenset[str] | None:
    names = [name.strip() for part in given for name in part.split(",") if name.strip()]
    for name in names:
        if name not in hub.settings.accounts:
            raise arguments.unknown_account(name, hub.settings.accounts, hub.settings.path)
    return frozenset(names) if given else None


def _read_password(out: Output) -> str:
    if not sys.stdin.isatty():
        found = sys.stdin.readline().rstrip("\r\n")
    elif out.input:
        found = str(click.prompt(_("Password"), hide_input=True, confirmation_prompt=True, err=True))
    else:
        found = ""
    if not found:
        raise UsageError("the password is missing", hint="give it on stdin: hub users … < FILE")
    return found


users.params += shared_options()
for _one in (add, role, disable, password):
    users.add_command(_one)
