"""Says in words what joins people, what a field is called, where a value comes from, and what a question asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hub.contacts.crm import fields
from hub.i18n import N_, _

_FIELDS: Mapping[str, str] = {
    "name": N_("Name"),
    "emails": N_("E-mail"),
    "phones": N_("Phone"),
    "url": N_("Web page"),
    "company": N_("Company"),
    "title": N_("Job title"),
    "nickname": N_("Nickname"),
    "birthday": N_("Birthday"),
    "address": N_("Street"),
    "city": N_("City"),
    "region": N_("Region"),
    "postcode": N_("Postcode"),
    "country": N_("Country"),
    "categories": N_("Categories"),
}
_EVIDENCE: Mapping[str, str] = {
    "email": N_("the same e-mail: {value}"),
    "phone": N_("the same phone: {value}"),
    "link": N_("a link that leads from one to the other: {value}"),
    "record": N_("the same record in a CRM: {value}"),
    "handle": N_("a record that names the profile: {value}"),
    "name": N_("the same name: {value}"),
    "word": N_("the word of one of the team"),
}
_STATES: Mapping[str, str] = {
    "joined": N_("one person"),
    "proposed": N_("perhaps one person"),
    "refused": N_("two people"),
    "undone": N_("split"),
}
_QUESTIONS: Mapping[str, str] = {
    "conflict": N_("{field} was changed here and in {account}"),
    "gone_there": N_("The record was deleted in {account}"),
    "gone_here": N_("The person was deleted here, and is still in {account}"),
    "create": N_("Is the person in {account} already?"),
}
_ANSWERS: Mapping[str, Mapping[str, str]] = {
    "gone_there": {
        "ours": N_("Keep the person here"),
        "theirs": N_("Delete the person here too"),
        "again": N_("Make a new record in {account}"),
    },
    "gone_here": {
        "ours": N_("Delete the record in {account} too"),
        "theirs": N_("Bring the person back here"),
        "keep": N_("Leave both as they are"),
    },
    "create": {
        "ours": N_("No: make a new record in {account}"),
        "theirs": N_("Yes: it is the one there"),
        "keep": N_("Leave the person out of {account}"),
    },
}
_ORIGINS: Mapping[str, str] = {
    "author": N_("a profile on a network"),
    "record": N_("a record of a CRM"),
    "typed": N_("typed by the team"),
    "import": N_("an import"),
}
_SOURCES: Mapping[str, str] = {
    "user": N_("typed"),
    "import": N_("imported"),
    "author": N_("from the profile"),
    "merge": N_("by a merge"),
    "split": N_("by a split"),
    "profiles": N_("both profiles"),
    "network": N_("verified by the network"),
}


def field_name(field: str) -> str:
    """Say what a field is called; one that only a CRM has keeps its name."""
    if field.startswith("handles."):
        return _("On {platform}").format(platform=field.removeprefix("handles."))
    return _(_FIELDS[field]) if field in _FIELDS else field


def evidence_said(kind: str, value: str) -> str:
    """Say what speaks for two cards being one person."""
    return _(_EVIDENCE[kind]).format(value=value) if kind in _EVIDENCE else f"{kind} {value}".strip()


def state_said(state: str) -> str:
    """Say what became of evidence."""
    return _(_STATES[state]) if state in _STATES else state


def question_said(kind: str, field: str, account: str) -> str:
    """Say what a question is about."""
    if kind not in _QUESTIONS:
        return kind
    return _(_QUESTIONS[kind]).format(field=field_name(field), account=account)


def value_in(side: str, field: str) -> str | tuple[str, ...]:
    """Return what one side of a question holds of a field, "" for nothing."""
    return fields.read(side).get(field, "")


def answers_to(kind: str, account: str) -> Sequence[tuple[str, str]]:
    """Return what may be answered to a question that is no conflict, with what each answer does."""
    return [(answer, _(text).format(account=account)) for answer, text in _ANSWERS.get(kind, {}).items()]


def origin_said(origin: str) -> str:
    """Say where a card comes from."""
    return _(_ORIGINS[origin]) if origin in _ORIGINS else origin


def source_said(source: str) -> str:
    """Say where a value or a word comes from, which may be several places; an account says it by its name."""
    places = [one.strip() for one in source.split(",")]
    return ", ".join(_(_SOURCES[one]) if one in _SOURCES else one for one in places)


def sure(weight: float) -> str:
    """Say a weight between 0 and 1 in words."""
    if weight >= 1:
        return _("certain")
    if weight >= 0.9:
        return _("almost certain")
    if weight >= 0.6:
        return _("likely")
    return _("possible") if weight >= 0.3 else _("weak")
