"""Recognises one person's remark that was made on two sites: by its words, by who says it, and by when."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import regex
from rapidfuzz.distance import OSA, Levenshtein

from hub.discussions import names
from hub.discussions.links import key
from hub.i18n import N_

WINDOW = timedelta(hours=72)
"""What was said longer apart is said again, and not repeated."""
THRESHOLD = 0.7
"""The confidence from which two remarks are shown as one; chosen on the development half of the labelled pairs."""
_SHORTEST = 10  # letters; below that nobody can tell
_TELLING = 40  # letters from which a text is nobody else's by chance
_LEAST_WORDS = 3

_LINK = re.compile(r"https?://\S+|(?<![^\s(])[\w-]+(?:\.[\w-]+)+/\S*")
_NAMED = re.compile(r"(?<![\w/])@[\w.-]+(?:@[\w.-]+)?")
_QUOTED = re.compile(r"^\s*>.*$", re.MULTILINE)
_CUT = re.compile(r"(?:…|\.\.\.)\s*(?:https?://\S+\s*)?$")
# A network's own cut may be followed by its link to the whole.
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:['’][\p{L}]+)*")
_NOT = frozenset(
    (
        *("не", "нет", "ни", "без", "никогда", "нельзя", "невозможно", "никак", "против"),
        *("not", "no", "never", "without", "nobody", "nothing", "hardly", "against"),
    )
)


class Said(NamedTuple):
    """A remark as it is compared. `contact` and `emails` are what the hub knows of its author.

    `site` is the host that it stands on: on some platforms there are many, and each has people of its own.
    """

    text: str
    at: datetime
    platform: str
    thread: int
    author_id: str | None = None
    name: str = ""
    handle: str = ""
    profile: str = ""
    contact: int | None = None
    emails: str = ""
    site: str = ""


class Verdict(NamedTuple):
    """Why two remarks are one: a template in English for each reason with its facts, and how sure that is."""

    confidence: float
    facts: Mapping[str, str]


class Reason(NamedTuple):
    """One part of a verdict, and how much it weighs, between 0 and 1."""

    weight: float
    template: str
    facts: Mapping[str, str] = {}


EVIDENCE = N_("{who}; {what}; {minutes} minutes apart")


def compare(one: Said, other: Said) -> Verdict | None:
    """Say how sure it is that one person said one thing twice, None where it is not worth showing.

    Neither words nor a name alone are enough: the confidence is the product of how alike the words are, how much
    there is of them, how well the authors are known to be one, and how close in time they speak.
    """
    apart = abs(one.at - other.at)
    if one.thread == other.thread or apart > WINDOW:
        return None
    who = same_author(one, other)
    if who is None:
        return None
    what = same_words(one.text, other.text)
    if what is None:
        return None
    confidence = who.weight * what.weight * _closeness(apart)
    if confidence < THRESHOLD:
        return None
    minutes = str(int(apart.total_seconds() // 60))
    facts = {**who.facts, **what.facts, "who": who.template, "what": what.template, "minutes": minutes}
    return Verdict(round(confidence, 3), facts)


def _closeness(apart: timedelta) -> float:
    hours = apart.total_seconds() / 3600
    return 1.0 if hours <= 1 else 0.98 if hours <= 6 else 0.95 if hours <= 24 else 0.9


def same_author(one: Said, other: Said) -> Reason | None:
    """Say what speaks for one author, the strongest; None if nothing does, or they are two on one site."""
    if one.author_id is None or other.author_id is None:
        return None
    if one.platform == other.platform and one.author_id == other.author_id:
        return Reason(1.0, N_("the same author"))
    if one.contact is not None and other.contact is not None:
        # A person's word, or the CRM's: it counts for two as well as for one.
        return Reason(1.0, N_("the same contact")) if one.contact == other.contact else None
    if set(one.emails.split()) & set(other.emails.split()):
        return Reason(1.0, N_("the same e-mail"))
    if one.platform == other.platform and (one.site == other.site or not one.site or not other.site):
        # Two accounts on one site are two people until something better than a name says otherwise.
        return None
    return _same_identity(one, other)


def _same_identity(one: Said, other: Said) -> Reason | None:
    if one.profile and one.profile == other.profile:
        return Reason(0.97, N_("the same page of their own, {profile}"), {"profile": one.profile})
    handles = names.compact(one.handle), names.compact(other.handle)
    ours, theirs = names.words(one.name), names.words(other.name)
    both = {"name": one.name, "other": other.name}
    if handles[0] and handles[0] == handles[1]:
        # A short handle is soon taken by another, unless the name is the same too.
        weight = 0.96 if len(handles[0]) >= 5 else 0.93 if ours and ours == theirs else 0.8
        return Reason(weight, N_("the same handle, {handle}"), {"handle": handles[0]})
    if ours and ours == theirs:
        weight = 0.93 if len(ours) > 1 else 0.73
        if one.name.casefold() == other.name.casefold():
            return Reason(weight, N_("the same name, {name}"), both)
        return Reason(weight - 0.01, N_("one name in two spellings, {name} and {other}"), both)
    for name, handle in ((ours, other.handle), (theirs, one.handle)):
        if len(name) > 1 and name == names.handle_words(handle):
            return Reason(0.88, N_("a handle that is the other's name, {handle}"), {"handle": handle})
    shortened = names.initials(one.name)
    if shortened is not None and shortened == names.initials(other.name) and _is_short(one, other):
        return Reason(0.8, N_("one name and its short form, {name} and {other}"), both)
    return None


def _is_short(one: Said, other: Said) -> bool:
    return (len(names.words(one.name)) == 1) != (len(names.words(other.name)) == 1)


def same_words(one: str, other: str) -> Reason | None:
    """Say how alike two texts are, and how much a text of their length tells."""
    ours, theirs = words(one), words(other)
    if not ours or not theirs:
        return None
    shorter = min((ours, theirs), key=lambda each: sum(map(len, each)))
    letters = sum(map(len, shorter))
    if letters < _SHORTEST or len(shorter) < _LEAST_WORDS:
        return None
    telling = min(1.0, letters / _TELLING) ** 0.3
    if ours == theirs:
        return Reason(telling, N_("the same words"))
    if _is_cut(one, ours, theirs) or _is_cut(other, theirs, ours):
        return Reason(0.97 * telling, N_("the same words, cut off on one site"))
    alike = likeness(ours, theirs)
    if alike <= 0:
        return None
    percent = str(round(alike * 100))
    return Reason(alike * telling, N_("{percent} % the same words"), {"percent": percent})


def words(text: str) -> list[str]:
    """Return a text's words as they are compared: no case, punctuation, emoji, links, handles or quotes."""
    bare = _QUOTED.sub(" ", text) if ">" in text else text
    bare = _LINK.sub(" ", bare) if "/" in bare else bare
    bare = _NAMED.sub(" ", bare) if "@" in bare else bare
    found = _WORD.findall(bare.casefold().replace("ё", "е").replace("’", "'"))
    if "'" not in bare and "’" not in bare and "cannot" not in found:
        return found
    return [part for word in found for part in _spelt_out(word)]


