"""Says which names and handles may be one person's: spelt in another alphabet, in another order, as a handle."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_CYRILLIC = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґў",
        "a b v g d e e z z i i k l m n o p r s t u f h c c s s _ i _ e u a i i e g u".replace("_", "").split(" "),
        strict=True,
    )
)
# Ways to write one sound in Latin letters, to a coarse form of it; repeated until nothing is left of them.
_SOUNDS = (
    (re.compile(r"shch|sch|sh"), "s"),
    (re.compile(r"zh"), "z"),
    (re.compile(r"kh"), "h"),
    (re.compile(r"tch|ch|ts|tz"), "c"),
    (re.compile(r"x"), "ks"),
    (re.compile(r"ph"), "f"),
    (re.compile(r"w"), "v"),
    (re.compile(r"(?:yo|jo)"), "e"),
    (re.compile(r"(?:yu|ju|iu)"), "u"),
    (re.compile(r"(?:ya|ja|ia)"), "a"),
    (re.compile(r"(?:ye|je|ie)"), "e"),
    (re.compile(r"[yj]"), "i"),
    (re.compile(r"(.)\1+"), r"\1"),
)
_WORD = re.compile(r"[^\W\d_]+")
_PART = re.compile(r"[^\W_]+")


@lru_cache(maxsize=4096)
def sound(word: str) -> str:
    """Reduce one word of a name to how it sounds, the same for Юлия, Yulia and Julia."""
    letters = unicodedata.normalize("NFKD", word.casefold().replace("й", "i").replace("ё", "e"))
    made = "".join(_CYRILLIC.get(letter, letter) for letter in letters if not unicodedata.combining(letter))
    while True:
        before = made
        for pattern, plain in _SOUNDS:
            made = pattern.sub(plain, made)
        if made == before:
            return made


def words(name: str) -> tuple[str, ...]:
    """Return a name's words by their sound, in the order of the alphabet; initials are left out."""
    return tuple(sorted(sound(word) for word in _WORD.findall(name) if len(word) > 1))


def initials(name: str) -> tuple[str, str] | None:
    """Return the first word's sound and the first sound of the second, for «Анна С.» and «Анна Смирнова»."""
    found = _WORD.findall(name)
    if len(found) != 2 or len(found[0]) < 2:
        return None
    return sound(found[0]), sound(found[1])[:1]


def plain_handle(handle: str) -> str:
    """Return a handle without what its network adds: the @, the host of a server, the domain of a service."""
    name = handle.strip().lstrip("@").partition("@")[0].casefold()
    labels = name.split(".")
    # a.example.social: the person's own part is the first; vera.li is a handle as a whole.
    return labels[0] if len(labels) > 2 and len(labels[-1]) > 1 else name


def compact(handle: str) -> str:
    """Return a handle's letters and digits alone."""
    return "".join(_PART.findall(plain_handle(handle)))


def handle_words(handle: str) -> tuple[str, ...]:
    """Return a handle's words by their sound, as `words` does for a name."""
    return tuple(
        sorted(sound(word) for word in _WORD.findall(plain_handle(handle).replace("_", " ")) if len(word) > 1)
    )
