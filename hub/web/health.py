"""Says how the hub fares: `/healthz`, `/readyz` and `/metrics` for programs, broken accounts for every page."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from hub.i18n import _
from hub.scheduling import health
from hub.scheduling.health import Broken, Facts
from hub.scheduling.hub import Hub
from hub.users.roles import Permission, User
from hub.web.live import feed_of
from hub.web.routes import Room, TheHub, TheUser

room = Room()

# What every page asks is asked of the store so seldom, in seconds; the account that broke meanwhile can wait.
_KEPT = 3.0
_STATES = ("queued", "sending", "waiting", "published", "unknown", "asked", "failed", "missed", "deleted")


class Told(NamedTuple):
    """An account that does no work until a person has seen to it, and why, in the reader's language."""

    account: str
    platform: str
    why: str


class _Kept(NamedTuple):
    at: float
    broken: Sequence[Broken]


_kept: WeakKeyDictionary[Hub, _Kept] = WeakKeyDictionary()
_guard = threading.Lock()


def banner(hub: Hub, user: User | None) -> Sequence[Told]:
    """Return the broken accounts that the user may see; for every page, so it is kept for some seconds."""
    if user is None:
        return ()
    with _guard:
        kept = _kept.get(hub)
    if kept is None or time.monotonic() - kept.at > _KEPT:
        kept = _Kept(time.monotonic(), health.broken(hub, None, hub.clock()))
        with _guard:
            _kept[hub] = kept
    return [
        Told(one.account, one.platform, _(one.why).format_map(dict(one.facts)))
        for one in kept.broken
        if user.accounts is None or one.account in user.accounts
    ]


def forget_banner(hub: Hub) -> None:
    """Let the next page ask the store: somebody has just seen to an account."""
    with _guard:
        _kept.pop(hub, None)


@room.page("/healthz", may=None)
def healthz() -> JSONResponse:
    """Say that the process lives; nothing is asked of the store."""
    return JSONResponse({"ok": True}, headers={"Cache-Control": "no-store"})


@room.page("/readyz", may=None)
def readyz(hub: TheHub) -> JSONResponse:
    """Say whether the hub can do its work: 200, or 503 with what is wrong. It names no account."""
    found = health.readiness(hub, hub.clock())
    return JSONResponse(
        {"ok": found.ready, "checks": dict(found.checks), "heartbeat_age": found.beat_age},
        status_code=200 if found.ready else 503,
        headers={"Cache-Control": "no-store"},
    )


@room.page("/metrics", may=Permission.READ)
def metrics(request: Request, hub: TheHub, user: TheUser) -> Response:
    """Give the facts to Prometheus, which logs in with a token that may read (`authorization` in its settings).

    Whose accounts are bounded is told of those alone.
    """
    registry = CollectorRegistry()
    registry.register(_Figures(health.facts(hub, hub.clock()), user, feed_of(request.app).listeners))
    return Response(
        generate_latest(registry),
        headers={"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"},
    )


