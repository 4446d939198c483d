"""`hub contacts show` and `why`: all that is known of a person, and why it is taken for one person."""

from __future__ import annotations

from collections.abc import Sequence

import click

from hub.cli.contact_shapes import card_shape, evidence_shape
from hub.cli.opening import open_store
from hub.cli.output import Output, command, iso, one_line, short
from hub.contacts import card as loading
from hub.contacts.card import Card, Heard, Part
from hub.contacts.wording import (
    evidence_said,
    field_name,
    origin_said,
    question_said,
    source_said,
    state_said,
    sure,
)
from hub.i18n import _, ngettext
from hub.store.people.cards import Value
from hub.store.people.evidence import Evidence
from hub.words import word

person_id = click.argument("person_id", type=click.IntRange(1), metavar="ID")


@command("show", help=_("Show all that is known of a person."))
@person_id
@click.option(
    "--before",
    type=click.IntRange(1),
    metavar="MENTION",
    help=_("Discussions before the one with this remark, as the end of the list says."),
)
def show(out: Output, person_id: int, before: int | None) -> None:
    """Show the card: identities, fields, records, discussions, questions, evidence, consents, notes."""
    with open_store(out) as hub:
        found = loading.load(
            hub.store, person_id, before=before, talks=out.most(None) if out.json else loading.TALKS
        )
    _fields(out, found)
    _identities(out, found)
    _records(out, found)
    _questions(out, found)
    _discussions(out, found)
    _team(out, found)
    _evidence(out, found.evidence)
    out.done({"contact": card_shape(found)})


def _fields(out: Output, found: Card) -> None:
    out.line(f"{found.person.id}  {one_line(found.person.name) or _('somebody')}")
    for field, value in found.view.values.items():
        values = (value,) if isinstance(value, str) else value
        chosen = found.view.chosen.get(field)
        source = _source(out, found, chosen) if chosen is not None else ""
        if any(values):
            out.line(f"  {field_name(field)}: {one_line(', '.join(values))}" + (f"  ({source})" if source else ""))


def _source(out: Output, found: Card, value: Value) -> str:
    said = found.names.get(value.user_id or 0) or source_said(value.source)
    # What lost a choice bears no moment of its own.
    return said if value.at.year == 1970 else f"{said}, {out.when(value.at)}"


def _identities(out: Output, found: Card) -> None:
    if found.voices:
        out.heading(_("Identities"))
    for one in found.voices:
        said = ngettext("{count} remark", "{count} remarks", one.remarks).format(count=one.remarks)
        facts = [f"{one.platform}: {one.handle or one.remote_id}", one.name, said, out.when(one.last_at), one.url]
        out.line("  " + "  ".join(one_line(fact) for fact in facts if fact))


def _records(out: Output, found: Card) -> None:
    if found.records:
        out.heading(_("In the CRMs"))
    for one in found.records:
        facts = [one.account, one.remote_id or "", word(one.state), out.when(one.updated_at), one.url, one.error]
        out.line("  " + "  ".join(one_line(fact) for fact in facts if fact))
    for told in found.activities:
        facts = [told.account, word(told.make), word(told.state), told.url, told.error]
        out.line("    " + "  ".join(one_line(fact) for fact in facts if fact))


def _questions(out: Output, found: Card) -> None:
    if found.questions:
        out.heading(_("Questions"))
    for one in found.questions:
        out.line(f"  {one.id}  {question_said(one.kind, one.field, one.account)}")


def _discussions(out: Output, found: Card) -> None:
    if found.talks:
        out.heading(_("What was asked and answered"))
    for one in found.talks:
        _discussion(out, one)
    if found.older is not None:
        out.line(
            "  "
            + _("More: `hub contacts show {id} --before {mention}`").format(
                id=found.person.id, mention=found.older
            )
        )


def _discussion(out: Output, one: Heard) -> None:
    talk = one.talk
    title = one_line(talk.title or talk.url) or _("Discussion {id}").format(id=talk.discussion)
    where = ", ".join(site.account for site in one.sites)
    out.line(f"  {talk.discussion}  {title}  {where}")
    for said in one.said:
        mention = said.mention
        marks = f"  {_('[deleted]')}" if mention.deleted_at is not None else ""
        out.line(
            f"    {out.when(mention.sent_at)}  {mention.account}  #{mention.id}  {short(mention.text, 100)}{marks}"
        )
        for answer in said.answers:
            out.line(f"      → {one_line(answer.by or answer.account)}  {short(answer.text, 100)}")


def _team(out: Output, found: Card) -> None:
    if found.consents:
        out.heading(_("Consents"))
    for one in found.consents:
        said = _("given") if one.granted else _("withdrawn")
        facts = [one.purpose, said, out.when(one.at), one.by, one.note]
        out.line("  " + "  ".join(one_line(fact) for fact in facts if fact))
    if found.notes:
        out.heading(_("Notes"))
    for note in found.notes:
        out.line(f"  {out.when(note.at)}  {one_line(note.by)}  {one_line(note.text)}")


@command("why", help=_("Say why the hub takes these identities and records for one person."))
@person_id
def why(out: Output, person_id: int) -> None:
    """Show each card of the person, and the evidence between them."""
    with open_store(out) as hub:
        found = loading.load(hub.store, person_id, talks=1)
    for part in found.parts:
        out.line(f"{part.id}  {origin_said(part.origin)}: {part_said(part)}")
    _evidence(out, found.evidence)
    if found.merges:
        out.heading(_("Merges that can be taken back"))
    for one in found.merges:
        sides = " | ".join(", ".join(map(str, side)) for side in (one.one, one.other))
        out.line(f"  {one.id}  {sides}  {one_line(evidence_said(one.evidence.kind, one.evidence.value))}")
    if not found.evidence:
        out.line(_("It is one card; nothing had to be joined."))
    merges = [
        {"id": one.id, "one": list(one.one), "other": list(one.other), "at": iso(one.at)} for one in found.merges
    ]
    evidence = [evidence_shape(one) for one in found.evidence]
    out.done({"contact": found.person.id, "evidence": evidence, "merges": merges})


def part_said(part: Part) -> str:
    """Say what a card holds, in a line."""
    held = [f"{one.platform}: {one.handle or one.remote_id}" for one in part.voices]
    held += [f"{one.account}: {one.remote_id or word(one.state)}" for one in part.records]
    held += [one.value for one in part.values if one.value and one.field in ("name", "emails", "phones")]
    return one_line(", ".join(dict.fromkeys(held)))


def _evidence(out: Output, evidence: Sequence[Evidence]) -> None:
    if evidence:
        out.heading(_("Why this is one person"))
    for one in evidence:
        said = one_line(evidence_said(one.kind, one.value))
        facts = [f"{sure(one.weight)} ({one.weight:.2f})", state_said(one.state), source_said(one.source)]
        line = "  ".join(one_line(fact) for fact in (*facts, out.when(one.at)) if fact)
        out.line(f"  {one.one_id} – {one.other_id}  {said}  {line}")
