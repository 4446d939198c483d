"""`hub inbox`, `discussions`, `discussion`, `reply`, `watch`: what others say, and our answers."""

from __future__ import annotations

import click

from hub.adapter import ThreadReader
from hub.cli import arguments
from hub.cli.opening import open_hub, open_store
from hub.cli.output import Output, command, iso, limit_option, one_line, short
from hub.cli.settle import remote_id_of
from hub.cli.shapes import discussion_shape, mention_shape
from hub.discussions import collecting, replying, tree
from hub.errors import HubError, UnknownOutcome, UsageError
from hub.i18n import N_, _, ngettext
from hub.scheduling.hub import LISTEN
from hub.store import accounts, mentions, threads
from hub.store.mentions import StoredMention
from hub.words import word


@command("inbox", help=_("List what others said to us or about us, newest first."))
@click.option("--account", metavar="NAME", help=_("Only what was said to this account."))
@click.option("--before", type=click.IntRange(1), metavar="ID", help=_("Only mentions older than this one."))
@limit_option
def inbox(out: Output, account: str | None, before: int | None, limit: int | None) -> None:
    """Show the newest mentions, each with the number that `hub reply` takes."""
    with open_store(out) as hub:
        if account is not None and account not in hub.settings.accounts:
            raise arguments.unknown_account(account, hub.settings.accounts, hub.settings.path)
        with hub.store.read() as connection:
            found = mentions.newest(connection, out.most(limit), account=account, before=before)
    for mention in found:
        _print(out, mention)
    if not found:
        out.line(_("Nobody said anything yet."))
    out.done({"mentions": [mention_shape(mention) for mention in found]})


def _print(out: Output, mention: StoredMention) -> None:
    author = mention.author_name or mention.author_handle or _("somebody")
    marks = _("[deleted]") if mention.deleted_at else _("[edited]") if mention.edited_at else ""
    place = _("discussion {id}").format(id=mention.discussion)
    facts = (out.when(mention.sent_at), mention.account, word(mention.kind), author, place, marks)
    out.line(f"{mention.id}  " + "  ".join(one_line(fact) for fact in facts if fact))
    for line in mention.text.splitlines():
        out.line("    " + line)
    if mention.url:
        out.line("    " + mention.url)


@command("discussions", help=_("List the discussions, those with the newest answers first."))
@limit_option
def discussions(out: Output, limit: int | None) -> None:
    """Show the discussions, each with the number that `hub discussion` takes."""
    with open_store(out) as hub, hub.store.read() as connection:
        found = mentions.discussion_list(connection, out.most(limit))
    if found:
        out.table(
            (_("Id"), _("Remarks"), _("Newest"), _("Title")),
            [(one.id, one.mentions, out.when(one.last_at), short(one.title or one.url)) for one in found],
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
                }
                for one in found
            ]
        }
    )


@command("discussion", help=_("Show one discussion, from all sites, as a tree."))
@click.argument("discussion_id", type=click.IntRange(1), metavar="ID")
def discussion(out: Output, discussion_id: int) -> None:
    """Show every remark under the one it answers, with its author and its address."""
    with open_store(out) as hub:
        found = tree.load(hub.store, discussion_id)
    out.line(one_line(found.title) or _("Discussion {id}").format(id=found.id))
    if found.url:
        out.line(found.url)
    for account, url in found.copies:
        out.line(f"  {account}  {url}".rstrip())
    count = sum(1 for _depth, node in found.walk() if node.mention is not None)
    out.line(ngettext("{count} remark", "{count} remarks", count).format(count=count))
    out.tree(found)
    out.done({"discussion": discussion_shape(found)})


@command("reply", help=_("Answer a mention where it was said."))
@click.argument("mention_id", type=click.IntRange(1), metavar="MENTION")
@click.argument("text")
def reply(out: Output, mention_id: int, text: str) -> None:
    """Send an answer, once; what came of it is written down."""
    words = arguments.read_text(text, N_("the answer"))
    with open_hub(out) as hub:
        mention = replying.find(hub.store, mention_id)
        adapter = hub.adapter(mention.account)
        try:
            receipt = replying.reply(hub.store, adapter, mention, words, hub.clock())
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
        found = collecting.watch(hub.store, account, remote_id, url, now, discussion_id)
        hub.store.write(accounts.hasten, [account], LISTEN, now)
    out.line(
        _("Watching {post} on {account}, as discussion {id}.").format(post=remote_id, account=account, id=found)
    )
    out.done({"account": account, "remote_id": remote_id, "url": url, "discussion": found})
