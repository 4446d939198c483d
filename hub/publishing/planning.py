"""Says what would go out where and when, before anything is accepted: on one account, or on the whole route."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

import msgspec

from hub.adapter import Adapter, Publisher
from hub.errors import HubError, PluginError, RejectedError
from hub.i18n import _
from hub.models import Limits, Post
from hub.publishing.campaign import mark_of
from hub.publishing.governor import HOUR, room_at
from hub.publishing.length import maximum
from hub.publishing.text import fit, measure
from hub.registry import Registry
from hub.settings import Settings
from hub.store import Store
from hub.store.outbox import pacing, repeats
from hub.store.outbox.posts import content_hash
from hub.store.running import accounts, switches

# A token that ends so soon after a post is to go out is worth a word.
_TOKEN_SOON = timedelta(days=3)


class Planner(Protocol):
    """What planning needs of a hub; `hub.scheduling.hub.Hub` is one."""

    settings: Settings
    registry: Registry
    store: Store

    def adapter(self, name: str) -> Adapter:
        """Return an account's adapter, opened once."""


class Caution(NamedTuple):
    """Something that a person should know before they go on, in their language.

    `account` is "" for what is about the post as a whole; `post_id` and `at` are those of an earlier post with
    the same words.
    """

    code: str
    account: str
    text: str
    post_id: int | None = None
    at: datetime | None = None


class Plan(NamedTuple):
    """What goes out on one account, or why nothing can. `used` is the length of the whole text, uncut."""

    account: str
    platform: str
    limits: Limits | None
    parts: Sequence[Post]
    used: int
    error: HubError | None

    @property
    def refused(self) -> bool:
        """Tell whether the account would never take the post, however often it is tried."""
        return isinstance(self.error, RejectedError)

    @property
    def most(self) -> int:
        """How many units one part may have, 0 if as many as it likes."""
        return 0 if self.limits is None else maximum(self.limits, media=bool(self.parts and self.parts[0].media))


class Stop(NamedTuple):
    """One account on a post's route: what goes there, and when; `held` says why it is later than was asked."""

    plan: Plan
    at: datetime
    held: str


class Route(NamedTuple):
    """The whole route of a post: its accounts in their order, and what a person should know."""

    stops: Sequence[Stop]
    cautions: Sequence[Caution]


def plan_account(hub: Planner, name: str, content: Post, *, with_hooks: bool) -> Plan:
    """Fit a post to an account as the outbox will; plugins are asked to change it only with `with_hooks`."""
    account = hub.settings.accounts.get(name)
    if account is None:
        # A draft may be older than a change of hub.toml.
        gone = RejectedError("{name} is no account", hint="leave it out, or add it to hub.toml", name=name)
        return Plan(name, "", None, (), 0, gone)
    try:
        adapter = hub.adapter(name)
        if not isinstance(adapter, Publisher):
            raise RejectedError("{account} cannot publish", account=name)
        whole = hub.registry.prepare(content, name) if with_hooks else content
        limits = adapter.limits()
        parts = fit(whole, limits, overflow=account.options.overflow, permalink=content.link)
        used = _length(whole, limits)
    except HubError as error:
        return Plan(name, account.platform, None, (), 0, error)
    except Exception as error:
        fault = PluginError(
            "{kind} in plugin {platform}: {why}",
            hint="this is a defect of the plugin; `hub plugins` says whose it is",
            kind=type(error).__name__,
            platform=account.platform,
            why=hub.adapter(name).http.redact(str(error)),
        )
        return Plan(name, account.platform, None, (), 0, fault)
    return Plan(name, account.platform, limits, parts, used, None)


def plan_all(
    hub: Planner, content: Post, versions: Mapping[str, str], targets: Sequence[str], *, with_hooks: bool
) -> list[Plan]:
    """Plan a post for each of its accounts, each with the text that it has for itself."""
    return [plan_account(hub, name, said_on(content, versions, name), with_hooks=with_hooks) for name in targets]


def said_on(content: Post, versions: Mapping[str, str], account: str) -> Post:
    """Return a post as one account is to say it."""
    own = versions.get(account)
    return content if own is None else msgspec.structs.replace(content, text=own, html="")


def plan_route(
    hub: Planner,
    content: Post,
    versions: Mapping[str, str],
    targets: Sequence[str],
    publish_at: datetime,
    now: datetime,
    next_run: Callable[[str, datetime, ZoneInfo], datetime],
) -> Route:
    """Do a dry run of the whole route: plugins are asked, nothing is sent or stored.

    `next_run` says when a schedule is due next after a time (`hub.scheduling.due.next_run`).
    """
    plans = plan_all(hub, content, versions, targets, with_hooks=True)
    stops = [_stop(hub, plan, max(publish_at, now), now, next_run) for plan in plans]
    return Route(stops, cautions(hub, content, versions, plans, publish_at, now))


