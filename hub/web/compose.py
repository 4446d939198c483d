"""Compose: one text and a version per account, shown as each network will have it, approved, scheduled or sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, NamedTuple

from fastapi import Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from hub.cli.arguments import is_past
from hub.errors import HubError, RejectedError, UsageError
from hub.i18n import words_of
from hub.publishing import drafts, planning
from hub.publishing.length import link_place, maximum, measure
from hub.publishing.planning import Caution, Plan
from hub.scheduling.due import next_run
from hub.scheduling.hub import Hub
from hub.store.outbox import drafts as shelf
from hub.store.outbox import uploads
from hub.store.outbox.drafts import Draft
from hub.users.roles import Permission, User
from hub.web import counting, pages, writing
from hub.web.routes import Missing, Room, TheHub, TheUser
from hub.web.writing import Sheet

room = Room()

TheForm = Annotated[FormData, Depends(writing.form_of)]
Seen = Annotated[int, Form(ge=1, alias="version")]

_REFUSED = 422
_CONFLICT = 409


class Target(NamedTuple):
    """An account to choose; `own` is the text that it has for itself."""

    name: str
    platform: str
    chosen: bool
    own: str


class Part(NamedTuple):
    """One part of what an account gets, as its network will show it."""

    text: str
    title: str
    link: str
    images: Sequence[str]
    used: int
    most: int


class Preview(NamedTuple):
    """What an account gets, or why nothing. `at` and `held` are known after a dry run of the whole route."""

    plan: Plan
    parts: Sequence[Part]
    facts: str
    unit: str
    link_in: str
    title_in: str
    why: str = ""
    hint: str = ""
    at: datetime | None = None
    held: str = ""


@room.page("/compose", may=Permission.DRAFT)
def new(
    request: Request, hub: TheHub, user: TheUser, at: str = "", account: str = "", text: str = "", link: str = ""
) -> Response:
    """Show an empty form, with what the address gives."""
    names = [name for name in account.split(",") if name in writing.choices(hub, user)]
    return _show(request, hub, user, writing.blank(at[:16], names, text, link))


@room.action("/compose/preview", may=Permission.DRAFT)
def preview(request: Request, hub: TheHub, user: TheUser, form: TheForm) -> Response:
    """Show the form again, with what would go out; store nothing but the images."""
    sheet = writing.read(form, hub, user)
    status = _REFUSED if sheet.mistakes else 200
    return _show(request, hub, user, sheet, status, whole=form.get("do") == "route", planned=True)


@room.action("/compose", may=Permission.DRAFT)
def keep(request: Request, hub: TheHub, user: TheUser, form: TheForm) -> Response:
    """Save the draft, and do what the button says: leave it there, ask for approval, schedule or publish."""
    what = str(form.get("do", "save"))
    sheet = writing.read(form, hub, user)
    with hub.store.read() as connection:
        known = shelf.by_key(connection, sheet.key)
    if known is not None and known.post_id is not None and known.author_id == user.id:
        # The same form once more: what it asked for has happened.
        return RedirectResponse(f"/queue/{known.post_id}", 303)
    if sheet.mistakes:
        return _show(request, hub, user, sheet, _REFUSED)
    if what != "save" and (mistakes := _before_going_out(hub, sheet)):
        return _show(request, hub, user, sheet._replace(mistakes=mistakes), _REFUSED, planned=True)
    try:
        draft = drafts.save(
            hub.store, sheet.key, sheet.content, user, hub.clock(), draft_id=sheet.draft_id, seen=sheet.seen
        )
    except drafts.ChangedError as error:
        with hub.store.read() as connection:
            by_number = shelf.get(connection, sheet.draft_id) if sheet.draft_id else None
            found = by_number or shelf.by_key(connection, sheet.key)
        if found is None:
            raise
        # Who saves again has read that somebody else's words are there now.
        again = sheet._replace(draft_id=found.id, seen=found.version, mistakes=[error])
        return _show(request, hub, user, again, _CONFLICT)
    if what == "submit":
        drafts.submit(hub.store, draft.id, draft.version, user, hub.clock())
        return RedirectResponse(f"/compose/{draft.id}/review", 303)
    if what == "publish":
        return _publish(hub, user, draft)
    return RedirectResponse(f"/compose/{draft.id}?saved=1", 303)


def _publish(hub: Hub, user: User, draft: Draft) -> Response:
    """Send it on its way, after a last question if it goes out now or if there is anything to know."""
    scheduled = draft.content.publish_at is not None
    if not scheduled or not drafts.may_publish(draft, user) or _cautions(hub, draft):
        return RedirectResponse(f"/compose/{draft.id}/review", 303)
    post_id = drafts.approve(hub.store, draft.id, draft.version, user, hub.settings.hub.late, hub.clock())
    return RedirectResponse(f"/queue/{post_id}", 303)


@room.page("/compose/image/{name}", may=Permission.READ)
def image(hub: TheHub, name: str) -> Response:
    """Return an image of a draft or a post; it was looked at before it was kept."""
    with hub.store.read() as connection:
        found = uploads.load(connection, [name]).get(name)
    if found is None:
        raise Missing("there is no such image")
    headers = {"cache-control": "private, max-age=31536000, immutable", "content-disposition": "inline"}
    return Response(found.content, media_type=found.mime, headers=headers)


@room.page("/compose/{draft_id}", may=Permission.DRAFT)
def change(request: Request, hub: TheHub, user: TheUser, draft_id: int, saved: bool = False) -> Response:
    """Show a draft in the form."""
    draft = _draft(hub, user, draft_id)
    if draft.post_id is not None:
        return RedirectResponse(f"/queue/{draft.post_id}", 303)
    if not drafts.may_write(draft, user):
        return RedirectResponse(f"/compose/{draft.id}/review", 303)
    return _show(request, hub, user, writing.of_draft(draft, hub), saved=saved, planned=True)


@room.page("/compose/{draft_id}/review", may=Permission.READ)
def review(request: Request, hub: TheHub, user: TheUser, draft_id: int) -> Response:
    """Show what would go out where and when, and let those who may say yes or no to it."""
    draft = _draft(hub, user, draft_id)
    return _review(request, hub, user, draft)


@room.action("/compose/{draft_id}/publish", may=Permission.PUBLISH)
def publish(request: Request, hub: TheHub, user: TheUser, draft_id: int, version: Seen) -> Response:
    """Make a post of the version that was seen."""
    draft = _draft(hub, user, draft_id)
    if draft.post_id is None and draft.version == version:
        refused = _refusals(_plans(hub, writing.of_draft(draft, hub)))
        if refused:
            return _review(request, hub, user, draft, refused, _REFUSED)
    post_id = drafts.approve(hub.store, draft_id, version, user, hub.settings.hub.late, hub.clock())
    return RedirectResponse(f"/queue/{post_id}", 303)


@room.action("/compose/{draft_id}/submit", may=Permission.DRAFT)
def submit(hub: TheHub, user: TheUser, draft_id: int, version: Seen) -> Response:
    """Ask for approval of the version that was seen."""
    _draft(hub, user, draft_id)
    drafts.submit(hub.store, draft_id, version, user, hub.clock())
    return RedirectResponse(f"/compose/{draft_id}/review", 303)


@room.action("/compose/{draft_id}/decline", may=Permission.PUBLISH)
def decline(
    hub: TheHub, user: TheUser, draft_id: int, version: Seen, note: Annotated[str, Form(max_length=5000)] = ""
) -> Response:
    """Say no to the version that was seen, and why."""
    _draft(hub, user, draft_id)
    drafts.decline(hub.store, draft_id, version, user, hub.clock(), note.replace("\0", "").strip())
    return RedirectResponse(f"/compose/{draft_id}/review", 303)


@room.action("/compose/{draft_id}/discard", may=Permission.DRAFT)
def discard(hub: TheHub, user: TheUser, draft_id: int, version: Seen) -> Response:
    """Throw a draft away."""
    _draft(hub, user, draft_id)
    drafts.discard(hub.store, draft_id, version, user)
    return RedirectResponse("/queue?state=draft", 303)


def _draft(hub: Hub, user: User, draft_id: int) -> Draft:
    try:
        found, _history = drafts.load(hub.store, draft_id, user)
    except UsageError as error:
        raise Missing(error.message, hint=error.hint, **error.facts) from None
    return found


def _before_going_out(hub: Hub, sheet: Sheet) -> list[HubError]:
    """Say what stands in the way of a post that is to go out."""
    content = sheet.content
    if not content.accounts:
        return [UsageError("no account is chosen", hint="choose where the post goes")]
    if content.publish_at is not None and is_past(content.publish_at, hub.clock()):
        return [UsageError("that time has gone by", hint="choose a later one, or now")]
    return _refusals(_plans(hub, sheet))


def _refusals(plans: Sequence[Plan]) -> list[HubError]:
    return [
        RejectedError(
            "{account} cannot take this post: {why}", hint=plan.error.hint, account=plan.account, why=plan.error
        )
        for plan in plans
        if plan.refused and plan.error is not None
    ]


def _plans(hub: Hub, sheet: Sheet) -> list[Plan]:
    piece = drafts.piece_of(hub.store, sheet.content, sheet.key)
    return planning.plan_all(hub, piece.post, piece.versions, sheet.content.accounts, with_hooks=False)


def _cautions(hub: Hub, draft: Draft) -> list[Caution]:
    piece = drafts.piece_of(hub.store, draft.content, draft.key)
    plans = planning.plan_all(hub, piece.post, piece.versions, draft.content.accounts, with_hooks=True)
    at = draft.content.publish_at or hub.clock()
    return planning.cautions(hub, piece.post, piece.versions, plans, at, hub.clock())


def _previews(hub: Hub, sheet: Sheet, *, whole: bool) -> tuple[list[Preview], Sequence[Caution]]:
    """Return what each chosen account gets, and what to know; with `whole` plugins are asked, and it says when."""
    piece = drafts.piece_of(hub.store, sheet.content, sheet.key)
    now, targets = hub.clock(), sheet.content.accounts
    at = sheet.content.publish_at or now
    if whole:
        route = planning.plan_route(hub, piece.post, piece.versions, targets, at, now, next_run)
        shown = [_preview(sheet, stop.plan)._replace(at=stop.at, held=stop.held) for stop in route.stops]
        return shown, route.cautions
    plans = planning.plan_all(hub, piece.post, piece.versions, targets, with_hooks=False)
    return [_preview(sheet, plan) for plan in plans], planning.cautions(
        hub, piece.post, piece.versions, plans, at, now
    )


def _preview(sheet: Sheet, plan: Plan) -> Preview:
    if plan.limits is None:
        assert plan.error is not None
        why, hint = words_of(plan.error)
        return Preview(plan, (), "", "", "", "", why, hint)
    names = [picture.sha256 for picture in sheet.content.pictures]
    parts, shown = [], 0
    for part in plan.parts:
        count = len(part.media)
        most = maximum(plan.limits, media=bool(part.media))
        used = measure(part.text, plan.limits)
        parts.append(Part(part.text, part.title, part.link, names[shown : shown + count], used, most))
        shown += count
    place = link_place(plan.limits, media=bool(names))
    unit = planning.unit_name(plan.limits.unit)
    return Preview(plan, parts, counting.as_json(plan.limits), unit, place, plan.limits.title)


def _show(
    request: Request,
    hub: Hub,
    user: User,
    sheet: Sheet,
    status: int = 200,
    *,
    whole: bool = False,
    planned: bool = False,
    saved: bool = False,
) -> Response:
    previews: list[Preview] = []
    cautions: Sequence[Caution] = ()
    mistakes = list(sheet.mistakes)
    if planned and sheet.content.accounts:
        try:
            previews, cautions = _previews(hub, sheet, whole=whole)
        except HubError as error:
            mistakes.append(error)
    content = sheet.content
    targets = [
        Target(
            name,
            hub.settings.accounts[name].platform,
            name in content.accounts,
            content.versions.get(name, ""),
        )
        for name in writing.choices(hub, user)
    ]
    draft, history = drafts.load(hub.store, sheet.draft_id, user) if sheet.draft_id else (None, [])
    return pages.render(
        request,
        "compose.html",
        status,
        sheet=sheet,
        content=content,
        targets=targets,
        previews=previews,
        cautions=cautions,
        mistakes=[words_of(error) for error in mistakes],
        whole=whole,
        saved=saved,
        draft=draft,
        history=history,
        zone=hub.settings.zone.key,
        may_publish=user.may(Permission.PUBLISH),
    )


def _review(
    request: Request,
    hub: Hub,
    user: User,
    draft: Draft,
    mistakes: Sequence[HubError] = (),
    status: int = 200,
) -> Response:
    sheet = writing.of_draft(draft, hub)
    previews: list[Preview] = []
    cautions: Sequence[Caution] = ()
    if draft.post_id is None:
        try:
            previews, cautions = _previews(hub, sheet, whole=True)
        except HubError as error:
            mistakes = [*mistakes, error]
    _draft_again, history = drafts.load(hub.store, draft.id, user)
    return pages.render(
        request,
        "compose_review.html",
        status,
        draft=draft,
        content=draft.content,
        previews=previews,
        cautions=cautions,
        mistakes=[words_of(error) for error in mistakes],
        whole=True,
        history=history,
        zone=hub.settings.zone.key,
        may_publish=drafts.may_publish(draft, user),
        may_write=drafts.may_write(draft, user),
    )
