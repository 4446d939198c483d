"""Tokens that a CRM gives and ends: got once, renewed once, never lost to a lost answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from hub import AuthError, Contact, TransientError
from hub.testing import Double, MemoryVault, Reply, Request, faults, open_adapter
from plugins.crm_generic import Crm

SECRET, REFRESH = "cl13nt-s3cr3t", "refresh-t0ken-0"


class Issuing(Double):
    """A CRM whose tokens are good until `end` is called. `rotates`: each refresh token is good once."""

    def __init__(self, *, rotates: bool = True, place: str = "header") -> None:
        super().__init__()
        self.rotates, self.place = rotates, place
        self.refresh, self.access, self.given = REFRESH, "", 0
        self.asked: list[Any] = []
        self.made: list[Any] = []

    def end(self) -> None:
        self.access = "nobody knows it"

    def answer(self, request: Request) -> Reply:
        if request.path == "/token":
            return self._grant(request)
        token = {
            "header": request.headers.get("authorization", "").removeprefix("Bearer "),
            "query": request.query.get("session", ""),
        }[self.place]
        if token != self.access:
            return Reply({"message": "Session expired"}, status=401)
        if request.method == "POST":
            self.made.append(request.json())
            return Reply({"id": len(self.made)}, status=201)
        return Reply({"id": 1, "name": "Me"})

    def _grant(self, request: Request) -> Reply:
        form = request.json() if request.content_type == "application/json" else request.form()
        self.asked.append((form, request.headers.get("authorization")))
        if form.get("grant_type") == "refresh_token" and form["refresh_token"] != self.refresh:
            return Reply({"error": "invalid_grant", "error_description": "Token was used"}, status=400)
        self.given += 1
        self.access = f"access-t0ken-{self.given}"
        made = {"access_token": self.access, "expires_in": 3600, "instance_url": self.url + "/instance"}
        if form.get("grant_type") == "refresh_token" and self.rotates:
            self.refresh = f"refresh-t0ken-{self.given}"
            made["refresh_token"] = self.refresh
        return Reply(made)


@pytest.fixture
def crm() -> Iterator[Issuing]:
    with Issuing() as double:
        yield double


def oauth(**more: Any) -> dict[str, Any]:
    kind = {"kind": "oauth2", "grant": "client_credentials", "token_url": "/token", "client_id": "app"}
    return {**kind, "secret": SECRET, **more}


def refreshing(**more: Any) -> dict[str, Any]:
    return oauth(grant="authorization_code", refresh_token=REFRESH, **more)


@contextmanager
def opened(
    double: Issuing, auth: Mapping[str, Any], vault: MemoryVault | None = None, **more: Any
) -> Iterator[Crm]:
    settings = {
        "api_url": double.url,
        "auth": auth,
        "check": {"path": "/me", "id": "id"},
        "contacts": {"list": {"path": "/contacts"}, "create": {"path": "/contacts", "id": "id"}},
        "map": {"id": "id"},
        "write": {"name": "{name}"},
        **more,
    }
    adapter = open_adapter(Crm, settings, vault=vault, deadline=1.0)
    try:
        yield adapter
    finally:
        adapter.http.close()


def test_a_token_is_asked_for_once_and_kept_in_the_vault(crm: Issuing) -> None:
    vault = MemoryVault()
    with opened(crm, oauth(scopes=["api"], extra={"audience": "x"}), vault) as first:
        first.check()
        first.check()
    with opened(crm, oauth(scopes=["api"], extra={"audience": "x"}), vault) as second:
        second.check()
    wanted = {"grant_type": "client_credentials", "scope": "api", "audience": "x"}
    assert crm.asked == [({**wanted, "client_id": "app", "client_secret": SECRET}, None)]


@pytest.mark.parametrize("client_auth", ["form", "basic", "json"])
def test_an_app_proves_itself_as_the_crm_wants_it(crm: Issuing, client_auth: str) -> None:
    with opened(crm, oauth(client_auth=client_auth)) as adapter:
        adapter.check()
    ((form, header),) = crm.asked
    assert (form.get("client_secret"), header) == (
        (None, "Basic YXBwOmNsMTNudC1zM2NyM3Q=") if client_auth == "basic" else (SECRET, None)
    )


def test_a_creation_that_meets_an_ended_token_is_made_once_with_a_new_one(crm: Issuing) -> None:
    with opened(crm, oauth()) as adapter:
        adapter.check()
        crm.end()
        assert adapter.push_contact(Contact(name="Ann"), None).remote_id == "1"
    assert (crm.made, crm.given) == ([{"name": "Ann"}], 2)


def test_a_token_that_is_refused_again_is_an_auth_error_and_no_loop(crm: Issuing) -> None:
    crm.inject(faults.answered(Reply({"message": "no"}, status=401)), lambda call: call.path == "/me", times=99)
    with opened(crm, oauth()) as adapter, pytest.raises(AuthError):
        adapter.check()
    assert len(crm.calls) == 4


def test_each_renewal_takes_the_newest_refresh_token(crm: Issuing) -> None:
    vault = MemoryVault()
    for _ in range(3):
        with opened(crm, refreshing(), vault) as adapter:
            adapter.check()
        crm.end()
    assert [form["refresh_token"] for form, _ in crm.asked] == [REFRESH, "refresh-t0ken-1", "refresh-t0ken-2"]


def test_a_crm_that_keeps_its_refresh_token_is_asked_with_it_again() -> None:
    vault = MemoryVault()
    with Issuing(rotates=False) as double:
        for _ in range(2):
            with opened(double, refreshing(), vault) as adapter:
                adapter.check()
            double.end()
    assert [form["refresh_token"] for form, _ in double.asked] == [REFRESH, REFRESH]


def test_a_lost_answer_to_a_renewal_is_trouble_and_then_for_a_person(crm: Issuing) -> None:
    with opened(crm, refreshing()) as adapter:
        crm.inject(faults.LOST, lambda call: call.path == "/token")
        with pytest.raises(TransientError, match="the token was not renewed"):
            adapter.check()
        assert len(crm.asked) == 1
        with pytest.raises(AuthError, match="Token was used") as caught:
            adapter.check()
    assert "hub crm login test" in caught.value.hint


def test_a_renewal_that_never_arrived_is_made_at_the_next_turn(crm: Issuing) -> None:
    with opened(crm, refreshing()) as adapter:
        crm.inject(faults.DROPPED, lambda call: call.path == "/token")
        with pytest.raises(TransientError):
            adapter.check()
        assert adapter.check().remote_id == "1"


def test_a_new_refresh_token_in_the_settings_takes_the_place_of_what_is_stored(crm: Issuing) -> None:
    vault = MemoryVault()
    with opened(crm, refreshing(), vault) as adapter:
        adapter.check()
    crm.refresh = "from a new login"
    crm.end()
    with opened(crm, {**refreshing(), "refresh_token": "from a new login"}, vault) as adapter:
        adapter.check()
    assert crm.asked[-1][0]["refresh_token"] == "from a new login"


def test_nobody_has_logged_in_yet(crm: Issuing) -> None:
    auth = oauth(grant="authorization_code", authorize_url="/authorize")
    with opened(crm, auth) as adapter, pytest.raises(AuthError, match="nobody has logged in") as caught:
        adapter.check()
    assert "hub crm login test" in caught.value.hint
    assert crm.calls == []


def test_the_address_that_comes_with_the_token_takes_the_place_of_ours(crm: Issuing) -> None:
    with opened(crm, oauth(base_url="instance_url")) as adapter:
        adapter.check()
    assert [call.path for call in crm.calls] == ["/token", "/instance/me"]


def test_no_token_is_in_an_error(crm: Issuing) -> None:
    with opened(crm, refreshing()) as adapter:
        adapter.check()
        told = f"{crm.access} {crm.refresh} {SECRET} {REFRESH}"
        crm.inject(faults.answered(Reply({"message": told}, status=400)), lambda call: call.method == "POST")
        with pytest.raises(Exception, match="HTTP 400") as caught:
            adapter.push_contact(Contact(name="Ann"), None)
    shown = repr((caught.value, str(caught.value), getattr(caught.value, "facts", "")))
    assert not [secret for secret in (crm.access, crm.refresh, SECRET, REFRESH) if secret in shown]


def test_a_session_is_begun_with_user_and_secret_and_begun_anew_when_it_ends() -> None:
    login = {"path": "/token", "body": {"user": "{user}", "password": "{secret}"}, "gives": "access_token"}
    auth = {
        "kind": "session",
        "user": "robot",
        "secret": SECRET,
        "login": login,
        "place": "query",
        "name": "session",
    }
    with Issuing(place="query") as double, opened(double, auth) as adapter:
        adapter.check()
        double.end()
        adapter.check()
    assert [form for form, _ in double.asked] == [{"user": "robot", "password": SECRET}] * 2
    assert "session" not in {name for call in double.calls if call.path == "/token" for name in call.query}


@pytest.mark.parametrize("answer", [{"access_token": False}, {"error": "bad password"}])
def test_a_login_that_is_refused_in_a_200_is_an_auth_error(crm: Issuing, answer: Any) -> None:
    login = {"path": "/token", "body": {"user": "{user}"}, "gives": "access_token"}
    crm.inject(faults.answered(Reply(answer)), lambda call: call.path == "/token")
    auth = {"kind": "session", "user": "robot", "secret": SECRET, "login": login}
    with opened(crm, auth) as adapter, pytest.raises(AuthError, match="gives no token"):
        adapter.check()


def test_an_apps_own_token_is_asked_for_again_when_the_answer_is_lost(crm: Issuing) -> None:
    crm.inject(faults.LOST, lambda call: call.path == "/token")
    with opened(crm, oauth()) as adapter:
        assert adapter.check().remote_id == "1"
    assert len(crm.asked) == 2
