"""The shapes of the JSON documents about contacts that scripts rely on."""

from __future__ import annotations

from typing import Any

from hub.cli.output import iso
from hub.cli.shapes import mention_shape, person_shape
from hub.contacts.card import Card, Heard, Part
from hub.contacts.identity.merging import Proposal, Told
from hub.contacts.wording import value_in
from hub.store.crm.questions import Question
from hub.store.people.cards import Change, Value
from hub.store.people.evidence import Evidence


def card_shape(found: Card) -> dict[str, Any]:
    """Return all that is known of a person."""
    return {
        **person_shape(found.person),
        "fields": {
            field: list(value) if isinstance(value, tuple) else value for field, value in found.view.values.items()
        },
        "remarks": found.summary.remarks,
        "answered": found.summary.answered,
        "cards": [_part_shape(one) for one in found.parts],
        "discussions": [_heard_shape(one) for one in found.talks],
        "before": found.older,
        "questions": [question_shape(one) for one in found.questions],
        "evidence": [evidence_shape(one) for one in found.evidence],
        "consents": [
            {
                "purpose": one.purpose,
                "granted": one.granted,
                "at": iso(one.at),
                "by": one.by,
                "source": one.source,
                "note": one.note,
            }
            for one in found.consents
        ],
        "activities": [
            {
                "id": one.id,
                "account": one.account,
                "make": one.make,
                "state": one.state,
                "mention": one.mention_id,
                "url": one.url,
                "error": one.error,
            }
            for one in found.activities
        ],
        "notes": [{"id": one.id, "by": one.by, "text": one.text, "at": iso(one.at)} for one in found.notes],
        "history": [_change_shape(one) for one in found.history],
    }


def _part_shape(part: Part) -> dict[str, Any]:
    return {
        "id": part.id,
        "origin": part.origin,
        "values": [_value_shape(one) for one in part.values],
        "identities": [
            {
                "platform": one.platform,
                "remote_id": one.remote_id,
                "handle": one.handle,
                "name": one.name,
                "url": one.url,
                "remarks": one.remarks,
                "answered": one.answered,
                "first_at": iso(one.first_at),
                "last_at": iso(one.last_at),
            }
            for one in part.voices
        ],
        "records": [
            {"account": one.account, "remote_id": one.remote_id, "state": one.state, "url": one.url}
            for one in part.records
        ],
    }


def _value_shape(one: Value) -> dict[str, Any]:
    return {"field": one.field, "value": one.value, "source": one.source, "at": iso(one.at)}


def _heard_shape(one: Heard) -> dict[str, Any]:
    return {
        "id": one.talk.discussion,
        "title": one.talk.title,
        "url": one.talk.url,
        "remarks": one.talk.remarks,
        "last_at": iso(one.talk.last_at),
        "accounts": [site.account for site in one.sites],
        "mentions": [
            {
                **mention_shape(said.mention),
                "replies": [
                    {
                        "id": answer.id,
                        "by": answer.by,
                        "text": answer.text,
                        "state": answer.state,
                        "url": answer.url,
                    }
                    for answer in said.answers
                ],
            }
            for said in one.said
        ],
    }


def _change_shape(one: Change) -> dict[str, Any]:
    return {
        "field": one.field,
        "before": one.before,
        "after": one.after,
        "why": one.why,
        "source": one.source,
        "at": iso(one.at),
    }


def evidence_shape(one: Evidence) -> dict[str, Any]:
    """Return what speaks for two cards being one person."""
    return {
        "id": one.id,
        "cards": [one.one_id, one.other_id],
        "kind": one.kind,
        "value": one.value,
        "source": one.source,
        "weight": one.weight,
        "state": one.state,
        "at": iso(one.at),
    }


def proposal_shape(one: Proposal) -> dict[str, Any]:
    """Return a pair that may be one person."""
    return {
        "id": one.id,
        "one": person_shape(one.one),
        "other": person_shape(one.other),
        "weight": one.weight,
        "evidence": [evidence_shape(each) for each in one.evidence],
    }


def told_shape(one: Told) -> dict[str, Any]:
    """Return what a CRM would be told of one field."""
    return {
        "account": one.account,
        "remote_id": one.remote_id,
        "field": one.field,
        "before": one.before,
        "after": one.after,
    }


def question_shape(one: Question) -> dict[str, Any]:
    """Return a question that only a person can answer."""
    return {
        "id": one.id,
        "kind": one.kind,
        "account": one.account,
        "remote_id": one.remote_id,
        "contact": one.contact_id,
        "field": one.field,
        "base": _side(one.base, one.field),
        "ours": _side(one.ours, one.field),
        "theirs": _side(one.theirs, one.field),
        "at": iso(one.at),
    }


def _side(held: str, field: str) -> str | list[str]:
    value = value_in(held, field)
    return value if isinstance(value, str) else list(value)
