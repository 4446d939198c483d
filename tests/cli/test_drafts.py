"""`hub drafts`, and the versions of a post on the command line."""

from __future__ import annotations

from datetime import UTC, datetime

from cli.conftest import Hub

from hub import settings
from hub.publishing import drafts
from hub.scheduling.hub import Hub as Running
from hub.store.outbox.drafts import Content
from hub.testing.world import World
from hub.users.roles import Role, User

VERA = User(3, "vera", Role.AUTHOR)
NOW = datetime.now(UTC)


def write(small_world: World, text: str, *accounts: str, ask: bool = True) -> int:
    """Let Vera write a draft on the page, and ask for approval."""
    with Running.open(settings.load(small_world.config)) as hub:
        draft = drafts.save(hub.store, text, Content(text=text, accounts=accounts), VERA, NOW)
        if ask:
            drafts.submit(hub.store, draft.id, draft.version, VERA, NOW)
        return draft.id


def test_a_draft_that_waits_is_listed_shown_and_approved_once(hub: Hub, small_world: World) -> None:
    number = str(write(small_world, "From Vera", "vk"))
    listed = hub("drafts", "--json").json["drafts"]
    assert [(one["state"], one["author"], one["accounts"]) for one in listed] == [("approval", "vera", ["vk"])]
    shown = hub("drafts", "show", number, "--json").json["draft"]
    assert [event["what"] for event in shown["events"]] == ["written", "asked for approval"]
    first = hub("drafts", "approve", number, "--json").json
    assert hub("drafts", "approve", number, "--json").json == first
    assert [post["text"] for post in hub("posts", "--json").json["posts"]] == ["From Vera"]
    assert hub("drafts").out.strip() == "There are no such drafts."


def test_a_declined_draft_keeps_why_and_by_whom(hub: Hub, small_world: World) -> None:
    number = str(write(small_world, "From Vera", "vk"))
    assert hub("drafts", "decline", number, "--note", "not today").code == 0
    last = hub("drafts", "show", number, "--json").json["draft"]["events"][-1]
    assert (last["what"], last["note"], "@" in last["by"]) == ("declined", "not today", True)


def test_an_approval_of_an_older_version_is_refused(hub: Hub, small_world: World) -> None:
    number = str(write(small_world, "From Vera", "vk"))
    said = hub("drafts", "approve", number, "--seen", "7", "--json")
    assert (said.code, said.error["code"]) == (1, "changed")
    assert hub("posts", "--json").json["posts"] == []


def test_an_empty_draft_is_not_approved(hub: Hub, small_world: World) -> None:
    number = str(write(small_world, " ", "vk", ask=False))
    said = hub("drafts", "approve", number, "--json")
    assert (said.code, said.error["code"]) == (2, "usage")


def test_a_draft_that_is_not_there_says_so(hub: Hub, small_world: World) -> None:
    for name in ("show", "approve", "decline"):
        said = hub("drafts", name, "99", "--json")
        assert (said.code, said.error["message"]) == (2, "there is no draft 99")


def test_each_account_gets_its_own_version_and_keeps_it_through_an_edit(hub: Hub, small_world: World) -> None:
    hub("tick")
    said = hub("post", "For all", "--to", "vk,twitter", "--version", "twitter=For the bird", "--json")
    assert said.code == 0, said.err
    hub("tick")
    held = {name: small_world.networks[name].held()[-1].text for name in ("vk", "twitter")}
    assert held == {"vk": "For all", "twitter": "For the bird"}
    number = str(said.json["post"]["id"])
    edited = hub("edit", number, "For everybody")
    assert "keep the text that they have for themselves: twitter" in edited.err
    hub("tick")
    assert small_world.networks["vk"].held()[-1].text == "For everybody"


def test_a_dry_run_shows_each_version_and_when_it_goes(hub: Hub, small_world: World) -> None:
    args = ["post", "For all", "--to", "vk,twitter", "--version", "vk=Для всех", "--dry-run", "--json"]
    document = hub(*args).json
    assert {one["account"]: one["parts"][0]["text"] for one in document["accounts"]} == {
        "vk": "Для всех",
        "twitter": "For all",
    }
    assert all(one["goes_at"] for one in document["accounts"])


def test_a_version_for_no_account_of_the_post_is_refused(hub: Hub, small_world: World) -> None:
    for version in ("facebook=Hi", "vk", "=Hi"):
        said = hub("post", "For all", "--to", "vk", "--version", version, "--json")
        assert (said.code, said.error["code"]) == (2, "usage")
    assert hub("posts", "--json").json["posts"] == []


def test_the_same_key_with_another_version_is_another_post(hub: Hub, small_world: World) -> None:
    args = ["post", "For all", "--to", "vk", "--key", "k1"]
    assert hub(*args).code == 0
    assert hub(*args).code == 0
    assert hub(*args, "--version", "vk=Other").code == 2
