"""Erases a person: from the store at once, from what was published and from the CRMs as these answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

import structlog
from sqlalchemy.engine import Connection

from hub.adapter import Adapter, ContactSync
from hub.discussions.digests import carry_out, plan
from hub.errors import GoneError, HubError, RejectedError, UsageError
from hub.i18n import N_
from hub.store import Store
from hub.store.crm import records
from hub.store.discussions import digests, dropping
from hub.store.discussions.digest_lines import Line
from hub.store.people import cards, evidence
from hub.store.privacy import erasing, erasures, held, purging, tombstones
from hub.store.privacy.erasures import ASKED, DONE, OPEN, REMOVED, SWEPT, Erasure, ProofLine, Step
from hub.store.privacy.tombstones import Mark, Tombstones
from hub.store.running import accounts, switches
from hub.store.team.who import Who

log = structlog.get_logger()

PUBLISH = "publish"
_ABOUT: Mapping[str, str] = {part.table.name: part.about for part in held.PARTS}


class House(Protocol):
    """What an erasure works with; `hub.scheduling.hub.Hub` is one."""

    @property
    def store(self) -> Store: ...
    @property
    def tombstones(self) -> Tombstones: ...
    @property
    def clock(self) -> Callable[[], datetime]: ...
    def adapter(self, name: str) -> Adapter:
        """Return an account's adapter."""


class Proof(NamedTuple):
    """What was done about a person, and what is left: `steps` the hub goes on with, or a person must do."""

    erasure: Erasure
    steps: Sequence[Step]

    @property
    def lines(self) -> Sequence[ProofLine]:
        return self.erasure.proof


def erase(hub: House, person_id: int, by: Who | None, now: datetime, crms: bool = False) -> Proof:
    """Remove all that is held of a person; with `crms` their records are deleted there too.

    All tables change in one transaction, so that a crash leaves the person whole or gone; called again, it goes on
    with what comes after: sweeping the files, and what networks and CRMs must be asked for. Raises `UsageError` if
    there is nobody with this number.
    """

    def work(connection: Connection) -> tuple[int, tuple[str, ...]]:
        tombstones.shut(connection)
        # Nor may matching make a new card of an identity meanwhile.
        evidence.alone(connection)
        number = cards.person_of(connection, person_id)
        who = None if number is None else held.subject(connection, number)
        if who is None:
            return _begun(connection, person_id), ()
        return _remove(connection, hub.tombstones, who, by, crms, now), who.words

    erasure_id, words = hub.store.write(work)
    if words:
        hub.store.write(erasures.prove, erasure_id, _still_named(hub.store, words))
    log.info("person erased", erasure=erasure_id, person=person_id)
    return go_on(hub, erasure_id)


def _begun(connection: Connection, person_id: int) -> int:
    begun = erasures.unfinished(connection, person_id)
    if not begun:
        raise UsageError("there is no contact {id}", hint="`hub contacts` lists them", id=person_id)
    return begun[-1].id


def _remove(
    connection: Connection, stones: Tombstones, who: held.Subject, by: Who | None, crms: bool, now: datetime
) -> int:
    """Do all that can be done in the store, and note what remains to be done; return the erasure."""
    erasure_id = erasures.begin(connection, who.person_id, by.id if by and by.id else None, crms, now)
    buried = stones.bury(connection, erasing.marks_of(connection, who, stones), now)
    showing = erasures.lines_showing(connection, who.talk)
    steps: list[dict[str, object]] = [
        {"kind": "line", "account": line.account, "ref": line.id, "mention_id": line.mention_id}
        for line in showing
        if not _withdraw(connection, line, now)
    ]
    steps += [{"kind": "digest", "ref": number} for number in erasures.digests_showing(connection, who.talk)]
    kept_there: dict[str, int] = {}
    for record in records.of_person(connection, who.person_id):
        if crms:
            steps.append({"kind": "record", "account": record.account, "remote_id": record.remote_id or ""})
        else:
            kept_there[record.account] = kept_there.get(record.account, 0) + 1
    erasures.add_steps(connection, erasure_id, steps)
    kept = [step["mention_id"] for step in steps if isinstance(step.get("mention_id"), int)]
    alike = erasing.likenesses(connection, who)
    removed = erasing.remove(connection, who, stones, [one for one in kept if isinstance(one, int)], now)
    lines = [ProofLine(_ABOUT[name], name, count) for name, count in removed.rows.items()]
    lines += [ProofLine(_CHANGED[name], name, count) for name, count in removed.changed.items()]
    lines.append(ProofLine(N_("words in the index of the search"), "mention_search", len(who.talk)))
    lines.append(ProofLine(N_("hashes by which they are not taken in again"), "tombstones", buried))
    lines += [ProofLine(N_("records that stay in the CRM"), name, count) for name, count in kept_there.items()]
    if alike:
        where = f"contacts {', '.join(map(str, alike))}"
        lines.append(ProofLine(N_("people who may be the same person: see for yourself"), where, len(alike)))
    erasures.prove(connection, erasure_id, lines)
    return erasure_id


_CHANGED: Mapping[str, str] = {
    "mentions": N_("remarks that stay as an empty row, or lost the id of what they answer"),
    "threads": N_("threads that stay under their post, because others spoke there"),
    "joins": N_("grounds of joins, which named a remark of theirs"),
    "runs": N_("errors in which they were named"),
    "accounts": N_("errors in which they were named"),
}


