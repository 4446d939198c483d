"""Logging in and out, the first owner, one's profile and the users: what the pages do with cookies and forms."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from hub.scheduling.hub import Hub, utc_now
from hub.settings import load
from hub.store.team import users as stored
from hub.testing.fresh import lay_out
from hub.users import people, sessions, setup, tokens
from hub.users.passwords import make_hash
from hub.users.people import THEMES
from hub.users.roles import Permission, Role
from hub.web.app import make_app
from hub.web.gate import SessionGate
from hub.web.login import local
from hub.web.security import Outside

GOOD = "correct horse battery"
HOUR = timedelta(hours=1)


class Clock:
    """The hub's clock; tests put it on."""

    def __init__(self) -> None:
        self.now = utc_now()

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hub(tmp_path: Path, clock: Clock) -> Iterator[Hub]:
    (tmp_path / "hub.toml").write_text("")
    settings = load(tmp_path / "hub.toml", {})
    lay_out(settings)
    with Hub.open(settings, clock=clock) as opened:
        yield opened


@pytest.fixture
def browser(hub: Hub) -> Callable[..., TestClient]:
    """Open a browser of its own on the page."""

    def opened(outside: Outside | None = None) -> TestClient:
        app = make_app(hub, SessionGate(hub), outside or Outside())
        client = TestClient(app, follow_redirects=False, headers={"accept-language": "en"})
        if outside is not None and outside.https:
            client.base_url = "https://testserver"
        return client

    return opened


@pytest.fixture(scope="session")
def hashed() -> str:
    """The good password, hashed once."""
    return make_hash(GOOD)


@pytest.fixture
def anna(hub: Hub, hashed: str) -> int:
    """The number of the owner."""
    row = hub.store.write(stored.add, "anna", Role.OWNER.value, hashed, hub.clock())
    assert row is not None
    return row.id


def enter(hub: Hub, client: TestClient, user_id: int) -> None:
    """Log in without the cost of a hash."""
    client.cookies.set("hub_session", sessions.begin(hub.store, user_id, hub.clock()))


def log_in(client: TestClient, name: str = "anna", password: str = GOOD, **fields: str) -> int:
    return client.post("/login", data={"name": name, "password": password, **fields}).status_code


def test_the_first_owner_is_made_by_the_link_and_logged_in(hub: Hub, browser: Callable[..., TestClient]) -> None:
    client = browser()
    token = setup.offer(hub.store, hub.clock())
    assert client.get("/setup").status_code == 410
    assert client.get("/setup?token=wrong").status_code == 410
    assert "There is no user yet." in client.get("/login").text
    assert client.get(f"/setup?token={token}").status_code == 200
    form = {"token": token, "name": "anna", "password": "short"}
    assert "shorter than 10" in client.post("/setup", data=form).text
    assert client.post("/setup", data={**form, "password": GOOD}).headers["location"] == "/"
    assert client.get("/users").status_code == 200
    other = browser()
    assert other.post("/setup", data={**form, "name": "boris", "password": GOOD}).status_code == 410
    assert other.get(f"/setup?token={token}").status_code == 410
    assert [user.name for user in people.everybody(hub.store)] == ["anna"]


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(
    browser: Callable[..., TestClient], anna: int
) -> None:
    answer = browser().post("/login", data={"name": "anna", "password": GOOD})
    cookie = answer.headers["set-cookie"]
    assert re.fullmatch(r"hub_session=[\w-]{43}; HttpOnly; Max-Age=1209600; Path=/; SameSite=lax", cookie)


def test_under_https_the_cookie_is_bound_to_the_host(browser: Callable[..., TestClient], anna: int) -> None:
    client = browser(Outside(https=True))
    cookie = client.post("/login", data={"name": "anna", "password": GOOD}).headers["set-cookie"]
    assert re.match(
        r"__Host-hub_session=[\w-]{43}; HttpOnly; Max-Age=1209600; Path=/; SameSite=lax; Secure", cookie
    )
    assert client.get("/users").status_code == 200


def test_a_plain_cookie_opens_nothing_under_https(hub: Hub, browser: Callable[..., TestClient], anna: int) -> None:
    secret = sessions.begin(hub.store, anna, hub.clock())
    headers = {"cookie": f"hub_session={secret}"}
    assert browser(Outside(https=True)).get("/users", headers=headers).status_code == 303
    assert browser().get("/users", headers=headers).status_code == 200


def test_what_is_wrong_at_the_login_is_not_told_apart(browser: Callable[..., TestClient], anna: int) -> None:
    client = browser()
    wrong = client.post("/login", data={"name": "anna", "password": "wrong"})
    unknown = client.post("/login", data={"name": "nobody", "password": GOOD})
    assert wrong.status_code == unknown.status_code == 422
    assert wrong.text.replace("anna", "nobody") == unknown.text
    assert "the name or the password is wrong" in wrong.text
    assert "set-cookie" not in wrong.headers


