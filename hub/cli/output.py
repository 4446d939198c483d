"""What a command says: lines for people or one JSON document on stdout, talk on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, NamedTuple, ParamSpec

import click

from hub.i18n import LANGUAGES, _

if TYPE_CHECKING:
    from pathlib import Path

    from hub.discussions.tree import Discussion, Node

P = ParamSpec("P")

PARTLY = 5
INTERRUPTED = 130
# Texts come from strangers: no control character of theirs may steer a terminal, nor turn its writing around.
_UNSAFE = dict.fromkeys(
    (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\ufffd"
)
_UNSAFE_LINES = {code: char for code, char in _UNSAFE.items() if code not in (0x09, 0x0A)}


class ReaderGone(Exception):
    """Whoever reads our output has closed it, as `head` does."""


class Failure(NamedTuple):
    """Why a command failed, in the reader's language, and the exit code that says so."""

    code: str
    message: str
    hint: str
    exit_code: int


class Output:
    """One command's voice, and what the global options say. `zone` is the hub's once hub.toml is read."""

    def __init__(self, *, json: bool = False) -> None:
        self.json = json
        self.config: str | None = None
        self.input = True
        self.zone: tzinfo = UTC
        self.answered = False
        self.code = 0

    @property
    def folder(self) -> Path:
        """Where hub.toml is, or would be."""
        from pathlib import Path

        return Path(self.config or os.environ.get("HUB_CONFIG") or "hub.toml").parent

    def say(self, text: str) -> None:
        """Talk to the person: on stderr, so that it never mixes with what was asked for."""
        click.echo(printable(text), err=True)

    def warn(self, text: str) -> None:
        self.say(_("Warning: {text}").format(text=text))

    def line(self, text: str = "") -> None:
        """Print a line of the answer."""
        if not self.json:
            _write(printable(text).rstrip())

    def heading(self, text: str) -> None:
        self.line()
        self.line(text)

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print rows under their headers, each column as wide as it needs; the last may be of any width."""
        cells = [[one_line("" if cell is None else str(cell)) for cell in row] for row in (headers, *rows)]
        widths = [max(width(row[column]) for row in cells) for column in range(len(headers))]
        for row in cells:
            padded = [text + " " * (most - width(text)) for text, most in zip(row[:-1], widths, strict=False)]
            self.line("  ".join([*padded, row[-1]]))

    def tree(self, discussion: Discussion) -> None:
        """Print the remarks of a discussion, each under the one it answers; a repeat is its site and address."""
        for depth, node in discussion.walk():
            indent = "  " * (depth + 1)
            head, body = self._remark(node)
            self.line(indent + head)
            for part in body:
                self.line(f"{indent}    {part}")
            for again in node.repeats:
                where = [again.account, self.when(again.sent_at), f"#{again.id}"]
                self.line(f"{indent}    = " + one_line(" · ".join([*where, *([again.url] if again.url else [])])))

    def _remark(self, node: Node) -> tuple[str, list[str]]:
        mention = node.mention
        if mention is None:
            return _("(a remark that the hub has not seen)"), []
        author = mention.author_name or mention.author_handle or _("somebody")
        marks = [_("[deleted]")] if mention.deleted_at else [_("[edited]")] if mention.edited_at else []
        head = " · ".join([author, mention.account, self.when(mention.sent_at), f"#{mention.id}", *marks])
        return one_line(head), [*mention.text.splitlines(), *([mention.url] if mention.url else [])]

    def most(self, limit: int | None) -> int:
        """Say how many a listing shows: a person reads a screenful, a program all there reasonably is."""
        return limit or (1000 if self.json else 20)

    def when(self, moment: datetime | None, *, seconds: bool = False) -> str:
        """Say a time by the hub's clock."""
        form = "%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M"
        return "" if moment is None else moment.astimezone(self.zone).strftime(form)

    def ask(self, question: str, hint: str) -> None:
        """Let the person agree; raise `UsageError` with the mend where nobody can be asked."""
        from hub.errors import UsageError

        if not self.input or self.json or not sys.stdin.isatty():
            raise UsageError("this needs your consent, and nobody can be asked", hint=hint)
        click.confirm(question, abort=True, err=True)

    def done(self, document: Mapping[str, object], code: int = 0) -> None:
        """End the command's answer: print the one JSON document if that is wanted, and set the exit code."""
        self.code = code
        if self.json and not self.answered:
            self.answered = True
            _write(_json({"ok": code == 0, **document}))

    def fail(self, failure: Failure) -> int:
        """Say why the command failed; return its exit code."""
        if self.json:
            error = {"code": failure.code, "message": failure.message, "hint": failure.hint}
            self.done({"error": error}, failure.exit_code)
        else:
            coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
            label = click.style(_("Error:"), fg="red", bold=True) if coloured else _("Error:")
            click.echo(f"{label} {printable(failure.message)}", err=True, color=coloured)
            if failure.hint:
                click.echo(f"  {printable(failure.hint)}", err=True)
        return failure.exit_code


