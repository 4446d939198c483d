"""The worked example of docs/plugins.md: it works as a plugin of the hub, and as a package of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import EXAMPLE, TestHub, Village, VillageDouble, open_hub, write_config

from hub.discussions import replying
from hub.publishing import routes
from hub.store.discussions import mentions
from hub.store.outbox.posts import NewPost
from hub.testing import Request, faults


@pytest.fixture
def double() -> Iterator[VillageDouble]:
    with VillageDouble() as running:
        yield running


@pytest.fixture
def hub(tmp_path: Path, double: VillageDouble) -> Iterator[TestHub]:
    accounts = {"square": {"platform": "village", **double.account()}}
    with open_hub(write_config(tmp_path, accounts), Village) as running:
        yield running


def post(hub: TestHub, text: str) -> None:
    now = hub.clock()
    routes.add_post(hub.store, NewPost(key=text, text=text, publish_at=now), ["square"], now)


def heard(hub: TestHub) -> list[mentions.StoredMention]:
    with hub.store.read() as connection:
        return mentions.newest(connection, 1000)


def test_a_post_is_published_once(hub: TestHub, double: VillageDouble) -> None:
    post(hub, "Hello")
    hub.tick()
    hub.tick(hours=1)
    assert [held.text for held in double.held()] == ["Hello"]


def test_a_post_whose_answer_was_lost_is_found_and_not_sent_again(hub: TestHub, double: VillageDouble) -> None:
    def is_publish(request: Request) -> bool:
        return (request.method, request.path) == ("POST", "/posts")

    post(hub, "Hello")
    double.inject(faults.LOST, is_publish)
    hub.tick()
    assert hub.states() == ["unknown"]
    hub.tick(seconds=2)
    assert hub.states() == ["published"]
    assert len(list(filter(is_publish, double.calls))) == 1


def test_a_lost_post_is_found_among_more_than_a_page_of_others(hub: TestHub, double: VillageDouble) -> None:
    for number in range(105):
        post(hub, f"Post {number}")
    hub.tick()
    post(hub, "Hello")
    double.inject(faults.LOST, lambda request: request.method == "POST")
    hub.tick()
    hub.tick(seconds=2)
    assert hub.states() == ["published"] * 106
    assert [held.text for held in double.held()].count("Hello") == 1


def test_what_people_say_is_read_and_answered_in_its_thread(hub: TestHub, double: VillageDouble) -> None:
    post(hub, "Hello")
    hub.tick()
    anna = double.add_person("Anna", "anna")
    remark = double.say(anna, double.held()[0].id, "Hello to you")
    hub.tick_all()
    (mention,) = heard(hub)
    assert (mention.text, mention.author_name) == ("Hello to you", "Anna")
    receipt = replying.reply(hub.store, hub.hub.adapter("square"), mention, "Welcome", hub.clock())
    assert double.remarks[receipt.remote_id].parent_id == remark
    assert double.remarks[receipt.remote_id].person == double.us


def test_an_edit_of_a_post_that_somebody_removed_is_no_error(hub: TestHub, double: VillageDouble) -> None:
    post(hub, "Hello")
    hub.tick()
    double.posts.clear()
    routes.change_post(hub.store, 1, hub.clock(), text="Hello again", title="", link="", images=[])
    report = hub.tick()
    assert (report.counts["edited"], report.errors) == (1, [])


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The example laid out as docs/plugins.md says, beside what pip would write when it installs it."""
    folder = tmp_path / "site"
    (folder / "hub_village").mkdir(parents=True)
    shutil.copy(EXAMPLE / "village.py", folder / "hub_village" / "__init__.py")
    shutil.copy(EXAMPLE / "sandbox.py", folder / "hub_village")
    shutil.copy(EXAMPLE / "test_village.py", folder)
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = folder / f"hub_village-{project['version']}.dist-info"
    info.mkdir()
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(head)
    entries = [f"{name} = {module}\n" for name, module in project["entry-points"]["hub"].items()]
    (info / "entry_points.txt").write_text("".join(["[hub]\n", *entries]))
    return folder


def run(package: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=package,
        env=environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_an_installed_package_is_found_by_its_entry_point(package: Path) -> None:
    found = {one["platform"]: one for one in json.loads(run(package, "hub", "plugins", "--json"))["plugins"]}
    assert found["village"]["package"] == "hub-village"
    assert found["village"]["module"] == "hub_village"
    assert "Publisher" in found["village"]["roles"]


@pytest.mark.faults_long
@pytest.mark.timeout(400)
def test_the_tests_on_the_page_pass_and_at_least_60_of_the_kit_apply(package: Path) -> None:
    out = run(package, "pytest", "-q", "-p", "no:cacheprovider", "test_village.py")
    (score,) = re.findall(r"^TestVillage: score (\d+)/(\d+)$", out, re.MULTILINE)
    assert score[0] == score[1]
    assert int(score[1]) >= 60


def test_the_worked_example_has_at_most_130_lines() -> None:
    """A reader takes it in at once; the shapes of its answers are part of it, for the hub relies on them."""
    assert len((EXAMPLE / "village.py").read_text(encoding="utf-8").splitlines()) <= 130
