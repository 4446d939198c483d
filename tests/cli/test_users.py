"""`hub users` and `hub tokens`: people and programs are let in, changed and shut out from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Hub = Callable[..., Any]
GOOD = b"correct horse battery\n"


@pytest.fixture(autouse=True)
def config(tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text('[accounts.blog]\nplatform = "rss"\nurl = "http://127.0.0.1:1/feed.xml"\n')


def test_a_user_is_added_changed_and_shut_out(hub: Hub) -> None:
    assert "There are no users" in hub("users").out
    assert hub("users", "add", "anna", "--role", "owner", stdin=GOOD).out == "anna is added, as owner.\n"
    added = hub(
        "users", "add", "boris", "--accounts", "blog", "--display-name", "Boris", "--json", stdin=GOOD
    ).json
    assert (added["user"]["role"], added["user"]["accounts"], added["user"]["id"]) == ("reader", ["blog"], 2)
    changed = hub("users", "role", "boris", "publisher", "--all-accounts", "--json").json
    assert (changed["user"]["role"], changed["user"]["accounts"]) == ("publisher", None)
    assert hub("users", "disable", "boris").out == "boris is shut out.\n"
    shown = hub("users", "--json").json["users"]
    assert [(one["name"], one["disabled_at"] is None) for one in shown] == [("anna", True), ("boris", False)]
    assert "shut out" in hub("users").out
    assert hub("users", "disable", "boris", "--undo").out == "boris is let in again.\n"
    assert hub("users", "password", "boris", stdin=GOOD).code == 0


@pytest.mark.parametrize(
    ("args", "stdin", "message"),
    [
        (("users", "add", "anna"), b"", "the password is missing"),
        (("users", "add", "anna"), b"short\n", "shorter than 10"),
        (("users", "add", "Не то"), GOOD, "not a usable name"),
        (("users", "add", "anna", "--accounts", "blgo"), GOOD, "blgo is no account"),
        (("users", "add", "anna", "--role", "king"), GOOD, "king"),
        (("users", "role", "nobody", "reader"), b"", "there is no user nobody"),
        (("users", "password", "nobody"), GOOD, "there is no user nobody"),
        (("tokens", "add", "nobody", "ci"), b"", "there is no user nobody"),
        (("tokens", "add", "nobody", "ci", "--expires", "soon"), b"", "soon is no duration"),
        (("tokens", "revoke", "7"), b"", "there is no token 7"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_mend(
    hub: Hub, args: tuple[str, ...], stdin: bytes, message: str
) -> None:
    said = hub(*args, "--json", stdin=stdin)
    assert said.code == 2
    assert message in said.error["message"]
    assert said.error["hint"]


def test_the_last_owner_cannot_be_shut_out(hub: Hub) -> None:
    hub("users", "add", "anna", "--role", "owner", stdin=GOOD)
    for args in (("disable", "anna"), ("role", "anna", "reader")):
        assert "last owner" in hub("users", *args, "--json").error["message"]


def test_a_token_is_printed_alone_once_and_revoked(hub: Hub) -> None:
    hub("users", "add", "anna", "--role", "publisher", stdin=GOOD)
    made = hub(
        "tokens", "add", "anna", "nightly job", "--scope", "read", "--scope", "publish", "--expires", "never"
    )
    secret = made.out.strip()
    assert secret.startswith("hub_")
    assert len(secret) == 53
    listed = hub("tokens", "--json")
    assert secret not in listed.out
    [token] = listed.json["tokens"]
    assert (token["user"], token["scopes"], token["expires_at"]) == ("anna", ["publish", "read"], None)
    assert (
        "no permission admin" in hub("tokens", "add", "anna", "x", "--scope", "admin", "--json").error["message"]
    )
    assert hub("tokens", "revoke", str(token["id"])).code == 0
    assert hub("tokens").out.startswith("There are no tokens")
