"""Turns the inbox's form of filters into a query and back: an address holds the query alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from hub.discussions import query as language
from hub.discussions.query import Query
from hub.errors import UsageError
from hub.i18n import _
from hub.users.roles import User
from hub.web.place import USUAL
from hub.words import word

# The fields of the form that are keys of the query language, and what they fill in a `Query`.
_FIELDS: Mapping[str, tuple[str, str]] = {
    "status": ("status", "statuses"),
    "assignee": ("assignee", "assignees"),
    "account": ("account", "accounts"),
    "network": ("platform", "platforms"),
    "kind": ("kind", "kinds"),
    "label": ("label", "labels"),
    "after": ("after", "after"),
    "before": ("before", "before"),
}
NAMES = ("text", *_FIELDS)

Choices = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Filters:
    """What the form shows: `text` is what its other fields cannot say, `chosen` counts those in use."""

    text: str = ""
    status: str = ""
    assignee: str = ""
    account: str = ""
    network: str = ""
    kind: str = ""
    label: str = ""
    after: str = ""
    before: str = ""

    def __getitem__(self, name: str) -> str:
        """Return a field by its name, as a template asks."""
        return str(getattr(self, name))

    @property
    def chosen(self) -> int:
        usual = self.status == USUAL.removeprefix("status:")
        return sum(bool(self[name]) for name in _FIELDS) - usual


def of_query(query: Query) -> Filters:
    """Spread a query over the form."""
    values: dict[str, str] = {}
    rest = query
    for name, (key, field) in _FIELDS.items():
        shown, left = _shared(query, field)
        values[name] = _alone(key, field, shown)
        rest = _with(rest, field, left)
    return Filters(text=language.unparse(rest), **values)


def _shared(query: Query, field: str) -> tuple[Any, Any]:
    """Return what a field of the form shows of the query's, and what is left for its text."""
    value = getattr(query, field)
    # Labels of which all must be there are more than one field can say.
    return (value[:1], value[1:]) if field == "labels" else (value, Query._field_defaults[field])


def _with(query: Query, field: str, value: Any) -> Query:
    return query._replace(**{field: value})


def _alone(key: str, field: str, value: Any) -> str:
    return language.unparse(_with(Query(), field, value)).removeprefix(f"{key}:")


def fold(sent: Mapping[str, str], zone: tzinfo) -> str:
    """Return the query that a filled form means; what is typed into its `text` wins over its other fields.

    Raises `UsageError` for a text that is no query, as `query.parse` does.
    """
    query = language.parse(sent.get("text", ""), zone)
    for name, (key, field) in _FIELDS.items():
        value = sent.get(name, "").strip()
        if not value or (getattr(query, field) and field != "labels"):
            continue
        asked = _asked(key, field, value, zone)
        query = _with(query, field, (*asked, *query.labels) if field == "labels" else asked)
    return language.unparse(query)


def _asked(key: str, field: str, value: str, zone: tzinfo) -> Any:
    """Read one field. Its value is one of the form's own, in the language, or a name just as it is."""
    try:
        query = language.parse(f"{key}:{value}", zone)
        if query == _with(Query(zone=zone), field, getattr(query, field)):
            return getattr(query, field)
    except UsageError:
        if '"' not in value and " " not in value:
            raise
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return getattr(language.parse(f'{key}:"{quoted}"', zone), field)


def choices(
    now: Filters, accounts: Mapping[str, str], labels: Sequence[str], people: Sequence[User]
) -> dict[str, Choices]:
    """Return what each field of the form offers; `accounts` are those of the user, with their platforms."""
    anything = ("", _("any"))
    everyone = [(_written("assignee", one.name), one.shown) for one in people]
    made: dict[str, list[tuple[str, str]]] = {
        "status": [
            (USUAL.removeprefix("status:"), _("not done")),
            *((name, word(name)) for name in language.STATUSES),
            anything,
        ],
        "assignee": [anything, ("me", _("me")), ("nobody", _("nobody")), *everyone],
        "account": [anything, *((_written("account", name), name) for name in sorted(accounts))],
        "network": [anything, *((name, name) for name in sorted(set(accounts.values())))],
        "kind": [anything, *((name, word(name)) for name in language.KINDS)],
        "label": [anything, *((_written("label", name), name) for name in labels)],
    }
    for name, options in made.items():
        # What was typed by hand, such as two accounts, stays chosen.
        if now[name] not in [value for value, _text in options]:
            options.append((now[name], now[name]))
    return dict(made)


def _written(name: str, value: str) -> str:
    """Return a value as the query language writes it."""
    key, field = _FIELDS[name]
    return _alone(key, field, ((value,),) if field == "labels" else (value,))
