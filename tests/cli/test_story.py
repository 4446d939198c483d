"""The commands at work on the doubles of all plugins: the shapes that scripts rely on, and the exit codes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from PIL import Image

from hub.testing import Reply, faults
from hub.testing.world import World

Hub = Callable[..., Any]


def image(path: Path) -> Path:
    buffer = BytesIO()
    Image.new("RGB", (8, 8), "red").save(buffer, "PNG")
    path.write_bytes(buffer.getvalue())
    return path


def only(ending: str) -> Callable[[Any], bool]:
    """Match the calls that write to a path with this ending."""
    return lambda request: request.method == "POST" and bool(request.path.endswith(ending))


def keep(small_world: World, *names: str) -> None:
    """Leave only these accounts in hub.toml: VK alone may be called but three times a second."""
    text = small_world.config.read_text()
    tables = {name: re.search(rf"\[accounts\.{name}\].*?\n\n", text, re.DOTALL) for name in names}
    kept = "".join(found[0] for found in tables.values() if found)
    small_world.config.write_text(text[: text.index("[accounts.")] + kept)


def test_check_says_who_we_are_on_each_network(hub: Hub, small_world: World) -> None:
    document = hub("check", "--json").json
    assert document["ok"]
    found = {one["account"]: one for one in document["accounts"]}
    assert found["vk"]["name"] == "Our company"
    assert set(found) == {"vk", "facebook", "twitter", "rss", "crm_generic"}


def test_check_exits_4_when_a_login_is_needed_and_shows_the_others(hub: Hub, small_world: World) -> None:
    keep(small_world, "vk", "twitter")
    (small_world.folder / "secrets" / "vk-token").write_text("wrong\n")
    said = hub("check", "--json")
    assert said.code == 4
    failed = [one for one in said.json["accounts"] if not one["ok"]]
    assert [(one["account"], one["error"]["code"]) for one in failed] == [("vk", "auth")]
    assert failed[0]["error"]["hint"]
    assert "wrong" not in said.out


def test_check_exits_5_when_some_network_is_away(hub: Hub, small_world: World) -> None:
    keep(small_world, "twitter", "facebook")
    text = small_world.config.read_text().replace("[hub]", '[hub]\ndeadline = "1s"')
    small_world.config.write_text(text.replace(small_world.networks["facebook"].url, "http://127.0.0.1:1"))
    said = hub("check", "--json")
    assert said.code == 5
    assert [one["error"]["code"] for one in said.json["accounts"] if not one["ok"]] == ["transient"]


def test_a_dry_run_shows_each_account_its_form_and_stores_nothing(hub: Hub, small_world: World) -> None:
    args = ["post", "x" * 300, "--to", "vk,twitter", "--link", "https://example.org/a", "--dry-run"]
    document = hub(*args, "--json").json
    vk, bird = document["accounts"]
    assert (vk["parts"][0]["link"], vk["parts"][0]["units"]) == ("https://example.org/a", 300)
    assert bird["parts"][0]["text"].endswith("… https://example.org/a")
    assert bird["parts"][0]["units"] <= bird["parts"][0]["limit"] == 280
    assert "280 of 280 weighted characters" in hub(*args).out
    assert hub("posts", "--json").json["posts"] == []
    assert small_world.calls() == 0


def test_a_post_goes_out_once_and_is_listed_with_its_addresses(hub: Hub, small_world: World) -> None:
    keep(small_world, "twitter", "facebook")
    picture = image(small_world.folder / "a.png")
    args = [
        "post",
        "Привет",
        "--to",
        "twitter,facebook",
        "--image",
        picture,
        "--alt",
        "красный квадрат",
        "--key",
        "k",
    ]
    first, again = hub(*args, "--json").json, hub(*args, "--json").json
    assert (first["new"], again["new"], again["post"]["id"]) == (True, False, 1)
    ticked = hub("tick", "--json")
    assert (ticked.code, ticked.json["published"], ticked.json["errors"]) == (0, 2, [])
    assert hub("tick", "--all", "--json").json["published"] == 0
    [post] = hub("posts", "--json").json["posts"]
    assert {"id", "key", "text", "link", "deliveries"} <= set(post)
    for delivery in post["deliveries"]:
        assert {"account", "state", "remote_id", "url", "attempts", "error"} <= set(delivery)
        assert (delivery["state"], delivery["attempts"]) == ("published", 1)
        assert delivery["url"] in hub("posts").out
    assert [len(small_world.networks[name].held()) for name in ("twitter", "facebook")] == [1, 1]


def test_the_same_key_for_other_words_is_refused(hub: Hub, small_world: World) -> None:
    assert hub("post", "one", "--to", "vk", "--key", "k").code == 0
    said = hub("post", "two", "--to", "vk", "--key", "k", "--json")
    assert (said.code, said.error["code"]) == (2, "usage")
    assert [post["text"] for post in hub("posts", "--json").json["posts"]] == ["one"]


def test_a_time_is_read_by_the_hubs_clock(hub: Hub, small_world: World) -> None:
    keep(small_world, "twitter")
    document = hub("post", "x", "--to", "twitter", "--at", "2030-06-01 10:00", "--json").json
    assert document["post"]["publish_at"] == "2030-06-01T07:00:00+00:00"
    assert hub("tick", "--json").json["published"] == 0


def test_a_time_that_has_gone_by_is_now_with_a_warning(hub: Hub, small_world: World) -> None:
    said = hub("post", "x", "--to", "vk", "--at", "2020-01-01 10:00", "--json")
    assert said.err == "Warning: 2020-01-01 10:00 has gone by; the post goes out now\n"
    assert said.json["post"]["publish_at"] > "2026"


def test_a_text_of_stdin_is_published_as_it_came(hub: Hub, small_world: World) -> None:
    assert hub("post", "-", "--to", "vk", stdin="Из файла\n".encode()).code == 0
    assert hub("posts", "--json").json["posts"][0]["text"] == "Из файла\n"


def test_what_people_say_comes_home_as_one_discussion(hub: Hub, small_world: World) -> None:
    keep(small_world, "facebook", "twitter", "crm_generic")
    page = small_world.networks["facebook"]
    hub("post", "Hello", "--to", "facebook,twitter")
    hub("tick")
    root = page.held()[0].id
    anna, boris = page.add_person("Anna", "anna"), page.add_person("Boris\x1b[2J", "boris")
    first = page.say(anna, root, "Nice")
    page.say(boris, root, "Indeed", first)
    ticked = hub("tick", "--all", "--json").json
    assert ticked["mentions"] == {"new": 2, "changed": 0, "deleted": 0}
    page.edit_remark(first, "Very nice")
    assert hub("tick", "--all", "--json").json["mentions"]["changed"] == 1

    newest, oldest = hub("inbox", "--json").json["mentions"]
    assert (newest["text"], oldest["text"], oldest["author"]["name"]) == ("Indeed", "Very nice", "Anna")
    keys = {"id", "account", "platform", "remote_id", "kind", "thread_id", "parent_id", "author", "text", "url"}
    assert keys | {"sent_at", "deleted", "discussion"} <= set(newest)
    assert [one["id"] for one in hub("inbox", "--json", "--before", str(newest["id"])).json["mentions"]] == [
        oldest["id"]
    ]
    assert hub("inbox", "--account", "twitter", "--json").json["mentions"] == []

    document = hub("discussion", str(newest["discussion"]), "--json").json["discussion"]
    assert {"id", "title", "url", "accounts", "mentions"} <= set(document)
    [top] = document["mentions"]
    assert (top["text"], [child["text"] for child in top["children"]]) == ("Very nice", ["Indeed"])
    assert sorted(document["accounts"]) == ["facebook", "twitter"]

    shown = hub("discussion", str(newest["discussion"])).out
    assert re.search(r"^  Anna · facebook · \d{4}-\d\d-\d\d \d\d:\d\d · #\d+ · \[edited\]$", shown, re.MULTILINE)
    assert re.search(r"^    Boris.*\n        Indeed\n        https://", shown, re.MULTILINE)
    assert "\x1b" not in shown + hub("inbox").out + hub("contacts").out
    assert hub("discussions", "--json").json["discussions"][0]["mentions"] == 2
    assert "Hello" in hub("discussions").out

    people = hub("contacts", "--json").json["contacts"]
    assert {"id", "name", "emails", "authors", "records"} <= set(people[0])
    assert [one["name"] for one in hub("contacts", "--search", "ANNA", "--json").json["contacts"]] == ["Anna"]

    answered = hub("reply", str(oldest["id"]), "Спасибо", "--json").json["reply"]
    assert page.remarks[answered["remote_id"]].text == "Спасибо"
    story = hub("trace", f"mention:{oldest['id']}", "--json").json
    assert [event["what"] for event in story["events"]] == [
        "said",
        "seen by the hub",
        "it said before",
        "edited",
        "our answer: published",
    ]


def test_an_edit_and_a_withdrawal_reach_the_copies(hub: Hub, small_world: World) -> None:
    keep(small_world, "facebook")
    page = small_world.networks["facebook"]
    hub("post", "Frist", "--to", "facebook")
    hub("tick")
    assert hub("edit", "1", "First", "--json").json["changed"]
    assert hub("tick", "--json").json["edited"] == 1
    assert [held.text for held in page.held()] == ["First"]
    assert hub("delete", "1").code == 2
    assert hub("delete", "1", "--yes", "--json").json["changed"]
    assert hub("tick", "--json").json["deleted"] == 1
    assert page.held() == []
    assert hub("edit", "1", "Again").code == 2


def test_a_lost_answer_is_exit_7_and_settled_by_a_look(hub: Hub, small_world: World) -> None:
    keep(small_world, "vk")
    vk = small_world.networks["vk"]
    hub("post", "Hello", "--to", "vk")
    vk.inject(faults.LOST, only("wall.post"))
    said = hub("tick", "--json")
    assert (said.code, said.json["unknown"]) == (7, 1)
    assert hub("posts", "--state", "unknown", "--json").json["posts"][0]["id"] == 1
    delivery = hub("posts", "--json").json["posts"][0]["deliveries"][0]["id"]
    assert hub("retry", str(delivery)).code == 2
    remote = vk.held()[0].id
    settled = hub("settle", str(delivery), "--sent", remote, "--json").json["delivery"]
    assert (settled["state"], settled["remote_id"]) == ("published", remote)
    story = hub("trace", "1", "--json").json
    outcomes = [event["outcome"] for event in story["events"] if "outcome" in event]
    assert (outcomes, story["post"]["copies"][0]["remote_id"]) == (["unknown", "sent"], remote)
    assert "settle" not in hub("posts").out


def test_the_trace_of_a_post_says_what_each_attempt_brought_and_what_was_decided(
    hub: Hub, small_world: World
) -> None:
    keep(small_world, "vk")
    bad_gateway = Reply({}, status=502, headers={"X-Request-Id": "abc"})
    small_world.networks["vk"].inject(faults.answered(bad_gateway), only("wall.post"))
    hub("post", "Hello", "--to", "vk")
    hub("tick")
    [attempt] = [event for event in hub("trace", "1", "--json").json["events"] if "answer" in event]
    assert (attempt["attempt"], attempt["answer"], attempt["outcome"]) == (1, "unknown", "unknown")
    assert (attempt["request_id"], "HTTP 502" in attempt["detail"]) == ("abc", True)
    [line] = [line for line in hub("trace", "1").out.splitlines() if "publish: unknown" in line]
    seconds = datetime.fromisoformat(attempt["next_at"]).astimezone(ZoneInfo("Europe/Moscow"))
    assert line.endswith(f"request abc  → settle at {seconds:%Y-%m-%d %H:%M:%S}")
    for told in ("vk", "attempt 1", "answer: unknown", "HTTP 502"):
        assert told in line


def test_a_refused_post_is_failed_and_can_be_retried(hub: Hub, small_world: World) -> None:
    keep(small_world, "vk", "twitter")
    vk = small_world.networks["vk"]
    hub("post", "Hello", "--to", "vk,twitter")
    refusal = {"error": {"error_code": 222, "error_msg": "Hyperlinks are forbidden"}}
    vk.inject(faults.answered(Reply(json=refusal)), only("wall.post"))
    said = hub("tick", "--json")
    assert (said.code, said.json["published"], said.json["failed"]) == (5, 1, 1)
    [post] = hub("posts", "--state", "failed", "--json").json["posts"]
    failed = next(one for one in post["deliveries"] if one["state"] == "failed")
    assert f"hub retry {failed['id']}" in hub("posts").out
    assert hub("retry", str(failed["id"])).code == 0
    assert hub("tick", "--json").json["published"] == 1


def test_a_dropped_delivery_stays_dropped(hub: Hub, small_world: World) -> None:
    keep(small_world, "facebook")
    page = small_world.networks["facebook"]
    hub("post", "Hello", "--to", "facebook")
    page.inject(faults.DROPPED, only("/feed"))
    hub("tick")
    assert hub("settle", "1", "--drop", "--json").json["delivery"]["state"] == "failed"
    assert hub("tick", "--all", "--json").json["published"] == 0


def test_a_tick_exits_4_when_every_login_fails(hub: Hub, small_world: World) -> None:
    for secret in (small_world.folder / "secrets").iterdir():
        secret.write_text("wrong\n")
    keep(small_world, "vk")
    said = hub("tick", "--json")
    assert (said.code, [error["code"] for error in said.json["errors"]]) == (4, ["auth"])
    assert said.json["ok"] is False
    story = hub("trace", "account:vk", "--json").json
    assert story["account"]["state"] == "paused"
    assert story["events"][-1]["outcome"] == "failed"
    (small_world.folder / "secrets" / "vk-token").write_text("vk1.a.sandbox-user-token\n")
    assert hub("check", "vk").code == 0
    assert hub("trace", "account:vk", "--json").json["account"]["state"] == "active"


def test_a_tick_with_some_trouble_exits_5_and_does_the_rest(hub: Hub, small_world: World) -> None:
    (small_world.folder / "secrets" / "vk-token").write_text("wrong\n")
    hub("post", "Hello", "--to", "vk,facebook")
    said = hub("tick", "--json")
    assert (said.code, said.json["published"]) == (5, 1)
    assert {error["account"] for error in said.json["errors"]} == {"vk"}
    assert set(said.json["errors"][0]) == {"account", "code", "message", "hint"}
    assert set(said.json["contacts"]) >= {"pulled", "pushed", "conflicts"}


def test_a_thread_can_be_watched_by_hand_into_a_discussion(hub: Hub, small_world: World) -> None:
    keep(small_world, "vk", "twitter")
    hub("post", "Hello", "--to", "twitter")
    hub("tick")
    said = hub("watch", "vk", "-123_777", "--discussion", "1", "--json").json
    assert (said["remote_id"], said["discussion"]) == ("-123_777", 1)
    assert hub("watch", "vk", "-123_778", "--discussion", "99").code == 2
    assert hub("discussion", "1", "--json").json["discussion"]["accounts"] == ["twitter", "vk"]


def test_plugins_say_their_roles_and_settings_without_a_configuration(hub: Hub) -> None:
    found = {one["platform"]: one for one in hub("plugins", "--json").json["plugins"]}
    vk = found["vk"]
    assert (vk["package"], "Publisher" in vk["roles"]) == ("crosshub", True)
    settings = {one["name"]: one for one in vk["settings"]}
    assert (settings["token"]["secret"], settings["token"]["required"]) == (True, True)
    assert (settings["group"]["type"], settings["group"]["required"]) == ("int", True)
    assert next(one for one in found["crm_generic"]["settings"] if one["name"] == "auth.secret")["secret"]


def test_a_secret_put_into_the_vault_is_never_shown_and_serves_the_account(hub: Hub, small_world: World) -> None:
    text = small_world.config.read_text()
    small_world.config.write_text(text.replace('{ file = "secrets/vk-token" }', '{ vault = "vk-token" }'))
    assert hub("check", "vk").code == 3
    said = hub("vault", "put", "vk", "vk-token", "--json", stdin=b"vk1.a.sandbox-user-token\n")
    assert (said.code, said.json) == (0, {"ok": True, "account": "vk", "name": "vk-token"})
    assert "sandbox-user-token" not in said.out + said.err
    assert hub("check", "vk").code == 0


def test_a_backup_is_a_database_that_verifies(hub: Hub, small_world: World, tmp_path: Path) -> None:
    hub("post", "Hello", "--to", "vk")
    assert hub("db", "backup", "copy.db", "--json").json["bytes"] > 0
    text = small_world.config.read_text()
    (tmp_path / "other.toml").write_text(text.replace("sqlite:///hub.db", "sqlite:///copy.db"))
    assert hub("--config", "other.toml", "db", "verify", "--json").json == {"ok": True, "problems": []}
    assert hub("posts", "--config", "other.toml", "--json").json["posts"][0]["text"] == "Hello"


def test_verify_exits_1_and_says_what_is_wrong(hub: Hub, small_world: World, tmp_path: Path) -> None:
    import sqlite3

    hub("post", "Hello", "--to", "vk")
    connection = sqlite3.connect(tmp_path / "hub.db")
    connection.execute("UPDATE deliveries SET state = 'published'")
    connection.commit()
    connection.close()
    said = hub("db", "verify", "--json")
    assert (said.code, said.json["ok"]) == (1, False)
    assert any("without its remote id" in problem for problem in said.json["problems"])


@pytest.mark.parametrize("command", [["posts"], ["inbox"], ["discussions"], ["contacts"]])
def test_a_listing_needs_no_secrets(hub: Hub, small_world: World, command: list[str]) -> None:
    for secret in (small_world.folder / "secrets").iterdir():
        secret.unlink()
    said = hub(*command, "--json")
    assert said.code == 0
    assert json.loads(said.out)["ok"] is True
