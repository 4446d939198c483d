"""`hub post`: accepts a text for some accounts, or shows what would go out there."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from hub.cli import arguments
from hub.cli.failures import failure_of
from hub.cli.opening import open_hub
from hub.cli.output import Output, command, iso, short
from hub.cli.shapes import post_shape
from hub.cli.stop import say_if_stopped
from hub.errors import RejectedError, UsageError
from hub.i18n import N_, _, ngettext
from hub.models import Limits, Post
from hub.publishing import planning
from hub.publishing.length import link_place, maximum
from hub.publishing.planning import Caution, Plan, Route, Stop
from hub.publishing.routes import add_post
from hub.publishing.text import measure
from hub.scheduling.due import next_run
from hub.scheduling.hub import Hub
from hub.store.outbox import deliveries, posts
from hub.store.outbox.posts import NewPost, content_hash


@command(
    "post",
    help=_("Publish a text on some accounts, once on each."),
    epilog=_("TEXT may be - to read it from stdin. Each account gets it in its own form; `hub tick` sends it."),
)
@click.argument("text")
@click.option("--to", "to", multiple=True, required=True, metavar="A,B", help=_("The accounts it goes to."))
@click.option("--link", default="", metavar="URL", help=_("What the post points to."))
@click.option("--title", default="", help=_("A title, where the network knows one."))
@click.option(
    "--image",
    "images",
    multiple=True,
    type=click.Path(path_type=Path),
    help=_("An image to show; may be given several times."),
)
@click.option("--alt", "alts", multiple=True, metavar="TEXT", help=_("What the image shows, once for each image."))
@click.option(
    "--version",
    "versions",
    multiple=True,
    metavar="ACCOUNT=TEXT",
    help=_("Another text for one account; may be given several times."),
)
@click.option("--at", metavar="TIME", help=_('When it goes out, by the hub\'s clock: "2026-12-01 10:00".'))
@click.option("--key", metavar="KEY", help=_("Two posts with the same key are one post."))
@click.option("--dry-run", is_flag=True, help=_("Show what would go out on each account; send and store nothing."))
def post(
    out: Output,
    text: str,
    to: Sequence[str],
    link: str,
    title: str,
    images: Sequence[Path],
    alts: Sequence[str],
    versions: Sequence[str],
    at: str | None,
    key: str | None,
    dry_run: bool,
) -> None:
    """Check everything first, so that a post is accepted whole or not at all."""
    content = Post(
        text=arguments.read_text(text),
        title=arguments.checked(title, N_("the title")),
        link=arguments.checked(link, N_("the link")).strip(),
        media=arguments.read_images(images, alts),
        key=arguments.checked(key, N_("the key")) if key else uuid.uuid4().hex,
    )
    if not content.text.strip() and not content.title.strip() and not content.link and not content.media:
        raise UsageError("the post is empty", hint="give it a text, a link or an image")
    with open_hub(out) as hub:
        targets = arguments.read_targets(hub, to)
        own = arguments.read_versions(versions, targets)
        publish_at = _when(out, hub, at)
        if dry_run:
            route = planning.plan_route(hub, content, own, targets, publish_at, hub.clock(), next_run)
            _show(out, hub, route, publish_at)
            return
        plans = planning.plan_all(hub, content, own, targets, with_hooks=False)
        refused = next((plan for plan in plans if plan.refused), None)
        if refused is not None and refused.error is not None:
            raise UsageError(
                "{account} cannot take this post: {why}",
                hint=refused.error.hint or "nothing was stored; mend it, or leave the account out",
                account=refused.account,
                why=refused.error,
            )
        _accept(out, hub, content, own, targets, publish_at)


def _when(out: Output, hub: Hub, at: str | None) -> datetime:
    now = hub.clock()
    if at is None:
        return now
    moment = arguments.read_time(at, hub.settings.zone)
    if arguments.is_past(moment, now):
        out.warn(_("{time} has gone by; the post goes out now").format(time=out.when(moment)))
        return now
    return moment


def _accept(
    out: Output,
    hub: Hub,
    content: Post,
    versions: Mapping[str, str],
    targets: Sequence[str],
    publish_at: datetime,
) -> None:
    _check_key(hub, content, versions)
    new = NewPost(
        key=content.key,
        text=content.text,
        title=content.title,
        link=content.link,
        media=content.media,
        versions=versions,
        publish_at=publish_at,
        late_after=publish_at + hub.settings.hub.late,
    )
    warnings = _warn(out, planning.repeats_of(hub, content, versions, targets, hub.clock()))
    post_id, is_new = add_post(hub.store, new, targets, hub.clock())
    with hub.store.read() as connection:
        stored = posts.get(connection, post_id)
        rows = deliveries.of_posts(connection, [post_id]).get(post_id, [])
    assert stored is not None
    names = ", ".join(targets)
    if not is_new:
        out.line(_("Post {id} has this key already; it was not made again.").format(id=post_id))
    elif publish_at > hub.clock():
        out.line(
            _("Post {id} is for {accounts}, at {time}.").format(
                id=post_id, accounts=names, time=out.when(publish_at)
            )
        )
    else:
        out.line(
            _("Post {id} is for {accounts}; it goes out at the next `hub tick`.").format(
                id=post_id, accounts=names
            )
        )
    stopped = say_if_stopped(out, hub)
    out.done({"new": is_new, "post": post_shape(stored, rows), "warnings": warnings, "stopped": stopped})


def _warn(out: Output, cautions: Sequence[Caution]) -> list[dict[str, Any]]:
    """Say what a person should know before they go on; return what the JSON says of it."""
    for one in cautions:
        out.warn(one.text)
    return [
        {
            "code": one.code,
            "account": one.account or None,
            "post": one.post_id,
            "at": iso(one.at),
            "message": one.text,
        }
        for one in cautions
    ]


def _check_key(hub: Hub, content: Post, versions: Mapping[str, str]) -> None:
    """The same key for other words is a mistake of whoever calls, and must not look like success."""
    with hub.store.read() as connection:
        before = posts.by_key(connection, content.key)
        if before is None:
            return
        images = posts.media_of(connection, before.id)
        own = posts.versions_of(connection, before.id)
    said = content_hash(content.text, content.title, content.link, content.media)
    if said != content_hash(before.text, before.title, before.link, images) or own != versions:
        raise UsageError(
            "the key {key} belongs to post {id}, which says something else",
            hint="take another key, or change that post with `hub edit {id}`",
            key=content.key,
            id=before.id,
        )


def _show(out: Output, hub: Hub, route: Route, publish_at: datetime) -> None:
    out.line(_("Nothing was sent or stored. At {time} this would go out:").format(time=out.when(publish_at)))
    failures = {
        stop.plan.account: failure_of(stop.plan.error, out.folder) for stop in route.stops if stop.plan.error
    }
    for stop in route.stops:
        plan = stop.plan
        out.heading(f"{plan.account} ({plan.platform})")
        if stop.held:
            out.line("  " + _("goes out at {time}").format(time=out.when(stop.at)) + f": {stop.held}")
        if plan.account in failures:
            out.line("  " + failures[plan.account].message)
            if failures[plan.account].hint:
                out.line("  " + failures[plan.account].hint)
        for number, part in enumerate(plan.parts, 1):
            assert plan.limits is not None
            _show_part(out, part, number, len(plan.parts), plan.limits)
    # As without --dry-run: what an account would refuse is a mistake in the call.
    code = max(
        (UsageError.exit_code if one.code == RejectedError.code else one.exit_code for one in failures.values()),
        default=0,
    )
    document = {
        "dry_run": True,
        "publish_at": publish_at.isoformat(),
        "accounts": [_shape(out, stop) for stop in route.stops],
        # That the hub is stopped is said below, in the words of `hub stop`.
        "warnings": _warn(out, [one for one in route.cautions if one.code != "stopped"]),
        "stopped": say_if_stopped(out, hub),
    }
    out.done(document, code)


def _show_part(out: Output, part: Post, number: int, count: int, limits: Limits) -> None:
    most = maximum(limits, media=bool(part.media))
    used = measure(part.text, limits)
    size = _("{used} of {most} {unit}") if most else _("{used} {unit}, no limit")
    out.line(
        f"  {_('part {number} of {count}').format(number=number, count=count)}: "
        + size.format(used=used, most=most, unit=planning.unit_name(limits.unit))
    )
    if part.title:
        out.line("  " + _("title: {title}").format(title=part.title))
    for line in part.text.splitlines():
        out.line("    " + line)
    if part.link:
        out.line("  " + _("link, as a field of its own: {link}").format(link=part.link))
    if part.media:
        alts = [short(image.alt) for image in part.media if image.alt]
        out.line(
            "  "
            + ngettext("{count} image", "{count} images", len(part.media)).format(count=len(part.media))
            + (": " + "; ".join(alts) if alts else "")
        )


def _shape(out: Output, stop: Stop) -> dict[str, Any]:
    plan = stop.plan
    failure = None if plan.error is None else failure_of(plan.error, out.folder)
    error = None if failure is None else {"code": failure.code, "message": failure.message, "hint": failure.hint}
    return {
        "account": plan.account,
        "platform": plan.platform,
        "goes_at": iso(stop.at),
        "held": stop.held,
        "parts": [_part_shape(plan, part) for part in plan.parts],
        "error": error,
    }


def _part_shape(plan: Plan, part: Post) -> dict[str, Any]:
    assert plan.limits is not None
    return {
        "text": part.text,
        "title": part.title,
        "link": part.link,
        "link_in": link_place(plan.limits, media=bool(part.media)),
        "images": [{"mime": image.mime, "bytes": len(image.content), "alt": image.alt} for image in part.media],
        "units": measure(part.text, plan.limits),
        "limit": maximum(plan.limits, media=bool(part.media)) or None,
        "unit": plan.limits.unit,
    }
