"""Changes what the hub knows of a person in a card, and leaves every other line of it as it stood."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote

from hub.models import Contact
from hub.vcard import reading, text
from hub.vcard.lines import Line, Params, made, quoted_printable, with_bare_ends

# What says how the old value was written, and would be wrong of a new one.
_OF_THE_VALUE = frozenset({"ENCODING", "CHARSET", "VALUE", "X-APPLE-OMIT-YEAR", "CALSCALE", "LABEL"})
_OF_A_PROFILE = frozenset({"X-USER", "USERNAME"})
_PARTS = {"N": 5, "ADR": 7}
# Apple's labels stand on lines of their own, in the group of what they label.
_LABELS = "X-AB"


class Card:
    """The lines of one card while they are changed."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = list(lines)
        said = reading.first(self.lines, "VERSION")
        self.version = said.value.strip() if said is not None else "3.0"
        self._bare_ends = bool(lines) and not any("\r\n" in line.raw for line in lines)

    def __str__(self) -> str:
        return "".join(line.raw for line in self.lines)

    def set(self, contact: Contact, name: str) -> None:
        """Let the card say of one name what the contact says; what is empty is emptied."""
        if name == "name":
            self._set_name(" ".join(contact.name.split()))
        elif name == "emails":
            params: Params = (("TYPE", ("INTERNET",)),) if self.version < "4" else ()
            held = reading.named(self.lines, "EMAIL")
            self._set_all("EMAIL", contact.emails, held, reading.email, reading.same_email, params)
        elif name == "phones":
            held = reading.phone_lines(self.lines)
            self._set_all("TEL", contact.phones, held, reading.phone, reading.same_phone)
        elif name == "handles":
            self._set_handles(contact.handles)
        elif name == "categories":
            self._set_categories(_many(contact.fields.get(name, ())))
        elif name in reading.POSTAL:
            self._set_postal(name, ", ".join(_many(contact.fields.get(name, ""))))
        elif name in reading.SINGLE:
            said = contact.url if name == "url" else ", ".join(_many(contact.fields.get(name, "")))
            self._set_single(name, said.strip())

    def add(self, line: Line, after: str = "") -> None:
        """Add a line behind the last of a name, or at the end."""
        self._insert(self._fitting(line), after)

    def replace(self, line: Line, value: str, more: Params = ()) -> None:
        """Give a line another value (escaped); how it is labelled stays."""
        dropped = (
            _OF_THE_VALUE
            | {name for name, _ in more}
            | (_OF_A_PROFILE if line.name in reading.PROFILES else set())
        )
        kept = [one for one in line.params if one[0].upper() not in dropped]
        fresh = made(line.name, value, group=line.group, params=[*kept, *more])
        self.lines[self.lines.index(line)] = self._fitting(fresh)

    def remove(self, line: Line) -> None:
        """Take a line out, with the labels that only it had."""
        self.lines.remove(line)
        mates = [one for one in self.lines if one.group and one.group.upper() == line.group.upper()]
        if all(one.name.startswith(_LABELS) for one in mates):
            self.lines = [one for one in self.lines if one not in mates]

    def _fitting(self, line: Line) -> Line:
        if self.version < "3":
            line = quoted_printable(line)
        return with_bare_ends(line) if self._bare_ends else line

    def _set_name(self, name: str) -> None:
        if reading.name_of(self.lines) == name:
            return
        shown, structured = reading.first(self.lines, "FN"), reading.first(self.lines, "N")
        old = _padded(structured.value if structured is not None else "", "N")
        value = ";".join(_name_parts(name, old))
        if structured is not None:
            self.replace(structured, value)
        elif self.version < "4":
            self.add(made("N", value), after="FN" if shown is not None else "VERSION")
        if shown is not None:
            self.replace(shown, text.escaped(name))
        else:
            self.add(made("FN", text.escaped(name)), after="VERSION")

    def _set_single(self, name: str, value: str) -> None:
        said = reading.SINGLE[name]
        line = reading.preferred(self.lines, said)
        if (reading.READ[name](line) if line is not None else "") == value:
            return
        written, more = self._written(name, value, line)
        if line is None:
            self.add(made(said, written, params=more))
        else:
            self._only_version_of(line)
            if written.strip(";"):
                self.replace(line, written, more)
            else:
                self.remove(line)

    def _written(self, name: str, value: str, line: Line | None) -> tuple[str, Params]:
        """Return the value of a property, escaped, and the parameters that say how it is written."""
        if name == "company":
            # The departments behind it are another matter.
            rest = text.parts(line.value, ";")[1:] if line is not None else []
            return ";".join([text.escaped(value), *rest]), ()
        if name == "nickname":
            return text.joined((one.strip() for one in value.split(",") if one.strip()), ","), ()
        if name == "url":
            return "".join(value.split()), ()
        if name == "birthday" and value:
            return self._written_day(value)
        return text.escaped(value), ()

    def _written_day(self, value: str) -> tuple[str, Params]:
        if not text.is_day(value):
            return text.escaped(value), (("VALUE", ("text",)),)
        is_whole = value.startswith("--") or len(value) > len("1980-04")
        if self.version >= "4":
            # 4.0 has no dashes in a whole date, and two for the year that is not said.
            bare = value.removeprefix("--").replace("-", "")
            return (f"--{bare}" if value.startswith("--") else bare) if is_whole else value, ()
        if value.startswith("--"):
            year = text.OMITTED_YEAR
            return f"{year}{value[1:]}", (("X-APPLE-OMIT-YEAR", (year,)), ("VALUE", ("date",)))
        return value, () if is_whole else (("VALUE", ("text",)),)

    def _only_version_of(self, line: Line) -> None:
        """Remove the other ways in which the card says the same (ALTID): they would say the old value."""
        same = line.param("ALTID")
        for other in [one for one in self.lines if same and one.name == line.name and one.param("ALTID") == same]:
            if other != line:
                self.lines.remove(other)

    def _set_postal(self, name: str, value: str) -> None:
        line = reading.preferred(self.lines, "ADR")
        if (reading.postal_part(line, name) if line is not None else "") == value:
            return
        whole = _padded(line.value if line is not None else "", "ADR")
        for place in reading.POSTAL[name]:
            whole[place] = ""
        whole[reading.POSTAL[name][-1]] = text.escaped(value)
        if line is None:
            self.add(made("ADR", ";".join(whole)))
        elif any(whole):
            self.replace(line, ";".join(whole))
        else:
            self.remove(line)

    def _set_categories(self, values: Sequence[str]) -> None:
        if reading.categories_of(self.lines) == list(values):
            return
        held = reading.named(self.lines, "CATEGORIES")
        if values and held:
            self.replace(held[0], text.joined(values, ","))
        elif values:
            self.add(made("CATEGORIES", text.joined(values, ",")))
        for line in held[1:] if values else held:
            self.remove(line)

    def _set_handles(self, handles: Mapping[str, str]) -> None:
        wanted = {platform.lower(): handle for platform, handle in handles.items() if handle}
        held: dict[str, tuple[str, Line]] = {}
        for platform, handle, line in reading.handles(self.lines):
            if platform not in wanted:
                self.remove(line)
            held.setdefault(platform, (handle, line))
        for platform, handle in wanted.items():
            value = f"x-apple:{quote(handle, safe='')}"
            user = ("X-USER", (handle,))
            if platform not in held:
                self.add(made("X-SOCIALPROFILE", value, params=[("TYPE", (platform,)), user]), "X-SOCIALPROFILE")
            elif held[platform][0] != handle:
                self.replace(held[platform][1], value, (user,))

    def _set_all(
        self,
        name: str,
        values: Sequence[str],
        held: Sequence[Line],
        read: Callable[[Line], str],
        same: Callable[[str], str],
        params: Params = (),
    ) -> None:
        """Let the lines of a name say these values, in their order; a line whose value stays, stays as it is."""
        known: dict[str, list[Line]] = {}
        for line in held:
            known.setdefault(same(read(line)), []).append(line)
        wanted: list[Line] = []
        for value in dict.fromkeys(one.strip() for one in values if one.strip()):
            fresh = [self._fitting(made(name, text.escaped(value), params=params))]
            wanted += known.pop(same(value), fresh)
        if wanted == list(held):
            return
        for line in (line for lines in known.values() for line in lines):
            self.remove(line)
        places = [place for place, one in enumerate(self.lines) if one in held]
        for place, line in zip(places, wanted, strict=False):
            self.lines[place] = line
        for line in wanted[len(places) :]:
            self._insert(line, name)

    def _insert(self, line: Line, after: str) -> None:
        places = [place for place, one in enumerate(self.lines) if one.name == after]
        end = next((place for place, one in enumerate(self.lines) if one.name == "END"), len(self.lines))
        self.lines.insert(places[-1] + 1 if places else end, line)


