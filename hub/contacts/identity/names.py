"""Tells whether two names can be one person's: in either alphabet, short or whole, in any order."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from rapidfuzz.distance import OSA

from hub.contacts.identity.given import GROUPS

Likeness = Literal["same", "alike", "unknown", "other"]
"""How two names stand: the whole name agrees, what is there agrees, nothing can be said, or they contradict."""

_SOUNDS = dict(zip("абвгдеёзийклмнопрстуфыэіїєґў", "abvgdeeziiklmnoprstufieiiegu", strict=True))
_SOUNDS |= {"ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sch", "ъ": "", "ь": ""}
_SOUNDS |= {"ю": "yu", "я": "ya"}
# What is spelt in many ways becomes one; the order matters.
_SPELLINGS = (
    (re.compile(r"shch|sch|shh"), "S"),
    (re.compile(r"tch|ch"), "C"),
    (re.compile(r"sh"), "S"),
    (re.compile(r"zh"), "Z"),
    (re.compile(r"kh"), "h"),
    (re.compile(r"ph"), "f"),
    (re.compile(r"th"), "t"),
    (re.compile(r"tz|ts|cz"), "c"),
    (re.compile(r"ck|q"), "k"),
    (re.compile(r"ks|cs"), "x"),
    (re.compile(r"c(?=[aou]|$)"), "k"),
    (re.compile(r"w"), "v"),
    (re.compile(r"(?<=.)[yji]+(?=[aeou])"), ""),
    (re.compile(r"y|(?<=.)j"), "i"),
    (re.compile(r"(.)\1+"), r"\1"),
)
_WORD = re.compile(r"[^\W\d_]+(?:['’`][^\W\d_]+)?")
_PATRONYMIC = re.compile(
    r"(?:ович|евич|ич|овна|евна|ична|инична|оглы|кызы|ovich|evich|ovna|evna|ichna|ovych|yvich)$"
)
_TITLES = frozenset(
    ("mr", "mrs", "ms", "miss", "dr", "prof", "sir", "jr", "sr", "phd", "mba", "г", "господин", "госпожа")
)
_FIRMS = frozenset(
    (
        *("ооо", "оао", "зао", "пао", "ао", "ип", "тоо", "чп", "фирма", "компания"),
        *("llc", "ltd", "inc", "gmbh", "ag", "corp", "co", "company", "plc", "srl", "spa"),
    )
)
# A surname's ending for a woman, and for a man of the same family: Ivanova and Ivanov are two people.
_FEMALE = re.compile(r"(?:ov|ev|in)a$|(?:skaa|skaia|ska|caa|naa)$")
_CLOSE = 5


class Name(NamedTuple):
    """A name as it is compared: how its words sound, and which first names are among them, by their group."""

    words: tuple[str, ...]
    given: frozenset[int]
    firm: bool


def compare(one: str, other: str) -> Likeness:
    """Tell how two names stand.

    "same" needs a first name and a surname on both sides. Spellings, transliterations, short forms and the order
    do not count; a patronymic or an initial agrees with what begins so. Ivanova is not Ivanov.
    """
    ours, theirs = read(one), read(other)
    if not ours.words or not theirs.words or ours.firm or theirs.firm:
        same = ours.words == theirs.words and bool(ours.words)
        return "alike" if same else "unknown"
    short, long = sorted((ours, theirs), key=lambda name: len(name.words))
    left = list(long.words)
    met = 0
    whole = 0
    for word in short.words:
        found = next((seen for seen in left if _agree(word, seen)), None)
        if found is not None:
            left.remove(found)
            met += 1
            whole += min(len(word), len(found)) > 1
    if met == len(short.words):
        if whole >= 2:
            return "same"
        # One word in common: a first name says something, a surname alone only the family.
        return "alike" if whole and (ours.given & theirs.given or len(long.words) == 1) else "unknown"
    if ours.given and theirs.given and not ours.given & theirs.given:
        return "other"
    if ours.given & theirs.given:
        # The same first name with another surname: married, or another person.
        return "unknown"
    if len(short.words) >= 2:
        return "other"
    return "unknown"


@lru_cache(maxsize=65536)
def read(name: str) -> Name:
    """Take a name apart."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    words = [word for word in _WORD.findall(plain) if word not in _TITLES]
    firm = any(word in _FIRMS for word in words)
    if len(words) > 2:
        words = [word for word in words if not _PATRONYMIC.search(word)] or words
    sounds = tuple(sound(word) for word in words[:6])
    kin = frozenset(group for each in sounds for group in _KIN.get(each, ()))
    return Name(tuple(each for each in sounds if each), kin, firm)


@lru_cache(maxsize=65536)
def sound(word: str) -> str:
    """Return a word as it sounds, in Latin letters, spelt in one way."""
    plain = "".join(_SOUNDS.get(sign, sign) for sign in word)
    plain = "".join(sign for sign in unicodedata.normalize("NFD", plain) if sign.isalpha())
    for pattern, spelling in _SPELLINGS:
        plain = pattern.sub(spelling, plain)
    return plain


def _agree(one: str, other: str) -> bool:
    if one == other:
        return True
    if len(one) == 1 or len(other) == 1:
        return one[0] == other[0]
    kin = _KIN.get(one)
    if kin and kin & _KIN.get(other, frozenset()):
        return True
    if bool(_FEMALE.search(one)) != bool(_FEMALE.search(other)):
        return False
    if kin or other in _KIN:
        return False
    # A slip of the finger in a long word.
    return min(len(one), len(other)) >= _CLOSE and OSA.distance(one, other, score_cutoff=1) <= 1


def _kin(groups: Sequence[str]) -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for number, group in enumerate(groups):
        for name in group.split():
            found.setdefault(sound(name), set()).add(number)
    return {name: frozenset(numbers) for name, numbers in found.items()}


_KIN = _kin(GROUPS)
