"""Says what a CRM is told of a mention or of a discussion: where, when, who, what, and the way back."""

from __future__ import annotations

from datetime import tzinfo

from hub.contacts.activities.rules import Rule
from hub.discussions import tree
from hub.discussions.tree import Node
from hub.i18n import _, ngettext
from hub.models import Note
from hub.store import Store
from hub.store.crm.activities import Activity, Due

# A title is a line in a list.
_LONGEST_TITLE = 120
_LONGEST_LINE = 200
# So many remarks show what a discussion is about.
_FIRST = 3


def note_of(store: Store, due: Due, rule: Rule, zone: tzinfo, page: str) -> Note:
    """Return what the CRM is told; `page` is the address of the hub's own page, "" if browsers cannot reach it."""
    if rule.each == "discussion":
        text, url, ours = _discussion(store, due), due.url, f"/discussions/{due.discussion_id}"
    else:
        text, url, ours = _mention(due, zone), due.url, f"/inbox/{due.activity.mention_id}"
    if page:
        text = f"{text}\n\n{page}{ours}"
        url = url or page + ours
    return Note(
        key=key_of(due.activity),
        text=text,
        url=url,
        kind=rule.make,
        title=_title(due, rule) if rule.make != "note" or rule.title else "",
        due_at=due.sent_at + rule.due if rule.due is not None else None,
    )


def key_of(activity: Activity) -> str:
    """Return what tells this from everything else that the CRM is told, at every attempt."""
    return f"{activity.rule or 'mention'}-{activity.key & (2**64 - 1):016x}"


def _mention(due: Due, zone: tzinfo) -> str:
    when = due.sent_at.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")
    return f"{due.platform}, {when}, {_author(due)}: {due.text}"


def _discussion(store: Store, due: Due) -> str:
    found = tree.load(store, due.discussion_id, "time")
    nodes = [node for node in found.nodes if node.mention is not None and node.mention.deleted_at is None]
    people = {(node.mention.platform, node.mention.author_id) for node in nodes if node.mention is not None}
    sites = sorted({node.mention.platform for node in nodes if node.mention is not None})
    remarks = ngettext("{count} remark", "{count} remarks", len(nodes)).format(count=len(nodes))
    voices = ngettext("{count} person", "{count} people", len(people)).format(count=len(people))
    head = [found.title or _("A discussion"), f"{remarks}, {voices}: {', '.join(sites)}"]
    head += [found.url] if found.url else []
    lines = [_line(node) for node in nodes[:_FIRST]]
    if len(nodes) > _FIRST:
        lines.append("…")
    return "\n".join([*head, "", *lines])


def _line(node: Node) -> str:
    assert node.mention is not None
    author = node.mention.author_name or node.mention.author_handle or _("somebody")
    return f"{author} ({node.mention.platform}): {_shortened(node.mention.text, _LONGEST_LINE)}"


def _title(due: Due, rule: Rule) -> str:
    facts = {
        "author": _author(due),
        "platform": due.platform,
        "account": due.said_to,
        "kind": due.kind,
        "text": _shortened(due.text, _LONGEST_TITLE),
        "discussion": due.discussion,
    }
    if rule.title:
        return _shortened(rule.title.format_map(facts), _LONGEST_TITLE)
    about = due.discussion if rule.each == "discussion" and due.discussion else due.text
    return _shortened(f"{_author(due)}: {about}", _LONGEST_TITLE)


def _author(due: Due) -> str:
    return due.author or _("somebody")


def _shortened(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
