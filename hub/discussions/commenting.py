"""Puts the comments of digests on an account, changes and removes them: each stands there once, as posts do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from sqlalchemy.engine import Connection

from hub.adapter import Commenter, Publisher
from hub.errors import (
    AuthError,
    DuplicateError,
    GoneError,
    HubError,
    RejectedError,
    StoreError,
    TransientError,
    UnknownOutcome,
)
from hub.lease import never
from hub.models import Mention, Receipt, Remark
from hub.ratelimits import LONGEST_WAIT, growing
from hub.resemblance import text_key
from hub.store import Store
from hub.store.discussions import digest_lines
from hub.store.discussions.digest_lines import Line
from hub.store.running import leases, switches

log = structlog.get_logger()

# So many looks must find nothing before a comment is made again; one is enough where the id is of our choosing.
_LOOKS = 2
_SOON = timedelta(seconds=1)
_SETTLE_AFTER = timedelta(seconds=30)
_FIRST_WAIT = 5.0
# What the network will not take now is asked for again so much later.
_RESPITE = timedelta(hours=1)
# So many in a row that come to nothing end the turn: it is the network, and not the comment.
_PATIENCE = 3


class TurnLost(Exception):
    """Another worker has this account now; nothing more may be sent or written by this one."""


@dataclass
class Pen:
    """One account's turn at commenting: what it works with, and what it has done.

    `fence` is the token of the account's lease; `clock` returns now, aware; `enough` says when to break off.
    """

    store: Store
    adapter: Commenter
    fence: int
    clock: Callable[[], datetime]
    settle_after: timedelta | None = None
    counts: Counter[str] = field(default_factory=Counter)
    troubles: int = 0
    enough: Callable[[], bool] = never

    @property
    def account(self) -> str:
        return self.adapter.account

    @property
    def settle_wait(self) -> timedelta:
        """How long after a lost answer the network is looked at."""
        if self.adapter.settle_comments == "natural":
            return _SOON
        own = self.adapter.settle_after if isinstance(self.adapter, Publisher) else _SETTLE_AFTER
        return self.settle_after or own


def comment_due(pen: Pen) -> bool:
    """Do what is due about an account's comments: settle first, then make, change and remove.

    True if it was broken off, because it was enough.

    Raises `AuthError` when the credentials are refused, `TransientError` when the network wants to be left alone,
    `StoppedError` when the hub is stopped, and `TurnLost`.
    """
    with pen.store.read() as connection:
        orphans = digest_lines.left_sending(connection, pen.account, pen.fence)
    for line in orphans:
        _in_doubt(pen, line, "the process ended while it was sending")
    while True:
        with pen.store.read() as connection:
            work = digest_lines.due(connection, pen.account, pen.clock())
        if not work:
            return False
        before = [(line.id, line.state, line.due_at) for line in work]
        # What may stand there is looked for before anything is added.
        for line in sorted(work, key=lambda each: each.state != "unknown"):
            with suppress(_Changed):
                _one(pen, line)
            if pen.enough():
                return True
        with pen.store.read() as connection:
            after = digest_lines.due(connection, pen.account, pen.clock())
        if before == [(line.id, line.state, line.due_at) for line in after]:
            return False


def _one(pen: Pen, line: Line) -> None:
    if line.state == "unknown":
        _settle(pen, line)
    elif line.action == "comment":
        _comment(pen, line)
    else:
        _follow(pen, line)


def _comment(pen: Pen, line: Line) -> None:
    parent = _parent(pen, line)
    if parent is _Later:
        return
    assert parent is None or isinstance(parent, str)
    remark = _remark(pen, line, parent)
    attempt = _begin(pen, line)
    try:
        receipt = pen.adapter.comment(line.thread_id, remark)
        if not isinstance(receipt, Receipt):
            raise TypeError(f"comment returned {type(receipt).__name__}, not a Receipt")
    except TransientError as error:
        _put_off(pen, attempt, error)
    except AuthError as error:
        _finish(pen, attempt, state="queued", due_at=pen.clock(), **_why(pen, error))
        raise
    except DuplicateError as error:
        _adopt(pen, attempt, remark, error)
    except RejectedError as error:
        _finish(pen, attempt, state="failed", **_why(pen, error))
        pen.counts["failed"] += 1
        log.warning("comment refused", account=pen.account, mention=line.mention_id, reason=str(error))
    except HubError as error:
        _in_doubt(pen, attempt, str(error))
        _trouble(pen, error)
    except Exception as error:
        log.exception("plugin failed", account=pen.account, platform=pen.adapter.platform, verb="comment")
        _in_doubt(pen, attempt, f"{type(error).__name__}: {error}")
    else:
        _published(pen, attempt, receipt)


class _Changed(Exception):
    """What a comment is to say was changed since it was read; it is read again."""


class _Later:
    """The comment that is answered is not there yet."""


def _parent(pen: Pen, line: Line) -> str | type[_Later] | None:
    """Return the comment that is to be answered; where that one could not be made, what it was to answer."""
    if line.parent is None:
        return line.parent_id
    with pen.store.read() as connection:
        others = digest_lines.lines_of(connection, line.digest_id)
    above, seen = others.get(line.parent), set()
    while above is not None and above.id not in seen:
        seen.add(above.id)
        if above.remote_id is not None and above.state != "deleted":
            return above.remote_id
        if above.state in ("queued", "waiting", "sending", "unknown"):
            # It becomes due with the one above: when that is settled the digest is gone through again.
            _finish(pen, line, due_at=max(above.due_at or pen.clock(), pen.clock()) + _SOON)
            return _Later
        if above.parent is None:
            return above.parent_id
        above = others.get(above.parent)
    return None


def _follow(pen: Pen, line: Line) -> None:
    """Change or remove a comment. Both are idempotent, so a lost answer is simply tried again."""
    assert line.remote_id is not None
    remark = _remark(pen, line, None)
    attempt = _begin(pen, line)
    try:
        if line.action == "edit":
            pen.adapter.edit_comment(line.remote_id, remark)
        else:
            pen.adapter.delete_comment(line.remote_id)
    except AuthError as error:
        _finish(pen, attempt, state="queued", due_at=pen.clock(), **_why(pen, error))
        raise
    except (TransientError, UnknownOutcome, StoreError) as error:
        _put_off(pen, attempt, error)
    except GoneError:
        _finish(pen, attempt, state="deleted", **_NOTHING_WRONG)
    except HubError as error:
        # It stands as it was; the reason is kept. A deletion is asked for again: somebody's words are at stake.
        again = pen.clock() + _RESPITE if line.action == "delete" else None
        _finish(pen, attempt, state="waiting" if again else "published", due_at=again, **_why(pen, error))
        pen.counts["failed"] += 1
    except Exception as error:
        log.exception("plugin failed", account=pen.account, platform=pen.adapter.platform, verb=line.action)
        fault = HubError("{why}", why=f"{type(error).__name__}: {error}")
        _finish(pen, attempt, state="waiting", due_at=pen.clock() + _RESPITE, **_why(pen, fault))
        pen.counts["failed"] += 1
    else:
        state = "published" if line.action == "edit" else "deleted"
        _finish(pen, attempt, state=state, **_NOTHING_WRONG)
        pen.counts["edited" if line.action == "edit" else "deleted"] += 1
        pen.troubles = 0
        log.info("comment followed", account=pen.account, mention=line.mention_id, action=line.action)


_NOTHING_WRONG: dict[str, Any] = {"due_at": None, "error": "", "error_code": "", "looked": 0}


def _settle(pen: Pen, line: Line) -> None:
    """Look for a comment whose answer was lost; what no look finds is made again."""
    try:
        receipt = pen.adapter.find_comment(line.thread_id, _sought(pen, line))
    except AuthError:
        raise
    except HubError as error:
        wait = _growing(line.looked + 1)
        _finish(pen, line, due_at=pen.clock() + wait, looked=line.looked + 1, **_why(pen, error))
        _trouble(pen, error)
        return
    except Exception as error:
        log.exception("plugin failed", account=pen.account, platform=pen.adapter.platform, verb="find_comment")
        why = _why(pen, HubError("{why}", why=f"{type(error).__name__}: {error}"))
        _finish(pen, line, due_at=pen.clock() + _RESPITE, **why)
        return
    pen.troubles = 0
    if receipt is not None:
        _published(pen, line, receipt)
    elif pen.adapter.settle_comments == "lookup" and line.looked + 1 < _LOOKS:
        _finish(pen, line, due_at=pen.clock() + pen.settle_wait, looked=line.looked + 1)
    elif line.hash == digest_lines.UNWANTED:
        # Its author took it back meanwhile.
        _finish(pen, line, state="deleted", **{**_NOTHING_WRONG, **digest_lines.WIPED})
    else:
        _finish(pen, line, state="queued", due_at=pen.clock(), looked=0)


def _adopt(pen: Pen, line: Line, remark: Remark, error: DuplicateError) -> None:
    """The network says that it has the comment: take its receipt, or look for it."""
    receipt = error.receipt
    if receipt is None:
        try:
            receipt = pen.adapter.find_comment(line.thread_id, _sought(pen, line))
        except HubError as failure:
            _in_doubt(pen, line, str(failure))
            return
    if receipt is not None:
        _published(pen, line, receipt)
    else:
        # It means somebody else's words: sending again would bring the same answer.
        _finish(pen, line, state="failed", **_why(pen, error))
        pen.counts["failed"] += 1


def _begin(pen: Pen, line: Line) -> Line:
    """Write down that this is about to be sent; raise `TurnLost` or `StoppedError` if it may not be."""
    if pen.adapter.http.lease() <= 0:
        raise TurnLost

    def work(connection: Connection) -> None:
        if digest_lines.begin(connection, line, pen.fence, pen.clock()):
            return
        switches.refuse_if_stopped(connection)
        raise _Changed if leases.holds(connection, pen.account, pen.fence) else TurnLost

    pen.store.write(work)
    return line._replace(
        state="sending", attempts=line.attempts + 1, first_attempt_at=line.first_attempt_at or pen.clock()
    )


def _published(pen: Pen, line: Line, receipt: Receipt) -> None:
    _finish(pen, line, state="published", remote_id=receipt.remote_id, permalink=receipt.url, **_NOTHING_WRONG)
    pen.counts["published"] += 1
    pen.troubles = 0
    log.info("comment published", account=pen.account, mention=line.mention_id, url=receipt.url)


def _in_doubt(pen: Pen, line: Line, why: str) -> None:
    """It may stand there. A change or a removal is done again; a comment is looked for."""
    error = UnknownOutcome("{why}", why=why)
    if line.action != "comment":
        _put_off(pen, line, error, count=False)
        return
    wait = max(pen.settle_wait, _growing(line.attempts - 1) if line.attempts > 1 else _SOON)
    _finish(pen, line, state="unknown", due_at=pen.clock() + wait, looked=0, **_why(pen, error))
    pen.counts["unknown"] += 1
    log.warning("outcome unknown", account=pen.account, mention=line.mention_id, reason=why)


def _put_off(pen: Pen, line: Line, error: HubError, *, count: bool = True) -> None:
    """Surely nothing was done, or doing it again is harmless: later, with growing delay."""
    asked = error.retry_after if isinstance(error, TransientError) else None
    wait = _growing(line.attempts) if asked is None else timedelta(seconds=min(max(asked, 0.0), LONGEST_WAIT))
    _finish(pen, line, state="waiting", due_at=pen.clock() + wait, **_why(pen, error))
    pen.counts["waiting"] += 1
    if count:
        _trouble(pen, error)


def _trouble(pen: Pen, error: HubError) -> None:
    """Count what came to nothing; raise `TransientError` if the account is to be left alone."""
    pen.troubles += 1
    if isinstance(error, TransientError) and error.retry_after is not None:
        raise error
    if pen.troubles >= _PATIENCE:
        raise TransientError("{why}", why=pen.adapter.http.redact(str(error)))


def _growing(times: int) -> timedelta:
    """Return how long to wait after the try of that number."""
    return timedelta(seconds=growing(_FIRST_WAIT, max(times - 1, 0)))


def _why(pen: Pen, error: HubError) -> dict[str, Any]:
    return {"error": pen.adapter.http.redact(str(error)), "error_code": error.code}


def _finish(pen: Pen, line: Line, **values: Any) -> None:
    values.setdefault("due_at", None)
    if not pen.store.keep(digest_lines.finish, line, pen.fence, pen.clock(), **values):
        raise TurnLost


def _remark(pen: Pen, line: Line, parent_id: str | None) -> Remark:
    return Remark(
        key=line.key,
        text=line.text,
        author=line.author,
        author_url=line.author_url,
        url=line.url,
        site=line.site,
        sent_at=line.sent_at,
        parent_id=parent_id,
    )


def _sought(pen: Pen, line: Line) -> Remark:
    """Return the remark with what `find_comment` must know: how old it can be, and which comments it is not."""
    with pen.store.read() as connection:
        taken = digest_lines.taken_ids(connection, line)
    remark = _remark(pen, line, None)
    return msgspec.structs.replace(remark, since=line.first_attempt_at or line.updated_at, taken=taken)


def without_ours(
    store: Store, account: str, clock: Callable[[], datetime], items: Sequence[Mention]
) -> Sequence[Mention]:
    """Return what others said: without the comments that a digest of ours made.

    One whose answer was lost is known by its words and its writer's name, and is settled by that.
    """
    if not items:
        return items
    with store.read() as connection:
        if not digest_lines.has_lines(connection, account):
            return items
        known = digest_lines.known_comments(connection, account, [item.remote_id for item in items])
        doubts = digest_lines.in_doubt(connection, account)
    for item in items:
        if item.remote_id in known or item.deleted:
            continue
        line = next((each for each in doubts if _is(item, each)), None)
        if line is not None and store.write(digest_lines.adopt, line, item.remote_id, item.url, clock()):
            log.info("comment found", account=account, mention=line.mention_id, url=item.url)
            doubts.remove(line)
            known.add(item.remote_id)
    return [item for item in items if item.remote_id not in known]


def _is(item: Mention, line: Line) -> bool:
    """Tell whether what a network shows may be a comment of ours whose answer was lost."""
    if item.thread_id != line.thread_id or item.author is None or not line.text:
        return False
    if line.author not in item.author.name or line.url not in item.text:
        return False
    return text_key(item.text) == text_key(line.text)
