"""`hub posts`, `hub edit`, `hub delete`: our own posts after they were accepted."""

from __future__ import annotations

from collections.abc import Sequence

import click

from hub.cli import arguments
from hub.cli.opening import open_hub, open_store
from hub.cli.output import Output, command, limit_option, short
from hub.cli.shapes import post_shape
from hub.cli.stop import say_if_stopped
from hub.cli.waiting import waiting_shape, waiting_text, waits
from hub.errors import UsageError
from hub.i18n import N_, _
from hub.publishing.routes import change_post, delete_post
from hub.scheduling.hub import Hub
from hub.store.outbox import deliveries, posts
from hub.store.outbox.deliveries import ATTENTION, OPEN, Delivery
from hub.store.outbox.pacing import HELD
from hub.store.outbox.posts import StoredPost
from hub.store.running import accounts
from hub.words import word

STATES = (*OPEN, "published", *ATTENTION, "deleted")


@command("posts", help=_("List our posts, and what became of each delivery."))
@click.option("--state", type=click.Choice(STATES), help=_("Only posts with a delivery in this state."))
@limit_option
def list_posts(out: Output, state: str | None, limit: int | None) -> None:
    """Show the newest posts."""
    with open_store(out) as hub, hub.store.read() as connection:
        health = accounts.all_health(connection)
        if state is None:
            found = posts.newest(connection, out.most(limit))
        else:
            ids = deliveries.posts_in_state(connection, state, out.most(limit))
            found = sorted(posts.get_many(connection, ids).values(), key=lambda post: post.id, reverse=True)
        rows = deliveries.of_posts(connection, [post.id for post in found])
        stopped, now = say_if_stopped(out, hub), hub.clock()
    for post in found:
        out.line(f"{post.id}  {out.when(post.publish_at)}  {short(post.title or post.text or post.link)}")
        for row in rows.get(post.id, []):
            _print(out, row)
    if not found:
        out.line(_("There are no such posts."))
    waiting = {row.account for of_post in rows.values() for row in of_post if row.state in OPEN}
    left_alone = [one for one in health if one.name in waiting and waits(one, now)]
    for one in left_alone:
        out.line(f"{one.name}: " + waiting_text(out, one))
    out.done(
        {
            "posts": [post_shape(post, rows.get(post.id, [])) for post in found],
            "waits": [{"account": one.name, **waiting_shape(one, now)} for one in left_alone],
            "stopped": stopped,
        }
    )


def _print(out: Output, row: Delivery) -> None:
    what = word(row.state)
    if row.action != "publish" and row.state in OPEN:
        what = f"{what} ({word(row.action)})"
    account = f"{row.account} {row.part + 1}" if row.part else row.account
    facts = [row.url, row.error]
    if row.state in ("waiting", "queued", "unknown") and row.due_at is not None:
        next_at = _("goes out at {time}") if row.error_code == HELD else _("next at {time}")
        facts.append(next_at.format(time=out.when(row.due_at)))
    if row.state in ATTENTION:
        facts.append((_("hub settle {id}") if row.state == "asked" else _("hub retry {id}")).format(id=row.id))
    out.line("   ".join([f"    {account:<12} {what:<14}", *(fact for fact in facts if fact)]))


@command("edit", help=_("Change a post; its copies follow."))
@click.argument("post_id", type=click.IntRange(1))
@click.argument("text")
@click.option("--link", metavar="URL", help=_("A new link."))
@click.option("--title", help=_("A new title."))
@click.option(
    "--version",
    "versions",
    multiple=True,
    metavar="ACCOUNT=TEXT",
    help=_("Another text for one account (none: it gets TEXT); may be given several times."),
)
def edit(
    out: Output, post_id: int, text: str, link: str | None, title: str | None, versions: Sequence[str]
) -> None:
    """Give a post new words; its images stay, and so does the text that an account has for itself."""
    new_text = arguments.read_text(text)
    with open_hub(out) as hub:
        post = _get(hub, post_id)
        with hub.store.read() as connection:
            images = posts.media_of(connection, post_id)
            before = posts.versions_of(connection, post_id)
            rows = deliveries.of_posts(connection, [post_id]).get(post_id, [])
        given = arguments.read_versions(versions, sorted({row.account for row in rows}))
        own = {name: said for name, said in {**before, **given}.items() if said.strip()}
        if kept := sorted(set(own) - set(given)):
            out.warn(
                _("These accounts keep the text that they have for themselves: {accounts}").format(
                    accounts=", ".join(kept)
                )
            )
        content = {
            "text": new_text,
            "link": post.link if link is None else arguments.checked(link, N_("the link")).strip(),
            "title": post.title if title is None else arguments.checked(title, N_("the title")),
        }
        if not any(part.strip() for part in content.values()) and not images:
            raise UsageError("the post would be empty", hint="`hub delete {id}` withdraws it", id=post_id)
        changed = change_post(
            hub.store, post_id, hub.clock(), notices=hub.notices, images=images, versions=own, **content
        )
        out.line(
            _("Post {id} is changed; its copies follow at the next `hub tick`.").format(id=post_id)
            if changed
            else _("Post {id} says that already.").format(id=post_id)
        )
        _answer(out, hub, post_id, changed)


@command("delete", help=_("Withdraw a post; its copies are deleted."))
@click.argument("post_id", type=click.IntRange(1))
@click.option("--yes", is_flag=True, help=_("Do not ask."))
def delete(out: Output, post_id: int, yes: bool) -> None:
    """Withdraw a post, and what was not sent yet is not sent."""
    with open_hub(out) as hub:
        post = _get(hub, post_id, deleted=True)
        if post.deleted_at is None and not yes:
            question = _('Withdraw post {id}, "{text}", everywhere?')
            out.ask(question.format(id=post_id, text=short(post.title or post.text, 40)), N_("say --yes"))
        changed = delete_post(hub.store, post_id, hub.clock(), notices=hub.notices)
        out.line(
            _("Post {id} is withdrawn; its copies are deleted at the next `hub tick`.").format(id=post_id)
            if changed
            else _("Post {id} was withdrawn before.").format(id=post_id)
        )
        _answer(out, hub, post_id, changed)


def _get(hub: Hub, post_id: int, *, deleted: bool = False) -> StoredPost:
    with hub.store.read() as connection:
        post = posts.get(connection, post_id)
    if post is None:
        raise UsageError("there is no post {id}", hint="`hub posts` lists them", id=post_id)
    if post.deleted_at is not None and not deleted:
        raise UsageError("post {id} was withdrawn; it cannot be changed", hint="post it anew", id=post_id)
    return post


def _answer(out: Output, hub: Hub, post_id: int, changed: bool) -> None:
    with hub.store.read() as connection:
        post = posts.get(connection, post_id)
        rows = deliveries.of_posts(connection, [post_id]).get(post_id, [])
    assert post is not None
    out.done({"changed": changed, "post": post_shape(post, rows)})
