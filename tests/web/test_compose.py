"""Compose: written, previewed, approved, published without JavaScript, once; nothing that was typed is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from web.press import Press, png, running

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'


@pytest.fixture
def press(tmp_path: Path) -> Iterator[Press]:
    with running(tmp_path) as found:
        yield found


def said(press: Press, where: str = "home") -> list[str]:
    return [held.text for held in getattr(press, where).held()]


def test_a_post_is_written_previewed_scheduled_and_goes_out_at_its_time(press: Press) -> None:
    form = press.form("/compose", "/compose").set(
        text="Hello there", account=["home", "far"], version__far="Moin", when="at", at=press.at(hours=2)
    )
    shown = press.send(form, do="preview", to="/compose/preview")
    assert shown.status_code == 200
    assert shown.text.count("Hello there") >= 2
    assert press.hub.rows("SELECT * FROM drafts") == []
    answer = press.send(press.form_in(shown, "/compose"), do="publish")
    assert str(answer.url).endswith("/queue/1")
    press.hub.tick(hours=1)
    assert (said(press), said(press, "far")) == ([], [])
    press.hub.tick(hours=1.1)
    assert (said(press), said(press, "far")) == (["Hello there"], ["Moin"])


def test_publishing_now_asks_once_before_anything_is_accepted(press: Press) -> None:
    form = press.form("/compose", "/compose").set(text="Now", account=["home"])
    review = press.send(form, do="publish")
    assert str(review.url).endswith("/compose/1/review")
    assert press.hub.rows("SELECT * FROM posts") == []
    press.send(press.form_in(review, "/compose/1/publish"))
    press.hub.tick()
    assert said(press) == ["Now"]


def test_the_same_form_sent_twice_makes_one_draft_and_one_post(press: Press) -> None:
    form = press.form("/compose", "/compose").set(text="Once", account=["home"], when="at", at=press.at(hours=1))
    first, second = press.send(form, do="publish"), press.send(form, do="publish")
    assert first.url == second.url
    assert len(press.hub.rows("SELECT * FROM drafts")) == 1
    press.hub.tick(hours=2)
    assert said(press) == ["Once"]


def test_approved_twice_it_is_one_post(press: Press) -> None:
    form = press.form("/compose", "/compose").set(text="Once", account=["home"])
    review = press.send(form, do="publish")
    yes = press.form_in(review, "/compose/1/publish")
    one, two = press.send(yes, "anna"), press.send(yes, "petr")
    assert one.url == two.url
    press.hub.tick()
    assert said(press) == ["Once"]


def test_an_author_cannot_publish_and_another_approves(press: Press) -> None:
    form = press.form("/compose", "/compose", "vera").set(text="By Vera", account=["home"])
    assert all(button.get("value") != "publish" for button in form.buttons)
    # A button that the page does not show helps no more than the one it shows.
    review = press.send(form, "vera", "publish")
    assert "/compose/1/publish" not in review.text
    asked = press.send(press.form_in(review, "/compose/1/submit"), "vera")
    assert asked.status_code == 200
    yes = press.form("/compose/1/review", "/compose/1/publish", "petr")
    assert press.send(yes, "vera", to="/compose/1/publish").status_code == 403
    assert press.hub.rows("SELECT * FROM posts") == []
    press.send(yes, "petr")
    press.hub.tick()
    assert said(press) == ["By Vera"]
    events = press.hub.rows("SELECT what, by FROM draft_events ORDER BY id")
    assert [(row["what"], row["by"]) for row in events] == [
        ("written", "vera"),
        ("asked for approval", "vera"),
        ("approved", "petr"),
    ]


def test_an_approval_is_of_what_was_seen(press: Press) -> None:
    form, _ = press.draft("vera", text="First words", account=["home"])
    press.send(form, "vera", "submit")
    yes = press.form("/compose/1/review", "/compose/1/publish", "petr")
    later = press.form("/compose/1", "/compose", "vera").set(text="Other words")
    press.send(later, "vera", "save")
    assert press.send(yes, "petr").status_code == 409
    assert press.hub.rows("SELECT state FROM drafts")[0]["state"] == "draft"
    assert press.hub.rows("SELECT * FROM posts") == []


def test_a_declined_draft_says_why_and_can_be_asked_for_again(press: Press) -> None:
    form, _ = press.draft("vera", text="Hm", account=["home"])
    press.send(form, "vera", "submit")
    no = press.form("/compose/1/review", "/compose/1/decline", "petr").set(note="Too short")
    press.send(no, "petr")
    page = press.get("/compose/1", "vera")
    assert "Too short" in page.text
    again = press.form_in(page, "/compose").set(text="Much longer")
    press.send(again, "vera", "submit")
    assert press.hub.rows("SELECT state, version FROM drafts") == [{"state": "approval", "version": 2}]


def test_two_people_who_change_a_draft_are_told_and_nothing_is_lost(press: Press) -> None:
    press.draft("vera", text="Ours", account=["home"])
    mine = press.form("/compose/1", "/compose", "vera").set(text="Vera's words")
    press.send(press.form("/compose/1", "/compose", "petr").set(text="Petr's words"), "petr", "save")
    answer = press.send(mine, "vera", "save")
    assert answer.status_code == 409
    kept = press.form_in(answer, "/compose")
    assert kept.fields["text"] == ["Vera's words"]
    assert press.hub.rows("SELECT text FROM drafts")[0]["text"] == "Petr's words"
    press.send(kept, "vera", "save")
    assert press.hub.rows("SELECT text FROM drafts")[0]["text"] == "Vera's words"


def test_a_mistake_loses_nothing_that_was_typed_or_uploaded(press: Press) -> None:
    form = press.form("/compose", "/compose").set(
        text="All of it",
        title="Head",
        link="https://example.org/a",
        account=["home"],
        version__far="kept too",
        when="at",
        at="2026-13-45T99:00",
        utm_source="letter",
        advertiser="ООО Ромашка",
        erid="2VtzqX",
    )
    answer = press.send(form, do="publish", files=[("image", ("a.png", png(), "image/png"))])
    assert answer.status_code == 422
    again = press.form_in(answer, "/compose")
    kept = {name: again.fields[name] for name in form.fields if name not in ("draft", "version")}
    assert kept == {name: values for name, values in form.fields.items() if name in kept}
    assert len(again.fields["media"]) == 1


def test_what_is_no_image_is_refused_in_words_and_the_rest_is_kept(press: Press) -> None:
    form = press.form("/compose", "/compose").set(text="With a file", account=["home"])
    answer = press.send(form, do="save", files=[("image", ("offer.png", b"%PDF-1.7 not an image", "image/png"))])
    assert answer.status_code == 422
    assert "offer.png is a PDF file, not an image that can be published" in answer.text
    assert press.form_in(answer, "/compose").fields["text"] == ["With a file"]
    assert press.hub.rows("SELECT * FROM drafts") == []


def test_an_image_goes_out_with_its_alt_text_and_a_missing_one_is_warned_of(press: Press) -> None:
    form = press.form("/compose", "/compose").set(text="Look", account=["home"])
    shown = press.send(form, do="preview", to="/compose/preview", files=[("image", ("a.png", png(), "image/png"))])
    assert "Images without a description: 1" in shown.text
    filled = press.form_in(shown, "/compose").set(alt=["A red square"], when="at", at=press.at(hours=1))
    name = filled.fields["media"][0]
    image = press.get(f"/compose/image/{name}", "rita")
    assert (image.content, image.headers["content-type"]) == (png(), "image/png")
    assert "Images without" not in press.send(filled, do="preview", to="/compose/preview").text
    press.send(filled, do="publish")
    press.hub.tick(hours=2)
    assert [held.alts for held in press.home.held()] == [["A red square"]]


def test_an_image_can_be_taken_out_again(press: Press) -> None:
    form = press.form("/compose", "/compose").set(text="Look", account=["home"])
    files = [("image", (f"{colour}.png", png(colour), "image/png")) for colour in ("red", "blue")]
    shown = press.form_in(press.send(form, do="preview", to="/compose/preview", files=files), "/compose")
    first, second = shown.fields["media"]
    left = press.form_in(press.send(shown.set(without=[first]), do="save"), "/compose")
    assert left.fields["media"] == [second]


def test_the_preview_cuts_a_text_as_the_outbox_does(press: Press) -> None:
    text = " ".join(f"word{number}" for number in range(150))
    form = press.form("/compose", "/compose").set(text=text, account=["far"])
    shown = press.send(form, do="preview", to="/compose/preview").text
    assert "part 2 of 3" in shown
    press.send(press.form_in(press.send(form, do="publish"), "/compose/1/publish"))
    press.hub.tick()
    press.hub.tick()
    parts = said(press, "far")
    assert len(parts) == 3
    assert all(part in shown for part in parts)


def test_the_dry_run_of_the_route_says_when_and_stores_nothing(press: Press) -> None:
    form = press.form("/compose", "/compose").set(text="Hi", account=["home"], when="at", at=press.at(days=3))
    shown = press.send(form, do="route", to="/compose/preview").text
    assert "goes out at" in shown
    assert press.hub.rows("SELECT * FROM drafts UNION ALL SELECT * FROM drafts") == []


def test_the_same_text_on_the_same_account_is_warned_of(press: Press) -> None:
    press.send(
        press.form("/compose", "/compose").set(text="Again", account=["home"], when="at", at=press.at(hours=1)),
        do="publish",
    )
    form = press.form("/compose", "/compose").set(text="Again", account=["home"])
    assert "home: the same text goes out on" in press.send(form, do="preview", to="/compose/preview").text
    other = form.set(version__home="Something else")
    assert "the same text" not in press.send(other, do="preview", to="/compose/preview").text


def test_utm_parameters_and_the_mark_of_an_ad_go_out(press: Press) -> None:
    form = press.form("/compose", "/compose").set(
        text="Buy",
        link="https://example.org/a?x=1#top",
        utm_source="village",
        utm_campaign="autumn sale",
        advertiser="ООО Ромашка",
        erid="2VtzqX",
        account=["home"],
        version__home="Buy here",
        when="at",
        at=press.at(hours=1),
    )
    press.send(form, do="publish")
    press.hub.tick(hours=2)
    link = "https://example.org/a?x=1&utm_source=village&utm_campaign=autumn%20sale#top"
    assert said(press) == [f"Buy here\n\nРеклама. ООО Ромашка erid: 2VtzqX\n\n{link}"]


def test_hostile_text_is_inert_wherever_it_is_shown(press: Press) -> None:
    form = press.form("/compose", "/compose").set(
        text=HOSTILE, title=HOSTILE, link=HOSTILE, version__far=HOSTILE, account=["home", "far"], erid=HOSTILE
    )
    pages = [press.send(form, do="preview", to="/compose/preview"), press.send(form, do="save")]
    pages += [press.get("/compose/1/review"), press.get("/queue?state=draft")]
    for page in pages:
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert "&lt;script&gt;" in page.text


@pytest.mark.parametrize(
    ("who", "wanted"), [("anna", 200), ("petr", 200), ("vera", 200), ("rita", 403), ("boris", 200)]
)
def test_who_may_write(press: Press, who: str, wanted: int) -> None:
    assert press.get("/compose", who).status_code == wanted


def test_who_has_one_account_writes_for_that_one_alone(press: Press) -> None:
    form = press.form("/compose", "/compose", "boris")
    assert "version-home" not in form.fields
    answer = press.send(form.set(text="Hi", account=["home", "far"]), "boris", "publish")
    assert answer.status_code == 422
    assert "home is no account that you may write for" in answer.text
    press.draft("vera", text="For home", account=["home"])
    assert press.get("/compose/1", "boris").status_code == 404
    assert press.get("/compose/1/review", "boris").status_code == 404


def test_a_publisher_of_one_account_cannot_approve_for_two(press: Press) -> None:
    form, _ = press.draft("vera", text="For both", account=["home", "far"])
    press.send(form, "vera", "submit")
    page = press.get("/compose/1/review", "boris")
    assert page.status_code == 200
    assert "/compose/1/publish" not in page.text
    version = {"version": "1"}
    answer = press.client.post("/compose/1/publish", data=version, headers={"x-who": "boris"})
    assert answer.status_code == 403
    assert press.hub.rows("SELECT * FROM posts") == []


def test_a_time_that_is_over_or_was_skipped_by_the_clocks_is_refused(press: Press) -> None:
    form = press.form("/compose", "/compose").set(text="Late", account=["home"], when="at", at=press.at(hours=-1))
    answer = press.send(form, do="publish")
    assert (answer.status_code, "that time has gone by" in answer.text) == (422, True)
    skipped = press.send(form.set(at="2027-03-28T02:30"), do="publish")
    assert (skipped.status_code, "does not exist in Europe/Berlin" in skipped.text) == (422, True)


def test_a_draft_that_is_thrown_away_is_gone(press: Press) -> None:
    press.draft(text="Never mind", account=["home"])
    press.send(press.form("/compose/1/review", "/compose/1/discard"))
    assert press.hub.rows("SELECT * FROM drafts") == []
    assert press.get("/compose/1").status_code == 404
