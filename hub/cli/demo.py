"""`hub demo`: the whole of the hub at work on a small world that lives on this machine."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from hub import settings
from hub.cli.logging import configure
from hub.cli.output import Output, command
from hub.discussions import tree
from hub.errors import UsageError
from hub.i18n import _, ngettext
from hub.registry import Registry
from hub.scheduling.hub import Hub
from hub.scheduling.tick import Scheduler, TickReport, make_everything_due
from hub.store.discussions import mentions
from hub.store.outbox import deliveries, posts
from hub.store.people import contacts
from hub.store.verify import verify
from hub.testing import clients, story, world


@dataclass
class Stage:
    """The demo while it runs."""

    world: world.World
    hub: Hub
    scheduler: Scheduler

    def tick(self) -> TickReport:
        """Do all work there is, due or not."""
        make_everything_due(self.hub)
        return self.scheduler.tick()


@command("demo", help=_("Show the whole hub at work on this machine, without any real network."))
@click.option("--keep", is_flag=True, help=_("Leave the small world running until Ctrl+C."))
@click.option("--page", is_flag=True, help=_("Serve the page on it until Ctrl+C, and let you in."))
@click.option("--folder", type=click.Path(path_type=Path), help=_("Where to put it; a fresh folder by default."))
def demo(out: Output, keep: bool, page: bool, folder: Path | None) -> None:
    """Run the story and show what came of it."""
    configure("warning", json=False)
    place = _fresh(folder)
    with _stage(place) as stage:
        out.zone = stage.hub.settings.zone
        articles = story.write_articles(stage.world)
        out.say(
            _("A blog published {count} articles; the hub carries them to {networks}.").format(
                count=articles, networks=", ".join(stage.world.networks)
            )
        )
        reports = [stage.tick()]
        said = story.talk(stage.world)
        out.say(
            _("{people} people answer on {count} networks: {remarks} remarks.").format(
                people=len(said.speakers) - max(0, len(said.twice) - 1),
                count=len(stage.world.networks),
                remarks=said.remarks,
            )
        )
        reports += [stage.tick(), stage.tick()]
        story.change_minds(stage.world, said)
        out.say(_("One of them edits a remark, another deletes one."))
        accepted = clients.care(stage.hub.store, said.records, stage.hub.clock())
        if said.records:
            out.say(_("The team and the people at the CRM work on the same contacts."))
        # A remark that a network merely no longer shows is believed to be deleted at the second look; and what a
        # CRM was given at that is remembered until its next list has shown it.
        reports += [stage.tick(), stage.tick(), stage.tick()]
        sends, writes = stage.world.calls(), stage.hub.store.content_writes()
        last = stage.tick()
        reports.append(last)
        facts = _facts(stage, said)
        people = clients.outcome(stage.hub, said.records, accepted)
        facts["people"] = asdict(people)
        facts["last_tick"] = {
            "sends": stage.world.calls() - sends,
            "writes": stage.hub.store.content_writes() - writes,
        }
        facts["errors"] = [str(error) for report in reports for _name, error in report.errors]
        promises = {**_promises(facts, articles, said), **clients.promises(people, said.records)}
        facts["problems"] = [*verify(stage.hub.store), *(one for one, holds in promises.items() if not holds)]
        facts["folder"] = str(place)
        if not out.json:
            _print(out, stage, facts)
        code = 1 if facts["errors"] or facts["problems"] else 0
        if page:
            _show_page(out, stage, facts, code)
            return
        out.done(facts, code)
        if keep:
            stage.scheduler.close()
            out.say(_("The world keeps running; Ctrl+C ends it."))
            threading.Event().wait()


def _show_page(out: Output, stage: Stage, facts: dict[str, Any], code: int) -> None:
    from hub.cli import demo_page
    from hub.testing import office

    with demo_page.served(stage.hub, list(stage.world.networks)) as link:
        out.done({**facts, "page": link}, code)
        out.say(_("The page is open until Ctrl+C; this link lets one person in, once: {link}").format(link=link))
        out.say(
            _("Others work there too, each with the password {password!r}: {names}").format(
                password=office.PASSWORD, names=", ".join(office.NAMES)
            )
        )
        demo_page.work(stage.scheduler, link)


def _fresh(folder: Path | None) -> Path:
    if folder is None:
        return Path(tempfile.mkdtemp(prefix="hub-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise UsageError("{folder} is not empty", hint="name another one", folder=folder)
    return folder


@contextmanager
def _stage(folder: Path) -> Iterator[Stage]:
    adapters = Registry.discover().adapters
    with world.started(folder, adapters) as small, Hub.open(settings.load(small.config)) as hub:
        scheduler = Scheduler(hub)
        try:
            yield Stage(small, hub, scheduler)
        finally:
            scheduler.close()


def _facts(stage: Stage, said: story.Said) -> dict[str, Any]:
    """Compare what the networks hold with what the hub says."""
    with stage.hub.store.read() as connection:
        stored = posts.newest(connection, 100)
        by_post = deliveries.of_posts(connection, [post.id for post in stored])
        heard = mentions.newest(connection, 10_000)
        listed = mentions.discussion_list(connection, 100)
        known = contacts.people(connection, 1000)
    joined = [tree.load(stage.hub.store, summary.id) for summary in listed]
    held = {name: len(network.held()) for name, network in stage.world.networks.items()}
    twice = [person for person in known if story.EMAIL in person.emails]
    ours = {account: stage.world.networks[account].us.id for account in stage.world.networks}
    return {
        "posts": len(stored),
        "deliveries": sum(len(rows) for rows in by_post.values()),
        "published": sum(row.state == "published" for rows in by_post.values() for row in rows),
        "held": held,
        "copies": {
            f"{row.account}:{post.key}": {
                "deliveries": sum(other.account == row.account for other in by_post[post.id]),
                "held": sum(one.id == row.remote_id for one in stage.world.networks[row.account].held()),
            }
            for post in stored
            for row in by_post[post.id]
        },
        "remarks_made": said.remarks,
        "mentions_stored": sum(mention.author_id != ours.get(mention.account) for mention in heard),
        "deleted": sum(mention.deleted_at is not None for mention in heard),
        "edited": sum(mention.edited_at is not None and mention.deleted_at is None for mention in heard),
        "versions": sum(mention.versions for mention in heard),
        "discussions": [
            {"id": one.id, "title": one.title, "accounts": list(one.accounts), "mentions": len(list(one.walk()))}
            for one in joined
        ],
        "said_twice": [
            {"accounts": [one.account for one in (node.mention, *node.repeats)]}
            for whole in joined
            for _, node in whole.walk()
            if node.mention is not None and node.mention.text in story.TWICE
        ],
        "elsewhere": [
            {
                "discussion": one.discussion,
                "title": whole.title,
                "remarks": sum(each.thread_id == one.thread_id for each in heard),
            }
            for one in heard
            for whole in joined
            if (one.account, one.remote_id) == said.elsewhere and one.discussion == whole.id
        ],
        "contacts": len(known),
        "person_of_two_networks": [
            {
                "id": person.id,
                "name": person.name,
                "platforms": sorted(author.platform for author in person.authors),
                "records": len(person.records),
            }
            for person in twice
        ],
        "crm": {
            name: {"contacts": len(crm.people()), "notes": len(crm.noted())}
            for name, crm in stage.world.crms.items()
        },
    }


def _promises(facts: dict[str, Any], articles: int, said: story.Said) -> dict[str, bool]:
    """Hold what came of the story against what the hub promises; say of each promise whether it holds."""
    return {
        "each article is on each network once": all(
            copies == {"deliveries": 1, "held": 1} for copies in facts["copies"].values()
        )
        and len(facts["copies"]) == articles * len(facts["held"])
        and set(facts["held"].values()) == {articles},
        "each remark is stored once": facts["mentions_stored"] == said.remarks,
        "each article has one discussion that joins all networks": [
            sorted(one["accounts"]) for one in facts["discussions"]
        ]
        == [sorted(facts["held"])] * articles,
        "what one person said on two networks is shown once": len(said.twice) < 2
        or [sorted(one["accounts"]) for one in facts["said_twice"]] == [sorted(said.twice)],
        "a post elsewhere about an article is in its discussion, with its answers": not said.elsewhere[0]
        or [(one["title"], one["remarks"]) for one in facts["elsewhere"]] == [(story.ARTICLES[0][0], 2)],
        "the deleted remark is a tombstone": facts["deleted"] == 1,
        "the edited remark keeps its history": facts["edited"] == 1 and facts["versions"] >= 1,
        "the person of two networks is one contact": not said.twice
        or [sorted(person["platforms"]) for person in facts["person_of_two_networks"]] == [sorted(said.twice)],
        "a further tick does nothing": facts["last_tick"] == {"sends": 0, "writes": 0},
    }


def _print_people(out: Output, people: dict[str, Any]) -> None:
    if people["followed"]:
        out.line("  " + _("renamed in the CRM, and so in the hub: {name}").format(name=people["followed"]))
    if people["given"]:
        out.line("  " + _("typed here, and so in the CRM: {value}").format(value=people["given"]))
    if people["accepted"]:
        said = ngettext("{count} pair", "{count} pairs", people["accepted"]).format(count=people["accepted"])
        out.line("  " + _("proposed, and joined on somebody's word: {pairs}").format(pairs=said))
    for one, other, name in people["proposed"]:
        line = _("proposed, not decided: contacts {one} and {other}, {name} (`hub contacts proposals`)")
        out.line("  " + line.format(one=one, other=other, name=name))
    for each in people["asked"]:
        line = _("both sides changed {field}: {ours} here, {theirs} in {account} (`hub contacts conflicts`)")
        out.line("  " + line.format(**each))


def _print(out: Output, stage: Stage, facts: dict[str, Any]) -> None:
    out.heading(_("What went out where"))
    with stage.hub.store.read() as connection:
        stored = posts.newest(connection, 100)
        by_post = deliveries.of_posts(connection, [post.id for post in stored])
    for post in reversed(stored):
        out.line(f"{post.title or post.text[:60]}")
        for row in by_post.get(post.id, []):
            shown = " ".join((row.text or "").split())
            out.line(f"  {row.account:<10} {row.state:<10} {row.url}")
            out.line(
                f"  {'':<10} {len(row.text or ''):>5} {_('characters')}: {shown[:80]}{'…' if shown[80:] else ''}"
            )
    for summary in facts["discussions"]:
        if summary["mentions"]:
            out.heading(
                _("Discussion {id}: {title} ({accounts})").format(
                    id=summary["id"], title=summary["title"], accounts=", ".join(summary["accounts"])
                )
            )
            out.tree(tree.load(stage.hub.store, summary["id"]))
    out.heading(_("Contacts"))
    with stage.hub.store.read() as connection:
        for person in contacts.people(connection, 1000):
            where = ", ".join(
                f"{author.platform}: {author.handle or author.remote_id}" for author in person.authors
            )
            emails = " ".join(person.emails)
            out.line(f"  {person.name:<24} {where:<40} {emails}")
    _print_people(out, facts["people"])
    out.heading(_("A further tick"))
    out.line("  " + _("sent {sends}, wrote {writes}").format(**facts["last_tick"]))
    for problem in [*facts["errors"], *facts["problems"]]:
        out.line("  " + problem)
    out.heading(_("What to type next"))
    config = stage.world.config
    out.line(f"  hub demo --keep                     {_('the same, left running')}")
    out.line(f"  hub demo --page                     {_('the same, with the page where a team works')}")
    out.line(f"  hub --config {config} posts")
    out.line(f"  hub --config {config} inbox")
    out.line(f"  hub --config {config} discussion 1")
    out.line(f"  hub --config {config} contacts conflicts")
    out.line(f"  hub init                            {_('a hub.toml for your own accounts')}")
