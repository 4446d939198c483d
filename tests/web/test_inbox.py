"""The Inbox: filters in the address, one mention opened beside the list, and answers that go out once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
from pages import Page, Parsed, page_over

from hub.contacts.identity import matching, merging
from hub.models import Author, Mention
from hub.testing.faults import LOST
from hub.users.roles import Role, User


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with page_over(tmp_path) as found:
        yield found


def listed(page: Page, user: Any, q: str) -> list[int]:
    answer = page.ask(user).get("/inbox", params={"q": q})
    assert answer.status_code == 200, answer.text
    return Parsed(answer.text).rows()


class Desk(NamedTuple):
    """Four remarks of which each is found by other filters, and who looks for them."""

    page: Page
    anna: User
    ids: dict[str, int]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with page_over(tmp_path_factory.mktemp("desk")) as page:
        anna, boris = page.user("anna"), page.user("boris", Role.RESPONDER)
        march = datetime(2026, 3, 2, 12, tzinfo=UTC)
        ids = {
            "coffee": page.ingest(text="Есть ли кофе без кофеина?"),
            "parking": page.ingest(text="Is there parking nearby?"),
            "shop": page.ingest("shop", text="Спасибо!"),
            "review": page.ingest(kind="review", text="Five stars", sent_at=march),
        }
        changes: list[tuple[str, str, dict[str, str]]] = [
            ("parking", "status", {"status": "done"}),
            ("shop", "assign", {"assignee": str(anna.id)}),
            ("coffee", "assign", {"assignee": str(boris.id)}),
            ("review", "label", {"label": "urgent now"}),
        ]
        for name, what, sent in changes:
            assert page.ask(anna).post(f"/inbox/{ids[name]}/{what}", data=sent).status_code == 303
        yield Desk(page, anna, ids)


class TestFilters:
    @pytest.mark.parametrize(
        ("fields", "wanted"),
        [
            ({"text": "кофе"}, {"coffee"}),
            ({"text": '"is there parking"'}, {"parking"}),
            ({"text": "-кофе"}, {"parking", "shop", "review"}),
            ({"account": "shop"}, {"shop"}),
            ({"network": "hamlet"}, {"shop"}),
            ({"kind": "review"}, {"review"}),
            ({"status": "done"}, {"parking"}),
            ({"status": "new", "account": "club"}, {"coffee", "review"}),
            ({"assignee": "me"}, {"shop"}),
            ({"assignee": "boris"}, {"coffee"}),
            ({"assignee": "nobody"}, {"parking", "review"}),
            ({"label": "urgent now"}, {"review"}),
            ({"after": "2026-03-02", "before": "2026-03-03"}, {"review"}),
        ],
    )
    def test_a_form_without_javascript_leads_to_the_query_that_it_means(
        self, desk: Desk, fields: dict[str, str], wanted: set[str]
    ) -> None:
        browser = desk.page.ask(desk.anna)
        empty = dict.fromkeys(("text", "status", "assignee", "account", "network", "kind", "label"), "")
        answer = browser.get("/inbox", params={**empty, **fields})
        assert answer.status_code == 303
        where = answer.headers["location"]
        assert set(parse_qs(urlsplit(where).query)) <= {"q"}
        shown = browser.get(where)
        rows = Parsed(shown.text).rows()
        assert {name for name, number in desk.ids.items() if number in rows} == wanted
        # The form of that page says the same again: sending it leads to the same place.
        form = Parsed(shown.text).form("/inbox")
        again = browser.get("/inbox", params=form.filled())
        assert again.headers["location"] == where

    def test_who_comes_without_a_filter_sees_what_is_left_to_do(self, page: Page) -> None:
        anna = page.user("anna")
        left, done = page.ingest(text="one"), page.ingest(text="two")
        page.ask(anna).post(f"/inbox/{done}/status", data={"status": "done"})
        assert Parsed(page.ask(anna).get("/inbox").text).rows() == [left]
        assert listed(page, anna, "") == [done, left]

    def test_a_query_that_cannot_be_read_says_where_and_keeps_what_was_typed(self, page: Page) -> None:
        answer = page.ask(page.user("anna")).get("/inbox", params={"text": "statuss:open"})
        assert answer.status_code == 422
        shown = Parsed(answer.text)
        assert "statuss: is no key" in shown.text
        assert shown.form("/inbox").filled()["text"] == "statuss:open"

    def test_tabs_count_and_lead_to_whose_remarks_they_are(self, page: Page) -> None:
        anna = page.user("anna")
        mine, nobodys = page.ingest(text="one"), page.ingest(text="two")
        page.ask(anna).post(f"/inbox/{mine}/assign", data={"me": "1"})
        shown = Parsed(page.ask(anna).get("/inbox?q=status:new,open,waiting+o").text.replace("\n", " "))
        tabs = [href for href in shown.hrefs() if "assignee" in href]
        for href, wanted in zip(tabs, ([mine], [nobodys], [nobodys, mine]), strict=False):
            assert Parsed(page.ask(anna).get(href).text).rows() in (wanted, [])
        plain = page.ask(anna).get("/inbox").text
        for name, count in (("Mine", 1), ("Unassigned", 1), ("All", 2)):
            assert f'{name} <span class="badge badge-count">{count}</span>' in plain

    def test_a_page_has_fifty_rows_and_leads_on_and_back(self, page: Page) -> None:
        anna = page.user("anna")
        ids = [page.ingest(text=f"number {number}") for number in range(103)][::-1]
        browser = page.ask(anna)
        href, seen = "/inbox", []
        pages = []
        while href:
            html = browser.get(href).text
            shown = Parsed(html)
            seen += shown.rows()
            pages.append(shown.rows())
            href = next((str(f["href"]) for t, f in shown.elements if t == "a" and f.get("rel") == "next"), "")
        assert [len(one) for one in pages] == [50, 50, 3]
        assert seen == ids
        back = next(str(f["href"]) for t, f in shown.elements if t == "a" and f.get("rel") == "prev")
        assert Parsed(browser.get(back).text).rows() == ids[50:100]

    def test_a_view_is_kept_for_its_user_alone(self, page: Page) -> None:
        anna, boris = page.user("anna"), page.user("boris")
        form = Parsed(page.ask(anna).get("/inbox?q=is:unread+label:x-y").text)
        # A label that there is not is no query that can be shown; the view may wait for it.
        sent = form.form("/inbox/views").filled(name="Срочное <b>")
        assert page.ask(anna).post("/inbox/views", data={**sent, "q": "is:unread кофе"}).status_code == 303
        shown = page.ask(anna).get("/inbox").text
        assert "Срочное &lt;b&gt;" in shown
        assert "/inbox?q=is%3Aunread+%D0%BA%D0%BE%D1%84%D0%B5" in shown
        assert "Срочное" not in page.ask(boris).get("/inbox").text
        (view,) = [f.action for f in Parsed(shown).forms if f.action.startswith("/inbox/views/")]
        page.ask(boris).post(view, data={})
        assert "Срочное" in page.ask(anna).get("/inbox").text
        page.ask(anna).post(view, data={})
        assert "Срочное" not in page.ask(anna).get("/inbox").text


class TestScope:
    def test_a_user_of_one_account_sees_nothing_of_the_other(self, page: Page) -> None:
        vera = page.user("vera", Role.RESPONDER, {"club"})
        same = Author(remote_id="9", name="Анна")
        mine, others = page.ingest("club", author=same), page.ingest("shop", text="secret words", author=same)
        assert listed(page, vera, "") == [mine]
        assert listed(page, vera, "account:shop") == []
        browser = page.ask(vera)
        assert browser.get(f"/inbox/{others}").status_code == 404
        for what, sent in (
            ("reply", {"text": "x", "key": "k", "seen": "0"}),
            ("preview", {"text": "x"}),
            ("claim", {}),
            ("status", {"status": "done"}),
            ("assign", {"me": "1"}),
            ("label", {"label": "x"}),
            ("unlabel", {"label": "x"}),
            ("note", {"text": "x"}),
            ("read", {}),
            ("unread", {}),
        ):
            assert browser.post(f"/inbox/{others}/{what}", data=sent).status_code == 404, what
        assert browser.post("/inbox/bulk", data={"id": [mine, others], "status": "done"}).status_code == 404
        assert "secret words" not in browser.get(f"/inbox/{mine}").text
        assert [row["status"] for row in page.hub.rows("SELECT status FROM mentions")] == ["new", "new"]
        assert "shop" not in Parsed(browser.get("/inbox").text).text

    def test_the_other_remarks_of_one_contact_stay_within_the_accounts(self, page: Page) -> None:
        both, one = page.user("anna"), page.user("vera", Role.RESPONDER, {"club"})
        here = page.ingest("club", author=Author(remote_id="9", name="Анна", emails=["a@example.org"]))
        page.ingest(
            "shop", text="the other words", author=Author(remote_id="3", name="A", emails=["a@example.org"])
        )
        now = page.hub.clock()
        matching.match(page.store, page.hub.hub.settings, now)
        (proposed,) = merging.proposals(page.store, 2)
        merging.accept(page.store, proposed.id, None, now)
        assert "the other words" in page.ask(both).get(f"/inbox/{here}").text
        assert "the other words" not in page.ask(one).get(f"/inbox/{here}").text

    def test_a_reader_sees_no_forms(self, page: Page) -> None:
        reader = page.user("rita", Role.READER)
        mention = page.ingest()
        for address in ("/inbox", f"/inbox/{mention}"):
            main = page.ask(reader).get(address).text.partition("<main")[2].partition("</main>")[0]
            assert all(form.method == "get" for form in Parsed(main).forms)
            assert "textarea" not in main
        assert page.ask(reader).post(f"/inbox/{mention}/reply", data={"text": "x"}).status_code == 403
        assert page.ask(reader).post("/inbox/bulk", data={"id": [mention]}).status_code == 403

    def test_nobody_is_led_to_the_login(self, page: Page) -> None:
        answer = page.ask(None).get("/inbox?q=is:unread")
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login")

    @pytest.mark.parametrize("number", ["0", "-1", str(2**63), "9" * 40, "x"])
    def test_a_number_that_is_none_is_refused_in_words(self, page: Page, number: str) -> None:
        assert page.ask(page.user("anna")).get(f"/inbox/{number}").status_code in (404, 422)
        assert page.ask(page.user("b")).get("/inbox/424242").status_code == 404


class TestOpened:
    def test_it_shows_who_said_what_above_beside_and_under_it(self, page: Page) -> None:
        anna = page.user("anna")
        author = Author(remote_id="7", name="Вера Ли", handle="vera.li", url="https://village.example/vera")
        page.ingest(text="the parent", remote_id="p")
        page.ingest(text="beside it", remote_id="s1", parent_id="p")
        here = page.ingest(text="this one", remote_id="x", parent_id="p", author=author)
        page.ingest(text="under it", remote_id="c", parent_id="x")
        page.ingest(text="elsewhere", remote_id="e", thread_id="t2", author=author)
        html = page.ask(anna).get(f"/inbox/{here}").text
        conversation = Parsed(html.partition('id="conversation"')[2].partition("</section>")[0]).text
        order = [conversation.index(words) for words in ("the parent", "beside it", "this one", "under it")]
        assert order == sorted(order)
        assert "elsewhere" not in conversation
        assert "elsewhere" in html.partition('class="others"')[2]
        assert "@vera.li" in Parsed(html).text
        assert "https://village.example/vera" in Parsed(html).hrefs()

    def test_what_was_edited_and_deleted_is_marked_and_the_old_words_stay(self, page: Page) -> None:
        anna = page.user("anna")
        number = page.ingest(text="the first words", remote_id="x", url="https://village.example/1")
        said = Mention(remote_id="x", thread_id="t1", author=Author(remote_id="7"), text="the second words")
        page.hub.clock.forward(hours=1)
        assert page.take("club", said) == number
        html = page.ask(anna).get(f"/inbox/{number}").text
        assert "badge-edited" in html
        assert "the first words" in html
        assert "until " in Parsed(html).text
        page.hub.clock.forward(hours=1)
        page.take("club", Mention(remote_id="x", thread_id="t1", deleted=True))
        html = page.ask(anna).get(f"/inbox/{number}").text
        assert "badge-deleted" in html
        assert "the second words" in html
        assert "deleted by its author and cannot be answered" in html
        assert f"/inbox/{number}/reply" not in html

    def test_unread_is_a_shape_and_a_word_until_it_is_read(self, page: Page) -> None:
        anna, boris = page.user("anna"), page.user("boris")
        number = page.ingest()
        html = page.ask(anna).get(f"/inbox/{number}").text
        assert '<li class="row unread"' in html
        assert "Unread." in Parsed(html).text
        assert f'data-unread="/inbox/{number}/read"' in html
        assert page.hub.rows("SELECT status FROM mentions")[0]["status"] == "new", "looking writes nothing"
        assert page.ask(anna).post(f"/inbox/{number}/read").status_code == 303
        assert "row unread" not in page.ask(anna).get("/inbox").text
        assert "row unread" in page.ask(boris).get("/inbox").text
        assert page.hub.rows("SELECT status FROM mentions")[0]["status"] == "open"
        page.ask(anna).post(f"/inbox/{number}/unread")
        assert "row unread" in page.ask(anna).get("/inbox").text

    def test_care_is_taken_by_forms_alone(self, page: Page) -> None:
        anna, boris = page.user("anna"), page.user("boris", Role.RESPONDER)
        number = page.ingest()
        here = f"/inbox/{number}"

        def send(what: str, **sent: str) -> str:
            form = Parsed(page.ask(anna).get(f"{here}?q=").text).form(f"{here}/{what}")
            answer = page.ask(anna).post(form.action, data=form.filled(**sent))
            assert answer.status_code == 303, answer.text
            assert answer.headers["location"].startswith(f"{here}?q=")
            return page.ask(anna).get(answer.headers["location"]).text

        assert "badge-waiting" in send("status", status="waiting")
        assert "→ <bdi>Boris</bdi>" in send("assign", assignee=str(boris.id))
        assert '<span class="badge badge-label"><bdi>VIP &amp; co</bdi></span>' in send("label", label="VIP & co")
        assert "badge-label" not in send("unlabel", label="VIP & co").partition('id="opened"')[2]
        html = send("note", text="Ask <b>Boris</b> first")
        assert "Ask &lt;b&gt;Boris&lt;/b&gt; first" in html
        assert page.answers() == [], "a note goes to no network"
        history = Parsed(html.partition('class="history"')[2].partition("</details>")[0]).text
        assert "Anna gave it to Boris" in " ".join(history.split())
        snoozed = page.ask(anna).post(f"{here}/status", data={"status": "snoozed", "until": "tomorrow"})
        assert snoozed.status_code == 303
        assert listed(page, anna, "status:snoozed") == [number]
        page.hub.clock.forward(days=2)
        assert listed(page, anna, "status:snoozed") == []
        assert listed(page, anna, "status:open") == [number]

    def test_a_time_to_come_back_that_is_not_offered_is_refused(self, page: Page) -> None:
        number = page.ingest()
        sent = {"status": "snoozed", "until": "2020-01-01"}
        answer = page.ask(page.user("anna")).post(f"/inbox/{number}/status", data=sent)
        assert answer.status_code == 400
        assert "no such time" in answer.text

    def test_several_are_changed_at_once(self, page: Page) -> None:
        anna = page.user("anna")
        ids = [page.ingest(text=f"n {number}") for number in range(3)]
        form = Parsed(page.ask(anna).get("/inbox?q=").text).form("/inbox/bulk")
        sent: dict[str, Any] = form.filled(status="done", assignee=str(anna.id), label="seen")
        answer = page.ask(anna).post("/inbox/bulk", data={**sent, "id": ids[:2]})
        assert answer.status_code == 303
        assert listed(page, anna, "status:done assignee:me label:seen") == ids[:2][::-1]
        assert listed(page, anna, "status:new") == ids[2:]
        none = page.ask(anna).post("/inbox/bulk", data=sent)
        assert "Nothing was chosen" in page.ask(anna).get(none.headers["location"]).text


class TestAnswer:
    def test_the_whole_way_without_javascript(self, page: Page) -> None:
        anna = page.user("anna")
        number = page.hear(text="Есть ли без кофеина?")
        here = f"/inbox/{number}"
        form = Parsed(page.ask(anna).get(here).text).form(f"{here}/reply")
        shown = page.ask(anna).post(f"{here}/preview", data=form.filled(text="Да, есть: https://a.example/x"))
        assert shown.status_code == 200
        assert page.answers() == [], "a preview sends nothing"
        preview = shown.text.partition('id="reply-preview"')[2]
        assert '<a href="https://a.example/x"' in preview
        assert "29 of 500" in Parsed(preview).text
        assert "471 left" in Parsed(shown.text).text
        form = Parsed(shown.text).form(f"{here}/reply")
        assert form.filled()["text"] == "Да, есть: https://a.example/x"
        sent = page.ask(anna).post(form.action, data=form.filled())
        assert sent.status_code == 303
        assert page.answers() == ["Да, есть: https://a.example/x"]
        after = page.ask(anna).get(sent.headers["location"]).text
        assert "Your answer is sent." in after
        assert "badge-waiting" in after
        # What came back from the network is the same answer, shown once, with its writer's name.
        page.hub.tick_all()
        conversation = page.ask(anna).get(here).text.partition('id="conversation"')[2].partition("</section>")[0]
        assert Parsed(conversation).text.count("Да, есть:") == 1
        assert "Anna" in Parsed(conversation).text

    def test_a_second_click_sends_nothing(self, page: Page) -> None:
        anna = page.user("anna")
        number = page.hear()
        form = Parsed(page.ask(anna).get(f"/inbox/{number}").text).form(f"/inbox/{number}/reply")
        first, second = (page.ask(anna).post(form.action, data=form.filled(text="Да")) for _ in range(2))
        assert first.status_code == second.status_code == 303
        assert page.answers() == ["Да"]

    def test_the_second_of_two_people_sees_the_first_answer_before_sending(self, page: Page) -> None:
        anna, boris = page.user("anna"), page.user("boris", Role.RESPONDER)
        number = page.hear()
        here = f"/inbox/{number}"
        forms = [Parsed(page.ask(who).get(here).text).form(f"{here}/reply") for who in (anna, boris)]
        page.ask(anna).post(forms[0].action, data=forms[0].filled(text="Да, есть"))
        late = page.ask(boris).post(forms[1].action, data=forms[1].filled(text="Нет\nи <b>не</b> будет"))
        assert late.status_code == 409
        assert page.answers() == ["Да, есть"]
        newer = late.text.partition('class="newer"')[2]
        assert "Да, есть" in newer
        assert "Anna" in newer
        again = Parsed(late.text).form(f"{here}/reply")
        assert again.filled()["text"] == "Нет\nи <b>не</b> будет"
        assert page.ask(boris).post(again.action, data=again.filled()).status_code == 303
        assert len(page.answers()) == 2, "who has seen it may still have something to say"

    def test_who_is_answering_is_shown_to_the_others(self, page: Page) -> None:
        anna, boris = page.user("anna"), page.user("boris")
        number = page.hear()
        assert page.ask(anna).post(f"/inbox/{number}/claim").status_code == 204
        assert page.ask(boris).post(f"/inbox/{number}/claim").status_code == 409
        words = "Anna is answering this now."
        assert words in page.ask(boris).get(f"/inbox/{number}").text
        assert words not in page.ask(anna).get(f"/inbox/{number}").text
        page.hub.clock.forward(minutes=3)
        assert words not in page.ask(boris).get(f"/inbox/{number}").text

    @pytest.mark.parametrize("text", ["", "  \n ", "x" * 501, "with a \0 in it"])
    def test_what_cannot_be_sent_stays_in_the_box(self, page: Page, text: str) -> None:
        anna = page.user("anna")
        number = page.hear()
        form = Parsed(page.ask(anna).get(f"/inbox/{number}").text).form(f"/inbox/{number}/reply")
        answer = page.ask(anna).post(form.action, data=form.filled(text=text))
        assert answer.status_code in (400, 422)
        assert page.answers() == []
        kept = Parsed(answer.text).form(form.action).filled()["text"]
        assert kept.replace("\ufffd", "\0") == text
        assert 'role="alert"' in answer.text

    def test_an_outcome_that_nobody_knows_is_said_with_the_place_to_look(self, page: Page) -> None:
        anna = page.user("anna")
        number = page.hear()
        form = Parsed(page.ask(anna).get(f"/inbox/{number}").text).form(f"/inbox/{number}/reply")
        page.doubles["club"].inject(LOST, lambda request: request.method == "POST")
        answer = page.ask(anna).post(form.action, data=form.filled(text="Да"))
        assert answer.status_code >= 500
        problem = answer.text.partition('id="answer"')[2]
        assert "before you send it again" in Parsed(problem).text
        (remark,) = page.hub.rows("SELECT url FROM mentions WHERE author_id != '1'")
        assert remark["url"] in Parsed(problem).hrefs()
        assert Parsed(answer.text).form(form.action).filled()["text"] == "Да"
        assert "badge-unknown" in answer.text

    def test_a_refusal_of_the_network_keeps_the_text(self, page: Page) -> None:
        anna = page.user("anna")
        number = page.hear()
        form = Parsed(page.ask(anna).get(f"/inbox/{number}").text).form(f"/inbox/{number}/reply")
        page.doubles["club"].refuse_token = True
        answer = page.ask(anna).post(form.action, data=form.filled(text="Да"))
        assert answer.status_code >= 400
        assert Parsed(answer.text).form(form.action).filled()["text"] == "Да"
        page.doubles["club"].refuse_token = False
        again = Parsed(answer.text).form(form.action)
        assert page.ask(anna).post(again.action, data=again.filled()).status_code == 303
        assert page.answers() == ["Да"]

    def test_saved_replies_are_put_into_the_box_without_javascript(self, page: Page) -> None:
        anna = page.user("anna")
        number = page.hear(name="Вера {me} Ли")
        browser = page.ask(anna)
        kept = browser.post("/inbox/replies", data={"name": "Thanks", "text": "Спасибо, {author}! {me}"})
        assert kept.status_code == 303
        html = browser.get(f"/inbox/{number}").text
        form = Parsed(html).form(f"/inbox/{number}/reply")
        saved = next(
            f["value"] for t, f in Parsed(html).elements if t == "option" and "data-text" in f and f["value"]
        )
        shown = browser.post(f"/inbox/{number}/preview", data=form.filled(saved=str(saved)))
        assert Parsed(shown.text).form(form.action).filled()["text"] == "Спасибо, Вера {me} Ли! Anna"
        wrong = browser.post("/inbox/replies", data={"name": "X", "text": "{password}"})
        assert wrong.status_code == 422
        assert "{password}" in Parsed(wrong.text).form("/inbox/replies").filled()["text"]
        (forget,) = [f for f in Parsed(browser.get("/inbox/replies").text).forms if f.action.endswith("/forget")]
        browser.post(forget.action, data=forget.filled())
        assert "Спасибо" not in browser.get("/inbox/replies").text


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><div hx-get=/users hx-trigger=load data-live=mentions>',
    "{{ 7 * 7 }}{% include 'login.html' %}",
    "'><a href=javascript:alert(1)>click</a>",
    "\u202egnp.exe\u2066",
]


class TestStrangers:
    @pytest.mark.parametrize("words", HOSTILE)
    def test_what_they_write_is_only_ever_text(self, page: Page, words: str) -> None:
        anna = page.user("anna")
        calm = page.ingest(
            text="calm", author=Author(remote_id="77", name="calm", handle="calm"), remote_id="calm"
        )
        clean = Parsed(page.ask(anna).get(f"/inbox/{calm}").text)
        author = Author(remote_id="66", name=words, handle=words, url="javascript:alert(1)")
        number = page.ingest(text=words, author=author, url="javascript:alert(2)", remote_id=words, thread_id="t9")
        html = page.ask(anna).get(f"/inbox/{number}").text
        shown = Parsed(html)
        assert {tag for tag, _facts in shown.elements} <= {tag for tag, _facts in clean.elements}
        known = {name for _tag, facts in clean.elements for name in facts}
        assert {name for _tag, facts in shown.elements for name in facts} <= known
        assert not [href for href in shown.hrefs() if href.lower().startswith("javascript")]
        assert "49" not in html.partition('id="conversation"')[2].partition("</section>")[0]
        if words.isascii():
            assert words in shown.text


def test_the_browser_counts_by_the_facts_of_the_network(page: Page) -> None:
    anna = page.user("anna")
    number = page.hear()
    html = page.ask(anna).get(f"/inbox/{number}").text
    (limits,) = [str(facts["data-limits"]) for tag, facts in Parsed(html).elements if tag == "output"]
    assert json.loads(limits) == {
        "unit": "grapheme",
        "maximum": 500,
        "maximumWithMedia": 500,
        "maxBytes": 0,
        "linkCost": None,
        "localMentions": False,
    }
