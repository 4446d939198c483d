"""What a card says of a person, under the hub's names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from urllib.parse import unquote, urlsplit

from hub.models import Contact, clean_text
from hub.vcard import text
from hub.vcard.lines import Line

SINGLE = {"company": "ORG", "title": "TITLE", "birthday": "BDAY", "nickname": "NICKNAME", "url": "URL"}
"""The names that one property says, of which the preferred one counts."""
POSTAL = {"address": (0, 1, 2), "city": (3,), "region": (4,), "postcode": (5,), "country": (6,)}
"""The names that parts of ADR say: post-office box, further address and street are one."""
PROFILES = frozenset({"X-SOCIALPROFILE", "SOCIALPROFILE"})
# A fax or a pager is a machine, and an office's fax is everybody's: no person is known by it.
_MACHINES = frozenset({"FAX", "PAGER"})
_GROUPS = frozenset({"KIND", "X-ADDRESSBOOKSERVER-KIND"})
_NAME_PARTS = 5


def is_group(lines: Sequence[Line]) -> bool:
    """Tell whether the card is a list of other cards and no person."""
    return any(line.name in _GROUPS and line.value.strip().lower() == "group" for line in lines)


def contact(lines: Sequence[Line]) -> Contact:
    """Return the person that a card is about."""
    fields: dict[str, str | Sequence[str]] = {}
    for name, said in SINGLE.items():
        line = preferred(lines, said)
        if name != "url" and line is not None and (value := _clean(READ[name](line))):
            fields[name] = value
    postal = preferred(lines, "ADR")
    if postal is not None:
        fields |= {name: value for name in POSTAL if (value := _clean(postal_part(postal, name)))}
    if categories := _unique(categories_of(lines)):
        fields["categories"] = categories
    url = preferred(lines, "URL")
    revised = first(lines, "REV")
    uid = first(lines, "UID")
    return Contact(
        name=_clean(name_of(lines)),
        emails=_unique(email(line) for line in named(lines, "EMAIL")),
        phones=_unique(phone(line) for line in phone_lines(lines)),
        handles={platform: _clean(handle) for platform, handle, _ in reversed(handles(lines))},
        url=_clean(url_of(url)) if url is not None else "",
        fields=fields,
        key=_clean(text.unescaped(uid.value)) if uid is not None else "",
        updated_at=text.moment(revised.value) if revised is not None else None,
    )


def named(lines: Sequence[Line], name: str) -> list[Line]:
    return [line for line in lines if line.name == name and line.value.strip()]


def first(lines: Sequence[Line], name: str) -> Line | None:
    return next((line for line in lines if line.name == name and line.value.strip()), None)


def preferred(lines: Sequence[Line], name: str) -> Line | None:
    """Return the line of a name that its owner prefers, or else the first."""
    return min(named(lines, name), key=lambda line: line.preference, default=None)


def name_of(lines: Sequence[Line]) -> str:
    """Return the name: as it is shown, or put together, or what else stands for it."""
    if shown := first(lines, "FN"):
        return " ".join(text.unescaped(shown.value).split())
    if line := first(lines, "N"):
        family, given, more, prefix, suffix = (
            [text.component(part) for part in text.parts(line.value, ";")] + [""] * _NAME_PARTS
        )[:_NAME_PARTS]
        if name := " ".join(part for part in (prefix, given, more, family, suffix) if part):
            return name
    for name, read in (("NICKNAME", nickname), ("ORG", company), ("EMAIL", email)):
        if said := first(lines, name):
            return read(said)
    return ""


def email(line: Line) -> str:
    return text.unescaped(line.value).strip().removeprefix("mailto:")


def phone_lines(lines: Sequence[Line]) -> list[Line]:
    """Return the lines with a person's phone numbers."""
    return [
        line
        for line in named(lines, "TEL")
        if not line.types & _MACHINES and any(char.isdecimal() for char in line.value)
    ]


def phone(line: Line) -> str:
    value = text.unescaped(line.value).strip()
    return unquote(value[4:]) if value[:4].lower() == "tel:" else value


def same_email(value: str) -> str:
    return value.strip().casefold()


def same_phone(value: str) -> str:
    """Return what two spellings of one number share."""
    return re.sub(r"[\s().\-/\u00a0\u2010-\u2015]", "", value)


def url_of(line: Line) -> str:
    return text.unescaped(line.value).strip()


def handles(lines: Sequence[Line]) -> list[tuple[str, str, Line]]:
    """Return platform and handle of each profile, with its line."""
    found = []
    for line in lines:
        if line.name not in PROFILES:
            continue
        platform = next(iter((*line.param("SERVICE-TYPE"), *sorted(line.types - {"PREF", "HOME", "WORK"}))), "")
        if platform and (handle := _handle(line)):
            found.append((platform.strip().lower(), handle, line))
    return found


def _handle(line: Line) -> str:
    for said in (*line.param("X-USER"), *line.param("USERNAME")):
        if said.strip():
            return said.strip()
    value = text.unescaped(line.value).strip()
    if value.lower().startswith("x-apple:"):
        return unquote(value[8:]).strip()
    address = urlsplit(value) if value.startswith(("http://", "https://")) else None
    if address is None:
        return value if line.has("VALUE") else ""
    # Of a longer path nobody can tell which part is the handle.
    steps = [step for step in address.path.split("/") if step]
    return unquote(steps[0]).removeprefix("@") if len(steps) == 1 else ""


def company(line: Line) -> str:
    return text.component(text.parts(line.value, ";")[0])


def nickname(line: Line) -> str:
    return ", ".join(text.texts(line.value))


def title(line: Line) -> str:
    return " ".join(text.unescaped(line.value).split())


def birthday(line: Line) -> str:
    return text.day(text.unescaped(line.value), line.has("X-APPLE-OMIT-YEAR"))


READ: Mapping[str, Callable[[Line], str]] = {
    "company": company,
    "title": title,
    "birthday": birthday,
    "nickname": nickname,
    "url": url_of,
}


def postal_part(line: Line, name: str) -> str:
    """Return what ADR says of one of the names in `POSTAL`."""
    all_parts = text.parts(line.value, ";")
    said = [text.component(all_parts[place]) for place in POSTAL[name] if place < len(all_parts)]
    return ", ".join(part for part in said if part)


def categories_of(lines: Sequence[Line]) -> list[str]:
    return [one for line in named(lines, "CATEGORIES") for one in text.texts(line.value)]


def _clean(value: str) -> str:
    return clean_text(value).strip()


def _unique(values: Iterable[str]) -> list[str]:
    found: dict[str, str] = {}
    for value in values:
        if clean := _clean(value):
            found.setdefault(clean.casefold(), clean)
    return list(found.values())
