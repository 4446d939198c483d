"""The Discussion: remarks of all sites as one tree, why they belong together, and the digest made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import Form, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from hub.adapter import ThreadReader
from hub.discussions import collecting, joining, tree
from hub.discussions.tree import Discussion, Node
from hub.errors import HubError, UsageError
from hub.i18n import N_, _, spoken, words_of
from hub.models import check_text
from hub.scheduling import digests as keeping
from hub.scheduling.hub import LISTEN, Hub
from hub.store import listings
from hub.store.discussions import nearby
from hub.store.discussions.joins import Join
from hub.store.discussions.nearby import Site
from hub.store.discussions.repeats import Repeat
from hub.store.running import accounts
from hub.users.roles import Permission, User
from hub.web import pages
from hub.web.clean import FOREIGN, one_line
from hub.web.digesting import accounts_with, facts_of
from hub.web.failures import status_of
from hub.web.narrowing import narrowed, sees_all
from hub.web.place import LARGEST
from hub.web.routes import Forbidden, Missing, Room, TheHub, TheUser

room = Room()
Number = Annotated[int, Path(ge=1, le=LARGEST)]
_PAGE = 50
_DONE = {
    "apart": N_("Taken apart. The hub will not join them again by itself."),
    "attached": N_("The thread is here; it is read at the next tick."),
    "published": N_("The digest goes out with the account's next turn, and is kept in step from then on."),
}


class Listed(NamedTuple):
    """A discussion in the list, with the sites on which the user can see it."""

    id: int
    title: str
    url: str
    mentions: int
    last_at: Any
    sites: Sequence[Site]


class Attaching(NamedTuple):
    """What somebody typed to attach a thread, and could not."""

    account: str
    post: str


class Wanted(NamedTuple):
    """How somebody looks at a discussion: its order, and which digest of it is shown ("": none)."""

    order: tree.Order = "tree"
    form: str = ""
    only: tuple[int, ...] = ()


@room.page("/discussions", may=Permission.READ)
def discussions(
    request: Request,
    hub: TheHub,
    user: TheUser,
    before: Annotated[int | None, Query(ge=1, le=LARGEST)] = None,
) -> Response:
    """List the discussions, the youngest first."""
    with hub.store.read() as connection:
        rows = listings.discussions_before(connection, _PAGE + 1, before, user.accounts)
        sites = nearby.sites_of(connection, [row.id for row in rows], user.accounts)
    found = [
        Listed(row.id, row.title, row.url, row.mentions, row.last_at, sites.get(row.id, ()))
        for row in rows[:_PAGE]
    ]
    older = found[-1].id if len(rows) > _PAGE else None
    return pages.render(request, "discussions.html", **FOREIGN, found=found, before=before, next=older)


@room.page("/discussions/{discussion_id}", may=Permission.READ)
def discussion(
    request: Request,
    hub: TheHub,
    user: TheUser,
    discussion_id: Number,
    order: str = "tree",
    form: str = "",
    only: Annotated[list[int] | None, Query()] = None,
    done: str = "",
) -> Response:
    """Show a discussion; the digest is shown in the form that is asked for."""
    orders: dict[str, tree.Order] = {one: one for one in tree.ORDERS}
    wanted = Wanted(orders.get(order, "tree"), form, tuple(dict.fromkeys(only or ())))
    return _show(request, hub, user, discussion_id, wanted, done=done)


def _load(hub: Hub, user: User, discussion_id: int, order: tree.Order = "tree") -> Discussion:
    with hub.store.read() as connection:
        there = listings.may_see(connection, discussion_id, user.accounts)
    if not there:
        raise Missing(
            "there is no discussion {id}", hint="look for it in the list of discussions", id=discussion_id
        )
    return narrowed(tree.load(hub.store, discussion_id, order), user)


def _show(
    request: Request,
    hub: Hub,
    user: User,
    discussion_id: int,
    wanted: Wanted,
    *,
    error: HubError | None = None,
    attaching: Attaching | None = None,
    done: str = "",
) -> Response:
    found = _load(hub, user, discussion_id, wanted.order)
    said = [node.mention for _depth, node in found.walk() if node.mention is not None]
    with hub.store.read() as connection:
        ours = nearby.ours_among(connection, [one.id for one in said])
    problem, hint = words_of(error) if error else ("", "")
    return pages.render(
        request,
        "discussion.html",
        status_of(error) if error else 200,
        **FOREIGN,
        found=found,
        title=one_line(found.title) or _("Discussion {id}").format(id=found.id),
        count=len(said),
        ours=ours,
        order=wanted.order,
        orders=[("tree", _("as a tree")), ("time", _("by time")), ("site", _("by site"))],
        evidence_of=evidence_of,
        confidence=confidence,
        members=found.members,
        undone=_undone(found),
        readers=accounts_with(hub, user, Permission.RESPOND, ThreadReader),
        attaching=attaching,
        problem=problem,
        problem_hint=hint,
        said=_(_DONE[done]) if done in _DONE else "",
        **facts_of(hub, user, found, wanted.form, wanted.only),
    )


def _undone(found: Discussion) -> Sequence[Join | Repeat]:
    every: list[Join | Repeat] = [*found.joins, *found.repeats]
    return [one for one in every if one.undone_at is not None]


def evidence_of(node: Node) -> Sequence[Repeat]:
    """Return why the repeats of a remark are believed to be that."""
    return node.evidence


def confidence(share: float) -> str:
    """Say a confidence between 0 and 1 in words."""
    if share >= 1:
        return _("certain")
    if share >= 0.95:
        return _("almost certain")
    if share >= 0.85:
        return _("very likely")
    return _("likely") if share >= 0.7 else _("possible")


@room.action("/discussions/{discussion_id}/undo", may=Permission.RESPOND)
def undo(hub: TheHub, user: TheUser, discussion_id: Number, what: Annotated[str, Form()]) -> Response:
    """Take a thread or a repeat apart, for good. `what` is j3 for a join, r5 for a repeat."""
    found = _load(hub, user, discussion_id)
    now = hub.clock()
    joined = next((one for one in found.joins if one.name == what), None)
    repeat = next((one for one in found.repeats if one.name == what), None)
    if joined is not None and user.may(Permission.RESPOND, joined.account):
        joining.undo_join(hub.store, joined.id, user.shown, now)
    elif repeat is not None:
        joining.undo_repeat(hub.store, repeat.id, user.shown, now)
    else:
        raise Missing("there is nothing of this name to take apart", hint="open the discussion again")
    return _back(discussion_id, "apart")


@room.action("/discussions/{discussion_id}/attach", may=Permission.RESPOND)
def attach(
    request: Request,
    hub: TheHub,
    user: TheUser,
    discussion_id: Number,
    account: Annotated[str, Form()],
    post: Annotated[str, Form(max_length=2000)],
) -> Response:
    """Attach a thread by hand; it is read at the next tick."""
    _load(hub, user, discussion_id)
    if not user.may(Permission.RESPOND, account):
        raise Forbidden("your role does not allow this")
    try:
        place, remote_id = _thread(hub, account, post)
    except HubError as error:
        return _show(request, hub, user, discussion_id, Wanted(), error=error, attaching=Attaching(account, post))
    now = hub.clock()
    collecting.watch(hub.store, account, remote_id, place, now, discussion_id, user.shown)
    hub.store.write(accounts.hasten, [account], LISTEN, now)
    return _back(discussion_id, "attached")


def _thread(hub: Hub, account: str, post: str) -> tuple[str, str]:
    """Return a thread's address ("" if it was not given) and its id; raise `UsageError` if it is none."""
    try:
        post = check_text("the address", post).strip()
    except ValueError as error:
        raise UsageError("{why}", why=error) from None
    adapter = hub.adapter(account)
    if not isinstance(adapter, ThreadReader):
        raise UsageError(
            "{name} is on {platform}, where the hub cannot read what is said under a post",
            hint="choose another account",
            name=account,
            platform=adapter.platform,
        )
    if not post:
        raise UsageError("the id is empty", hint="give the id of the post, or its address")
    if "://" not in post:
        return "", post
    remote_id = adapter.remote_id_of(post)
    if not remote_id:
        raise UsageError(
            "the plugin for {platform} cannot read the post's id from {url}",
            hint="give the id as the network shows it",
            platform=adapter.platform,
            url=post,
        )
    return post, remote_id


@room.action("/discussions/{discussion_id}/digest", may=Permission.PUBLISH)
def publish(
    request: Request,
    hub: TheHub,
    user: TheUser,
    discussion_id: Number,
    account: Annotated[str, Form()],
    manner: Annotated[str, Form()] = "post",
    only: Annotated[list[int] | None, Form()] = None,
) -> Response:
    """Publish the digest on an account, as a post of its own or as comments under ours."""
    _load(hub, user, discussion_id)
    if not user.may(Permission.PUBLISH, account) or not sees_all(hub, user, discussion_id):
        raise Forbidden("your role does not allow this")
    try:
        keeping.publish(
            hub,
            discussion_id,
            account,
            kind="comments" if manner == "comments" else "post",
            chosen=only or None,
            language=spoken(),
        )
    except HubError as error:
        wanted = Wanted(only=tuple(only or ()))
        return _show(request, hub, user, discussion_id, wanted, error=error)
    return _back(discussion_id, "published")


def _back(discussion_id: int, done: str) -> Response:
    return RedirectResponse(f"/discussions/{discussion_id}?done={done}", 303)
