"""The Contacts: who the people are that speak to us, found by name, and all that is known of one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from hub.contacts import card as loading
from hub.contacts import wording
from hub.contacts.card import Card
from hub.errors import HubError, UsageError
from hub.i18n import N_, _, words_of
from hub.models import check_text
from hub.scheduling.hub import Hub
from hub.store.people import contacts, heard
from hub.store.people.contacts import Kind
from hub.users.roles import Permission, User
from hub.web import pages
from hub.web.clean import FOREIGN
from hub.web.failures import status_of
from hub.web.place import LARGEST
from hub.web.routes import Forbidden, Missing, Room, TheHub, TheUser, user_of

Number = Annotated[int, Path(ge=1, le=LARGEST)]
_PAGE = 50

# What an address may say was done; anything else is not repeated to the reader.
DONE = {
    "added": N_("The person is added."),
    "changed": N_("Changed. The CRMs follow with the next sync."),
    "noted": N_("Noted."),
    "merged": N_("They are one person now. Nothing was lost: splitting them brings both back."),
    "split": N_("They are two people now. The hub will not join them again by itself."),
    "apart": N_("They stay two people."),
    "decided": N_("Decided. The next sync carries it out."),
    "deleted": N_("The person is deleted here."),
    "consent": N_("The consent is kept."),
}
# What the templates about people know besides.
WORDS: dict[str, Any] = {
    **FOREIGN,
    "field_name": wording.field_name,
    "evidence_said": wording.evidence_said,
    "state_said": wording.state_said,
    "question_said": wording.question_said,
    "origin_said": wording.origin_said,
    "source_said": wording.source_said,
    "sure": wording.sure,
}


def of_all_accounts(request: Request) -> None:
    """Refuse who may see some accounts only: a contact is put together of what was said on all of them."""
    user = user_of(request)
    if user is not None and user.accounts is not None:
        raise Forbidden("contacts are for users of all accounts")


def contact_room() -> Room:
    """Make a room for pages about people."""
    return Room(dependencies=[Depends(of_all_accounts)])


room = contact_room()


@room.page("/contacts", may=Permission.READ)
def list_contacts(
    request: Request,
    hub: TheHub,
    user: TheUser,
    q: Annotated[str, Query(max_length=200)] = "",
    only: str = "",
    after: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
    done: str = "",
) -> Response:
    """List the people by name; the filters are in the address."""
    kind: Kind | None = next((one for one in contacts.KINDS if one == only), None)
    problem = hint = ""
    found = []
    try:
        wanted = checked(q)
        with hub.store.read() as connection:
            place = None if after is None else heard.place_of(connection, after)
            found = contacts.people(connection, _PAGE + 1, search=wanted, only=kind, after=place)
    except UsageError as error:
        problem, hint = words_of(error)
    with hub.store.read() as connection:
        waiting = heard.waiting(connection)
    return pages.render(
        request,
        "contacts.html",
        422 if problem else 200,
        **WORDS,
        found=found[:_PAGE],
        next=found[_PAGE - 1].id if len(found) > _PAGE else None,
        after=after,
        q=q.replace("\0", ""),
        only=kind or "",
        kinds=[
            ("", _("All")),
            ("record", _("With a record in a CRM")),
            ("no-record", _("Without a record")),
            ("question", _("With an open question")),
            ("proposal", _("Perhaps met twice")),
        ],
        waiting=waiting,
        problem=problem,
        problem_hint=hint,
        said=_(DONE[done]) if done in DONE else "",
    )


@room.page("/contacts/{person_id:int}", may=Permission.READ)
def show_contact(
    request: Request,
    hub: TheHub,
    user: TheUser,
    person_id: Number,
    before: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
    done: str = "",
) -> Response:
    """Show the card of a person. The number of a card that was merged leads to the person's."""
    found = load(hub, person_id, before=before)
    if found.person.id != person_id:
        return RedirectResponse(f"/contacts/{found.person.id}" + (f"?before={before}" if before else ""), 303)
    return show(request, hub, user, found, before=before, done=done)


def load(hub: Hub, person_id: int, *, before: int | None = None) -> Card:
    """Read a card; raise `Missing` if there is none."""
    try:
        return loading.load(hub.store, person_id, before=before)
    except UsageError as error:
        raise Missing(error.message, hint=error.hint, **error.facts) from None


def person_of(hub: Hub, number: int) -> int:
    """Return the number of the person; raise `Missing` if there is none."""
    try:
        return loading.person_of(hub.store, number)
    except UsageError as error:
        raise Missing(error.message, hint=error.hint, **error.facts) from None


def show(
    request: Request,
    hub: Hub,
    user: User,
    found: Card,
    *,
    before: int | None = None,
    done: str = "",
    error: HubError | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    """Make the page of a card; `typed` is what somebody wrote into its form, and could not be kept."""
    problem, hint = words_of(error) if error else ("", "")
    return pages.render(
        request,
        "contact.html",
        status_of(error) if error else 200,
        **WORDS,
        found=found,
        before=before,
        fields=editable(found),
        typed=typed or {},
        never=hub.settings.contacts.never,
        changes=user.may(Permission.RESPOND),
        joins=user.may(Permission.PUBLISH),
        deletes=user.may(Permission.ADMIN),
        problem=problem,
        problem_hint=hint,
        said=_(DONE[done]) if done in DONE else "",
    )


_USUAL: dict[str, str | tuple[str, ...]] = {
    "name": "",
    "emails": (),
    "phones": (),
    "company": "",
    "title": "",
    "city": "",
    "url": "",
}


def editable(found: Card) -> dict[str, tuple[str, bool]]:
    """Return the fields of the form: each as text, a list with a line for each element, and whether it is one."""
    values = _USUAL | dict(found.view.values)
    return {
        field: (value, False) if isinstance(value, str) else ("\n".join(value), True)
        for field, value in values.items()
    }


def back(person_id: int, done: str, at: str = "") -> Response:
    """Lead back to the card, with a word on what was done."""
    return RedirectResponse(f"/contacts/{person_id}?done={done}" + (f"#{at}" if at else ""), 303)


def checked(text: str) -> str:
    """Return a text that was typed; raise `UsageError` for what no database holds."""
    try:
        return check_text("the text", text).strip()
    except ValueError as error:
        raise UsageError("{why}", why=error) from None
