"""The queue and the calendar: what goes out when, what became of it, and what only a person can decide."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple
from urllib.parse import urlencode

from fastapi import Request, Response
from sqlalchemy.engine import Connection

from hub.errors import HubError
from hub.i18n import N_, words_of
from hub.scheduling.hub import Hub
from hub.store.outbox import deliveries, posts, queue
from hub.store.outbox import drafts as shelf
from hub.store.outbox.deliveries import Delivery
from hub.store.outbox.drafts import Draft
from hub.store.outbox.pacing import HELD
from hub.store.outbox.queue import Attempt, Entry, Place
from hub.store.running import accounts
from hub.users.roles import Permission, User
from hub.web import calendar, pages
from hub.web.routes import Missing, Room, TheHub, TheUser

room = Room()

_PAGE = 50
# Of what waits for a person, so many drafts stand above the list.
_ABOVE = 10
_DRAFT_STATES = ("draft", "approval", "declined")
# The order in which a person looks for them: first what only they can move on.
TABS = {
    "asked": N_("To decide"),
    "approval": N_("To approve"),
    "failed": N_("Failed"),
    "missed": N_("Missed"),
    "draft": N_("Drafts"),
    "queued": N_("Queued"),
    "held": N_("Held back"),
    "paused": N_("Account paused"),
    "unknown": N_("Outcome unknown"),
    "published": N_("Published"),
}
_TO_DECIDE = ("asked", "approval", "failed", "missed")
VIEWS = ("month", "week")
_CALENDAR_MOST = 1000


class Told(NamedTuple):
    """One step of a post's story, with the account that it was about."""

    attempt: Attempt
    account: str
    part: int


@room.page("/queue", may=Permission.READ)
def listing(
    request: Request, hub: TheHub, user: TheUser, state: str = "", account: str = "", after: str = ""
) -> Response:
    """List posts, those that go out last first, or drafts."""
    chosen = account if account in _mine(hub, user) else None
    place = _place(after)
    scope, entries, waiting = user.accounts, [], []
    with hub.store.read() as connection:
        if state in _DRAFT_STATES:
            waiting = shelf.newest(
                connection,
                [state],
                account=chosen,
                scope=scope,
                author_id=user.id,
                before=place.post_id if place else None,
                limit=_PAGE + 1,
            )
        else:
            wanted = state if state in queue.STATES else None
            entries = queue.page(
                connection, state=wanted, account=chosen, scope=scope, after=place, limit=_PAGE + 1
            )
            if wanted is None and place is None:
                waiting = shelf.newest(
                    connection, ["approval"], account=chosen, scope=scope, author_id=user.id, limit=_ABOVE
                )
        counts = {one: queue.count(connection, one, scope) for one in _TO_DECIDE if one in queue.STATES}
        counts |= shelf.count(connection, scope, user.id)
        paused = _paused(connection)
    more = len(entries) > _PAGE or len(waiting) > _PAGE
    return pages.render(
        request,
        "queue.html",
        entries=entries[:_PAGE],
        drafts=waiting[:_PAGE],
        counts=counts,
        state=state if state in (*queue.STATES, *_DRAFT_STATES) else "",
        tabs=TABS,
        account=chosen or "",
        accounts=_mine(hub, user),
        paused=paused,
        shown=_shown,
        next=_next(state, chosen, entries[:_PAGE], waiting[:_PAGE]) if more else None,
    )


def _next(state: str, account: str | None, entries: Sequence[Entry], drafts: Sequence[Draft]) -> str:
    if entries:
        last = entries[-1].post
        mark = f"{int(last.publish_at.timestamp() * 1000)}.{last.id}"
    else:
        mark = f"0.{drafts[-1].id}"
    given = {"state": state, "account": account or "", "after": mark}
    return "/queue?" + urlencode({name: value for name, value in given.items() if value})


def _place(after: str) -> Place | None:
    head, _dot, tail = after.partition(".")
    if not (head.isascii() and tail.isascii() and head.isdigit() and tail.isdigit()) or len(after) > 36:
        return None
    try:
        return Place(datetime.fromtimestamp(int(head) / 1000, UTC), min(int(tail), 2**63 - 1))
    except (OverflowError, ValueError, OSError):
        return None


