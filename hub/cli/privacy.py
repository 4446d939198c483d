"""`hub contacts erase, erasures, readmit, consent` and `hub retention`: what is held of people, and how long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from hub.cli.contact_card import person_id
from hub.cli.desk import user_of
from hub.cli.opening import open_hub, open_store
from hub.cli.output import PARTLY, Output, command, iso, limit_option
from hub.contacts.privacy import consent as consents
from hub.contacts.privacy import erasing, retention
from hub.errors import UsageError
from hub.i18n import N_, _, ngettext
from hub.scheduling import caring
from hub.scheduling.hub import Hub
from hub.store.people import cards, contacts
from hub.store.privacy import erasures
from hub.store.privacy.consents import Consent

_by = click.option(
    "--as", "name", metavar="USER", help=_("The user who does it; without it, you at this machine.")
)


@command("erase", help=_("Remove all that is held of a person, for good, and print the proof."))
@person_id
@click.option("--crms", is_flag=True, help=_("Delete their records in the CRMs, too."))
@click.option("--yes", is_flag=True, help=_("Do not ask."))
@_by
def erase(out: Output, person_id: int, crms: bool, yes: bool, name: str | None) -> None:
    """Erase a person; after a crash the same command goes on. Exit 5 if something is still to be done."""
    with open_hub(out) if crms else open_store(out) as hub:
        if not yes:
            out.ask(_question(hub, person_id), f"hub contacts erase {person_id} --yes")
        begun = erasing.erase(hub, person_id, user_of(hub, name), hub.clock(), crms)
        proof = caring.finish(hub, begun.erasure.id)
    _print(out, proof)
    out.done({"erasure": _shape(proof)}, PARTLY if proof.steps else 0)


def _question(hub: Hub, number: int) -> str:
    with hub.store.read() as connection:
        known = cards.person_of(connection, number)
        if known is None:
            return _("Go on with the erasure of contact {id}?").format(id=number)
        person = contacts.of_ids(connection, [known])[0]
    what = person.name or ", ".join(person.emails)
    return _("Remove all that is held of {name} (contact {id}), for good?").format(name=what, id=known)


def _print(out: Output, proof: erasing.Proof) -> None:
    out.line(_("Erasure {id} of contact {person}:").format(id=proof.erasure.id, person=proof.erasure.person_id))
    out.table(
        (_("What"), _("Where"), _("How many")), [(_(line.what), line.where, line.number) for line in proof.lines]
    )
    for step in proof.steps:
        out.line(_step(step))
    out.line(_("Backups, and what others have copied, are out of the hub's reach."))


def _step(step: erasures.Step) -> str:
    if step.kind == "line":
        said = _("Still to be taken away: a comment of ours on {account} with their words.")
    elif step.kind == "digest":
        said = _("Still to be written without them: digest {ref}.")
    elif step.state == erasures.ASKED:
        said = _(
            "For you to do: delete record {remote_id} in {account}; then `hub contacts erasures --done {id}`."
        )
    else:
        said = _("Still to be deleted: record {remote_id} in {account} ({error}).")
    return said.format(
        account=step.account,
        ref=step.ref,
        remote_id=step.remote_id or "?",
        id=step.erasure_id,
        error=step.error or _("waits"),
    )


def _shape(proof: erasing.Proof) -> dict[str, Any]:
    erasure = proof.erasure
    return {
        "id": erasure.id,
        "contact": erasure.person_id,
        "at": iso(erasure.at),
        "state": erasure.state,
        "crms": erasure.crms,
        "ended_at": iso(erasure.ended_at),
        "proof": [line._asdict() for line in proof.lines],
        "steps": [
            {
                "kind": step.kind,
                "account": step.account,
                "record": step.remote_id,
                "state": step.state,
                "error": step.error,
            }
            for step in proof.steps
        ],
    }


@command("erasures", help=_("List who was erased, by number, and what is still to be done."))
@click.option(
    "--done", type=click.IntRange(1), metavar="ID", help=_("Say that you did what erasure ID asked for.")
)
@limit_option
def list_erasures(out: Output, done: int | None, limit: int | None) -> None:
    """Show the newest erasures with what is left of each."""
    with open_store(out) as hub:
        if done is not None and not erasing.settle(hub.store, done, hub.clock()):
            raise UsageError("erasure {id} asks for nothing", hint="`hub contacts erasures` lists them", id=done)
        with hub.store.read() as connection:
            found = erasures.newest(connection, out.most(limit))
            proofs = [erasing.Proof(one, erasures.steps_of(connection, one.id)) for one in found]
    if proofs:
        out.table(
            (_("Id"), _("Contact"), _("When"), _("Still to do")),
            [
                (proof.erasure.id, proof.erasure.person_id, out.when(proof.erasure.at), len(proof.steps) or "")
                for proof in proofs
            ],
        )
        for proof in proofs:
            for step in proof.steps:
                out.line(_step(step))
    else:
        out.line(_("Nobody was erased."))
    out.done({"erasures": [_shape(proof) for proof in proofs]})


@command("readmit", help=_("Let somebody be taken in again who was erased."), dashes=True)
@click.argument("what", metavar="EMAIL|PHONE|PLATFORM:ID", default="")
@click.option("--all", "everybody", is_flag=True, help=_("Let everybody in again."))
def readmit(out: Output, what: str, everybody: bool) -> None:
    """Lift the hashes by which somebody is kept out."""
    if bool(what) == everybody:
        raise UsageError("name somebody, or give --all", hint="hub contacts readmit anna@example.org")
    with open_store(out) as hub:
        count = erasing.readmit_all(hub.store) if everybody else erasing.readmit(hub, what)
    out.line(ngettext("{count} hash is lifted.", "{count} hashes are lifted.", count).format(count=count))
    out.done({"lifted": count})


@command("consent", help=_("Show what a person agreed to, or write down what they said."))
@person_id
@click.argument("purpose", default="")
@click.option("--withdraw", is_flag=True, help=_("They take it back."))
@click.option("--note", default="", metavar="TEXT", help=_("Where and how they said it."))
@_by
def consent(out: Output, person_id: int, purpose: str, withdraw: bool, note: str, name: str | None) -> None:
    """Show the consents of a person with their history, after writing down a new one."""
    if withdraw and not purpose:
        raise UsageError("name the purpose that they take back", hint="hub contacts consent ID PURPOSE --withdraw")
    with open_store(out) as hub:
        if purpose:
            say = consents.withdraw if withdraw else consents.give
            say(hub.store, person_id, purpose, user_of(hub, name), hub.clock(), note=note)
        said = consents.history(hub.store, person_id)
    if said:
        out.table(
            (_("Purpose"), _("Said"), _("When"), _("By"), _("Note")),
            [
                (
                    one.purpose,
                    _("yes") if one.granted else _("no"),
                    out.when(one.at),
                    one.by or one.source,
                    one.note,
                )
                for one in said
            ],
        )
    else:
        out.line(_("They agreed to nothing."))
    out.done({"consents": [_consent_shape(one, said) for one in said]})


def _consent_shape(one: Consent, said: Sequence[Consent]) -> dict[str, Any]:
    latest = next(each for each in said if each.purpose == one.purpose)
    return {**one._asdict(), "at": iso(one.at), "holds": one is latest}


_KINDS = {
    "messages": N_("private messages"),
    "mentions": N_("remarks"),
    "contacts": N_("people with whom nothing happened"),
    "history": N_("what fields and remarks were before"),
    "runs": N_("how turns went"),
}


@command("retention", help=_("Remove what is older than [retention] says, now."))
@click.option("--dry-run", is_flag=True, help=_("Only say how much would go."))
def retain(out: Output, dry_run: bool) -> None:
    """Do at once what the hub does once a day, or only count it."""
    with open_store(out) as hub:
        section, now = hub.settings.retention, hub.clock()
        going = retention.foresee(hub.store, section, hub.tombstones, now)
        if not dry_run:
            gone = dict.fromkeys((one.kind for one in going), 0)
            for batch in retention.apply(hub.store, section, hub.tombstones, now):
                gone[batch.kind] += batch.number
            going = [one._replace(number=gone[one.kind]) for one in going]
    out.table(
        (_("What"), _("From before"), _("Would go") if dry_run else _("Gone")),
        [(_(_KINDS[one.kind]), out.when(one.before), one.number) for one in going],
    )
    shape = [{"kind": one.kind, "before": iso(one.before), "count": one.number} for one in going]
    out.done({"dry_run": dry_run, "retention": shape})
