"""Sends what webhooks are to be told: each in a thread of its own, failures first, at least once.

A round of a webhook holds a lease, so that no two processes tell it at once. A process that dies between the call
and the note of its answer leaves the notice in the line: it is sent again, under the same `webhook-id`, by which
a receiver knows it. The lease of a dead process ends by itself, after the deadline of a call and half a minute.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
import structlog

from hub.answer import Answer
from hub.errors import HubError, UsageError
from hub.http import Http
from hub.ratelimits import retry_after
from hub.scheduling.hub import Hub
from hub.settings import webhook_secret
from hub.store.running import webhooks
from hub.store.running.webhooks import Notice
from hub.webhooks import TEST, Message, TrialFacts, read_key, signed

log = structlog.get_logger()

# How long after the n-th failure the next try is made; after the last one there is none. From the specification,
# "Deliverability and reliability".
SCHEDULE = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
# What waited as long as all tries of one notice take is given up with the notice that failed.
_SPAN = sum(SCHEDULE, timedelta())
# Each wait is longer by up to this share, by chance, so that receivers are not met by all senders at once.
_JITTER = 0.1
# A notice that failed so often lets the others go first: its receiver may be well, and only not take this one.
_PATIENCE = 2
_KEPT = timedelta(days=30)
# The lease outlives the longest call by this.
_MARGIN = timedelta(seconds=30)
# A round ends after so many notices, or so many seconds, so that `hub tick` ends though a receiver is slow.
_ROUND = 1000
_LONGEST_ROUND = 60.0
_MAX_BYTES = 1024 * 1024


class Response(NamedTuple):
    """What became of one call. `status` is 0 if nothing was answered; `asked` is the wait that it asked for."""

    status: int
    said: str
    asked: timedelta

    @property
    def taken(self) -> bool:
        return 200 <= self.status < 300

    @property
    def unwanted(self) -> bool:
        """410: the receiver wants no more of this."""
        return self.status == 410


class Line:
    """One webhook's address and key, ready to call."""

    def __init__(self, hub: Hub, name: str) -> None:
        """Fetch the key; raise `ConfigError` if it is not where hub.toml says."""
        self.name = name
        self._url = hub.settings.webhooks[name].url
        self._clock = hub.clock
        secret = webhook_secret(hub.settings, name)
        self._key = read_key(secret)
        self._http = Http(
            self._url,
            deadline=hub.settings.hub.deadline.total_seconds(),
            max_bytes=_MAX_BYTES,
            secrets=[secret, secret.removeprefix("whsec_")],
            connections=1,
        )

    def call(self, message: str, body: bytes) -> Response:
        """Make one call, never a second one, and say what became of it."""
        try:
            answer = self._http.post(
                self._url,
                json=msgspec.Raw(body),
                headers=signed(self._key, message, self._clock(), body),
                accept=range(100, 600),
            )
        except HubError as error:
            return Response(0, self._http.redact(str(error)), timedelta())
        asked = timedelta(seconds=retry_after(answer.headers) or 0)
        return Response(answer.status, self._http.redact(_said(answer)), asked)

    def close(self) -> None:
        self._http.close()


def _said(answer: Answer) -> str:
    text = " ".join(answer.body[:1000].decode("utf-8", "replace").replace("\0", "").split())[:200]
    return f"HTTP {answer.status}" + (f": {text}" if text else "")