def command(
    name: str, *, help: str, epilog: str | None = None, dashes: bool = False
) -> Callable[[Callable[Concatenate[Output, P], None]], click.Command]:
    """Make a command of a function that takes the `Output` first; it understands the global options too.

    With `dashes` an argument may begin with one, as ids do on some networks.
    """

    def decorate(function: Callable[Concatenate[Output, P], None]) -> click.Command:
        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> None:
            from hub.cli import logging

            # structlog's own default is stdout, where only the answer belongs.
            logging.configure("warning", json=False)
            function(click.get_current_context().find_object(Output) or Output(), *args, **kwargs)

        made = click.command(
            name, help=help, short_help=help, epilog=epilog, context_settings={"ignore_unknown_options": dashes}
        )(call)
        made.params += shared_options()
        return made

    return decorate


limit_option = click.option(
    "--limit", type=click.IntRange(1, 10_000), help=_("How many at most; without it 20, or 1000 with --json.")
)


def shared_options() -> list[click.Parameter]:
    """Return the options that stand before the command or after it."""
    return [
        _shared(["--config"], _keep_config, _("The hub.toml to use; HUB_CONFIG names it too."), metavar="FILE"),
        _shared(["--json"], _keep_json, _("Print one JSON document instead of lines."), is_flag=True),
        _shared(["--no-input"], _keep_input, _("Never ask anything."), is_flag=True),
        _shared(["--lang"], _keep_nothing, _("The language to speak."), type=click.Choice(LANGUAGES)),
    ]


def _shared(names: list[str], keep: Callable[[Output, Any], None], help: str, **attributes: Any) -> click.Option:
    def callback(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
        if value:
            keep(context.ensure_object(Output), value)

    return click.Option(names, expose_value=False, callback=callback, help=help, **attributes)


def _keep_config(out: Output, value: str) -> None:
    out.config = value


def _keep_json(out: Output, value: bool) -> None:
    out.json = value


def _keep_input(out: Output, value: bool) -> None:
    out.input = not value


def _keep_nothing(out: Output, value: str) -> None:
    """The language was chosen before the arguments were read."""


def printable(text: str) -> str:
    """Make foreign text harmless to a terminal; lines and tabs stay."""
    return text.translate(_UNSAFE_LINES)


def one_line(text: str) -> str:
    """Put a text on one line, harmless to a terminal."""
    return " ".join(text.split()).translate(_UNSAFE) if text.strip() else ""


def short(text: str, most: int = 60) -> str:
    """Cut a text off for a listing."""
    line = one_line(text)
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def width(text: str) -> int:
    """Return how many columns a terminal gives a text."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    import unicodedata

    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def iso(moment: datetime | None) -> str | None:
    """Write a time as scripts want it."""
    return None if moment is None else moment.isoformat()


def _json(document: Mapping[str, object]) -> str:
    import json as jsonlib

    text = jsonlib.dumps(document, ensure_ascii=False, default=str)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        text = jsonlib.dumps(document, default=str)
    return text


def _write(text: str) -> None:
    try:
        try:
            click.echo(text)
        except UnicodeEncodeError:
            encoding = sys.stdout.encoding or "utf-8"
            click.echo(text.encode(encoding, "backslashreplace").decode(encoding))
    except BrokenPipeError:
        raise ReaderGone from None
