"""Weighs what speaks for two cards being one person: whose word it is, and how many may share it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from hub.contacts.identity import names

# What joins by itself at the usual `contacts.join_from` of 0.9, and what only proposes. The company's own word is
# what a CRM, an import or one of the team says; a claim is what a person's own profile says, whoever wrote it.
EMAIL = 0.97
EMAIL_OTHER_NAME = 0.6
EMAIL_CLAIMED = 0.6
EMAIL_CLAIMED_OTHER_NAME = 0.3
EMAIL_ROLE = 0.3
PHONE_SAME_NAME = 0.93
PHONE = 0.75
PHONE_OTHER_NAME = 0.5
HANDLE = 0.95
HANDLE_OTHER_NAME = 0.6
RECORD = 0.97
LINK_BOTH_WAYS = 0.95
LINK_VERIFIED = 0.93
LINK_NAMED = 0.95
LINK_CLAIMED = 0.5
SITE = 0.3
NAME = 0.3

PROPOSE_FROM = 0.5
"""What weighs less is not kept."""

_ROLES = frozenset(
    (
        *("info", "sales", "support", "office", "admin", "administrator", "contact", "contacts", "hello", "hi"),
        *("mail", "email", "post", "postmaster", "webmaster", "hostmaster", "abuse", "noreply", "no-reply"),
        *("donotreply", "do-not-reply", "no_reply", "billing", "accounts", "accounting", "finance", "hr", "jobs"),
        *("marketing", "press", "pr", "team", "help", "helpdesk", "service", "orders", "order", "shop", "store"),
        *("reception", "secretary", "director", "manager", "zakaz", "buh", "buhgalter", "kadry", "otdel", "opt"),
        *("priem", "priemnaya", "reklama", "sekretar", "test", "none", "nomail", "example", "user", "client"),
        *("customer", "customers", "feedback", "enquiries", "inquiries", "general", "main", "newsletter"),
        *("notifications", "notification", "bounce", "mailer-daemon", "root", "legal", "privacy", "security"),
    )
)


class Facts(NamedTuple):
    """What a card holds to know a person by; of each key whether it is the company's own word.

    `handles` are by field and key, `remote` is the identity of an author's card. `own` is the address of its
    profile, where the network told it; `links` and `verified_links` are where it leads.
    """

    card: int
    person: int
    author: bool
    names: tuple[str, ...] = ()
    emails: Mapping[str, str] = {}
    phones: Mapping[str, str] = {}
    handles: Mapping[tuple[str, str], str] = {}
    remote: tuple[str, str] | None = None
    urls: Mapping[str, str] = {}
    own: str = ""
    links: frozenset[str] = frozenset()
    verified_links: frozenset[str] = frozenset()
    records: frozenset[tuple[str, str]] = frozenset()


class Reason(NamedTuple):
    """One thing that speaks for it. A `claim` is a profile's own word."""

    kind: str
    value: str
    source: str
    weight: float
    claim: bool = False


class Verdict(NamedTuple):
    """What all reasons weigh together, and whether that joins."""

    weight: float
    joins: bool


def is_role(email: str) -> bool:
    """Tell whether an address is an office's rather than a person's."""
    local = email.partition("@")[0]
    head = local.partition("+")[0].rstrip("0123456789")
    return head in _ROLES or head.startswith(("noreply", "no-reply", "donotreply"))


def reasons(one: Facts, other: Facts) -> list[Reason]:
    """Return what speaks for two cards being one person; nothing if it is their names alone."""
    likeness = _likeness(one.names, other.names)
    found = [
        *_by_email(one, other, likeness),
        *_by_phone(one, other, likeness),
        *_by_handle(one, other, likeness),
        *_by_link(one, other, likeness),
        *_by_record(one, other),
    ]
    if found and likeness == "same":
        found.append(Reason("name", one.names[0], "", NAME))
    return found


def weigh(found: Iterable[Reason], join_from: float) -> Verdict:
    """Weigh reasons together.

    Each kind counts once, by its heaviest. A name adds to what else there is. All that a profile claims is one
    voice, and never joins, however much of it there is: whoever writes a profile writes all of it.
    """
    firm: dict[str, float] = {}
    claimed = 0.0
    name = 0.0
    for each in found:
        if each.kind == "name":
            name = each.weight
        elif each.claim:
            claimed = max(claimed, each.weight)
        else:
            firm[each.kind] = max(firm.get(each.kind, 0.0), each.weight)
    left = 1.0
    for weight in firm.values():
        left *= 1 - weight
    if firm:
        left *= 1 - name
    joins = bool(firm) and 1 - left >= join_from
    if not firm:
        left *= 1 - name
    weight = 1 - left * (1 - claimed)
    return Verdict(round(weight if joins else min(weight, join_from - 0.01), 3), joins)


