"""What people decide about accepted posts: other words, another time, a withdrawal, what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from fastapi import Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from hub.cli.arguments import checked, is_past, read_time
from hub.errors import HubError, RejectedError, UsageError
from hub.i18n import N_, words_of
from hub.models import Media, Post
from hub.publishing import planning, routes, settling
from hub.scheduling.hub import Hub
from hub.store.outbox import deliveries, posts, queue
from hub.store.outbox.deliveries import Delivery
from hub.store.outbox.posts import StoredPost
from hub.store.outbox.queue import Entry
from hub.users.roles import Permission, User
from hub.web import pages, writing
from hub.web.queue import accounts_of, entry_of, may_change, show
from hub.web.routes import Forbidden, Missing, Room, TheHub, TheUser

room = Room()


class Version(NamedTuple):
    """The text that an account has for itself, "" for none, in the form that changes a post."""

    account: str
    text: str


@room.action("/queue/{post_id}/move", may=Permission.PUBLISH)
def move(
    request: Request, hub: TheHub, user: TheUser, post_id: int, at: Annotated[str, Form(max_length=40)] = ""
) -> Response:
    """Let a post that waits go out at another time."""
    entry = _changeable(hub, user, post_id)
    try:
        moment = read_time(at.replace("\0", ""), hub.settings.zone)
        if is_past(moment, hub.clock()):
            raise UsageError("that time has gone by", hint="choose a later one, or now")
        routes.move_post(hub.store, post_id, moment, hub.settings.hub.late, hub.clock())
    except UsageError as error:
        return show(request, hub, user, entry, [error], 422, at)
    return RedirectResponse(f"/queue/{post_id}", 303)


@room.action("/queue/{post_id}/withdraw", may=Permission.PUBLISH)
def withdraw(hub: TheHub, user: TheUser, post_id: int) -> Response:
    """Withdraw a post, as `hub delete` does."""
    _changeable(hub, user, post_id)
    routes.delete_post(hub.store, post_id, hub.clock(), notices=hub.notices)
    return RedirectResponse(f"/queue/{post_id}", 303)


@room.page("/queue/{post_id}/edit", may=Permission.PUBLISH)
def edit(request: Request, hub: TheHub, user: TheUser, post_id: int) -> Response:
    """Show the words of a post in a form."""
    entry = _changeable(hub, user, post_id)
    with hub.store.read() as connection:
        versions = posts.versions_of(connection, post_id)
    return _edit(request, entry, entry.post, versions)


@room.action("/queue/{post_id}/edit", may=Permission.PUBLISH)
def save(
    request: Request,
    hub: TheHub,
    user: TheUser,
    post_id: int,
    form: Annotated[FormData, Depends(writing.form_of)],
) -> Response:
    """Give a post other words, as `hub edit` does; its copies follow."""
    entry = _changeable(hub, user, post_id)
    given = {name: str(form.get(name, "")).replace("\r\n", "\n") for name in ("text", "title", "link")}
    versions = {
        name: own
        for name in accounts_of(entry)
        if (own := str(form.get(f"version-{name}", "")).replace("\r\n", "\n")).strip()
    }
    typed = entry.post._replace(text=given["text"], title=given["title"], link=given["link"])
    try:
        for text in (*given.values(), *versions.values()):
            checked(text, N_("the text"))
        with hub.store.read() as connection:
            images = posts.media_of(connection, post_id)
        _check_edit(hub, entry, typed, versions, images)
    except (UsageError, RejectedError) as error:
        return _edit(request, entry, typed, versions, [error], 422)
    if str(form.get("seen")) != str(entry.post.version):
        conflict = UsageError(
            "the post was changed since you opened it",
            hint="compare it with what you wrote; saving again puts yours in its place",
        )
        return _edit(request, entry, typed, versions, [conflict], 409)
    routes.change_post(
        hub.store,
        post_id,
        hub.clock(),
        notices=hub.notices,
        text=given["text"],
        title=given["title"],
        link=given["link"].strip(),
        images=images,
        versions=versions,
    )
    return RedirectResponse(f"/queue/{post_id}", 303)


def _check_edit(
    hub: Hub, entry: Entry, typed: StoredPost, versions: dict[str, str], images: Sequence[Media]
) -> None:
    """Raise for what no account, or one of them, would take."""
    if not any(part.strip() for part in (typed.text, typed.title, typed.link)) and not images:
        raise UsageError("the post would be empty", hint="withdraw it instead")
    content = Post(text=typed.text, title=typed.title, link=typed.link.strip(), media=images, key=typed.key)
    for plan in planning.plan_all(hub, content, versions, accounts_of(entry), with_hooks=False):
        if plan.refused and plan.error is not None:
            raise RejectedError(
                "{account} cannot take this post: {why}",
                hint=plan.error.hint,
                account=plan.account,
                why=plan.error,
            )


def _edit(
    request: Request,
    entry: Entry,
    typed: StoredPost,
    versions: dict[str, str],
    mistakes: Sequence[HubError] = (),
    status: int = 200,
) -> Response:
    return pages.render(
        request,
        "queue_edit.html",
        status,
        post=typed,
        seen=entry.post.version,
        versions=[Version(name, versions.get(name, "")) for name in accounts_of(entry)],
        mistakes=[words_of(error) for error in mistakes],
    )


@room.action("/queue/deliveries/{delivery_id}/settle", may=Permission.PUBLISH)
def settle(
    request: Request,
    hub: TheHub,
    user: TheUser,
    delivery_id: int,
    do: Annotated[str, Form()],
    attempts: Annotated[int, Form(ge=0)],
    sent: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Write down a person's word on a delivery in doubt, as `hub settle` does."""
    delivery = _delivery(hub, user, delivery_id)
    adapter = hub.adapter(delivery.account)
    try:
        receipt = None
        if do == "sent":
            where = checked(sent, N_("the address")).strip()
            if not where:
                raise UsageError("say where it is", hint="its address on the network, or its id there")
            receipt = settling.receipt_of(adapter, where)
        elif do not in ("again", "drop"):
            raise UsageError("say what became of it", hint="use the buttons of the page")
        settling.decide(
            hub.store,
            adapter,
            delivery_id,
            hub.clock(),
            sent=receipt,
            again=do == "again",
            attempts=attempts,
            notices=hub.notices,
        )
    except UsageError as error:
        return show(request, hub, user, entry_of(hub, user, delivery.post_id), [error], 422)
    return RedirectResponse(f"/queue/{delivery.post_id}", 303)


