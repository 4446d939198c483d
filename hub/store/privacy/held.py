"""Says, for every table, what of it belongs to a person: what an export shows and an erasure removes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.i18n import N_
from hub.store import tables
from hub.store.database import chunks

# Shorter names stand in too many texts to tell anything.
_SHORT = 4


class Subject(NamedTuple):
    """A person as the store knows them: their cards, their identities, and what was said.

    `said` are the mentions that they made, `answers` what our own accounts answered to these. `words` name them
    wherever they stand: addresses, numbers, handles, ids, full names.
    """

    person_id: int
    cards: tuple[int, ...]
    authors: tuple[tuple[str, str], ...]
    said: tuple[int, ...]
    answers: tuple[int, ...]
    words: tuple[str, ...]

    @property
    def talk(self) -> tuple[int, ...]:
        """The mentions of both sides."""
        return (*self.said, *self.answers)


Conditions = Callable[[Connection, Subject], Iterable[sa.ColumnElement[bool]]]


class Part(NamedTuple):
    """What a table holds of a person: `about` says it to a reader, `where` finds the rows, piece by piece."""

    table: sa.Table
    about: str
    where: Conditions


def _by_card(*columns: sa.Column[Any]) -> Conditions:
    return lambda _, who: [sa.or_(*(column.in_(who.cards) for column in columns))]


def _by_mention(column: sa.Column[Any], *others: sa.Column[Any], ours: bool = True) -> Conditions:
    def where(_: Connection, who: Subject) -> Iterator[sa.ColumnElement[bool]]:
        for some in chunks(who.talk if ours else who.said):
            yield sa.or_(column.in_(some), *(other.in_(some) for other in others))

    return where


def _by_author(platform: sa.Column[Any], author: sa.Column[Any]) -> Conditions:
    return lambda _, who: [sa.and_(platform == one, author == name) for one, name in who.authors]


def _roots(connection: Connection, who: Subject) -> Iterator[sa.ColumnElement[bool]]:
    """Threads whose post they made."""
    mentions, threads = tables.mentions, tables.threads
    for some in chunks(who.said):
        query = (
            sa.select(threads.c.id)
            .join(mentions, mentions.c.thread_id == threads.c.id)
            .where(mentions.c.id.in_(some), mentions.c.remote_id == threads.c.remote_id)
        )
        yield threads.c.id.in_(list(connection.execute(query).scalars()))


def _joined_by_them(connection: Connection, who: Subject) -> Iterator[sa.ColumnElement[bool]]:
    """Joins whose grounds name a remark of theirs."""
    joins, mentions = tables.joins, tables.mentions
    named: set[str] = set()
    for some in chunks(who.talk):
        for row in connection.execute(
            sa.select(mentions.c.url, mentions.c.remote_id).where(mentions.c.id.in_(some))
        ):
            named.update(row)
    named.discard("")
    if named:
        rows = connection.execute(sa.select(joins.c.id, joins.c.facts).where(joins.c.facts != "{}"))
        found = [row.id for row in rows if not named.isdisjoint(_texts(json.loads(row.facts)))]
        for some in chunks(found):
            yield joins.c.id.in_(some)


def _texts(facts: Mapping[str, object]) -> set[str]:
    return {value for value in facts.values() if isinstance(value, str)}


def _told(connection: Connection, who: Subject) -> Iterator[sa.ColumnElement[bool]]:
    """What webhooks are told of their remarks."""
    notices, wanted = tables.notices, set(who.talk)
    if not wanted:
        return
    rows = connection.execute(
        sa.select(notices.c.id, notices.c.body).where(notices.c.event.like("mention.%"), notices.c.body != "")
    )
    found = [row.id for row in rows if json.loads(row.body).get("data", {}).get("mention") in wanted]
    for some in chunks(found):
        yield notices.c.id.in_(some)


def _naming(*columns: sa.Column[Any]) -> Conditions:
    """Texts of the hub's own, such as the words of an error, that name them."""

    def where(_: Connection, who: Subject) -> Iterator[sa.ColumnElement[bool]]:
        for word in who.words:
            yield sa.or_(*(column.contains(word, autoescape=True) for column in columns))

    return where


