"""Finds which cards are one person: what is new is compared with those that share a key with it, no others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from hub.contacts.identity.evidence import PROPOSE_FROM, Facts, reasons, weigh
from hub.contacts.identity.joining import Found, Joining
from hub.models import Contact
from hub.settings import Settings
from hub.store import Store
from hub.store.people import cards, evidence, likely, regions, voices
from hub.store.people.evidence import Pair, pair
from hub.store.people.keys import EMAILS, HANDLES, LINKS, PHONES, URL, VERIFIED, normal

_BATCH = 2000
# An identifier that more persons than these share says nothing of any of them.
_SHARED = 8


def match(store: Store, settings: Settings, now: datetime) -> Counter[str]:
    """Compare all that is new; return how many were `joined`, how many pairs `proposed`, and how many `compared`.

    Authors whose profile is new or another get their card. If the region is another, phone numbers without a
    country are new. Nothing is written when nothing is new.
    """
    counts: Counter[str] = Counter()
    region = settings.contacts.region
    with store.read() as connection:
        current = regions.is_current(connection, region)
        if current and not likely.is_anything_new(connection):
            return counts
    after: int | None = None if current else 0
    while after is not None:
        after = store.write(regions.rekey, region, after, _BATCH, now)
    while store.write(voices.meet_authors, _BATCH, now):
        pass
    crowds: set[tuple[str, str]] = set()
    while True:
        done, found = store.write(_match_some, settings, crowds, now)
        counts += found
        if done < _BATCH:
            return counts


def _match_some(
    connection: Connection, settings: Settings, crowds: set[tuple[str, str]], now: datetime
) -> tuple[int, Counter[str]]:
    evidence.alone(connection)
    batch = likely.unmatched(connection, _BATCH)
    return len(batch), _compare(connection, settings, batch, now, crowds=crowds)


def place(
    connection: Connection, settings: Settings, items: Sequence[Contact], account: str, now: datetime
) -> list[int]:
    """Make a card of each new record of a CRM and join it with whom it surely is; return the cards' numbers."""
    evidence.alone(connection)
    numbers = cards.create_many(
        connection,
        [values_of(item) for item in items],
        origin="record",
        source=account,
        now=now,
        ats=[min(item.updated_at or now, now) for item in items],
    )
    # Their records are not in the store yet: two of one CRM are two people all the same.
    records = {number: frozenset({(account, item.remote_id)}) for number, item in zip(numbers, items, strict=True)}
    _compare(connection, settings, numbers, now, records=records)
    return numbers


def values_of(item: Contact) -> dict[str, str | Sequence[str]]:
    """Return what a CRM's contact holds as a card does, without what is empty."""
    values: dict[str, str | Sequence[str]] = {"name": item.name, "emails": item.emails, "phones": item.phones}
    values |= {"url": item.url, **{HANDLES + platform: handle for platform, handle in item.handles.items()}}
    values |= item.fields
    return {field: value for field, value in values.items() if value}


def candidates(connection: Connection, settings: Settings, contact: Contact) -> list[int]:
    """Return the persons that this contact surely is one of, the surest first; nothing is written."""
    values = [
        cards.Value(
            field, value, False, normal(field, value, settings.contacts.region), cards.LOST, "contact", None, 0
        )
        for field, given in values_of(contact).items()
        for value in ([given] if isinstance(given, str) else given)
    ]
    asked = facts_of(0, likely.Known(0, "", None, frozenset(), ""), values)
    met = _meet(connection, {0: asked}, set())
    others = _load(connection, {one.card for one in met})
    best: dict[int, float] = {}
    for other in others.values():
        verdict = weigh(reasons(asked, other), settings.contacts.join_from)
        if verdict.joins:
            best[other.person] = max(best.get(other.person, 0.0), verdict.weight)
    return sorted(best, key=lambda person: (-best[person], person))


def waiting(connection: Connection, person_ids: Collection[int], *, account: str) -> set[int]:
    """Return those of these persons of whom it is asked whether they are somebody with a record on the account."""
    mine = cards.cards_of(connection, list(person_ids))
    owners = {card: person for person, ones in mine.items() for card in ones}
    found = evidence.of_cards(connection, owners, ("proposed",))
    ends = {end for each in found for end in (each.one_id, each.other_id)}
    persons = cards.persons_of(connection, sorted(ends))
    held = evidence.accounts_of(connection, set(persons.values()))
    asked: set[int] = set()
    for each in found:
        one, other = persons[each.one_id], persons[each.other_id]
        for mine_, theirs in ((one, other), (other, one)):
            if mine_ in mine and mine_ != theirs and account in held.get(theirs, ()):
                asked.add(mine_)
    return asked


