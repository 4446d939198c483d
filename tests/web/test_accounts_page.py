"""The Accounts page: how each account fares, what mends it, and the check."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from web.village import Place, opened, pause

from hub.store.running import accounts
from hub.users.roles import Role, User
from hub.web import health


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with opened(tmp_path) as found:
        yield found


def card(page: str, name: str) -> str:
    begin = page.index(f'id="account-{name}"')
    return page[begin : page.index("</section>", begin)]


def test_an_account_that_works_is_shown_with_what_is_known_of_it(place: Place) -> None:
    page = place.client("anna").get("/accounts").text
    assert "badge-active" in card(page, "home")
    assert "the network does not say when it ends" in card(page, "home")
    assert "Reconnect" not in page


def test_a_paused_account_says_why_and_what_mends_it(place: Place) -> None:
    pause(place, "home", "token revoked <b>today</b>")
    shown = card(place.client("anna").get("/accounts").text, "home")
    assert "The network no longer lets the hub in: token revoked &lt;b&gt;today&lt;/b&gt;" in shown
    assert "Write the new token into the file home.token." in shown
    assert "<code>hub check home</code>" in shown


def test_the_check_lets_a_paused_account_go_on(place: Place) -> None:
    pause(place, "home", "token revoked")
    client = place.client("anna")
    answer = client.post("/accounts/home/check", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/accounts?checked=home#account-home")
    page = client.get("/accounts?checked=home").text
    assert "home was checked: the network lets the hub in." in page
    assert "badge-active" in card(page, "home")


def test_a_check_that_fails_says_what_the_network_said(place: Place) -> None:
    place.double.refuse_token = True
    client = place.client("anna")
    answer = client.post("/accounts/home/check", follow_redirects=False)
    assert answer.headers["location"] == "/accounts?failed=home#account-home"
    assert "badge-paused" in card(client.get("/accounts?failed=home").text, "home")


def test_a_check_of_no_account_is_not_found(place: Place) -> None:
    assert place.client("anna").post("/accounts/nobody/check").status_code == 404


@pytest.mark.parametrize("who", ["rita", "bob"])
def test_only_who_manages_accounts_may_check_and_sees_the_button(place: Place, who: str) -> None:
    client = place.client(who)
    assert client.post("/accounts/far/check").status_code == 403
    assert "/check" not in client.get("/accounts").text


def test_only_the_accounts_of_a_user_are_shown(place: Place) -> None:
    page = place.client("bob").get("/accounts").text
    assert 'id="account-far"' in page
    assert "home" not in page.replace("/home", "")


def test_the_banner_names_a_broken_account_to_who_may_see_it(place: Place) -> None:
    pause(place, "home", "token revoked")
    health.forget_banner(place.hub.hub)
    (told,) = health.banner(place.hub.hub, place.people["anna"])
    assert (told.account, told.why) == ("home", "The network no longer lets the hub in: token revoked")
    assert health.banner(place.hub.hub, place.people["bob"]) == []
    assert "The network no longer lets the hub in: token revoked" in place.client("anna").get("/system").text


def test_the_banner_asks_the_store_seldom(place: Place) -> None:
    anna = User(1, "anna", Role.OWNER)
    assert health.banner(place.hub.hub, anna) == []
    place.hub.store.write(accounts.pause, "home", "gone", place.hub.clock())
    assert health.banner(place.hub.hub, anna) == []
    health.forget_banner(place.hub.hub)
    assert len(health.banner(place.hub.hub, anna)) == 1
