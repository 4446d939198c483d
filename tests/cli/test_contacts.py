"""`hub contacts`: the listing, the card, merging and splitting, editing, proposals and questions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli.conftest import Hub

from hub import settings
from hub.cli.contact_editing import changed
from hub.errors import UsageError
from hub.scheduling.hub import Hub as Running
from hub.store.crm import questions
from hub.store.people import cards, evidence
from hub.store.people.evidence import NewEvidence
from hub.store.tables import records

pytestmark = pytest.mark.usefixtures("configured")


def record(folder: Path, account: str, remote_id: str, **values: Any) -> int:
    """Let a CRM hold somebody; return their card."""
    with Running.open(settings.load(folder / "hub.toml")) as hub:
        now = hub.clock()

        def work(connection: Any) -> int:
            card = cards.create(connection, values, origin="record", source=account, now=now)
            connection.execute(
                records.insert().values(account=account, remote_id=remote_id, contact_id=card, updated_at=now)
            )
            return card

        return hub.store.write(work)


def conflict(folder: Path, card: int, ours: str, theirs: str) -> int:
    with Running.open(settings.load(folder / "hub.toml")) as hub:
        now = hub.clock()

        def work(connection: Any) -> int:
            row = connection.execute(records.select().where(records.c.contact_id == card)).first()
            sides = {"base": '{"company": ""}', "theirs": f'{{"company": {theirs}}}'}
            connection.execute(records.update().where(records.c.id == row.id).values(**sides))
            sides["ours"] = f'{{"company": {ours}}}'
            questions.ask(connection, "conflict", row.id, card, now, field="company", **sides)
            return questions.open(connection, 1)[0].id

        return hub.store.write(work)


def propose(folder: Path, one: int, other: int) -> None:
    with Running.open(settings.load(folder / "hub.toml")) as hub:
        found = [NewEvidence(one, other, "email", "li@example.org", "author", 0.5, "proposed")]
        hub.store.write(evidence.keep, found, hub.clock())


def add(hub: Hub, *changes: str) -> int:
    number: int = hub("contacts", "add", *changes, "--json").json["contact"]["id"]
    return number


def test_people_are_added_listed_found_and_paged(hub: Hub) -> None:
    assert hub("contacts").out.strip() == "There are no such contacts."
    numbers = [
        add(hub, f"name={name}", f"email={name.lower()}@example.org") for name in ("Boris", "Anna", "Clara")
    ]
    listed = hub("contacts", "--json").json["contacts"]
    assert [one["name"] for one in listed] == ["Anna", "Boris", "Clara"]
    assert {"id", "name", "emails", "authors", "records"} <= set(listed[0])
    rest = hub("contacts", "--after", str(numbers[1]), "--json").json["contacts"]
    assert [one["name"] for one in rest] == ["Boris", "Clara"]
    found = hub("contacts", "--search", "clara@", "--json").json["contacts"]
    assert [one["name"] for one in found] == ["Clara"]
    assert hub("contacts", "--only", "record", "--json").json["contacts"] == []
    assert "Anna" in hub("contacts", "--limit", "1").out


def test_the_card_says_where_each_value_comes_from(hub: Hub, tmp_path: Path) -> None:
    number = add(hub, "name=Vera Li", "company=Tea")
    card = record(tmp_path, "crm", "r-7", name="Vera Lee", phones=["+79161234567"])
    hub("contacts", "merge", number, card, "--yes")
    hub("contacts", "note", number, "likes tea")
    said = hub("contacts", "show", number)
    assert said.code == 0
    assert "Company: Tea  (typed, " in said.out
    assert "Phone: +79161234567" in said.out
    assert "crm  r-7" in said.out
    assert "the word of one of the team" in said.out
    assert "likes tea" in said.out
    shown = hub("contacts", "show", card, "--json").json["contact"]
    assert shown["id"] == number, "the number of any card names the person"
    assert shown["fields"]["phones"] == ["+79161234567"]
    assert [one["origin"] for one in shown["cards"]] == ["typed", "record"]
    assert [note["text"] for note in shown["notes"]] == ["likes tea"]
    assert hub("contacts", "show", "999", "--json").error["code"] == "usage"


def test_a_merge_is_previewed_asked_for_and_taken_back(hub: Hub, tmp_path: Path) -> None:
    one = add(hub, "name=Vera Li")
    other = record(tmp_path, "crm", "r-7", name="Vera Lee", company="Tea")
    looked = hub("contacts", "merge", one, other, "--dry-run", "--json").json
    assert (looked["contact"], looked["fields"]["company"]) == (None, "Tea")
    refused = hub("contacts", "merge", one, other, "--no-input")
    assert refused.code != 0
    assert len(hub("contacts", "--json").json["contacts"]) == 2, "neither merged by itself"
    assert hub("contacts", "merge", one, other, "--yes", "--json").json["contact"] == one
    why = hub("contacts", "why", one)
    assert f"{one} – {other}" in why.out
    assert "record" in why.out
    nobody = hub("contacts", "split", one, "--record", "crm:r-8", "--json")
    assert "is no record of this person" in nobody.error["message"]
    assert "nothing is named" in hub("contacts", "split", one, "--json").error["message"]
    assert hub("contacts", "split", one, "--record", "crm:r-7", "--json").json["contacts"] == [one, other]
    names = {one["name"] for one in hub("contacts", "--json").json["contacts"]}
    assert names == {"Vera Li", "Vera Lee"}


def test_fields_are_set_cleared_added_to_and_taken_from(hub: Hub) -> None:
    number = add(hub, "name=Vera", "email=vera@example.org", "company=Tea")
    edited = hub(
        "contacts", "edit", number, "company=", "emails+=li@example.org", "phones+=+79161234567", "--json"
    ).json["contact"]
    assert edited["emails"] == ["vera@example.org", "li@example.org"]
    assert edited["phones"] == ["+79161234567"]
    edited = hub("contacts", "edit", number, "email-=vera@example.org", "--json").json["contact"]
    assert edited["emails"] == ["li@example.org"]
    shown = hub("contacts", "show", number, "--json").json["contact"]
    assert "company" not in shown["fields"]
    told = [(one["field"], one["before"], one["after"]) for one in shown["history"]]
    assert ("company", "Tea", "") in told
    assert ("emails", "vera@example.org", "") in told


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        (["company"], "is no change"),
        (["=x"], "is no change"),
        (["name+=x"], "is no list"),
        (["emails-=nobody@example.org"], "does not hold"),
        (["name=a\0b"], "a NUL character"),
    ],
)
def test_what_is_no_change_is_said_exactly(given: list[str], wrong: str) -> None:
    with pytest.raises(UsageError, match=wrong):
        changed({"name": "Vera", "emails": ("vera@example.org",)}, given)


def test_proposals_are_accepted_and_refused(hub: Hub, tmp_path: Path) -> None:
    numbers = [add(hub, f"name={name}") for name in ("Vera", "Vera L.", "Zoya", "Zoya K.")]
    propose(tmp_path, numbers[0], numbers[1])
    propose(tmp_path, numbers[2], numbers[3])
    listed = hub("contacts", "proposals", "--json").json["proposals"]
    assert [(one["one"]["id"], one["other"]["id"]) for one in listed] == [tuple(numbers[:2]), tuple(numbers[2:])]
    assert "the same e-mail: li@example.org" in hub("contacts", "proposals").out
    assert hub("contacts", "accept", listed[0]["id"], "--json").json["contact"] == numbers[0]
    assert hub("contacts", "refuse", listed[1]["id"]).code == 0
    assert "nothing to decide" in hub("contacts", "proposals").out
    assert len(hub("contacts", "--json").json["contacts"]) == 3
    assert hub("contacts", "accept", "999", "--json").json["ok"] is False


def test_conflicts_are_listed_and_decided(hub: Hub, tmp_path: Path) -> None:
    card = record(tmp_path, "crm", "r-7", name="Vera", company="Tea")
    number = conflict(tmp_path, card, '"Tea"', '"Coffee"')
    said = hub("contacts", "conflicts")
    assert "Company was changed here and in crm" in said.out
    assert "Tea" in said.out
    assert "Coffee" in said.out
    (asked,) = hub("contacts", "conflicts", "--json").json["questions"]
    assert (asked["ours"], asked["theirs"], asked["contact"]) == ("Tea", "Coffee", card)
    assert hub("contacts", "decide", number, "theirs").code == 0
    assert hub("contacts", "conflicts", "--json").json["questions"] == []
    assert hub("contacts", "show", card, "--json").json["contact"]["fields"]["company"] == "Coffee"
    assert hub("contacts", "decide", number, "ours", "--json").json["ok"] is False


def test_a_person_is_deleted_only_by_who_says_so(hub: Hub) -> None:
    number = add(hub, "name=Vera")
    assert hub("contacts", "delete", number, "--no-input").code != 0
    assert hub("contacts", "--json").json["contacts"]
    assert hub("contacts", "delete", number, "--yes").code == 0
    assert hub("contacts", "--json").json["contacts"] == []
    assert hub("contacts", "show", number, "--json").json["ok"] is False


def test_the_help_lists_the_commands_and_imports_none_of_them(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom hub.cli.main import main\nmain(['contacts', '--help'])\n"
        "loaded = [name for name in sys.modules if name.startswith('hub.cli.contact_')]\n"
        "print('loaded', loaded)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert "proposals" in done.stdout
    assert done.stdout.rstrip().endswith("loaded []")
