"""Who is who, by a person's word: merging with a look at what would be, splitting, and what the hub proposes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from hub.contacts.crm import foretelling
from hub.contacts.identity import merging
from hub.contacts.identity.merging import Preview
from hub.errors import HubError, UsageError
from hub.i18n import _, words_of
from hub.scheduling.hub import Hub
from hub.store.people import contacts
from hub.store.people.contacts import Person
from hub.users.roles import Permission
from hub.web import pages
from hub.web.contacts import DONE, WORDS, Number, back, checked, contact_room, load, person_of
from hub.web.failures import status_of
from hub.web.place import LARGEST
from hub.web.routes import TheHub, TheUser

room = contact_room()
_CANDIDATES = 20
_PAGE = 20


@room.page("/contacts/{person_id:int}/merge", may=Permission.PUBLISH)
def choose(
    request: Request,
    hub: TheHub,
    user: TheUser,
    person_id: Number,
    q: Annotated[str, Query(max_length=200)] = "",
    other: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
) -> Response:
    """Find the other one of the two, and show what would be shown and told after a merge."""
    return _merge(request, hub, person_id, q, other)


def _merge(
    request: Request, hub: Hub, person_id: int, q: str, other: int | None, error: HubError | None = None
) -> Response:
    number = person_of(hub, person_id)
    preview: Preview | None = None
    candidates: list[Person] = []
    try:
        wanted = checked(q)
        if other is not None and error is None:
            preview = merging.preview(hub.store, number, other)
    except UsageError as found:
        wanted, error = "", found
    with hub.store.read() as connection:
        (person,) = contacts.of_ids(connection, [number])
        if preview is None and wanted:
            candidates = [
                one for one in contacts.people(connection, _CANDIDATES, search=wanted) if one.id != number
            ]
    problem, hint = words_of(error) if error else ("", "")
    return pages.render(
        request,
        "contact_merge.html",
        status_of(error) if error else 200,
        **WORDS,
        person=person,
        q=wanted,
        candidates=candidates,
        preview=preview,
        crm=foretelling.told(hub, preview) if preview is not None else (),
        problem=problem,
        problem_hint=hint,
    )


@room.action("/contacts/{person_id:int}/merge", may=Permission.PUBLISH)
def merge(
    request: Request,
    hub: TheHub,
    user: TheUser,
    person_id: Number,
    other: Annotated[int, Form(ge=1, le=LARGEST)],
) -> Response:
    """Make one person of two."""
    number = person_of(hub, person_id)
    try:
        joined = merging.merge(hub.store, number, other, user, hub.clock())
    except HubError as error:
        return _merge(request, hub, person_id, "", other, error)
    return back(joined, "merged")


@room.page("/contacts/{person_id:int}/split", may=Permission.PUBLISH)
def part(request: Request, hub: TheHub, user: TheUser, person_id: Number) -> Response:
    """Show the cards of a person, to choose those that are somebody else's."""
    return _split(request, hub, person_id)


def _split(request: Request, hub: Hub, person_id: int, error: HubError | None = None) -> Response:
    problem, hint = words_of(error) if error else ("", "")
    return pages.render(
        request,
        "contact_split.html",
        status_of(error) if error else 200,
        **WORDS,
        found=load(hub, person_id),
        problem=problem,
        problem_hint=hint,
    )


@room.action("/contacts/{person_id:int}/split", may=Permission.PUBLISH)
def split(
    request: Request,
    hub: TheHub,
    user: TheUser,
    person_id: Number,
    cards: Annotated[list[Annotated[int, Form(ge=1, le=LARGEST)]] | None, Form()] = None,
) -> Response:
    """Part cards from a person."""
    found = load(hub, person_id)
    try:
        if not cards:
            raise UsageError("nothing is chosen that goes", hint="choose what is somebody else's")
        stays, _left = merging.split(hub.store, found.person.id, cards, user, hub.clock())
    except HubError as error:
        return _split(request, hub, person_id, error)
    return back(stays, "split")


@room.action("/contacts/{person_id:int}/undo", may=Permission.PUBLISH)
def undo(
    request: Request,
    hub: TheHub,
    user: TheUser,
    person_id: Number,
    merge: Annotated[int, Form(ge=1, le=LARGEST)],
) -> Response:
    """Take a merge back; what came since goes with the side that it came by."""
    found = load(hub, person_id)
    try:
        if merge not in {one.id for one in found.merges}:
            raise UsageError("there is no such merge of this person", hint="look at the page again")
        stays, _left = merging.undo(hub.store, merge, user, hub.clock())
    except HubError as error:
        return _split(request, hub, person_id, error)
    return back(stays, "split")


@room.page("/contacts/proposals", may=Permission.READ)
def proposals(
    request: Request,
    hub: TheHub,
    user: TheUser,
    after: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
    done: str = "",
) -> Response:
    """List the pairs that may be one person, with what speaks for it."""
    found = merging.proposals(hub.store, _PAGE + 1, after)
    return pages.render(
        request,
        "contact_proposals.html",
        **WORDS,
        found=found[:_PAGE],
        next=found[_PAGE - 1].id if len(found) > _PAGE else None,
        joins=user.may(Permission.PUBLISH),
        said=_(DONE[done]) if done in DONE else "",
    )


@room.action("/contacts/proposals/{proposal_id:int}", may=Permission.PUBLISH)
def judge(
    hub: TheHub, user: TheUser, proposal_id: Number, word: Annotated[str, Form(max_length=20)] = ""
) -> Response:
    """Say of a proposed pair that it is one person, or two."""
    if word == "accept":
        joined = merging.accept(hub.store, proposal_id, user, hub.clock())
        return back(joined, "merged")
    if word != "refuse":
        raise UsageError("say whether they are one person", hint="use the buttons of the page")
    merging.refuse(hub.store, proposal_id, user, hub.clock())
    return RedirectResponse("/contacts/proposals?done=apart", 303)
