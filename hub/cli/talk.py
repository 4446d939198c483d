"""`hub discussions`, `discussion`, `reply`, `watch`: what others say, and our answers."""

from __future__ import annotations

import click

from hub.adapter import ThreadReader
from hub.cli import arguments
from hub.cli.desk import user_of
from hub.cli.opening import open_hub, open_store
from hub.cli.output import Output, command, iso, limit_option, one_line, short
from hub.cli.person import who
from hub.cli.shapes import discussion_shape
from hub.discussions import collecting, joining, replying, tree
from hub.errors import HubError, UnknownOutcome, UsageError
from hub.i18n import N_, _, ngettext
from hub.publishing.settling import remote_id_of
from hub.scheduling.hub import LISTEN, Hub
from hub.store.discussions import mentions, threads
from hub.store.discussions.grounds import Grounds
from hub.store.running import accounts


@command("discussions", help=_("List the discussions, those with the newest answers first."))
@limit_option
def discussions(out: Output, limit: int | None) -> None:
    """Show the discussions, each with the number that `hub discussion` takes."""
    with open_store(out) as hub, hub.store.read() as connection:
        found = mentions.discussion_list(connection, out.most(limit))
    if found:
        out.table(
            (_("Id"), _("Remarks"), _("Newest"), _("Sites"), _("Title")),
            [
                (one.id, one.mentions, out.when(one.last_at), ", ".join(one.accounts), short(one.title or one.url))
                for one in found
            ],
        )
    else:
        out.line(_("There are no discussions yet."))
    out.done(
        {
            "discussions": [
                {
                    "id": one.id,
                    "title": one.title,
                    "url": one.url,
                    "post": one.post_id,
                    "mentions": one.mentions,
                    "last_at": iso(one.last_at),
                    "accounts": list(one.accounts),
                }
                for one in found
            ]
        }
    )


@command("discussion", help=_("Show one discussion, from all sites, as a tree."))
@click.argument("discussion_id", type=click.IntRange(1), metavar="ID")
@click.option("--order", type=click.Choice(tree.ORDERS), default="tree", help=_("As a tree, by time, or by site."))
@click.option("--why", is_flag=True, help=_("Say why threads were joined and remarks are shown as one."))
@click.option(
    "--undo",
    metavar="J|R",
    help=_("Undo a join such as j3, or a repeat such as r5, for good; --why lists them."),
)
def discussion(out: Output, discussion_id: int, order: tree.Order, why: bool, undo: str | None) -> None:
    """Show every remark under the one it answers, with its author and its address."""
    with open_store(out) as hub:
        if undo is not None:
            undone = _undo(hub, discussion_id, undo)
            out.say(_("Undone for good: {name}, {evidence}").format(name=undone.name, evidence=undone.evidence))
        found = tree.load(hub.store, discussion_id, order)
    out.line(one_line(found.title) or _("Discussion {id}").format(id=found.id))
    if found.url:
        out.line(found.url)
    for account, url in found.copies:
        out.line(f"  {account}  {url}".rstrip())
    count = sum(1 for _depth, node in found.walk() if node.mention is not None)
    out.line(ngettext("{count} remark", "{count} remarks", count).format(count=count))
    out.tree(found)
    if why:
        _print_why(out, found)
    out.done({"discussion": discussion_shape(found)})


def _undo(hub: Hub, discussion_id: int, name: str) -> Grounds:
    """Undo what a person calls j3 or r5, in the discussion where they see it."""
    reasons = joining.why(hub.store, discussion_id)
    wanted = name.strip().lower()
    join = next((each for each in reasons.joins if each.name == wanted), None)
    repeat = next((each for each in reasons.repeats if each.name == wanted), None)
    if join is not None:
        return joining.undo_join(hub.store, join.id, who(), hub.clock())
    if repeat is None:
        raise UsageError(
            "discussion {id} has no join or repeat {name}",
            hint="`hub discussion {id} --why` lists them",
            id=discussion_id,
            name=name,
        )
    return joining.undo_repeat(hub.store, repeat.id, who(), hub.clock())


def _print_why(out: Output, found: tree.Discussion) -> None:
    reasons: list[tuple[str, Grounds]] = [(join.url or join.account, join) for join in found.joins]
    reasons += [(f"#{one.mention_id} = #{one.first_id}", one) for one in found.repeats]
    out.heading(_("Why") if reasons else _("Nothing was joined here."))
    for about, each in reasons:
        marks = [f"{each.confidence:.0%}", out.when(each.at), each.by]
        if each.undone_at is not None:
            marks.append(_("[undone by {who}, {time}]").format(who=each.undone_by, time=out.when(each.undone_at)))
        out.line(f"  {each.name}  {one_line(about)}: {one_line(each.evidence)}")
        out.line("      " + " · ".join(filter(None, marks)))


@command("reply", help=_("Answer a mention where it was said."))
@click.argument("mention_id", type=click.IntRange(1), metavar="MENTION")
@click.argument("text")
@click.option(
    "--seen",
    type=click.IntRange(0),
    metavar="REPLY",
    help=_("The newest answer that you know of, 0 for none: if there is a newer one, nothing is sent."),
)
@click.option("--as", "name", metavar="USER", help=_("The user who answers; without it, you at this machine."))
def reply(out: Output, mention_id: int, text: str, seen: int | None, name: str | None) -> None:
    """Send an answer, once; what came of it is written down."""
    words = arguments.read_text(text, N_("the answer"))
    with open_hub(out) as hub:
        mention = replying.find(hub.store, mention_id)
        adapter = hub.adapter(mention.account)
        try:
            user = user_of(hub, name)
            receipt = replying.reply(hub.store, adapter, mention, words, hub.clock(), by=user, seen=seen)
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
    out.line(_("Answered: {url}").format(url=receipt.url or receipt.remote_id))
    out.done({"reply": {"mention": mention_id, "remote_id": receipt.remote_id, "url": receipt.url}})


@command("watch", help=_("Follow the answers under a post that the hub did not publish."), dashes=True)
@click.argument("account")
@click.argument("post", metavar="REMOTE_ID|URL")
@click.option(
    "--discussion", "discussion_id", type=click.IntRange(1), metavar="ID", help=_("Join this discussion.")
)
def watch(out: Output, account: str, post: str, discussion_id: int | None) -> None:
    """Attach a thread by hand; it is read at the next tick."""
    place = arguments.checked(post, N_("the id")).strip()
    if not place:
        raise UsageError("the id is empty", hint="give the id of the post, or its address")
    with open_hub(out) as hub:
        if account not in hub.settings.accounts:
            raise arguments.unknown_account(account, hub.settings.accounts, hub.settings.path)
        adapter = hub.adapter(account)
        if not isinstance(adapter, ThreadReader):
            raise UsageError(
                "{name} is on {platform}, where the hub cannot read what is said under a post",
                hint="`hub plugins` says what each platform can do",
                name=account,
                platform=adapter.platform,
            )
        if discussion_id is not None:
            with hub.store.read() as connection:
                if threads.discussion(connection, discussion_id) is None:
                    raise UsageError(
                        "there is no discussion {id}", hint="`hub discussions` lists them", id=discussion_id
                    )
        url = place if "://" in place else ""
        remote_id = remote_id_of(adapter, place) if url else place
        now = hub.clock()
        found = collecting.watch(hub.store, account, remote_id, url, now, discussion_id, who())
        hub.store.write(accounts.hasten, [account], LISTEN, now)
    out.line(
        _("Watching {post} on {account}, as discussion {id}.").format(post=remote_id, account=account, id=found)
    )
    out.done({"account": account, "remote_id": remote_id, "url": url, "discussion": found})
