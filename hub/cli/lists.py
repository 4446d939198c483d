"""`hub contacts export` and `import`: people as files, one of them whole or all as a list."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from hub.cli.desk import user_of
from hub.cli.opening import open_store
from hub.cli.output import PARTLY, Output, command
from hub.cli.shapes import person_shape
from hub.contacts.files import lists, sheets
from hub.contacts.files.lists import Fate, State
from hub.contacts.files.sheets import Bad, Row
from hub.contacts.privacy import exporting
from hub.errors import UsageError
from hub.i18n import N_, _, ngettext, words_of
from hub.scheduling.hub import Hub
from hub.scheduling.keeping import replace_file
from hub.settings import Settings

_TAB = "tab"
_delimiter = click.option(
    "--delimiter", default="", metavar="SIGN", help=_("What stands between two cells: , ; | or tab.")
)
# So many wrong lines are shown to a person.
_SHOWN = 20


@command("export", help=_("Write all that is held of one person, or a list of all people."))
@click.argument("person_id", type=click.IntRange(1), metavar="[ID]", required=False)
@click.option("--all", "everybody", is_flag=True, help=_("All people, as a list."))
@click.option(
    "--format", "form", type=click.Choice(["json", "csv", "vcard"]), default="json", help=_("The form of a list.")
)
@click.option("--to", type=click.Path(path_type=Path), metavar="FILE", help=_("Write it there, not to stdout."))
@_delimiter
def export(
    out: Output, person_id: int | None, everybody: bool, form: str, to: Path | None, delimiter: str
) -> None:
    """Write one person's dossier as JSON, or everybody as a list."""
    if (person_id is None) != everybody:
        raise UsageError("name a contact, or give --all", hint="hub contacts export 12")
    if person_id is not None and form != "json":
        raise UsageError(
            "all that is held of one person fits into JSON alone",
            hint="hub contacts export {id} --format json",
            id=person_id,
        )
    with open_store(out) as hub:
        if person_id is not None:
            text = exporting.everything(hub.store, person_id, hub.clock()).encoded().decode()
        else:
            text = _list(hub, form, _sign(delimiter) or ",")
    if to is not None:
        replace_file(to, text)
        out.line(_("Written to {file}.").format(file=to))
        out.done({"file": str(to)})
    elif out.json:
        out.done({"dossier": json.loads(text)} if person_id is not None else {"list": text})
    else:
        # A file comes out as it is: a terminal's safety would change what is held.
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()


def _list(hub: Hub, form: str, delimiter: str) -> str:
    people = lists.everybody(hub.store)
    if form == "csv":
        return lists.as_csv(people, delimiter)
    if form == "vcard":
        return lists.as_vcards(people)
    return json.dumps(
        {"contacts": [{**person_shape(person), "values": dict(person.values)} for person in people]},
        ensure_ascii=False,
        indent=2,
    )


@command("import", help=_("Take in a list of people: CSV or vCard."))
@click.argument("path", type=click.Path(path_type=Path), metavar="FILE")
@click.option(
    "--column", "columns", multiple=True, metavar="NAME=FIELD", help=_("What a column is; - leaves it out.")
)
@click.option("--encoding", default="", metavar="NAME", help=_("How the file is written, if it is not found."))
@_delimiter
@click.option("--dry-run", is_flag=True, help=_("Only say what would become of each line."))
@click.option("--skip-bad", is_flag=True, help=_("Take in the rest where lines are wrong."))
@click.option("--as", "name", metavar="USER", help=_("The user who does it; without it, you at this machine."))
def import_list(
    out: Output,
    path: Path,
    columns: Sequence[str],
    encoding: str,
    delimiter: str,
    dry_run: bool,
    skip_bad: bool,
    name: str | None,
) -> None:
    """Take in a list whole, or nothing of it if a line is wrong."""
    with open_store(out) as hub:
        rows, bad = _read(path, hub.settings, _fields(columns), encoding, _sign(delimiter))
        _tell(out, bad)
        if bad and not (skip_bad or dry_run):
            raise UsageError(
                "nothing of {file} was taken in: {count} of its cells or lines are wrong",
                hint="mend them, or give --skip-bad to take in the rest",
                count=len(bad),
                file=path,
            )
        if dry_run:
            fates = lists.foresee(hub.store, hub.settings, hub.tombstones, rows)
        else:
            by = user_of(hub, name)
            fates = lists.take_in(hub.store, hub.settings, hub.tombstones, rows, by, hub.clock())
    _report(out, fates, dry_run)
    shape = {
        "dry_run": dry_run,
        "counts": dict(Counter(fate.state for fate in fates)),
        "lines": [{"line": fate.row.number, "state": fate.state, "contact": fate.person} for fate in fates],
        "bad": [{"line": each.number, "column": each.column, "why": words_of(each.error)[0]} for each in bad],
    }
    out.done(shape, PARTLY if bad else 0)


def _read(
    path: Path, settings: Settings, fields: Mapping[str, str], encoding: str, delimiter: str
) -> tuple[Sequence[Row], Sequence[Bad]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError("{file} cannot be read: {why}", file=path, why=error) from None
    if path.suffix.lower() in (".vcf", ".vcard") or content.lstrip()[:11].upper() == b"BEGIN:VCARD":
        return lists.read_vcards(content)
    region = settings.contacts.region
    sheet = sheets.read(content, fields=fields, encoding=encoding, delimiter=delimiter, region=region)
    return sheet.rows, sheet.bad


def _fields(columns: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in columns:
        name, sign, field = each.rpartition("=")
        if not sign or not name.strip() or not field.strip():
            raise UsageError(
                "{given} says of no column what it is",
                hint="write NAME=FIELD, as in --column Mail=emails",
                given=repr(each),
            )
        found[name.strip()] = field.strip()
    return found


def _sign(delimiter: str) -> str:
    sign = "\t" if delimiter == _TAB else delimiter
    if len(sign) > 1:
        raise UsageError("a delimiter is one sign, not {given}", hint="as in --delimiter ;", given=repr(delimiter))
    return sign


def _tell(out: Output, bad: Sequence[Bad]) -> None:
    for each in bad[:_SHOWN]:
        why, hint = words_of(each.error)
        where = _("Line {line}, {column}").format(line=each.number, column=each.column)
        if not each.column:
            where = _("Line {line}").format(line=each.number)
        out.say(f"{where}: {why}" + (f" ({hint})" if hint else ""))
    if len(bad) > _SHOWN:
        more = len(bad) - _SHOWN
        out.say(ngettext("and {count} more", "and {count} more", more).format(count=more))


_STATES: Mapping[State, str] = {
    "new": N_("new people"),
    "known": N_("people who are known, with something new"),
    "same": N_("people who are held as they are in the list"),
    "erased": N_("people who were erased, and are left out"),
}


def _report(out: Output, fates: Sequence[Fate], dry_run: bool) -> None:
    counts: Counter[Any] = Counter(fate.state for fate in fates)
    out.table(
        (_("How many"), _("What would come in") if dry_run else _("What came in")),
        [(counts[state], _(what)) for state, what in _STATES.items()],
    )
