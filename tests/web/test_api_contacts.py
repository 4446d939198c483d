"""The API's contacts: what is given of people, and what may be done about them, by whom."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pages import Page, page_over
from persons import Persons

from hub.store.people import evidence
from hub.store.people.evidence import NewEvidence
from hub.users.roles import Role

API = "/api/v1"


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with page_over(tmp_path) as found:
        yield found


@pytest.fixture
def persons(page: Page) -> Persons:
    return Persons(page)


@pytest.fixture
def anna(page: Page) -> TestClient:
    return page.ask(page.user("anna"))


def add(client: TestClient, **fields: Any) -> dict[str, Any]:
    answer = client.post(f"{API}/contacts", json={"fields": fields})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_a_person_is_added_edited_noted_and_read(anna: TestClient) -> None:
    made = add(anna, name="Вера", emails=["vera@example.org"])
    at = f"{API}/contacts/{made['id']}"
    edited = anna.post(f"{at}/fields", json={"fields": {"company": "Чай", "emails": []}}).json()
    assert (edited["fields"], edited["emails"]) == ({"name": "Вера", "company": "Чай"}, [])
    assert next((one["field"], one["before"]) for one in edited["history"]) in (
        ("company", ""),
        ("emails", "vera@example.org"),
    )
    noted = anna.post(f"{at}/notes", json={"text": "любит чай"})
    assert (noted.status_code, [one["text"] for one in noted.json()["notes"]]) == (201, ["любит чай"])
    assert anna.get(at).json() == noted.json()
    for wrong in ({}, {"emails": ["no e-mail"]}, {"bad name": "x"}):
        assert anna.post(f"{at}/fields", json={"fields": wrong}).status_code in (400, 422), wrong
    assert anna.get(f"{API}/contacts/999").status_code == 404
    assert anna.post(f"{API}/contacts/999/notes", json={"text": "x"}).status_code == 404


def test_the_card_holds_what_was_said_and_where_it_comes_from(
    page: Page, persons: Persons, anna: TestClient
) -> None:
    card = persons.voice("club", "10", "Вера Ли", "Когда откроетесь?")
    record = persons.record("crm", "r-7", name="Вера Ли", company="Чай")
    joined = anna.post(f"{API}/contacts/{card}/merge", json={"other": record}).json()
    assert joined["id"] == card
    assert [said["mention"]["text"] for talk in joined["talks"] for said in talk["said"]] == ["Когда откроетесь?"]
    assert [part["origin"] for part in joined["cards"]] == ["author", "record"]
    assert {one["source"] for part in joined["cards"] for one in part["values"]} == {"author", "crm"}
    assert [one["kind"] for one in joined["evidence"]] == ["word"]
    assert anna.get(f"{API}/contacts/{record}").json()["id"] == card, "the number of any card names the person"


def test_a_merge_is_previewed_and_taken_back(persons: Persons, anna: TestClient) -> None:
    one, other = persons.typed(name="Вера"), persons.record("crm", "r-7", name="Vera", company="Tea")
    at = f"{API}/contacts/{one}"
    preview = anna.get(f"{at}/merge", params={"other": other}).json()
    assert (preview["one"]["id"], preview["other"]["id"], preview["fields"]["company"]) == (one, other, "Tea")
    assert len(anna.get(f"{API}/contacts").json()["contacts"]) == 2, "a look merges nothing"
    (merge,) = anna.post(f"{at}/merge", json={"other": other}).json()["merges"]
    assert anna.post(f"{at}/merges/999/undo").status_code == 404
    assert anna.post(f"{at}/merges/{merge['id']}/undo").json() == {"contacts": [one, other]}
    anna.post(f"{at}/merge", json={"other": other})
    assert anna.post(f"{at}/split", json={"cards": [999]}).status_code == 400
    assert anna.post(f"{at}/split", json={"cards": [other]}).json() == {"contacts": [one, other]}


def test_proposals_are_listed_in_pages_and_judged(page: Page, persons: Persons, anna: TestClient) -> None:
    pairs = [(persons.typed(name=f"A{n}"), persons.typed(name=f"B{n}")) for n in range(3)]
    found = [NewEvidence(*pair, "email", f"{pair[0]}@example.org", "author", 0.6, "proposed") for pair in pairs]
    page.store.write(evidence.keep, found, page.hub.clock())
    first = anna.get(f"{API}/contacts/proposals?limit=2").json()
    rest = anna.get(f"{API}/contacts/proposals", params={"after": first["after"]}).json()
    listed = first["proposals"] + rest["proposals"]
    assert [(one["one"]["id"], one["other"]["id"]) for one in listed] == pairs
    assert rest["after"] is None
    at = f"{API}/contacts/proposals"
    assert anna.post(f"{at}/{listed[0]['id']}", json={"word": "accept"}).json() == {"ok": True}
    assert anna.post(f"{at}/{listed[1]['id']}", json={"word": "refuse"}).json() == {"ok": True}
    assert anna.post(f"{at}/{listed[1]['id']}", json={"word": "refuse"}).status_code in (400, 404)
    assert len(anna.get(at).json()["proposals"]) == 1
    assert len(anna.get(f"{API}/contacts").json()["contacts"]) == 5


def test_questions_are_listed_and_decided_once(persons: Persons, anna: TestClient) -> None:
    card = persons.record("crm", "r-7", name="Вера", company="Чай")
    number = persons.conflict(card, "company", '"Вода"', '"Чай"', '"Кофе"')
    (asked,) = anna.get(f"{API}/contacts/questions").json()["questions"]
    assert (asked["id"], asked["ours"], asked["theirs"], asked["base"]) == (number, "Чай", "Кофе", "Вода")
    at = f"{API}/contacts/questions/{number}"
    assert anna.post(at, json={"answer": "typed", "value": " "}).status_code == 400
    assert anna.post(at, json={"answer": "again"}).status_code == 400
    assert anna.post(at, json={"answer": "typed", "value": "Какао"}).status_code == 200
    assert anna.get(f"{API}/contacts/{card}").json()["fields"]["company"] == "Какао"
    assert anna.post(at, json={"answer": "ours"}).status_code == 404


def test_only_who_has_all_accounts_and_the_role_comes_in(page: Page, persons: Persons) -> None:
    card = persons.typed(name="Вера")
    at = f"{API}/contacts/{card}"
    bounded = page.ask(page.user("boris", Role.OWNER, {"club"}))
    assert bounded.get(at).status_code == 403
    reader = page.ask(page.user("rita", Role.READER))
    assert reader.get(at).status_code == 200
    assert reader.post(f"{at}/notes", json={"text": "x"}).status_code == 403
    responder = page.ask(page.user("roman", Role.RESPONDER))
    assert responder.post(f"{at}/notes", json={"text": "x"}).status_code == 201
    assert responder.post(f"{at}/merge", json={"other": 1}).status_code == 403
    publisher = page.ask(page.user("pavel", Role.PUBLISHER))
    assert publisher.post(f"{at}/split", json={"cards": [card]}).status_code == 400
    assert publisher.delete(at).status_code == 403
    owner = page.ask(page.user("olga"))
    assert owner.delete(at).json() == {"ok": True}
    assert owner.get(at).status_code == 404