def test_the_sixth_failure_says_when_to_come_back(browser: Callable[..., TestClient], anna: int) -> None:
    client = browser()
    assert [log_in(client, password="wrong") for _ in range(5)] == [422] * 5
    answer = client.post("/login", data={"name": "anna", "password": GOOD})
    assert answer.status_code == 429
    assert 290 < int(answer.headers["retry-after"]) <= 301
    assert "failed too often" in answer.text


def test_the_form_lets_password_managers_and_pasting_work(browser: Callable[..., TestClient]) -> None:
    page = browser().get("/login").text
    assert 'autocomplete="username"' in page
    assert 'autocomplete="current-password"' in page
    assert "onpaste" not in page
    assert "maxlength" not in page.partition('id="password"')[2].partition(">")[0]


def test_a_login_gives_another_cookie_and_ends_the_one_before(
    hub: Hub, browser: Callable[..., TestClient], anna: int
) -> None:
    client = browser()
    log_in(client)
    before = client.cookies["hub_session"]
    log_in(client)
    assert client.cookies["hub_session"] != before
    assert sessions.find(hub.store, before, hub.clock()) is None


def test_logging_out_kills_the_cookie_wherever_it_was_copied_to(
    hub: Hub, browser: Callable[..., TestClient], anna: int
) -> None:
    client, thief = browser(), browser()
    enter(hub, client, anna)
    thief.cookies.set("hub_session", client.cookies["hub_session"])
    assert thief.get("/users").status_code == 200
    answer = client.post("/logout")
    assert answer.headers["location"] == "/login"
    assert re.match(r'hub_session=""; .*Max-Age=0', answer.headers["set-cookie"])
    assert thief.get("/users").status_code == 303


def test_a_session_ends_after_twelve_idle_hours(
    hub: Hub, browser: Callable[..., TestClient], clock: Clock, anna: int
) -> None:
    client = browser()
    enter(hub, client, anna)
    for _ in range(3):
        clock.now += 11 * HOUR
        assert client.get("/users").status_code == 200
    clock.now += 12 * HOUR
    assert client.get("/users").status_code == 303


def test_who_is_not_logged_in_is_led_back_after_the_login(browser: Callable[..., TestClient], anna: int) -> None:
    client = browser()
    answer = client.get("/users?q=a&said=saved")
    assert answer.headers["location"] == "/login?next=/users%3Fq%3Da%26said%3Dsaved"
    page = client.get(answer.headers["location"]).text
    assert 'name="next" value="/users?q=a&amp;said=saved"' in page
    form = {"name": "anna", "password": GOOD, "next": "/users?q=a&said=saved"}
    assert client.post("/login", data=form).headers["location"] == "/users?q=a&said=saved"


def test_a_part_of_a_page_sends_the_whole_page_to_the_login(browser: Callable[..., TestClient]) -> None:
    headers = {"hx-request": "true", "hx-current-url": "http://testserver/users?q=a"}
    answer = browser().get("/users", headers=headers)
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/login?next=/users%3Fq%3Da")


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        " //evil.example",
        "javascript:alert(1)",
        "evil",
        "",
        "///evil.example",
    ],
)
def test_an_address_of_another_site_leads_to_the_start(address: str) -> None:
    assert local(address) == "/"


def test_an_address_of_this_page_is_kept() -> None:
    assert local("/inbox?q=status:open&after=12#m5") == "/inbox?q=status:open&after=12#m5"


def test_look_and_language_of_who_is_not_logged_in_are_in_cookies(browser: Callable[..., TestClient]) -> None:
    client = browser()
    answer = client.post("/preferences", data={"theme": "dark", "next": "/login"})
    assert answer.headers["location"] == "/login"
    client.post("/preferences", data={"language": "ru", "next": "//evil.example"})
    page = client.get("/login").text
    assert 'lang="ru"' in page
    assert 'data-theme="dark"' in page
    client.post("/preferences", data={"theme": ""})
    assert "data-theme" not in client.get("/login").text
    client.post("/preferences", data={"theme": "<script>"})
    assert "theme" not in client.cookies
    assert THEMES == ("light", "dark")


def test_look_and_language_of_who_is_logged_in_are_theirs_on_every_browser(
    hub: Hub, browser: Callable[..., TestClient], anna: int
) -> None:
    client = browser()
    enter(hub, client, anna)
    client.post("/preferences", data={"theme": "dark"})
    client.post("/preferences", data={"language": "ru"})
    user = people.find(hub.store, anna).user
    assert (user.theme, user.language) == ("dark", "ru")


