"""What only a person can decide about records of the CRMs: both sides beside each other, one click to choose."""

from __future__ import annotations

import json
from typing import Annotated, NamedTuple

from fastapi import Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from hub.contacts.crm import deciding
from hub.contacts.wording import answers_to, value_in
from hub.errors import HubError, UsageError
from hub.i18n import _, words_of
from hub.scheduling.hub import Hub
from hub.store.crm import questions
from hub.store.crm.questions import Question
from hub.store.people import contacts
from hub.store.people.contacts import Person
from hub.users.roles import Permission, User
from hub.web import pages
from hub.web.contacts import DONE, WORDS, Number, checked, contact_room
from hub.web.failures import status_of
from hub.web.place import LARGEST
from hub.web.routes import TheHub, TheUser

room = contact_room()
_PAGE = 50


class Asked(NamedTuple):
    """A question, and whom it is about; None where the person was deleted here."""

    question: Question
    person: Person | None


@room.page("/contacts/conflicts", may=Permission.READ)
def conflicts(
    request: Request,
    hub: TheHub,
    user: TheUser,
    after: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
    done: str = "",
) -> Response:
    """List the open questions, the oldest first."""
    return _show(request, hub, user, after=after, done=done)


def _show(
    request: Request,
    hub: Hub,
    user: User,
    *,
    after: int = 0,
    done: str = "",
    error: HubError | None = None,
    about: int = 0,
    typed: str = "",
) -> Response:
    with hub.store.read() as connection:
        found = questions.open(connection, _PAGE + 1, after=after)
        people = {one.id: one for one in contacts.of_ids(connection, [one.contact_id for one in found])}
    problem, hint = words_of(error) if error else ("", "")
    return pages.render(
        request,
        "contact_conflicts.html",
        status_of(error) if error else 200,
        **WORDS,
        found=[Asked(one, people.get(one.contact_id)) for one in found[:_PAGE]],
        after=after or None,
        next=found[_PAGE - 1].id if len(found) > _PAGE else None,
        value_in=value_in,
        choices_of=answers_to,
        decides=user.may(Permission.PUBLISH),
        about=about,
        typed=typed,
        problem=problem,
        problem_hint=hint,
        said=_(DONE[done]) if done in DONE else "",
    )


@room.action("/contacts/conflicts/{question_id:int}", may=Permission.PUBLISH)
def decide(
    request: Request,
    hub: TheHub,
    user: TheUser,
    question_id: Number,
    answer: Annotated[str, Form(max_length=20)] = "",
    value: Annotated[str, Form(max_length=100_000)] = "",
) -> Response:
    """Write down a person's word: one side's value, or one that was typed."""
    with hub.store.read() as connection:
        asked = questions.get(connection, question_id)
    try:
        if asked is None:
            raise UsageError("the question is answered already", hint="look at the page again")
        word = _typed(asked, checked(value.replace("\r\n", "\n"))) if answer == "typed" else answer
        if answer != "typed" and answer not in deciding.ANSWERS[asked.kind]:
            raise UsageError("say which side is right", hint="use the buttons of the page")
        deciding.answer(hub.store, question_id, word, user, hub.clock(), typed=answer == "typed")
    except HubError as error:
        return _show(request, hub, user, after=question_id - 1, error=error, about=question_id, typed=value)
    return RedirectResponse("/contacts/conflicts?done=decided", 303)


def _typed(asked: Question, text: str) -> str:
    """Return a value as `deciding` takes it: a list, which was typed with a line for each element, as JSON."""
    if not text:
        raise UsageError("nothing is typed", hint="type the value that is right, or choose a side")
    is_list = any(isinstance(value_in(side, asked.field), tuple) for side in (asked.ours, asked.theirs))
    return json.dumps([line.strip() for line in text.split("\n") if line.strip()]) if is_list else text
