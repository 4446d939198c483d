"""What a person may ask of the company: what they agreed to, all that is held of them, and that it be erased."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form, Request
from fastapi.responses import RedirectResponse, Response

from hub.contacts.privacy import consent, erasing, exporting
from hub.contacts.privacy.erasing import Proof
from hub.errors import HubError, UsageError
from hub.scheduling import caring
from hub.store.privacy import erasures
from hub.users.roles import Permission
from hub.web import pages
from hub.web.contacts import WORDS, Number, back, checked, contact_room, load, person_of, show
from hub.web.routes import Missing, TheHub, TheUser

room = contact_room()
_NEWEST = 100


@room.action("/contacts/{person_id:int}/consent", may=Permission.RESPOND)
def keep_consent(
    request: Request,
    hub: TheHub,
    user: TheUser,
    person_id: Number,
    purpose: Annotated[str, Form(max_length=200)] = "",
    granted: Annotated[str, Form(max_length=10)] = "",
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Write down that a person agreed to a purpose, or no longer does."""
    found = load(hub, person_id)
    try:
        what, words = checked(purpose), checked(note)
        if not what:
            raise UsageError("the purpose is missing", hint="say what the person agreed to, as in newsletter")
        change = consent.give if granted == "yes" else consent.withdraw
        change(hub.store, found.person.id, what, user, hub.clock(), note=words)
    except UsageError as error:
        return show(request, hub, user, found, error=error)
    return back(found.person.id, "consent", "consents")


@room.page("/contacts/{person_id:int}/export", may=Permission.ADMIN)
def export(hub: TheHub, person_id: Number) -> Response:
    """Give all that is held of a person as a file, to hand to them."""
    number = person_of(hub, person_id)
    held = exporting.everything(hub.store, number, hub.clock()).encoded()
    return Response(
        held,
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="contact-{number}.json"'},
    )


@room.action("/contacts/{person_id:int}/erase", may=Permission.ADMIN)
def erase(
    request: Request,
    hub: TheHub,
    user: TheUser,
    person_id: Number,
    sure: Annotated[str, Form(max_length=10)] = "",
    crms: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Remove all that is held of a person, for good, and show the proof."""
    found = load(hub, person_id)
    try:
        if sure != "yes":
            raise UsageError("nothing was removed", hint="say that you are sure, by the box above the button")
        begun = erasing.erase(hub, found.person.id, user, hub.clock(), crms == "yes")
        caring.finish(hub, begun.erasure.id)
    except HubError as error:
        return show(request, hub, user, found, error=error)
    return RedirectResponse(f"/contacts/erasures#erasure-{begun.erasure.id}", 303)


@room.page("/contacts/erasures", may=Permission.ADMIN)
def list_erasures(request: Request, hub: TheHub, user: TheUser) -> Response:
    """Show the newest erasures, each with its proof and what is still to be done."""
    with hub.store.read() as connection:
        found = [Proof(one, erasures.steps_of(connection, one.id)) for one in erasures.newest(connection, _NEWEST)]
    return pages.render(request, "contact_erasures.html", **WORDS, found=found, asked=erasures.ASKED)


@room.action("/contacts/erasures/{erasure_id:int}/done", may=Permission.ADMIN)
def settle(hub: TheHub, user: TheUser, erasure_id: Number) -> Response:
    """Note that a person did what an erasure asked for."""
    if not erasing.settle(hub.store, erasure_id, hub.clock()):
        raise Missing("erasure {id} asks for nothing", hint="look at the page again", id=erasure_id)
    return RedirectResponse(f"/contacts/erasures#erasure-{erasure_id}", 303)
