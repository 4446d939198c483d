"""`hub crm try` and `hub crm login`: a person connects a CRM by a file of settings alone, and sees what came."""

from __future__ import annotations

import io
import json
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import tomlkit
from crm_odoo import OdooDouble
from crm_suite import SuiteDouble

from hub.cli.main import main
from hub.testing import ContactsDouble, Double, Reply, Request, faults
from plugins.crm_generic.sandbox import CrmDouble

Call = Callable[..., tuple[int, str]]
WALK = [
    *("check", "read a page", "read the next page", "create", "read back", "find", "update", "empty a value"),
    *("refuse what is stale", "add a note", "add a task", "delete", "see that it is gone"),
]


@pytest.fixture
def hub(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call `hub` in this process, in a fresh folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUB_LANG", "en")
    monkeypatch.delenv("HUB_CONFIG", raising=False)

    def call(*args: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
        capsys.readouterr()
        code = main(list(args))
        return code, capsys.readouterr().out

    return call


def write(folder: Path, account: dict[str, Any]) -> None:
    """Write a hub.toml with this account, its secret in a file."""
    secret = account["auth"].pop("secret")
    (folder / "secret").write_text(secret)
    account["auth"]["secret"] = {"file": "secret"}
    (folder / "hub.toml").write_text(tomlkit.dumps({"accounts": {"crm": {"platform": "crm_generic", **account}}}))


def steps(text: str) -> dict[str, Any]:
    return {step["step"]: step for step in json.loads(text)["steps"]}


@pytest.fixture
def crm() -> Iterator[CrmDouble]:
    with CrmDouble() as double:
        for number in range(120):
            double.add_contact(f"Person {number}", f"p{number}@example.org")
        yield double


@pytest.mark.parametrize("kind", [CrmDouble, OdooDouble, SuiteDouble])
def test_a_whole_walk_leaves_the_crm_as_it_was(kind: type[ContactsDouble], hub: Call, tmp_path: Path) -> None:
    with kind() as double:
        double.add_contact("Ann Lee", "ann@example.org")
        write(tmp_path, double.account())  # type: ignore[attr-defined]
        code, text = hub("crm", "try", "crm", "--json")
        people = double.people()
    walked = steps(text)
    assert (code, json.loads(text)["left"]) == (0, None), text
    assert list(walked) == WALK
    assert not [name for name, step in walked.items() if step["state"] == "failed"]
    assert people == [("Ann Lee", ["ann@example.org"])]


def test_what_came_and_what_it_became_is_shown(crm: CrmDouble, hub: Call, tmp_path: Path) -> None:
    write(tmp_path, crm.account())
    code, text = hub("crm", "try", "crm")
    assert code == 0
    lines = text.splitlines()
    assert "check: ok – we are Sales robot (7)" in lines
    (page,) = [line for line in lines if line.startswith("read a page")]
    assert page.startswith(
        "read a page: ok – 100 contacts: company 0, emails 100, handles 0, name 100, phones 0, tags 0"
    )
    assert any(line.startswith("    < GET") and '"first_name":"Person"' in line.replace(" ", "") for line in lines)
    assert any(line.startswith("    = 1 Person 0 · emails: p0@example.org · link:") for line in lines)
    assert lines[-1] == "All is well."


def test_read_only_writes_nothing(crm: CrmDouble, hub: Call, tmp_path: Path) -> None:
    write(tmp_path, crm.account())
    code, text = hub("crm", "try", "crm", "--read-only", "--json")
    assert (code, list(steps(text))) == (0, WALK[:3])
    assert {call.method for call in crm.calls} == {"GET"}


def test_a_stopped_hub_tries_nothing_that_writes(crm: CrmDouble, hub: Call, tmp_path: Path) -> None:
    write(tmp_path, crm.account())
    hub("stop")
    code, text = hub("crm", "try", "crm", "--json")
    assert (code, json.loads(text)["error"]["code"], crm.calls) == (6, "stopped", [])


def test_a_map_and_a_write_that_do_not_agree_are_told(crm: CrmDouble, hub: Call, tmp_path: Path) -> None:
    account = crm.account()
    account["map"]["phones"] = "tags"
    write(tmp_path, account)
    code, text = hub("crm", "try", "crm", "--json")
    step = steps(text)["read back"]
    assert (code, step["state"], len(crm.contacts)) == (1, "failed", 120)
    assert step["message"] == "phones came back otherwise than it was sent: +12015550123 became nothing"
    assert step["hint"].startswith("compare map and write")


def test_a_login_that_does_not_work_ends_the_walk(crm: CrmDouble, hub: Call, tmp_path: Path) -> None:
    write(tmp_path, crm.account() | {"auth": {"kind": "bearer", "secret": "wr0ng-secret"}})
    code, text = hub("crm", "try", "crm", "--json")
    assert (code, list(steps(text)), steps(text)["check"]["code"]) == (4, ["check"], "auth")
    assert "wr0ng-secret" not in text


def test_a_version_that_no_write_heeds_is_told(crm: CrmDouble, hub: Call, tmp_path: Path) -> None:
    account = crm.account()
    del account["contacts"]["update"]["headers"]
    write(tmp_path, account)
    code, text = hub("crm", "try", "crm", "--json")
    assert (code, steps(text)["refuse what is stale"]["message"]) == (1, "a write to what had changed was taken")
    assert len(crm.contacts) == 120


def test_what_cannot_be_deleted_is_named(crm: CrmDouble, hub: Call, tmp_path: Path) -> None:
    account = crm.account()
    del account["contacts"]["delete"]
    write(tmp_path, account)
    code, text = hub("crm", "try", "crm", "--json")
    (left,) = set(crm.contacts) - {str(number + 1) for number in range(120)}
    assert (code, json.loads(text)["left"]["remote_id"]) == (0, left)


def test_a_creation_whose_answer_was_lost_is_looked_for_and_taken_away(
    crm: CrmDouble, hub: Call, tmp_path: Path
) -> None:
    write(tmp_path, crm.account())
    crm.inject(faults.LOST, lambda request: (request.method, request.path) == ("POST", "/api/contacts"))
    code, text = hub("crm", "try", "crm", "--json")
    assert steps(text)["create"]["code"] == "unknown"
    assert (code, json.loads(text)["left"], len(crm.contacts)) == (7, None, 120)


def test_what_is_no_crm_is_told(hub: Call, tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text('[accounts.blog]\nplatform = "rss"\nurl = "http://127.0.0.1:1/feed.xml"\n')
    code, text = hub("crm", "try", "blog", "--json")
    assert (code, json.loads(text)["error"]["message"]) == (2, "blog is no CRM")


# Logging in


class Granting(Double):
    """A CRM that a person logs in to: codes for tokens, and each refresh token good once."""

    def __init__(self) -> None:
        super().__init__()
        self.refresh = ""
        self.access = ""
        self.grants: list[dict[str, str]] = []

    def answer(self, request: Request) -> Reply:
        if request.path == "/oauth/token":
            form = request.form()
            self.grants.append(form)
            good = form.get("code") == "c0de" or (self.refresh and form.get("refresh_token") == self.refresh)
            if not good:
                return Reply({"error": "invalid_grant", "error_description": "The login is over"}, status=400)
            number = len(self.grants)
            self.access, self.refresh = f"access-t0ken-{number}", f"refresh-t0ken-{number}"
            return Reply({"access_token": self.access, "refresh_token": self.refresh, "token_type": "Bearer"})
        if request.headers.get("authorization") != f"Bearer {self.access}":
            return Reply({"message": "expired"}, status=401)
        if request.path == "/me":
            return Reply({"id": 1, "name": "Me"})
        return Reply([])

    def account(self) -> dict[str, Any]:
        auth = {
            "kind": "oauth2",
            "grant": "authorization_code",
            "authorize_url": "/oauth/authorize",
            "token_url": "/oauth/token",
            "client_id": "app",
            "secret": "cl13nt-s3cr3t",
        }
        check = {"path": "/me", "id": "id", "name": "name"}
        return {
            "api_url": self.url,
            "auth": auth,
            "check": check,
            "contacts": {"list": {"path": "/contacts"}},
            "map": {"id": "id", "emails": "email"},
        }


@pytest.fixture
def granting() -> Iterator[Granting]:
    with Granting() as double:
        yield double


@pytest.fixture
def browser() -> Callable[[str], None]:
    """A person who opens the address, agrees, and is led back with a code."""

    def agree(address: str) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        answer = urlencode({"code": "c0de", "state": asked["state"]})
        urllib.request.urlopen(f"{asked['redirect_uri']}?{answer}", timeout=5).read()  # noqa: S310

    return agree


def test_a_person_logs_in_and_the_token_is_renewed_from_then_on(
    granting: Granting,
    browser: Callable[[str], None],
    hub: Call,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(tmp_path, granting.account())
    assert hub("check", "crm", "--json")[0] == 4
    import click

    said = click.echo

    def heard(message: Any = None, *args: Any, **options: Any) -> None:
        if isinstance(message, str) and message.startswith(granting.url):
            threading.Thread(target=browser, args=(message,), daemon=True).start()
        said(message, *args, **options)

    monkeypatch.setattr(click, "echo", heard)
    code, text = hub("crm", "login", "crm", "--json", "--wait", "20")
    assert (code, json.loads(text)["name"]) == (0, "Me")
    assert [form["grant_type"] for form in granting.grants] == ["authorization_code"]
    granting.access = "ended"
    assert hub("check", "crm", "--json")[0] == 0
    assert [form["grant_type"] for form in granting.grants] == ["authorization_code", "refresh_token"]
    granting.access = "ended"
    assert hub("check", "crm", "--json")[0] == 0
    assert granting.grants[-1]["refresh_token"] == "refresh-t0ken-2"


def test_an_account_without_a_browsers_login_says_so(crm: CrmDouble, hub: Call, tmp_path: Path) -> None:
    write(tmp_path, crm.account())
    code, text = hub("crm", "login", "crm", "--json")
    assert (code, json.loads(text)["error"]["message"]) == (2, "crm needs no login with a browser")
