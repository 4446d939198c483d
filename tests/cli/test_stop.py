"""What stops, holds back or warns of a post, as a person and a script see it."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.testing import Reply, faults
from hub.testing.world import World

Hub = Callable[..., Any]


def bound(small_world: World, line: str) -> None:
    text = small_world.config.read_text()
    small_world.config.write_text(text.replace("[hub]\n", f"[hub]\n{line}\n", 1))


def test_a_stopped_hub_says_so_wherever_it_matters_and_resumes(hub: Hub, small_world: World) -> None:
    said = hub("stop", "--reason", "the shop is on fire", "--json")
    assert (said.code, said.json["changed"]) == (0, True)
    assert said.json["stopped"]["reason"] == "the shop is on fire"
    page = small_world.networks["facebook"]
    for args in (["post", "Hello", "--to", "facebook"], ["tick"], ["posts"], ["check", "facebook"]):
        said = hub(*args, "--json")
        assert said.code == 0, args
        assert said.json["stopped"]["reason"] == "the shop is on fire", args
        assert "nothing is sent until `hub resume`. Reason: the shop is on fire" in said.err, args
    assert page.held() == []
    assert hub("resume").out.startswith("The hub goes on; it was stopped at ")
    said = hub("tick", "--json")
    assert (said.json["published"], said.json["stopped"], said.err) == (1, None, "")
    assert [held.text for held in page.held()] == ["Hello"]


def test_the_first_stop_stays_and_a_second_resume_has_nothing_to_do(hub: Hub, small_world: World) -> None:
    hub("stop", "--reason", "first")
    again = hub("stop", "--reason", "second")
    assert (again.code, "Reason: first" in again.out) == (0, True)
    assert hub("resume", "--json").json == {"ok": True, "changed": True, "stopped": None}
    again = hub("resume")
    assert (again.code, again.out) == (0, "The hub is not stopped.\n")


def test_a_reply_is_refused_with_the_mend(hub: Hub, small_world: World) -> None:
    page = small_world.networks["facebook"]
    hub("post", "Hello", "--to", "facebook")
    hub("tick")
    page.say(page.add_person("Anna", "anna"), page.held()[0].id, "Hi")
    hub("tick", "--all")
    hub("stop")
    said = hub("reply", "1", "Hello", "--json")
    assert (said.code, said.error["code"]) == (6, "stopped")
    assert said.error["hint"] == "`hub resume` lets it go on"
    hub("resume")
    assert hub("reply", "1", "Hello").code == 0


def test_the_daemon_says_in_its_log_that_the_hub_is_stopped(
    hub: Hub, hub_command: list[str], small_world: World, tmp_path: Path
) -> None:
    hub("stop", "--reason", "fire")
    hub("post", "Hello", "--to", "facebook")
    daemon = subprocess.Popen(
        [*hub_command, "run"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HUB_LANG": "en"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert daemon.stderr is not None
    try:
        for line in daemon.stderr:
            if '"event": "hub stopped"' in line:
                break
        assert '"reason": "fire"' in line
        hub("resume")
        page, until = small_world.networks["facebook"], time.monotonic() + 15
        while not page.held() and time.monotonic() < until:
            time.sleep(0.05)
        assert [held.text for held in page.held()] == ["Hello"]
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.communicate(timeout=40)


def test_what_the_governor_holds_back_says_why_and_when(hub: Hub, small_world: World) -> None:
    bound(small_world, "posts_per_hour = 1")
    for text in ("one", "two"):
        hub("post", text, "--to", "facebook")
    said = hub("tick", "--json")
    assert (said.code, said.json["published"], said.json["held"]) == (0, 1, 1)
    reason = "held back: 1 post an hour on this account   goes out at 20"
    assert reason in hub("posts").out
    assert "held back: 1 post an hour on this account  goes out at 20" in hub("trace", "post:2").out
    delivery = hub("posts", "--json").json["posts"][0]["deliveries"][0]
    assert (delivery["state"], delivery["due_at"] is not None) == ("queued", True)


def test_an_account_that_waits_says_until_when_and_because_of_what(hub: Hub, small_world: World) -> None:
    hub("post", "Hello", "--to", "facebook")
    small_world.networks["facebook"].inject(
        faults.answered(Reply({}, status=429, headers={"Retry-After": "7200"})),
        lambda request: request.path.endswith("/feed"),
    )
    hub("tick")
    listed = hub("posts", "--json").json["waits"]
    assert [one["account"] for one in listed] == ["facebook"]
    checked = hub("check", "facebook", "--json").json["accounts"][0]
    traced = hub("trace", "account:facebook", "--json").json["account"]
    for one in (listed[0], checked, traced):
        assert one["waits_until"] == listed[0]["waits_until"] > "20"
        assert "HTTP 429" in one["waits_because"]
    for said in (hub("posts"), hub("check", "facebook"), hub("trace", "account:facebook")):
        assert "waits until 20" in said.out
        assert "because: POST " in said.out


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_the_same_text_on_the_same_account_is_warned_of(hub: Hub, small_world: World, dry: list[str]) -> None:
    hub("post", "Good morning", "--to", "facebook")
    hub("tick")
    said = hub("post", " Good morning\n", "--to", "facebook,twitter", "--json", *dry)
    assert said.code == 0
    (warning,) = said.json["warnings"]
    assert (warning["account"], warning["post"]) == ("facebook", 1)
    assert said.err.startswith("Warning: facebook: the same text went out on 20")
    assert said.err.endswith(" (post 1)\n")


def test_what_is_new_failed_or_was_withdrawn_is_not_warned_of(hub: Hub, small_world: World) -> None:
    hub("post", "Good morning", "--to", "facebook", "--key", "k")
    assert hub("post", "Good morning", "--to", "facebook", "--key", "k", "--json").json["warnings"] == []
    assert hub("post", "Good evening", "--to", "facebook", "--json").json["warnings"] == []
    hub("delete", "1", "--yes")
    assert hub("post", "Good morning", "--to", "facebook", "--json").json["warnings"] == []
    hub("tick")
    hub("delete", "3", "--yes")
    # Its copy is still there, and will not be for long.
    assert hub("post", "Good morning", "--to", "facebook", "--json").json["warnings"] == []


def test_a_text_that_is_yet_to_go_out_is_warned_of_too(hub: Hub, small_world: World) -> None:
    hub("post", "Good morning", "--to", "facebook", "--at", "2031-06-01 10:00")
    said = hub("post", "Good morning", "--to", "facebook")
    assert "facebook: the same text goes out on 2031-06-01 (post 1)" in said.err
