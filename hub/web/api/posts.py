"""Posts by the API: publish one, see what became of it, say what the hub cannot know."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from sqlalchemy.engine import Connection

from hub.errors import HubError, UsageError
from hub.i18n import words_of
from hub.models import Post
from hub.publishing import planning
from hub.publishing.length import maximum
from hub.publishing.planning import Caution, Plan
from hub.publishing.routes import add_post
from hub.publishing.settling import decide, receipt_of
from hub.publishing.text import measure
from hub.store import listings
from hub.store.outbox import deliveries, posts
from hub.store.outbox.posts import NewPost, StoredPost
from hub.users.roles import Permission, User
from hub.web.api import models
from hub.web.api.room import api_room, demand, sees
from hub.web.routes import Missing, TheHub, TheUser

room = api_room("posts")


class TakenError(HubError):
    """The key belongs to another post."""

    code = "changed"


@room.read("/posts", may=Permission.READ)
def list_posts(
    hub: TheHub, user: TheUser, before: models.Before = None, limit: models.Limit = 50
) -> models.PostPage:
    """List posts, newest first, with what became of each on the asker's accounts."""
    with hub.store.read() as connection:
        ids = listings.posts_before(connection, limit + 1, before, user.accounts)
        found = posts.get_many(connection, ids[:limit])
        answers = [_answer(connection, found[one], user) for one in ids[:limit]]
    return models.PostPage(posts=answers, before=ids[limit - 1] if len(ids) > limit else None)


@room.read("/posts/{id}", may=Permission.READ, errors=(404,))
def get_post(id: models.Id, hub: TheHub, user: TheUser) -> models.PostAnswer:
    """Return one post."""
    with hub.store.read() as connection:
        post = posts.get(connection, id)
        answer = None if post is None else _answer(connection, post, user)
    if (
        answer is None
        or post is None
        or not (answer.deliveries or user.accounts is None or sees(user, post.source))
    ):
        raise Missing("there is no post {id}", hint="`hub posts` lists them", id=id)
    return answer


@room.write("/posts", may=Permission.PUBLISH, errors=(409,))
def publish_post(wish: models.PostWish, hub: TheHub, user: TheUser) -> models.Posted:
    """Accept a post for some accounts; from then on it is not lost, and goes out once on each.

    Two calls with one `key` make one post; the same key for other words is a 409. With `dry_run` nothing is
    stored, and `plans` say what would go out.
    """
    now = hub.clock()
    targets = list(dict.fromkeys(wish.to))
    for name in (*targets, *wish.versions):
        if name not in hub.settings.accounts:
            raise UsageError("{name} is no account", hint="GET /api/v1/accounts lists them", name=name)
        demand(user, Permission.PUBLISH, name)
    content = Post(text=wish.text, title=wish.title, link=wish.link.strip(), key=wish.key or uuid.uuid4().hex)
    if not (content.text.strip() or content.title.strip() or content.link):
        raise UsageError("the post is empty", hint="give it a text, a title or a link")
    publish_at = max(wish.publish_at or now, now)
    if wish.dry_run:
        plans = planning.plan_all(hub, content, wish.versions, targets, with_hooks=True)
        cautions = planning.cautions(hub, content, wish.versions, plans, publish_at, now)
        return _posted(False, None, plans, cautions)
    plans = planning.plan_all(hub, content, wish.versions, targets, with_hooks=False)
    for plan in plans:
        if plan.refused and plan.error is not None:
            raise UsageError(
                "{account} cannot take this post: {why}",
                hint=plan.error.hint or "nothing was stored; mend it, or leave the account out",
                account=plan.account,
                why=plan.error,
            )
    with hub.store.read() as connection:
        _check_key(connection, content, wish.versions)
    cautions = planning.cautions(hub, content, wish.versions, plans, publish_at, now)
    new = NewPost(
        key=content.key,
        text=content.text,
        title=content.title,
        link=content.link,
        versions=wish.versions,
        publish_at=publish_at,
        late_after=publish_at + hub.settings.hub.late,
    )
    post_id, is_new = add_post(hub.store, new, targets, now)
    return _posted(is_new, get_post(post_id, hub, user), plans, cautions)


@room.write("/deliveries/{id}/settle", may=Permission.PUBLISH, errors=(404,))
def settle_delivery(id: models.Id, wish: models.SettleWish, hub: TheHub, user: TheUser) -> models.DeliveryAnswer:
    """Write down a person's word on a delivery that the hub cannot settle, that failed, or was missed."""
    with hub.store.read() as connection:
        found = deliveries.get(connection, id)
    if found is None or not sees(user, found.account):
        raise Missing("there is no delivery {id}", hint="`hub posts` lists them", id=id)
    demand(user, Permission.PUBLISH, found.account)
    adapter = hub.adapter(found.account)
    sent = None
    if wish.word == "sent":
        said = wish.url.strip() or wish.remote_id.strip()
        if not said:
            raise UsageError("where it was sent is missing", hint="give the post's address, or its id there")
        sent = receipt_of(adapter, said, wish.remote_id.strip() or None)
    decide(hub.store, adapter, id, hub.clock(), sent=sent, again=wish.word == "again", notices=hub.notices)
    with hub.store.read() as connection:
        settled = deliveries.get(connection, id)
    assert settled is not None
    return models.DeliveryAnswer.of(settled)


def _answer(connection: Connection, post: StoredPost, user: User) -> models.PostAnswer:
    rows = deliveries.of_posts(connection, [post.id]).get(post.id, [])
    return models.PostAnswer.of(post, [row for row in rows if sees(user, row.account)])


def _check_key(connection: Connection, content: Post, versions: Mapping[str, str]) -> None:
    """The same key for other words is a mistake of whoever calls, and must not look like success."""
    before = posts.by_key(connection, content.key)
    if before is None:
        return
    same = (before.text, before.title, before.link) == (content.text, content.title, content.link)
    if not same or posts.versions_of(connection, before.id) != dict(versions):
        raise TakenError(
            "the key {key} belongs to post {id}, which says something else",
            hint="take another key",
            key=content.key,
            id=before.id,
        )


def _posted(
    new: bool, post: models.PostAnswer | None, plans: list[Plan], cautions: list[Caution]
) -> models.Posted:
    return models.Posted(
        new=new,
        post=post,
        plans=[_plan(plan) for plan in plans],
        cautions=[models.CautionAnswer(code=one.code, account=one.account, text=one.text) for one in cautions],
    )


def _plan(plan: Plan) -> models.PlanAnswer:
    parts = []
    for part in plan.parts:
        assert plan.limits is not None
        parts.append(
            models.PartAnswer(
                text=part.text,
                title=part.title,
                link=part.link,
                used=measure(part.text, plan.limits),
                most=maximum(plan.limits, media=bool(part.media)) or None,
                unit=plan.limits.unit,
            )
        )
    error = "" if plan.error is None else words_of(plan.error)[0]
    return models.PlanAnswer(account=plan.account, platform=plan.platform, parts=parts, error=error)
