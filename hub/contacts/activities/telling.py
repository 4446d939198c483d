"""Tells a CRM by rule what people say, as notes, tasks and leads on their records: each thing once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.engine import Connection

from hub.adapter import Adapter
from hub.contacts.activities import rules
from hub.contacts.activities.gathering import Exchange, gather
from hub.contacts.activities.rules import Rule, rules_of
from hub.contacts.activities.texts import note_of
from hub.discussions.commenting import TurnLost
from hub.errors import (
    AuthError,
    DuplicateError,
    GoneError,
    HubError,
    RejectedError,
    TransientError,
    UnknownOutcome,
    UsageError,
)
from hub.models import Receipt
from hub.ratelimits import LONGEST_WAIT, growing
from hub.settings import Settings
from hub.store import Store
from hub.store.crm import activities
from hub.store.crm import activity_rules as places
from hub.store.crm.activities import Activity, Due
from hub.store.privacy import consents
from hub.store.running import accounts, leases, switches

log = structlog.get_logger()

# So many are told in one turn.
_MOST = 500
_FIRST_WAIT = 5.0
# So many in a row that come to nothing end the turn: it is the CRM, and not the note.
_PATIENCE = 3
# A record that is gone may be another by then; a note whose record was gone so often is given up.
_RESPITE = timedelta(hours=1)
_TRIES = 5
_TO_SETTLE = ("asked", "failed")


@dataclass
class Telling:
    """What a turn tells with, and how often in a row it came to nothing."""

    exchange: Exchange
    settings: Settings
    troubles: int = 0

    @property
    def store(self) -> Store:
        return self.exchange.store

    @property
    def account(self) -> str:
        return self.exchange.adapter.account

    def now(self) -> datetime:
        return self.exchange.clock()


def prepare(store: Store, settings: Settings, open_adapter: Callable[[str], Adapter], now: datetime) -> None:
    """Check the rules, and note which are new: they look at what is said from now on.

    Raises `ConfigError` for the first rule that cannot work. Writes nothing if none is new.
    """
    if not settings.activities:
        return
    rules.check(settings, open_adapter)
    with store.read() as connection:
        known = places.rules(connection)
    for name, section in settings.activities.items():
        if (section.account, name) not in known:
            store.write(places.register, section.account, name, now, from_now=True)


def tell(exchange: Exchange, settings: Settings) -> None:
    """Find what the rules want told, and tell what can be: once, and only on the record of the person.

    Raises `AuthError` when the credentials are refused, `TransientError` when the CRM wants to be left alone,
    `StoppedError` when the hub is stopped, and `TurnLost`.
    """
    telling = Telling(exchange, settings)
    with telling.store.read() as connection:
        orphans = activities.left_sending(connection, telling.account, exchange.fence)
    for orphan in orphans:
        _in_doubt(telling, orphan, UnknownOutcome("the process ended while it was sending"))
    by_name = {rule.name: rule for rule in rules_of(settings, [exchange.adapter])}
    if by_name:
        gather(exchange, by_name.values())
        _tell_due(telling, by_name)


def _tell_due(telling: Telling, by_name: dict[str, Rule]) -> None:
    purpose = telling.settings.accounts[telling.account].options.consent
    told, after = 0, 0
    while told < _MOST:
        with telling.store.read() as connection:
            work = activities.due(connection, telling.account, by_name, telling.now(), _MOST, after)
            people = sorted({due.person_id for due in work})
            agreed = consents.agreed(connection, people, purpose) if purpose else set(people)
        if not work:
            return
        for due in work:
            if due.person_id in agreed:
                _tell(telling, due, by_name[due.activity.rule])
                told += 1
        after = work[-1].activity.id


def _tell(telling: Telling, due: Due, rule: Rule) -> None:
    adapter = telling.exchange.adapter
    note = note_of(telling.store, due, rule, telling.settings.zone, telling.settings.serve.url)
    activity = _begin(telling, due)
    if activity is None:
        return
    try:
        receipt = adapter.add_note(due.record_id, note)
        if not isinstance(receipt, Receipt):
            raise TypeError(f"add_note returned {type(receipt).__name__}, not a Receipt")
    except DuplicateError as error:
        _sent(telling, activity, error.receipt)
    except TransientError as error:
        _put_off(telling, activity, error)
    except AuthError as error:
        _finish(telling, activity, state="queued", error=_why(telling, error))
        raise
    except RejectedError as error:
        _refused(telling, activity, error)
    except HubError as error:
        _in_doubt(telling, activity, error)
        _trouble(telling, error)
    except Exception as error:
        log.exception("plugin failed", account=telling.account, platform=adapter.platform, verb="add_note")
        _in_doubt(telling, activity, UnknownOutcome("{why}", why=f"{type(error).__name__}: {error}"))
    else:
        _sent(telling, activity, receipt)


def _begin(telling: Telling, due: Due) -> Activity | None:
    """Write down that it is about to be sent; None if it may not be any more.

    Raises `StoppedError`, or `TurnLost` if the turn no longer has the account.
    """
    fence = telling.exchange.fence
    if telling.exchange.adapter.http.lease() <= 0:
        raise TurnLost

    def work(connection: Connection) -> bool:
        if activities.begin(connection, due, fence, telling.now()):
            return True
        switches.refuse_if_stopped(connection)
        if not leases.holds(connection, telling.account, fence):
            raise TurnLost
        return False

    begun = telling.store.write(work)
    return due.activity._replace(state="sending", attempts=due.activity.attempts + 1) if begun else None


def _sent(telling: Telling, activity: Activity, receipt: Receipt | None) -> None:
    told = {} if receipt is None else {"remote_id": receipt.remote_id, "url": receipt.url}
    _finish(telling, activity, state="sent", **told)
    telling.exchange.counts["noted"] += 1
    telling.troubles = 0


def _put_off(telling: Telling, activity: Activity, error: TransientError) -> None:
    """Surely nothing was done: later, with growing delay."""
    asked = error.retry_after
    seconds = growing(_FIRST_WAIT, activity.attempts - 1) if asked is None else min(max(asked, 0.0), LONGEST_WAIT)
    due_at = telling.now() + timedelta(seconds=seconds)
    _finish(telling, activity, state="waiting", due_at=due_at, error=_why(telling, error))
    _trouble(telling, error)


def _refused(telling: Telling, activity: Activity, error: RejectedError) -> None:
    if isinstance(error, GoneError) and activity.attempts < _TRIES:
        # The next pull says whether the person has another record.
        due_at = telling.now() + _RESPITE
        _finish(telling, activity, state="waiting", due_at=due_at, error=_why(telling, error))
        return
    _finish(telling, activity, state="failed", error=_why(telling, error))
    telling.exchange.errors.append(
        RejectedError(
            "activity {id} was refused: {why}",
            hint="mend it, then `hub activities settle {id} --again`, or --drop",
            id=activity.id,
            why=error,
        )
    )
    log.warning("activity refused", account=telling.account, activity=activity.id, reason=str(error))


def _in_doubt(telling: Telling, activity: Activity, error: HubError) -> None:
    """It may be there, and nothing can tell: a person is asked."""
    _finish(telling, activity, state="asked", error=_why(telling, error))
    telling.exchange.errors.append(
        UnknownOutcome(
            "activity {id} may be in the CRM, or not: {why}",
            hint="look there, then say `hub activities settle {id} --sent`, --again or --drop",
            id=activity.id,
            why=error,
        )
    )
    log.warning("outcome unknown", account=telling.account, activity=activity.id, reason=str(error))


def _trouble(telling: Telling, error: HubError) -> None:
    """Count what came to nothing; raise `TransientError` if the CRM is to be left alone."""
    telling.troubles += 1
    if isinstance(error, TransientError) and error.retry_after is not None:
        raise error
    if telling.troubles >= _PATIENCE:
        raise TransientError("{why}", why=_why(telling, error))


def _why(telling: Telling, error: HubError) -> str:
    return telling.exchange.adapter.http.redact(str(error))


def _finish(telling: Telling, activity: Activity, **values: Any) -> None:
    fence = telling.exchange.fence
    written = telling.store.keep(activities.finish, activity.id, telling.account, fence, telling.now(), **values)
    if not written:
        raise TurnLost


def decide(
    store: Store,
    activity_id: int,
    now: datetime,
    *,
    sent: bool = False,
    again: bool = False,
    attempts: int | None = None,
) -> Activity:
    """Let a person settle what is asked or failed: it is there (`sent`), tell it `again`, or drop it (neither).

    `attempts` is how many the person knew of. Raises `UsageError` for what is not theirs to settle.
    """

    def work(connection: Connection) -> Activity:
        activity = activities.get(connection, activity_id)
        if activity is None:
            raise UsageError("there is no activity {id}", hint="`hub activities` lists them", id=activity_id)
        if activity.state not in _TO_SETTLE:
            raise UsageError(
                "activity {id} is {state}; there is nothing to settle", id=activity_id, state=activity.state
            )
        state = "sent" if sent else "queued" if again else "dropped"
        known = attempts in (None, activity.attempts)
        if not known or not activities.settle(connection, activity, now, state):
            raise UsageError(
                "something has happened to activity {id} since you looked",
                hint="look at the CRM again, then decide",
                id=activity_id,
            )
        accounts.hasten(connection, [activity.account], "contacts", now)
        return activity._replace(state=state, due_at=None, error="", updated_at=now)

    return store.write(work)