def _withdraw(connection: Connection, line: Line, now: datetime) -> bool:
    """Let a comment of ours with their words be taken away; True if there is none any more."""
    stored = digests.get(connection, line.digest_id)
    assert stored is not None
    steps = plan(stored, {line.mention_id: line}, {})
    if carry_out(connection, steps, now):
        accounts.hasten(connection, [line.account], PUBLISH, now)
    return not erasures.lines_by_number(connection, [line.id])


def _still_named(store: Store, words: Sequence[str]) -> list[ProofLine]:
    """Look through all tables for what named them: others may have written it."""
    with store.read() as connection:
        found = erasing.remains(connection, words)
    lines = [
        ProofLine(
            N_("rows of others in which they are named: see for yourself"), f"{name} {', '.join(keys)}", len(keys)
        )
        for name, keys in found.items()
    ]
    return lines or [ProofLine(N_("rows in which their addresses, numbers or full names still stand"), "*", 0)]


def go_on(hub: House, erasure_id: int) -> Proof:
    """Do what is left of an erasure, as far as it can be done now."""
    now = hub.clock()
    with hub.store.read() as connection:
        erasure = erasures.get(connection, erasure_id)
    if erasure.state == REMOVED:
        _sweep(hub.store, erasure, now)
    with hub.store.read() as connection:
        steps = erasures.steps_of(connection, erasure_id)
        stopped = switches.stopped(connection) is not None
    for step in steps:
        if step.kind == "record" and step.state == OPEN and not stopped:
            _delete_record(hub, step, now)
        elif step.kind == "line":
            hub.store.write(_follow_line, step, now)
    with hub.store.read() as connection:
        left = erasures.steps_of(connection, erasure_id)
    if not left:
        hub.store.write(erasures.set_state, erasure_id, DONE, now)
    with hub.store.read() as connection:
        return Proof(erasures.get(connection, erasure_id), left)


def _sweep(store: Store, erasure: Erasure, now: datetime) -> None:
    swept = purging.sweep(store)
    lines = [ProofLine(N_("bytes of the file, written anew without what was deleted"), "database", swept.after)]
    if not swept.log_is_empty:
        lines.append(ProofLine(N_("log that another program keeps open; it is emptied when that ends"), "-wal", 1))

    def work(connection: Connection) -> None:
        erasures.prove(connection, erasure.id, lines)
        erasures.set_state(connection, erasure.id, SWEPT, now)

    store.write(work)


def _follow_line(connection: Connection, step: Step, now: datetime) -> None:
    """See whether a comment of ours is gone; then its mention goes too."""
    lines = erasures.lines_by_number(connection, [step.ref or 0])
    if all(_withdraw(connection, line, now) for line in lines.values()):
        numbers = [step.mention_id] if step.mention_id is not None else []
        others = {
            other.mention_id for other in erasures.steps_of(connection, step.erasure_id) if other.id != step.id
        }
        numbers = [number for number in numbers if number not in others]
        dropping.mentions(connection, numbers, dropping.threads_of(connection, numbers))
        erasures.end_step(connection, step, now)


def _delete_record(hub: House, step: Step, now: datetime) -> None:
    """Delete a record in its CRM; already gone is success. What the CRM cannot, a person is asked to do."""
    try:
        adapter = hub.adapter(step.account)
        if not isinstance(adapter, ContactSync) or "delete" not in adapter.abilities or not step.remote_id:
            hub.store.write(erasures.fail_step, step, ASKED, "", now)
            return
        adapter.delete_contact(step.remote_id)
    except GoneError:
        pass
    except HubError as error:
        asked = isinstance(error, RejectedError | UsageError)
        # The code alone: the words of a CRM's answer may name the person again.
        hub.store.write(erasures.fail_step, step, ASKED if asked else OPEN, error.code, now)
        log.warning("record not erased", account=step.account, erasure=step.erasure_id, code=error.code)
        return
    hub.store.write(_record_deleted, step, now)


def _record_deleted(connection: Connection, step: Step, now: datetime) -> None:
    erasures.end_step(connection, step, now)
    erasures.prove(connection, step.erasure_id, [ProofLine(N_("records deleted in the CRM"), step.account, 1)])


def settle(store: Store, erasure_id: int, now: datetime) -> int:
    """Note that a person did what the hub asked them to do; return how many steps that ends."""

    def work(connection: Connection) -> int:
        asked = [step for step in erasures.steps_of(connection, erasure_id) if step.state == ASKED]
        for step in asked:
            erasures.end_step(connection, step, now)
        if asked and not erasures.steps_of(connection, erasure_id):
            erasures.set_state(connection, erasure_id, DONE, now)
        return len(asked)

    return store.write(work)


def readmit_all(store: Store) -> int:
    """Let everybody be taken in again who was erased; return how many hashes that lifts."""
    return store.write(tombstones.lift_all)


def readmit(hub: House, what: str) -> int:
    """Let somebody be taken in again who was erased; return how many hashes that lifts.

    `what` is an e-mail, a phone number, or PLATFORM:ID of an author, ACCOUNT:ID of a record.
    """
    marks: set[Mark] = set(hub.tombstones.marks_of_values({"emails": what, "phones": what}))
    place, colon, number = what.partition(":")
    if colon:
        marks |= {(kind, place, number) for kind in ("author", "record", "mention", "key")}
        marks |= hub.tombstones.marks_of_values({f"handles.{place}": number})
    if not marks:
        raise UsageError(
            "{what} is no address, number or id",
            hint="write an e-mail, a phone number with its country, or PLATFORM:ID",
            what=repr(what),
        )
    return hub.store.write(hub.tombstones.lift, marks)