def _likeness(ours: Collection[str], theirs: Collection[str]) -> names.Likeness:
    """Return how the best pair of names stands."""
    order: tuple[names.Likeness, ...] = ("same", "alike", "unknown", "other")
    found = {names.compare(one, other) for one in ours for other in theirs}
    return next((each for each in order if each in found), "unknown")


def _who(*sources: str) -> str:
    return ", ".join(dict.fromkeys(source for source in sources if source))


def _by_email(one: Facts, other: Facts, likeness: names.Likeness) -> Iterable[Reason]:
    for key in one.emails.keys() & other.emails.keys():
        sources = (one.emails[key], other.emails[key])
        claim = "author" in sources
        if is_role(key):
            weight = EMAIL_ROLE
        elif claim:
            weight = EMAIL_CLAIMED_OTHER_NAME if likeness == "other" else EMAIL_CLAIMED
        else:
            weight = EMAIL_OTHER_NAME if likeness == "other" else EMAIL
        yield Reason("email", key, _who(*sources), weight, claim)


def _by_phone(one: Facts, other: Facts, likeness: names.Likeness) -> Iterable[Reason]:
    for key in one.phones.keys() & other.phones.keys():
        sources = (one.phones[key], other.phones[key])
        # A family has one telephone, a person has a name.
        weight = {"same": PHONE_SAME_NAME, "alike": PHONE_SAME_NAME, "other": PHONE_OTHER_NAME}.get(
            likeness, PHONE
        )
        yield Reason("phone", key, _who(*sources), weight, "author" in sources)


def _by_handle(one: Facts, other: Facts, likeness: names.Likeness) -> Iterable[Reason]:
    for record, voice in ((one, other), (other, one)):
        if voice.remote is None or record.author:
            continue
        field = f"handles.{voice.remote[0]}"
        known = {key for name, key in voice.handles if name == field} | {voice.remote[1].casefold()}
        for (name, key), source in record.handles.items():
            if name == field and key in known:
                yield Reason("handle", f"{voice.remote[0]}: {key}", source, HANDLE)
    if one.author or other.author:
        return
    for place in one.handles.keys() & other.handles.keys():
        weight = HANDLE_OTHER_NAME if likeness == "other" else HANDLE
        platform = place[0].partition(".")[2]
        yield Reason("handle", f"{platform}: {place[1]}", _who(one.handles[place], other.handles[place]), weight)


def _by_link(one: Facts, other: Facts, likeness: names.Likeness) -> Iterable[Reason]:
    if one.own and other.own:
        if other.own in one.links and one.own in other.links:
            yield Reason("link", f"{one.own} {other.own}", "profiles", LINK_BOTH_WAYS)
        elif other.own in one.verified_links or one.own in other.verified_links:
            yield Reason("link", f"{one.own} {other.own}", "network", LINK_VERIFIED)
        elif other.own in one.links or one.own in other.links:
            yield Reason("link", f"{one.own} {other.own}", "author", LINK_CLAIMED, claim=True)
        return
    for record, voice in ((one, other), (other, one)):
        if record.author or not voice.author:
            continue
        for key, source in record.urls.items():
            if key == voice.own:
                yield Reason("link", key, source, LINK_NAMED)
            elif key in voice.verified_links and likeness in ("same", "alike"):
                yield Reason("link", key, source, LINK_VERIFIED)
            elif key in voice.links or key in voice.verified_links or key in voice.urls:
                yield Reason("link", key, _who(source, "author"), LINK_CLAIMED, claim=True)
    if not one.author and not other.author:
        for key in one.urls.keys() & other.urls.keys():
            # A company's site is the site of all who work there; a page on it may be a person's.
            weight = SITE if "/" not in key or likeness == "other" else LINK_CLAIMED
            yield Reason("link", key, _who(one.urls[key], other.urls[key]), weight)


def _by_record(one: Facts, other: Facts) -> Iterable[Reason]:
    for record, holder in ((one, other), (other, one)):
        for (field, key), source in record.handles.items():
            if (field.partition(".")[2], key) in holder.records and source != "author":
                yield Reason("record", f"{field.partition('.')[2]}: {key}", source, RECORD)
