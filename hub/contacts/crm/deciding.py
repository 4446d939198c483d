"""Answers to what the sync asks: which value holds, what follows from a deletion, whether somebody is there."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy.engine import Connection

from hub.contacts.crm import deleting, fields
from hub.contacts.crm.threeway import LISTS, Value
from hub.contacts.editing import checked
from hub.contacts.identity import merging
from hub.errors import UsageError
from hub.store import Store
from hub.store.crm import questions, records
from hub.store.crm.questions import Question
from hub.store.people import cards
from hub.store.team.who import Who

OURS, THEIRS, AGAIN, KEEP = "ours", "theirs", "again", "keep"
ANSWERS = {
    questions.CONFLICT: (OURS, THEIRS),
    questions.GONE_THERE: (OURS, THEIRS, AGAIN),
    questions.GONE_HERE: (OURS, THEIRS, KEEP),
    questions.CREATE: (OURS, THEIRS, KEEP),
}
"""The words that answer each kind of question; a conflict may be answered by a value too.

gone_there: `ours` keeps the contact here, `theirs` deletes it here too, `again` creates it there anew.
gone_here: `ours` deletes the record there too, `theirs` lets the contact return, `keep` leaves both as they are.
create: `ours` creates the contact there, `theirs` says that it is the one there, `keep` leaves it out.
"""


class _Nobody(NamedTuple):
    """Who works at the machine itself, and is none of the team."""

    id: int = 0
    shown: str = ""


def answer(
    store: Store, question_id: int, word: str, by: Who | None, now: datetime, *, typed: bool = False
) -> None:
    """Do what a person decided; with `typed` the word is the value of a field, whatever it says.

    Raises `UsageError` for a question that is not open, or a word that is no answer to it.
    """
    with store.read() as connection:
        question = questions.get(connection, question_id)
    if question is None:
        raise UsageError(
            "there is no open question {id}", hint="`hub contacts conflicts` lists them", id=question_id
        )
    if question.kind != questions.CONFLICT and word not in ANSWERS[question.kind]:
        raise UsageError(
            "{word} is no answer to this question",
            hint="say one of {words}",
            word=word,
            words=", ".join(ANSWERS[question.kind]),
        )
    if question.kind == questions.CREATE and word == THEIRS:
        _is_the_one_there(store, question, by, now)
    store.write(_answer, question_id, word, by, now, typed)


def _answer(
    connection: Connection, question_id: int, word: str, by: Who | None, now: datetime, typed: bool
) -> None:
    question = questions.get(connection, question_id)
    if question is None:
        return
    user_id = None if by is None or not by.id else by.id
    if question.kind == questions.CONFLICT:
        _choose(connection, question, "" if typed else word, word, user_id, now)
    elif question.kind == questions.GONE_THERE:
        _gone_there(connection, question, word, now)
    elif question.kind == questions.GONE_HERE:
        _gone_here(connection, question, word, now)
    elif word == OURS:
        records.change(connection, question.record_id, state=records.FAILED, due=1, attempts=0)
    elif word == KEEP:
        records.change(connection, question.record_id, state=records.KEPT)
    elif records.get(connection, question.record_id) is not None:
        _adopt(connection, question)
    questions.answered(connection, [question_id], word, now, user_id)


def _choose(
    connection: Connection, question: Question, side: str, value: str, user_id: int | None, now: datetime
) -> None:
    """Let the value of a side hold on both, or else `value`; what gives way is in the history."""
    field = question.field
    record = records.get(connection, question.record_id)
    assert record is not None
    there = fields.read(record.theirs).get(field, "")
    shown = cards.view(connection, question.contact_id)
    here = shown.values.get(field, "")
    chosen = here if side == OURS else there if side == THEIRS else _typed(field, value, here, there)
    base = {**fields.read(record.base), field: there}
    cards.set_values(
        connection,
        question.contact_id,
        {field: chosen or (() if isinstance(here, tuple) or isinstance(there, tuple) else "")},
        source="user" if side != THEIRS else question.account,
        now=now,
        user_id=user_id,
        why="decided",
    )
    if there and chosen != there:
        records.keep_lost(
            connection,
            [
                {
                    "contact_id": record.contact_id,
                    "field": field,
                    "before": fields.show(there),
                    "after": fields.show(chosen),
                    "why": "decided",
                    "source": question.account,
                    "user_id": user_id,
                    "at": now,
                }
            ],
        )
    records.change(connection, record.id, base=fields.write(base), due=1)


def _typed(field: str, word: str, here: Value, there: Value) -> Value:
    """Return a third value that somebody typed; a list as JSON, or with commas."""
    if not (field in LISTS or isinstance(here, tuple) or isinstance(there, tuple)):
        return fields.show(_value(checked({field: word})[field]))
    try:
        elements = msgspec.json.decode(word, type=list[str])
    except msgspec.DecodeError:
        elements = word.split(",")
    return _value(checked({field: elements})[field])


def _value(typed: object) -> Value:
    return typed if isinstance(typed, str) else tuple(typed)  # type: ignore[arg-type]  # JSON gives lists of texts here


def _gone_there(connection: Connection, question: Question, word: str, now: datetime) -> None:
    if word == THEIRS:
        records.mark_deleted(connection, question.contact_id, now)
    elif word == AGAIN:
        records.change(
            connection,
            question.record_id,
            remote_id=None,
            state=records.FAILED,
            due=1,
            attempts=0,
            hash=0,
            version="",
        )


def _gone_here(connection: Connection, question: Question, word: str, now: datetime) -> None:
    if word == THEIRS:
        deleting.restore(connection, question.contact_id, now)
    else:
        state = records.DELETING if word == OURS else records.KEPT
        records.change(connection, question.record_id, state=state, due=0, updated_at=now)


def _is_the_one_there(store: Store, question: Question, by: Who | None, now: datetime) -> None:
    """Join a person with the one whose record the CRM has, if the hub knows it."""
    with store.read() as connection:
        known = records.by_remote_id(connection, question.account, [_remote_id(question)])
        other = next((cards.person_of(connection, record.contact_id) for record in known.values()), None)
    if other is not None and other != question.contact_id:
        merging.merge(store, question.contact_id, other, by or _Nobody(), now)
        store.write(_drop, question.record_id)


def _drop(connection: Connection, record_id: int) -> None:
    records.drop(connection, record_id)


def _adopt(connection: Connection, question: Question) -> None:
    """Let the creation be the record that the CRM named, unseen by the hub so far; the next read merges it."""
    remote_id = _remote_id(question)
    if not remote_id:
        raise UsageError(
            "the CRM does not say which record it is",
            hint="merge the two contacts, or answer with `ours` or `keep`",
        )
    records.change(
        connection,
        question.record_id,
        remote_id=remote_id,
        state=records.SYNCED,
        base="",
        theirs="",
        sent="",
        hash=0,
        due=0,
    )


def _remote_id(question: Question) -> str:
    return fields.show(fields.read(question.theirs).get("remote_id", ""))
