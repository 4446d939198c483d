"""The matrix of roles: every route of the page, asked by everybody who may, by who may not, and by nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from fastapi import FastAPI, Request
from fastapi.routing import APIRoute, RouteContext
from fastapi.testclient import TestClient

from hub.scheduling.hub import Hub
from hub.settings import load
from hub.users.roles import MAY, Permission, Role, User
from hub.web.app import make_app
from hub.web.routes import need_of, routes_of

# What stands for a parameter of an address that is a text; a number is one that the store has not.
PARAMETERS = {
    "account": "club",
    "form": "html",
    "key": "none",
    "name": "club",
    "path": "none",
    "platform": "vk",
    "sha256": "0" * 64,
}
_NOT_THERE = "999999"
# A stream that does not end is asked for its head alone, by who may not have it.
_ENDLESS = frozenset({"/live"})
# What cannot be told by accounts is for those alone who have all of them.
_OF_ALL_ACCOUNTS = ("/api/v1/contacts", "/contacts")
ACCOUNTS = {"all accounts": None, "one account": frozenset({"club"})}


class Way(NamedTuple):
    """One way into the page."""

    method: str
    path: str
    permission: Permission | None


def filled(path: str, numbers: frozenset[str]) -> str:
    """Return a route's path with its parameters filled in."""
    for name in re.findall(r"\{(\w+)", path):
        if name not in PARAMETERS and name not in numbers:
            raise AssertionError(f"{path}: say in PARAMETERS of {__file__} what stands for {{{name}}}")
        value = _NOT_THERE if name in numbers else PARAMETERS[name]
        path = re.sub(rf"\{{{name}(:\w+)?\}}", value, path)
    return path


def ways_of(route: RouteContext) -> list[Way]:
    need = need_of(route)
    assert need is not None, f"{route.path} does not say who may use it"
    assert isinstance(route.original_route, APIRoute)
    parameters = route.original_route.dependant.path_params
    numbers = frozenset(one.alias for one in parameters if one.field_info.annotation is int)
    methods = sorted((route.methods or set()) - {"HEAD"})
    return [Way(method, filled(str(route.path), numbers), need.permission) for method in methods]


class Gate:
    """Lets in whom the test says."""

    def __init__(self) -> None:
        self.user: User | None = None

    def __call__(self, request: Request) -> User | None:
        return self.user


@pytest.fixture(scope="module")
def gate() -> Gate:
    return Gate()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, gate: Gate) -> Iterator[FastAPI]:
    folder = tmp_path_factory.mktemp("roles")
    (folder / "token").write_text("t")
    (folder / "hub.toml").write_text(
        '[accounts.club]\nplatform = "vk"\ngroup = 1\ntoken = { file = "token" }\napi_url = "http://127.0.0.1:1"\n'
    )
    with Hub.open(load(folder / "hub.toml", {})) as hub:
        yield make_app(hub, gate)


@pytest.fixture(scope="module")
def ways(app: FastAPI) -> list[Way]:
    return [
        way for route in routes_of(app) if isinstance(route.original_route, APIRoute) for way in ways_of(route)
    ]


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, follow_redirects=False)


def test_the_matrix_sees_the_routes_of_all_rooms(ways: list[Way]) -> None:
    assert len(ways) > 20
    assert {way.permission for way in ways} >= {None, Permission.READ, Permission.ADMIN}
    assert Way("POST", "/users/999999/disable", Permission.ADMIN) in ways


@pytest.mark.parametrize("scope", ACCOUNTS)
@pytest.mark.parametrize("role", Role)
def test_a_role_comes_in_where_its_permissions_reach_and_nowhere_else(
    client: TestClient, gate: Gate, ways: list[Way], role: Role, scope: str
) -> None:
    gate.user = User(1, "anna", role, accounts=ACCOUNTS[scope])
    wrong = []
    for way in ways:
        allowed = way.permission is None or way.permission in MAY[role]
        if allowed and way.path in _ENDLESS:
            continue
        if gate.user.accounts is not None and way.path.startswith(_OF_ALL_ACCOUNTS):
            allowed = False
        status = client.request(way.method, way.path).status_code
        if status in (401, 500) or (status == 403) == allowed:
            wrong.append(f"{way.method} {way.path} wants {way.permission}: {status}")
    assert wrong == []


@pytest.mark.parametrize("scopes", [frozenset(), frozenset({Permission.READ})])
def test_a_token_comes_in_where_its_scopes_reach_whatever_its_owner_may(
    client: TestClient, gate: Gate, ways: list[Way], scopes: frozenset[Permission]
) -> None:
    gate.user = User(1, "anna", Role.OWNER, scopes=scopes)
    beyond = [way for way in ways if way.permission is not None and way.permission not in scopes]
    assert beyond
    for way in beyond:
        assert client.request(way.method, way.path).status_code == 403, way


def test_nobody_is_led_to_the_login_or_refused(client: TestClient, gate: Gate, ways: list[Way]) -> None:
    gate.user = None
    for way in ways:
        answer = client.request(way.method, way.path)
        if way.permission is None:
            assert answer.status_code not in (401, 500), way
        elif answer.status_code == 303:
            assert way.method == "GET", way
            assert answer.headers["location"].startswith("/login?next="), way
        else:
            assert answer.status_code == 401, (way, answer.status_code)


def test_a_parameter_that_nobody_knows_is_named() -> None:
    with pytest.raises(AssertionError, match=r"what stands for \{colour\}"):
        filled("/walls/{colour}/{id}", frozenset({"id"}))
