"""One account's turn: publish, listen, exchange contacts; its trouble stays its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.engine import Connection

from hub.adapter import Adapter, Commenter, ContactSync, Timeline
from hub.contacts.crm.sync import Exchange, sync
from hub.contacts.identity import matching
from hub.contacts.privacy.admission import Admission
from hub.discussions.collecting import Ear, listen
from hub.discussions.commenting import Pen, TurnLost, comment_due, without_ours
from hub.errors import AuthError, HubError, OverBudget, PluginError, StoppedError
from hub.lease import never, unbounded
from hub.models import RateLimit
from hub.publishing.breaker import Breaker
from hub.publishing.governor import Governor
from hub.publishing.outbox import publish_due
from hub.publishing.routes import Source, read_timeline
from hub.publishing.steps import LeaseLost, Turn
from hub.scheduling import again, due
from hub.scheduling.hub import CONTACTS, LISTEN, PUBLISH, Hub
from hub.scheduling.report import Report
from hub.store.discussions import digest_lines
from hub.store.outbox import sending
from hub.store.running import accounts, leases, rounds, switches

log = structlog.get_logger()

# A delivery that nothing announces is found at the latest after this long.
_SAFETY_NET = timedelta(hours=1)
_A_LITTLE = timedelta(milliseconds=1)


def take_turn(
    hub: Hub,
    account: str,
    kinds: Sequence[str],
    fence: int,
    lease: Callable[[], float] = unbounded,
    *,
    enough: Callable[[], bool] = never,
) -> Report:
    """Do what is due on an account, under the lease with this fence, and set when it is due again.

    `lease` says how many seconds are left of it; when none are, the turn sends nothing more. Once `enough` says so
    the turn ends, between two posts or two pages: what is left of it is due again at once.
    """
    started = hub.clock()
    report = Report(account, kinds)
    try:
        adapter = hub.adapter(account)
        with adapter.http.under(lease):
            report.ourselves = _ourselves(hub, account)
            for number, kind in enumerate(kinds, 1):
                if number > 1 and enough():
                    report.left += kinds[number - 1 :]
                    kinds = kinds[: number - 1]
                    break
                _one_kind(hub, adapter, kind, fence, report, enough)
                if report.wait is not None:
                    # The rest stays due: the network wants to be left alone, whatever the work is.
                    kinds = kinds[:number]
                    break
            report.quota = _tightest(adapter.http.rate_limits.values())
    except (LeaseLost, TurnLost):
        log.warning("lease lost", account=account)
        # If nobody has taken it yet, nobody need wait for it: what was begun is in doubt for whoever comes next.
        hub.store.keep(leases.release, account, fence)
        report.lost = True
        return report
    except AuthError as error:
        _pause(hub, account, error, report)
    except OverBudget as error:
        report.over, kinds = error, ()
    except Exception as error:
        report.errors.append(_as_error(error, account))
    _end(hub, report, kinds, fence, started)
    return report


def _tightest(limits: Iterable[RateLimit]) -> RateLimit | None:
    """Return the limit of which the least is left; the network may have several."""
    told = [limit for limit in limits if limit.remaining is not None]
    return min(told, key=lambda limit: (limit.remaining or 0) / (limit.limit or 1), default=None)


def _ourselves(hub: Hub, account: str) -> str:
    """Return who the account is, asked once, so that our own answers are not taken for somebody's."""
    with hub.store.read() as connection:
        known = accounts.identity(connection, account)
    return known or hub.check(account).remote_id


def _one_kind(
    hub: Hub, adapter: Adapter, kind: str, fence: int, report: Report, enough: Callable[[], bool]
) -> None:
    """Do one kind of work; trouble with it leaves the other kinds their chance, unless the account is paused."""
    told = again.Told(adapter.http.rate_limits)
    try:
        if kind == PUBLISH:
            # A post that the network has just said it would refuse is not tried.
            _publish(hub, adapter, fence, report, lambda: enough() or told.spent(hub.clock()) is not None)
        elif kind == LISTEN:
            _listen(hub, adapter, report, enough)
            matching.match(hub.store, hub.settings, hub.clock())
        elif kind == CONTACTS and isinstance(adapter, ContactSync):
            _exchange(hub, adapter, fence, report)
    except (AuthError, LeaseLost, TurnLost):
        raise
    except StoppedError:
        report.stopped = True
    except OverBudget as error:
        report.over = error
        report.left.append(kind)
    except Exception as error:
        if not isinstance(error, HubError):
            log.exception("plugin failed", account=report.account, platform=adapter.platform, kind=kind)
        report.errors.append(_as_error(error, report.account, adapter))
    until = told.spent(hub.clock())
    if until is not None:
        report.spent[kind] = until


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


def _publish(hub: Hub, adapter: Adapter, fence: int, report: Report, enough: Callable[[], bool]) -> None:
    schedule = hub.settings.schedule.publish
    if not schedule.startswith("every "):
        # Cron names slots: what is due between two of them waits for the next one.
        with hub.store.read() as connection:
            last = accounts.last_run(connection, adapter.account, PUBLISH) or hub.clock()
        if due.next_run(schedule, last, hub.settings.zone) > hub.clock():
            return
    options = hub.settings.accounts[adapter.account].options
    own = options.posts_per_hour
    with hub.store.read() as connection:
        failures = accounts.failures(connection, adapter.account)
    turn = Turn(
        store=hub.store,
        adapter=adapter,
        hooks=hub.registry,
        fence=fence,
        clock=hub.clock,
        overflow=options.overflow,
        settle_after=options.settle_after,
        counts=report.counts,
        notices=hub.notices,
        # With slots everything waits for the next one anyway; to space it out would be a post for each slot.
        governor=Governor(
            hub.settings.hub.posts_per_hour if own is None else own, spaced=schedule.startswith("every ")
        ),
        breaker=Breaker(half_open=failures > 0),
        enough=enough,
    )
    report.comments = isinstance(adapter, Commenter)
    broken_off = publish_due(turn)
    if isinstance(adapter, Commenter) and not broken_off:
        pen = Pen(hub.store, adapter, fence, hub.clock, options.settle_after, report.counts, enough=enough)
        broken_off = comment_due(pen)
    if broken_off:
        report.left.append(PUBLISH)


