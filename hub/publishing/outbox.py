"""The outbox: sends, edits, deletes and settles what is due on one account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import structlog

from hub.adapter import Editor, Publisher
from hub.errors import (
    AuthError,
    DuplicateError,
    HubError,
    RejectedError,
    StoreError,
    TransientError,
    UnknownOutcome,
)
from hub.models import Post, Receipt
from hub.publishing import settling, steps
from hub.publishing.governor import HOUR
from hub.publishing.steps import Turn
from hub.publishing.text import fit
from hub.store.outbox import pacing, posts, sending
from hub.store.outbox.deliveries import Delivery
from hub.store.outbox.posts import StoredPost

log = structlog.get_logger()


def publish_due(turn: Turn) -> bool:
    """Settle, send, edit and delete what is due on the account, until nothing is; True if it was broken off.

    What is in doubt comes first, so that it is looked at also when nothing can be sent. Raises `AuthError` when
    the credentials are refused, `TransientError` when the network cannot be used or wants to be left alone, and
    `StoppedError` when the hub is stopped; the deliveries keep their place.
    """
    _adopt_orphans(turn)
    _learn_pace(turn)
    handled: set[tuple[int, str, str, int, int, datetime | None]] = set()
    while work := _due(turn):
        for delivery, post in work:
            step = (
                delivery.id,
                delivery.action,
                delivery.state,
                delivery.attempts,
                delivery.looked,
                delivery.due_at,
            )
            if step in handled:
                raise StoreError("delivery {id} is where it was before it was worked on", id=delivery.id)
            handled.add(step)
            _one(turn, delivery, post)
            if turn.enough():
                steps.hold_back(turn)
                turn.breaker.close()
                return True
            if turn.breaker.blind and delivery.state == "unknown":
                break
        steps.hold_back(turn)
    turn.breaker.close()
    return False


def _due(turn: Turn) -> list[tuple[Delivery, StoredPost]]:
    now = turn.clock()
    with turn.store.read() as connection:
        doubts = [] if turn.breaker.blind else sending.doubts_due(connection, turn.account, now)
        work = doubts or sending.due(connection, turn.account, now)
        content = posts.for_account(connection, {delivery.post_id for delivery in work}, turn.account)
    return [(delivery, content[delivery.post_id]) for delivery in work]


def _learn_pace(turn: Turn) -> None:
    """Tell the governor what went out in the last hour; from here on this turn is the only sender."""
    governor, now = turn.governor, turn.clock()
    if governor.per_hour:
        with turn.store.read() as connection:
            governor.learn(
                pacing.first_attempts(connection, turn.account, now - HOUR, governor.per_hour),
                pacing.held_until(connection, turn.account, now, governor.per_hour),
            )


def _adopt_orphans(turn: Turn) -> None:
    """What a former turn was sending when it died has an unknown outcome, never a failed one."""
    with turn.store.read() as connection:
        orphans = sending.left_sending(connection, turn.account, turn.fence)
    for delivery in orphans:
        steps.set_unknown(turn, delivery, "the process ended while it was sending", None, "")


def _one(turn: Turn, delivery: Delivery, post: StoredPost) -> None:
    if not isinstance(turn.adapter, Publisher):
        steps.fail(turn, delivery, RejectedError("{account} cannot publish", account=turn.account), None)
    elif delivery.state == "unknown":
        settling.settle(turn, turn.adapter, delivery, post)
    elif delivery.action == "publish":
        _publish(turn, turn.adapter, delivery, post)
    else:
        _follow(turn, turn.adapter, delivery, post)


def _publish(turn: Turn, adapter: Publisher, delivery: Delivery, post: StoredPost) -> None:
    late = post.late_after is not None and turn.clock() > post.late_after
    if late and delivery.first_attempt_at is None and delivery.part == 0:
        steps.close(turn, delivery, "missed", "late", f"it was to go out at {post.publish_at.isoformat()}")
        return
    if post.deleted_at is not None and not delivery.resend:
        steps.withdraw(turn, delivery)
        return
    if delivery.resend and not settling.key_holds(turn, adapter, delivery):
        steps.set_unknown(turn, delivery, "the key of the first attempt is over", None, "")
        return
    if _held_back(turn, delivery):
        return
    try:
        part, siblings = plan(turn, adapter, delivery, post)
    except (AuthError, StoreError):
        # Neither says anything about this post.
        raise
    except TransientError as error:
        steps.put_back(turn, delivery, error, None)
        _trouble(turn, error)
        return
    except HubError as error:
        steps.fail(turn, delivery, error, None)
        return
    version = delivery.version if delivery.resend else post.version
    attempt = steps.begin(turn, delivery, part.text, version, siblings)
    try:
        receipt = adapter.publish(part)
        if not isinstance(receipt, Receipt):
            raise TypeError(f"publish returned {type(receipt).__name__}, not a Receipt")
    except TransientError as error:
        steps.put_back(turn, delivery, error, attempt)
        _trouble(turn, error)
    except AuthError as error:
        steps.refused(turn, delivery, error, attempt)
        raise
    except DuplicateError as error:
        settling.adopt_duplicate(turn, adapter, delivery, part, error, attempt)
    except RejectedError as error:
        steps.fail(turn, delivery, error, attempt)
        turn.breaker.answered()
    except UnknownOutcome as error:
        steps.set_unknown(turn, delivery, str(error), attempt)
        _trouble(turn, error)
    except Exception as error:
        log.exception("plugin failed", account=turn.account, platform=adapter.platform, verb="publish")
        fault = steps.PluginFault.of(error, adapter)
        steps.set_unknown(turn, delivery, str(fault), attempt, fault.code)
        _trouble(turn, fault)
    else:
        steps.published(turn, delivery, part, receipt, attempt)
        turn.breaker.answered()


def _trouble(turn: Turn, error: HubError) -> None:
    """Count an attempt that came to nothing; raise `TransientError` if the account is to be left alone."""
    turn.breaker.trouble(error, turn.adapter.http.redact(str(error)))


def _held_back(turn: Turn, delivery: Delivery) -> bool:
    """Ask the governor about a post that was never sent; what was, and what belongs to it, goes on."""
    if delivery.part or delivery.first_attempt_at is not None or delivery.due_at is None:
        return False
    hold = turn.governor.hold(delivery.due_at, turn.clock(), again=delivery.error_code == pacing.HELD)
    if hold is None:
        return False
    turn.held.append((delivery.id, hold.until, hold.why))
    turn.counts["held"] += 1
    return True


def plan(turn: Turn, adapter: Publisher, delivery: Delivery, post: StoredPost) -> tuple[Post, Sequence[str]]:
    """Return the part of the post that this delivery sends, and the texts of all parts.

    What was planned for this version of the post stays as it was, so that a thread is cut the same way after
    a crash, whatever the network's limits are by then. What goes again under a key is what went before: a network
    that knows the key takes no other words. If the post was edited meanwhile, the copy follows afterwards.
    """
    with turn.store.read() as connection:
        images = posts.media_of(connection, post.id)
        before = settling.part_before(connection, delivery)
    whole = Post(
        text=post.text,
        title=post.title,
        link=post.link,
        media=images,
        key=settling.part_key(post.key, delivery.account, 0),
        html=post.html,
    )
    prepared = turn.hooks.prepare(whole, turn.account)
    if prepared.html == whole.html and prepared.text != whole.text:
        # The HTML would say what a plugin took out of the text.
        prepared = msgspec.structs.replace(prepared, html="")
    parts = fit(
        prepared,
        adapter.limits(),
        overflow=turn.overflow,
        permalink=post.url or post.link,
    )
    changes: dict[str, Any] = {}
    if delivery.text is not None and (delivery.resend or delivery.version == post.version):
        changes["text"] = delivery.text
    elif delivery.part >= len(parts):
        raise PartGone
    if before is not None:
        changes["reply_to"] = before
    part = (
        parts[delivery.part]
        if delivery.part < len(parts)
        else Post(key=settling.part_key(post.key, delivery.account, delivery.part))
    )
    return msgspec.structs.replace(part, **changes), [other.text for other in parts]


class PartGone(RejectedError):
    """The post became so short that this part of its thread is no longer wanted."""

    def __init__(self) -> None:
        super().__init__("the post no longer has this part")


def _follow(turn: Turn, adapter: Publisher, delivery: Delivery, post: StoredPost) -> None:
    """Edit or delete a copy as its post was. Both are idempotent, so a lost answer is simply tried again."""
    assert delivery.remote_id is not None
    if not isinstance(adapter, Editor):
        error = RejectedError(
            "{platform} cannot {action} a post", platform=adapter.platform, action=delivery.action
        )
        steps.keep_published(turn, delivery, error, None, post.version)
        return
    part: Post | None = None
    siblings: Sequence[str] = ()
    try:
        if delivery.action == "edit":
            part, siblings = plan(turn, adapter, delivery, post)
    except PartGone:
        part = None
    except (AuthError, StoreError):
        raise
    except TransientError as error:
        steps.put_back(turn, delivery, error, None)
        _trouble(turn, error)
        return
    except HubError as error:
        steps.keep_published(turn, delivery, error, None, post.version)
        return
    attempt = steps.begin(turn, delivery, part.text if part else delivery.text or "", post.version, siblings)
    try:
        if part is None:
            adapter.delete(delivery.remote_id)
            receipt = None
        else:
            receipt = adapter.edit(delivery.remote_id, part)
    except AuthError as error:
        steps.refused(turn, delivery, error, attempt)
        raise
    except (TransientError, UnknownOutcome) as error:
        steps.put_back(turn, delivery, error, attempt)
        _trouble(turn, error)
    except StoreError as error:
        # A secret or a budget could not be had: that is no word of the network's.
        steps.put_back(turn, delivery, error, attempt)
        raise
    except HubError as error:
        steps.keep_published(turn, delivery, error, attempt, post.version)
        turn.breaker.answered()
    except Exception as error:
        log.exception("plugin failed", account=turn.account, platform=adapter.platform, verb=delivery.action)
        steps.keep_published(turn, delivery, steps.PluginFault.of(error, adapter), attempt, post.version)
    else:
        steps.followed(turn, delivery, receipt, attempt)
        turn.breaker.answered()
