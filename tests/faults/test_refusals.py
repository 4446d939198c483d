"""Rows 3, 5-7, 13 and 15: a network that is not there, wants to be left alone, or knows us no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from faults.stage import STRUCK, Stage
from faults.truth import Tally
from settle_kinds import KINDS, is_publish
from support import TestHub, open_hub, write_config

from hub.publishing import routes
from hub.store.outbox.posts import NewPost
from hub.testing import Reply, faults
from hub.testing.faults import answered
from plugins.vk.sandbox import VKDouble

Staged = Callable[..., Stage]
Proved = Callable[[Stage, str, str], Tally]


def publishes(stage: Stage) -> int:
    return sum(is_publish(call) for call in stage.network.calls)


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_connection_is_no_doubt(staged: Staged, proved: Proved, kind: str) -> None:
    """Row 3: nothing was sent, surely; so nobody looks and nobody is asked."""
    stage = staged(kind)
    with stage.network.refusing():
        stage.strike("Once")
        assert stage.states() == ["waiting"]
        stage.hub.tick(minutes=5)
        assert stage.states() == ["waiting"]
    stage.rest()
    assert stage.texts() == ["Once"]
    became = proved(stage, "connection refused", kind)
    assert (became.settled, became.asked) == (0, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_without_an_address_is_no_doubt(staged: Staged, proved: Proved, room: Path, kind: str) -> None:
    """Row 3: the account's host is looked up and not found; when it is again, the post goes out."""
    stage = staged(kind)
    config = room / "hub.toml"
    written = config.read_text()
    # RFC 2606 keeps `.invalid` for names that never are.
    config.write_text(written.replace(f"127.0.0.1:{stage.network.port}", "village.invalid"))
    with open_hub(config, KINDS[kind], clock=stage.hub.clock) as elsewhere:
        apart = Stage(elsewhere, stage.networks)
        apart.strike("Once")
        assert apart.states() == ["waiting"]
    stage.rest()
    assert stage.texts() == ["Once"]
    became = proved(stage, "no address for the name", kind)
    assert (became.settled, became.asked) == (0, 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["in seconds", "as a date"])
def test_the_whole_account_waits_as_long_as_the_network_says(
    staged: Staged, proved: Proved, kind: str, form: str
) -> None:
    """Row 5: one call is made, not one for each post; the other account goes on."""
    stage = staged(kind)
    wait = timedelta(minutes=10)
    moment = format_datetime(stage.hub.clock() + wait, usegmt=True)
    stage.network.inject(faults.too_many("600" if form == "in seconds" else moment), is_publish)
    stage.strike("One", "Two", "Three")
    assert publishes(stage) == 1
    stage.hub.tick(seconds=wait.total_seconds() - 30)
    assert publishes(stage) == 1
    stage.hub.tick(seconds=60)
    assert sorted(stage.texts()) == ["One", "Three", "Two"]
    proved(stage, "HTTP 429, and a word how long", kind)


def test_a_wait_beyond_all_reason_ends_after_a_day(staged: Staged, proved: Proved) -> None:
    """Row 5: a network that says `come back in thirty years` is asked again tomorrow."""
    stage = staged("lookup")
    stage.network.inject(faults.too_many("999999999"), is_publish)
    stage.strike("Once")
    stage.hub.tick(hours=23)
    assert stage.texts() == []
    stage.hub.tick(hours=2)
    assert stage.texts() == ["Once"]
    proved(stage, "HTTP 429, and a word how long", "lookup")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("effect", [False, True], ids=["nothing done", "all done"])
