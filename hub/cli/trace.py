"""`hub trace`: the whole story of a post, a mention or an account, in the order of time."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import click

from hub.cli import arguments
from hub.cli.opening import open_store
from hub.cli.output import Output, command, iso, one_line
from hub.cli.shapes import mention_shape, post_shape
from hub.cli.waiting import waiting_shape, waiting_text, waits
from hub.errors import UsageError
from hub.i18n import _
from hub.scheduling.hub import Hub
from hub.store.desk import replies
from hub.store.discussions import mentions, threads
from hub.store.outbox import copies, deliveries, posts
from hub.store.outbox.pacing import HELD
from hub.store.running import accounts
from hub.words import word

# Outcomes after which nobody knows yet whether the post is there.
_IN_DOUBT = ("unknown", "not found", "not settled")


class Event(NamedTuple):
    """Something that happened: when, what in a few words, and its facts; a person reads those in `shown`."""

    at: datetime
    what: str
    facts: dict[str, Any]
    shown: tuple[str, ...] = ()


@command(
    "trace",
    help=_("Tell the whole story of a post, a mention or an account."),
    epilog=_("ID is post:5 (or only 5), mention:7 or account:club."),
)
@click.argument("subject", metavar="ID")
def trace(out: Output, subject: str) -> None:
    """Show what happened, the oldest first."""
    kind, _colon, name = subject.rpartition(":")
    tell = _STORIES.get(kind or "post")
    if tell is None or not name or ((kind or "post") != "account" and not name.isdecimal()):
        raise UsageError("{id} is no id to trace", hint="write post:5, mention:7 or account:club", id=subject)
    with open_store(out) as hub:
        shape, events = tell(out, hub, name)
    events.sort(key=lambda event: event.at)
    for event in events:
        shown = event.shown or tuple(event.facts.values())
        out.line(
            "  ".join(
                [out.when(event.at, seconds=True), event.what, *(one_line(str(fact)) for fact in shown if fact)]
            )
        )
    out.done(
        {
            **shape,
            "events": [{"at": iso(event.at), "what": event.what, **event.facts} for event in events],
        }
    )


def _post(out: Output, hub: Hub, name: str) -> tuple[dict[str, Any], list[Event]]:
    with hub.store.read() as connection:
        post = posts.get(connection, int(name))
        if post is None:
            raise UsageError("there is no post {id}", hint="`hub posts` lists them", id=name)
        rows = deliveries.of_posts(connection, [post.id]).get(post.id, [])
        attempts = deliveries.attempts_of(connection, [row.id for row in rows])
        known = copies.of_post(connection, post.id)
    out.line(one_line(post.title or post.text or post.link))
    if post.version > 1:
        out.line(_("version {number}").format(number=post.version))
    for row in rows:
        next_at = _("goes out at {time}") if row.error_code == HELD else _("next at {time}")
        facts = [row.url, row.error, next_at.format(time=out.when(row.due_at)) if row.due_at else ""]
        head = _("delivery {id} on {account}: {state}").format(
            id=row.id, account=row.account, state=word(row.state)
        )
        out.line("  ".join([head, *(fact for fact in facts if fact)]))
    for copy in known:
        label = _("origin on {account}: {id}") if copy.origin else _("copy on {account}: {id}")
        out.line(label.format(account=copy.account, id=copy.remote_id))
    out.line()
    events = [Event(post.created_at, _("post accepted"), {"source": post.source, "link": post.link})]
    if post.publish_at > post.created_at:
        events.append(Event(post.publish_at, _("its time to go out"), {}))
    if post.deleted_at is not None:
        events.append(Event(post.deleted_at, _("post withdrawn"), {}))
    by_id = {row.id: row for row in rows}
    for attempt in attempts:
        row = by_id[attempt["delivery_id"]]
        events.append(
            Event(
                attempt["at"],
                f"{word(attempt['action'])}: {word(attempt['outcome'])}",
                {
                    "account": row.account,
                    "part": row.part,
                    "attempt": attempt["number"],
                    "answer": attempt["answer"],
                    "outcome": attempt["outcome"],
                    "next_at": iso(attempt["next_at"]),
                    "detail": attempt["detail"],
                    "request_id": attempt["request_id"],
                    "delivery": row.id,
                },
                (
                    row.account if not row.part else f"{row.account} {row.part + 1}",
                    _("attempt {number}").format(number=attempt["number"]) if attempt["number"] else "",
                    _("answer: {kind}").format(kind=word(attempt["answer"])) if attempt["answer"] else "",
                    attempt["detail"],
                    _("request {id}").format(id=attempt["request_id"]) if attempt["request_id"] else "",
                    _decided(out, attempt["outcome"], attempt["next_at"]),
                ),
            )
        )
    shape = {
        **post_shape(post, rows),
        "version": post.version,
        "copies": [
            {"account": copy.account, "remote_id": copy.remote_id, "part": copy.part, "origin": copy.origin}
            for copy in known
        ],
    }
    return {"post": shape}, events


def _decided(out: Output, outcome: str, next_at: datetime | None) -> str:
    """Say what the hub does next about a delivery, and when."""
    if next_at is None:
        return ""
    what = _("→ settle at {time}") if outcome in _IN_DOUBT else _("→ again at {time}")
    return what.format(time=out.when(next_at, seconds=True))


def _mention(out: Output, hub: Hub, name: str) -> tuple[dict[str, Any], list[Event]]:
    with hub.store.read() as connection:
        mention = mentions.get(connection, int(name))
        if mention is None:
            raise UsageError("there is no mention {id}", hint="`hub inbox` lists them", id=name)
        seen_at = mentions.seen_at(connection, mention.id)
        versions = mentions.versions_of(connection, mention.id)
        answers = replies.of_mention(connection, mention.id)
        about = threads.discussion(connection, mention.discussion)
    out.line(one_line(mention.text) or _("[deleted]"))
    out.line(mention.url)
    out.line(_("discussion {id}").format(id=mention.discussion) + (f": {one_line(about[0])}" if about else ""))
    out.line()
    author = mention.author_name or mention.author_handle
    events = [Event(mention.sent_at, _("said"), {"author": author, "account": mention.account})]
    if seen_at is not None:
        events.append(Event(seen_at, _("seen by the hub"), {}))
    events += [Event(until, _("it said before"), {"text": text}) for until, text in versions]
    if mention.edited_at is not None:
        events.append(Event(mention.edited_at, _("edited"), {"text": mention.text}))
    if mention.deleted_at is not None:
        events.append(Event(mention.deleted_at, _("deleted"), {}))
    events += [
        Event(
            answer.at,
            _("our answer: {state}").format(state=word(answer.state)),
            {"text": answer.text, "url": answer.url, "error": answer.error, "by": answer.by},
        )
        for answer in answers
    ]
    return {"mention": mention_shape(mention)}, events


def _account(out: Output, hub: Hub, name: str) -> tuple[dict[str, Any], list[Event]]:
    with hub.store.read() as connection:
        health = next((one for one in accounts.all_health(connection) if one.name == name), None)
        runs: list[dict[str, Any]] = [dict(run) for run in accounts.recent_runs(connection, name)]
        jobs = accounts.jobs_of(connection, name)
    if name not in hub.settings.accounts:
        raise arguments.unknown_account(name, hub.settings.accounts, hub.settings.path)
    shape: dict[str, Any] = {"name": name, "platform": hub.settings.accounts[name].platform, "state": "new"}
    if health is None:
        out.line(_("{name}: nothing was done on this account yet").format(name=name))
    else:
        shape |= {
            "state": health.state,
            "reason": health.reason,
            "identity": health.identity,
            "display_name": health.display_name,
            "last_ok_at": iso(health.last_ok_at),
            "not_before": iso(health.not_before),
            **waiting_shape(health, hub.clock()),
            "last_error": health.last_error,
            "due": {kind: iso(due_at) for kind, due_at in jobs.items()},
        }
        out.line(f"{name} ({health.platform}): {word(health.state)}  {health.reason}")
        if health.display_name:
            out.line(_("we are {name} ({id})").format(name=health.display_name, id=health.identity))
        if health.last_ok_at is not None:
            out.line(_("last worked: {time}").format(time=out.when(health.last_ok_at)))
        if health.last_error:
            out.line(_("last trouble: {why}").format(why=one_line(health.last_error)))
        if waits(health, hub.clock()):
            out.line(waiting_text(out, health))
    for kind, due_at in jobs.items():
        out.line(_("next {kind}: {time}").format(kind=word(kind), time=out.when(due_at)))
    out.line()
    events = [
        Event(
            run["started_at"],
            word(run["outcome"]),
            {
                "kinds": run["kinds"],
                "counts": json.loads(run["counts"]),
                "error": run["error"],
                "outcome": run["outcome"],
                "ended_at": iso(run["ended_at"]),
            },
            (
                ", ".join(word(kind) for kind in run["kinds"].split()),
                ", ".join(f"{name}: {count}" for name, count in json.loads(run["counts"]).items()),
                run["error"],
            ),
        )
        for run in runs
    ]
    return {"account": shape}, events


_STORIES: dict[str, Callable[[Output, Hub, str], tuple[dict[str, Any], list[Event]]]] = {
    "post": _post,
    "mention": _mention,
    "account": _account,
}
