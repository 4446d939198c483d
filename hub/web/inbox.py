"""The Inbox: what others say, with filters in the address, and one mention opened beside the list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from fastapi import Form, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from hub.discussions import desk
from hub.discussions import query as language
from hub.errors import UsageError
from hub.i18n import N_, _, words_of
from hub.scheduling.hub import Hub
from hub.users import everybody
from hub.users.roles import Permission, User
from hub.web import answers, filters, pages
from hub.web.clean import FOREIGN
from hub.web.opened import Opened, done_of, gather
from hub.web.place import LARGEST, USUAL, AskedPlace, Place, SentPlace
from hub.web.routes import Room, TheHub, TheUser
from hub.web.snoozing import choices_of
from hub.words import word

room = Room()
MentionId = Annotated[int, Path(ge=1, le=LARGEST)]

# What an address may say was done; anything else is not repeated to the reader.
_DONE = {
    "answered": N_("Your answer is sent."),
    "kept": N_("Kept."),
    "changed": N_("Changed."),
    "nothing": N_("Nothing was chosen."),
}


class Tab(NamedTuple):
    """One of Mine, Unassigned and All."""

    name: str
    href: str
    shown: str
    current: bool


class View(NamedTuple):
    """A query with a name; those without a number are everybody's."""

    id: int
    name: str
    query: str


@room.page("/inbox", may=Permission.READ)
def inbox(request: Request, hub: TheHub, user: TheUser, place: AskedPlace, done: str = "") -> Response:
    """Show the list. A form's fields are folded into one query, at whose address the list then is."""
    sent = {name: request.query_params[name] for name in filters.NAMES if name in request.query_params}
    if not sent:
        return show(request, hub, user, place, done=done)
    try:
        folded = filters.fold(sent, hub.settings.zone)
    except UsageError as error:
        return show(request, hub, user, Place(sent.get("text", "")), error=error)
    return RedirectResponse(Place().address(q=folded), 303)


@room.page("/inbox/replies", may=Permission.RESPOND)
def saved(request: Request, hub: TheHub, user: TheUser) -> Response:
    """Show the saved replies."""
    return _saved(request, hub)


@room.page("/inbox/{mention_id}", may=Permission.READ)
def opened(
    request: Request,
    hub: TheHub,
    user: TheUser,
    place: AskedPlace,
    mention_id: MentionId,
    done: Annotated[str, Query()] = "",
) -> Response:
    """Show a mention beside the list."""
    found = gather(hub, mention_id, user)
    return show(request, hub, user, place, opened=found, form=answers.fresh(hub, user, found), done=done)


def show(
    request: Request,
    hub: Hub,
    user: User,
    place: Place,
    *,
    opened: Opened | None = None,
    form: answers.Form | None = None,
    error: UsageError | None = None,
    done: str = "",
    status: int = 200,
) -> Response:
    """Make the page: the list by the place's filters, and a mention beside it."""
    now = hub.clock()
    query, page = language.Query(zone=hub.settings.zone), desk.Page((), None, None)
    counts = desk.Counts(0, 0, 0)
    try:
        if error is None:
            query = language.parse(place.q, hub.settings.zone)
            place = place._replace(q=language.unparse(query))
            page = desk.page(hub.store, query, user, now, cursor=place.cursor or None)
            counts = desk.counts(hub.store, query, user, now)
    except UsageError as found:
        error = found
    problem, hint = words_of(error) if error else ("", "")
    form_of = filters.of_query(query) if not error else filters.Filters(text=place.q)
    mine = {
        name: account.platform
        for name, account in hub.settings.accounts.items()
        if user.may(Permission.READ, name)
    }
    labels = [label.name for label in desk.labels(hub.store)]
    people = [one for one in everybody(hub.store) if one.may(Permission.RESPOND)]
    if status == 200 and error:
        status = 422
    return pages.render(
        request,
        "inbox.html",
        status,
        **FOREIGN,
        address=place.address,
        done_of=done_of,
        q=place.q,
        page_cursor=place.cursor,
        problem=problem,
        problem_hint=hint,
        said=_(_DONE[done]) if done in _DONE else "",
        filters=form_of,
        choices=filters.choices(form_of, mine, labels, people),
        tabs=_tabs(place, query, counts),
        page=page,
        statuses=[(name, word(name)) for name in ("open", "waiting", "done")],
        labels=labels,
        people=people,
        standard_views=_standard_views(),
        views=[View(one.id, one.name, one.query) for one in desk.views(hub.store, user)],
        opened=opened,
        form=form,
        saved_replies=answers.saved(hub, user, opened) if opened else (),
        snoozes=[(one.key, one.name) for one in choices_of(now, hub.settings.zone)],
    )


def _tabs(place: Place, query: language.Query, counts: desk.Counts) -> Sequence[Tab]:
    tabs = []
    for name, whose, count in (
        (_("Mine"), ("me",), counts.mine),
        (_("Unassigned"), ("nobody",), counts.unassigned),
        (_("All"), (), counts.all),
    ):
        href = place.address(q=language.unparse(query._replace(assignees=whose)))
        shown = f"{desk.MOST_COUNTED}+" if count >= desk.MOST_COUNTED else str(count)
        tabs.append(Tab(name, href, shown, query.assignees == whose))
    return tabs


def _standard_views() -> list[View]:
    return [
        View(0, _("To do"), USUAL),
        View(0, _("Unread"), "is:unread"),
        View(0, _("Mine"), f"{USUAL} assignee:me"),
        View(0, _("Snoozed"), "status:snoozed"),
        View(0, _("Done"), "status:done"),
        View(0, _("Everything"), ""),
    ]


@room.action("/inbox/views", may=Permission.RESPOND)
def keep_view(hub: TheHub, user: TheUser, place: SentPlace, name: Annotated[str, Form()]) -> Response:
    """Keep the filters under a name, for this user."""
    desk.save_view(hub.store, name, place.q, user, hub.clock())
    return place.go()


@room.action("/inbox/views/{view_id}/forget", may=Permission.RESPOND)
def forget_view(
    hub: TheHub, user: TheUser, place: SentPlace, view_id: Annotated[int, Path(ge=1, le=LARGEST)]
) -> Response:
    """Forget one of the user's own views."""
    desk.forget_view(hub.store, view_id, user)
    return place.go()


@room.action("/inbox/replies", may=Permission.RESPOND)
def keep_reply(
    request: Request,
    hub: TheHub,
    user: TheUser,
    name: Annotated[str, Form()] = "",
    text: Annotated[str, Form()] = "",
) -> Response:
    """Keep a reply for the whole team."""
    try:
        desk.save_reply(hub.store, name, text, user, hub.clock())
    except UsageError as error:
        return _saved(request, hub, error=error, name=name, text=text)
    return RedirectResponse("/inbox/replies", 303)


@room.action("/inbox/replies/{reply_id}/forget", may=Permission.RESPOND)
def forget_reply(hub: TheHub, user: TheUser, reply_id: Annotated[int, Path(ge=1, le=LARGEST)]) -> Response:
    """Forget a saved reply."""
    desk.forget_reply(hub.store, reply_id, user, hub.clock())
    return RedirectResponse("/inbox/replies", 303)


def _saved(
    request: Request, hub: Hub, *, error: UsageError | None = None, name: str = "", text: str = ""
) -> Response:
    problem, hint = words_of(error) if error else ("", "")
    return pages.render(
        request,
        "inbox_replies.html",
        422 if error else 200,
        **FOREIGN,
        saved_replies=desk.saved_replies(hub.store),
        problem=problem,
        problem_hint=hint,
        form_name=name,
        form_text=text,
    )
