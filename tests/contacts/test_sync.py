"""Contacts: who speaks is known, the CRM learns of them once, and the same e-mail is the same person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support import TestHub, Village, VillageDouble, open_hub

from hub.contacts.crm import deciding
from hub.contacts.identity import merging
from hub.publishing import routes
from hub.store.crm import questions
from hub.store.outbox.posts import NewPost
from hub.store.people import contacts
from hub.testing import Reply, Request, faults
from plugins.crm_generic.sandbox import CrmDouble


class Hamlet(Village):
    platform = "hamlet"


class Somebody(NamedTuple):
    """Who of the team decides."""

    id: int = 0
    shown: str = "Vera"


class Stage:
    def __init__(self, hub: TestHub, village: VillageDouble, hamlet: VillageDouble, crm: CrmDouble) -> None:
        self.hub, self.village, self.hamlet, self.crm = hub, village, hamlet, crm
        now = hub.clock()
        routes.add_post(hub.store, NewPost(key="1", text="Hello", publish_at=now), ["one", "two"], now)
        hub.tick()

    def say(self, double: VillageDouble, name: str, text: str, email: str = "") -> str:
        person = double.add_person(name, name.lower(), email)
        double.say(person, double.held()[0].id, text)
        return str(person.id)

    def sync(self, rounds: int = 2) -> None:
        for _ in range(rounds):
            self.hub.tick(hours=1, minutes=1)

    def people(self) -> list[contacts.Person]:
        with self.hub.store.read() as connection:
            return contacts.people(connection, 100)


def values(settings: dict[str, Any]) -> list[str]:
    def value(item: Any) -> str:
        if isinstance(item, dict):
            return "{ " + ", ".join(f"{json.dumps(key)} = {value(one)}" for key, one in item.items()) + " }"
        if isinstance(item, list):
            return "[" + ", ".join(map(value, item)) + "]"
        return json.dumps(item)

    return [f"{key} = {value(item)}" for key, item in settings.items()]


@pytest.fixture
def stage(tmp_path: Path, database_url: str) -> Iterator[Stage]:
    with VillageDouble() as village, VillageDouble() as hamlet, CrmDouble() as crm:
        lines = ["[hub]", f'database = "{database_url}"']
        for name, platform, settings in (
            ("one", "village", village.account()),
            ("two", "hamlet", hamlet.account()),
            ("crm", "crm_generic", crm.account()),
        ):
            secret = settings.get("auth", settings)
            key = "secret" if "auth" in settings else "token"
            (tmp_path / f"{name}.secret").write_text(secret[key])
            secret[key] = {"file": f"{name}.secret"}
            lines += [f"[accounts.{name}]", f'platform = "{platform}"', *values(settings)]
        config = tmp_path / "hub.toml"
        config.write_text("\n".join(lines))
        with open_hub(config, Village, Hamlet) as hub:
            yield Stage(hub, village, hamlet, crm)


def test_who_claims_an_e_mail_of_the_crm_is_proposed_and_neither_joined_nor_created_again(stage: Stage) -> None:
    stage.crm.add_contact("Anna Ivanova", "anna@example.org")
    stage.say(stage.village, "Anna", "Hi", "Anna@Example.org")
    stage.sync(3)
    assert len(stage.people()) == 2
    assert len(stage.crm.contacts) == 1
    (proposal,) = merging.proposals(stage.hub.store, 10)
    merging.accept(stage.hub.store, proposal.id, Somebody(), stage.hub.clock())
    stage.sync(3)
    (anna,) = stage.people()
    assert [author.platform for author in anna.authors] == ["village"]
    assert len(anna.records) == len(stage.crm.contacts) == 1
    assert len(stage.crm.noted()) == 1


def test_who_is_not_the_one_of_the_crm_is_asked_about_where_it_takes_an_e_mail_once(stage: Stage) -> None:
    stage.crm.add_contact("Anna Ivanova", "anna@example.org")
    stage.say(stage.village, "Anna", "Hi", "Anna@Example.org")
    stage.sync(3)
    (proposal,) = merging.proposals(stage.hub.store, 10)
    merging.refuse(stage.hub.store, proposal.id, Somebody(), stage.hub.clock())
    stage.sync(3)
    assert (len(stage.people()), len(stage.crm.contacts)) == (2, 1)
    with stage.hub.store.read() as connection:
        (question,) = questions.open(connection, 10)
    assert (question.kind, question.account) == ("create", "crm")
    deciding.answer(stage.hub.store, question.id, "theirs", None, stage.hub.clock())
    stage.sync(3)
    assert (len(stage.people()), len(stage.crm.contacts)) == (1, 1)


def test_two_people_of_one_name_are_two(stage: Stage) -> None:
    stage.say(stage.village, "Anna", "Hi")
    stage.say(stage.hamlet, "Anna", "Hello")
    stage.sync()
    assert len(stage.people()) == 2
    assert len(stage.crm.contacts) == 2


def test_a_new_voice_becomes_a_contact_of_the_crm_with_what_they_said(stage: Stage) -> None:
    stage.say(stage.village, "Boris", "How much is it?")
    stage.sync()
    assert [name for name, _ in stage.crm.people()] == ["Boris"]
    (note,) = stage.crm.noted()
    assert "How much is it?" in note
    assert "village" in note


def test_nothing_new_is_neither_written_nor_sent(stage: Stage) -> None:
    stage.say(stage.village, "Boris", "How much is it?")
    # Heard, pushed, and seen as the CRM holds it: with the accounts side by side that is five rounds at most.
    stage.sync(5)
    writes = stage.hub.store.content_writes()
    posts = len([call for call in stage.crm.calls if call.method != "GET"])
    stage.sync(3)
    assert stage.hub.store.content_writes() == writes
    assert len([call for call in stage.crm.calls if call.method != "GET"]) == posts


def test_a_contact_is_found_by_a_part_of_its_name_in_any_letters(stage: Stage) -> None:
    stage.crm.add_contact("Анна Иванова", "anna@example.org")
    stage.crm.add_contact("Борис Петров")
    stage.sync()
    with stage.hub.store.read() as connection:
        found = [
            [person.name for person in contacts.people(connection, 10, search=text)]
            for text in ("анна", "ИВАН", "ANNA@", "петров")
        ]
    assert found == [["Анна Иванова"], ["Анна Иванова"], ["Анна Иванова"], ["Борис Петров"]]


def test_our_own_voice_is_nobodys_contact(stage: Stage) -> None:
    stage.village.say(stage.village.us, stage.village.held()[0].id, "We answer")
    stage.sync()
    assert stage.people() == []


def test_a_creation_whose_answer_was_lost_is_found_and_not_repeated(stage: Stage) -> None:
    stage.say(stage.village, "Boris", "Hi", "boris@example.org")
    stage.crm.inject(faults.LOST, is_create)
    stage.sync(4)
    assert len(stage.crm.contacts) == 1
    (boris,) = stage.people()
    assert [record.state for record in boris.records] == ["synced"]
    assert len(stage.crm.noted()) == 1


def test_a_creation_that_never_arrived_is_made_later(stage: Stage) -> None:
    stage.say(stage.village, "Boris", "Hi", "boris@example.org")
    stage.crm.inject(faults.DROPPED, is_create)
    stage.sync(4)
    assert len(stage.crm.contacts) == 1


def test_a_note_whose_answer_was_lost_is_not_written_twice(stage: Stage) -> None:
    stage.say(stage.village, "Boris", "Hi")
    stage.crm.inject(faults.LOST, lambda request: request.path.endswith("/notes"))
    stage.sync(4)
    assert len(stage.crm.noted()) == 1


def test_a_contact_that_the_crm_refuses_leaves_the_others_their_turn_and_has_another_later(stage: Stage) -> None:
    stage.say(stage.village, "Boris", "Hi")
    stage.say(stage.village, "Vera", "Hello")
    stage.crm.inject(faults.answered(Reply({"error": {"message": "no room"}}, status=422)), is_create)
    stage.sync()
    assert len(stage.crm.contacts) == 2


def is_create(request: Request) -> bool:
    return request.method == "POST" and request.path.endswith("/contacts")
