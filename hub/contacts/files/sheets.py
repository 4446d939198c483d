"""Reads and writes lists of people as CSV: any delimiter and encoding in, cells that no spreadsheet runs out."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from hub.errors import UsageError
from hub.i18n import N_
from hub.models import check_text
from hub.store.people.keys import EMAILS, HANDLES, PHONES, URL, normal

Values = Mapping[str, "str | Sequence[str]"]

# What a spreadsheet takes for the beginning of a formula, in full width too, and what it skips before one.
_RUNS = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")
_BOM = "\ufeff"
_DELIMITERS = (",", ";", "\t", "|")
_MOST = 10_000
LISTS = (EMAILS, PHONES)
_MARK = "[]"
LEFT_OUT = "-"
"""The field of a column that is not taken in."""

_NAMES: Mapping[str, str] = {
    **dict.fromkeys(("name", "full name", "display name", "contact", "фио", "контакт", "полное имя"), "name"),
    **dict.fromkeys(("first name", "given name", "имя"), "given"),
    **dict.fromkeys(("last name", "family name", "surname", "фамилия"), "family"),
    **dict.fromkeys(("email", "emails", "e mail", "e mails", "mail", "email address", "e mail address"), EMAILS),
    **dict.fromkeys(
        ("почта", "электронная почта", "эл почта", "имейл", "емейл", "адрес электронной почты"), EMAILS
    ),
    **dict.fromkeys(("phone", "phones", "mobile", "tel", "phone number", "mobile phone", "телефон"), PHONES),
    **dict.fromkeys(("телефоны", "тел", "мобильный", "мобильный телефон", "номер телефона"), PHONES),
    **dict.fromkeys(("url", "site", "website", "web", "сайт", "ссылка"), URL),
    **dict.fromkeys(("company", "organization", "organisation", "компания", "организация"), "company"),
    **dict.fromkeys(("title", "job title", "position", "должность"), "title"),
    **dict.fromkeys(("birthday", "birth date", "день рождения", "дата рождения"), "birthday"),
    **dict.fromkeys(("address", "street", "адрес"), "address"),
    **dict.fromkeys(("city", "город"), "city"),
    **dict.fromkeys(("region", "state", "регион", "область"), "region"),
    **dict.fromkeys(("postcode", "zip", "postal code", "индекс", "почтовый индекс"), "postcode"),
    **dict.fromkeys(("country", "страна"), "country"),
    **dict.fromkeys(("nickname", "прозвище"), "nickname"),
    "id": LEFT_OUT,
}


class Row(NamedTuple):
    """One person of a list; `number` is the line that they begin in."""

    number: int
    values: Values


class Bad(NamedTuple):
    """A line that cannot be taken in, the column that is wrong ("" for the line), and why."""

    number: int
    column: str
    error: UsageError


class Sheet(NamedTuple):
    """What a file holds. `columns` says which field each of its columns is."""

    encoding: str
    delimiter: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[Row]
    bad: Sequence[Bad]


def read(
    content: bytes,
    *,
    fields: Mapping[str, str] | None = None,
    encoding: str = "",
    delimiter: str = "",
    region: str = "",
) -> Sheet:
    """Read a list of people; its first line names the columns.

    `fields` says what a column is, by its name, beyond what is known ("-" leaves it out). Encoding and delimiter
    are found if they are not given: UTF-8 and UTF-16 by their marks, UTF-8 without one, else Windows-1251.
    `region` is the country of phone numbers that are written without one. A column nobody knows is a field of its
    own name. Raises `UsageError` for what makes the whole file unusable.
    """
    text, known = _decoded(content, encoding)
    sign = delimiter or _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sign, strict=True)
    rows: list[Row] = []
    bad: list[Bad] = []
    try:
        header = next(reader, [])
        columns = _columns(header, fields or {})
        start = reader.line_num + 1
        for cells in reader:
            number, start = start, reader.line_num + 1
            if any(cell.strip() for cell in cells):
                found = _row(number, cells, columns, region)
                if isinstance(found, Row):
                    rows.append(found)
                else:
                    bad += found
    except csv.Error as error:
        raise UsageError(
            "line {line} of the list cannot be read: {why}",
            hint="a cell that holds a quotation mark must stand in quotation marks, with that one doubled",
            line=reader.line_num,
            why=error,
        ) from None
    return Sheet(known, sign, columns, rows, bad)


def _decoded(content: bytes, encoding: str) -> tuple[str, str]:
    guesses = [encoding] if encoding else ["utf-8-sig", "cp1251"]
    if not encoding and content.startswith((b"\xff\xfe", b"\xfe\xff")):
        guesses = ["utf-16"]
    for guess in guesses:
        try:
            return content.decode(guess).removeprefix(_BOM), guess
        except UnicodeDecodeError:
            continue
        except LookupError:
            break
    raise UsageError(
        "the list is not written in {encoding}",
        hint="name its encoding, as in --encoding cp1251, or save it as UTF-8",
        encoding=" / ".join(guesses),
    )


def _delimiter(text: str) -> str:
    """Return what stands most often between the names of the columns."""
    header = re.sub(r'"[^"]*"', "", text.lstrip().partition("\n")[0])
    return max(_DELIMITERS, key=header.count)


def _columns(header: Sequence[str], fields: Mapping[str, str]) -> list[tuple[str, str]]:
    if not any(name.strip() for name in header):
        raise UsageError(
            "the list is empty", hint="its first line must name the columns, such as name,email,phone"
        )
    unknown = sorted(set(fields) - {name.strip() for name in header})
    if unknown:
        raise UsageError(
            "the list has no column {column}",
            hint="its columns are {columns}",
            column=unknown[0],
            columns=", ".join(header),
        )
    columns = [(name.strip(), fields.get(name.strip()) or _field(name)) for name in header]
    twice = Counter(field for _, field in columns if field not in (*LISTS, LEFT_OUT))
    for field, times in twice.items():
        if times > 1:
            raise UsageError(
                "{count} columns of the list are {field}: {columns}",
                hint="leave one out: --column {column}=-",
                count=times,
                field=field,
                columns=", ".join(name for name, each in columns if each == field),
                column=next(name for name, each in reversed(columns) if each == field),
            )
    return columns


def _field(name: str) -> str:
    """Say what a column is by its name; the number and `Value` that address books write behind it say nothing."""
    plain = re.sub(r"[\W\d_]+", " ", name.casefold()).strip()
    if not plain or plain.endswith((" type", " label")):
        return LEFT_OUT
    return _NAMES.get(plain.removesuffix(" value"), name.strip().removesuffix(_MARK).strip())


def _row(number: int, cells: Sequence[str], columns: Sequence[tuple[str, str]], region: str) -> Row | list[Bad]:
    bad: list[Bad] = []
    values: dict[str, str | list[str]] = {}
    if len(cells) > len(columns):
        error = UsageError(
            "it has {cells} cells, and there are {columns} columns",
            hint="a cell with the delimiter in it must stand in quotation marks",
            cells=len(cells),
            columns=len(columns),
        )
        return [Bad(number, "", error)]
    for (name, field), cell in zip(columns, cells, strict=False):
        said = _unquoted(cell).strip()
        wrong = _wrong(field, said, region) if said and field != LEFT_OUT else None
        if wrong is not None:
            bad.append(Bad(number, name, wrong))
        elif said and field in LISTS:
            listed = values.setdefault(field, [])
            assert isinstance(listed, list)
            listed += _parts(said)
        elif said and field != LEFT_OUT:
            values[field] = [part for part in said.split("\n") if part] if name.endswith(_MARK) else said
    named = _named(values)
    if not bad and not any(named.get(field) for field in ("name", *LISTS)) and not _handles(named):
        error = UsageError(
            "it says of nobody who they are", hint="a line needs a name, an e-mail or a phone number"
        )
        bad.append(Bad(number, "", error))
    return bad or Row(number, named)


def _handles(values: Values) -> bool:
    return any(field.startswith(HANDLES) for field in values)


def _named(values: dict[str, str | list[str]]) -> Values:
    """Put a name of the parts that a list may have it in."""
    parts = [values.pop(part, "") for part in ("given", "family")]
    whole = " ".join(part for part in parts if isinstance(part, str) and part)
    return {**({"name": whole} if whole else {}), **values}


def _parts(cell: str) -> list[str]:
    return [part.strip() for part in re.split(r"[;,\n]", cell) if part.strip()]


_WHAT = {EMAILS: N_("an e-mail address"), PHONES: N_("a phone number")}


def _wrong(field: str, cell: str, region: str) -> UsageError | None:
    """Return what is wrong with a cell."""
    try:
        check_text("a cell", cell)
    except ValueError:
        return UsageError(
            "it holds a character that no database keeps", hint="take out what is not readable there"
        )
    if len(cell) > _MOST:
        return UsageError("it is longer than {most} characters", hint="shorten it", most=_MOST)
    for part in _parts(cell) if field in LISTS else ():
        if not normal(field, part, region):
            hint = N_("mend it, or leave the cell empty")
            if field == PHONES and not region and not part.startswith("+"):
                hint = N_("write it with its country, as +7 912 …, or set region in [contacts]")
            return UsageError("{value} is not {what}", hint=hint, value=repr(part), what=_WHAT[field])
    return None


def _unquoted(cell: str) -> str:
    """Take back the mark that `_safe` puts before what a spreadsheet would run."""
    return cell[1:] if cell.startswith("'") and _RUNS.match(cell) else cell


def _safe(cell: str) -> str:
    """Mark a cell that a spreadsheet would run, so that reading it gives back what it was."""
    return f"'{cell}" if _RUNS.match(cell) else cell


def write(people: Iterable[tuple[int, Values]], delimiter: str = ",") -> str:
    """Write people, by number, as a list that `read` reads back: in UTF-8 with its mark, every cell in quotes.

    Elements of a list stand in one cell, each on a line of its own; a column of a list ends with [].
    """
    held = [(number, dict(values)) for number, values in people]
    names = {field: isinstance(value, str) for _, values in held for field, value in values.items()}
    firsts = ["name", EMAILS, PHONES, URL]
    fields = [*firsts, *sorted(field for field in names if field not in firsts)]
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    marked = [field if field in firsts or names[field] else field + _MARK for field in fields]
    writer.writerow(["id", *map(_safe, marked)])
    for number, values in held:
        writer.writerow([str(number), *(_safe(_cell(values.get(field, ""))) for field in fields)])
    return _BOM + out.getvalue()


def _cell(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else "\n".join(" ".join(each.split()) for each in value)