def _spelt_out(word: str) -> list[str]:
    """Write English contractions out, so that "doesn't" is "does not"."""
    if word in _WHOLE:
        return _WHOLE[word].split()
    for tail, whole in _TAILS.items():
        if word.endswith(tail) and word != tail:
            return [word.removesuffix(tail), whole]
    return [word]


_WHOLE = {"can't": "can not", "cannot": "can not", "won't": "will not"}
_TAILS = {"n't": "not", "'re": "are", "'ve": "have", "'ll": "will", "'m": "am", "'d": "would"}


def _is_cut(text: str, short: Sequence[str], whole: Sequence[str]) -> bool:
    """Tell whether a text ends in dots where the other goes on; its last word may be cut too."""
    if len(short) > len(whole) or len(short) < 5 or not _CUT.search(text):
        return False
    *begun, last = short
    return list(whole[: len(begun)]) == begun and whole[len(begun)].startswith(last)


def likeness(ours: Sequence[str], theirs: Sequence[str]) -> float:
    """Say how alike two texts are, word by word: a slip of the pen costs little, another word much.

    A word that stands for another one says something else, however long the rest is; so do another number and a
    "not" that one of them lacks.
    """
    if Counter(ours) == Counter(theirs):
        return 0.95
    respelt = added = other = 0
    for before, after in _differences(ours, theirs):
        if len(before) == len(after):
            for one, two in zip(before, after, strict=True):
                if _is_slip(one, two):
                    respelt += len(one)
                else:
                    other += max(len(one), len(two))
        elif "".join(before) == "".join(after):
            respelt += 1
        elif before and after:
            other += max(sum(map(len, before)), sum(map(len, after)))
        else:
            added += sum(map(len, before)) + sum(map(len, after))
    if _numbers(ours) != _numbers(theirs) or _nots(ours) != _nots(theirs):
        return 0.0
    total = max(sum(map(len, ours)), sum(map(len, theirs)))
    return 1 - (0.15 * respelt + 0.6 * added + 4.0 * other) / total


