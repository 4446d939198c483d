"""The entry point: finds the command, and turns whatever happens into one answer and one exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

import click

from hub import i18n
from hub.cli.output import Output, ReaderGone, shared_options
from hub.cli.table import TABLE
from hub.i18n import _


class Commands(click.Group):
    """The commands of the table, each imported when it is called; then those of plugins."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(TABLE)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = TABLE.get(cmd_name)
        if entry is not None:
            found: click.Command = getattr(import_module(f"hub.cli.{entry.module}"), entry.attribute)
            return found
        if cmd_name.startswith("-"):
            return None
        from hub.cli.plugins import plugin_commands

        return plugin_commands().get(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(_("Commands")):
            formatter.write_dl([(name, _(entry.help)) for name, entry in TABLE.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        formatter.write_text(_("Plugins may bring further commands; `hub plugins` lists them."))

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(
                _(
                    "Publish one post to many networks exactly once, bring the answers home as one discussion, "
                    "keep the CRM in step."
                )
            )


def _show_version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        click.echo(f"hub {version('crosshub')}")
        ctx.exit()


def _program() -> click.Group:
    version = click.Option(
        ["--version"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_show_version,
        help=_("Show the version and leave."),
    )
    return Commands("hub", params=[*shared_options(), version])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; never raises, never shows a traceback."""
    args = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    # What must be known before the arguments are understood: how to complain about them.
    ahead = args[: args.index("--")] if "--" in args else args
    i18n.use(i18n.choose(_language(ahead), os.environ))
    out = Output(json="--json" in ahead)
    try:
        code = _program().main(args, prog_name="hub", standalone_mode=False, obj=out)
        if out.json and not out.answered and code is None:
            out.done({})
        code = out.code if code is None else int(code)
    except ReaderGone:
        code = _quietly(out)
    except BaseException as error:
        from hub.cli.failures import failure_of

        try:
            code = out.fail(failure_of(error, out.folder))
        except (ReaderGone, BrokenPipeError):
            code = _quietly(out)
    return code


def _quietly(out: Output) -> int:
    """Whoever read our output has enough of it; the interpreter must not complain about that when it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return out.code


def _language(args: Sequence[str]) -> str | None:
    for position, arg in enumerate(args):
        if arg == "--lang" and position + 1 < len(args):
            return args[position + 1]
        if arg.startswith("--lang="):
            return arg.removeprefix("--lang=")
    return None