class Sender:
    """Sends what is due, each webhook in a thread of its own: one that hangs holds up nobody."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._lines = {name: Line(hub, name) for name in hub.settings.webhooks}
        self._running: dict[str, Future[None]] = {}
        self._stopping = threading.Event()
        self._pool: ThreadPoolExecutor | None = None

    def start_due(self) -> list[Future[None]]:
        """Start a round for each webhook that something waits for; return them. No webhook, no statement."""
        names = [name for name in self._hub.settings.webhooks if name not in self._running]
        if not names:
            return []
        with self._hub.store.read() as connection:
            waiting = webhooks.due(connection, names, self._hub.clock())
        return [self._start(name) for name in waiting]

    def send_due(self) -> None:
        """Send what is due now, a round for each webhook, and wait for it."""
        wait(self.start_due())

    def close(self, patience: timedelta) -> None:
        """Start nothing more; let the calls that are on their way finish, at most for `patience`."""
        self._stopping.set()
        _, late = wait(list(self._running.values()), timeout=patience.total_seconds())
        if self._pool is not None:
            self._pool.shutdown(wait=not late, cancel_futures=True)
        if not late:
            for line in self._lines.values():
                line.close()

    def _start(self, name: str) -> Future[None]:
        if self._pool is None:
            # The name's beginning is that of all threads which the daemon does not wait for when it leaves.
            count = len(self._hub.settings.webhooks)
            self._pool = ThreadPoolExecutor(max_workers=count, thread_name_prefix="turn-webhook")
        future = self._pool.submit(self._round, name)
        self._running[name] = future
        future.add_done_callback(lambda _: self._running.pop(name, None))
        return future

    def _round(self, name: str) -> None:
        hub = self._hub
        try:
            fence = hub.store.write(webhooks.claim, name, hub.clock(), self._lease())
            if fence is None:
                return
            try:
                self._send(name, fence)
            finally:
                hub.store.write(webhooks.release, name, fence, hub.clock() - _KEPT)
        except HubError as error:
            log.error("webhook cannot be told", webhook=name, reason=str(error), mend=error.hint)
        except Exception:
            log.exception("webhook cannot be told", webhook=name)

    def _send(self, name: str, fence: int) -> None:
        line, store = self._lines[name], self._hub.store
        until = time.monotonic() + _LONGEST_ROUND
        for _ in range(_ROUND):
            with store.read() as connection:
                notice = webhooks.head(connection, name, self._hub.clock())
            if notice is None or self._stopping.is_set() or time.monotonic() > until:
                return
            response = line.call(notice.message, notice.body.encode())
            if not response.taken:
                self._note_failure(notice, fence, response)
                return
            if not store.write(webhooks.note_sent, notice, fence, self._hub.clock(), self._lease()):
                return

    def _note_failure(self, notice: Notice, fence: int, response: Response) -> None:
        """The webhook is left alone, longer each time; so one call is made at a time, not one for each notice."""
        now = self._hub.clock()
        with self._hub.store.read() as connection:
            failures = webhooks.failures(connection, notice.hook) + 1
        tries = notice.attempts + 1
        stretch = 1 + random.uniform(0, _JITTER)  # noqa: S311  # no secret
        held = self._hub.store.write(
            webhooks.note_failure,
            notice,
            fence,
            response.said,
            dead=response.unwanted or tries > len(SCHEDULE),
            due_at=now + max(_after(tries) * stretch, response.asked),
            not_before=now + max(_after(failures) * stretch, response.asked),
            step_back=tries >= _PATIENCE,
            given_up=now - _SPAN,
        )
        if held:
            log.warning("webhook failed", webhook=notice.hook, event_type=notice.event, reason=response.said)

    def _lease(self) -> datetime:
        return self._hub.clock() + self._hub.settings.hub.deadline + _MARGIN


def _after(failures: int) -> timedelta:
    return SCHEDULE[min(failures, len(SCHEDULE)) - 1]


def send_test(hub: Hub, name: str) -> Response:
    """Send a signed `webhook.test` at once, past the line; raise `UsageError` if there is no such webhook."""
    if name not in hub.settings.webhooks:
        raise UsageError(
            "{name} is no webhook",
            hint="they are the [webhooks.NAME] tables of {file}",
            name=name,
            file=hub.settings.path,
        )
    line = Line(hub, name)
    try:
        message = Message(type=TEST, timestamp=hub.clock(), data=TrialFacts(webhook=name))
        return line.call(f"msg_{uuid.uuid4().hex}", message.encoded())
    finally:
        line.close()
