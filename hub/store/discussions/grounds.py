"""Why the hub holds two things for one: the evidence of joins and repeats, in the reader's language."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from hub.i18n import _

# Facts that are words of ours and not names.
_SPOKEN = ("who", "what")


def packed(facts: Mapping[str, str]) -> str:
    """Return facts as they are stored; the same ones always alike."""
    return json.dumps(dict(facts), ensure_ascii=False, sort_keys=True)


def said(template: str, facts: str) -> str:
    """Say stored evidence in the reader's language."""
    given: dict[str, str] = json.loads(facts)
    spoken = {name: _(given[name]).format(**given) for name in _SPOKEN if name in given}
    return _(template).format(**{**given, **spoken})


class Grounds(Protocol):
    """What a join and a repeat have in common."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def evidence(self) -> str: ...
    @property
    def confidence(self) -> float: ...
    @property
    def at(self) -> datetime: ...
    @property
    def by(self) -> str: ...
    @property
    def undone_at(self) -> datetime | None: ...
    @property
    def undone_by(self) -> str: ...