def _compare(
    connection: Connection,
    settings: Settings,
    batch: Sequence[int],
    now: datetime,
    *,
    records: Mapping[int, frozenset[tuple[str, str]]] | None = None,
    crowds: set[tuple[str, str]] | None = None,
) -> Counter[str]:
    """Compare these cards with whom they may be, and join or propose; they count as compared from now on."""
    counts: Counter[str] = Counter()
    if not batch:
        return counts
    likely.write_phones(connection, batch, settings.contacts.region)
    implied = records or {}
    new = _load(connection, batch, implied)
    met = _meet(connection, new, set() if crowds is None else crowds)
    pairs = set(_pairs(new, met))
    known = new | _load(connection, {card for each in pairs for card in each} - set(new), implied)
    found = []
    for each in sorted(pairs):
        one, other = known[each.one], known[each.other]
        why = reasons(one, other)
        verdict = weigh(why, settings.contacts.join_from)
        if why and verdict.weight >= PROPOSE_FROM:
            found.append(Found(each, tuple(why), verdict))
    counts["compared"] += len(pairs)
    counts += Joining(connection, known, implied, now).take(found, batch)
    likely.note_matched(connection, batch)
    return counts


def _load(
    connection: Connection,
    card_ids: Collection[int],
    implied: Mapping[int, frozenset[tuple[str, str]]] | None = None,
) -> dict[int, Facts]:
    held = likely.values(connection, card_ids)
    found = {}
    for card, known in likely.known(connection, card_ids).items():
        facts = facts_of(card, known, held[card])
        more = (implied or {}).get(card)
        found[card] = facts if more is None else facts._replace(records=facts.records | more)
    return found


def facts_of(card: int, known: likely.Known, held: Iterable[cards.Value]) -> Facts:
    """Return what a card holds to know a person by."""
    emails: dict[str, str] = {}
    phones: dict[str, str] = {}
    handles: dict[tuple[str, str], str] = {}
    urls: dict[str, str] = {}
    links: set[str] = set()
    verified: set[str] = set()
    called: list[str] = []
    for one in held:
        if one.field == "name" and one.value:
            called.append(one.value)
        elif not one.key:
            continue
        elif one.field == EMAILS:
            emails[one.key] = one.source
        elif one.field == PHONES:
            phones[one.key] = one.source
        elif one.field == URL:
            urls[one.key] = one.source
        elif one.field == LINKS:
            links.add(one.key)
        elif one.field == VERIFIED:
            verified.add(one.key)
        elif one.field.startswith(HANDLES):
            handles[one.field, one.key] = one.source
    return Facts(
        card=card,
        person=known.person,
        author=known.remote is not None,
        names=tuple(called),
        emails=emails,
        phones=phones,
        handles=handles,
        remote=known.remote,
        urls=urls,
        own=known.own,
        links=frozenset(links | verified),
        verified_links=frozenset(verified),
        records=known.records,
    )


def _keys(facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield what a card can be met by."""
    for key in facts.emails:
        yield EMAILS, key
    for key in facts.phones:
        yield PHONES, key
    yield from facts.handles
    if facts.remote is not None:
        yield HANDLES + facts.remote[0], facts.remote[1].casefold()
    for key in {*facts.urls, *facts.links}:
        yield "web", key


def _meet(connection: Connection, new: Mapping[int, Facts], crowds: set[tuple[str, str]]) -> list[likely.Met]:
    keys = {key for facts in new.values() for key in _keys(facts)}
    named = {key for facts in new.values() if not facts.author for key in facts.handles}
    return likely.meet(connection, keys, crowds) + likely.by_remote_id(connection, named)


def _pairs(new: Mapping[int, Facts], met: Iterable[likely.Met]) -> Iterator[Pair]:
    """Yield which cards are worth a look: each new one with one card of every person that shares a key with it."""
    holders: dict[tuple[str, str], dict[int, likely.Met]] = {}
    for one in met:
        by_person = holders.setdefault((one.place, one.key), {})
        before = by_person.get(one.person)
        if before is None or (one.source == "author", one.card) < (before.source == "author", before.card):
            by_person[one.person] = one
    for facts in new.values():
        for key in set(_keys(facts)):
            others = holders.get(key, {})
            if len(others) > _SHARED:
                continue
            for person, other in others.items():
                if other.card != facts.card and person != facts.person:
                    yield pair(facts.card, other.card)
