"""Contacts in a real browser: keys that lead there, what changes while a card is open, work without scripts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from web.looking import Visitor
from web.office import Office

from hub.contacts import editing
from hub.store.people import cards
from hub.users.roles import Role

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]


def typed(office: Office, **values: str) -> int:
    """Let somebody of the team add a person."""
    return editing.add(office.hub.store, values, office.people[Role.OWNER], office.hub.clock())


def held(office: Office, person: int, field: str) -> str:
    with office.hub.store.read() as connection:
        return str(cards.view(connection, person).values.get(field, ""))


def test_keys_lead_to_the_contacts_along_the_list_and_into_a_card(visit: Visit) -> None:
    page = visit(Role.RESPONDER).go("/inbox?q=")
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/contacts")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "contacts-q"
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    href = page.evaluate("document.activeElement.getAttribute('href')")
    assert href == page.locator("[data-row]").nth(1).get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{href}")


def test_an_open_card_shows_what_others_change_and_keeps_what_is_typed(visit: Visit, office: Office) -> None:
    person = typed(office, name="Зинаида Живая", company="Чай")
    page = visit(Role.OWNER).go(f"/contacts/{person}")
    page.wait_for_function("document.documentElement.dataset.stream === 'open'")
    page.fill("#note", "half a thought")
    editing.edit(office.hub.store, person, {"company": "Кофе"}, office.people[Role.OWNER], office.hub.clock())
    expect(page.locator("#fields dl")).to_contain_text("Кофе")
    assert page.input_value("#note") == "half a thought"
    page.click("#notes button")
    page.wait_for_url("**done=noted*")
    expect(page.locator("#notes")).to_contain_text("half a thought")


def test_a_person_is_edited_on_a_phone_without_scripts(visit: Visit, office: Office) -> None:
    person = typed(office, name="Фаина Фон", company="Чай")
    page = visit(Role.RESPONDER, size="phone", language="ru", script=False).go(f"/contacts/{person}")
    page.click("#edit > summary")
    page.fill("#edit input[name=field-company]", "Какао")
    page.click("#edit button")
    page.wait_for_url("**done=changed*")
    assert held(office, person, "company") == "Какао"


def test_a_conflict_is_decided_by_one_click_and_the_crm_follows(visit: Visit, office: Office) -> None:
    page = visit(Role.PUBLISHER, script=False).go("/contacts/conflicts")
    question = page.locator("section[id^=question-]").first
    theirs = question.locator(".side").nth(1).locator("p").inner_text().strip()
    person = int(str(question.locator("h2 a").get_attribute("href")).rpartition("/")[2])
    question.locator("button[value=theirs]").click()
    page.wait_for_url("**done=decided*")
    assert held(office, person, "name") == theirs
    office.tick()
    assert held(office, person, "name") == theirs, "the next sync leaves it so"