@room.page("/queue/calendar", may=Permission.READ)
def days(
    request: Request, hub: TheHub, user: TheUser, view: str = "month", on: str = "", account: str = ""
) -> Response:
    """Show a month or a week: a table where there is room, and a list of its days."""
    zone = hub.settings.zone
    today = hub.clock().astimezone(zone).date()
    view = view if view in VIEWS else "month"
    chosen = account if account in _mine(hub, user) else None
    day = _date(on) or today
    span = calendar.month_of(day) if view == "month" else calendar.week_of(day)
    start, end = calendar.begins(span.first, zone), calendar.begins(span.last + calendar.DAY, zone)
    with hub.store.read() as connection:
        entries = queue.between(connection, start, end, account=chosen, scope=user.accounts, limit=_CALENDAR_MOST)
        waiting = shelf.between(
            connection, start, end, account=chosen, scope=user.accounts, author_id=user.id, limit=_CALENDAR_MOST
        )
        paused = _paused(connection)
    return pages.render(
        request,
        "calendar.html",
        weeks=calendar.lay_out(span, [*entries, *waiting], zone, day.month if view == "month" else None),
        full=len(entries) == _CALENDAR_MOST,
        view=view,
        views=VIEWS,
        on=day,
        today=today,
        span=span,
        account=chosen or "",
        accounts=_mine(hub, user),
        zone=zone,
        paused=paused,
        shown=_shown,
        time_of=calendar.time_of,
        is_draft=lambda item: isinstance(item, Draft),
        # Who has not all accounts sees not all deliveries here; the page of the post looks closer.
        movable=lambda item: (
            isinstance(item, Entry) and user.accounts is None and _movable(item) and may_change(item, user)
        ),
    )


def _date(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    # A span around it must exist too.
    return found if 1971 <= found.year <= 9000 else None


@room.page("/queue/{post_id}", may=Permission.READ)
def post(request: Request, hub: TheHub, user: TheUser, post_id: int) -> Response:
    """Show one post: where it goes, what became of it on each account, and its story."""
    return show(request, hub, user, entry_of(hub, user, post_id))


def show(
    request: Request,
    hub: Hub,
    user: User,
    entry: Entry,
    mistakes: Sequence[HubError] = (),
    status: int = 200,
    at: str = "",
) -> Response:
    """Show the page of a post, with what stood in the way of something that was asked for."""
    with hub.store.read() as connection:
        versions = posts.versions_of(connection, entry.post.id)
        tries = queue.story(connection, [row.id for row in entry.deliveries])
        draft = shelf.by_key(connection, entry.post.key)
        history = shelf.events_of(connection, draft.id) if draft else []
        pictures = posts.pictures_of(connection, entry.post.id)
        paused = _paused(connection)
        whole = entry if user.accounts is None else queue.entry(connection, entry.post.id)
    by_id = {row.id: row for row in entry.deliveries}
    zone = hub.settings.zone
    return pages.render(
        request,
        "queue_post.html",
        status,
        entry=entry,
        post=entry.post,
        versions={name: text for name, text in versions.items() if user.accounts is None or name in user.accounts},
        pictures=pictures,
        story=[Told(one, by_id[one.delivery_id].account, by_id[one.delivery_id].part) for one in tries],
        history=history,
        paused=paused,
        shown=_shown,
        mistakes=[words_of(error) for error in mistakes],
        may_change=whole is not None and may_change(whole, user),
        may_settle=lambda row: user.may(Permission.PUBLISH, row.account),
        movable=_movable(entry),
        at=at or entry.post.publish_at.astimezone(zone).strftime("%Y-%m-%dT%H:%M"),
        zone=zone.key,
    )


def _mine(hub: Hub, user: User) -> list[str]:
    return [name for name in hub.settings.accounts if user.accounts is None or name in user.accounts]


def entry_of(hub: Hub, user: User, post_id: int) -> Entry:
    """Return a post as the user may see it; raise `Missing` if they may not, or there is none."""
    with hub.store.read() as connection:
        found = queue.entry(connection, post_id, user.accounts) if post_id < 2**63 else None
    if found is None:
        raise Missing("there is no post {id}", id=post_id)
    return found


def may_change(entry: Entry, user: User) -> bool:
    """Tell whether a user may change a post: they may publish wherever it goes; `entry` has all deliveries."""
    return user.may(Permission.PUBLISH) and all(user.may(Permission.PUBLISH, name) for name in accounts_of(entry))


def _movable(entry: Entry) -> bool:
    return entry.post.deleted_at is None and any(
        row.state == "queued" and row.action == "publish" and row.part == 0 and row.first_attempt_at is None
        for row in entry.deliveries
    )


def accounts_of(entry: Entry) -> list[str]:
    """Name the accounts that a post goes to."""
    return list(dict.fromkeys(row.account for row in entry.deliveries))


def _paused(connection: Connection) -> set[str]:
    return {one.name for one in accounts.all_health(connection) if one.state == "paused"}


def _shown(row: Delivery, paused: set[str]) -> str:
    """Name the state of a delivery as a person should see it: held back and paused are more than queued."""
    if row.state in deliveries.OPEN and row.account in paused:
        return "paused"
    return "held" if row.state == "queued" and row.error_code == HELD else row.state
