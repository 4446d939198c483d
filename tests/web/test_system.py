"""The System page and what programs ask: alive, ready, and the figures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from web.village import Place, opened, pause

from hub.store.running import accounts, switches, workers
from hub.store.running.workers import Worker

ALERTS = Path(__file__).resolve().parents[2] / "config" / "alerts.yml"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with opened(tmp_path) as found:
        yield found


def figures(place: Place, who: str) -> dict[tuple[str, str], float]:
    answer = place.client(who).get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, sample.labels.get("account", sample.labels.get("state", ""))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_alive_is_said_to_everybody(place: Place) -> None:
    answer = place.client(None).get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"ok": True})


def test_ready_is_said_to_everybody_and_names_no_account(place: Place) -> None:
    place.hub.tick()
    answer = place.client(None).get("/readyz")
    assert (answer.status_code, answer.json()["ok"]) == (200, True)
    assert "home" not in answer.text


def test_without_a_scheduler_it_is_not_ready(place: Place) -> None:
    place.hub.clock.forward(hours=1)
    answer = place.client(None).get("/readyz")
    assert (answer.status_code, answer.json()["ok"]) == (503, False)
    assert answer.json()["heartbeat_age"] == 3600


def test_the_figures_want_a_token_that_may_read(place: Place) -> None:
    answer = place.client(None).get("/metrics")
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/json")


def test_the_figures_say_what_is_so(place: Place) -> None:
    pause(place, "home", "token revoked")
    found = figures(place, "rita")
    assert (found["hub_up", ""], found["hub_stopped", ""]) == (1, 0)
    assert (found["hub_account_up", "home"], found["hub_account_up", "far"]) == (0, 1)
    assert found["hub_deliveries", "published"] == 1
    assert found["hub_mentions_total", ""] == 3
    assert found["hub_database_size_bytes", ""] > 10_000


def test_the_figures_of_accounts_are_told_to_who_may_see_them(place: Place) -> None:
    accounts = {account for name, account in figures(place, "bob") if name == "hub_account_up"}
    assert accounts == {"far"}


def test_the_page_shows_the_scheduler_the_store_and_the_plugins(place: Place) -> None:
    page = place.client("rita").get("/system").text
    for said in ("0 seconds ago", "crosshub", "SQLite", "example_village", "badge-published"):
        assert said in page


def test_the_page_says_that_no_scheduler_works_and_what_mends_it(place: Place) -> None:
    place.hub.clock.forward(hours=3)
    page = place.client("rita").get("/system").text
    assert "No scheduler gave a sign of life lately" in page
    assert "hub run" in page


def test_the_page_says_who_stopped_the_hub(place: Place) -> None:
    place.hub.store.write(switches.stop, "wrong <price>", "anna", place.hub.clock())
    page = place.client("rita").get("/system").text
    assert "anna: wrong &lt;price&gt;" in page


def test_whose_accounts_are_bounded_sees_no_other_on_the_page(place: Place) -> None:
    page = place.client("bob").get("/system").text
    assert "account-far" in page
    assert "account-home" not in page


def test_the_workers_and_what_waits_are_shown(place: Place) -> None:
    now = place.hub.clock()
    for number, ago in ((1, 5), (2, 600)):
        beat = Worker(
            f"box:{number}:1",
            "box",
            number,
            "worker",
            "local",
            8,
            3,
            now,
            now - timedelta(seconds=ago),
            "1.0",
            "running",
        )
        place.hub.store.write(workers.beat, beat)
    place.hub.store.write(accounts.make_all_due, now - timedelta(minutes=20))
    page = place.client("rita").get("/system").text
    for said in ("hub worker", "3 / 8", "silent", "due for 20 minutes", "Work has been due for 20 minutes"):
        assert said in page
    found = figures(place, "rita")
    assert (found["hub_workers_lost", ""], found["hub_turns_oldest_due_seconds", ""]) == (1, 1200)
    assert found["hub_turns_due", ""] > 0
    assert found["hub_workers", ""] >= 1
    bounded = place.client("bob").get("/system").text
    assert "due for 20 minutes" in bounded
    assert 'href="/accounts#account-home"' not in bounded


def test_every_alert_is_about_a_figure_that_is_told(place: Place) -> None:
    place.hub.tick()
    names = {family.name for family in text_string_to_metric_families(place.client("rita").get("/metrics").text)}
    rules = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    assert len(rules) >= 8
    for rule in rules:
        used = set(re.findall(r"\bhub_[a-z_]+", rule["expr"]))
        assert used
        assert used <= names, rule["alert"]
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["mend"]
