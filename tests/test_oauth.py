"""Logging in by OAuth 2 on loopback: what is for this login is taken once, all else changes nothing."""

from __future__ import annotations

import hashlib
import http.client
import socket
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from hub import OAuth, OAuthClient
from hub.errors import AuthError, ConfigError, HubError, TransientError, UnavailableError
from hub.http import Http
from hub.oauth import Grant, Login, Loopback, StrayAnswerError, redirect_uri
from hub.testing import Double, Reply, Request, faults

DECLARED = OAuth(authorize_url="/authorize", token_url="/token", scopes=("read", "write"))
CLIENT = OAuthClient(id="hub 1", secret="s3cret/:")


class Provider(Double):
    """An authorization server as strict as RFC 6749 and 7636 let it be: a code is good once, for one verifier."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: dict[str, dict[str, str]] = {}
        self.public = False
        self.more: dict[str, object] = {"token_type": "bearer", "expires_in": 3600}

    def authorize(self, url: str, code: str = "code-1") -> str:
        """Do as a person who agrees; return where the browser is led."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def answer(self, request: Request) -> Reply:
        form = request.form()
        basic = request.headers.get("authorization", "").removeprefix("Basic ")
        if not self.public and b64decode(basic) != b"hub%201:s3cret%2F%3A":
            return Reply({"error": "invalid_client"}, 401)
        asked = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proof = urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != proof or asked["redirect_uri"] != form["redirect_uri"]:
            why = f"the code {form['code']} is not good"
            return Reply({"error": "invalid_grant", "error_description": why}, 400)
        return Reply({"access_token": "access-token-1", "refresh_token": "refresh-token-1", **self.more})


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as double:
        yield double


@pytest.fixture
def line(provider: Provider) -> Iterator[Http]:
    opened = Http(provider.url, deadline=5)
    yield opened
    opened.close()


def page(error: HubError | None) -> str:
    return f"no <{error}>" if error else "yes\nclose this"


