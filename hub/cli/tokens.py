"""`hub tokens`: what lets programs use the API in a user's name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from hub.cli.opening import open_store
from hub.cli.output import Output, command, iso, shared_options
from hub.errors import UsageError
from hub.i18n import _
from hub.store.team.users import StoredToken
from hub.times import duration
from hub.users import people
from hub.users import tokens as keys
from hub.users.roles import Permission

_LIFE = "90d"


@click.group("tokens", invoke_without_command=True, help=_("List the tokens of the API, make or revoke them."))
@click.pass_context
def tokens(context: click.Context) -> None:
    """List them, unless a command is named."""
    if context.invoked_subcommand is not None:
        return
    out = context.find_object(Output) or Output()
    with open_store(out) as hub:
        found = keys.of_user(hub.store)
        names = {member.user.id: member.user.name for member in people.members(hub.store)}
    rows = [
        (
            one.id,
            names[one.user_id],
            one.name,
            " ".join(one.scopes),
            out.when(one.expires_at) or _("for ever"),
            out.when(one.used_at) or _("never"),
        )
        for one in found
    ]
    if rows:
        out.table((_("id"), _("user"), _("token"), _("it may"), _("until"), _("last used")), rows)
    else:
        out.line(_("There are no tokens; `hub tokens add USER NAME` makes one."))
    out.done({"tokens": [_shape(one, names[one.user_id]) for one in found]})


def _shape(token: StoredToken, user: str) -> dict[str, Any]:
    return {
        "id": token.id,
        "user": user,
        "name": token.name,
        "scopes": list(token.scopes),
        "created_at": iso(token.created_at),
        "expires_at": iso(token.expires_at),
        "used_at": iso(token.used_at),
    }


@command(
    "add",
    help=_("Make a token for a user, and print it; nobody can show it again."),
    epilog=_("It can do what its scopes say and its user may, whichever is less."),
)
@click.argument("user")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Permission]),
    default=(Permission.READ.value,),
    show_default=True,
    help=_("What it may do; give it several times for several."),
)
@click.option(
    "--expires", default=_LIFE, show_default=True, metavar="DURATION", help=_("How long it lives, or never.")
)
def add(out: Output, user: str, name: str, scopes: tuple[str, ...], expires: str) -> None:
    """Make a token."""
    life = _life(expires)
    with open_store(out) as hub:
        owner = people.find(hub.store, user).user
        now = hub.clock()
        made = keys.make(
            hub.store,
            owner,
            name,
            [Permission(scope) for scope in scopes],
            now,
            None if life is None else now + life,
        )
    out.line(made.secret)
    out.say(_("Keep it where your program reads its secrets; nobody can show it again."))
    out.done({"token": {**_shape(made.token, owner.name), "secret": made.secret}})


@command("revoke", help=_("End a token."))
@click.argument("token_id", metavar="ID", type=click.IntRange(1))
def revoke(out: Output, token_id: int) -> None:
    """End a token at once."""
    with open_store(out) as hub:
        if not keys.revoke(hub.store, token_id):
            raise UsageError("there is no token {id}", hint="`hub tokens` lists them", id=token_id)
    out.line(_("Token {id} opens nothing any more.").format(id=token_id))
    out.done({"id": token_id})


def _life(text: str) -> timedelta | None:
    if text == "never":
        return None
    try:
        found = duration(text)
    except ValueError:
        found = None
    if not isinstance(found, timedelta):
        raise UsageError("{text} is no duration", hint="write 90d, 12h or never", text=text)
    return found


tokens.params += shared_options()
for _one in (add, revoke):
    tokens.add_command(_one)