@room.action("/queue/deliveries/{delivery_id}/retry", may=Permission.PUBLISH)
def retry(
    request: Request, hub: TheHub, user: TheUser, delivery_id: int, do: Annotated[str, Form()] = "again"
) -> Response:
    """Send what failed or was missed again, as `hub retry` does, or leave it be."""
    delivery = _delivery(hub, user, delivery_id)
    adapter = hub.adapter(delivery.account)
    try:
        if do == "skip":
            settling.decide(
                hub.store, adapter, delivery_id, hub.clock(), allowed=("missed", "failed"), notices=hub.notices
            )
        else:
            settling.send_again(hub.store, adapter, delivery_id, hub.clock(), notices=hub.notices)
    except UsageError as error:
        return show(request, hub, user, entry_of(hub, user, delivery.post_id), [error], 422)
    return RedirectResponse(f"/queue/{delivery.post_id}", 303)


def _changeable(hub: Hub, user: User, post_id: int) -> Entry:
    """Return a post with all its deliveries, if every one of them is on an account of the user's."""
    entry_of(hub, user, post_id)
    with hub.store.read() as connection:
        whole = queue.entry(connection, post_id)
    assert whole is not None
    if not may_change(whole, user):
        raise Forbidden("the post goes to accounts that are not yours", hint="ask somebody who has all of them")
    if whole.post.deleted_at is not None:
        raise UsageError("post {id} was withdrawn; it cannot be changed", hint="post it anew", id=whole.post.id)
    return whole


def _delivery(hub: Hub, user: User, delivery_id: int) -> Delivery:
    with hub.store.read() as connection:
        found = deliveries.get(connection, delivery_id) if delivery_id < 2**63 else None
    if found is None or not user.may(Permission.READ, found.account):
        raise Missing("there is no delivery {id}", id=delivery_id)
    return found
