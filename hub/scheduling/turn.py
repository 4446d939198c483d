"""One account's turn: publish, listen, exchange contacts; its trouble stays its own."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy.engine import Connection

from hub.adapter import Adapter, ContactSync, Timeline
from hub.contacts.sync import Exchange, sync
from hub.discussions.collecting import Ear, listen
from hub.errors import AuthError, HubError, PluginError, TransientError
from hub.publishing.outbox import publish_due
from hub.publishing.routes import Source, read_timeline
from hub.publishing.steps import LeaseLost, Turn
from hub.scheduling import due
from hub.scheduling.hub import CONTACTS, LISTEN, PUBLISH, Hub
from hub.store import accounts, deliveries

log = structlog.get_logger()

# A delivery that nothing announces is found at the latest after this long.
_SAFETY_NET = timedelta(hours=1)


@dataclass
class Report:
    """What a turn did. `errors` has what went wrong with the account; what a person must decide is in `counts`."""

    account: str
    kinds: Sequence[str] = ()
    ourselves: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    errors: list[HubError] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        return "failed" if self.errors else "ok"


def take_turn(hub: Hub, account: str, kinds: Sequence[str], fence: int) -> Report:
    """Do what is due on an account, under the lease with this fence, and set when it is due again."""
    started = hub.clock()
    report = Report(account, kinds)
    try:
        adapter = hub.adapter(account)
        report.ourselves = _ourselves(hub, account)
        for kind in kinds:
            _one_kind(hub, adapter, kind, fence, report)
    except LeaseLost:
        log.warning("lease lost", account=account)
        return report
    except AuthError as error:
        _pause(hub, account, error, report)
    except Exception as error:
        report.errors.append(_as_error(error, account))
    _end(hub, report, kinds, fence, started)
    return report


def _ourselves(hub: Hub, account: str) -> str:
    """Return who the account is, asked once, so that our own answers are not taken for somebody's."""
    with hub.store.read() as connection:
        known = accounts.identity(connection, account)
    return known or hub.check(account).remote_id


def _one_kind(hub: Hub, adapter: Adapter, kind: str, fence: int, report: Report) -> None:
    """Do one kind of work; trouble with it leaves the other kinds their chance, unless the account is paused."""
    try:
        if kind == PUBLISH:
            _publish(hub, adapter, fence, report)
        elif kind == LISTEN:
            _listen(hub, adapter, report)
        elif kind == CONTACTS and isinstance(adapter, ContactSync):
            _exchange(hub, adapter, report)
    except (AuthError, LeaseLost):
        raise
    except Exception as error:
        if not isinstance(error, HubError):
            log.exception("plugin failed", account=report.account, platform=adapter.platform, kind=kind)
        report.errors.append(_as_error(error, report.account, adapter))


def _as_error(error: Exception, account: str, adapter: Adapter | None = None) -> HubError:
    if isinstance(error, HubError):
        return error
    why = str(error) if adapter is None else adapter.http.redact(str(error))
    return PluginError(
        "account {account}: {kind} in plugin {platform}: {why}",
        hint="this is a defect of the plugin; `hub plugins` says whose it is",
        account=account,
        kind=type(error).__name__,
        platform=adapter.platform if adapter else "?",
        why=why,
    )


def _publish(hub: Hub, adapter: Adapter, fence: int, report: Report) -> None:
    schedule = hub.settings.schedule.publish
    if not schedule.startswith("every "):
        # Cron names slots: what is due between two of them waits for the next one.
        with hub.store.read() as connection:
            last = accounts.last_run(connection, adapter.account, PUBLISH) or hub.clock()
        if due.next_run(schedule, last, hub.settings.zone) > hub.clock():
            return
    options = hub.settings.accounts[adapter.account].options
    turn = Turn(
        store=hub.store,
        adapter=adapter,
        hooks=hub.registry,
        fence=fence,
        clock=hub.clock,
        overflow=options.overflow,
        settle_after=options.settle_after,
        counts=report.counts,
    )
    publish_due(turn)


def _listen(hub: Hub, adapter: Adapter, report: Report) -> None:
    targets = dict(hub.settings.targets_of(adapter.account))
    if isinstance(adapter, Timeline) and targets:
        read_timeline(Source(hub.store, adapter, targets, hub.clock, hub.settings.hub.late, report.counts))
    ear = Ear(hub.store, adapter, hub.registry, hub.clock, due.poll_after, report.ourselves)
    try:
        listen(ear, hub.settings.accounts[adapter.account].options.searches)
    finally:
        report.counts["new mentions"] += len(ear.heard.new)
        report.counts["changed mentions"] += ear.heard.changed
        report.counts["deleted mentions"] += ear.heard.deleted
        report.errors += [HubError("{why}", why=alarm) for alarm in ear.alarms]


def _exchange(hub: Hub, adapter: ContactSync, report: Report) -> None:
    exchange = Exchange(hub.store, adapter, hub.clock, report.counts, report.errors)
    sync(exchange, push=hub.settings.accounts[adapter.account].options.push)


def _pause(hub: Hub, account: str, error: AuthError, report: Report) -> None:
    """Stop the account until a person has seen to it; said once."""
    report.errors.append(error)
    if hub.store.write(accounts.pause, account, str(error), hub.clock()):
        log.error("account paused", account=account, reason=str(error), mend=f"hub check {account}")


def _end(hub: Hub, report: Report, kinds: Sequence[str], fence: int, started: datetime) -> None:
    """Write down how the turn went and when each kind is due again, and give the account back."""
    now = hub.clock()
    schedule = hub.settings.schedule.model_dump()
    next_runs = {kind: due.next_run(schedule[kind], now, hub.settings.zone) for kind in kinds}
    transient = next((error for error in report.errors if isinstance(error, TransientError)), None)
    counts = {name: count for name, count in sorted(report.counts.items()) if count}

    def work(connection: Connection) -> None:
        if PUBLISH in kinds:
            waiting = deliveries.next_due(connection, report.account)
            slots = not schedule[PUBLISH].startswith("every ")
            if not slots:
                next_runs[PUBLISH] = min(waiting or now + _SAFETY_NET, now + _SAFETY_NET)
        if not accounts.release(connection, report.account, fence):
            return
        accounts.reschedule(connection, report.account, next_runs, started)
        if report.errors:
            failures = accounts.failures(connection, report.account)
            asked = transient.retry_after if transient else None
            until = due.retry_at(now, failures, asked) if transient else None
            accounts.note_failure(connection, report.account, str(report.errors[0]), now, until)
        else:
            accounts.note_success(connection, report.account, now)
        if counts or report.errors:
            accounts.add_run(
                connection,
                report.account,
                kinds,
                started,
                now,
                report.outcome,
                json.dumps(counts),
                "; ".join(str(error) for error in report.errors),
            )

    hub.store.write(work)
