"""`hub contacts conflicts` and `decide`: what only a person can decide about a record."""

from __future__ import annotations

from collections.abc import Sequence

import click

from hub.cli import arguments
from hub.cli.contact_joins import shown
from hub.cli.contact_shapes import question_shape
from hub.cli.desk import user_of
from hub.cli.opening import open_store
from hub.cli.output import Output, command, limit_option, one_line
from hub.contacts.crm import deciding
from hub.contacts.wording import answers_to, question_said, value_in
from hub.i18n import N_, _
from hub.store.crm import questions

_SHOWN: Sequence[tuple[str, str]] = (("base", N_("before")), ("ours", N_("here")), ("theirs", N_("there")))


@command("conflicts", help=_("List what both sides changed, and what was deleted."))
@limit_option
def conflicts(out: Output, limit: int | None) -> None:
    """Show each question with what both sides say; `decide` takes its number."""
    with open_store(out) as hub, hub.store.read() as connection:
        found = questions.open(connection, out.most(limit))
    for one in found:
        head = f"{one.id}  {question_said(one.kind, one.field, one.account)}"
        out.line(f"{head}  (#{one.contact_id}, {one.account} {one.remote_id or ''})")
        if one.kind == "conflict":
            for side, name in _SHOWN:
                out.line(f"    {_(name)}: {one_line(shown(value_in(getattr(one, side), one.field))) or '—'}")
        for answer, text in answers_to(one.kind, one.account):
            out.line(f"    {answer}: {text}")
    if not found:
        out.line(_("There is nothing to decide."))
    out.done({"questions": [question_shape(one) for one in found]})


@command(
    "decide",
    help=_("Answer a question of `hub contacts conflicts`."),
    epilog=_("`ours` keeps what is here, `theirs` takes what the CRM holds; anything else is the value for both."),
)
@click.argument("question_id", type=click.IntRange(1), metavar="ID")
@click.argument("answer", metavar="ours|theirs|VALUE")
@click.option("--as", "name", metavar="USER", help=_("The user who does it; without it, you at this machine."))
def decide(out: Output, question_id: int, answer: str, name: str | None) -> None:
    """Write down a person's word; the next sync carries it out."""
    word = arguments.checked(answer, N_("the answer"))
    with open_store(out) as hub:
        deciding.answer(hub.store, question_id, word, user_of(hub, name), hub.clock())
    out.line(_("Decided; the next sync carries it out."))
    out.done({"question": question_id, "answer": word})
