"""The demo: the whole of the hub on a small world, and every promise held against what the networks have."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from hub.testing import clients
from plugins.crm_generic.sandbox import CrmDouble

NETWORKS = ["bluesky", "facebook", "mastodon", "telegram", "twitter", "vk", "wordpress"]


def hub(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hub", *arguments], cwd=cwd, capture_output=True, text=True, timeout=90, check=False
    )


@dataclass
class Demo:
    """A demo whose world is kept, and what it said."""

    process: subprocess.Popen[str]
    facts: dict[str, object]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "hub",
            "demo",
            "--json",
            "--keep",
            "--folder",
            str(tmp_path_factory.mktemp("demo") / "world"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        said = process.stdout.readline()
        try:
            assert said, process.stderr.read()
            yield Demo(process, json.loads(said))
        finally:
            process.send_signal(signal.SIGINT)


@pytest.fixture
def facts(demo: Demo) -> dict[str, object]:
    return demo.facts


def test_every_article_is_on_every_network_exactly_once(facts: dict[str, object]) -> None:
    assert facts["held"] == dict.fromkeys(NETWORKS, 3)
    copies = facts["copies"]
    assert isinstance(copies, dict)
    assert len(copies) == 21
    assert all(copy == {"deliveries": 1, "held": 1} for copy in copies.values())


def test_every_remark_is_stored_once_the_edited_with_history_the_deleted_as_a_tombstone(
    facts: dict[str, object],
) -> None:
    assert facts["mentions_stored"] == facts["remarks_made"] == 74
    assert (facts["deleted"], facts["edited"], facts["versions"]) == (1, 1, 2)


def test_one_discussion_per_article_joins_all_networks(facts: dict[str, object]) -> None:
    discussions = facts["discussions"]
    assert isinstance(discussions, list)
    assert [sorted(one["accounts"]) for one in discussions] == [NETWORKS] * 3


def test_the_person_of_two_networks_is_one_contact_with_one_record_in_each_crm(facts: dict[str, object]) -> None:
    (person,) = facts["person_of_two_networks"]  # type: ignore[misc]  # a list in the document
    crms = facts["crm"]
    assert isinstance(crms, dict)
    assert (sorted(person["platforms"]), person["records"]) == (["twitter", "vk"], len(crms))


def test_what_both_sides_do_with_the_same_people_meets(facts: dict[str, object]) -> None:
    people = facts["people"]
    assert isinstance(people, dict)
    assert (people["followed"], people["given"]) == ("Павел Оптовиков", "Кофе оптом")
    ((_one, _other, name),) = people["proposed"]
    assert (people["accepted"], name) == (2, "Елена Фролова")
    (asked,) = people["asked"]
    assert (asked["field"], asked["ours"], asked["theirs"]) == (
        "name",
        "Анна Павловна Смирнова",
        "Анна Смирнова-Лаврова",
    )


def test_a_promise_that_is_broken_is_named() -> None:
    kept = clients.Outcome(
        accepted=2,
        followed="Павел Оптовиков",
        given="Кофе оптом",
        proposed=[clients.Pair(1, 2, "A")],
        asked=[{"field": "name", "ours": "Анна Павловна Смирнова", "theirs": "Анна Смирнова-Лаврова"}],
    )
    with CrmDouble() as crm:
        records = [clients.Records("crm", crm, {})]
    assert all(clients.promises(kept, records).values())
    for broken in (
        replace(kept, accepted=0),
        replace(kept, followed="Павел Оптовик"),
        replace(kept, given=""),
        replace(kept, proposed=[]),
        replace(kept, asked=[]),
    ):
        assert list(clients.promises(broken, records).values()).count(False) == 1


def test_what_one_person_said_on_two_networks_is_shown_once(facts: dict[str, object]) -> None:
    (said,) = facts["said_twice"]  # type: ignore[misc]  # a list in the document
    assert sorted(said["accounts"]) == ["twitter", "vk"]


def test_what_was_written_elsewhere_about_an_article_is_in_its_discussion(facts: dict[str, object]) -> None:
    assert facts["elsewhere"] == [{"discussion": 1, "title": "Новый сорт на полке", "remarks": 2}]


def test_a_further_tick_sends_and_writes_nothing(facts: dict[str, object]) -> None:
    assert facts["last_tick"] == {"sends": 0, "writes": 0}
    assert (facts["errors"], facts["problems"]) == ([], [])


def test_what_the_demo_left_can_be_looked_at(facts: dict[str, object]) -> None:
    config = Path(str(facts["folder"])) / "hub.toml"
    shown = hub("--config", str(config), "inbox", "--json", cwd=config.parent)
    assert len(json.loads(shown.stdout)["mentions"]) == 74


def test_why_says_what_was_joined_and_undo_takes_it_apart_for_good(facts: dict[str, object]) -> None:
    config = Path(str(facts["folder"])) / "hub.toml"

    def discussion(*options: str) -> dict[str, Any]:
        shown = hub("--config", str(config), "discussion", "1", "--json", *options, cwd=config.parent)
        assert shown.returncode == 0, shown.stdout + shown.stderr
        found: dict[str, Any] = json.loads(shown.stdout)["discussion"]
        return found

    def remarks(found: dict[str, Any]) -> int:
        return sum(1 + remarks({"mentions": one["children"]}) for one in found["mentions"])

    whole = discussion("--why")
    (join,) = whole["joins"]
    assert "/posts/new-coffee" in join["evidence"]
    repeat = next(one for one in whole["repeats"] if one["evidence"].startswith("the same e-mail"))
    parted = discussion("--undo", repeat["id"])
    assert remarks(parted) == remarks(whole) + 1
    assert remarks(discussion("--undo", join["id"].upper())) == remarks(parted) - 2
    refused = hub("--config", str(config), "discussion", "1", "--json", "--undo", "j99", cwd=config.parent)
    assert (refused.returncode, json.loads(refused.stdout)["error"]["code"]) == (2, "usage")


def test_keep_leaves_the_world_running_until_it_is_interrupted(demo: Demo) -> None:
    """The last of those that look at this demo."""
    config = Path(str(demo.facts["folder"])) / "hub.toml"
    posted = hub("--config", str(config), "post", "One more", "--to", "facebook", cwd=config.parent)
    ticked = hub("--config", str(config), "tick", "--json", cwd=config.parent)
    assert (posted.returncode, json.loads(ticked.stdout)["published"]) == (0, 1)
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(90) == 130  # seconds: a busy machine takes its time


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    done = hub("demo", "--json", "--folder", str(tmp_path), cwd=tmp_path)
    assert (done.returncode, json.loads(done.stdout)["ok"]) == (2, False)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
