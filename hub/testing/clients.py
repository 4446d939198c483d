"""The people of the demo's story as the CRM and the team know them, and what both do with them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from hub.adapter import ContactSync
from hub.contacts import editing
from hub.contacts.identity import merging
from hub.scheduling.hub import Hub
from hub.store import Store
from hub.store.crm import questions
from hub.store.people import cards, contacts
from hub.testing.social import ContactsDouble
from hub.testing.world import World
from hub.users.roles import Role, User

ANNA = ("Анна Смирнова", "anna.smirnova@example.org")
"""She speaks on two networks, and is in the CRM."""

PAVEL = ("Павел Оптовик", "pavel@example.com")
"""He is in the CRM alone."""

CLAIMED = "frolova@example.org"
"""What somebody's profile says, and a record of the CRM too; whether they are one nobody has decided."""

_RENAMED = "Павел Оптовиков"
_COMPANY = "Кофе оптом"
_NOTE = "Просит оптовый прайс до пятницы."
_HERE, _THERE = "Анна Павловна Смирнова", "Анна Смирнова-Лаврова"
_TEAM = User(0, "olga", Role.OWNER, "Ольга Воронцова")


class Records(NamedTuple):
    """What a CRM began with: the ids of its records, by e-mail."""

    account: str
    crm: ContactsDouble
    ids: Mapping[str, str]


class Pair(NamedTuple):
    """Two contacts that may be one."""

    one: int
    other: int
    name: str


@dataclass
class Outcome:
    """What became of it on both sides.

    `followed` is a name that was changed in the CRM, as the hub shows it. `given` is a company that was typed
    here, as the CRM holds it; None where it holds no companies. `proposed` are the pairs that nobody has decided,
    `asked` the values on which both sides differ.
    """

    accepted: int = 0
    followed: str = ""
    given: str | None = None
    proposed: list[Pair] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)


def fill(world: World, claimant: str) -> list[Records]:
    """Let each CRM begin with three people; `claimant` has the name of somebody who will speak."""
    people = (ANNA, PAVEL, (claimant, CLAIMED))
    return [
        Records(account, crm, {email: crm.add_contact(name, email) for name, email in people})
        for account, crm in world.crms.items()
    ]


def care(store: Store, filled: Sequence[Records], now: datetime) -> int:
    """Let the team, and the people at the first CRM, work on the same records; return how many pairs were joined.

    The team says that who claims Anna's e-mail is she, types a company for Pavel, and her name; at the CRM both
    get another name.
    """
    accepted = 0
    while (proposal := _claims_of(store, ANNA[1])) is not None:
        merging.accept(store, proposal.id, _TEAM, now)
        accepted += 1
    for records in filled[:1]:
        editing.edit(store, _number(store, PAVEL[1]), {"company": _COMPANY}, _TEAM, now)
        editing.note(store, _number(store, PAVEL[1]), _NOTE, _TEAM, now)
        editing.edit(store, _number(store, ANNA[1]), {"name": _HERE}, _TEAM, now)
        records.crm.rename_contact(records.ids[PAVEL[1]], _RENAMED)
        records.crm.rename_contact(records.ids[ANNA[1]], _THERE)
    return accepted


def outcome(hub: Hub, filled: Sequence[Records], accepted: int) -> Outcome:
    """Look at both sides, after they have met."""
    found = Outcome(accepted)
    found.proposed = [
        Pair(each.one.id, each.other.id, each.one.name) for each in merging.proposals(hub.store, 100)
    ]
    for records in filled[:1]:
        adapter = hub.adapter(records.account)
        assert isinstance(adapter, ContactSync)
        if "company" in adapter.writes:
            found.given = _company(adapter, records.ids[PAVEL[1]])
        with hub.store.read() as connection:
            view = cards.view(connection, _number(hub.store, PAVEL[1]))
        found.followed = str(view.values.get("name", ""))
    with hub.store.read() as connection:
        asked = questions.open(connection, 100)
    found.asked = [
        {
            "account": each.account,
            "field": each.field,
            "ours": json.loads(each.ours).get(each.field, ""),
            "theirs": json.loads(each.theirs).get(each.field, ""),
        }
        for each in asked
    ]
    return found


def _company(adapter: ContactSync, remote_id: str) -> str:
    """Ask the CRM itself."""
    for batch in adapter.pull_contacts(None):
        for item in batch.items:
            if item.remote_id == remote_id:
                return str(item.fields.get("company", ""))
    return ""


def promises(found: Outcome, filled: Sequence[Records]) -> dict[str, bool]:
    """Return what the hub promises of people, and whether it holds."""
    if not filled:
        return {}
    return {
        "what is changed in the CRM is so in the hub": found.followed == _RENAMED,
        "what is typed here is in the CRM": found.given in (None, _COMPANY),
        "who only claims an e-mail is proposed, and joined by a person": found.accepted > 0
        and len(found.proposed) == 1,
        "what both sides changed is kept, and a person is asked": [
            (each["field"], each["ours"], each["theirs"]) for each in found.asked
        ]
        == [("name", _HERE, _THERE)],
    }


def _claims_of(store: Store, email: str) -> merging.Proposal | None:
    return next(
        (each for each in merging.proposals(store, 100) if email in each.one.emails or email in each.other.emails),
        None,
    )


def _number(store: Store, email: str) -> int:
    with store.read() as connection:
        return next((person.id for person in contacts.people(connection, 1000, search=email) if person.records), 0)
