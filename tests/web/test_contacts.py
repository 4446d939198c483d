"""The Contacts: people found, shown, edited, merged and split, their proposals and conflicts, without a script."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pages import Page, Parsed, page_over
from persons import Persons

from hub.contacts import card as loading
from hub.contacts.identity import merging
from hub.store.crm import questions
from hub.users.roles import Role, User


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with page_over(tmp_path) as found:
        yield found


@pytest.fixture
def persons(page: Page) -> Persons:
    return Persons(page)


@pytest.fixture
def anna(page: Page) -> User:
    return page.user("anna")


def shown(page: Page, user: User, path: str) -> str:
    answer = page.ask(user).get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def words(html: str) -> str:
    """Return the text of a page on one line."""
    return " ".join(Parsed(html).text.split())


def follow(page: Page, user: User, answer: Any) -> str:
    """Go where a form leads; return the page there."""
    assert answer.status_code == 303, answer.text
    return shown(page, user, answer.headers["location"])


def names(html: str) -> list[str]:
    listed = html.partition('id="list"')[2]
    return [" ".join(Parsed(row).text.split()) for row in listed.split('<li class="row">')[1:]]


def test_people_are_found_and_the_list_goes_on_where_it_ended(page: Page, persons: Persons, anna: User) -> None:
    for number in range(52):
        persons.typed(name=f"Person {number:02}", emails=[f"p{number}@example.org"])
    vera = persons.typed(name="Вера Ли", phones=["+79161234567"])
    first = shown(page, anna, "/contacts")
    assert len(names(first)) == 50
    (more,) = [href for href in Parsed(first).hrefs() if "after=" in href]
    rest = names(shown(page, anna, more))
    assert len(rest) == 3
    assert not set(rest) & set(names(first))
    for sought in ("вера", "+7916123", "Ли"):
        (line,) = names(shown(page, anna, f"/contacts?q={sought.replace('+', '%2B')}"))
        assert "Вера Ли" in line
        assert str(vera) in line
    assert "Nobody is found" in shown(page, anna, "/contacts?q=nobody-of-this-name")
    assert page.ask(anna).get("/contacts?q=a%00b").status_code == 422


def test_the_list_shows_those_with_a_record_without_one_and_with_a_question(
    page: Page, persons: Persons, anna: User
) -> None:
    persons.typed(name="Without")
    persons.record("crm", "1", name="Peaceful")
    asked = persons.record("crm", "2", name="Contested")
    persons.conflict(asked, "company", '""', '"Tea"', '"Coffee"')

    def of(only: str) -> set[str]:
        html = shown(page, anna, f"/contacts?only={only}")
        return {name for name in ("Without", "Peaceful", "Contested") if any(name in row for row in names(html))}

    assert of("") == of("nonsense") == {"Without", "Peaceful", "Contested"}
    assert of("record") == {"Peaceful", "Contested"}
    assert of("no-record") == {"Without"}
    assert of("question") == {"Contested"}
    assert of("proposal") == set()


def test_the_card_shows_identities_talks_fields_with_their_source_and_records(
    page: Page, persons: Persons, anna: User
) -> None:
    voice = persons.voice("club", "10", "Вера Ли", "Когда откроетесь?")
    other = persons.voice("shop", "20", "Vera Li", "Is there <b>decaf</b>?", thread_id="q1")
    record = persons.record("crm", "r-7", name="Вера Ли", company="Чай и Ко", emails=["vera@example.org"])
    merging.merge(page.store, voice, other, anna, page.hub.clock())
    merging.merge(page.store, voice, record, anna, page.hub.clock())
    html = shown(page, anna, f"/contacts/{voice}")
    said = words(html)
    assert "village: вера" in said
    assert "hamlet: vera" in said
    assert "Когда откроетесь?" in said
    assert "Is there <b>decaf</b>?" in said, "strangers' words are words"
    assert "2 remarks, 0 of them answered · in the CRM: crm" in said
    fields = html.partition('id="fields"')[2].partition("</dl>")[0]
    assert "Чай и Ко" in fields
    assert "crm" in words(fields)
    assert "https://crm.example/r-7" in html
    assert "the word of one of the team" in said
    # The numbers of the cards that were merged lead to the person.
    moved = page.ask(anna).get(f"/contacts/{other}")
    assert (moved.status_code, moved.headers["location"]) == (303, f"/contacts/{voice}")
    assert page.ask(anna).get("/contacts/999").status_code == 404


def test_older_discussions_are_a_page_on(page: Page, persons: Persons, anna: User) -> None:
    card = persons.voice("club", "10", "Вера Ли", "first words", thread_id="t0")
    from hub.models import Author

    for number in range(1, loading.TALKS + 1):
        who = Author(remote_id="10", name="Вера Ли", handle="вера")
        page.ingest("club", f"words {number}", author=who, thread_id=f"t{number}")
    html = shown(page, anna, f"/contacts/{card}")
    assert "first words" not in html
    (older,) = [href for href in Parsed(html).hrefs() if "before=" in href]
    assert "first words" in shown(page, anna, older.partition("#")[0])


def test_fields_are_edited_in_place_and_only_what_was_changed(page: Page, persons: Persons, anna: User) -> None:
    card = persons.typed(name="Вера", emails=["vera@example.org"], company="Чай")
    form = Parsed(shown(page, anna, f"/contacts/{card}")).form(f"/contacts/{card}/edit")
    sent = form.filled(
        **{"field-company": "Чай и Ко", "field-emails": "vera@example.org\r\nli@example.org", "new-name": "size"},
        **{"new-value": "M"},
    )
    html = follow(page, anna, page.ask(anna).post(form.action, data=sent))
    assert "Changed." in html
    found = loading.load(page.store, card)
    assert found.view.values["company"] == "Чай и Ко"
    assert found.view.values["emails"] == ("vera@example.org", "li@example.org")
    assert found.view.values["size"] == "M"
    assert {change.field for change in found.history} == {"company", "emails", "size"}
    assert {found.names[change.user_id or 0] for change in found.history} == {"Anna"}
    assert "Anna" in words(html.partition('id="fields"')[2].partition("</dl>")[0])


def test_who_edits_what_another_changed_meanwhile_overwrites_nothing(
    page: Page, persons: Persons, anna: User
) -> None:
    card = persons.typed(name="Вера", company="Чай", city="Москва")
    form = Parsed(shown(page, anna, f"/contacts/{card}")).form(f"/contacts/{card}/edit")
    page.ask(anna).post(form.action, data=form.filled(**{"field-company": "Кофе"}))
    late = page.ask(anna).post(form.action, data=form.filled(**{"field-company": "Какао", "field-city": "Тверь"}))
    assert late.status_code == 409
    assert "Company was changed meanwhile, to: Кофе" in words(late.text)
    assert loading.load(page.store, card).view.values["company"] == "Кофе"
    # What was typed is in the form that comes back, which has seen the other value: it can be saved now.
    again = Parsed(late.text).form(f"/contacts/{card}/edit")
    assert again.filled()["field-company"] == "Какао"
    follow(page, anna, page.ask(anna).post(again.action, data=again.filled()))
    found = loading.load(page.store, card).view.values
    assert (found["company"], found["city"]) == ("Какао", "Тверь")
    # The same change twice, and one that leaves everything as it is, are none.
    before = len(loading.load(page.store, card).history)
    follow(page, anna, page.ask(anna).post(again.action, data=again.filled()))
    assert len(loading.load(page.store, card).history) == before


def test_people_are_added_noted_and_deleted(page: Page, persons: Persons, anna: User) -> None:
    browser = page.ask(anna)
    assert browser.post("/contacts/new", data={}).status_code == 400
    answer = browser.post("/contacts/new", data={"field-name": "Зоя Ким", "field-phones": "+79161234567"})
    html = follow(page, anna, answer)
    assert "Зоя Ким" in html
    number = int(answer.headers["location"].partition("?")[0].rpartition("/")[2])
    html = follow(page, anna, page.ask(anna).post(f"/contacts/{number}/note", data={"text": "любит\r\nчай"}))
    assert "любит<br>чай" in html
    assert page.ask(anna).post(f"/contacts/{number}/note", data={"text": "  "}).status_code == 400
    assert page.ask(anna).post(f"/contacts/{number}/delete", data={}).status_code == 400
    html = follow(page, anna, page.ask(anna).post(f"/contacts/{number}/delete", data={"sure": "yes"}))
    assert "Зоя Ким" not in html
    assert page.ask(anna).get(f"/contacts/{number}").status_code == 404


def test_a_consent_is_given_and_withdrawn(page: Page, persons: Persons, anna: User) -> None:
    card = persons.typed(name="Вера")
    at = f"/contacts/{card}/consent"
    html = follow(
        page, anna, page.ask(anna).post(at, data={"purpose": "newsletter", "granted": "yes", "note": "by phone"})
    )
    kept = words(html.partition('id="consents"')[2].partition("</section>")[0])
    assert "newsletter given" in kept
    assert "by phone" in kept
    html = follow(page, anna, page.ask(anna).post(at, data={"purpose": "newsletter", "granted": "no"}))
    assert "newsletter withdrawn" in words(html)
    assert page.ask(anna).post(at, data={"purpose": ""}).status_code == 400


def test_all_that_is_held_is_given_as_a_file_and_erased_with_a_proof(
    page: Page, persons: Persons, anna: User
) -> None:
    card = persons.voice("club", "10", "Вера Ли", "Когда откроетесь?")
    given = page.ask(anna).get(f"/contacts/{card}/export")
    assert given.headers["content-disposition"] == f'attachment; filename="contact-{card}.json"'
    assert "Когда откроетесь?" in json.dumps(given.json(), ensure_ascii=False)
    assert page.ask(anna).post(f"/contacts/{card}/erase", data={}).status_code == 400
    assert "Вера Ли" in shown(page, anna, f"/contacts/{card}"), "not without being sure"
    html = follow(page, anna, page.ask(anna).post(f"/contacts/{card}/erase", data={"sure": "yes"}))
    proof = words(html.partition("<main")[2])
    assert f"Contact {card}" in proof
    assert "mentions" in proof
    assert "Вера" not in proof
    assert page.ask(anna).get(f"/contacts/{card}").status_code == 404
    assert page.hub.rows("SELECT * FROM mentions WHERE text LIKE '%откроетесь%'") == []
    assert page.ask(anna).post("/contacts/erasures/1/done").status_code == 404


def test_a_merge_is_shown_before_it_is_made_and_a_split_takes_it_back(
    page: Page, persons: Persons, anna: User
) -> None:
    one = persons.voice("club", "10", "Вера Ли", "Когда?")
    other = persons.record("crm", "r-7", name="Vera Lee", company="Tea & Co")
    html = shown(page, anna, f"/contacts/{one}/merge?q=lee")
    (candidate,) = [href for href in Parsed(html).hrefs() if f"other={other}" in href]
    preview = shown(page, anna, candidate)
    table = words(preview.partition("<table")[2].partition("</table>")[0])
    assert "Tea & Co" in table
    assert "Вера Ли" in table
    assert "Vera Lee" in table
    assert "What the CRMs would be told" in preview
    assert loading.person_of(page.store, other) == other, "a look merges nothing"
    form = Parsed(preview).form(f"/contacts/{one}/merge")
    html = follow(page, anna, page.ask(anna).post(form.action, data=form.filled()))
    assert "one person now" in html
    assert loading.person_of(page.store, other) == one
    again = page.ask(anna).post(form.action, data={"other": str(one)})
    assert again.status_code == 400, "nobody is merged with themselves"

    html = shown(page, anna, f"/contacts/{one}/split")
    assert "crm r-7" in words(html)
    nothing = page.ask(anna).post(f"/contacts/{one}/split", data={})
    assert nothing.status_code == 400
    assert "choose what is somebody else" in words(nothing.text)
    html = follow(page, anna, page.ask(anna).post(f"/contacts/{one}/split", data={"cards": [str(other)]}))
    assert "two people now" in html
    assert loading.person_of(page.store, other) == other
    assert loading.load(page.store, other).view.values["company"] == "Tea & Co"
    assert "company" not in loading.load(page.store, one).view.values


def test_a_proposed_pair_is_judged(page: Page, persons: Persons, anna: User) -> None:
    from hub.store.people import evidence
    from hub.store.people.evidence import NewEvidence

    pairs = []
    for name in ("Вера", "Зоя"):
        one, other = persons.typed(name=name), persons.typed(name=name + " Л.")
        found = [NewEvidence(one, other, "email", f"{name}@example.org", "author", 0.5, "proposed")]
        page.store.write(evidence.keep, found, page.hub.clock())
        pairs.append((one, other))
    html = shown(page, anna, "/contacts/proposals")
    assert "the same e-mail: Вера@example.org" in words(html)
    assert len(names(shown(page, anna, "/contacts?only=proposal"))) == 4
    forms = [form for form in Parsed(html).forms if form.action.startswith("/contacts/proposals/")]
    assert len(forms) == 2
    assert page.ask(anna).post(forms[0].action, data={"word": "perhaps"}).status_code == 400
    follow(page, anna, page.ask(anna).post(forms[0].action, data={"word": "accept"}))
    html = follow(page, anna, page.ask(anna).post(forms[1].action, data={"word": "refuse"}))
    assert "nothing to decide" in html
    joined = [loading.person_of(page.store, other) == one for one, other in pairs]
    assert sorted(joined) == [False, True]


def test_a_conflict_stands_side_by_side_and_one_click_or_a_third_value_decides(
    page: Page, persons: Persons, anna: User
) -> None:
    cards = [persons.record("crm", str(number), name=f"Вера {number}", company="Чай") for number in range(3)]
    asked = [persons.conflict(card, "company", '"Вода"', '"Чай"', '"Кофе"') for card in cards]
    html = shown(page, anna, "/contacts/conflicts")
    section = html.partition(f'id="question-{asked[0]}"')[2].partition("</section>")[0]
    assert "Вера 0: Company was changed here and in crm" in words(section)
    for value in ("Вода", "Чай", "Кофе"):
        assert value in section
    empty = page.ask(anna).post(f"/contacts/conflicts/{asked[0]}", data={"answer": "typed", "value": " "})
    assert empty.status_code == 400
    for number, sent in zip(
        asked, ({"answer": "ours"}, {"answer": "theirs"}, {"answer": "typed", "value": "Какао"}), strict=True
    ):
        follow(page, anna, page.ask(anna).post(f"/contacts/conflicts/{number}", data=sent))
    found = [loading.load(page.store, card).view.values["company"] for card in cards]
    assert found == ["Чай", "Кофе", "Какао"]
    with page.store.read() as connection:
        assert questions.open(connection, 10) == []
    late = page.ask(anna).post(f"/contacts/conflicts/{asked[0]}", data={"answer": "theirs"})
    assert late.status_code in (400, 404, 409)


def test_many_questions_come_in_pages_and_an_answer_that_is_refused_shows_its_own(
    page: Page, persons: Persons, anna: User
) -> None:
    cards = [persons.record("crm", str(number), name=f"Вера {number}", company="Чай") for number in range(51)]
    asked = [persons.conflict(card, "company", '"Вода"', '"Чай"', '"Кофе"') for card in cards]
    html = shown(page, anna, "/contacts/conflicts")
    assert (html.count('id="question-head-'), f'id="question-{asked[50]}"' in html) == (50, False)
    html = shown(page, anna, f"/contacts/conflicts?after={asked[49]}")
    assert (html.count('id="question-head-'), f'id="question-{asked[50]}"' in html) == (1, True)
    assert 'href="/contacts/conflicts?"' in html
    refused = page.ask(anna).post(f"/contacts/conflicts/{asked[50]}", data={"answer": "typed", "value": ""})
    assert f'id="question-{asked[50]}"' in refused.text


def test_the_inbox_leads_to_the_card_and_says_what_is_asked_first(
    page: Page, persons: Persons, anna: User
) -> None:
    card = persons.voice("club", "10", "Вера Ли", "Когда откроетесь?", "И почём?")
    record = persons.record("crm", "r-7", name="Вера Ли")
    merging.merge(page.store, card, record, anna, page.hub.clock())
    (mention,) = page.hub.rows("SELECT id FROM mentions WHERE text = 'И почём?'")
    html = shown(page, anna, f"/inbox/{mention['id']}?q=")
    pane = html.partition('class="card person"')[2].partition("</div>")[0]
    assert f'href="/contacts/{card}"' in pane
    assert "Wrote 1 time besides" in words(pane)
    assert "in the CRM: crm" in words(pane)
    vera = page.user("vera", Role.OWNER, {"club"})
    bounded = shown(page, vera, f"/inbox/{mention['id']}?q=")
    assert "/contacts/" not in bounded
    assert "in the CRM" not in bounded


def test_who_may_see_some_accounts_only_comes_to_no_contact(page: Page, persons: Persons) -> None:
    card = persons.typed(name="Вера")
    bounded = page.user("boris", Role.OWNER, {"club", "shop"})
    for path in ("/contacts", f"/contacts/{card}", "/contacts/proposals", "/contacts/conflicts", "/contacts/new"):
        assert page.ask(bounded).get(path).status_code == 403, path
    assert page.ask(bounded).post(f"/contacts/{card}/note", data={"text": "x"}).status_code == 403
    assert "/contacts" not in Parsed(page.ask(bounded).get("/inbox").text).hrefs()


def test_who_may_not_change_sees_no_form_for_it(page: Page, persons: Persons) -> None:
    card = persons.record("crm", "1", name="Вера", company="Чай")
    persons.conflict(card, "company", '""', '"Чай"', '"Кофе"')

    def actions(user: User, path: str) -> set[str]:
        return {form.action for form in Parsed(shown(page, user, path)).forms if "/contacts" in form.action}

    rita, roman = page.user("rita", Role.READER), page.user("roman", Role.RESPONDER)
    pavel, olga = page.user("pavel", Role.PUBLISHER), page.user("olga", Role.OWNER)
    at = f"/contacts/{card}"
    assert actions(rita, at) == set()
    assert actions(roman, at) == {f"{at}/edit", f"{at}/note", f"{at}/consent"}
    assert actions(pavel, at) == actions(roman, at)
    assert actions(olga, at) == {*actions(roman, at), f"{at}/delete", f"{at}/erase"}
    assert f"{at}/merge" not in Parsed(shown(page, roman, at)).hrefs()
    assert f"{at}/merge" in Parsed(shown(page, pavel, at)).hrefs()
    assert actions(roman, "/contacts/conflicts") == set()
    assert len(actions(pavel, "/contacts/conflicts")) == 1
