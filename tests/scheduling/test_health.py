"""Health: one set of facts, told alike on the page, by the command, to Prometheus and to the readiness probe."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from support import TestHub, Village, VillageDouble, open_hub, write_config

from hub import Identity
from hub.lease import elapsed
from hub.models import RateLimit
from hub.publishing import routes
from hub.scheduling import health
from hub.scheduling.health import AccountFacts
from hub.scheduling.tick import Scheduler
from hub.store.outbox.posts import NewPost
from hub.store.running import accounts
from hub.users.roles import Role, User


class Telling(Village):
    """A network that says what a token lacks, when it ends, and how many calls are left."""

    platform = "telling"
    lacks: tuple[str, ...] = ()
    ends_in: timedelta | None = None

    def check(self) -> Identity:
        from datetime import UTC, datetime

        found = super().check()
        ends = None if self.ends_in is None else datetime.now(UTC) + self.ends_in
        return Identity(
            remote_id=found.remote_id, name=found.name, kind="bot", missing=self.lacks, expires_at=ends
        )


@pytest.fixture
def double() -> Iterator[VillageDouble]:
    with VillageDouble() as opened:
        yield opened


@pytest.fixture
def hub(tmp_path: Path, double: VillageDouble) -> Iterator[TestHub]:
    path = write_config(tmp_path, {"home": {"platform": "telling", **double.account()}})
    with open_hub(path, Telling) as opened:
        yield opened


def only(hub: TestHub) -> AccountFacts:
    (account,) = health.facts(hub.hub, hub.clock()).accounts
    return account


def test_a_hub_that_never_worked_is_not_ready(hub: TestHub) -> None:
    found = health.readiness(hub.hub, hub.clock())
    assert (found.ready, found.checks["store"], found.checks["heartbeat"] == "ok") == (False, "ok", False)


def test_a_tick_leaves_a_sign_of_life_that_grows_old(hub: TestHub) -> None:
    hub.tick()
    assert health.readiness(hub.hub, hub.clock()).ready
    hub.clock.forward(minutes=14)
    assert health.readiness(hub.hub, hub.clock()).beat_age == 14 * 60
    hub.clock.forward(minutes=2)
    assert not health.readiness(hub.hub, hub.clock()).ready


def test_the_daemon_is_missed_after_a_minute(hub: TestHub) -> None:
    stop = threading.Event()
    scheduler = Scheduler(hub.hub)
    daemon = threading.Thread(target=scheduler.run, args=(stop,))
    daemon.start()
    until = elapsed() + 10
    while not health.facts(hub.hub, hub.clock()).alive:
        assert elapsed() < until
    later = hub.clock() + timedelta(seconds=61)
    found = health.facts(hub.hub, later)
    assert (found.alive, found.level, found.beat and found.beat.how) == (False, "bad", "run")
    stop.set()
    daemon.join(20)
    found = health.facts(hub.hub, hub.clock())
    assert (found.alive, found.beat and found.beat.state) == (False, "stopped")


def test_a_database_of_another_version_is_not_ready(hub: TestHub) -> None:
    hub.tick()
    hub.store.write(
        lambda connection: connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
    )
    found = health.readiness(hub.hub, hub.clock())
    assert (found.ready, "0001" in found.checks["schema"]) == (False, True)


def test_all_is_well_with_an_account_that_works(hub: TestHub) -> None:
    hub.tick()
    one = only(hub)
    assert (one.level, one.why, one.mends, one.lag) == ("good", "", (), timedelta(0))
    assert one.listened_at == hub.clock()


def test_what_a_check_finds_is_kept(hub: TestHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Telling, "lacks", ("wall", "messages"))
    monkeypatch.setattr(Telling, "ends_in", timedelta(days=3, hours=1))
    hub.hub.check("home")
    one = only(hub)
    assert (one.level, one.missing, one.days_left(hub.clock())) == ("warning", ["wall", "messages"], 3)
    assert one.health.token_kind == "bot"


def test_a_token_that_has_ended_is_bad_and_says_how_to_mend_it(
    hub: TestHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Telling, "ends_in", timedelta(days=1))
    hub.hub.check("home")
    hub.clock.forward(days=2)
    one = only(hub)
    assert (one.level, one.why) == ("bad", "The token has expired; make a new one.")
    assert [step.command for step in one.mends] == ["", "hub check home"]
    assert one.mends[0].facts == {"key": "token", "file": "home.token"}


def test_a_refused_login_is_told_with_its_reason_until_a_check_succeeds(
    hub: TestHub, double: VillageDouble
) -> None:
    double.refuse_token = True
    hub.tick()
    one = only(hub)
    assert (one.level, one.health.state) == ("bad", "paused")
    assert one.facts["why"] == one.health.reason != ""
    (told,) = health.broken(hub.hub, None, hub.clock())
    assert told.account == "home"
    double.refuse_token = False
    hub.hub.check("home")
    assert (health.broken(hub.hub, None, hub.clock()), only(hub).health.state) == ([], "active")


def test_who_may_not_see_an_account_is_not_told_of_it(hub: TestHub, double: VillageDouble) -> None:
    double.refuse_token = True
    hub.tick()
    stranger = User(5, "bob", Role.RESPONDER, accounts=frozenset({"other"}))
    assert health.broken(hub.hub, stranger, hub.clock()) == []


def test_what_waits_is_counted_with_its_age(hub: TestHub) -> None:
    hub.tick()
    due = hub.clock()
    routes.add_post(hub.store, NewPost(key="k", text="Новость", publish_at=due), ["home"], due)
    hub.clock.forward(minutes=7)
    one = only(hub)
    assert (one.queue.depth, one.queue.oldest) == (1, due)
    assert one.lag == timedelta(minutes=2)  # listened to every five


def test_calls_left_are_kept_as_the_network_told_them(hub: TestHub) -> None:
    limits = hub.hub.adapter("home").http.rate_limits
    limits["/posts"] = RateLimit(limit=300, remaining=290, reset_after=60)
    limits["/remarks"] = RateLimit(limit=100, remaining=12, reset_after=90)
    hub.tick()
    one = only(hub)
    assert (one.health.quota_left, one.health.quota_limit) == (12, 100)
    assert one.health.quota_until == hub.clock() + timedelta(seconds=90)


def test_a_plugin_is_named_with_its_version_and_its_errors(hub: TestHub, double: VillageDouble) -> None:
    double.refuse_token = True
    hub.tick()
    found = {one.platform: one for one in health.facts(hub.hub, hub.clock()).plugins}
    assert (found["telling"].accounts, len(found["telling"].errors)) == (["home"], 1)
    assert (found["vk"].package, found["vk"].errors) == ("crosshub", [])


def test_the_facts_are_gathered_on_both_databases(
    database_url: str, tmp_path: Path, double: VillageDouble
) -> None:
    path = write_config(tmp_path, {"home": {"platform": "telling", **double.account()}}, database=database_url)
    with open_hub(path, Telling) as hub:
        hub.tick()
        found = health.facts(hub.hub, hub.clock())
        assert (found.level, found.schema, found.database_bytes > 10_000) == ("good", found.schema_wanted, True)
        assert found.disk_free > 0


def test_the_command_tells_the_same_facts(
    hub: TestHub, double: VillageDouble, capsys: pytest.CaptureFixture[str]
) -> None:
    from hub.cli.main import main

    hub.tick()
    double.refuse_token = True
    hub.store.write(accounts.pause, "home", "token revoked", hub.clock())
    code = main(["doctor", "--json", "--config", str(hub.hub.settings.path)])
    said = json.loads(capsys.readouterr().out)
    (account,) = said["accounts"]
    assert (code, said["level"], said["alive"]) == (5, "bad", True)
    assert (account["state"], account["why"]) == (
        "paused",
        "The network no longer lets the hub in: token revoked",
    )
    assert account["mends"][-1]["command"] == "hub check home"