class Waiting:
    """A login that waits for its browser."""

    def __init__(self, provider: Provider, seconds: float = 10.0) -> None:
        self.loopback = Loopback(page)
        self.login = Login(DECLARED, provider.url, CLIENT, self.loopback.redirect_uri)
        self.outcome: str | BaseException | None = None
        self.loopback.begin(self.login)
        self._thread = threading.Thread(target=self._wait, args=(seconds,))
        self._thread.start()

    def _wait(self, seconds: float) -> None:
        try:
            self.outcome = self.loopback.wait(seconds)
        except BaseException as error:
            self.outcome = error

    @property
    def port(self) -> int:
        return urlsplit(self.loopback.redirect_uri).port or 0

    def go(self, target: str, *, method: str = "GET", host: str = "") -> tuple[int, str]:
        """Be a browser that is led to a path on loopback."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request(method, target, headers={"Host": host or f"127.0.0.1:{self.port}"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def right(self, **more: str) -> str:
        return f"/callback?{urlencode({'state': self.login.state, 'code': 'code-1', **more})}"

    def end(self) -> str | BaseException | None:
        self._thread.join(15)
        assert not self._thread.is_alive()
        return self.outcome


@pytest.fixture
def waiting(provider: Provider) -> Iterator[Waiting]:
    opened = Waiting(provider)
    yield opened
    opened.loopback.close()
    if opened.outcome is None:
        opened.loopback._server.outcome.put("the test is over")
    opened.end()


def test_a_login_brings_tokens(provider: Provider, line: Http, waiting: Waiting) -> None:
    back = provider.authorize(waiting.login.url())
    status, text = waiting.go(back.removeprefix(f"http://127.0.0.1:{waiting.port}"))
    assert (status, "<h1>yes</h1><p>close this</p>" in text) == (200, True)
    code = waiting.end()
    assert code == "code-1"
    grant = waiting.login.exchange(code, line)
    assert (grant.access_token, grant.refresh_token, grant.expires_in) == (
        "access-token-1",
        "refresh-token-1",
        3600,
    )


def test_each_login_has_its_own_state_and_verifier_of_the_right_length() -> None:
    logins = [Login(DECLARED, "https://n.example", CLIENT, redirect_uri(1)) for _ in range(50)]
    assert len({one.state for one in logins} | {one.verifier for one in logins}) == 100
    assert all(len(one.state) >= 43 and 43 <= len(one.verifier) <= 128 for one in logins)


def test_the_address_holds_the_challenge_and_never_the_verifier_nor_the_secret() -> None:
    login = Login(DECLARED, "https://n.example", CLIENT, redirect_uri(8722))
    asked = parse_qs(urlsplit(login.url()).query)
    digest = hashlib.sha256(login.verifier.encode()).digest()
    assert asked["code_challenge"] == [urlsafe_b64encode(digest).decode().rstrip("=")]
    assert asked["redirect_uri"] == ["http://127.0.0.1:8722/callback"]
    assert asked["scope"] == ["read write"]
    assert login.url().startswith("https://n.example/authorize?")
    assert login.verifier not in login.url()
    assert "s3cret" not in login.url()


def test_nothing_that_is_printed_shows_a_secret() -> None:
    login = Login(DECLARED, "https://n.example", CLIENT, redirect_uri(1))
    printed = repr(login) + repr(CLIENT) + repr(Grant(access_token="access-1", refresh_token="refresh-1"))
    assert not any(one in printed for one in (login.state, login.verifier, "s3cret", "access-1", "refresh-1"))


STRAYS: dict[str, Callable[[Waiting], str]] = {
    "a wrong state": lambda w: "/callback?code=evil&state=" + "x" * len(w.login.state),
    "a state that begins as ours": lambda w: f"/callback?code=evil&state={w.login.state}x",
    "a state that is no ASCII": lambda w: "/callback?code=evil&state=%D1%8F",
    "no state": lambda w: "/callback?code=evil",
    "an empty state": lambda w: "/callback?code=evil&state=",
    "two states": lambda w: w.right() + "&state=other",
    "two codes": lambda w: w.right() + "&code=evil",
    "an error without our state": lambda w: "/callback?error=access_denied",
    "an error with a wrong state": lambda w: "/callback?error=access_denied&state=x",
    "nothing at all": lambda w: "/callback",
    "a thousand fields": lambda w: "/callback?" + "&".join(f"a{n}=1" for n in range(1000)),
}


@pytest.mark.parametrize("stray", STRAYS)
def test_what_belongs_to_another_login_is_refused_and_changes_nothing(waiting: Waiting, stray: str) -> None:
    status, text = waiting.go(STRAYS[stray](waiting))
    assert (status, "yes" in text) == (400, False)
    assert "evil" not in text
    assert waiting.outcome is None
    assert waiting.go(waiting.right())[0] == 200
    assert waiting.end() == "code-1"


@pytest.mark.parametrize(
    "path", ["/favicon.ico", "/", "/callback/", "/callback/x", "/CALLBACK", "/callback;x", "/%63allback"]
)
def test_another_path_is_not_found_even_with_our_state(waiting: Waiting, path: str) -> None:
    query = waiting.right().partition("?")[2]
    assert waiting.go(f"{path}?{query}")[0] == 404
    assert waiting.outcome is None


def test_another_name_for_this_machine_is_refused(waiting: Waiting) -> None:
    for host in (f"localhost:{waiting.port}", f"evil.example:{waiting.port}", "127.0.0.1", "evil.example"):
        assert waiting.go(waiting.right(), host=host)[0] == 421
    assert waiting.outcome is None


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "OPTIONS"])
def test_only_a_get_is_an_answer(waiting: Waiting, method: str) -> None:
    assert waiting.go(waiting.right(), method=method)[0] == 501
    assert waiting.outcome is None


def test_a_second_answer_is_refused(waiting: Waiting) -> None:
    assert waiting.go(waiting.right())[0] == 200
    assert waiting.end() == "code-1"
    with pytest.raises(OSError, match=r"refused|reset"):
        waiting.go(waiting.right(code="evil"))


def test_of_many_answers_at_once_one_is_taken(provider: Provider) -> None:
    loopback = Loopback(page)
    login = Login(DECLARED, provider.url, CLIENT, loopback.redirect_uri)
    loopback._server.login = login
    statuses = []
    together = threading.Barrier(16)

    def answer(number: int) -> None:
        together.wait()
        back = f"{loopback.redirect_uri}?{urlencode({'state': login.state, 'code': f'code-{number}'})}"
        statuses.append(loopback._server.take(back)[0])

    threads = [threading.Thread(target=answer, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    loopback.close()
    assert sorted(statuses) == [200] + [410] * 15


def test_a_refusal_of_the_person_is_said_with_the_networks_words(waiting: Waiting) -> None:
    answer = {"state": waiting.login.state, "error": "access_denied", "error_description": "Not <b>today</b>"}
    status, text = waiting.go(f"/callback?{urlencode(answer)}")
    assert (status, "<b>" in text, "&lt;b&gt;" in text) == (400, False, True)
    outcome = waiting.end()
    assert isinstance(outcome, AuthError)
    assert not isinstance(outcome, StrayAnswerError)
    assert str(outcome) == "the network did not let the hub in: Not <b>today</b>"


def test_an_answer_with_our_state_and_no_code_ends_the_login(waiting: Waiting) -> None:
    assert waiting.go(f"/callback?state={waiting.login.state}")[0] == 400
    assert "without a code" in str(waiting.end())


def test_nobody_is_waited_for_longer_than_the_limit(provider: Provider) -> None:
    begun = time.monotonic()
    waiting = Waiting(provider, seconds=0.3)
    outcome = waiting.end()
    assert isinstance(outcome, AuthError)
    assert "nobody has logged in within" in str(outcome)
    assert 0.3 <= time.monotonic() - begun < 5
    with pytest.raises(OSError, match=r"refused|reset"):
        waiting.go(waiting.right())


def test_connections_that_say_nothing_hold_nobody_up(waiting: Waiting) -> None:
    silent = [socket.create_connection(("127.0.0.1", waiting.port)) for _ in range(20)]
    try:
        assert waiting.go(waiting.right())[0] == 200
        assert waiting.end() == "code-1"
    finally:
        for connection in silent:
            connection.close()


def test_only_this_machine_can_reach_the_port(waiting: Waiting) -> None:
    assert waiting.loopback._server.server_address[0] == "127.0.0.1"


def test_a_port_that_is_taken_is_said(waiting: Waiting) -> None:
    with pytest.raises(UnavailableError, match=f"port {waiting.port} of 127.0.0.1") as caught:
        Loopback(page, waiting.port)
    assert "--port" in caught.value.hint


def test_the_page_gives_away_nothing_and_runs_nothing(waiting: Waiting) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", waiting.port, timeout=5)
    connection.request("GET", waiting.right())
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert waiting.login.state not in text
    assert "code-1" not in text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert (answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert answer.headers["Server"].strip() == "crosshub"


class TestPasted:
    """The address that a person brings from another machine."""

    login = Login(DECLARED, "https://n.example", CLIENT, redirect_uri(50000))

    def test_the_code_in_it_is_taken(self) -> None:
        query = urlencode({"code": "c", "state": self.login.state})
        assert self.login.code_in(f"http://127.0.0.1:50000/callback?{query}#_=_") == "c"

    @pytest.mark.parametrize(
        "start",
        [
            "http://127.0.0.1:50001/callback",
            "http://localhost:50000/callback",
            "https://127.0.0.1:50000/callback",
            "http://127.0.0.1:50000/callback/",
            "http://127.0.0.1:50000@evil.example/callback",
            "",
        ],
    )
    def test_another_address_is_refused_even_with_our_state(self, start: str) -> None:
        with pytest.raises(StrayAnswerError, match="not the address"):
            self.login.code_in(f"{start}?{urlencode({'code': 'c', 'state': self.login.state})}")

    def test_half_a_character_in_the_state_is_no_crash(self) -> None:
        with pytest.raises(StrayAnswerError):
            self.login.code_in("http://127.0.0.1:50000/callback?code=c&state=\udcff")


def login_at(provider: Provider, client: OAuthClient = CLIENT, declared: OAuth = DECLARED) -> Login:
    return Login(declared, provider.url, client, redirect_uri(50000))


class TestExchange:
    def test_a_code_is_good_once(self, provider: Provider, line: Http) -> None:
        login = login_at(provider)
        code = login.code_in(provider.authorize(login.url()))
        login.exchange(code, line)
        with pytest.raises(AuthError, match="gives no token"):
            login.exchange(code, line)

    def test_a_code_of_another_login_is_good_for_nothing(self, provider: Provider, line: Http) -> None:
        mine, other = login_at(provider), login_at(provider)
        code = other.code_in(provider.authorize(other.url()))
        with pytest.raises(AuthError, match="gives no token"):
            mine.exchange(code, line)

    def test_the_verifier_goes_along_once_and_only_to_the_token_endpoint(
        self, provider: Provider, line: Http
    ) -> None:
        login = login_at(provider)
        login.exchange(login.code_in(provider.authorize(login.url())), line)
        [call] = provider.calls
        assert (call.method, call.path, dict(call.query)) == ("POST", "/token", {})
        assert call.form()["code_verifier"] == login.verifier
        assert "client_secret" not in call.form()

    def test_a_public_client_names_itself_and_proves_nothing(self, provider: Provider, line: Http) -> None:
        provider.public = True
        login = login_at(provider, OAuthClient(id="app"))
        login.exchange(login.code_in(provider.authorize(login.url())), line)
        assert "authorization" not in provider.calls[0].headers
        assert provider.calls[0].form()["client_id"] == "app"

    def test_a_network_that_wants_the_secret_in_the_form_gets_it_there(
        self, provider: Provider, line: Http
    ) -> None:
        provider.public = True
        declared = OAuth(authorize_url="/a", token_url="/token", client_auth="form")
        login = login_at(provider, CLIENT, declared)
        login.exchange(login.code_in(provider.authorize(login.url())), line)
        form = provider.calls[0].form()
        assert (form["client_id"], form["client_secret"]) == ("hub 1", "s3cret/:")

    def test_a_refusal_that_repeats_the_code_is_said_without_it(self, provider: Provider, line: Http) -> None:
        with pytest.raises(AuthError) as caught:
            login_at(provider).exchange("code-that-nobody-gave", line)
        assert str(caught.value) == "the network gives no token: the code … is not good"

    def test_a_lost_answer_is_not_asked_for_again(self, provider: Provider, line: Http) -> None:
        login = login_at(provider)
        code = login.code_in(provider.authorize(login.url()))
        provider.inject(faults.LOST)
        with pytest.raises(TransientError, match="the login was not finished"):
            login.exchange(code, line)
        assert len(provider.calls) == 1

    @pytest.mark.parametrize(
        "answer", [{}, {"access_token": ""}, {"access_token": None}, {"access_token": 5}, [], "token"]
    )
    def test_an_answer_without_a_token_is_none(self, provider: Provider, line: Http, answer: object) -> None:
        provider.inject(faults.answered(Reply(answer)))
        with pytest.raises(TransientError, match="the login was not finished"):
            login_at(provider).exchange("code", line)

    def test_a_token_of_an_unknown_kind_is_refused(self, provider: Provider, line: Http) -> None:
        provider.more = {"token_type": "mac"}
        login = login_at(provider)
        with pytest.raises(AuthError, match="mac"):
            login.exchange(login.code_in(provider.authorize(login.url())), line)

    def test_what_was_not_granted_is_named(self) -> None:
        assert Grant(access_token="x", scope="read").missing(("read", "write")) == ["write"]
        assert Grant(access_token="x", scope="write,read").missing(("read", "write")) == []
        assert Grant(access_token="x").missing(("read", "write")) == []


@pytest.mark.parametrize("url", ["http://n.example", "http://192.168.0.1", "http://127.0.0.1.n.example"])
def test_no_login_goes_over_a_line_that_others_can_hear(url: str) -> None:
    login = Login(DECLARED, url, CLIENT, redirect_uri(1))
    with pytest.raises(ConfigError, match="is not https"):
        login.url()
    line = Http(url, deadline=1)
    with pytest.raises(ConfigError, match="is not https"):
        login.exchange("code", line)
    line.close()