def test_one_s_own_password_is_changed_and_the_other_browser_is_logged_out(
    hub: Hub, browser: Callable[..., TestClient], anna: int
) -> None:
    here, there = browser(), browser()
    enter(hub, here, anna)
    enter(hub, there, anna)
    form = {"present": "wrong", "password": "another good sentence"}
    assert "present password is wrong" in here.post("/profile/password", data=form).text
    assert here.post("/profile/password", data={**form, "present": GOOD}).status_code == 303
    assert here.get("/profile").status_code == 200
    assert there.get("/profile").status_code == 303
    assert log_in(there, password="another good sentence") == 303


def test_a_token_is_shown_once_and_speaks_within_its_scopes(
    hub: Hub, browser: Callable[..., TestClient], anna: int
) -> None:
    client = browser()
    enter(hub, client, anna)
    answer = client.post("/profile/tokens", data={"name": "ci", "scopes": ["read"], "days": "30"})
    [secret] = re.findall(r"hub_\w{49}", answer.text)
    assert answer.headers["cache-control"] == "no-store"
    assert "hub_" not in client.get("/profile").text.replace("hub_session", "")
    bearer = {"authorization": f"Bearer {secret}"}
    program = browser()
    assert program.get("/profile", headers=bearer).status_code == 200
    assert program.get("/users", headers=bearer).status_code == 403
    [token] = tokens.of_user(hub.store, anna)
    assert client.post(f"/profile/tokens/{token.id}/revoke").status_code == 303
    assert program.get("/profile", headers=bearer).status_code == 303
    assert client.post(f"/profile/tokens/{token.id}/revoke").status_code == 404


def test_a_token_makes_no_token_no_password_and_no_user(
    hub: Hub, browser: Callable[..., TestClient], anna: int
) -> None:
    user = people.find(hub.store, anna).user
    secret = tokens.make(hub.store, user, "all", Permission, hub.clock(), None).secret
    program = browser()
    program.headers["authorization"] = f"Bearer {secret}"
    assert program.get("/users").status_code == 200
    for path, form in (
        ("/profile/tokens", {"name": "x", "scopes": "admin"}),
        ("/profile/password", {"present": GOOD, "password": "another good sentence"}),
        ("/profile/sessions", {}),
        ("/users", {"name": "x", "role": "owner", "password": GOOD}),
        (f"/users/{anna}/password", {"password": "another good sentence"}),
    ):
        assert program.post(path, data=form).status_code == 403, path
    assert len(tokens.of_user(hub.store)) == len(people.members(hub.store)) == 1


def test_a_wrong_token_is_nobody_also_with_a_good_cookie(
    hub: Hub, browser: Callable[..., TestClient], anna: int
) -> None:
    client = browser()
    enter(hub, client, anna)
    headers = {"authorization": "Bearer hub_wrong", "sec-fetch-site": "cross-site"}
    assert client.get("/users", headers=headers).status_code == 303
    assert client.post("/users", headers=headers, data={"name": "x"}).status_code == 401


def test_owners_add_change_and_shut_out_users(hub: Hub, browser: Callable[..., TestClient], anna: int) -> None:
    owner, client = browser(), browser()
    enter(hub, owner, anna)
    form = {"name": "boris", "role": "reader", "password": GOOD, "scope": "some", "display_name": "Boris"}
    assert "no account" in owner.post("/users", data={**form, "accounts": "nowhere"}).text
    assert owner.post("/users", data=form).status_code == 303
    assert "a user boris already" in owner.post("/users", data=form).text
    boris = people.find(hub.store, "boris").user
    assert (boris.role, boris.accounts, boris.display_name) == (Role.READER, frozenset(), "Boris")
    assert log_in(client, "boris") == 303
    assert client.get("/users").status_code == 403
    assert owner.post(f"/users/{boris.id}", data={"role": "owner", "scope": "all"}).status_code == 303
    assert client.get("/users").status_code == 200
    assert owner.post(f"/users/{boris.id}/sessions").status_code == 303
    assert client.get("/users").status_code == 303
    assert owner.post(f"/users/{boris.id}/disable").status_code == 303
    assert log_in(client, "boris") == 422
    assert "last owner" in owner.post(f"/users/{anna}/disable").text
    assert owner.post(f"/users/{boris.id}/enable").status_code == 303
    assert owner.post(f"/users/{boris.id}/password", data={"password": "another good sentence"}).status_code == 303
    assert log_in(client, "boris", "another good sentence") == 303
    assert owner.get(f"/users/{boris.id}").status_code == 200
    assert owner.get("/users/999").status_code == 404


def test_what_people_typed_is_shown_as_text(hub: Hub, browser: Callable[..., TestClient], anna: int) -> None:
    client = browser()
    enter(hub, client, anna)
    hostile = "<img src=x onerror=alert(1)>"
    client.post("/profile", data={"display_name": hostile})
    client.post("/login", data={"name": hostile, "password": "x"})
    for page in (client.get("/profile"), client.get("/users"), client.get(f"/login?next=/{hostile}")):
        assert hostile not in page.text
    assert hostile not in client.post("/login", data={"name": hostile, "password": "x"}).text
