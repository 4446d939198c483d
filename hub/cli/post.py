"""`hub post`: accepts a text for some accounts, or shows what would go out there."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import click

from hub.adapter import Publisher
from hub.cli import arguments
from hub.cli.failures import failure_of
from hub.cli.opening import open_hub
from hub.cli.output import Failure, Output, command, iso, short
from hub.cli.shapes import post_shape
from hub.cli.stop import say_if_stopped
from hub.errors import RejectedError, UsageError
from hub.i18n import N_, _, ngettext
from hub.models import Limits, Post
from hub.publishing.length import link_place, maximum
from hub.publishing.routes import add_post
from hub.publishing.text import fit, measure
from hub.scheduling.hub import Hub
from hub.store import deliveries, posts, repeats
from hub.store.posts import NewPost, content_hash


class _Plan(NamedTuple):
    """What goes out on one account, or why nothing can."""

    account: str
    platform: str
    limits: Limits | None
    parts: Sequence[Post]
    failure: Failure | None


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
        publish_at = _when(out, hub, at)
        plans = [_plan(out, hub, name, content, with_hooks=dry_run) for name in targets]
        if dry_run:
            _show(out, hub, content, plans, publish_at)
            return
        refused = next((plan for plan in plans if plan.failure and plan.failure.code == RejectedError.code), None)
        if refused is not None and refused.failure is not None:
            raise UsageError(
                "{account} cannot take this post: {why}",
                hint=refused.failure.hint or "nothing was stored; mend it, or leave the account out",
                account=refused.account,
                why=refused.failure.message,
            )
        _accept(out, hub, content, targets, publish_at)


def _when(out: Output, hub: Hub, at: str | None) -> datetime:
    now = hub.clock()
    if at is None:
        return now
    moment = arguments.read_time(at, hub.settings.zone)
    if arguments.is_past(moment, now):
        out.warn(_("{time} has gone by; the post goes out now").format(time=out.when(moment)))
        return now
    return moment


def _plan(out: Output, hub: Hub, name: str, content: Post, *, with_hooks: bool) -> _Plan:
    """Fit the post to an account as the outbox will; plugins are asked to change it only in a dry run."""
    account = hub.settings.accounts[name]
    try:
        adapter = hub.adapter(name)
        assert isinstance(adapter, Publisher)
        whole = hub.registry.prepare(content, name) if with_hooks else content
        limits = adapter.limits()
        parts = fit(whole, limits, overflow=account.options.overflow, permalink=content.link)
    except Exception as error:
        return _Plan(name, account.platform, None, (), failure_of(error, out.folder))
    return _Plan(name, account.platform, limits, parts, None)


def _accept(out: Output, hub: Hub, content: Post, targets: Sequence[str], publish_at: datetime) -> None:
    _check_key(hub, content)
    new = NewPost(
        key=content.key,
        text=content.text,
        title=content.title,
        link=content.link,
        media=content.media,
        publish_at=publish_at,
        late_after=publish_at + hub.settings.hub.late,
    )
    warnings = _warn_of_repeats(out, hub, content, targets)
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


def _warn_of_repeats(out: Output, hub: Hub, content: Post, targets: Sequence[str]) -> list[dict[str, Any]]:
    """Say where the same text went or goes, for it is rarely meant twice; return what the JSON says of it."""
    hashed = content_hash(content.text, content.title, content.link, content.media)
    now = hub.clock()
    with hub.store.read() as connection:
        found = repeats.of(connection, content.key, content.text, hashed, targets, now)
    warnings = []
    for one in found:
        went = _("{account}: the same text went out on {date} (post {id})")
        goes = _("{account}: the same text goes out on {date} (post {id})")
        date = out.when(one.at).partition(" ")[0]
        text = (went if one.at <= now else goes).format(account=one.account, date=date, id=one.post_id)
        out.warn(text)
        warnings.append({"account": one.account, "post": one.post_id, "at": iso(one.at), "message": text})
    return warnings


def _check_key(hub: Hub, content: Post) -> None:
    """The same key for other words is a mistake of whoever calls, and must not look like success."""
    with hub.store.read() as connection:
        before = posts.by_key(connection, content.key)
        if before is None:
            return
        images = posts.media_of(connection, before.id)
    said = content_hash(content.text, content.title, content.link, content.media)
    if said != content_hash(before.text, before.title, before.link, images):
        raise UsageError(
            "the key {key} belongs to post {id}, which says something else",
            hint="take another key, or change that post with `hub edit {id}`",
            key=content.key,
            id=before.id,
        )


def _show(out: Output, hub: Hub, content: Post, plans: Sequence[_Plan], publish_at: datetime) -> None:
    out.line(_("Nothing was sent or stored. At {time} this would go out:").format(time=out.when(publish_at)))
    for plan in plans:
        out.heading(f"{plan.account} ({plan.platform})")
        if plan.failure is not None:
            out.line("  " + plan.failure.message)
            if plan.failure.hint:
                out.line("  " + plan.failure.hint)
        for number, part in enumerate(plan.parts, 1):
            assert plan.limits is not None
            _show_part(out, part, number, len(plan.parts), plan.limits)
    failed = [plan.failure for plan in plans if plan.failure is not None]
    # As without --dry-run: what an account would refuse is a mistake in the call.
    code = max(
        (UsageError.exit_code if one.code == RejectedError.code else one.exit_code for one in failed), default=0
    )
    document = {
        "dry_run": True,
        "publish_at": publish_at.isoformat(),
        "accounts": [_shape(plan) for plan in plans],
        "warnings": _warn_of_repeats(out, hub, content, [plan.account for plan in plans]),
        "stopped": say_if_stopped(out, hub),
    }
    out.done(document, code)


def _show_part(out: Output, part: Post, number: int, count: int, limits: Limits) -> None:
    most = maximum(limits, media=bool(part.media))
    used = measure(part.text, limits)
    size = _("{used} of {most} {unit}") if most else _("{used} {unit}, no limit")
    out.line(
        f"  {_('part {number} of {count}').format(number=number, count=count)}: "
        + size.format(used=used, most=most, unit=_unit(limits.unit))
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


def _unit(unit: str) -> str:
    return {
        "codepoint": _("characters"),
        "grapheme": _("characters as people count them"),
        "utf16": _("UTF-16 units"),
        "byte": _("bytes"),
        "weighted": _("weighted characters"),
    }[unit]


def _shape(plan: _Plan) -> dict[str, Any]:
    failure = plan.failure
    error = None if failure is None else {"code": failure.code, "message": failure.message, "hint": failure.hint}
    parts = []
    for part in plan.parts:
        assert plan.limits is not None
        parts.append(
            {
                "text": part.text,
                "title": part.title,
                "link": part.link,
                "link_in": link_place(plan.limits, media=bool(part.media)),
                "images": [
                    {"mime": image.mime, "bytes": len(image.content), "alt": image.alt} for image in part.media
                ],
                "units": measure(part.text, plan.limits),
                "limit": maximum(plan.limits, media=bool(part.media)) or None,
                "unit": plan.limits.unit,
            }
        )
    return {"account": plan.account, "platform": plan.platform, "parts": parts, "error": error}
