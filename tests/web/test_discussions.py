"""The Discussion: one tree of all sites, why it is one, what can be taken apart, and its digest."""

from __future__ import annotations

import html as htmllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pages import Page, Parsed, page_over

from hub.discussions import joining
from hub.models import Author, Mention
from hub.users.roles import Role

LONG = "Мы повторили дома на сковороде с термометром, вышло неожиданно хорошо, спасибо за журнал"


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with page_over(tmp_path) as found:
        yield found


class Talk:
    """An article on both networks, two people under it, one of whom says the same on both."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.home = page.ingest("club", text="Где взять термометр?", remote_id="c1", thread_id="p1")
        with page.store.read() as connection:
            (self.discussion,) = [
                row.discussion_id
                for row in connection.exec_driver_sql("SELECT discussion_id FROM threads WHERE remote_id = 'p1'")
            ]
        self.first = page.ingest(
            "club",
            text=LONG,
            remote_id="c2",
            thread_id="p1",
            author=Author(remote_id="20", name="Зоя Белова", handle="zoya"),
        )
        self.again = page.ingest(
            "shop",
            text=LONG + "!",
            remote_id="s2",
            thread_id="q1",
            author=Author(remote_id="30", name="Зоя Белова", handle="zoya"),
        )
        self.reply = page.ingest("shop", text="Какая сковорода?", remote_id="s3", thread_id="q1", parent_id="s2")

    def attach(self, browser: Any) -> Any:
        return browser.post(f"/discussions/{self.discussion}/attach", data={"account": "shop", "post": "q1"})

    def merge(self) -> None:
        for account in ("club", "shop"):
            joining.merge(self.page.store, account, self.page.hub.clock)


@pytest.fixture
def talk(page: Page) -> Talk:
    return Talk(page)


def shown(page: Page, user: Any, talk: Talk, query: str = "") -> str:
    answer = page.ask(user).get(f"/discussions/{talk.discussion}{query}")
    assert answer.status_code == 200, answer.text
    return answer.text


def test_the_list_tells_title_sites_and_how_many(page: Page, talk: Talk) -> None:
    anna = page.user("anna")
    talk.attach(page.ask(anna))
    html = page.ask(anna).get("/discussions").text
    row = html.partition(f'href="/discussions/{talk.discussion}"')[2].partition("</li>")[0]
    assert ">club</span>" in row
    assert ">shop</span>" in row
    assert "4 remarks" in row
    assert page.ask(anna).get("/discussions?before=1").status_code == 200
    assert page.ask(anna).get("/discussions/999").status_code == 404


def test_a_thread_is_attached_by_a_form_and_taken_apart_for_good(page: Page, talk: Talk) -> None:
    anna = page.user("anna")
    html = shown(page, anna, talk)
    assert "Какая сковорода?" not in html
    form = Parsed(html).form(f"/discussions/{talk.discussion}/attach")
    done = page.ask(anna).post(form.action, data=form.filled(account="shop", post="q1"))
    assert done.status_code == 303
    html = page.ask(anna).get(done.headers["location"]).text
    assert "read at the next tick" in html
    assert "Какая сковорода?" in html
    why = html.partition('class="why"')[2].partition("</details>")[0]
    assert "certain (1.00)" in " ".join(Parsed(why).text.split())
    (form,) = [f for f in Parsed(html).forms if f.action.endswith("/undo") and f.filled()["what"].startswith("j")]
    undone = page.ask(anna).post(form.action, data=form.filled())
    assert undone.status_code == 303
    html = page.ask(anna).get(undone.headers["location"]).text
    assert "Taken apart" in html
    assert "Какая сковорода?" not in html
    assert 'id="undone"' in html
    talk.merge()
    assert "Какая сковорода?" not in shown(page, anna, talk)
    again = page.ask(anna).post(form.action, data=form.filled())
    assert again.status_code in (303, 404)


def test_the_same_remark_is_shown_once_with_why_and_can_be_two_again(page: Page, talk: Talk) -> None:
    anna = page.user("anna")
    talk.attach(page.ask(anna))
    talk.merge()
    html = shown(page, anna, talk)
    conversation = html.partition('id="conversation"')[2].partition("</section>")[0]
    assert conversation.count("неожиданно хорошо") == 1
    also = conversation.partition('class="also"')[2].partition("</p>")[0]
    assert "also on" in also
    assert ">shop</span>" in also
    assert "why the same" in conversation
    # What answers the repeat hangs under the one that stands for both.
    branch = conversation.partition(f'id="m{talk.first}"')[2]
    assert branch.index("Какая сковорода?") < len(branch.partition("Где взять")[0])
    (form,) = [f for f in Parsed(html).forms if f.action.endswith("/undo") and f.filled()["what"].startswith("r")]
    assert page.ask(anna).post(form.action, data=form.filled()).status_code == 303
    talk.merge()
    conversation = shown(page, anna, talk).partition('id="conversation"')[2].partition("</section>")[0]
    assert conversation.count("неожиданно хорошо") == 2


def test_the_orders_are_addresses(page: Page, talk: Talk) -> None:
    anna = page.user("anna")
    talk.attach(page.ask(anna))
    for order, wanted in (
        ("time", [talk.home, talk.first, talk.again, talk.reply]),
        ("site", [talk.home, talk.first, talk.again, talk.reply]),
        ("nonsense", [talk.home, talk.first, talk.again, talk.reply]),
    ):
        elements = Parsed(shown(page, anna, talk, f"?order={order}")).elements
        ids = [
            int(str(f["id"])[1:]) for t, f in elements if t == "article" and str(f.get("id", "")).startswith("m")
        ]
        assert ids == wanted, order
        here = f"/discussions/{talk.discussion}?order={order}"
        marked = [facts.get("aria-current") for _tag, facts in elements if facts.get("href") == here]
        assert marked == (["page"] if order != "nonsense" else [])


def test_a_user_of_one_account_sees_what_was_said_there(page: Page, talk: Talk) -> None:
    anna, vera = page.user("anna"), page.user("vera", Role.PUBLISHER, {"shop"})
    talk.attach(page.ask(anna))
    talk.merge()
    html = shown(page, vera, talk)
    assert "Где взять термометр" not in html
    assert f'id="m{talk.again}"' in html, "the repeat stands for the remark that is not theirs"
    assert f'id="m{talk.first}"' not in html
    assert "Какая сковорода?" in html
    assert "club" not in Parsed(html.partition("<main")[2]).text
    assert 'id="digest"' not in html, "a digest would say what others wrote elsewhere"
    sent = {"account": "shop", "manner": "post"}
    assert page.ask(vera).post(f"/discussions/{talk.discussion}/digest", data=sent).status_code == 403
    for number in (row["id"] for row in page.hub.rows("SELECT id FROM repeats")):
        path = f"/discussions/{talk.discussion}/undo"
        assert page.ask(vera).post(path, data={"what": f"r{number}"}).status_code == 404
    nobody = page.user("nina", Role.OWNER, set())
    assert page.ask(nobody).get(f"/discussions/{talk.discussion}").status_code == 404
    assert f"/discussions/{talk.discussion}" not in page.ask(nobody).get("/discussions").text


def test_a_reader_can_look_and_change_nothing(page: Page, talk: Talk) -> None:
    anna, rita = page.user("anna"), page.user("rita", Role.READER)
    talk.attach(page.ask(anna))
    main = shown(page, rita, talk).partition("<main")[2].partition("</main>")[0]
    assert all(form.method == "get" for form in Parsed(main).forms)
    assert "why here" in main
    for what, sent in (("undo", {"what": "j1"}), ("attach", {"account": "shop", "post": "x"})):
        assert page.ask(rita).post(f"/discussions/{talk.discussion}/{what}", data=sent).status_code == 403


@pytest.mark.parametrize("post", ["", "https://elsewhere.example/nonsense", "a\0b"])
def test_what_is_no_thread_is_said_and_stays_in_the_form(page: Page, talk: Talk, post: str) -> None:
    sent = {"account": "shop", "post": post}
    answer = page.ask(page.user("anna")).post(f"/discussions/{talk.discussion}/attach", data=sent)
    assert answer.status_code in (400, 422)
    if post.startswith("https"):
        assert 'role="alert"' in answer.text
        assert Parsed(answer.text).form(f"/discussions/{talk.discussion}/attach").filled()["post"] == post


class TestDigest:
    def test_lines_are_chosen_by_boxes_and_shown_in_each_form(self, page: Page, talk: Talk) -> None:
        anna = page.user("anna")
        address = f"/discussions/{talk.discussion}"
        html = shown(page, anna, talk)
        assert f'name="only" value="{talk.home}"' in html
        for form in ("fragment", "markdown", "json", "atom", "text"):
            preview = shown(page, anna, talk, f"?form={form}&only={talk.home}").partition("digest-preview")[2]
            words = htmllib.unescape(preview)
            assert "Где взять термометр" in words, form
            assert "неожиданно хорошо" not in words, form
        everything = shown(page, anna, talk, "?form=fragment").partition("digest-preview")[2]
        assert "неожиданно хорошо" in everything
        assert page.ask(anna).get(f"{address}?form=nonsense").status_code == 200
        assert page.ask(anna).get(f"{address}?only=999999&form=json").status_code == 200

    def test_what_strangers_write_is_text_in_the_preview_too(self, page: Page) -> None:
        anna = page.user("anna")
        bad = "<img src=x onerror=alert(1)><script>alert(1)</script> <b hx-get=/users>"
        number = page.ingest(text=bad, author=Author(remote_id="6", name=bad, url="javascript:alert(1)"))
        (discussion,) = [row["discussion_id"] for row in page.hub.rows("SELECT discussion_id FROM threads")]
        for form in ("fragment", "markdown", "json", "atom", "text"):
            html = page.ask(anna).get(f"/discussions/{discussion}?form={form}").text
            preview = html.partition("digest-preview")[2]
            assert "alert" in preview, form
            elements = Parsed(preview).elements
            assert not {tag for tag, _facts in elements} & {"img", "script", "b"}, form
            assert not [f for _t, f in elements if any(name.startswith(("on", "hx-")) for name in f)]
        assert number

    def test_it_is_published_by_a_form_and_says_so(self, page: Page, talk: Talk) -> None:
        anna = page.user("anna")
        form = Parsed(shown(page, anna, talk)).form(f"/discussions/{talk.discussion}/digest")
        done = page.ask(anna).post(form.action, data=form.filled(account="club"))
        assert done.status_code == 303, done.text
        html = page.ask(anna).get(done.headers["location"]).text
        assert "kept in step" in html
        assert "Published: club" in " ".join(Parsed(html).text.split())
        page.hub.tick_all()
        (held,) = page.doubles["club"].held()
        assert "Где взять термометр?" in held.text
        responder = page.user("boris", Role.RESPONDER)
        assert page.ask(responder).post(form.action, data=form.filled()).status_code == 403

    def test_an_account_that_cannot_is_said_in_words(self, page: Page, talk: Talk) -> None:
        sent = {"account": "club", "manner": "comments"}
        answer = page.ask(page.user("anna")).post(f"/discussions/{talk.discussion}/digest", data=sent)
        assert answer.status_code in (400, 422)
        assert 'role="alert"' in answer.text
        assert page.hub.rows("SELECT id FROM digests") == []


def test_deleted_and_edited_remarks_are_marked_and_gaps_are_kept(page: Page) -> None:
    anna = page.user("anna")
    number = page.ingest(text="first words", remote_id="x")
    page.ingest(text="an answer to something unseen", remote_id="y", parent_id="never-seen")
    page.hub.clock.forward(hours=1)
    page.take("club", Mention(remote_id="x", thread_id="t1", author=Author(remote_id="7"), text="other words"))
    (discussion,) = [row["discussion_id"] for row in page.hub.rows("SELECT discussion_id FROM threads")]
    html = page.ask(anna).get(f"/discussions/{discussion}").text
    assert "badge-edited" in html
    assert "A remark that the hub has not seen." in html
    page.take("club", Mention(remote_id="x", thread_id="t1", deleted=True))
    html = page.ask(anna).get(f"/discussions/{discussion}").text
    assert "badge-deleted" in html
    assert "other words" not in html
    assert f'href="/inbox/{number}"' in html
