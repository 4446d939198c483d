"""The queue, the page of a post, the calendar: what is shown to whom, and decisions that only people make."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from web.press import Press, running

from hub.publishing import routes
from hub.store.outbox.drafts import Content, Draft
from hub.store.outbox.posts import NewPost
from hub.store.verify import verify
from hub.testing import Request, faults
from hub.web import calendar


@pytest.fixture
def press(tmp_path: Path) -> Iterator[Press]:
    with running(tmp_path) as found:
        yield found


def is_publish(request: Request) -> bool:
    return request.method == "POST" and request.path == "/posts"


def post(press: Press, text: str, *targets: str, hours: float = 0, late: float = 24) -> int:
    at = press.hub.clock() + timedelta(hours=hours)
    new = NewPost(key=text, text=text, publish_at=at, late_after=at + timedelta(hours=late))
    number, _ = routes.add_post(press.hub.store, new, targets or ("home",), press.hub.clock())
    return number


def asked(press: Press) -> int:
    """Bring a post into doubt on the network that can tell nothing."""
    press.blind.inject(faults.LOST, is_publish)
    number = post(press, "In doubt", "blind")
    press.hub.tick()
    assert press.hub.states() == ["asked"]
    return number


SETTLE = "/queue/deliveries/1/settle"


def test_a_person_who_sees_the_post_marks_it_as_sent(press: Press) -> None:
    form = press.form(f"/queue/{asked(press)}", SETTLE)
    there = press.blind.held()[0]
    answer = press.send(form.set(sent=f"https://village.example/{there.id}"), do="sent")
    assert answer.status_code == 200
    row = press.hub.rows("SELECT state, remote_id FROM deliveries")[0]
    assert (row["state"], row["remote_id"]) == ("published", there.id)
    press.hub.tick_all()
    assert len(press.blind.held()) == 1
    assert verify(press.hub.store) == []


def test_a_person_who_does_not_see_it_sends_it_again(press: Press) -> None:
    number = asked(press)
    press.blind.posts.clear()
    press.send(press.form(f"/queue/{number}", SETTLE), do="again")
    press.hub.tick()
    assert press.hub.states() == ["published"]
    assert [held.text for held in press.blind.held()] == ["In doubt"]


def test_a_decision_of_before_another_attempt_decides_nothing(press: Press) -> None:
    """Two people look; one sends it again, and that is in doubt too. What the other saw is old."""
    number = asked(press)
    old = press.form(f"/queue/{number}", SETTLE, "petr")
    press.blind.inject(faults.LOST, is_publish)
    press.send(press.form(f"/queue/{number}", SETTLE), do="again")
    press.hub.tick()
    assert press.hub.states() == ["asked"]
    answer = press.send(old, "petr", "again")
    assert (answer.status_code, "since you looked" in answer.text) == (422, True)
    press.hub.tick()
    assert len(press.blind.held()) == 2


def test_a_person_drops_it(press: Press) -> None:
    press.send(press.form(f"/queue/{asked(press)}", SETTLE), do="drop")
    assert press.hub.states() == ["failed"]


def test_an_address_that_says_nothing_is_asked_for_in_words(press: Press) -> None:
    form = press.form(f"/queue/{asked(press)}", SETTLE)
    for sent in ("", "https://elsewhere.example/5"):
        assert press.send(form.set(sent=sent), do="sent").status_code == 422
    assert press.hub.states() == ["asked"]


@pytest.mark.parametrize("who", ["vera", "rita"])
def test_who_may_not_publish_decides_nothing(press: Press, who: str) -> None:
    number = asked(press)
    form = press.form(f"/queue/{number}", SETTLE)
    assert SETTLE not in press.get(f"/queue/{number}", who).text
    assert press.send(form, who, "again").status_code == 403
    assert press.hub.states() == ["asked"]


def test_who_publishes_elsewhere_sees_and_decides_nothing_here(press: Press) -> None:
    number = asked(press)
    form = press.form(f"/queue/{number}", SETTLE)
    assert press.get(f"/queue/{number}", "boris").status_code == 404
    assert "In doubt" not in press.get("/queue", "boris").text
    assert press.send(form, "boris", "again").status_code == 404
    assert press.hub.states() == ["asked"]


def test_of_a_post_for_two_accounts_one_sees_ones_own_part_and_cannot_change_the_whole(press: Press) -> None:
    number = post(press, "For both", "home", "far", hours=5)
    page = press.get(f"/queue/{number}", "boris")
    assert page.status_code == 200
    assert (page.text.count('id="delivery-'), 'id="delivery-2"' in page.text) == (1, True)
    move = press.form(f"/queue/{number}", f"/queue/{number}/move").set(at=press.at(hours=9))
    assert press.send(move, "boris").status_code == 403
    assert press.client.post(f"/queue/{number}/withdraw", headers={"x-who": "boris"}).status_code == 403


def test_what_was_missed_is_sent_when_a_person_says_so_or_skipped(press: Press) -> None:
    first, second = post(press, "News", hours=1, late=1), post(press, "Olds", hours=1, late=1)
    press.hub.tick(hours=9)
    assert press.hub.states() == ["missed", "missed"]
    press.send(press.form(f"/queue/{first}", "/queue/deliveries/1/retry"), do="again")
    press.send(press.form(f"/queue/{second}", "/queue/deliveries/2/retry"), do="skip")
    press.hub.tick()
    assert press.hub.states() == ["published", "failed"]
    assert [held.text for held in press.home.held()] == ["News"]


def test_a_scheduled_post_is_moved_by_a_form(press: Press) -> None:
    number = post(press, "Later", hours=2)
    form = press.form(f"/queue/{number}", f"/queue/{number}/move")
    press.send(form.set(at=press.at(hours=6)))
    press.hub.tick(hours=3)
    assert press.home.held() == []
    press.hub.tick(hours=3.1)
    assert [held.text for held in press.home.held()] == ["Later"]
    answer = press.send(form.set(at=press.at(hours=9)))
    assert (answer.status_code, "waits nowhere any more" in answer.text) == (422, True)


def test_a_moved_post_is_late_only_after_its_new_time(press: Press) -> None:
    number = post(press, "Later", hours=1, late=1)
    press.send(press.form(f"/queue/{number}", f"/queue/{number}/move").set(at=press.at(hours=30)))
    press.hub.tick(hours=30.1)
    assert press.hub.states() == ["published"]


def test_the_calendar_moves_a_post_by_a_form_as_well(press: Press) -> None:
    number = post(press, "Later", hours=2)
    # Two hours from now may be next week.
    day = press.at(hours=2).split("T")[0]
    form = press.form(f"/queue/calendar?view=week&on={day}", f"/queue/{number}/move").set(at=press.at(hours=4))
    press.send(form)
    assert press.hub.rows("SELECT due_at FROM deliveries") == press.hub.rows(
        "SELECT publish_at AS due_at FROM posts"
    )


def test_an_edit_reaches_every_copy_with_its_own_words(press: Press) -> None:
    number = post(press, "Old words", "home", "far")
    press.hub.tick()
    form = press.form(f"/queue/{number}/edit", f"/queue/{number}/edit")
    press.send(form.set(text="New words", version__far="Words for far"))
    press.hub.tick()
    assert [held.text for held in (*press.home.held(), *press.far.held())] == ["New words", "Words for far"]
    again = press.form(f"/queue/{number}/edit", f"/queue/{number}/edit")
    assert again.fields["version-far"] == ["Words for far"]
    press.send(again.set(version__far="Better words"))
    press.hub.tick()
    assert [held.text for held in (*press.home.held(), *press.far.held())] == ["New words", "Better words"]
    old = press.send(form.set(text="Typed long ago"))
    assert (old.status_code, "Typed long ago" in old.text) == (409, True)


def test_a_withdrawn_post_is_deleted_where_it_was(press: Press) -> None:
    number = post(press, "Oops", "home")
    press.hub.tick()
    press.send(press.form(f"/queue/{number}", f"/queue/{number}/withdraw"))
    press.hub.tick()
    assert (press.home.held(), press.hub.states()) == ([], ["deleted"])
    assert press.get(f"/queue/{number}/edit").status_code == 400


def test_the_list_filters_by_state_and_account_and_pages_on(press: Press) -> None:
    for number in range(60):
        post(press, f"Plan {number:02}", "home", hours=100 + number)
    post(press, "Out at once", "far")
    press.hub.tick()
    assert "Out at once" in press.get("/queue?state=published").text
    assert "Out at once" not in press.get("/queue?state=queued").text
    assert "Plan 59" not in press.get("/queue?account=far").text
    first = press.get("/queue?state=queued&account=home").text
    assert ("Plan 59" in first, "Plan 09" in first) == (True, False)
    link = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    second = press.get(link).text
    shown = [number for number in range(60) if f"Plan {number:02}" in second]
    assert shown == list(range(10))


def test_what_waits_for_an_account_that_is_paused_or_full_says_so(press: Press) -> None:
    press.home.refuse_token = True
    post(press, "Shut out", "home")
    press.hub.tick()
    assert "badge-paused" in press.get("/queue").text
    assert "Shut out" in press.get("/queue?state=paused").text


def test_drafts_have_their_tabs_and_approvals_stand_above_the_list(press: Press) -> None:
    form, _ = press.draft("vera", text="Please look", account=["home"])
    assert "Please look" in press.get("/queue?state=draft").text
    press.send(form, "vera", "submit")
    assert "Please look" in press.get("/queue").text
    assert "Please look" not in press.get("/queue?state=draft").text
    assert "Please look" not in press.get("/queue", "boris").text


def test_the_story_of_a_post_tells_each_attempt(press: Press) -> None:
    press.home.inject(faults.LOST, is_publish)
    number = post(press, "Once", "home")
    press.hub.tick()
    press.hub.tick(minutes=1)
    page = press.get(f"/queue/{number}").text
    assert "publish: unknown" in page
    assert "settle: published" in page
    assert 'href="https://village.example/' in page


def test_hostile_words_of_a_post_and_of_a_network_are_inert(press: Press) -> None:
    hostile = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'
    number = post(press, hostile, "home")
    press.hub.tick()
    press.hub.store.write(
        lambda connection: connection.exec_driver_sql(
            "UPDATE deliveries SET error = ?, url = ?", (hostile, "javascript:x")
        )
    )
    for path in (
        "/queue",
        f"/queue/{number}",
        f"/queue/{number}/edit",
        "/queue/calendar",
        "/queue/calendar?view=week",
    ):
        answer = press.get(path)
        assert answer.status_code == 200, path
        page = answer.text
        assert "&lt;script&gt;" in page
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert 'href="javascript' not in page


@pytest.mark.parametrize(
    "path",
    [
        "/queue?after=9.9.9",
        "/queue?after=99999999999999999999.1",
        "/queue?after=1.99999999999999999999",
        "/queue/calendar?on=9999-99-99&view=year",
        "/queue?state=none&account=nobody",
        "/queue?state=draft&after=0.99999999999999999999",
    ],
)
def test_addresses_that_make_no_sense_show_the_start(press: Press, path: str) -> None:
    assert press.get(path).status_code == 200


def draft_at(moment: datetime) -> Draft:
    return Draft(1, "k", 1, "draft", 1, "anna", moment, moment, None, Content(publish_at=moment))


def test_a_day_of_23_and_one_of_25_hours_hold_what_is_theirs() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for day, hours in ((date(2026, 3, 29), 23), (date(2026, 10, 25), 25)):
        start, end = calendar.begins(day, berlin), calendar.begins(day + timedelta(days=1), berlin)
        assert end - start == timedelta(hours=hours)
        items = [draft_at(start), draft_at(end - timedelta(minutes=1)), draft_at(end)]
        week = calendar.lay_out(calendar.week_of(day), items, berlin)[0]
        assert len(week[day.weekday()].items) == 2


def test_a_post_shortly_after_midnight_is_on_the_day_of_the_hubs_clock() -> None:
    moment = datetime(2026, 6, 30, 22, 30, tzinfo=UTC)
    weeks = calendar.lay_out(
        calendar.month_of(date(2026, 7, 10)), [draft_at(moment)], ZoneInfo("Europe/Berlin"), 7
    )
    (found,) = [one for week in weeks for one in week if one.items]
    assert (found.date, found.inside) == (date(2026, 7, 1), True)


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        (date(2026, 2, 14), date(2026, 1, 26), date(2026, 3, 1)),
        (date(2026, 6, 1), date(2026, 6, 1), date(2026, 7, 5)),
        (date(2026, 12, 31), date(2026, 11, 30), date(2027, 1, 3)),
    ],
)
def test_a_month_is_shown_in_whole_weeks(day: date, first: date, last: date) -> None:
    span = calendar.month_of(day)
    assert (span.first, span.last, (span.last - span.first).days % 7) == (first, last, 6)
