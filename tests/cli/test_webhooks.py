"""`hub webhooks`: what waits and what was given up is shown, sent again or dropped, and a webhook can be tried."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hub.scheduling.hub import Hub as WholeHub
from hub.settings import load
from hub.store.running import accounts
from hub.testing import Double, Reply, Request

Hub = Callable[..., Any]
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


class Desk(Double):
    status = 200

    def answer(self, request: Request) -> Reply:
        return Reply({"said": "no such desk"}, status=self.status)


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Desk() as running:
        yield running


@pytest.fixture
def told(tmp_path: Path, desk: Desk) -> Path:
    """A hub with one webhook, and three notices in its line."""
    (tmp_path / "secret").write_text(SECRET)
    path = tmp_path / "hub.toml"
    path.write_text(f'[webhooks.desk]\nurl = "{desk.url}/in?key=abc"\nsecret = {{ file = "secret" }}\n')
    with WholeHub.open(load(path, {})) as whole:
        now = datetime.now(UTC)
        whole.store.write(accounts.register, {"club": "vk"}, {"club": []}, now)
        for event in ("account.paused", "account.resumed", "account.resumed"):
            whole.store.write(whole.notices.account, event, "club", now)
    return path


def test_the_listing_counts_what_waits_and_what_was_sent_and_hides_the_query(hub: Hub, told: Path) -> None:
    hub("tick")
    said = hub("webhooks")
    assert "desk: http://127.0.0.1:" in said.out
    assert "key=abc" not in said.out
    assert "0 waiting, 3 sent, 0 given up" in said.out


def test_a_webhook_that_fails_is_shown_with_its_error_and_its_next_try(hub: Hub, told: Path, desk: Desk) -> None:
    desk.status = 500
    hub("tick")
    (shown,) = hub("webhooks", "--json").json["webhooks"]
    assert (shown["queued"], shown["sent"], shown["dead"], shown["failures"]) == (3, 0, 0, 1)
    assert "no such desk" in shown["error"]
    assert shown["next_at"]


def test_what_was_given_up_is_listed_with_what_the_receiver_said(hub: Hub, told: Path, desk: Desk) -> None:
    desk.status = 410
    hub("tick")
    (dead,) = hub("webhooks", "--dead", "--json").json["dead"]
    assert (dead["event"], dead["attempts"]) == ("account.paused", 1)
    assert json.loads(dead["body"])["type"] == "account.paused"
    assert "HTTP 410" in dead["error"]
    assert "HTTP 410" in hub("webhooks", "--dead").out


def test_what_was_given_up_goes_out_again_at_the_next_tick(hub: Hub, told: Path, desk: Desk) -> None:
    desk.status = 410
    hub("tick")
    desk.status = 200
    assert hub("webhooks", "retry", "--all", "--json").json == {"ok": True, "count": 1}
    hub("tick")
    (shown,) = hub("webhooks", "--json").json["webhooks"]
    assert (shown["queued"], shown["sent"], shown["dead"]) == (0, 3, 0)


def test_one_notice_is_dropped_by_its_number_and_only_it(hub: Hub, told: Path) -> None:
    assert hub("webhooks", "drop", "2", "--json").json["count"] == 1
    (shown,) = hub("webhooks", "--json").json["webhooks"]
    assert shown["queued"] == 2


def test_what_waits_for_a_webhook_that_is_no_more_is_shown_and_dropped_with_all(hub: Hub, told: Path) -> None:
    told.write_text("")
    (shown,) = hub("webhooks", "--json").json["webhooks"]
    assert (shown["name"], shown["url"], shown["queued"]) == ("desk", "", 3)
    assert hub("webhooks", "drop", "--all", "--json").json["count"] == 3


@pytest.mark.parametrize("verb", ["retry", "drop"])
@pytest.mark.parametrize("words", [(), ("1", "--all"), ("99",)])
def test_a_choice_that_is_none_is_a_usage_error_with_the_mend(
    hub: Hub, told: Path, verb: str, words: tuple[str, ...]
) -> None:
    said = hub("webhooks", verb, *words, "--json")
    assert (said.code, said.error["hint"]) == (2, "`hub webhooks --dead` lists them")


def test_a_webhook_is_tried_with_a_signed_call_that_is_not_stored(hub: Hub, told: Path, desk: Desk) -> None:
    desk.status = 202
    assert hub("webhooks", "test", "desk", "--json").json["status"] == 202
    (call,) = desk.calls
    assert (call.json()["type"], call.headers["webhook-signature"][:3]) == ("webhook.test", "v1,")
    assert hub("webhooks", "--json").json["webhooks"][0]["queued"] == 3


def test_a_try_that_is_refused_says_what_the_receiver_said(hub: Hub, told: Path, desk: Desk) -> None:
    desk.status = 401
    said = hub("webhooks", "test", "desk", "--json")
    assert (said.code, said.error["code"]) == (6, "unavailable")
    assert "HTTP 401" in said.error["message"]


def test_a_name_that_is_no_webhook_is_a_usage_error(hub: Hub, told: Path) -> None:
    assert hub("webhooks", "test", "nobody", "--json").code == 2