def _many(said: str | Sequence[str]) -> list[str]:
    return [one.strip() for one in ([said] if isinstance(said, str) else said) if one.strip()]


def _padded(value: str, name: str) -> list[str]:
    found = text.parts(value, ";")
    return found + [""] * (_PARTS[name] - len(found))


def _name_parts(name: str, old: Sequence[str]) -> list[str]:
    """Part a name into family, given, further names, prefix and suffix, escaped; `old` is how it was parted.

    A family name that stays is found at either end. Otherwise the last word is taken for it, since a name alone
    does not tell.
    """
    words = name.split()
    known = [text.component(part).replace(",", " ").split() for part in old]
    family, _, more, prefix, suffix = known[: _PARTS["N"]]
    kept = [list[str]() for _ in range(_PARTS["N"])]
    if prefix and words[: len(prefix)] == prefix:
        kept[3], words = prefix, words[len(prefix) :]
    if suffix and words[-len(suffix) :] == suffix:
        kept[4], words = suffix, words[: -len(suffix)]
    if family and len(words) > len(family) and words[-len(family) :] == family:
        kept[0], words = family, words[: -len(family)]
    elif family and len(words) > len(family) and words[: len(family)] == family:
        kept[0], words = family, words[len(family) :]
    elif len(words) > 1:
        kept[0], words = words[-1:], words[:-1]
    if more and len(words) > len(more) and words[-len(more) :] == more:
        kept[2], words = more, words[: -len(more)]
    kept[1] = words
    # What stays is kept as it was escaped: a list in it is one still.
    return [
        old[place] if part and part == known[place] else text.escaped(" ".join(part))
        for place, part in enumerate(kept)
    ]