class _Figures(Collector):
    """The facts of one moment, as Prometheus wants them: base units, one family a kind."""

    def __init__(self, facts: Facts, user: User, listeners: int) -> None:
        self._facts = facts
        self._shown = [one for one in facts.accounts if user.accounts is None or one.name in user.accounts]
        self._listeners = listeners

    def collect(self) -> Iterator[Metric]:
        yield from self._whole()
        yield from self._by_account()

    def _whole(self) -> Iterator[Metric]:
        facts = self._facts
        about = {"version": facts.hub_version, "python": facts.python, "database": facts.database}
        yield InfoMetricFamily("hub", "What this hub is", {**about, "schema": facts.schema})
        yield _gauge("hub_up", "1 while a scheduler does the work", facts.alive)
        if facts.beat_age is not None:
            age = facts.beat_age.total_seconds()
            yield _gauge("hub_heartbeat_age_seconds", "Since a scheduler gave its last sign of life", age)
        yield from self._work()
        yield _gauge("hub_stopped", "1 while a person has stopped the hub", facts.stopped is not None)
        yield _gauge("hub_database_size_bytes", "Size of the database", facts.database_bytes)
        yield _gauge("hub_disk_free_bytes", "What is left of its disk", facts.disk_free)
        yield _gauge("hub_live_listeners", "Pages that listen for changes here", self._listeners)
        stored = CounterMetricFamily("hub_mentions", "Mentions that were ever stored", value=facts.mentions)
        yield stored
        by_state = GaugeMetricFamily("hub_deliveries", "Deliveries, by state", labels=["state"])
        for state in _STATES:
            by_state.add_metric([state], facts.deliveries.get(state, 0))
        yield by_state

    def _work(self) -> Iterator[Metric]:
        """Tell who does the work and how much of it there is, on all machines together."""
        standing = self._facts.standing
        alive, lost = len(standing.alive), len(standing.lost)
        yield _gauge("hub_workers", "Workers that gave a sign of life lately", alive)
        yield _gauge("hub_workers_lost", "Workers that fell silent without a word, until they are forgotten", lost)
        yield _gauge("hub_turns_due", "Accounts that are due and wait for a turn", standing.stats.depth)
        behind = standing.behind.total_seconds()
        yield _gauge("hub_turns_oldest_due_seconds", "For how long the first of them has been due", behind)
        yield _gauge("hub_turns_running", "Turns that are under way", standing.stats.running)
        yield _gauge("hub_engine_messages", "Messages that the engine has queued itself", standing.stats.ready)

        def family(name: str, text: str) -> GaugeMetricFamily:
            return GaugeMetricFamily(f"hub_worker_{name}", text, labels=["worker", "host"])

        age = family("heartbeat_age_seconds", "Since a worker gave its last sign of life")
        room = family("turns", "How many turns a worker carries out side by side")
        busy = family("turns_running", "Turns that a worker carries out")
        for worker in (*standing.alive, *standing.lost):
            labels = [worker.name, worker.host]
            age.add_metric(labels, max((standing.at - worker.beat_at).total_seconds(), 0.0))
            room.add_metric(labels, worker.turns)
            busy.add_metric(labels, worker.running)
        yield from (age, room, busy)

    def _by_account(self) -> Iterator[Metric]:
        def family(name: str, text: str) -> GaugeMetricFamily:
            return GaugeMetricFamily(f"hub_account_{name}", text, labels=["account", "platform"])

        up = family("up", "1 while an account's work goes on")
        depth = family("queue_depth", "Deliveries that wait on an account")
        oldest = family("queue_oldest_seconds", "For how long the oldest of them has been due")
        doubts = family("doubts", "Deliveries of which nobody knows whether they are out")
        lag = family("lag_seconds", "For how long an account's sources have been due")
        listened = family("listened_timestamp_seconds", "When an account was listened to last")
        success = family("success_timestamp_seconds", "When an account's network last did what was asked")
        expires = family("token_expiry_timestamp_seconds", "When an account's token ends")
        quota = family("quota_left", "Calls that the network said are left")
        failed = family("failed_turns", "Turns of the last day that went wrong")
        for one in self._shown:
            labels = [one.name, one.health.platform]
            up.add_metric(labels, float(one.level != "bad"))
            depth.add_metric(labels, one.queue.depth)
            age = 0.0
            if one.queue.oldest is not None:
                age = max((self._facts.at - one.queue.oldest).total_seconds(), 0.0)
            oldest.add_metric(labels, age)
            doubts.add_metric(labels, one.queue.doubts + one.queue.asked)
            failed.add_metric(labels, one.failed_runs)
            if one.lag is not None:
                lag.add_metric(labels, one.lag.total_seconds())
            if one.health.quota_left is not None:
                quota.add_metric(labels, one.health.quota_left)
            for told, moment in (
                (listened, one.listened_at),
                (success, one.health.last_ok_at),
                (expires, one.health.expires_at),
            ):
                if moment is not None:
                    told.add_metric(labels, moment.timestamp())
        yield from (up, depth, oldest, doubts, lag, listened, success, expires, quota, failed)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=float(value))