PARTS: tuple[Part, ...] = (
    Part(tables.contacts, N_("the cards: one for each source"), _by_card(tables.contacts.c.id)),
    Part(
        tables.contact_values,
        N_("what each card holds, who says so and since when"),
        _by_card(tables.contact_values.c.contact_id),
    ),
    Part(
        tables.contact_evidence,
        N_("why cards are, or may be, one person"),
        _by_card(tables.contact_evidence.c.one_id, tables.contact_evidence.c.other_id),
    ),
    Part(
        tables.contact_apart,
        N_("who was said not to be them"),
        _by_card(tables.contact_apart.c.one_id, tables.contact_apart.c.other_id),
    ),
    Part(tables.records, N_("their records in each CRM"), _by_card(tables.records.c.contact_id)),
    Part(
        tables.contact_questions,
        N_("what a person was asked to decide about them"),
        _by_card(tables.contact_questions.c.contact_id),
    ),
    Part(tables.contact_history, N_("what was changed"), _by_card(tables.contact_history.c.contact_id)),
    Part(tables.contact_notes, N_("what the team noted"), _by_card(tables.contact_notes.c.contact_id)),
    Part(tables.consents, N_("what they agreed to"), _by_card(tables.consents.c.contact_id)),
    Part(
        tables.authors,
        N_("their identities on the sites"),
        _by_author(tables.authors.c.platform, tables.authors.c.remote_id),
    ),
    Part(
        tables.left_out,
        N_("their wish to be in no digest"),
        _by_author(tables.left_out.c.platform, tables.left_out.c.author_id),
    ),
    Part(tables.mentions, N_("what they said, and what we answered"), _by_mention(tables.mentions.c.id)),
    Part(
        tables.mention_versions,
        N_("what that said before it was changed"),
        _by_mention(tables.mention_versions.c.mention_id),
    ),
    Part(tables.mention_links, N_("where that leads to"), _by_mention(tables.mention_links.c.mention_id)),
    Part(
        tables.repeats,
        N_("which of that is one remark on two sites"),
        _by_mention(tables.repeats.c.first_id, tables.repeats.c.mention_id),
    ),
    Part(tables.replies, N_("our answers, as they were sent"), _by_mention(tables.replies.c.mention_id)),
    Part(tables.desk_notes, N_("what the team noted on a remark"), _by_mention(tables.desk_notes.c.mention_id)),
    Part(tables.desk_events, N_("what was done with a remark"), _by_mention(tables.desk_events.c.mention_id)),
    Part(tables.mention_labels, N_("the labels of a remark"), _by_mention(tables.mention_labels.c.mention_id)),
    Part(
        tables.digest_lines,
        N_("where we showed a remark under their name"),
        _by_mention(tables.digest_lines.c.mention_id),
    ),
    Part(tables.activities, N_("what a CRM was told"), _by_mention(tables.activities.c.mention_id)),
    Part(tables.notices, N_("what webhooks are told"), _told),
    Part(tables.threads, N_("threads under a post of theirs"), _roots),
    Part(tables.joins, N_("what a remark of theirs brought together"), _joined_by_them),
    Part(tables.runs, N_("errors that name them"), _naming(tables.runs.c.error)),
    Part(
        tables.accounts,
        N_("errors that name them"),
        _naming(tables.accounts.c.reason, tables.accounts.c.last_error),
    ),
)

APART: Mapping[str, str] = {
    **dict.fromkeys(("posts", "post_media", "post_versions", "media", "uploads"), "what we publish"),
    **dict.fromkeys(("drafts", "draft_targets", "draft_media", "draft_events"), "what we are writing"),
    **dict.fromkeys(("deliveries", "attempts", "copies"), "how our posts fare"),
    "discussions": "the titles and addresses of our posts",
    "digests": "which discussions are published; what they show is in mentions and digest_lines",
    **dict.fromkeys(("labels", "saved_replies", "saved_views"), "the team's own words"),
    **dict.fromkeys(("readers", "reads", "claims"), "what the team has read; goes with the mention"),
    **dict.fromkeys(("users", "sessions", "tokens", "login_attempts", "setup_tokens"), "the team"),
    **dict.fromkeys(("addresses", "marks"), "numbers that are made of texts and addresses; go with the mention"),
    **dict.fromkeys(("changes", "workers", "ticks", "jobs", "switches", "chores"), "numbers and times"),
    "activity_rules": "numbers and times",
    "buckets": "how far budgets of calls are used",
    "engine_scripts": "which SQL an engine brought along",
    "cursors": "bookmarks, which move on with the next read",
    "secrets": "our own, encrypted",
    "webhooks": "how webhooks fare",
    "tombstones": "hashes without a name",
    **dict.fromkeys(("erasures", "erasure_steps"), "numbers of who was erased, and what is still to be done"),
}
"""The tables that hold nothing of a person outside, and what they hold. A table is here or in `PARTS`."""


