"""The commands by name: where each one is, and its line in `hub --help`, so that the listing imports none."""

from __future__ import annotations

from typing import NamedTuple

from hub.i18n import N_


class Entry(NamedTuple):
    """Where a command is: `attribute` of `module` in hub.cli."""

    module: str
    attribute: str
    help: str


TABLE: dict[str, Entry] = {
    "init": Entry("setup", "init", N_("Write a hub.toml to start from, with every line explained.")),
    "accounts": Entry("accounts", "accounts", N_("List the accounts, or add one.")),
    "check": Entry("check", "check", N_("Ask each network who we are, and say what is wrong.")),
    "post": Entry("post", "post", N_("Publish a text on some accounts, once on each.")),
    "edit": Entry("posts", "edit", N_("Change a post; its copies follow.")),
    "delete": Entry("posts", "delete", N_("Withdraw a post; its copies are deleted.")),
    "posts": Entry("posts", "list_posts", N_("List our posts, and what became of each delivery.")),
    "drafts": Entry("drafts", "drafts", N_("List the drafts, and say yes or no to what waits for approval.")),
    "tick": Entry("work", "tick", N_("Do all that is due now, then end; made for cron.")),
    "run": Entry("work", "run", N_("Do what is due, for ever, until told to stop.")),
    "worker": Entry("work", "worker", N_("Join the other workers on this PostgreSQL, until told to stop.")),
    "serve": Entry("serve", "serve", N_("Serve the page where a team works.")),
    "stop": Entry("stop", "stop", N_("Stop the hub: nothing is written to any network until `hub resume`.")),
    "resume": Entry("stop", "resume", N_("Let a stopped hub go on.")),
    "inbox": Entry("desk", "inbox", N_("List what others said to us or about us, newest first.")),
    "discussions": Entry("talk", "discussions", N_("List the discussions, those with the newest answers first.")),
    "discussion": Entry("talk", "discussion", N_("Show one discussion, from all sites, as a tree.")),
    "reply": Entry("talk", "reply", N_("Answer a mention where it was said.")),
    "mention": Entry(
        "desk", "mention", N_("Show a mention with all that was done about it, or do something about it.")
    ),
    "watch": Entry("talk", "watch", N_("Follow the answers under a post that the hub did not publish.")),
    "digest": Entry("digest", "digest", N_("Show or publish a discussion, each line under its writer's name.")),
    "digests": Entry("digest", "list_digests", N_("List the digests that were published, and how each fares.")),
    "status": Entry("status", "status", N_("Say who does the work, how much is due, and who waits longest.")),
    "doctor": Entry("doctor", "doctor", N_("Say how everything fares, and what mends what does not.")),
    "contacts": Entry("contacts", "contacts", N_("List the people behind the authors and the CRM records.")),
    "activities": Entry(
        "activities", "activities", N_("List the notes, tasks and leads that the CRMs are given by rule.")
    ),
    "retention": Entry("privacy", "retain", N_("Remove what is older than [retention] says, now.")),
    "crm": Entry("crm", "crm", N_("Try an account of a CRM, or log in to it.")),
    "sync": Entry("sync", "sync", N_("Bring the CRMs and the hub in step now, or show what that would do.")),
    "plugins": Entry("plugins", "plugins", N_("List the platforms, what each can do and its settings.")),
    "trace": Entry("trace", "trace", N_("Tell the whole story of a post, a mention or an account.")),
    "settle": Entry("settle", "settle", N_("Decide what became of a delivery that the hub cannot settle.")),
    "retry": Entry("settle", "retry", N_("Send a delivery again that failed or was missed.")),
    "webhooks": Entry("webhooks", "webhooks", N_("List the webhooks, and look after what they were not told.")),
    "users": Entry("users", "users", N_("List the users, or add and change them.")),
    "tokens": Entry("tokens", "tokens", N_("List the tokens of the API, make or revoke them.")),
    "vault": Entry("vault", "vault", N_("Keep secrets that the hub renews by itself.")),
    "db": Entry("db", "db", N_("Upgrade, verify, back up, restore or move the database.")),
    "demo": Entry("demo", "demo", N_("Show the whole hub at work on this machine, without any real network.")),
}

CONTACTS: dict[str, Entry] = {
    "show": Entry("contact_card", "show", N_("Show all that is known of a person.")),
    "why": Entry("contact_card", "why", N_("Say why the hub takes these identities and records for one person.")),
    "add": Entry("contact_editing", "add", N_("Add a person.")),
    "edit": Entry("contact_editing", "edit", N_("Change what is known of a person; the CRMs follow.")),
    "note": Entry("contact_editing", "note", N_("Tell the team something about a person.")),
    "delete": Entry("contact_editing", "delete", N_("Delete a person here; `deletions` says what the CRMs do.")),
    "merge": Entry("contact_joins", "merge", N_("Say that two contacts are one person.")),
    "split": Entry("contact_joins", "split", N_("Say that an identity or a record is somebody else's.")),
    "proposals": Entry("contact_joins", "proposals", N_("List the pairs that may be one person.")),
    "accept": Entry("contact_joins", "accept", N_("Say that a proposed pair is one person.")),
    "refuse": Entry("contact_joins", "refuse", N_("Say that a proposed pair is two people.")),
    "conflicts": Entry(
        "contact_questions", "conflicts", N_("List what both sides changed, and what was deleted.")
    ),
    "decide": Entry("contact_questions", "decide", N_("Answer a question of `hub contacts conflicts`.")),
    "consent": Entry("privacy", "consent", N_("Show what a person agreed to, or write down what they said.")),
    "export": Entry("lists", "export", N_("Write all that is held of one person, or a list of all people.")),
    "import": Entry("lists", "import_list", N_("Take in a list of people: CSV or vCard.")),
    "erase": Entry("privacy", "erase", N_("Remove all that is held of a person, for good, and print the proof.")),
    "erasures": Entry(
        "privacy", "list_erasures", N_("List who was erased, by number, and what is still to be done.")
    ),
    "readmit": Entry("privacy", "readmit", N_("Let somebody be taken in again who was erased.")),
}
