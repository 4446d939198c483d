"""The kit on refusals: each documented error of a network becomes the error that says what the hub does next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, ClassVar

import pytest

from hub import errors
from hub.errors import AuthError, HubError, TransientError
from hub.ratelimits import LONGEST_WAIT
from hub.secrets import secret_values
from hub.testing.contract.calls import a_post
from hub.testing.contract.ground import DEADLINE
from hub.testing.contract.shelf import ReadingGround, named, raised_by
from hub.testing.double import Double, Refusal, Request
from hub.testing.faults import Fault, Line, Reply, answered, too_many

# Seconds by which a wait may be off: a date has whole ones.
_OFF = 1.0
_WAIT = 120.0


class Refusals(ReadingGround):
    area: ClassVar[str] = "refusals"

    def test_documented_errors_become_the_right_ones(self, network: Double, opened: Callable[..., Any]) -> None:
        """Look at every one of `network.refusals`, and name all that are wrong at once."""
        if not network.refusals:
            pytest.skip(f"{type(network).__name__} names no refusals")
        wrong = [
            f"- {refusal}: {why}"
            for refusal in network.refusals
            if (why := self._wrong_with(network, opened, refusal))
        ]
        assert not wrong, "documented errors are not what they mean:\n" + "\n".join(wrong)

    def _first_read(self, network: Double, opened: Callable[..., Any], account: Any) -> Callable[[], object]:
        work: Callable[[], object] = next(iter(self.cheapest_reads(network, opened, account)), account.check)
        return work

    def _wrong_with(self, network: Double, opened: Callable[..., Any], refusal: Refusal) -> str:
        account = opened(deadline=DEADLINE)
        account.check()  # a login may be a call of its own, and is not what is refused
        work, only = self._call_for(network, opened, account, refusal)
        network.inject(answered(refusal.reply, str(refusal)), only, times=100)
        raised = raised_by(work)
        network.calm()
        if not isinstance(raised, HubError):
            return f"{refusal.verb} ended with {named(raised)} instead of {refusal.error.__name__}"
        found = _public(type(raised))
        if found is not refusal.error:
            return f"{refusal.verb} raised {found.__name__} ({raised}) instead of {refusal.error.__name__}"
        wait = raised.retry_after if isinstance(raised, TransientError) else None
        if refusal.retry_after is not None and (wait is None or abs(wait - refusal.retry_after) > _OFF):
            return f"it asks for a wait of {refusal.retry_after:g} s, and {found.__name__} says {wait}"
        said = _all_of(raised)
        secrets = [secret for secret in secret_values(account.settings) if len(secret) >= 4]
        if any(secret in said for secret in secrets):
            return "the message repeats a secret: pass what the network says through self.http.redact"
        reasons = list(_sentences(refusal.reply.json))
        if reasons and not any(reason[:60].casefold() in said.casefold() for reason in reasons):
            return f"the message {said!r} does not say the network's reason ({reasons[0]!r})"
        return ""

    def _call_for(
        self, network: Double, opened: Callable[..., Any], account: Any, refusal: Refusal
    ) -> tuple[Callable[[], object], Callable[[Request], bool]]:
        if refusal.verb == "publish":
            post = a_post(account, f"Will {refusal} be understood?")
            return (lambda: account.publish(post)), (lambda request: request.method != "GET")
        if refusal.verb == "check":
            return account.check, lambda request: True
        return self._first_read(network, opened, account), lambda request: True

    def test_refused_credentials_are_an_auth_error(self, network: Double, opened: Callable[..., Any]) -> None:
        account = opened()
        for name, work in (("check", account.check), ("a read", self._first_read(network, opened, account))):
            network.inject(answered(Reply({"error": "who are you?"}, status=401)), times=10)
            raised = raised_by(work)
            network.calm()
            assert isinstance(raised, AuthError), (
                f"HTTP 401 met {name}, which ended with {named(raised)}: it is hub.AuthError, which pauses the "
                "account until a person has looked; anything else calls again and again"
            )

    @pytest.mark.parametrize(
        ("said", "wanted"),
        [
            ("120", _WAIT),
            ("an HTTP date", _WAIT),
            ("soon", None),
            (None, None),
            ("-5", 0.0),
            ("99999999999", LONGEST_WAIT),
        ],
        ids=["seconds", "a date", "nonsense", "nothing", "a negative number", "a thousand years"],
    )
    def test_too_many_calls_wait_as_long_as_the_network_says(
        self, said: str | None, wanted: float | None, network: Double, opened: Callable[..., Any]
    ) -> None:
        account = opened(deadline=DEADLINE)
        work = self._first_read(network, opened, account)
        if said == "an HTTP date":
            said = format_datetime(datetime.now(UTC) + timedelta(seconds=_WAIT), usegmt=True)
        network.inject(too_many(said), times=100)
        raised = raised_by(work)
        network.calm()
        assert isinstance(raised, TransientError), (
            f"HTTP 429 with Retry-After: {said} ended with {named(raised)}: it is hub.TransientError"
        )
        wait = raised.retry_after
        # Where the network says nothing, a plugin may know how long its window is.
        right = 0 <= (wait or 0) <= LONGEST_WAIT if wanted is None else abs((wait or 0) - wanted) <= _OFF
        assert right, (
            f"HTTP 429 with Retry-After: {said} asks for a wait of {wanted} s, and the error says {wait}: leave "
            "the status to the hub, or pass on what it reads"
        )

    @pytest.mark.parametrize(
        "headers",
        [
            {"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "17", "X-RateLimit-Reset": "{epoch}"},
            {"x-rate-limit-limit": "60", "x-rate-limit-remaining": "17", "x-rate-limit-reset": "{epoch}"},
            {"RateLimit-Limit": "60", "RateLimit-Remaining": "17", "RateLimit-Reset": "120"},
            {"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "17", "X-RateLimit-Reset": "{iso}"},
        ],
        ids=["X-RateLimit, epoch", "x-rate-limit, epoch", "RateLimit, seconds", "X-RateLimit, ISO date"],
    )
    def test_what_is_left_of_the_calls_is_known(
        self, headers: dict[str, str], network: Double, opened: Callable[..., Any]
    ) -> None:
        account = opened()
        work = self._first_read(network, opened, account)
        then = datetime.now(UTC) + timedelta(seconds=_WAIT)
        epoch, iso = str(int(then.timestamp())), then.isoformat()
        more = {name: value.replace("{epoch}", epoch).replace("{iso}", iso) for name, value in headers.items()}
        network.inject(_with_headers(more), times=10)
        work()
        network.calm()
        limits = account.http.rate_limits
        found = [one for one in limits.values() if (one.limit, one.remaining) == (60, 17)]
        assert found, (
            f"the network told that 17 of 60 calls are left ({', '.join(headers)}), and http.rate_limits is "
            f"{limits}: let every call go through self.http"
        )
        left = found[0].reset_after
        assert left is not None and abs(left - _WAIT) <= 3, (
            f"the window ends in {_WAIT} s, and the hub reads {left}"
        )


def _with_headers(headers: dict[str, str]) -> Fault:
    """Answer as ever, with these headers instead of any of that name or kind."""

    def speak(line: Line, reply: Reply) -> None:
        kept = {name: value for name, value in reply.headers.items() if "rate" not in name.lower()}
        line.send(replace(reply, headers={**kept, **headers}).whole())

    return Fault("rate-limit headers", speak, effect=True, keeps=True)


def _public(kind: type[HubError]) -> type[HubError]:
    """Return what a plugin's own subclass is to the hub."""
    return next(above for above in kind.__mro__ if above.__module__ == errors.__name__)


def _all_of(error: HubError) -> str:
    return f"{error} {error.hint} {error.facts}"


def _sentences(value: object) -> Iterator[str]:
    """Yield the texts of a reply that are meant for people: those with a blank in them."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from _sentences(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _sentences(inner)
    elif isinstance(value, str) and " " in value.strip():
        yield value