def _differences(ours: Sequence[str], theirs: Sequence[str]) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """Yield each stretch of words in which the two differ; touching ones are one."""
    stretch: list[int] | None = None
    for step in Levenshtein.opcodes(ours, theirs):
        first, end, start, stop = step.src_start, step.src_end, step.dest_start, step.dest_end
        if step.tag == "equal":
            if stretch is not None:
                yield ours[stretch[0] : stretch[1]], theirs[stretch[2] : stretch[3]]
            stretch = None
        elif stretch is None:
            stretch = [first, end, start, stop]
        else:
            stretch[1], stretch[3] = end, stop
    if stretch is not None:
        yield ours[stretch[0] : stretch[1]], theirs[stretch[2] : stretch[3]]


def _is_slip(one: str, other: str) -> bool:
    """Tell whether a word is the other one with a slip: a letter or two of a long word, none of a short one."""
    if one.isdecimal() or other.isdecimal():
        return False
    shorter = min(len(one), len(other))
    allowed = 0 if shorter < 4 else 1 if shorter < 8 else 2
    return OSA.distance(one, other, score_cutoff=allowed) <= allowed


def _numbers(said: Sequence[str]) -> Counter[str]:
    return Counter(word for word in said if any(letter.isdecimal() for letter in word))


def _nots(said: Sequence[str]) -> int:
    return sum(word in _NOT for word in said)


def marks(said: Said) -> list[int]:
    """Return the keys under which a remark is found by others that may repeat it, all of its stretch of time.

    They are its author's: whom nothing joins is never compared. A remark that says too little has none.
    """
    bucket = _bucket(said.at)
    return [_mark(trait, bucket) for trait in _traits(said)]


def sought(said: Said) -> list[int]:
    """Return the keys that remarks within the window may have, which this one may repeat."""
    bucket = _bucket(said.at)
    return [_mark(trait, near) for trait in _traits(said) for near in (bucket - 1, bucket, bucket + 1)]


def _traits(said: Said) -> list[str]:
    if said.author_id is None:
        return []
    told = words(said.text)
    if len(told) < _LEAST_WORDS or sum(map(len, told)) < _SHORTEST:
        return []
    found = [f"author {said.platform} {said.author_id}"]
    found += [f"contact {said.contact}"] if said.contact is not None else []
    found += [f"email {email}" for email in said.emails.split()]
    found += [f"profile {said.profile}"] if said.profile else []
    handle = names.compact(said.handle)
    found += [f"handle {handle}"] if handle else []
    for name in dict.fromkeys((names.words(said.name), names.handle_words(said.handle))):
        if len(name) > 1:
            found.append(f"name {' '.join(name)}")
    # Thousands share a first name, or a name's short form; how the text begins makes of these a rare key.
    begun = " ".join(told[:_LEAST_WORDS])
    alone, short = names.words(said.name), names.initials(said.name)
    found += [f"first {alone[0]} {begun}"] if len(alone) == 1 else []
    found += [f"short {short[0]} {short[1]} {begun}"] if short is not None else []
    return found


def _bucket(at: datetime) -> int:
    return int(at.timestamp() // WINDOW.total_seconds())


def _mark(trait: str, bucket: int) -> int:
    return key(f"{trait}\x1f{bucket}")
