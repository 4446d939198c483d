"""Adds what happened with a person to the NOTE of their card, once."""

from __future__ import annotations

from hashlib import sha256

from hub.vcard import reading, text
from hub.vcard.lines import made
from hub.vcard.writing import Card

# The keys of what was added, in a property of our own: the newest of them, in short.
_MARKS = "X-CROSSHUB-NOTES"
_MOST = 200


def note(card: Card, key: str, said: str) -> bool:
    """Append a note; tell whether it was not there yet, by its key or, where a program dropped that, its words."""
    mark = sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    marks = reading.first(card.lines, _MARKS)
    known = marks.value.split(",") if marks is not None else []
    line = reading.first(card.lines, "NOTE")
    before = text.unescaped(line.value) if line is not None else ""
    if mark in known or f"\n{said}\n" in f"\n{before}\n":
        return False
    value = text.escaped(f"{before}\n{said}" if before.strip() else said)
    if line is None:
        card.add(made("NOTE", value))
    else:
        card.replace(line, value)
    value = ",".join([*known, mark][-_MOST:])
    if marks is None:
        card.add(made(_MARKS, value))
    else:
        card.replace(marks, value)
    return True