def texts_of(table: sa.Table) -> list[sa.Column[Any]]:
    """Return the columns of a table that hold texts."""
    return [column for column in table.columns if _is_text(column.type)]


def _is_text(kind: Any) -> bool:
    """Look through SQLModel's own kind of text."""
    return isinstance(kind.impl_instance if isinstance(kind, sa.TypeDecorator) else kind, sa.String)


def subject(connection: Connection, person_id: int) -> Subject | None:
    """Find all by which the store knows a person; None if there is nobody with this number."""
    cards = connection.execute(
        sa.select(tables.contacts.c.id).where(tables.contacts.c.person_id == person_id)
    ).scalars()
    return of_cards(connection, person_id, sorted(cards))


def of_cards(connection: Connection, person_id: int, cards: Sequence[int]) -> Subject | None:
    """Do what `subject` does, for cards by number."""
    if not cards:
        return None
    authors, mentions, above = tables.authors, tables.mentions, tables.mentions.alias("above")
    known = connection.execute(
        sa.select(authors.c.platform, authors.c.remote_id)
        .where(authors.c.contact_id.in_(cards))
        .order_by(authors.c.platform, authors.c.remote_id)
    ).all()
    theirs = sa.and_(authors.c.platform == above.c.platform, authors.c.remote_id == above.c.author_id)
    made = sa.select(above.c.id).select_from(authors).join(above, theirs).where(authors.c.contact_id.in_(cards))
    said = connection.execute(made.order_by(above.c.id)).scalars()
    answered = (
        sa.select(mentions.c.id)
        .select_from(authors)
        .join(above, theirs)
        .join(
            mentions,
            sa.and_(
                mentions.c.platform == above.c.platform,
                mentions.c.parent_id == above.c.remote_id,
                sa.literal_column("mentions.status = 'ours'"),
            ),
        )
        .where(authors.c.contact_id.in_(cards))
    )
    answers = connection.execute(answered.order_by(mentions.c.id)).scalars()
    return Subject(
        person_id=person_id,
        cards=tuple(cards),
        authors=tuple((row.platform, row.remote_id) for row in known),
        said=tuple(said),
        answers=tuple(dict.fromkeys(answers)),
        words=tuple(sorted(_words(connection, cards))),
    )


def _words(connection: Connection, cards: Sequence[int]) -> set[str]:
    """Return what names a person wherever it stands, as it is written and in small letters."""
    authors, values = tables.authors, tables.contact_values
    found: set[str] = set()
    for row in connection.execute(sa.select(authors).where(authors.c.contact_id.in_(cards))):
        found.update((row.remote_id, row.url, f"@{row.handle}" if row.handle else "", *row.emails.split()))
        found.update(name for name in (row.name,) if " " in name)
    query = sa.select(values.c.field, values.c.value, values.c.key).where(values.c.contact_id.in_(cards))
    for row in connection.execute(query):
        if row.field in ("emails", "phones", "url"):
            found.update((row.value, row.key))
        elif row.field == "name" and " " in row.value:
            found.add(row.value)
    return {each for word in found if len(word.strip()) >= _SHORT for each in (word, word.lower())}


def rows(connection: Connection, part: Part, who: Subject) -> Iterator[Mapping[str, Any]]:
    """Yield a table's rows that belong to a person, each once, in their order."""
    keys = list(part.table.primary_key.columns)
    seen: set[tuple[Any, ...]] = set()
    for where in part.where(connection, who):
        for row in connection.execute(sa.select(part.table).where(where).order_by(*keys)).mappings():
            key = tuple(row[column.name] for column in keys)
            if key not in seen:
                seen.add(key)
                yield {str(column.name): row[column.name] for column in part.table.columns}