def test_a_storm_of_errors_costs_few_calls_and_no_post(
    staged: Staged, proved: Proved, kind: str, effect: bool
) -> None:
    """Row 7: six hours of 500 for sixty posts; the account is probed now and then, afterwards all are out once."""
    stage = staged(kind)
    http = stage.hub.hub.adapter(STRUCK).http
    http.deadline, usual = 0.1, http.deadline  # a look that fails is not tried again for long
    storm = faults.server_error(500)
    stage.network.inject(storm.after if effect else storm, times=100_000)
    before = len(stage.network.calls)
    texts = [f"post {number}" for number in range(60)]
    stage.strike(*texts)
    for _ in range(12):
        stage.hub.tick(minutes=30)
    calls = len(stage.network.calls) - before
    assert calls <= 40, f"{calls} calls in six hours"
    stage.network.calm()
    http.deadline = usual
    stage.rest()
    stage.decide()
    assert sorted(stage.texts()) == sorted(texts)
    assert stage.everything_is_out()
    proved(stage, "hours of HTTP 500", kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_redirect_to_a_login_page_is_not_followed(staged: Staged, proved: Proved, kind: str) -> None:
    """Row 13: the account is paused, its queue kept; after the login all goes out once."""
    stage = staged(kind)
    stage.network.inject(faults.redirected("/login"), is_publish)
    stage.strike("One", "Two")
    assert [call.path for call in stage.network.calls if call.path == "/login"] == []
    assert set(stage.states()) == {"queued"}
    stage.hub.tick(hours=5)
    assert stage.texts() == []
    stage.hub.hub.check(STRUCK)
    stage.rest()
    assert sorted(stage.texts()) == ["One", "Two"]
    proved(stage, "redirect to a login page", kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_revoked_in_mid_run_pauses_the_account_and_is_said_once(
    staged: Staged, proved: Proved, capfd: pytest.CaptureFixture[str], kind: str
) -> None:
    """Row 15: what was out stays out, what was not keeps its place, and goes on after the login."""
    stage = staged(kind)
    network = stage.network

    def revoke(request: Any) -> None:
        network.refuse_token = len(network.posts) == 2

    network.after = revoke
    stage.strike("One", "Two", "Three", "Four")
    network.after = None
    assert (len(network.posts), sorted(stage.states())) == (2, ["published", "published", "queued", "queued"])
    for _ in range(3):
        stage.hub.tick(hours=1)
    assert capfd.readouterr().out.count("account paused") == 1
    network.refuse_token = False
    stage.hub.hub.check(STRUCK)
    stage.rest()
    assert sorted(stage.texts()) == ["Four", "One", "Three", "Two"]
    proved(stage, "token revoked", kind)


@pytest.fixture
def wall(room: Path) -> Iterator[tuple[TestHub, VKDouble]]:
    """A hub with an account on VK, whose errors come with HTTP 200."""
    with VKDouble() as double:
        account = {"platform": "vk", **double.account(), "calls_per_second": 1000}
        with open_hub(write_config(room, {"vk": account})) as hub:
            hub.tick()
            yield hub, double


@pytest.mark.parametrize(
    ("code", "state", "paused"),
    [
        (6, "waiting", False),  # too many requests per second
        (9, "waiting", False),  # flood control
        (14, "queued", True),  # captcha
        (5, "queued", True),  # the token is not good
        (222, "failed", False),  # links are forbidden
        (10, "unknown", False),  # internal error
    ],
)
def test_an_error_that_comes_as_a_success_is_read_as_what_it_is(
    wall: tuple[TestHub, VKDouble], code: int, state: str, paused: bool
) -> None:
    """Row 6: each class of VK's codes leads to its own state, and none to a post that is called published."""
    hub, double = wall
    error = {"error": {"error_code": code, "error_msg": "no"}}
    double.inject(answered(Reply(error)), lambda request: request.path.endswith("wall.post"), times=5)
    now = hub.clock()
    routes.add_post(hub.store, NewPost(key="1", text="Once", publish_at=now), ["vk"], now)
    hub.tick()
    assert (hub.states(), double.held()) == ([state], [])
    assert hub.rows("SELECT state FROM accounts")[0]["state"] == ("paused" if paused else "active")
    double.calm()
    hub.hub.check("vk")
    for _ in range(12):
        hub.tick(minutes=31)
    assert [held.text for held in double.held()] == ([] if state == "failed" else ["Once"])
