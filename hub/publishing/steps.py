"""Writes down each step of a delivery: what is about to be sent, and what became of it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

import structlog
from sqlalchemy.engine import Connection

from hub.adapter import Adapter, Publisher, ThreadReader
from hub.errors import HubError, RejectedError, StoreUnsure, TransientError, UnknownOutcome
from hub.lease import never
from hub.models import Post, Receipt
from hub.publishing.breaker import Breaker
from hub.publishing.governor import Governor
from hub.ratelimits import LONGEST_WAIT, growing
from hub.store import Store
from hub.store.discussions import threads
from hub.store.outbox import copies, deliveries, following, pacing, sending
from hub.store.outbox.deliveries import Delivery
from hub.store.running import changes, switches
from hub.store.running.notices import NOBODY, Notices

log = structlog.get_logger()

OK = "ok"
"""The class of an answer that is no error."""

# A refusal that is sure to have done nothing is tried again after 5 s, 10 s, 20 s … at most an hour.
_FIRST_WAIT = 5.0
# A key or an id of our own choosing settles at once; a moment lets the network catch its breath.
_SOON = timedelta(seconds=1)

# Outcomes that webhooks are told of; the others lead to one of these, or are told by the event of the account.
_TOLD = frozenset({"waiting", "unknown", "asked", "failed", "missed"})


class Hooks(Protocol):
    """What the outbox asks and tells the plugins; `hub.registry.Registry` is one."""

    def prepare(self, post: Post, account: str) -> Post:
        """Let plugins change a post for an account."""

    def tell(self, event: str, **facts: Any) -> None:
        """Tell plugins a fact."""


@dataclass
class Turn:
    """One account's turn at publishing: what it works with, and what it has done.

    `clock` returns now, aware; `fence` is the token of the account's lease. `held` are the deliveries, by their
    ids, that the governor holds back and that are still to be written down. `enough` says when the turn is to end
    though something is left.
    """

    store: Store
    adapter: Adapter
    hooks: Hooks
    fence: int
    clock: Callable[[], datetime]
    overflow: Literal["thread", "shorten"] = "shorten"
    settle_after: timedelta | None = None
    counts: Counter[str] = field(default_factory=Counter)
    notices: Notices = NOBODY
    governor: Governor = field(default_factory=Governor)
    breaker: Breaker = field(default_factory=Breaker)
    held: list[tuple[int, datetime, str]] = field(default_factory=list)
    enough: Callable[[], bool] = never

    @property
    def account(self) -> str:
        return self.adapter.account

    def settle_wait(self, adapter: Publisher) -> timedelta:
        """How long after a lost answer the network is looked at."""
        return self.settle_after or adapter.settle_after


class LeaseLost(Exception):
    """Another worker has this account now; nothing more may be sent or written by this one."""


def begin(turn: Turn, delivery: Delivery, text: str, version: int, parts: Sequence[str]) -> int:
    """Write down that this is about to be sent.

    Raises `LeaseLost`, or `StoppedError` while the hub is stopped: then nothing may be sent. `parts` are the
    texts of the whole thread: the first part stores its siblings before anything is sent.
    """
    if turn.adapter.http.lease() <= 0:
        raise LeaseLost
    now = turn.clock()

    def work(connection: Connection) -> int | None:
        attempt = sending.begin(connection, delivery, turn.fence, now, text, version)
        if attempt is None:
            switches.refuse_if_stopped(connection)
        elif delivery.part == 0:
            for number, sibling in enumerate(parts[1:], 1):
                deliveries.add(
                    connection,
                    delivery.post_id,
                    delivery.account,
                    now,
                    part=number,
                    due_at=None,
                    text=sibling,
                    version=version,
                )
        return attempt

    attempt = turn.store.write(work)
    if attempt is None:
        raise LeaseLost
    if delivery.part == 0 and delivery.first_attempt_at is None:
        turn.governor.note(now)
    return attempt


def hold_back(turn: Turn) -> None:
    """Write down what the governor holds back."""
    if turn.held and not turn.store.write(pacing.hold, turn.account, turn.fence, turn.held):
        raise LeaseLost
    turn.held.clear()


def published(
    turn: Turn, delivery: Delivery, part: Post, receipt: Receipt, attempt: int | None, answer: str = OK
) -> None:
    """Write down that the network has the post: state, copy, thread to listen to, next part, in one commit."""
    now = turn.clock()
    request_id = turn.adapter.http.last_request_id

    def work(connection: Connection) -> bool:
        if attempt is None and not sending.take(connection, delivery, turn.fence):
            return False
        ours = sending.finish(
            connection,
            delivery.id,
            turn.fence,
            now,
            state="published",
            due_at=None,
            remote_id=receipt.remote_id,
            url=receipt.url,
            error="",
            error_code="",
            resend=False,
            looked=0,
        )
        if not ours:
            return False
        if attempt is None:
            sending.add_attempt(connection, delivery, "settle", now, "published", receipt.url, answer=answer)
        else:
            sending.end_attempt(connection, attempt, "published", receipt.url, request_id, answer)
        changes.note(connection, "posts", delivery.post_id)
        turn.notices.delivery(connection, "delivery.published", delivery.id, now)
        take_over(connection, turn.adapter, delivery, receipt, now)
        return True

    if not _keep(turn, delivery, attempt, work):
        raise LeaseLost
    turn.counts["published"] += 1
    log.info("post published", account=turn.account, post=delivery.post_id, part=delivery.part, url=receipt.url)
    turn.hooks.tell("post_published", account=turn.account, post=part, receipt=receipt)


def take_over(
    connection: Connection, adapter: Adapter, delivery: Delivery, receipt: Receipt, now: datetime
) -> None:
    """Do what follows from a delivery being out, however that became known: its copy, its next part, its edits."""
    record_copy(connection, adapter, delivery, receipt, now)
    sending.release_next_part(connection, delivery, now)
    following.catch_up(connection, delivery, now)


def record_copy(
    connection: Connection, adapter: Adapter, delivery: Delivery, receipt: Receipt, now: datetime
) -> None:
    """Remember the copy for ever, and listen to what is said under it."""
    copies.add(connection, delivery.account, receipt.remote_id, delivery.post_id, part=delivery.part)
    if delivery.part == 0:
        discussion = threads.discussion_of_post(connection, delivery.post_id, now)
        threads.add(
            connection,
            delivery.account,
            receipt.remote_id,
            discussion,
            now,
            url=receipt.url,
            polled=isinstance(adapter, ThreadReader),
        )


def _keep(turn: Turn, delivery: Delivery, attempt: int | None, work: Callable[[Connection], bool]) -> bool:
    """Store what a network answered; False if the turn no longer holds the delivery.

    Where nothing can tell whether it was stored, the row can: it is `sending` until it is.
    """
    try:
        return turn.store.keep(work)
    except StoreUnsure:
        if attempt is None:
            raise
    with turn.store.read() as connection:
        found = deliveries.get(connection, delivery.id)
    if found is None or found.fence != turn.fence:
        return False
    return found.state != "sending" or turn.store.keep(work)


def followed(turn: Turn, delivery: Delivery, receipt: Receipt | None, attempt: int) -> None:
    """Write down that a copy was edited (with its receipt) or deleted (None)."""
    now = turn.clock()
    values: dict[str, Any] = {"due_at": None, "error": "", "error_code": "", "action": "publish"}
    if receipt is None:
        values["state"] = "deleted"
    else:
        values |= {"state": "published", "remote_id": receipt.remote_id, "url": receipt.url or delivery.url}

    def work(connection: Connection) -> bool:
        if not sending.finish(connection, delivery.id, turn.fence, now, **values):
            return False
        outcome = "deleted" if receipt is None else "edited"
        sending.end_attempt(connection, attempt, outcome, "", turn.adapter.http.last_request_id, OK)
        changes.note(connection, "posts", delivery.post_id)
        turn.notices.delivery(connection, f"delivery.{outcome}", delivery.id, now)
        if receipt is not None:
            if receipt.remote_id != delivery.remote_id:
                record_copy(connection, turn.adapter, delivery, receipt, now)
            sending.release_next_part(connection, delivery, now)
            following.catch_up(connection, delivery, now)
        return True

    if not _keep(turn, delivery, attempt, work):
        raise LeaseLost
    turn.counts["edited" if receipt is not None else "deleted"] += 1
    log.info("copy followed", account=turn.account, post=delivery.post_id, deleted=receipt is None)


def keep_published(turn: Turn, delivery: Delivery, error: HubError, attempt: int | None, version: int) -> None:
    """The copy stands as it was; the reason why it does not follow is kept and told."""
    end(
        turn, delivery, attempt, "failed", error, state="published", due_at=None, action="publish", version=version
    )
    turn.counts["failed"] += 1
    _need_attention(turn, delivery, "failed", str(error))


def withdraw(turn: Turn, delivery: Delivery) -> None:
    """The post was withdrawn before this delivery was out: it never will be."""
    gone = RejectedError("the post was withdrawn")
    end(turn, delivery, None, "withdrawn", gone, state="deleted", due_at=None, error_code="")


def put_back(
    turn: Turn, delivery: Delivery, error: HubError, attempt: int | None, answer: str | None = None
) -> None:
    """Nothing was done, or doing it again is harmless: later, with growing delay."""
    asked = error.retry_after if isinstance(error, TransientError) else None
    wait = growing(_FIRST_WAIT, delivery.attempts) if asked is None else min(max(asked, 0.0), LONGEST_WAIT)
    # Up to half of our own wait is left out by chance, so that accounts do not come back together.
    wait = wait if asked is not None else wait * random.uniform(0.5, 1.0)  # noqa: S311  # no secret
    state = "unknown" if delivery.resend else "waiting"
    due_at = turn.clock() + timedelta(seconds=wait)
    end(turn, delivery, attempt, "waiting", error, answer, state=state, due_at=due_at)
    turn.counts["waiting"] += 1


def refused(turn: Turn, delivery: Delivery, error: HubError, attempt: int) -> None:
    """The credentials were refused: the delivery keeps its place in the queue."""
    state = "unknown" if delivery.resend else "queued"
    end(turn, delivery, attempt, "refused", error, state=state, due_at=turn.clock())


def fail(turn: Turn, delivery: Delivery, error: HubError, attempt: int | None, answer: str | None = None) -> None:
    """The network will never take it; after an unknown attempt such a refusal settles nothing, so ask."""
    close(turn, delivery, "asked" if delivery.resend else "failed", error.code, str(error), attempt, answer)


def set_unknown(
    turn: Turn, delivery: Delivery, why: str, attempt: int | None, answer: str = UnknownOutcome.code
) -> None:
    """It may have been done. Edits and deletions are done again; posts are settled, or a person is asked."""
    adapter = turn.adapter
    if delivery.action != "publish":
        put_back(turn, delivery, UnknownOutcome("{why}", why=why), attempt, answer)
        return
    if not isinstance(adapter, Publisher) or adapter.settle == "none":
        close(turn, delivery, "asked", UnknownOutcome.code, why, attempt, answer)
        return
    wait = turn.settle_wait(adapter) if adapter.settle == "lookup" else _SOON
    # The first time at once, then with growing delay. Without an attempt of this turn the last one died with its
    # process, which says nothing about the network.
    before = delivery.attempts if attempt is not None else max(delivery.attempts - 1, 0)
    end(
        turn,
        delivery,
        attempt,
        "unknown",
        UnknownOutcome("{why}", why=why),
        answer,
        state="unknown",
        due_at=turn.clock() + timedelta(seconds=growing(wait.total_seconds(), before)),
        looked=0,
    )
    turn.counts["unknown"] += 1
    log.warning("outcome unknown", account=turn.account, delivery=delivery.id, reason=why)


def close(
    turn: Turn,
    delivery: Delivery,
    state: str,
    code: str,
    why: str,
    attempt: int | None = None,
    answer: str | None = None,
) -> None:
    """Leave the delivery to a person: it failed, was missed, or nothing can tell what became of it."""
    reason = HubError("{why}", why=why)
    answer = answer if attempt is not None else ""
    end(turn, delivery, attempt, state, reason, answer, state=state, due_at=None, error_code=code)
    turn.counts[state] += 1
    _need_attention(turn, delivery, state, why)


def _need_attention(turn: Turn, delivery: Delivery, state: str, why: str) -> None:
    log.warning("delivery needs attention", account=turn.account, delivery=delivery.id, state=state, reason=why)
    turn.hooks.tell(
        "delivery_needs_attention", account=turn.account, delivery=delivery.id, state=state, reason=why
    )


def end(
    turn: Turn,
    delivery: Delivery,
    attempt: int | None,
    outcome: str,
    error: HubError,
    answer: str | None = None,
    **values: Any,
) -> None:
    """Write down what became of a delivery and why; `attempt` is None if nothing was sent for it.

    `answer` is the class of what came back, where that is another than the error's.
    """
    now = turn.clock()
    why = turn.adapter.http.redact(str(error))
    values = {"error": why, "error_code": error.code, **values}
    said = values["error_code"] if answer is None else answer
    next_at = values.get("due_at")

    def work(connection: Connection) -> bool:
        if attempt is not None:
            request_id = turn.adapter.http.last_request_id
            sending.end_attempt(connection, attempt, outcome, why, request_id, said, next_at)
        elif sending.take(connection, delivery, turn.fence):
            sending.add_attempt(
                connection, delivery, delivery.action, now, outcome, why, answer=said, next_at=next_at
            )
        else:
            return False
        ours = sending.finish(connection, delivery.id, turn.fence, now, **values)
        if ours:
            changes.note(connection, "posts", delivery.post_id)
        if ours and outcome in _TOLD:
            turn.notices.delivery(connection, f"delivery.{outcome}", delivery.id, now)
        return ours

    if not _keep(turn, delivery, attempt, work):
        raise LeaseLost


class PluginFault(HubError):
    """A plugin raised something that the contract does not know."""

    code = "plugin"

    @classmethod
    def of(cls, error: Exception, adapter: Adapter) -> PluginFault:
        return cls(
            "{kind} in plugin {platform}: {why}",
            kind=type(error).__name__,
            platform=adapter.platform,
            why=adapter.http.redact(str(error)),
        )