def _listen(hub: Hub, adapter: Adapter, report: Report, enough: Callable[[], bool]) -> None:
    targets = dict(hub.settings.targets_of(adapter.account))
    if isinstance(adapter, Timeline) and targets:
        late = hub.settings.hub.late
        source = Source(hub.store, adapter, targets, hub.clock, late, report.counts, notices=hub.notices)
        source.enough = enough
        if read_timeline(source):
            report.left.append(LISTEN)
            return
    ear = Ear(hub.store, adapter, hub.registry, hub.clock, due.poll_after, report.ourselves, notices=hub.notices)
    ear.admit = Admission(hub.tombstones, hub.settings.retention, hub.clock)
    if isinstance(adapter, Commenter):
        ear.others = partial(without_ours, hub.store, adapter.account, hub.clock)
    ear.enough = enough
    try:
        if listen(ear, hub.settings.accounts[adapter.account].options.searches):
            report.left.append(LISTEN)
    finally:
        report.counts["new mentions"] += len(ear.heard.new)
        report.counts["changed mentions"] += ear.heard.changed
        report.counts["deleted mentions"] += ear.heard.deleted
        report.errors += [HubError("{why}", why=alarm) for alarm in ear.alarms]


def _exchange(hub: Hub, adapter: ContactSync, fence: int, report: Report) -> None:
    exchange = exchange_of(hub, adapter, fence)
    exchange.counts, exchange.errors = report.counts, report.errors
    sync(exchange, push=exchange.options.push)


def exchange_of(hub: Hub, adapter: ContactSync, fence: int) -> Exchange:
    """Return what a turn at contacts works with."""
    return Exchange(
        hub.store,
        adapter,
        hub.clock,
        hub.settings,
        fence,
        hub.tombstones,
        accept_deletions=adapter.account in hub.accepted,
    )


def _pause(hub: Hub, account: str, error: AuthError, report: Report) -> None:
    """Stop the account until a person has seen to it; said once."""
    report.errors.append(error)
    if hub.pause(account, error):
        log.error("account paused", account=account, reason=str(error), mend=f"hub check {account}")


def _end(hub: Hub, report: Report, kinds: Sequence[str], fence: int, started: datetime) -> None:
    """Write down how the turn went and when each kind is due again, and give the account back."""
    now = hub.clock()
    next_runs = again.next_runs(hub.settings, report.account, kinds, now)
    net = now + _SAFETY_NET * (1 + due.jitter(report.account, "net", now, len(hub.settings.accounts)))
    counts = {name: count for name, count in sorted(report.counts.items()) if count}

    def work(connection: Connection) -> None:
        accounts.hold_jobs(connection, report.account)
        if PUBLISH in kinds:
            # What cannot be sent while the hub is stopped is no reason for a turn; what can be looked at is.
            still = report.stopped and switches.holds(connection)
            next_due = sending.next_doubt if still else sending.next_due
            waiting = next_due(connection, report.account)
            if report.comments and not still:
                lines = digest_lines.next_due(connection, report.account)
                waiting = min(filter(None, (waiting, lines)), default=None)
            if due.is_interval(hub.settings.schedule.publish):
                # Never in the past: who had a turn stands behind all that wait for theirs.
                next_runs[PUBLISH] = max(min(waiting or net, net), now)
        if not leases.release(connection, report.account, fence):
            return
        again.slow_down(connection, hub.settings, report.account, next_runs, counts, now)
        if report.stopped and PUBLISH in next_runs:
            # It did not have its run: a slot that the stop took away is made up for.
            accounts.reschedule(connection, report.account, {PUBLISH: next_runs.pop(PUBLISH)}, None)
        # What was broken off comes after what was not begun, and both after the accounts that wait already.
        after = now + _A_LITTLE
        on = {kind: after if kind in next_runs else now for kind in report.left}
        again.keep_away(connection, report.account, report.spent, [on, next_runs])
        accounts.reschedule(connection, report.account, on, None)
        done = {kind: at for kind, at in next_runs.items() if kind not in on}
        accounts.reschedule(connection, report.account, done, started)
        if report.troubles:
            failures = 0 if report.worked else accounts.failures(connection, report.account)
            until = due.retry_at(now, failures, report.wait)
            why = str(report.troubles[0])
            accounts.note_failure(connection, report.account, why, now, until, failures + 1)
        elif report.errors:
            accounts.note_failure(connection, report.account, str(report.errors[0]), now, None, 0)
        elif not report.stopped and report.over is None:
            accounts.note_success(connection, report.account, now)
        if report.over is not None and not report.troubles:
            rounds.leave_alone(connection, report.account, due.retry_at(now, 0, report.wait))
        if report.quota is not None:
            left = report.quota
            anew = None if left.reset_after is None else now + timedelta(seconds=left.reset_after)
            accounts.note_quota(connection, report.account, left.remaining, left.limit, anew)
        if counts or report.errors or report.stopped:
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

    hub.store.keep(work)
