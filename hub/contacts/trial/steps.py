"""The steps of a trial of a CRM: what came of each, and how what was sent compares with what came back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from hub.errors import HubError
from hub.models import Contact

State = Literal["ok", "failed", "skipped"]


class Exchange(NamedTuple):
    """One answer as it came, its secrets taken out."""

    method: str
    url: str
    status: int
    body: str


@dataclass(frozen=True, slots=True)
class Step:
    """What came of one step. `told` and `facts` are a message for people; `error` is why it failed."""

    name: str
    state: State
    told: str = ""
    facts: dict[str, object] = field(default_factory=dict)
    error: HubError | None = None
    came: Sequence[Exchange] = ()
    mapped: Sequence[Contact] = ()


def filled(items: Sequence[Contact], reads: frozenset[str]) -> dict[str, object]:
    """Count how many contacts of a page have each name, so that an expression that finds nothing shows."""
    counts = {name: sum(bool(shown(one, name)) for one in items) for name in sorted(reads)}
    filled = ", ".join(f"{name} {count}" for name, count in counts.items())
    return {"count": len(items), "filled": filled or "-"}


def texts(contact: Contact, name: str) -> list[str]:
    if name in ("emails", "phones"):
        return sorted(getattr(contact, name))
    return [contact.name]


def shown(contact: Contact, name: str) -> str:
    if name in ("name", "url"):
        return str(getattr(contact, name))
    if name in ("emails", "phones"):
        return ", ".join(getattr(contact, name))
    if name == "handles":
        return ", ".join(f"{platform}: {handle}" for platform, handle in contact.handles.items())
    value = contact.fields.get(name, "")
    return value if isinstance(value, str) else ", ".join(value)


def digits(text: str) -> str:
    return "".join(char for char in text if char.isdigit())
