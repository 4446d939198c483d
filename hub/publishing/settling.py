"""Settles an unknown outcome: by the network's key, by an id of our choosing, by a look, or by a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import structlog
from sqlalchemy.engine import Connection

from hub.adapter import Adapter, Publisher
from hub.errors import (
    AuthError,
    DuplicateError,
    HubError,
    RejectedError,
    TransientError,
    UnknownOutcome,
    UsageError,
)
from hub.models import Post, Receipt
from hub.publishing import steps
from hub.publishing.steps import Turn
from hub.store import Store
from hub.store.outbox import deliveries, sending
from hub.store.outbox.deliveries import Delivery
from hub.store.outbox.posts import StoredPost
from hub.store.running import accounts, changes
from hub.store.running.notices import NOBODY, Notices

log = structlog.get_logger()

# What a person may decide about, and what surely is not out.
_TO_SETTLE = (*deliveries.ATTENTION, "unknown", "waiting")
_SURELY_NOT_OUT = ("failed", "missed", "waiting")
# So many looks must find nothing before a post is sent again.
LOOKS = 2
_LONGEST_LOOK = timedelta(hours=1)


def settle(turn: Turn, adapter: Publisher, delivery: Delivery, post: StoredPost) -> None:
    """Find out what became of a delivery whose answer was lost, in the way its network allows."""
    if adapter.settle == "none":
        steps.close(turn, delivery, "asked", UnknownOutcome.code, delivery.error)
    elif adapter.settle == "key" and delivery.attempts and key_holds(turn, adapter, delivery):
        # The same key again: the network itself sees to it that nothing is there twice.
        _send_again(turn, delivery, in_doubt=True)
    else:
        # What was sent, not what the post may have become since.
        key = part_key(post.key, delivery.account, delivery.part)
        with turn.store.read() as connection:
            before = part_before(connection, delivery)
        part = Post(text=delivery.text or "", title=post.title, link=post.link, key=key, reply_to=before)
        _look(turn, adapter, delivery, part)


def part_before(connection: Connection, delivery: Delivery) -> Receipt | None:
    """Return the receipt of the part of the thread that this one answers."""
    before = sending.part_before(connection, delivery)
    if before is None or before.remote_id is None:
        return None
    return Receipt(remote_id=before.remote_id, url=before.url)


def part_key(post_key: str, account: str, part: int) -> str:
    """Return what tells this part of this post on this account from any other, at every attempt."""
    return f"{post_key}@{account}.{part}" if part else f"{post_key}@{account}"


def _look(turn: Turn, adapter: Publisher, delivery: Delivery, part: Post) -> None:
    try:
        receipt = adapter.find(sought(turn, delivery, part))
    except AuthError:
        raise
    except UnknownOutcome as error:
        # A look that can tell nothing will not tell more later, but for one: the network may show more then.
        if delivery.looked + 1 >= LOOKS:
            steps.close(turn, delivery, "asked", error.code, str(error))
        else:
            wait = turn.clock() + turn.settle_wait(adapter)
            steps.end(turn, delivery, None, "not settled", error, looked=delivery.looked + 1, due_at=wait)
        return
    except HubError as error:
        steps.end(turn, delivery, None, "not settled", error, due_at=_next_look(turn, adapter, delivery))
        if isinstance(error, TransientError):
            turn.breaker.cannot_look(error, adapter.http.redact(str(error)))
        return
    except Exception as error:
        log.exception("plugin failed", account=turn.account, platform=adapter.platform, verb="find")
        fault = steps.PluginFault.of(error, adapter)
        steps.end(turn, delivery, None, "not settled", fault, due_at=_next_look(turn, adapter, delivery))
        return
    if receipt is not None:
        steps.published(turn, delivery, part, receipt, None)
    elif adapter.settle == "natural" or delivery.looked + 1 >= LOOKS:
        if delivery.attempts:
            _send_again(turn, delivery, in_doubt=False)
        else:
            # It may be out by rows that a backup did not have: since when, and in what words, nothing here says.
            steps.close(turn, delivery, "asked", UnknownOutcome.code, delivery.error)
    else:
        reason = UnknownOutcome("{why}", why=delivery.error)
        steps.end(
            turn,
            delivery,
            None,
            "not found",
            reason,
            steps.OK,
            looked=delivery.looked + 1,
            due_at=turn.clock() + turn.settle_wait(adapter),
        )


def _next_look(turn: Turn, adapter: Publisher, delivery: Delivery) -> datetime:
    """Say when to look again after a look that failed: the older the doubt, the later, but within the hour."""
    now = turn.clock()
    doubt = _age(turn, delivery) / 4
    return now + max(turn.settle_wait(adapter), min(doubt, _LONGEST_LOOK))


def key_holds(turn: Turn, adapter: Publisher, delivery: Delivery) -> bool:
    """Tell whether the network still knows the key of the first attempt."""
    return _age(turn, delivery) < adapter.key_life


def _age(turn: Turn, delivery: Delivery) -> timedelta:
    return turn.clock() - (delivery.first_attempt_at or delivery.updated_at)


def sought(turn: Turn, delivery: Delivery, part: Post) -> Post:
    """Return the post with what `find` must know: how old it can be, and which remote posts it is not."""
    since = delivery.first_attempt_at or delivery.updated_at
    with turn.store.read() as connection:
        taken = deliveries.taken_ids(connection, delivery, since)
    return msgspec.structs.replace(part, since=since, taken=taken)


def _send_again(turn: Turn, delivery: Delivery, *, in_doubt: bool) -> None:
    now = turn.clock()

    def work(connection: Connection) -> bool:
        if not sending.take(connection, delivery, turn.fence):
            return False
        answer = "" if in_doubt else steps.OK
        sending.add_attempt(connection, delivery, "settle", now, "send again", answer=answer, next_at=now)
        return sending.finish(
            connection, delivery.id, turn.fence, now, state="queued", due_at=now, resend=in_doubt, looked=0
        )

    if not turn.store.write(work):
        raise steps.LeaseLost


def adopt_duplicate(
    turn: Turn, adapter: Publisher, delivery: Delivery, part: Post, error: DuplicateError, attempt: int
) -> None:
    """The network says that it has the post: take its receipt, or look for it.

    If it is not there, the network means an older post with the same words; then this one failed. After a lost
    answer it may also mean an attempt that it does not show yet: it is looked at once more, and if that does not
    help a person is asked, since sending again would only bring the same word.
    """
    receipt = error.receipt
    if receipt is None:
        try:
            receipt = adapter.find(sought(turn, delivery, part))
        except HubError as failure:
            steps.set_unknown(turn, delivery, str(failure), attempt, error.code)
            turn.breaker.trouble(failure, adapter.http.redact(str(failure)))
            return
        except Exception as failure:
            log.exception("plugin failed", account=turn.account, platform=adapter.platform, verb="find")
            steps.set_unknown(turn, delivery, str(steps.PluginFault.of(failure, adapter)), attempt, error.code)
            return
    turn.breaker.answered()
    if receipt is not None:
        steps.published(turn, delivery, part, receipt, attempt, error.code)
    elif delivery.attempts == 1:
        steps.set_unknown(turn, delivery, str(error), attempt, error.code)
    elif delivery.attempts > 1:
        steps.close(turn, delivery, "asked", error.code, str(error), attempt, error.code)
    else:
        steps.fail(turn, delivery, RejectedError("{why}", why=str(error)), attempt, error.code)


def decide(
    store: Store,
    adapter: Adapter,
    delivery_id: int,
    now: datetime,
    *,
    sent: Receipt | None = None,
    again: bool = False,
    attempts: int | None = None,
    allowed: Sequence[str] = _TO_SETTLE,
    notices: Notices = NOBODY,
) -> Delivery:
    """Let a person settle a delivery: it is out (`sent`), send it `again`, or, with neither, drop it.

    `attempts` is how many the person knew of: after one more, what they saw on the network is old. `allowed` are
    the states that it may be in. Raises `UsageError` for a delivery that is not theirs to settle.
    """

    def work(connection: Connection) -> Delivery:
        delivery = deliveries.get(connection, delivery_id)
        if delivery is None:
            raise UsageError("there is no delivery {id}", hint="`hub posts` lists them", id=delivery_id)
        if attempts is not None and delivery.attempts != attempts:
            raise UsageError(
                "something has happened to delivery {id} since you looked",
                hint="look at the network again, then decide",
                id=delivery_id,
            )
        values: dict[str, object] = {"error": "", "error_code": "", "resend": False, "looked": 0}
        if sent is not None:
            values |= {"state": "published", "remote_id": sent.remote_id, "url": sent.url, "due_at": None}
        elif again:
            # Whoever says so knows that it is late.
            values |= {"state": "queued", "due_at": now, "first_attempt_at": delivery.first_attempt_at or now}
            if not delivery.attempts and not delivery.part:
                # Nothing was planned for this account yet: what was looked for is the post's own text.
                values["text"] = None
        else:
            values |= {"state": "failed", "due_at": None, "error": "dropped by a person", "error_code": "dropped"}
        if not deliveries.set_state(connection, delivery_id, allowed, now, **values):
            raise UsageError(
                "delivery {id} is {state}; there is nothing to settle", id=delivery_id, state=delivery.state
            )
        outcome = "sent" if sent else "again" if again else "dropped"
        sending.add_attempt(connection, delivery, "person", now, outcome)
        changes.note(connection, "posts", delivery.post_id)
        notices.delivery(connection, "delivery.settled", delivery_id, now, outcome)
        if sent is not None:
            steps.take_over(connection, adapter, delivery, sent, now)
        accounts.hasten(connection, [delivery.account], "publish", now)
        return delivery

    return store.write(work)


def send_again(
    store: Store, adapter: Adapter, delivery_id: int, now: datetime, *, notices: Notices = NOBODY
) -> Delivery:
    """Queue a delivery again that failed or was missed, but never one that may be out already."""
    with store.read() as connection:
        delivery = deliveries.get(connection, delivery_id)
    if delivery is not None and delivery.state in ("asked", "unknown", "sending"):
        raise UsageError(
            "delivery {id} may be out already; sending it again could put it there twice",
            hint="look there, then say it with `hub settle {id}`",
            id=delivery_id,
        )
    return decide(store, adapter, delivery_id, now, again=True, allowed=_SURELY_NOT_OUT, notices=notices)


def receipt_of(adapter: Adapter, sent: str, remote_id: str | None = None) -> Receipt:
    """Make a receipt of what a person says of a post that is out: its address, or its id on the network."""
    if "://" not in sent:
        return Receipt(remote_id=remote_id or sent)
    return Receipt(remote_id=remote_id or remote_id_of(adapter, sent), url=sent)


def remote_id_of(adapter: Adapter, url: str) -> str:
    """Read a post's id out of its address; raise `UsageError` where the plugin does not know how."""
    found = adapter.remote_id_of(url)
    if not found:
        raise UsageError(
            "the plugin for {platform} cannot read the post's id from {url}",
            hint="give the id as the network shows it",
            platform=adapter.platform,
            url=url,
        )
    return found
