"""`hub contacts merge`, `split`, `proposals`, `accept`, `refuse`: who is who, by a person's word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from hub.cli.contact_card import person_id
from hub.cli.contact_shapes import proposal_shape, told_shape
from hub.cli.desk import user_of
from hub.cli.opening import open_hub, open_store
from hub.cli.output import Output, command, limit_option, one_line
from hub.cli.shapes import person_shape
from hub.contacts import card as loading
from hub.contacts.card import Part
from hub.contacts.crm import foretelling
from hub.contacts.identity import merging
from hub.contacts.identity.merging import Preview, Told
from hub.contacts.wording import evidence_said, field_name, source_said, sure
from hub.errors import UsageError
from hub.i18n import _
from hub.store.people.contacts import Person

_by = click.option(
    "--as", "name", metavar="USER", help=_("The user who does it; without it, you at this machine.")
)
_proposal = click.argument("proposal_id", type=click.IntRange(1), metavar="ID")


@command("merge", help=_("Say that two contacts are one person."), epilog=_("`hub contacts split` takes it back."))
@click.argument("one", type=click.IntRange(1))
@click.argument("other", type=click.IntRange(1))
@click.option("--yes", is_flag=True, help=_("Do it without asking."))
@click.option("--dry-run", is_flag=True, help=_("Only show what would be shown and told after it."))
@_by
def merge(out: Output, one: int, other: int, yes: bool, dry_run: bool, name: str | None) -> None:
    """Show what would be, ask, and merge; nothing is lost by it."""
    with open_hub(out) as hub:
        found = merging.preview(hub.store, one, other)
        crm = foretelling.told(hub, found)
        _preview(out, found, crm)
        joined = None
        if not dry_run:
            if not yes:
                out.ask(_("Are they one person?"), "add --yes, or look first with --dry-run")
            joined = merging.merge(hub.store, one, other, user_of(hub, name), hub.clock())
            out.line(_("They are contact {id} now.").format(id=joined))
    out.done(
        {
            "contact": joined,
            "one": person_shape(found.one),
            "other": person_shape(found.other),
            "fields": _values(found.after.values),
            "crm": [told_shape(each) for each in crm],
            "both_in": list(found.both_in),
        }
    )


def _values(values: Mapping[str, str | tuple[str, ...]]) -> dict[str, str | list[str]]:
    return {field: value if isinstance(value, str) else list(value) for field, value in values.items()}


def _preview(out: Output, found: Preview, crm: Sequence[Told]) -> None:
    rows = []
    for field, value in found.after.values.items():
        before = [shown(person.values.get(field, "")) for person in (found.one, found.other)]
        rows.append((field_name(field), *before, shown(value)))
    one, other = (f"{person.id} {one_line(person.name)}" for person in (found.one, found.other))
    out.table((_("Field"), one, other, _("After")), rows)
    if found.both_in:
        out.warn(
            _("Each of them has a record in {accounts}: after it one person has two there.").format(
                accounts=", ".join(found.both_in)
            )
        )
    if crm:
        out.heading(_("What the CRMs would be told"))
        for each in crm:
            change = f"{shown(each.before) or '—'} → {shown(each.after) or '—'}"
            out.line(f"  {each.account} {each.remote_id}  {field_name(each.field)}: {one_line(change)}")


def shown(value: str | Sequence[str]) -> str:
    """Return a value of a field in one line."""
    return value if isinstance(value, str) else ", ".join(value)


@command(
    "split",
    help=_("Say that an identity or a record is somebody else's."),
    epilog=_("`hub contacts why ID` lists the cards of a person. The hub will not join the two again by itself."),
)
@person_id
@click.option("--cards", multiple=True, metavar="3,5", help=_("The cards that go, by the numbers of `why`."))
@click.option("--identity", multiple=True, metavar="PLATFORM:HANDLE", help=_("An identity that goes."))
@click.option("--record", multiple=True, metavar="ACCOUNT:ID", help=_("A record that goes."))
@click.option(
    "--merge", "merge_id", type=click.IntRange(1), help=_("A merge that is taken back, as `why` lists it.")
)
@_by
def split(
    out: Output,
    person_id: int,
    cards: Sequence[str],
    identity: Sequence[str],
    record: Sequence[str],
    merge_id: int | None,
    name: str | None,
) -> None:
    """Part cards from a person; what came by them goes with them."""
    with open_store(out) as hub:
        found = loading.load(hub.store, person_id, talks=1)
        going = [*_numbers(cards), *_named(found.parts, identity, record)]
        if merge_id is not None and (going or merge_id not in {one.id for one in found.merges}):
            raise UsageError(
                "{merge} is no merge of contact {id}, or more than it is named",
                hint="`hub contacts why {id}` lists the merges; name one alone",
                merge=merge_id,
                id=found.person.id,
            )
        if not going and merge_id is None:
            raise UsageError(
                "nothing is named that goes",
                hint="name it with --identity, --record, --cards or --merge; `why` lists them",
            )
        by, now = user_of(hub, name), hub.clock()
        if merge_id is not None:
            stays, left = merging.undo(hub.store, merge_id, by, now)
        else:
            stays, left = merging.split(hub.store, found.person.id, going, by, now)
    out.line(_("They are contacts {one} and {other} now.").format(one=stays, other=left))
    out.done({"contacts": [stays, left]})


def _numbers(given: Sequence[str]) -> list[int]:
    numbers = [part.strip() for one in given for part in one.split(",") if part.strip()]
    for one in numbers:
        if not one.isdecimal() or len(one) > 18:
            raise UsageError("{card} is no card", hint="give numbers, as in --cards 3,5", card=one)
    return [int(one) for one in numbers]


def _named(parts: Sequence[Part], identities: Sequence[str], records: Sequence[str]) -> list[int]:
    """Return the cards of these identities and records."""
    found = []
    for one in identities:
        platform, _sign, who = one.partition(":")
        who = who.strip().removeprefix("@").casefold()
        known = [
            part.id
            for part in parts
            for voice in part.voices
            if voice.platform == platform.strip() and who in (voice.remote_id.casefold(), voice.handle.casefold())
        ]
        if not known:
            raise UsageError(
                "{identity} is no identity of this person", hint="`hub contacts show ID` lists them", identity=one
            )
        found += known
    for one in records:
        account, _sign, remote_id = one.partition(":")
        known = [
            part.id
            for part in parts
            for record in part.records
            if (record.account, record.remote_id) == (account.strip(), remote_id.strip())
        ]
        if not known:
            raise UsageError(
                "{record} is no record of this person", hint="`hub contacts show ID` lists them", record=one
            )
        found += known
    return found


@command("proposals", help=_("List the pairs that may be one person."))
@click.option("--after", type=click.IntRange(1), metavar="ID", help=_("Those that come after this one."))
@limit_option
def proposals(out: Output, after: int | None, limit: int | None) -> None:
    """Show each pair with what speaks for it; `accept` and `refuse` take its number."""
    with open_store(out) as hub:
        found = merging.proposals(hub.store, out.most(limit), after)
    for one in found:
        out.line(f"{one.id}  {_brief(one.one)}  =?  {_brief(one.other)}  {sure(one.weight)} ({one.weight:.2f})")
        for each in one.evidence:
            source = one_line(source_said(each.source))
            out.line(f"    {one_line(evidence_said(each.kind, each.value))}" + (f"  ({source})" if source else ""))
    if not found:
        out.line(_("There is nothing to decide."))
    out.done({"proposals": [proposal_shape(one) for one in found]})


def _brief(person: Person) -> str:
    known = [*person.emails, *person.phones, *(f"{one.platform}: {one.handle}" for one in person.authors)]
    return one_line(f"{person.id} {person.name or _('somebody')} ({', '.join(known[:3])})")


@command("accept", help=_("Say that a proposed pair is one person."))
@_proposal
@_by
def accept(out: Output, proposal_id: int, name: str | None) -> None:
    """Merge the pair."""
    with open_store(out) as hub:
        joined = merging.accept(hub.store, proposal_id, user_of(hub, name), hub.clock())
    out.line(_("They are contact {id} now.").format(id=joined))
    out.done({"proposal": proposal_id, "contact": joined})


@command("refuse", help=_("Say that a proposed pair is two people."))
@_proposal
@_by
def refuse(out: Output, proposal_id: int, name: str | None) -> None:
    """Keep the pair apart, for good."""
    with open_store(out) as hub:
        merging.refuse(hub.store, proposal_id, user_of(hub, name), hub.clock())
    out.line(_("They stay two people."))
    out.done({"proposal": proposal_id})
