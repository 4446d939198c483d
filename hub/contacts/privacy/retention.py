"""Lets go of what is older than `[retention]` says, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

import structlog
from sqlalchemy.engine import Connection

from hub.sections import RetentionSection
from hub.store import Store
from hub.store.privacy import retention
from hub.store.privacy.tombstones import Tombstones

log = structlog.get_logger()

# Rows of one transaction: it must not keep others waiting.
_BATCH = 500
_MESSAGES = ("message",)
_DAY = timedelta(days=1)
_CHORE = "retention"


class Going(NamedTuple):
    """One line of `[retention]`: what goes that is from before a time. `number` is 0 where it was not counted."""

    kind: str
    before: datetime
    number: int = 0


class _Rule(NamedTuple):
    kind: str
    before: datetime
    counted: Callable[[Connection], int]
    drop: Callable[[Connection], int]


def foresee(store: Store, section: RetentionSection, tombstones: Tombstones, now: datetime) -> list[Going]:
    """Return what would go now, counted; nothing is removed.

    Contacts are counted as they are: those whose last remark goes too are not among them yet.
    """
    with store.read() as connection:
        return [
            Going(rule.kind, rule.before, rule.counted(connection)) for rule in _rules(section, tombstones, now)
        ]


def apply(store: Store, section: RetentionSection, tombstones: Tombstones, now: datetime) -> Iterator[Going]:
    """Remove what is past its time; yield after each batch what it was, so that others get their turn."""
    for rule in _rules(section, tombstones, now):
        while True:
            count = store.write(rule.drop)
            if count:
                yield Going(rule.kind, rule.before, count)
            if count < _BATCH:
                break


def is_due(store: Store, now: datetime) -> bool:
    """Tell, once a day to one process, that it is time."""
    return store.write(retention.begin, _CHORE, now, now - _DAY)


def _rules(section: RetentionSection, tombstones: Tombstones, now: datetime) -> Iterator[_Rule]:
    """Return what each line asks for; people come after what they said."""
    messages = section.messages or section.mentions
    for name, age, others in (("messages", messages, False), ("mentions", section.mentions, True)):
        if age is not None:
            before = now - age
            yield _Rule(
                name,
                before,
                partial(retention.count_mentions, before=before, kinds=_MESSAGES, others=others),
                partial(
                    retention.drop_mentions,
                    before=before,
                    kinds=_MESSAGES,
                    others=others,
                    tombstones=tombstones,
                    now=now,
                    limit=_BATCH,
                ),
            )
    if section.contacts is not None:
        before = now - section.contacts
        yield _Rule(
            "contacts",
            before,
            partial(retention.count_people, before=before),
            partial(retention.drop_people, before=before, now=now, limit=_BATCH),
        )
    if section.history is not None:
        before = now - section.history
        yield _Rule(
            "history",
            before,
            partial(retention.count_history, before=before),
            partial(retention.drop_history, before=before, limit=_BATCH),
        )
    before = now - section.runs
    yield _Rule(
        "runs",
        before,
        partial(retention.count_runs, before=before),
        partial(retention.drop_runs, before=before, limit=_BATCH),
    )
