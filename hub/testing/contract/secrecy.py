"""The kit on secrets: they show in no error, no log, no address and no store, whatever the network sends back."""

from __future__ import annotations

import base64
import itertools
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import pytest
import structlog

from hub.adapter import Editor, Listener, Publisher, Timeline
from hub.errors import HubError
from hub.secrets import secret_values
from hub.testing import faults
from hub.testing.contract.calls import a_post
from hub.testing.contract.ground import DEADLINE, Ground
from hub.testing.desk import Desk
from hub.testing.double import Double, Request
from hub.testing.faults import Fault, Line, Reply

# Shorter ones are words; the hub does not look for them either.
_SHORTEST = 4


class Echo:
    """Lets a network answer with all that it was sent, as some do in their error pages."""

    def __init__(self, status: int) -> None:
        self.fault = Fault(f"HTTP {status} that repeats the request", self._speak, keeps=True)
        self._status = status
        self._heard: Request | None = None

    def only(self, request: Request) -> bool:
        self._heard = request
        return True

    def _speak(self, line: Line, _: Reply) -> None:
        said = self._heard
        assert said is not None
        headers = "; ".join(f"{name}: {value}" for name, value in said.headers.items())
        whole = (
            f"{said.method} {said.path} {dict(said.query)} {headers} {said.body[:2000].decode(errors='replace')}"
        )
        # The secret comes first too: reasons are cut.
        secret = said.headers.get("authorization", "").partition(" ")[2]
        error = {"message": f"{secret} {whole}", "code": self._status}
        body = {
            "error": error,
            "errors": [error],
            "message": f"{secret} {whole}",
            "detail": secret,
            "title": secret,
        }
        line.send(Reply(body, status=self._status).whole())


class Secrecy(Ground):
    """What the hub relies on so that it never tells a secret.

    `secret_in_url_because` is for networks that take secrets in the address alone: say the page that demands it.
    """

    area: ClassVar[str] = "secrecy"
    secret_in_url_because: ClassVar[str] = ""

    def test_no_secret_shows_when_an_account_is_printed(self, account: Any) -> None:
        for name, thing in (("adapter", account), ("settings", account.settings), ("http", account.http)):
            _silent(account, f"{thing!r} {thing!s} {thing}", f"the {name}, when it is printed")

    @pytest.mark.parametrize("status", [200, 400, 401, 403, 409, 429, 500])
    def test_no_secret_shows_in_an_error_that_repeats_the_request(
        self, status: int, network: Double, opened: Callable[..., Any]
    ) -> None:
        account = opened(deadline=DEADLINE)
        echo = Echo(status)
        for verb, work in _verbs(account):
            network.inject(echo.fault, echo.only, times=20)
            _silent(account, _what_is_raised(work), f"{verb}() on {echo.fault}, what it raises")
            network.calm()

    @pytest.mark.parametrize(
        "fault", [faults.LOST, faults.MALFORMED.after, faults.WRONG_TYPE.after, faults.HTML.after], ids=str
    )
    def test_no_secret_shows_in_an_error(self, fault: Fault, network: Double, opened: Callable[..., Any]) -> None:
        account = opened(deadline=DEADLINE)
        for verb, work in _verbs(account):
            network.inject(fault, times=20)
            _silent(account, _what_is_raised(work), f"{verb}() on {fault}, what it raises")
            network.calm()

    def test_no_secret_shows_when_nobody_answers(self, network: Double, opened: Callable[..., Any]) -> None:
        account = opened(deadline=DEADLINE)
        with network.refusing():
            for verb, work in _verbs(account):
                _silent(account, _what_is_raised(work), f"{verb}() where connections are refused, what it raises")

    def test_no_secret_is_logged_or_stored(
        self,
        network: Double,
        at_desk: Callable[..., AbstractContextManager[Desk]],
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        echo = Echo(400)
        with structlog.testing.capture_logs() as logged, at_desk() as desk:
            account: Any = desk.adapter
            network.inject_sequence([echo.fault, echo.fault, None, echo.fault], echo.only)
            if isinstance(account, Publisher):
                desk.accept("A post that is refused")
                desk.turn()
            with suppress(HubError):
                account.check()
            network.calm()
            _silent(
                account,
                f"{logged} {[repr(record.exc_info) for record in caplog.records]} {caplog.text}",
                "the log",
            )
            secrets = secret_values(account.settings)
        for path in tmp_path.rglob("hub.db*"):
            stored = path.read_bytes()
            for secret in secrets:
                assert len(secret) < _SHORTEST or secret.encode() not in stored, (
                    "a secret stands in the hub's database: an error that repeats it was stored; "
                    "pass what the network says through self.http.redact"
                )

    def test_no_secret_is_in_an_address(self, network: Double, account: Any) -> None:
        if self.secret_in_url_because:
            pytest.skip(f"secrets in addresses: {self.secret_in_url_because}")
        for _, work in _verbs(account):
            with suppress(HubError):
                work()
        for call in network.calls:
            address = f"{call.path} {dict(call.query)}"
            _silent(
                account,
                address,
                f"the address of {call.method} (proxies log those; send it in a header or, if the network takes "
                "it nowhere else, say secret_in_url_because), which",
            )


def _verbs(account: Any) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield what can be asked of the account, with an answer that can be anything."""
    yield "check", account.check
    if isinstance(account, Publisher):
        yield "limits", account.limits
        post = a_post_or_none(account)
        if post is not None:
            yield "publish", lambda: account.publish(post)
            yield "find", lambda: account.find(post)
            if isinstance(account, Editor):
                yield "edit", lambda: account.edit("1", post)
                yield "delete", lambda: account.delete("1")
    if isinstance(account, Timeline):
        yield "fetch_posts", lambda: list(itertools.islice(account.fetch_posts(None), 2))
    if isinstance(account, Listener):
        yield "fetch_mentions", lambda: list(itertools.islice(account.fetch_mentions(None), 2))


def a_post_or_none(account: Any) -> Any:
    """Return a post; None where the network does not even tell its limits."""
    with suppress(HubError):
        return a_post(account, "What is said here does not matter")
    return None


def _what_is_raised(work: Callable[[], object]) -> str:
    """Return all that could come to be read of an error: its text, its facts, its hint, its traceback."""
    try:
        work()
    except Exception as error:
        facts = f"{error.facts} {error.hint}" if isinstance(error, HubError) else ""
        lines = "".join(traceback.format_exception(error))
        return f"{error!s} {error!r} {error.args} {facts} {lines}"
    return ""


def _silent(account: Any, text: str, where: str) -> None:
    for secret in secret_values(account.settings):
        if len(secret) < _SHORTEST:
            continue
        for form in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()):
            assert form not in text, (
                f"{where} shows a secret of the account (here as {_hide(text, form)}); "
                "pass what the network says through self.http.redact, and tell secrets that come later to "
                "self.http.add_secret"
            )


def _hide(text: str, secret: str) -> str:
    place = text.index(secret)
    return f"…{text[max(place - 40, 0) : place]}SECRET{text[place + len(secret) :][:20]}…"
