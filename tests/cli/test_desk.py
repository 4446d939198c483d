"""`hub inbox` and `hub mention`: the query language in the terminal, and the work that is done there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cli.conftest import Hub, Said

from hub.testing import world

Call = Callable[..., Said]


@pytest.fixture
def call(small_world: world.World, hub: Hub) -> Call:
    """A post that is out on VK and two questions under it; calls `hub`."""
    text = small_world.config.read_text()
    begin = text.index("[accounts.vk]")
    small_world.config.write_text(text[: text.index("[accounts.")] + text[begin : text.index("[", begin + 1)])
    club = small_world.networks["vk"]

    def say(*args: str, stdin: bytes = b"") -> Said:
        return hub(*args, "--config", str(small_world.config), stdin=stdin)

    assert say("post", "News", "--to", "vk").code == 0
    assert say("tick", "--all").code == 0
    post = club.held()[0].id
    club.say(club.add_person("Анна", "anna"), post, "Где моя доставка?")
    club.say(club.add_person("Boris", "boris"), post, "Is it open on Sunday?")
    assert say("tick", "--all").code == 0
    return say


def found(call: Call, *query: str) -> list[dict[str, Any]]:
    mentions: list[dict[str, Any]] = call("inbox", *query, "--json").json["mentions"]
    return mentions


def number(call: Call, word: str) -> str:
    (one,) = found(call, word)
    return str(one["id"])


def test_the_inbox_takes_the_language_of_the_page(call: Call) -> None:
    assert [one["text"] for one in found(call, "доставка")] == ["Где моя доставка?"]
    assert [one["text"] for one in found(call, "status:new", "-доставка")] == ["Is it open on Sunday?"]
    assert [one["text"] for one in found(call, '"open on sunday" from:boris')] == ["Is it open on Sunday?"]
    assert found(call, "status:done") == []
    keys = {"id", "account", "author", "text", "status", "assignee", "labels", "unread", "snoozed_until"}
    (one,) = found(call, "sunday")
    assert keys <= set(one)
    assert (one["status"], one["assignee"], one["labels"], one["unread"]) == ("new", None, [], True)


def test_a_query_that_is_none_says_where_and_what_mends_it(call: Call) -> None:
    said = call("inbox", "staus:new", "--json")
    assert (said.code, said.error["code"]) == (2, "usage")
    assert "character 1: staus: is no key" in said.error["message"]
    assert "status" in said.error["hint"]


def test_mentions_are_worked_on(call: Call) -> None:
    anna, boris = number(call, "доставка"), number(call, "sunday")
    assert call("mention", "status", "done", anna, boris, "--json").json["changed"] == sorted(
        map(int, (anna, boris))
    )
    assert call("mention", "status", "done", anna).out == "0 mentions changed.\n"
    call("mention", "label", "Срочно", anna)
    assert [one["labels"] for one in found(call, "label:срочно")] == [["Срочно"]]
    assert "[Срочно]" in call("inbox", "label:срочно").out
    call("mention", "label", "срочно", anna, "--remove")
    assert found(call, "доставка")[0]["labels"] == []
    call("mention", "snooze", boris, "--until", "2099-01-01 10:00")
    assert "snoozed until 2099-01-01 10:00" in call("inbox", "status:snoozed").out
    call("mention", "note", anna, "Звонила дважды")
    shown = call("mention", "show", anna, "--json").json
    assert [note["text"] for note in shown["notes"]] == ["Звонила дважды"]
    assert [event["kind"] for event in shown["history"]] == ["status", "labelled", "unlabelled", "noted"]
    assert "Звонила дважды" in call("mention", "show", anna).out


def test_a_mention_is_given_to_a_user(call: Call) -> None:
    added = call("users", "add", "vera", "--role", "responder", "--json", stdin=b"correct horse battery")
    assert added.code == 0, added.err
    anna = number(call, "доставка")
    assert call("mention", "assign", anna, "--to", "vera", "--as", "vera", "--json").json["changed"] == [int(anna)]
    assert [one["assignee"] for one in found(call, "assignee:me", "--as", "vera")] == ["vera"]
    call("mention", "assign", anna, "--to", "nobody")
    assert len(found(call, "assignee:nobody")) == 2
    assert call("mention", "assign", anna, "--to", "nobody-at-all", "--json").error["code"] == "usage"


def test_an_answer_that_does_not_know_of_another_is_not_sent(call: Call) -> None:
    boris = number(call, "sunday")
    assert call("reply", boris, "From ten", "--seen", "0").code == 0
    said = call("reply", boris, "From nine", "--seen", "0", "--json")
    assert (said.code, said.error["code"]) == (1, "answered")
    assert "From ten" in said.error["message"]
    assert found(call, "sunday")[0]["status"] == "waiting"
    (answer,) = call("mention", "show", boris, "--json").json["replies"]
    assert (answer["text"], answer["state"]) == ("From ten", "published")
    assert call("reply", boris, "Until six", "--seen", str(answer["id"])).code == 0
