"""Answers a mention from the page: a preview, a claim while somebody writes, and the sending itself, once."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form, Request, Response

from hub.discussions import desk, replying
from hub.discussions.replying import AnsweredError
from hub.errors import HubError, RejectedError, UnknownOutcome, UsageError
from hub.models import check_text
from hub.scheduling.hub import Hub
from hub.users.roles import Permission, User
from hub.web import answers
from hub.web.counting import count, limits_of
from hub.web.failures import status_of
from hub.web.inbox import MentionId, show
from hub.web.opened import Opened, find, gather
from hub.web.place import Place, SentPlace
from hub.web.routes import Forbidden, Room, TheHub, TheUser

room = Room()
# Nobody answers with a book; a larger text would only be measured.
_LONGEST = 100_000
Text = Annotated[str, Form(max_length=_LONGEST)]


def answerable(hub: Hub, mention_id: int, user: User) -> desk.Item:
    """Return a mention that the user may work on; raise `Missing` or `Forbidden`."""
    item = find(hub, mention_id, user)
    if not user.may(Permission.RESPOND, item.mention.account):
        raise Forbidden("your role does not allow this")
    return item


@room.action("/inbox/{mention_id}/preview", may=Permission.RESPOND)
def preview(
    request: Request,
    hub: TheHub,
    user: TheUser,
    place: SentPlace,
    mention_id: MentionId,
    text: Text = "",
    saved: Annotated[str, Form()] = "",
) -> Response:
    """Show what an answer will look like and how much room is left; nothing is sent and nothing is stored."""
    answerable(hub, mention_id, user)
    opened = gather(hub, mention_id, user)
    for one in desk.saved_replies(hub.store):
        if str(one.id) == saved:
            filled = desk.filled(one.text, opened.mention, user)
            text = f"{text}\n{filled}" if text.strip() else filled
    form = answers.fresh(hub, user, opened, text, preview=True)
    return show(request, hub, user, place, opened=opened, form=form)


@room.action("/inbox/{mention_id}/claim", may=Permission.RESPOND)
def claim(hub: TheHub, user: TheUser, mention_id: MentionId) -> Response:
    """Tell the others that this user is answering; a script calls it, and needs no page back."""
    answerable(hub, mention_id, user)
    mine = desk.claim(hub.store, mention_id, user, hub.clock()).mine
    return Response(status_code=204 if mine else 409)


@room.action("/inbox/{mention_id}/reply", may=Permission.RESPOND)
def reply(
    request: Request,
    hub: TheHub,
    user: TheUser,
    place: SentPlace,
    mention_id: MentionId,
    text: Text = "",
    key: Annotated[str, Form(max_length=100)] = "",
    seen: Annotated[int, Form(ge=0)] = 0,
    done: Annotated[str, Form()] = "",
) -> Response:
    """Send an answer. Whatever goes wrong, the text stays in the box."""
    item = answerable(hub, mention_id, user)
    try:
        _send(hub, user, item, text, key, seen)
    except HubError as error:
        if isinstance(error, AnsweredError) and error.same_form and error.reply.state == "sending":
            # The same form a second time, while the first is on its way: the mention's page shows how it ends.
            return place.go(mention_id, at="conversation")
        return _again(request, hub, user, place, mention_id, text, error)
    if done:
        desk.set_status(hub.store, [mention_id], "done", user, hub.clock())
    return place.go(mention_id, done="answered", at="conversation")


def _send(hub: Hub, user: User, item: desk.Item, text: str, key: str, seen: int) -> None:
    mention = replying.find(hub.store, item.mention.id)
    adapter = hub.adapter(mention.account)
    limits = limits_of(adapter)
    text = text.replace("\r\n", "\n")
    try:
        check_text("the answer", text)
    except ValueError as error:
        raise UsageError("{why}", why=error) from None
    if limits is not None and not (measured := count(text.strip(), limits)).fits:
        raise RejectedError(
            "the answer is too long: {used} of {most}",
            hint="shorten it, or say the rest in a second answer",
            used=measured.used,
            most=measured.most,
        )
    try:
        replying.reply(hub.store, adapter, mention, text, hub.clock(), by=user, seen=seen, key=key)
    except HubError:
        raise
    except Exception as error:
        raise UnknownOutcome(
            "{kind} in the plugin for {platform}: {why}",
            hint="look at {url} before you send it again",
            kind=type(error).__name__,
            platform=adapter.platform,
            why=adapter.http.redact(str(error)),
            url=mention.url or mention.thread_url,
        ) from error


def _again(
    request: Request, hub: Hub, user: User, place: Place, mention_id: int, text: str, error: HubError
) -> Response:
    """Show the form with what was typed, what went wrong, and what others answered meanwhile."""
    opened: Opened = gather(hub, mention_id, user)
    form = answers.fresh(hub, user, opened, text)
    if form is None:
        raise error
    form = answers.failed(form, error)
    if isinstance(error, AnsweredError):
        form = form._replace(newer=error.reply)
    if isinstance(error, UnknownOutcome):
        form = form._replace(place=opened.place)
    return show(request, hub, user, place, opened=opened, form=form, status=status_of(error))
