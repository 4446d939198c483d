"""Finds the remarks that one person made on two sites, among those that can be: never all against all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from hub.discussions import links
from hub.discussions.repeats import EVIDENCE, Said, Verdict, compare, sought, words
from hub.store.database import chunks
from hub.store.discussions import leads, merging, repeats
from hub.store.discussions.merging import Spoken
from hub.store.discussions.repeats import NewRepeat, Repeat
from hub.store.running import changes

# Of one who says very much, the nearest in time are compared; the rest would cost its length squared.
_NEAREST = 100
# Texts that share fewer of the shorter one's words are not alike, whatever a closer look would say.
_SHARED = 0.5


def as_said(one: Spoken) -> Said:
    """Return a mention as it is compared."""
    profile = links.normalise(one.profile) if one.profile else ""
    return Said(
        text=one.text,
        at=one.sent_at,
        platform=one.platform,
        thread=one.thread,
        author_id=one.author_id,
        name=one.name,
        handle=one.handle,
        profile=profile,
        contact=one.contact_id,
        emails=one.emails,
        site=one.url.partition("://")[2].partition("/")[0].lower(),
    )


def look(connection: Connection, said: dict[int, Spoken], moved: Sequence[int], now: datetime) -> None:
    """Find what mentions repeat: those of this step, and all of threads that moved; end what is none any more."""
    subjects = list(said)
    for thread in moved:
        subjects += [mention for mention in merging.ids_of_thread(connection, thread) if mention not in said]
    # A thread that moved changes where its mentions are.
    for some in chunks(sorted(set(subjects))):
        _Look(connection, now).at(merging.spoken(connection, some) if moved else [said[one] for one in some])


class _Look:
    """One look at a few hundred mentions: what is known of them, and what is found."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._known: dict[int, Spoken] = {}
        self._said: dict[int, tuple[Said, frozenset[str]]] = {}
        self._repeats: dict[int, Repeat] = {}

    def at(self, subjects: Iterable[Spoken]) -> None:
        self._known = {one.id: one for one in subjects}
        asked = list(self._known)
        near = self._near(asked)
        self._load({other for others in near.values() for other in others})
        self._learn(self._known)
        again = self._review(asked)
        if again:
            self._load(again)
            self._learn(again)
            near |= self._near(again)
            self._load({other for each in again for other in near.get(each, ())})
            self._learn(self._known)
        order = sorted({*asked, *again}, key=lambda each: (self._known[each].sent_at, each))
        for mention in order:
            self._find(self._known[mention], near.get(mention, ()))

    def _near(self, mentions: Iterable[int]) -> dict[int, set[int]]:
        """Return whom each mention may repeat: who shares a key of its author, in its stretch of time."""
        wanted: dict[int, list[int]] = {}
        for mention in mentions:
            one = self._known[mention]
            if one.deleted_at is None:
                for key in sought(self._read(one)[0]):
                    wanted.setdefault(key, []).append(mention)
        found: dict[int, set[int]] = {}
        for key, other in leads.marked(self._connection, wanted):
            for mention in wanted[key]:
                if mention != other:
                    found.setdefault(mention, set()).add(other)
        return found

    def _load(self, mentions: Iterable[int]) -> None:
        missing = set(mentions) - set(self._known)
        self._known |= {one.id: one for one in merging.spoken(self._connection, missing)}

    def _learn(self, mentions: Iterable[int]) -> None:
        """Read which repeats are known of these, with all who have a part in the same ones."""
        while True:
            found = repeats.of_mentions(self._connection, mentions)
            more = {one for each in found for one in (each.first_id, each.mention_id)} - set(self._known)
            self._repeats |= {each.id: each for each in found}
            if not more:
                return
            self._load(more)
            mentions = more

    def _review(self, mentions: Sequence[int]) -> list[int]:
        """End what is no repeat any more; return the mentions that stand alone for it, to be looked at again."""
        asked = set(mentions)
        ended: list[int] = []
        alone: list[int] = []
        for each in list(self._repeats.values()):
            if not each.stands or not {each.first_id, each.mention_id} & asked:
                continue
            one, other = self._known[each.first_id], self._known[each.mention_id]
            if one.discussion != other.discussion and one.deleted_at is None and other.deleted_at is None:
                # Apart for now: it is shown again if they meet again.
                continue
            if self._compare(one, other) is None:
                ended.append(each.id)
                self._repeats[each.id] = each._replace(ended_at=self._now)
                alone += [mention for mention in (one.id, other.id) if self._known[mention].deleted_at is None]
                changes.note(self._connection, "discussions", one.discussion)
        if ended:
            repeats.end(self._connection, ended, self._now)
        return [mention for mention in dict.fromkeys(alone) if mention not in asked]

    def _compare(self, one: Spoken, other: Spoken) -> Verdict | None:
        if one.deleted_at is not None or other.deleted_at is not None or one.discussion != other.discussion:
            return None
        (ours, told), (theirs, heard) = self._read(one), self._read(other)
        if len(told & heard) < _SHARED * min(len(told), len(heard)):
            return None
        return compare(ours, theirs)

    def _read(self, one: Spoken) -> tuple[Said, frozenset[str]]:
        """Return a mention as it is compared, and its words, made once."""
        found = self._said.get(one.id)
        if found is None:
            said = as_said(one)
            found = self._said[one.id] = (said, frozenset(words(said.text)))
        return found

    def _find(self, one: Spoken, near: Iterable[int]) -> None:
        """Write down what a mention repeats, if it has no part in any repeat yet."""
        if one.deleted_at is not None or any(
            each.stands and one.id in (each.first_id, each.mention_id) for each in self._repeats.values()
        ):
            return
        others = [self._known[other] for other in near if other in self._known]
        others = [other for other in others if other.discussion == one.discussion and other.thread != one.thread]
        others.sort(key=lambda other: abs((other.sent_at - one.sent_at).total_seconds()))
        best: tuple[float, int] | None = None
        verdict: Verdict | None = None
        for other in others[:_NEAREST]:
            found = self._compare(one, other)
            if found is None or self._forbidden(one.id, other.id):
                continue
            if best is None or (found.confidence, -other.id) > best:
                best, verdict = (found.confidence, -other.id), found
        if best is not None and verdict is not None:
            self._add(one, self._known[-best[1]], verdict)

    def _group(self, mention: int) -> set[int]:
        """Return all that are shown as one with a mention."""
        first = self._first(mention)
        return {first} | {
            each.mention_id for each in self._repeats.values() if each.stands and each.first_id == first
        }

    def _first(self, mention: int) -> int:
        for each in self._repeats.values():
            if each.stands and each.mention_id == mention:
                return each.first_id
        return mention

    def _forbidden(self, one: int, other: int) -> bool:
        """Tell whether a person has said of the one and any that stand with the other that they are two."""
        undone = [
            {each.first_id, each.mention_id} for each in self._repeats.values() if each.undone_at is not None
        ]
        return any({one, member} in undone for member in self._group(other))

    def _add(self, one: Spoken, other: Spoken, verdict: Verdict) -> None:
        first = self._first(other.id)
        if (
            first == other.id
            and (one.sent_at, one.id) < (other.sent_at, other.id)
            and self._group(first) == {first}
        ):
            first, again = one.id, other.id
        else:
            again = one.id
        new = NewRepeat(first, again, EVIDENCE, verdict.facts, verdict.confidence)
        repeats.add(self._connection, new, self._now)
        self._repeats |= {each.id: each for each in repeats.of_mentions(self._connection, [again])}
        changes.note(self._connection, "discussions", one.discussion)