def _length(whole: Post, limits: Limits) -> int:
    endless = msgspec.structs.replace(limits, maximum=0, maximum_with_media=None, max_bytes=0)
    (uncut, *_others) = fit(whole, endless, overflow="thread")
    return measure(uncut.text, limits)


def _stop(
    hub: Planner,
    plan: Plan,
    wanted: datetime,
    now: datetime,
    next_run: Callable[[str, datetime, ZoneInfo], datetime],
) -> Stop:
    """Say when the account's turn comes, and when its governor has room, as far as it is known now."""
    at, held = wanted, ""
    schedule = hub.settings.schedule.publish
    if not schedule.startswith("every "):
        # Cron names slots; strictly later is what `next_run` promises, and a slot at that very minute is good.
        at = next_run(schedule, wanted - timedelta(seconds=1), hub.settings.zone)
        if at > wanted:
            held = _("posts go out at the times of the schedule: {schedule}").format(schedule=schedule)
    account = hub.settings.accounts.get(plan.account)
    own = account.options.posts_per_hour if account else None
    per_hour = hub.settings.hub.posts_per_hour if own is None else own
    if per_hour:
        with hub.store.read() as connection:
            taken = pacing.first_attempts(connection, plan.account, min(now, at) - HOUR, per_hour)
            taken += pacing.planned(connection, plan.account, at - HOUR, at, per_hour)
        room = room_at(sorted(taken), per_hour, at)
        if room > at:
            at, held = room, _("at most {count} an hour go out on this account").format(count=per_hour)
    return Stop(plan, at, held)


def cautions(
    hub: Planner,
    content: Post,
    versions: Mapping[str, str],
    plans: Sequence[Plan],
    publish_at: datetime,
    now: datetime,
) -> list[Caution]:
    """Say what a person should know: what was said before, what is missing, which account cannot send now."""
    targets = [plan.account for plan in plans]
    found = repeats_of(hub, content, versions, targets, now)
    bare = [str(number) for number, image in enumerate(content.media, 1) if not image.alt.strip()]
    if bare:
        found.append(
            Caution(
                "alt",
                "",
                _("Images without a description: {numbers}. Not everybody sees them.").format(
                    numbers=", ".join(bare)
                ),
            )
        )
    with hub.store.read() as connection:
        health = {one.name: one for one in accounts.all_health(connection)}
        stopped = switches.stopped(connection)
    if stopped is not None:
        found.append(Caution("stopped", "", _("The hub is stopped: nothing is sent until `hub resume`.")))
    for plan in plans:
        one = health.get(plan.account)
        if one is not None and one.state == "paused":
            text = _("{account} is paused and sends nothing until somebody has seen to it: {why}")
            found.append(Caution("paused", plan.account, text.format(account=plan.account, why=one.reason)))
        if one is not None and one.expires_at is not None and one.expires_at - publish_at < _TOKEN_SOON:
            text = _("{account}: its token ends on {date}")
            date = _day(hub, one.expires_at)
            found.append(Caution("token", plan.account, text.format(account=plan.account, date=date)))
        if len(plan.parts) > 1 and len(plan.parts[0].media) < len(content.media):
            text = _("{account}: there are too many images for one post; the rest go into the next ones")
            found.append(Caution("images", plan.account, text.format(account=plan.account)))
        mark = mark_of(said_on(content, versions, plan.account).text)
        if plan.parts and mark and not any(mark in part.text for part in plan.parts):
            text = _("{account}: the mark of the advertisement is cut off; make the text shorter")
            found.append(Caution("mark", plan.account, text.format(account=plan.account)))
    return found


def repeats_of(
    hub: Planner, content: Post, versions: Mapping[str, str], targets: Sequence[str], now: datetime
) -> list[Caution]:
    """Say where the same text went or goes, for it is rarely meant twice."""
    hashed = content_hash(content.text, content.title, content.link, content.media)
    with hub.store.read() as connection:
        found = repeats.of(connection, content.key, content.text, hashed, targets, now, versions)
    went = _("{account}: the same text went out on {date} (post {id})")
    goes = _("{account}: the same text goes out on {date} (post {id})")
    return [
        Caution(
            "repeat",
            one.account,
            (went if one.at <= now else goes).format(account=one.account, date=_day(hub, one.at), id=one.post_id),
            one.post_id,
            one.at,
        )
        for one in found
    ]


def _day(hub: Planner, moment: datetime) -> str:
    return moment.astimezone(hub.settings.zone).strftime("%Y-%m-%d")


def unit_name(unit: str) -> str:
    """Say in what a network counts texts."""
    return {
        "codepoint": _("characters"),
        "grapheme": _("characters as people count them"),
        "utf16": _("UTF-16 units"),
        "byte": _("bytes"),
        "weighted": _("weighted characters"),
    }[unit]
