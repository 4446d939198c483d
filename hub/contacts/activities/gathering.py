"""Finds what the rules want told to a CRM among what is new, and queues it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sqlalchemy.engine import Connection

from hub.adapter import ContactSync
from hub.contacts.activities.rules import EVERY_REMARK, Rule, rules_of
from hub.discussions import desk, finding
from hub.errors import HubError, UsageError
from hub.settings import Settings
from hub.store import Store
from hub.store.crm import activity_rules as places
from hub.store.desk import inbox
from hub.store.discussions import search
from hub.users.roles import Role, User

# A rule looks at so many mentions at a time, and in one turn at so many times that.
_PAGE = 500
_PAGES = 20
# What was said shortly before a rule was first seen is new to it too: it comes late from some networks.
_BEFORE = timedelta(days=1)
_EVERYBODY = User(0, "hub", Role.OWNER)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ANY = 2**62


class Exchange(Protocol):
    """One CRM account's turn at contacts, as far as telling needs it; `fence` is the token of its lease."""

    counts: Counter[str]
    errors: list[HubError]

    @property
    def store(self) -> Store: ...
    @property
    def adapter(self) -> ContactSync: ...
    @property
    def fence(self) -> int: ...
    @property
    def clock(self) -> Callable[[], datetime]: ...


def gather(exchange: Exchange, rules: Collection[Rule]) -> None:
    """Queue what the rules of a CRM make of what they have not looked at."""
    found = _places(exchange, rules)
    for rule in rules:
        _gather(exchange, rule, found[rule.name])


def _gather(exchange: Exchange, rule: Rule, place: places.Rule) -> None:
    """Queue what the rule makes of what it has not looked at; `place` is how far it has looked."""
    for _ in range(_PAGES):
        since = place.since - _BEFORE if rule.name != EVERY_REMARK else _EPOCH
        if rule.query.terms:
            desk.index(exchange.store)
        with exchange.store.read() as connection:
            # What the index of words does not know yet cannot be found by its words.
            most = search.reach(connection) if rule.query.terms else _ANY
            news = places.news(connection, place, since, exchange.clock(), _PAGE, most)
            wanted = _wanted(exchange, connection, rule, news.mentions)
            new = places.untold(connection, rule.account, rule.name, wanted, whole=rule.each == "discussion")
        moved = (news.mention_id, news.event_id) != (place.mention_id, place.event_id)

        if moved or new:
            exchange.store.write(_take_in, rule, new, place, news, exchange.clock())
        if not moved:
            return
        place = place._replace(mention_id=news.mention_id, event_id=news.event_id)


def _take_in(
    connection: Connection,
    rule: Rule,
    ids: Collection[int],
    place: places.Rule,
    news: places.News,
    now: datetime,
) -> None:
    _add(connection, rule, ids, now)
    places.move(connection, place, news)


def _places(exchange: Exchange, rules: Iterable[Rule]) -> dict[str, places.Rule]:
    """Return how far each rule has looked, a new one not at all."""
    account = exchange.adapter.account
    with exchange.store.read() as connection:
        found = places.rules(connection, account)
    new = [rule.name for rule in rules if (account, rule.name) not in found]
    for name in new:
        exchange.store.write(places.register, account, name, exchange.clock(), from_now=name != EVERY_REMARK)
    if new:
        return _places(exchange, rules)
    return {name: place for (_, name), place in found.items()}


def _wanted(exchange: Exchange, connection: Connection, rule: Rule, ids: Sequence[int]) -> Collection[int]:
    if not ids:
        return ()
    try:
        wanted = finding.filter_of(connection, rule.query, _EVERYBODY, exchange.clock())
    except UsageError as error:
        # Labels are made by people: one that nobody has made yet is borne by nothing.
        if error.facts.get("key") != "label":
            facts = {**error.facts, "rule": rule.name, "why": error}
            exchange.errors.append(HubError("activities.{rule}: {why}", hint=error.hint, **facts))
        return ()
    return inbox.among(connection, wanted, ids)


def _add(connection: Connection, rule: Rule, ids: Collection[int], now: datetime) -> int:
    whole = rule.each == "discussion"
    return places.add(connection, rule.account, rule.name, rule.make, ids, now, whole=whole)


def run(store: Store, settings: Settings, adapter: ContactSync, name: str, since: datetime, now: datetime) -> int:
    """Queue what a rule makes of what was said since then, the past that it was not there for; return how many."""
    rule = next((one for one in rules_of(settings, [adapter]) if one.name == name), None)
    if rule is None:
        raise UsageError("there is no rule {name}", hint="the rules are the [activities.NAME] tables", name=name)
    desk.index(store)
    with store.read() as connection:
        wanted = finding.filter_of(connection, rule.query, _EVERYBODY, now)
    found = 0
    after: tuple[datetime, int] | None = None
    while True:
        with store.read() as connection:
            page = places.past(connection, since, after, _PAGE)
            ids = inbox.among(connection, wanted, [row.id for row in page])
        if not page:
            return found
        found += store.write(_add, rule, ids, now)
        after = (page[-1].sent_at, page[-1].id)
