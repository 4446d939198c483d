"""Pure conversions of CardDAV: names of cards, their versions, bookmarks, and what is looked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from urllib.parse import quote

import msgspec

from hub import Contact

_PLAIN_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# What stands in a path as it is (RFC 3986).
_IN_PATH = "-._~!$&'()*+,;=:@"
# So many of the last digits are asked for; of a shorter number nothing can be said.
_TELLING = 7


class Bookmark(msgspec.Struct, frozen=True, omit_defaults=True):
    """The cursor: the server's token, or where it has none the ETags of all cards (hashed) and the book's tag."""

    book: str
    token: str = ""
    tag: str = ""
    etags: Mapping[str, str] = {}

    def as_cursor(self) -> str:
        return msgspec.json.encode(self).decode()


def bookmark(cursor: str | None) -> Bookmark | None:
    """Return the bookmark in a cursor; raises ValueError for one that is not ours."""
    return None if cursor is None else msgspec.json.decode(cursor, type=Bookmark)


def card_name(key: str) -> str:
    """Return the name under which the card of a contact of ours is created: the same at every attempt."""
    return f"{key if _PLAIN_KEY.fullmatch(key) else sha256(key.encode()).hexdigest()}.vcf"


def in_path(path: str) -> str:
    """Return a decoded path as it stands in a URL."""
    return quote(path, safe=f"/{_IN_PATH}", errors="surrogateescape")


def strong(etag: str) -> str:
    """Return an ETag as the server compares it.

    Proxies mark it as weak (nginx) or add to it (Apache) when they compress the answer; the server behind them
    knows neither.
    """
    return re.sub(r'(?:-gzip|;gzip)"\Z', '"', etag.strip().removeprefix("W/"))


def short(etag: str) -> str:
    """Return an ETag in few letters, to see that it is another."""
    return sha256(strong(etag).encode()).hexdigest()[:10]


def changed_at(header: str) -> datetime | None:
    """Return the time of a getlastmodified, None if it is none."""
    try:
        then = parsedate_to_datetime(header)
    except ValueError:
        return None
    return then.astimezone(UTC) if then.tzinfo is not None else None


def looked_for(contact: Contact) -> list[tuple[str, str, str]]:
    """Return what to ask the server for: property, how it is compared, text.

    A number is asked for by its last digits in the ways in which they are written.
    """
    wanted = [("UID", "equals", contact.key)] if contact.key else []
    wanted += [("EMAIL", "equals", email) for email in contact.emails]
    for number in contact.phones:
        if len(digits := _digits(number)) >= _TELLING:
            first, last = digits[-4:-2], digits[-2:]
            wanted += [("TEL", "contains", f"{first}{between}{last}") for between in ("", "-", " ", ".")]
    return wanted


def may_be(found: Contact, wanted: Contact) -> bool:
    """Tell whether a card has the key, an e-mail or a number of the contact that was looked for."""
    return bool(
        (wanted.key and found.key == wanted.key)
        or {email.casefold() for email in wanted.emails} & {email.casefold() for email in found.emails}
        or any(_same_number(one, other) for one in wanted.phones for other in found.phones)
    )


def _same_number(one: str, other: str) -> bool:
    """Tell whether one number may be the other with or without its country's code."""
    mine, theirs = _digits(one), _digits(other)
    length = min(len(mine), len(theirs), _TELLING + 2)
    return length >= _TELLING and mine[-length:] == theirs[-length:]


def _digits(number: str) -> str:
    return re.sub(r"\D", "", re.split(r"(?i);|ext|x", number)[0])


def chunks(names: Sequence[str], size: int) -> list[Sequence[str]]:
    return [names[place : place + size] for place in range(0, len(names), size)]
