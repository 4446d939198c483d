"""The door of the page: what every answer says, who may knock, and how much they may bring."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_network

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from starlette.responses import PlainTextResponse

from hub.errors import UsageError
from hub.scheduling.hub import Hub
from hub.sections import ServeSection
from hub.settings import load
from hub.users.roles import Permission, Role, User
from hub.web.app import make_app
from hub.web.routes import Needs, Room, check_policies, routes_of
from hub.web.security import Outside, cross_site_refusal, host_name, outside_of

OWNER = User(1, "anna", Role.OWNER)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; manifest-src 'self'"
)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub that nothing here writes to."""
    path = tmp_path_factory.mktemp("door") / "hub.toml"
    path.write_text("")
    with Hub.open(load(path, {})) as opened:
        yield opened


def with_room(hub: Hub, outside: Outside | None = None) -> FastAPI:
    """The app with a room of defects: one page fails, one refuses, one form says how long what it got was."""
    app = make_app(hub, lambda request: OWNER, outside or Outside())
    room = Room()

    @room.page("/test/fails", may=None)
    def fails() -> None:
        raise RuntimeError("a secret of the inside")

    @room.page("/test/refuses", may=Permission.READ)
    def refuses() -> None:
        raise UsageError("not so", hint="but so")

    @room.action("/test/length", may=None)
    async def length(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))

    @room.page("/test/who", may=None)
    def who(request: Request) -> PlainTextResponse:
        host = request.client.host if request.client else ""
        return PlainTextResponse(f"{request.url.scheme} {host}")

    app.include_router(room)
    return app


@pytest.fixture
def client(hub: Hub) -> TestClient:
    return TestClient(with_room(hub), follow_redirects=False)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/login", 303),
        ("GET", "/test/fails", 500),
        ("GET", "/test/refuses", 400),
        ("GET", "/no/such/page", 404),
        ("GET", "/api/v1/no/such", 404),
        ("PUT", "/login", 405),
        ("GET", "/static/hub.css", 200),
        ("GET", "/static/none.css", 404),
        ("POST", "/logout", 303),
    ],
)
def test_every_answer_has_the_security_headers(client: TestClient, method: str, path: str, status: int) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in answer.headers["permissions-policy"]
    assert len(answer.headers["x-request-id"]) == 12
    assert "strict-transport-security" not in answer.headers
    if not path.startswith("/static/hub"):
        assert answer.headers["cache-control"] == "no-store"


def test_https_is_promised_for_a_year_only_under_https(hub: Hub) -> None:
    with TestClient(make_app(hub, lambda request: None, Outside(https=True))) as client:
        assert client.get("/login").headers["strict-transport-security"] == "max-age=31536000"


def test_a_defect_shows_nothing_of_the_inside_and_the_log_has_it(
    client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = client.get("/test/fails", headers={"accept-language": "en"})
    assert "something went wrong in the hub" in answer.text
    assert answer.headers["x-request-id"] in answer.text
    assert "Traceback" not in answer.text
    assert "a secret of the inside" not in answer.text
    said = capsys.readouterr().out
    assert answer.headers["x-request-id"] in said
    assert "a secret of the inside" in said


def test_programs_are_told_in_json_what_went_wrong(hub: Hub) -> None:
    with TestClient(make_app(hub, lambda request: None)) as client:
        answer = client.get("/api/v1/no/such", headers={"accept-language": "en"})
    assert answer.json()["ok"] is False
    assert set(answer.json()["error"]) == {"code", "message", "hint"}


def test_the_log_of_accesses_has_no_query(client: TestClient, capsys: pytest.CaptureFixture[str]) -> None:
    client.get("/setup?token=very-secret-token&q=words")
    said = capsys.readouterr().out
    assert "/setup" in said
    assert "very-secret-token" not in said
    assert "words" not in said


SITE, ORIGIN, AUTHORIZATION = "sec-fetch-site", "origin", "authorization"


@pytest.mark.parametrize(
    ("headers", "let_in"),
    [
        ({SITE: "same-origin"}, True),
        ({SITE: "none"}, True),
        ({SITE: "same-site"}, False),
        ({SITE: "cross-site"}, False),
        ({SITE: "same-origin", ORIGIN: "https://evil.example"}, True),
        ({SITE: "cross-site", ORIGIN: "http://testserver"}, False),
        ({ORIGIN: "http://testserver"}, True),
        ({ORIGIN: "http://testserver:8080"}, False),
        ({ORIGIN: "https://evil.example"}, False),
        ({ORIGIN: "null"}, False),
        ({ORIGIN: "http://[broken"}, False),
        ({}, True),
        ({SITE: "cross-site", AUTHORIZATION: "Bearer hub_x"}, True),
        ({SITE: "cross-site", AUTHORIZATION: "Basic YTpi"}, False),
    ],
)
def test_a_write_is_let_in_by_what_the_browser_says_of_its_origin(
    client: TestClient, headers: dict[str, str], let_in: bool
) -> None:
    assert client.post("/test/length", headers=headers).status_code == (200 if let_in else 403)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_is_let_in_from_everywhere(method: str) -> None:
    scope = {"type": "http", "method": method, "headers": [(b"sec-fetch-site", b"cross-site")]}
    assert cross_site_refusal(scope) is None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "BREW"])
