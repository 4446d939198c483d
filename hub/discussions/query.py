"""The language in which people say which mentions they want: `status:open label:urgent "exact words" -not`."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, NamedTuple, get_args

import regex

from hub.errors import UsageError
from hub.models import Kind
from hub.store.desk.inbox import STATUSES
from hub.store.discussions.search import Term, tokens

__all__ = ["FLAGS", "KEYS", "KINDS", "STATUSES", "Query", "Term", "parse", "unparse"]

FLAGS = ("unread", "answered", "deleted", "edited")
KINDS: tuple[str, ...] = get_args(Kind)
KEYS = (
    "status",
    "account",
    "platform",
    "kind",
    "assignee",
    "label",
    "from",
    "discussion",
    "before",
    "after",
    "is",
)
# A query is typed, or an address in a browser: what is longer is neither.
_MOST = 2000
_MOST_TERMS = 30
_QUOTES = {'"': '"', "«": "»", "“": "”", "„": "“"}
# What stands between two things and is none.
_BETWEEN = ",\\»”"
_KEY = regex.compile(r"([A-Za-z]+):(?!//)")
_BARE = regex.compile(r"[^\s\"«»“”„,\\]+")
_DATE = regex.compile(r"\d{4}-\d{2}-\d{2}")


class Query(NamedTuple):
    """What is wanted; what is empty asks nothing. All of it must hold, and of the values of one key any.

    `labels` are groups: of each group a mention must bear one. `assignees` are names, or `me` and `nobody`.
    `after` is the first day that counts, `before` the first that does not, by the clock of `zone`.
    """

    statuses: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    labels: tuple[tuple[str, ...], ...] = ()
    without_labels: tuple[str, ...] = ()
    discussion: int | None = None
    before: date | None = None
    after: date | None = None
    flags: tuple[str, ...] = ()
    without_flags: tuple[str, ...] = ()
    terms: tuple[Term, ...] = ()
    zone: tzinfo = UTC

    @property
    def begins(self) -> datetime | None:
        """The moment from which on a mention counts."""
        return None if self.after is None else datetime.combine(self.after, time(), self.zone)

    @property
    def ends(self) -> datetime | None:
        """The moment from which on a mention does not count."""
        return None if self.before is None else datetime.combine(self.before, time(), self.zone)


class _Part(NamedTuple):
    """A piece of a query: `key` is "" for words; `at` is where it begins, counted from 1."""

    at: int
    negated: bool
    key: str
    values: tuple[str, ...]
    quoted: bool


def parse(text: str, zone: tzinfo = UTC) -> Query:
    """Read a query; raise `UsageError` that says where it cannot be understood, and what mends it."""
    if len(text) > _MOST:
        raise UsageError("the query is longer than {most} characters", hint="leave something out", most=_MOST)
    query = Query(zone=zone)
    for part in _parts(text):
        query = _READERS[part.key](query, part) if part.key else _read_words(query, part)
    if len(query.terms) > _MOST_TERMS:
        raise UsageError("the query has more than {most} words", hint="leave something out", most=_MOST_TERMS)
    return query


def unparse(query: Query) -> str:
    """Write a query so that `parse` reads the same."""
    parts = [_listed("status", query.statuses), _listed("account", query.accounts)]
    parts += [_listed("platform", query.platforms), _listed("kind", query.kinds)]
    parts += [_listed("assignee", query.assignees)]
    parts += [_listed("label", group) for group in query.labels]
    parts += [_listed("-label", query.without_labels)]
    parts += [f"discussion:{query.discussion}"] if query.discussion is not None else []
    parts += [f"after:{query.after.isoformat()}"] if query.after else []
    parts += [f"before:{query.before.isoformat()}"] if query.before else []
    parts += [_listed("is", query.flags), _listed("-is", query.without_flags)]
    parts += [_written(term) for term in query.terms]
    return " ".join(part for part in parts if part)


def _listed(key: str, values: Sequence[str]) -> str:
    return f"{key}:{','.join(_quoted(value) for value in values)}" if values else ""


def _written(term: Term) -> str:
    minus = "-" if term.negated else ""
    if term.author:
        return f"{minus}from:{_quoted(term.text)}"
    return minus + (_quoted(term.text, always=True) if term.phrase else _quoted(term.text))


def _quoted(value: str, always: bool = False) -> str:
    if not always and _BARE.fullmatch(value) and not value.startswith("-") and not _KEY.match(value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _parts(text: str) -> Iterator[_Part]:
    at, end = 0, len(text)
    while at < end:
        if text[at].isspace() or text[at] in _BETWEEN:
            at += 1
            continue
        begin = at
        negated = text[at] == "-" and at + 1 < end and not text[at + 1].isspace()
        at += negated
        if text[at] in _BETWEEN:
            continue
        key = _KEY.match(text, at)
        if key is not None:
            name = key[1].lower()
            if name not in _READERS:
                raise _unknown_key(key[1], begin)
            values, at = _values(text, key.end())
            if not values:
                raise UsageError(
                    "at character {at}: {key}: has no value",
                    hint="write it without a blank, such as {key}:{example}",
                    at=begin + 1,
                    key=name,
                    example=_EXAMPLES[name],
                )
            yield _Part(begin + 1, negated, name, values, quoted=False)
        else:
            value, at, quoted = _value(text, at)
            yield _Part(begin + 1, negated, "", (value,), quoted)


def _values(text: str, at: int) -> tuple[tuple[str, ...], int]:
    """Read values with commas between them; return them, and where they end."""
    found: list[str] = []
    while at < len(text) and not text[at].isspace():
        if text[at] in _BETWEEN:
            at += 1
            continue
        value, at, _ = _value(text, at)
        found += [value.strip()] if value.strip() else []
    return tuple(dict.fromkeys(found)), at


def _value(text: str, at: int) -> tuple[str, int, bool]:
    """Read a value that may stand in quotes; return it, where it ends, and whether it stood in quotes."""
    close = _QUOTES.get(text[at])
    if close is None:
        found = _BARE.match(text, at)
        assert found is not None
        return found[0], found.end(), False
    begin, chars = at, list[str]()
    at += 1
    while at < len(text) and text[at] != close:
        at += text[at] == "\\" and at + 1 < len(text)
        chars.append(text[at])
        at += 1
    if at == len(text):
        raise UsageError(
            "at character {at}: the quotation marks are not closed",
            hint='close them, as in "exact words"',
            at=begin + 1,
        )
    return "".join(chars), at + 1, True


def _unknown_key(name: str, begin: int) -> UsageError:
    close = difflib.get_close_matches(name.lower(), KEYS, n=1)
    if close:
        hint = "did you mean {close}: ? To look for the words themselves, put them in quotation marks"
        return UsageError("at character {at}: {key}: is no key", hint=hint, at=begin + 1, key=name, close=close[0])
    return UsageError(
        "at character {at}: {key}: is no key",
        hint="the keys are {keys}; to look for the words themselves, put them in quotation marks",
        at=begin + 1,
        key=name,
        keys=", ".join(KEYS),
    )


def _read_words(query: Query, part: _Part) -> Query:
    text = part.values[0].strip() if part.quoted else part.values[0].lstrip("-")
    return _with_term(query, part, Term(text, phrase=part.quoted, negated=part.negated))


def _read_from(query: Query, part: _Part) -> Query:
    for value in part.values:
        query = _with_term(query, part, Term(value, negated=part.negated, author=True))
    return query


def _with_term(query: Query, part: _Part, term: Term) -> Query:
    if not tokens(term.text):
        raise UsageError(
            "at character {at}: nothing can be looked for in {text}",
            hint="write letters or digits",
            at=part.at,
            text=term.text or '""',
        )
    return query if term in query.terms else query._replace(terms=(*query.terms, term))


def _read_choice(field: str, choices: Sequence[str]) -> Callable[[Query, _Part], Query]:
    """Read values of which there are few; without a minus, for they name what is wanted."""

    def read(query: Query, part: _Part) -> Query:
        values = tuple(_chosen(part, value, choices) for value in part.values)
        if part.negated:
            values = tuple(choice for choice in choices if choice not in values)
            if not values:
                raise UsageError("at character {at}: this leaves nothing", hint="leave it out", at=part.at)
            before = getattr(query, field)
            kept = tuple(value for value in before or choices if value in values)
            if not kept:
                raise UsageError("at character {at}: this leaves nothing", hint="leave it out", at=part.at)
            return _set(query, field, kept)
        return _added(query, field, values)

    return read


def _chosen(part: _Part, value: str, choices: Sequence[str]) -> str:
    if value.lower() in choices:
        return value.lower()
    raise UsageError(
        "at character {at}: {key}:{value} is none",
        hint="it may be {choices}",
        at=part.at,
        key=part.key,
        value=value,
        choices=", ".join(choices),
    )


def _read_names(field: str) -> Callable[[Query, _Part], Query]:
    def read(query: Query, part: _Part) -> Query:
        _refuse_minus(part)
        return _added(query, field, part.values)

    return read


def _added(query: Query, field: str, values: Sequence[str]) -> Query:
    return _set(query, field, tuple(dict.fromkeys((*getattr(query, field), *values))))


def _set(query: Query, field: str, value: Any) -> Query:
    return query._replace(**{field: value})


def _refuse_minus(part: _Part) -> None:
    if part.negated:
        raise UsageError(
            "at character {at}: a minus before {key}: means nothing",
            hint="it may stand before words, from:, label:, status:, kind: and is:",
            at=part.at,
            key=part.key,
        )


def _read_labels(query: Query, part: _Part) -> Query:
    if part.negated:
        return _added(query, "without_labels", part.values)
    if part.values in query.labels:
        return query
    return query._replace(labels=(*query.labels, part.values))


def _read_flags(query: Query, part: _Part) -> Query:
    values = tuple(_chosen(part, value, FLAGS) for value in part.values)
    return _added(query, "without_flags" if part.negated else "flags", values)


def _read_discussion(query: Query, part: _Part) -> Query:
    _refuse_minus(part)
    (value, *more) = part.values
    # Numbers of rows have 64 bits.
    if more or not (value.isascii() and value.isdigit() and len(value) <= 18) or query.discussion is not None:
        raise UsageError(
            "at character {at}: discussion: takes one number", hint="`hub discussions` lists them", at=part.at
        )
    return query._replace(discussion=int(value))


def _read_date(field: str) -> Callable[[Query, _Part], Query]:
    def read(query: Query, part: _Part) -> Query:
        _refuse_minus(part)
        try:
            (value,) = part.values
            if not _DATE.fullmatch(value):
                raise ValueError(value)
            found = date.fromisoformat(value)
            # It becomes a moment by some clock, of which there must be one.
            if not date.min + timedelta(days=2) < found < date.max - timedelta(days=2):
                raise ValueError(value)
        except ValueError:
            raise UsageError(
                "at character {at}: {key}:{value} is no day",
                hint="write it as {key}:2026-11-01",
                at=part.at,
                key=part.key,
                value=",".join(part.values),
            ) from None
        return _set(query, field, found)

    return read


_READERS: dict[str, Callable[[Query, _Part], Any]] = {
    "status": _read_choice("statuses", STATUSES),
    "account": _read_names("accounts"),
    "platform": _read_names("platforms"),
    "kind": _read_choice("kinds", KINDS),
    "assignee": _read_names("assignees"),
    "label": _read_labels,
    "from": _read_from,
    "discussion": _read_discussion,
    "before": _read_date("before"),
    "after": _read_date("after"),
    "is": _read_flags,
}
_EXAMPLES = {
    "status": "open",
    "account": "club",
    "platform": "vk",
    "kind": "comment",
    "assignee": "me",
    "label": "urgent",
    "from": "anna",
    "discussion": "7",
    "before": "2026-11-01",
    "after": "2026-11-01",
    "is": "unread",
}
