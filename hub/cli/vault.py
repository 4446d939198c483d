"""`hub vault put`: hands the hub a secret that it keeps encrypted and renews by itself."""

from __future__ import annotations

import sys

import click

from hub.cli import arguments
from hub.cli.opening import open_store
from hub.cli.output import Output, command
from hub.errors import UsageError
from hub.i18n import N_, _


@click.group("vault", help=_("Keep secrets that the hub renews by itself."))
def vault() -> None:
    """Gather the commands of the vault."""


@command(
    "put",
    help=_('Put a secret of an account; hub.toml names it as { vault = "NAME" }.'),
    epilog=_("The secret is read from stdin, or asked for without showing it; never give it as an argument."),
)
@click.argument("account")
@click.argument("name")
def put(out: Output, account: str, name: str) -> None:
    """Store the secret, in place of the one there is."""
    with open_store(out) as hub:
        if account not in hub.settings.accounts:
            raise arguments.unknown_account(account, hub.settings.accounts, hub.settings.path)
        secret = _read(out)
        if not secret:
            raise UsageError("the secret is empty", hint="give it on stdin: hub vault put ACCOUNT NAME < FILE")
        hub.vault(account).write(
            arguments.checked(name, N_("the name")), arguments.checked(secret, N_("the secret"))
        )
    out.line(_("The vault has {name} of {account}.").format(name=name, account=account))
    out.done({"account": account, "name": name})


def _read(out: Output) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.read().strip()
    if not out.input:
        raise UsageError("the secret is missing", hint="give it on stdin: hub vault put ACCOUNT NAME < FILE")
    return str(click.prompt(_("Secret"), hide_input=True, err=True)).strip()


vault.add_command(put)
