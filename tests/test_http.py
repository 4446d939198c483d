"""One account's line to its platform keeps its promises against a hostile network."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.answer import Answer
from hub.errors import AuthError, GoneError, HubError, RejectedError, TransientError, UnknownOutcome
from hub.http import Http, tls
from hub.models import RateLimit
from hub.ratelimits import LONGEST_WAIT, rate_limit, retry_after
from hub.testing import Double, Reply, Request, faults

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class Echo(Double):
    """Answers every call with its path, or with what a test put under that path."""

    def __init__(self) -> None:
        super().__init__()
        self.replies: dict[str, Reply] = {}

    def answer(self, request: Request) -> Reply:
        return self.replies.get(request.path, Reply({"path": request.path}))


@pytest.fixture(scope="module")
def server() -> Iterator[Echo]:
    with Echo() as double:
        yield double


@pytest.fixture
def echo(server: Echo) -> Echo:
    """The one double of this file, as new: stopping one costs 50 ms."""
    server.calls.clear()
    server.replies.clear()
    server.latency = 0.0
    return server


@pytest.fixture
def http(echo: Echo) -> Iterator[Http]:
    line = Http(echo.url, deadline=5.0)
    yield line
    line.close()


@contextmanager
def raw(handle: Callable[[socket.socket], None]) -> Iterator[tuple[str, list[int]]]:
    """Serve each connection by `handle`, after its request was read; yield the address and a call count."""
    served = [0]
    listener = socket.create_server(("127.0.0.1", 0))
    open_: list[socket.socket] = []

    def serve(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            while b"\r\n\r\n" not in connection.recv(65536):
                pass
            served[0] += 1
            handle(connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                open_.append(connection)
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", served
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in open_:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        acceptor.join(2)


@contextmanager
def line(url: str, **options: Any) -> Iterator[Http]:
    made = Http(url, **{"deadline": 5.0, **options})
    try:
        yield made
    finally:
        made.close()


def drip(start: bytes, drop: bytes) -> Callable[[socket.socket], None]:
    def handle(connection: socket.socket) -> None:
        connection.sendall(start)
        for _ in range(100):
            connection.sendall(drop)
            time.sleep(0.05)

    return handle


def answer(body: bytes, head: bytes = b"", length: int | None = None) -> Callable[[socket.socket], None]:
    def handle(connection: socket.socket) -> None:
        size = len(body) if length is None else length
        connection.sendall(OK + head + b"Content-Length: %d\r\n\r\n" % size + body)

    return handle


def answer_of(headers: Mapping[str, str], method: str = "GET", body: bytes = b"") -> Answer:
    return Answer(status=429, headers=headers, body=body, method=method, url="u", repeatable=method == "GET")


# A deadline and a size cap hold over the whole answer.


@pytest.mark.parametrize(
    ("start", "drop"),
    [
        pytest.param(b"", b"H", id="status-line"),
        pytest.param(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n", id="headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x", id="body"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", id="chunks"),
        pytest.param(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", id="informational-answers"),
    ],
)
@pytest.mark.parametrize(("method", "error"), [("GET", TransientError), ("POST", UnknownOutcome)])
def test_an_answer_that_drips_ends_at_the_deadline(
    start: bytes, drop: bytes, method: str, error: type[HubError]
) -> None:
    with raw(drip(start, drop)) as (url, _), line(url, deadline=0.25) as http:
        began = time.monotonic()
        with pytest.raises(error):
            http.request(method, "/")
        assert time.monotonic() - began < 0.8


def test_a_peer_that_reads_slowly_does_not_hold_an_upload_past_the_deadline() -> None:
    def sip(connection: socket.socket) -> None:
        while connection.recv(65536):
            time.sleep(0.005)

    with raw(sip) as (url, _), line(url, deadline=0.3) as http:
        began = time.monotonic()
        with pytest.raises(UnknownOutcome):
            http.post("/", json="x" * 60_000_000)
        assert time.monotonic() - began < 1.0


def test_retries_share_one_deadline(echo: Echo) -> None:
    echo.replies["/"] = Reply(status=500)
    with line(echo.url, deadline=0.4) as http:
        began = time.monotonic()
        with pytest.raises(TransientError):
            http.get("/")
        assert time.monotonic() - began < 1.0


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_an_answer_over_the_size_cap_is_not_read_to_its_end(framing: str) -> None:
    sent = [0]

    def pour(connection: socket.socket) -> None:
        chunked = framing == "chunked"
        connection.sendall(
            OK + (b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"Content-Length: 50000000\r\n\r\n")
        )
        piece = b"x" * 10_000
        for _ in range(5_000):
            connection.sendall(b"2710\r\n" + piece + b"\r\n" if chunked else piece)
            sent[0] += len(piece)

    with raw(pour) as (url, served), line(url, max_bytes=100_000) as http:
        with pytest.raises(UnknownOutcome, match="larger than 100000 bytes"):
            http.post("/")
        assert served == [1]
    assert sent[0] < 20_000_000


def test_a_gzip_bomb_is_cut_at_the_cap() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(50)) + packer.flush()
    before = psutil.Process().memory_info().rss
    with raw(answer(bomb, b"Content-Encoding: gzip\r\n")) as (url, _), line(url, max_bytes=1_000_000) as http:
        with pytest.raises(UnknownOutcome, match="larger than 1000000 bytes"):
            http.post("/")
        assert psutil.Process().memory_info().rss - before < 30_000_000


def test_a_body_as_large_as_the_cap_is_taken(echo: Echo) -> None:
    for body, headers in ((b"x" * 1000, {}), (gzip.compress(b"x" * 1000), {"Content-Encoding": "gzip"})):
        echo.replies["/"] = Reply(body=body, headers=headers)
        with line(echo.url, max_bytes=1000) as http:
            assert http.get("/").body == b"x" * 1000


def test_gzip_in_several_members_is_read_whole(echo: Echo, http: Http) -> None:
    body = gzip.compress(b'{"a":') + gzip.compress(b"1}")
    echo.replies["/"] = Reply(body=body, headers={"Content-Encoding": "gzip"})
    assert http.get("/").json() == {"a": 1}


@pytest.mark.parametrize(
    ("body", "head", "length"),
    [
        pytest.param(gzip.compress(b"x" * 1000)[:-12], b"Content-Encoding: gzip\r\n", None, id="gzip-cut"),
        pytest.param(b"not gzip at all", b"Content-Encoding: gzip\r\n", None, id="no-gzip"),
        pytest.param(b'{"ok":', b"", 100, id="body-shorter-than-promised"),
    ],
)
@pytest.mark.parametrize(("method", "error"), [("GET", TransientError), ("POST", UnknownOutcome)])
def test_an_answer_that_is_cut_is_lost(
    body: bytes, head: bytes, length: int | None, method: str, error: type[HubError]
) -> None:
    with (
        raw(answer(body, head, length)) as (url, _),
        line(url, deadline=0.3) as http,
        pytest.raises(error, match="the answer was lost"),
    ):
        http.request(method, "/")


# What is tried again, and what never is.

FAULTS: dict[str, Reply | None] = {
    "reset": None,
    "429": Reply(status=429),
    "429 at once": Reply(status=429, headers={"Retry-After": "0"}),
    "408": Reply(status=408),
    "503": Reply(status=503),
    "503 at once": Reply(status=503, headers={"Retry-After": "0"}),
    "500": Reply(status=500),
    "502": Reply(status=502),
    "504": Reply(status=504),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_read_is_tried_again_after_any_passing_trouble(echo: Echo, http: Http, fault: str) -> None:
    reply = FAULTS[fault]
    if reply is None:
        echo.inject(faults.DROPPED)
    else:
        echo.inject(faults.answered(reply))
    assert http.get("/a").json() == {"path": "/a"}
    assert len(echo.calls) == 2


@pytest.mark.parametrize("fault", ["429", "429 at once", "408", "503 at once"])
def test_a_write_that_was_refused_unread_is_tried_again(echo: Echo, http: Http, fault: str) -> None:
    reply = FAULTS[fault]
    assert reply is not None
    echo.inject(faults.answered(reply))
    assert http.post("/a", json={"b": 1}).json() == {"path": "/a"}
    assert [call.json() for call in echo.calls] == [{"b": 1}, {"b": 1}]


@pytest.mark.parametrize("fault", ["reset", "503", "500", "502", "504"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_write_that_may_have_been_done_is_never_tried_again(
    echo: Echo, http: Http, fault: str, method: str
) -> None:
    reply = FAULTS[fault]
    if reply is None:
        echo.inject(faults.LOST)
    else:
        echo.inject(faults.answered(reply).after)
    with pytest.raises(UnknownOutcome):
        http.request(method, "/a")
    assert len(echo.calls) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refused_connection_did_nothing_and_is_tried_again(method: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    def come_up() -> Late:
        time.sleep(0.1)
        return Late(port).start()

    with line(f"http://127.0.0.1:{port}") as http, ThreadPoolExecutor(1) as pool:
        late = pool.submit(come_up)
        try:
            assert http.request(method, "/a").json() == {"path": "/a"}
        finally:
            late.result().stop()


class Late(Echo):
    def __init__(self, port: int) -> None:
        Double.__init__(self, port)
        self.replies = {}


def test_a_refused_connection_that_stays_refused_is_transient_for_a_write_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with (
        line(f"http://127.0.0.1:{port}", deadline=0.2) as http,
        pytest.raises(TransientError, match="no connection"),
    ):
        http.post("/a")


def test_a_write_that_is_declared_repeatable_is_tried_again(echo: Echo, http: Http) -> None:
    echo.inject(faults.answered(Reply(status=500)))
    assert http.post("/upload", repeatable=True).ok


def test_a_read_gives_up_after_five_attempts(echo: Echo) -> None:
    echo.replies["/"] = Reply(status=429, headers={"Retry-After": "0"})
    with line(echo.url, deadline=5) as http, pytest.raises(TransientError):
        http.get("/")
    assert len(echo.calls) == 5


def test_a_wait_longer_than_the_deadline_is_left_to_the_hub(echo: Echo, http: Http) -> None:
    echo.replies["/"] = Reply(status=429, headers={"Retry-After": "600"})
    began = time.monotonic()
    with pytest.raises(TransientError) as caught:
        http.post("/")
    assert (caught.value.retry_after, len(echo.calls)) == (600.0, 1)
    assert time.monotonic() - began < 0.5


def test_a_wait_that_the_network_asks_for_is_kept(echo: Echo, http: Http) -> None:
    echo.inject(faults.answered(Reply(status=429, headers={"Retry-After": "0.3"})))
    began = time.monotonic()
    http.get("/")
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RejectedError),
        (401, AuthError),
        (403, RejectedError),
        (404, GoneError),
        (410, GoneError),
        (422, RejectedError),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refusal_is_final(echo: Echo, http: Http, status: int, error: type[HubError], method: str) -> None:
    echo.replies["/"] = Reply({"error": {"message": "because"}}, status=status)
    with pytest.raises(error, match=f"HTTP {status} \\(because\\)"):
        http.request(method, "/")
    assert len(echo.calls) == 1


@pytest.mark.parametrize(("method", "error"), [("GET", TransientError), ("POST", UnknownOutcome)])
def test_a_page_of_html_where_json_should_be_is_no_answer(
    echo: Echo, http: Http, method: str, error: type[HubError]
) -> None:
    echo.replies["/"] = Reply(body=b"<html>We are down</html>", content_type="text/html")
    with pytest.raises(error, match="not as agreed"):
        http.request(method, "/").json()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (rb"cut in an emoji \ud83d", "cut in an emoji \ufffd"),
        (rb"the wrong half \uDE00 first", "the wrong half \ufffd first"),
        (rb"two halves \ud83d\ud83d\ude00", "two halves \ufffd\U0001f600"),
        (rb"a backslash \\ud83d and \ud83d", "a backslash \\ud83d and \ufffd"),
    ],
)
def test_half_an_emoji_in_foreign_text_does_not_make_the_page_unreadable(
    echo: Echo, http: Http, written: bytes, read: str
) -> None:
    echo.replies["/a"] = Reply(body=b'{"text": "' + written + b'"}')
    assert http.get("/a").json() == {"text": read}


def test_json_of_another_shape_is_no_answer(http: Http) -> None:
    class Wanted(msgspec.Struct):
        id: int

    with pytest.raises(UnknownOutcome, match="not as agreed"):
        http.post("/").decode(Wanted)


def test_a_status_that_was_asked_for_is_returned(echo: Echo, http: Http) -> None:
    echo.replies["/"] = Reply(status=304)
    assert http.get("/", accept=(304,)).status == 304


def test_a_plugin_may_find_an_error_in_a_200(http: Http) -> None:
    http.explain = lambda answer: RejectedError("no") if answer.ok else None
    with pytest.raises(RejectedError, match="no"):
        http.get("/")


# Waits and rate limits in the dialects of the networks.

NOON = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)
DATE = {"date": format_datetime(NOON, usegmt=True)}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30.0),
        (" 1.5 ", 1.5),
        ("0", 0.0),
        ("-5", 0.0),
        (format_datetime(NOON + timedelta(minutes=2), usegmt=True), 120.0),
        (format_datetime(NOON - timedelta(days=2), usegmt=True), 0.0),
        ("Sat, 01 Aug 2026 12:01:00 -0000", 60.0),
        ("999999999999", LONGEST_WAIT),
        ("inf", LONGEST_WAIT),
        ("Sat, 01 Aug 2099 12:00:00 GMT", LONGEST_WAIT),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("0 JAN 2200000000 0:0", None),
    ],
)
def test_a_wait_is_read_as_seconds_or_a_date_and_never_over_a_day(text: str, seconds: float | None) -> None:
    assert retry_after(answer_of({**DATE, "retry-after": text}).headers) == seconds


def test_an_answer_without_a_wait_asks_for_none() -> None:
    assert retry_after(answer_of({}).headers) is None


@pytest.mark.parametrize(
    ("headers", "limit"),
    [
        pytest.param(
            {"x-rate-limit-limit": "300", "x-rate-limit-remaining": "299", "x-rate-limit-reset": "1785586500"},
            RateLimit(limit=300, remaining=299, reset_after=900.0),
            id="x-epoch-seconds",
        ),
        pytest.param(
            {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "2026-08-01T12:05:00.000000Z"},
            RateLimit(remaining=0, reset_after=300.0),
            id="mastodon-iso-date",
        ),
        pytest.param(
            {"ratelimit-limit": "3000", "ratelimit-remaining": "2999", "ratelimit-reset": "60"},
            RateLimit(limit=3000, remaining=2999, reset_after=60.0),
            id="seconds-to-go",
        ),
        pytest.param(
            {"x-ratelimit-remaining": "1", "x-ratelimit-reset": "2026-08-01T12:05:00"},
            RateLimit(remaining=1, reset_after=300.0),
            id="iso-date-without-a-zone",
        ),
        pytest.param(
            {"x-ratelimit-remaining": "1e30", "x-ratelimit-limit": "9999999999"},
            RateLimit(limit=9_999_999_999),
            id="more-than-a-column-holds",
        ),
        pytest.param(
            {"x-ratelimit-remaining": "many", "x-ratelimit-limit": "inf", "x-ratelimit-reset": "nan"},
            RateLimit(),
            id="nonsense",
        ),
        pytest.param({"x-ratelimit-limit": "3"}, None, id="no-remaining"),
        pytest.param({}, None, id="none"),
    ],
)  # fmt: skip
def test_rate_limits_are_read_in_every_dialect(headers: dict[str, str], limit: RateLimit | None) -> None:
    assert rate_limit({**DATE, **headers}) == limit


@settings(deadline=None, max_examples=200, derandomize=True, database=None)
@given(
    st.text(max_size=30)
    | st.from_regex(r"[0-9]{1,12} (Jan|Feb|xx) [0-9]{1,12} [0-9:]{1,12} ?([+-][0-9]{1,9}|GMT)?", fullmatch=True)
)
def test_no_header_whatever_it_holds_breaks_the_reader(text: str) -> None:
    headers = {"retry-after": text, "date": text, "x-ratelimit-remaining": text, "x-ratelimit-reset": text}
    wait = retry_after(answer_of(headers).headers)
    assert wait is None or 0 <= wait <= LONGEST_WAIT
    limit = rate_limit(headers)
    assert limit is not None
    assert limit.reset_after is None or 0 <= limit.reset_after < float("inf")


def test_rate_limits_and_the_request_id_are_kept_by_path(echo: Echo, http: Http) -> None:
    echo.replies["/a"] = Reply({}, headers={"X-RateLimit-Remaining": "7", "X-Request-Id": "abc"})
    http.get("/a?x=1")
    assert http.rate_limits["/a"].remaining == 7
    assert http.last_request_id == "abc"


def test_a_call_without_an_answer_does_not_bear_the_request_id_of_the_one_before(echo: Echo, http: Http) -> None:
    echo.replies["/a"] = Reply({}, headers={"X-Request-Id": "abc"})
    http.get("/a")
    echo.inject(faults.DROPPED)
    with pytest.raises(UnknownOutcome):
        http.post("/a")
    assert http.last_request_id == ""


# Secrets stay where they belong.

SECRET = "s3cr3t-token"


def test_no_error_repeats_a_secret(echo: Echo) -> None:
    echo.replies[f"/bot{SECRET}/send"] = Reply({"error": f"bad {SECRET}"}, status=400)
    with line(echo.url, secrets=[SECRET]) as http:
        with pytest.raises(RejectedError) as refused:
            http.post(f"/bot{SECRET}/send", params={"access_token": SECRET})
        with pytest.raises(UnknownOutcome) as misread:
            echo.replies[f"/bot{SECRET}/send"] = Reply(body=b"<html>")
            http.post(f"/bot{SECRET}/send").json()
        echo.inject(faults.LOST)
        with pytest.raises(UnknownOutcome) as lost:
            http.post(f"/bot{SECRET}/send")
    for caught in (refused, misread, lost):
        assert SECRET not in f"{caught.value} {caught.value!r} {caught.value.facts}"


def test_no_error_shows_a_query_or_a_user_name(echo: Echo) -> None:
    echo.replies["/a"] = Reply(status=404)
    with line(echo.url.replace("//", "//user:pass@")) as http, pytest.raises(GoneError) as caught:
        http.get("/a", params={"access_token": "abcd1234"})
    assert str(caught.value) == f"GET {echo.url}/a: HTTP 404"


def test_a_secret_that_begins_like_another_hides_no_part_of_it() -> None:
    http = Http("http://127.0.0.1", secrets=["abcd", "abcdefgh"])
    http.add_secret("abcdefghijkl")
    assert http.redact("abcdefghijkl abcdefgh abcd") == "… … …"


def test_a_secret_too_short_to_be_one_is_not_looked_for() -> None:
    http = Http("http://127.0.0.1", secrets=["", "a"])
    assert http.redact("banana") == "banana"


def test_the_representation_of_an_answer_holds_no_body(http: Http) -> None:
    assert "path" not in repr(http.get("/"))


def test_nothing_of_a_call_is_logged(echo: Echo, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with line(echo.url) as http:
        http.get("/a", params={"access_token": SECRET})
    assert caplog.text == ""


def test_the_environment_sends_no_call_through_a_proxy(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert http.get("/").ok


# Redirects.


def moved(to: str, status: int = 302) -> Reply:
    return Reply(status=status, headers={"Location": to})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_write_never_follows_a_redirect(echo: Echo, http: Http, status: int) -> None:
    echo.replies["/"] = moved("/b", status)
    with pytest.raises(AuthError, match=f"HTTP {status}"):
        http.post("/", follow=3)
    assert [call.path for call in echo.calls] == ["/"]


def test_a_read_follows_only_when_told(echo: Echo, http: Http) -> None:
    echo.replies["/"] = moved("/b")
    with pytest.raises(AuthError):
        http.get("/")
    assert http.get("/", follow=1).json() == {"path": "/b"}


def test_a_read_follows_no_further_than_told(echo: Echo, http: Http) -> None:
    echo.replies["/"] = moved("/")
    with pytest.raises(RejectedError):
        http.get("/", follow=2)
    assert len(echo.calls) == 3


@pytest.mark.parametrize(("status", "kept"), [(301, True), (308, True), (302, False), (307, False)])
def test_a_permanent_redirect_tells_where_to_ask_next_time(
    echo: Echo, http: Http, status: int, kept: bool
) -> None:
    echo.replies["/"] = moved("/b?x=1", status)
    assert http.get("/", follow=1).moved == (f"{echo.url}/b?x=1" if kept else "")


def test_a_redirect_to_another_port_or_name_of_this_machine_is_refused(echo: Echo, http: Http) -> None:
    http.sign = lambda method, url: {"Authorization": "Bearer x"}
    with Echo() as other:
        echo.replies["/port"] = moved(f"{other.url}/a")
        echo.replies["/host"] = moved(f"{other.url}/a".replace("127.0.0.1", "localhost"))
        for path in ("/port", "/host"):
            with pytest.raises(RejectedError, match=r"foreign|private"):
                http.get(path, follow=1, headers={"X-Api-Key": "k"})
        assert other.calls == []


def test_headers_go_along_on_the_same_host(echo: Echo, http: Http) -> None:
    echo.replies["/"] = moved("/b")
    http.get("/", follow=1, headers={"X-Api-Key": "k"})
    assert echo.calls[1].headers["x-api-key"] == "k"


@pytest.mark.parametrize("to", ["ftp://example.com/", "file:///etc/passwd", "gopher:x"])
def test_a_redirect_to_what_is_no_web_address_is_refused(echo: Echo, http: Http, to: str) -> None:
    echo.replies["/"] = moved(to)
    with pytest.raises(RejectedError, match="no address"):
        http.get("/", follow=1)


# Calls to what content named.


def test_a_foreign_fetch_is_unsigned_and_unexplained(echo: Echo, http: Http) -> None:
    http.sign = lambda method, url: {"Authorization": "Bearer x"}
    http.explain = lambda answer: RejectedError("no")
    assert http.fetch(f"{echo.url}/a").ok
    assert "authorization" not in echo.calls[0].headers


@pytest.mark.parametrize("reply", [Reply(status=401), moved("/")])
def test_a_foreign_host_says_nothing_about_the_accounts_credentials(echo: Echo, http: Http, reply: Reply) -> None:
    echo.replies["/"] = reply
    with pytest.raises(RejectedError):
        http.fetch(f"{echo.url}/")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "0", "localhost",
        "0.0.0.0", "LOCALHOST", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",  # noqa: S104  # refused
        "[0:0:0:0:0:0:0:1]",
        "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "10.0.0.1", "169.254.169.254", "100.64.0.1", "user@127.0.0.1",
    ],
)  # fmt: skip
def test_a_foreign_fetch_refuses_a_private_address_in_every_spelling(http: Http, host: str) -> None:
    with pytest.raises(RejectedError, match=r"private address|no address"):
        http.fetch(f"http://{host}/")


@pytest.mark.parametrize(
    "host", ["127.0.0.1.", "①②⑦.⓪.⓪.①", "127。0。0。1", "localhost.", "127.0.0.1%00.example.com"]
)
def test_a_foreign_fetch_reaches_nothing_by_an_odd_spelling(host: str) -> None:
    with line("http://127.0.0.1:9", deadline=0.5) as http, pytest.raises((RejectedError, TransientError)):
        http.fetch(f"http://{host}/")


def test_a_foreign_fetch_refuses_other_ports() -> None:
    with Echo() as inside, line("http://127.0.0.1:9") as http:
        with pytest.raises(RejectedError, match="port"):
            http.fetch(f"{inside.url}/")
        assert inside.calls == []


def test_a_foreign_fetch_is_checked_again_after_a_redirect(echo: Echo, http: Http) -> None:
    with Echo() as inside:
        echo.replies["/port"] = moved(f"{inside.url}/")
        echo.replies["/meta"] = moved("http://169.254.169.254/latest/meta-data")
        for path in ("/port", "/meta"):
            with pytest.raises(RejectedError, match="was not made"):
                http.fetch(f"{echo.url}{path}")
        assert inside.calls == []


def test_a_refused_fetch_leaves_the_line_to_the_platform_open(http: Http) -> None:
    with pytest.raises(RejectedError):
        http.fetch("http://10.0.0.1/")
    assert http.get("/").ok


def test_a_foreign_fetch_has_a_cap_of_its_own(echo: Echo, http: Http) -> None:
    echo.replies["/"] = Reply(body=b"x" * 101)
    with pytest.raises(RejectedError, match="larger than 100 bytes"):
        http.fetch(f"{echo.url}/", max_bytes=100)
    assert len(echo.calls) == 1


# What goes out.


def test_absent_values_are_left_out_of_query_and_form(echo: Echo, http: Http) -> None:
    http.post("/a", params={"x": 1, "y": None}, form={"text": "Привет", "z": None})
    assert (echo.calls[0].query, echo.calls[0].form()) == ({"x": "1"}, {"text": "Привет"})


def test_json_and_files_are_sent_as_such(echo: Echo, http: Http) -> None:
    http.post("/a", json={"text": "Привет"})
    http.post("/b", form={"alt": "x"}, files={"file": ("a.png", b"png", "image/png")})
    assert echo.calls[0].json() == {"text": "Привет"}
    assert echo.calls[1].files() == {"file": ("image/png", b"png")}
    assert echo.calls[1].form() == {"alt": "x"}


def test_every_attempt_is_signed_anew(echo: Echo, http: Http) -> None:
    nonces = iter("ab")
    http.sign = lambda method, url: {"Authorization": f"{method} {url} {next(nonces)}"}
    echo.inject(faults.answered(Reply(status=500)))
    http.get("/p", params={"q": "1"})
    assert [call.headers["authorization"] for call in echo.calls] == [
        f"GET {echo.url}/p?q=1 a",
        f"GET {echo.url}/p?q=1 b",
    ]


# What it costs.


def test_calls_are_spaced_by_the_pace_of_the_platform(echo: Echo) -> None:
    with line(echo.url, calls_per_second=20) as http:
        began = time.monotonic()
        for _ in range(5):
            http.get("/")
        assert 0.2 <= time.monotonic() - began < 0.6


def test_retries_keep_the_pace_too(echo: Echo) -> None:
    echo.inject(faults.answered(Reply(status=429, headers={"Retry-After": "0"})))
    with line(echo.url, calls_per_second=5) as http:
        began = time.monotonic()
        http.get("/")
        assert time.monotonic() - began >= 0.2


def test_a_pace_slower_than_the_deadline_is_left_to_the_hub(echo: Echo) -> None:
    with line(echo.url, deadline=0.2, calls_per_second=0.1) as http:
        http.get("/")
        with pytest.raises(TransientError, match="calls per second") as caught:
            http.post("/")
    assert caught.value.retry_after == pytest.approx(10, abs=1)
    assert len(echo.calls) == 1


def test_all_lines_share_one_tls_context() -> None:
    with ThreadPoolExecutor(4) as pool:
        assert tls() in set(pool.map(lambda _: tls(), range(8)))
    assert tls() is tls()


def test_a_thousand_calls_leak_neither_threads_nor_files(echo: Echo) -> None:
    echo.replies["/gone"] = Reply(status=404)
    echo.replies["/big"] = Reply(body=b"x" * 200)
    process = psutil.Process()
    with line(echo.url, max_bytes=150) as http:
        http.get("/")
        before = process.num_threads(), len(list(Path("/proc/self/fd").iterdir()))
        for number in range(1000):
            with suppress(GoneError, UnknownOutcome):
                http.post(("/a", "/gone", "/big" if number % 10 == 0 else "/a")[number % 3])
        deadline = time.monotonic() + 2
        while True:
            # The double's own threads for closed connections take a moment to end.
            after = process.num_threads(), len(list(Path("/proc/self/fd").iterdir()))
            if after <= (before[0] + 2, before[1] + 4) or time.monotonic() > deadline:
                break
            time.sleep(0.05)
    assert after[0] <= before[0] + 2
    assert after[1] <= before[1] + 4


def test_a_kept_connection_is_used_again() -> None:
    accepted = set()

    def keep(connection: socket.socket) -> None:
        accepted.add(connection.getpeername())
        while True:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            if not connection.recv(65536):
                break

    with raw(keep) as (url, _), line(url) as http:
        for _ in range(5):
            http.get("/")
    assert len(accepted) == 1


def test_a_line_that_was_closed_opens_again(http: Http) -> None:
    http.get("/")
    http.close()
    assert http.get("/").ok


def test_lines_of_different_accounts_work_side_by_side(echo: Echo) -> None:
    echo.latency = 0.1

    def five(number: int) -> int:
        with line(echo.url) as http:
            return sum(http.get(f"/{number}").json() == {"path": f"/{number}"} for _ in range(3))

    began = time.monotonic()
    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(five, range(10))) == [3] * 10
    assert time.monotonic() - began < 2.0


def test_a_line_that_hangs_holds_up_no_other(echo: Echo) -> None:
    with (
        raw(drip(b"", b"H")) as (url, _),
        line(url, deadline=0.8) as slow,
        line(echo.url) as fast,
        ThreadPoolExecutor(1) as pool,
    ):
        hanging = pool.submit(slow.get, "/")
        began = time.monotonic()
        fast.get("/")
        assert time.monotonic() - began < 0.5
        with pytest.raises(TransientError):
            hanging.result()


class TestWhatOtherRoomsFound:
    """Defects that the plugins' authors met."""

    def test_a_secret_with_a_line_break_is_refused_without_being_quoted(self) -> None:
        with Plain() as echo:
            http = Http(echo.url, deadline=2, secrets=["tok\nen-secret"])
            http.sign = lambda method, url: {"Authorization": "Bearer tok\nen-secret"}
            with pytest.raises(AuthError) as caught:
                http.post("/x")
            http.close()
        assert "secret" not in str(caught.value)
        assert echo.calls == []

    def test_a_redirect_within_the_host_is_signed_anew(self) -> None:
        with Plain() as echo:
            echo.inject(faults.answered(Reply(status=302, headers={"Location": "/there"})))
            http = Http(echo.url, deadline=2)
            http.sign = lambda method, url: {"Authorization": url}
            http.get("/here", follow=1)
            http.close()
        assert [call.headers["authorization"] for call in echo.calls] == [f"{echo.url}/here", f"{echo.url}/there"]

    def test_a_configured_address_cannot_lead_to_another_private_one(self) -> None:
        with Plain() as echo, Plain() as inside:
            echo.inject(faults.answered(Reply(status=302, headers={"Location": f"{inside.url}/admin"})))
            http = Http(echo.url, deadline=2)
            with pytest.raises(RejectedError):
                http.get("/feed", follow=1)
            http.close()
        assert inside.calls == []

    def test_a_permanent_redirect_after_a_temporary_one_is_not_remembered(self) -> None:
        with Plain() as echo:
            echo.inject(faults.answered(Reply(status=302, headers={"Location": "/busy"})))
            echo.inject(
                faults.answered(Reply(status=301, headers={"Location": "/new"})), lambda call: call.path == "/busy"
            )
            http = Http(echo.url, deadline=2)
            assert http.get("/old", follow=3).moved == ""
            http.close()

    def test_no_cookie_is_carried_from_call_to_call(self) -> None:
        with Plain() as echo:
            echo.inject(faults.answered(Reply({}, headers={"Set-Cookie": "session=1; Path=/"})))
            http = Http(echo.url, deadline=2)
            http.get("/a")
            http.get("/b")
            http.close()
        assert "cookie" not in echo.calls[1].headers


class Plain(Double):
    """Answers every call with an empty object."""

    def answer(self, request: Request) -> Reply:
        return Reply({})
