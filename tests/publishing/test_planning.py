"""Planning says beforehand what the outbox does: which words, in how many parts, when; and what to know first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support import TestHub, Village, VillageDouble, open_hub, write_config

from hub import Media, Post
from hub.publishing import planning, routes, settling
from hub.publishing.campaign import Ad, Campaign, mark_of, with_mark, with_utm
from hub.publishing.planning import Route
from hub.scheduling.due import next_run
from hub.store.outbox import posts
from hub.store.outbox.posts import NewPost
from hub.store.running import accounts
from hub.store.verify import verify
from hub.testing import Request, faults


@pytest.fixture
def double() -> Iterator[VillageDouble]:
    with VillageDouble() as running:
        yield running


def open_with(folder: Path, double: VillageDouble, extra: str = "", routes: str = "", **options: Any) -> Any:
    named = {
        "home": {"platform": "village", **options, **double.account()},
        "inn": {"platform": "village", "overflow": "thread", **double.account()},
    }
    return open_hub(write_config(folder, named, routes, extra=extra), Village)


@pytest.fixture
def hub(tmp_path: Path, double: VillageDouble) -> Iterator[TestHub]:
    with open_with(tmp_path, double) as running:
        running.tick()
        yield running


def add(hub: TestHub, text: str, *targets: str, hours: float = 0, **more: Any) -> int:
    at = hub.clock() + timedelta(hours=hours)
    new = NewPost(key=more.pop("key", text), text=text, publish_at=at, **more)
    return routes.add_post(hub.store, new, targets or ("home",), hub.clock())[0]


def plan(hub: TestHub, *targets: str, hours: float = 0, versions: Any = None, **content: Any) -> Route:
    at = hub.clock() + timedelta(hours=hours)
    post = Post(**{"text": "Hello", "key": "planned", **content})
    return planning.plan_route(hub.hub, post, versions or {}, targets or ("home",), at, hub.clock(), next_run)


def codes(route: Route) -> list[tuple[str, str]]:
    return [(one.code, one.account) for one in route.cautions]


def is_publish(request: Request) -> bool:
    return request.method == "POST" and request.path == "/posts"


def test_what_is_planned_is_what_goes_out(hub: TestHub, double: VillageDouble) -> None:
    text = " ".join(f"word{number}" for number in range(150))
    versions = {"home": "Short for home"}
    route = plan(hub, "home", "inn", text=text, versions=versions)
    add(hub, text, "home", "inn", versions=versions)
    hub.tick()
    hub.tick()
    planned = [part.text for stop in route.stops for part in stop.plan.parts]
    assert sorted(planned) == sorted(held.text for held in double.held())
    assert [len(stop.plan.parts) for stop in route.stops] == [1, 3]
    assert [stop.plan.used for stop in route.stops] == [len("Short for home"), len(text)]


def test_a_dry_run_writes_nothing(hub: TestHub, double: VillageDouble) -> None:
    before = dict(hub.store.writes)
    plan(hub, "home", "inn", hours=3)
    assert (dict(hub.store.writes), double.held()) == (before, [])


def test_what_an_account_refuses_is_said_and_the_others_go_on(hub: TestHub) -> None:
    tiff = Media(content=b"II*", mime="image/tiff", alt="a")
    route = plan(hub, "home", "inn", media=(tiff,))
    assert [(stop.plan.refused, stop.plan.parts) for stop in route.stops] == [(True, ()), (True, ())]
    assert "image/tiff" in str(route.stops[0].plan.error)
    assert plan(hub, "home", "gone").stops[1].plan.refused


def test_a_defect_of_a_plugin_is_named_and_hides_no_other_account(tmp_path: Path, double: VillageDouble) -> None:
    class Broken(Village):  # type: ignore[misc]  # loaded by path
        platform = "broken"

        def limits(self) -> Any:
            raise KeyError("maximum")

    named = {name: {"platform": name, **double.account()} for name in ("broken", "village")}
    with open_hub(write_config(tmp_path, named), Broken, Village) as hub:
        route = plan(hub, "broken", "village")
    assert "KeyError in plugin broken" in str(route.stops[0].plan.error)
    assert [part.text for part in route.stops[1].plan.parts] == ["Hello"]


def test_it_goes_out_at_the_next_slot_of_a_cron_schedule(tmp_path: Path, double: VillageDouble) -> None:
    with open_with(tmp_path, double, routes='[schedule]\npublish = "0 9 * * *"\n') as hub:
        hub.clock.now = hub.clock.now.replace(hour=8, minute=30, second=0)
        (stop,) = plan(hub).stops
        assert (stop.at, "0 9 * * *" in stop.held) == (hub.clock().replace(hour=9, minute=0), True)
        (exact,) = plan(hub, hours=0.5).stops
        assert (exact.at, exact.held) == (hub.clock().replace(hour=9, minute=0), "")


def test_it_waits_for_room_under_the_accounts_governor(tmp_path: Path, double: VillageDouble) -> None:
    with open_with(tmp_path, double, posts_per_hour=2) as hub:
        hub.tick()
        start = hub.clock()
        add(hub, "one")
        hub.tick()
        add(hub, "two", hours=0.5)
        (stop,) = plan(hub, hours=0.75).stops
        assert stop.at == start + timedelta(hours=1)
        assert "2" in stop.held
        (free,) = plan(hub, hours=2).stops
        assert (free.at, free.held) == (start + timedelta(hours=2), "")


def test_the_plan_of_the_governor_comes_true(tmp_path: Path, double: VillageDouble) -> None:
    with open_with(tmp_path, double, posts_per_hour=2) as hub:
        hub.tick()
        for text in ("one", "two"):
            add(hub, text)
        hub.tick()
        (stop,) = plan(hub, text="three").stops
        add(hub, "three")
        hub.tick()
        hub.tick(seconds=(stop.at - hub.clock()).total_seconds() - 5)
        assert len(double.held()) == 2
        hub.tick(seconds=6)
        assert len(double.held()) == 3


def test_the_same_words_on_the_same_account_are_a_caution_by_what_is_said_there(hub: TestHub) -> None:
    add(hub, "For all", "home", "inn", versions={"inn": "For the inn"})
    assert codes(plan(hub, "home", "inn", text="For all")) == [("repeat", "home")]
    assert codes(plan(hub, "home", "inn", text="For the inn")) == [("repeat", "inn")]
    assert codes(plan(hub, "home", "inn", text="New", versions={"home": " For all "})) == [("repeat", "home")]


def test_images_without_a_description_are_a_caution(hub: TestHub) -> None:
    images = tuple(Media(content=b"x", mime="image/png", alt=alt) for alt in ("a cat", "", " "))
    route = plan(hub, "home", media=images)
    assert codes(route) == [("alt", "")]
    assert "2, 3" in route.cautions[0].text


def test_images_that_go_into_further_parts_are_a_caution(hub: TestHub) -> None:
    images = tuple(Media(content=b"x", mime="image/png", alt="a") for _ in range(5))
    assert codes(plan(hub, "inn", media=images)) == [("images", "inn")]


def test_a_paused_account_and_a_token_that_ends_are_cautions(hub: TestHub) -> None:
    soon = hub.clock() + timedelta(days=2)
    hub.store.write(accounts.resume, "inn", "us", "Us", hub.clock(), expires_at=soon)
    hub.store.write(accounts.pause, "home", "log in again", hub.clock())
    assert codes(plan(hub, "home", "inn")) == [("paused", "home"), ("token", "inn")]
    assert codes(plan(hub, "inn", hours=-24 * 3)) == []


def test_the_mark_of_an_ad_that_is_cut_off_is_a_caution(hub: TestHub) -> None:
    ad = Ad("ООО Ромашка", "2Vtzq")
    assert codes(plan(hub, "home", text=with_mark("Buy", ad))) == []
    assert codes(plan(hub, "home", text=with_mark("Buy " * 200, ad))) == [("mark", "home")]
    assert codes(plan(hub, "inn", text=with_mark("Buy " * 200, ad))) == []


@pytest.mark.parametrize(
    ("link", "wanted"),
    [
        ("https://e.org", "https://e.org?utm_source=a%20b&utm_campaign=c"),
        ("https://e.org/?x=1#top", "https://e.org/?x=1&utm_source=a%20b&utm_campaign=c#top"),
        ("https://e.org/?utm_source=mine", "https://e.org/?utm_source=mine&utm_campaign=c"),
        ("", ""),
    ],
)
def test_utm_parameters_are_added_and_none_is_replaced(link: str, wanted: str) -> None:
    assert with_utm(link, Campaign("a b", "", " c ")) == wanted


def test_a_link_without_utm_parameters_stays_to_the_letter() -> None:
    for link in ("HTTP://E.org/%7Ea?b&c=#", "https://e.org/?", "no link at all", "https://[bad"):
        assert with_utm(link, Campaign()) == link


def test_a_text_without_an_ad_has_no_mark() -> None:
    assert with_mark("Hello\n", Ad(" ", "")) == "Hello\n"
    assert mark_of("Hello\nthere") == ""


def test_a_lost_answer_is_looked_for_by_the_words_that_were_sent(hub: TestHub, double: VillageDouble) -> None:
    double.inject(faults.LOST, is_publish)
    add(hub, "For all", "home", versions={"home": "For home"})
    for _ in range(4):
        hub.tick(minutes=1)
    assert ([held.text for held in double.held()], hub.states()) == (["For home"], ["published"])


def test_a_version_that_changes_while_the_answer_is_lost_follows_afterwards(
    hub: TestHub, double: VillageDouble
) -> None:
    double.inject(faults.LOST, is_publish)
    number = add(hub, "For all", "home", versions={"home": "First"})
    hub.tick()
    routes.change_post(
        hub.store, number, hub.clock(), text="For all", title="", link="", images=[], versions={"home": "Second"}
    )
    for _ in range(4):
        hub.tick(minutes=1)
    assert [held.text for held in double.held()] == ["Second"]
    assert verify(hub.store) == []


def test_an_edit_without_versions_leaves_them_and_one_with_the_same_changes_nothing(hub: TestHub) -> None:
    number = add(hub, "For all", "home", versions={"home": "For home"})
    same: dict[str, Any] = {"text": "For all", "title": "", "link": "", "images": []}
    assert not routes.change_post(hub.store, number, hub.clock(), **same)
    assert not routes.change_post(hub.store, number, hub.clock(), **same, versions={"home": "For home"})
    assert routes.change_post(hub.store, number, hub.clock(), **same, versions={})
    with hub.store.read() as connection:
        post = posts.get(connection, number)
        assert post is not None
        assert (post.version, posts.versions_of(connection, number)) == (2, {})


def test_what_may_be_out_is_not_sent_again_by_a_retry(hub: TestHub, double: VillageDouble) -> None:
    double.inject(faults.LOST, is_publish)
    add(hub, "Once", "home")
    hub.tick()
    adapter = hub.hub.adapter("home")
    assert hub.states() == ["unknown"]
    with pytest.raises(Exception, match="may be out already"):
        settling.send_again(hub.store, adapter, 1, hub.clock())
    with pytest.raises(Exception, match="nothing to settle"):
        settling.decide(hub.store, adapter, 1, hub.clock(), again=True, allowed=("failed", "missed"))
    assert hub.states() == ["unknown"]