def test_every_other_method_counts_as_a_write(method: str) -> None:
    scope = {"type": "http", "method": method, "headers": [(b"sec-fetch-site", b"cross-site")]}
    assert cross_site_refusal(scope) is not None


def test_no_page_writes_on_get(hub: Hub) -> None:
    """Whatever is declared: a route answers either to reading or to writing."""
    app = make_app(hub, lambda request: None)
    for route in routes_of(app):
        methods = route.methods or set()
        assert not (methods & {"GET", "HEAD"} and methods & {"POST", "PUT", "PATCH", "DELETE"}), route.path


CAP = 1024 * 1024


def chunks(size: int) -> Iterator[bytes]:
    for _ in range(size // 1024):
        yield b"x" * 1024


def test_a_body_up_to_the_cap_is_taken(client: TestClient) -> None:
    assert client.post("/test/length", content=b"x" * CAP).text == str(CAP)
    assert client.post("/test/length", content=chunks(CAP)).text == str(CAP)


@pytest.mark.parametrize("body", [lambda: b"x" * (CAP + 1), lambda: chunks(CAP + 1024)], ids=["length", "chunked"])
def test_a_body_over_the_cap_is_refused_also_when_it_says_no_length(
    client: TestClient, body: Callable[[], bytes]
) -> None:
    answer = client.post("/test/length", content=body())
    assert answer.status_code == 413
    assert answer.headers["content-security-policy"] == POLICY


def test_a_form_over_the_cap_is_refused(client: TestClient) -> None:
    assert client.post("/login", data={"name": "x" * CAP, "password": "y"}).status_code == 413


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 303),
        ("LOCALHOST:8765", 303),
        ("127.0.0.1:8765", 303),
        ("[::1]:8765", 303),
        ("hub.example.org", 303),
        ("desk.example.org", 303),
        ("evil.example", 400),
        ("hub.example.org.evil.example", 400),
        ("127.0.0.1.evil.example", 400),
        ("localhost@evil.example", 400),
        ("", 400),
    ],
)
def test_a_name_that_is_not_ours_is_refused(hub: Hub, host: str, status: int) -> None:
    serve = ServeSection(url="https://hub.example.org", hosts=("desk.example.org",))
    client = TestClient(make_app(hub, lambda request: OWNER, outside_of(serve)), follow_redirects=False)
    answer = client.get("/login", headers={"host": host})
    assert answer.status_code == status
    assert answer.headers["content-security-policy"] == POLICY


def test_the_name_in_a_host_header_is_read_without_its_port() -> None:
    assert [host_name(one) for one in ("A.example.:80", "[::1]:1", "[broken", "a b")] == [
        "a.example",
        "::1",
        "",
        "a b",
    ]


@pytest.mark.parametrize(
    ("proxies", "forwarded", "who"),
    [
        ((), "203.0.113.7", "http 127.0.0.9"),
        (("127.0.0.9/32",), "203.0.113.7", "https 203.0.113.7"),
        (("127.0.0.9/32",), "1.2.3.4, 203.0.113.7", "https 203.0.113.7"),
        (("127.0.0.9/32", "10.0.0.0/8"), "1.2.3.4, 203.0.113.7, 10.0.0.5", "https 203.0.113.7"),
        (("127.0.0.9/32",), "not an address", "https 127.0.0.9"),
        (("127.0.0.9/32",), "", "https 127.0.0.9"),
    ],
)
def test_only_our_own_proxies_are_believed_who_the_browser_is(
    hub: Hub, proxies: tuple[str, ...], forwarded: str, who: str
) -> None:
    app = with_room(hub, Outside(proxies=tuple(ip_network(one) for one in proxies)))
    client = TestClient(app, client=("127.0.0.9", 1))
    headers = {"x-forwarded-for": forwarded, "x-forwarded-proto": "https"}
    assert client.get("/test/who", headers=headers).text == who


def test_a_route_without_a_policy_stops_the_app(hub: Hub) -> None:
    app = make_app(hub, lambda request: None)
    room = Room()
    room.add_api_route("/open", lambda: None, methods=["GET"])
    app.include_router(room)
    with pytest.raises(RuntimeError, match="/open does not say who may use it"):
        check_policies(app)


def test_a_route_that_is_no_room_s_stops_the_app_too(hub: Hub) -> None:
    app = make_app(hub, lambda request: None)
    app.add_route("/plain", lambda request: PlainTextResponse(""))
    with pytest.raises(RuntimeError, match="/plain does not say who may use it"):
        check_policies(app)


def test_needs_are_found_however_deep_a_room_lies(hub: Hub) -> None:
    inner, outer = Room(), Room()

    @inner.page("/deep", may=Permission.ADMIN)
    def deep() -> None: ...

    outer.include_router(inner, prefix="/very")
    app = make_app(hub, lambda request: None)
    app.include_router(outer, prefix="/so")
    [route] = [one for one in routes_of(app) if one.path == "/so/very/deep"]
    assert [one.dependency.permission for one in route.dependencies if isinstance(one.dependency, Needs)] == [
        "admin"
    ]
