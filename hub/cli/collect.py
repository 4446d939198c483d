"""Brings the catalogues in hub/locale up to date: `python -m hub.cli.collect`. Needs Babel; for developers.

What is said stands in the code and in the templates of the page; scripts say nothing of their own, they take it
from attributes of the page.
"""

from __future__ import annotations

import ast
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from hub.i18n import DOMAIN, FOLDER, LANGUAGES

Message = str | tuple[str, str]
_NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[1]
LOCALE = Path(FOLDER)
# Names that hold a template of an error until it is raised.
_TEMPLATES = frozenset({"message", "hint", "what"})
# The parts of click whose words a person meets.
_CLICK = ("core.py", "decorators.py", "exceptions.py", "formatting.py", "parser.py", "termui.py", "types.py")


def ours() -> set[Message]:
    """Return what the hub says: what is marked, and the templates and mends of errors."""
    found: set[Message] = set()
    for path in sorted(ROOT.rglob("*.py")):
        if "testing" not in path.parts and "migrations" not in path.parts:
            found.update(_of_file(path, whole=True))
    for path in sorted((ROOT / "web" / "templates").rglob("*.html")):
        found.update(_of_template(path))
    return found


def _of_template(path: Path) -> Iterator[Message]:
    # Jinja's own reader, by Babel's name for it; without the option it would pass over a template that is broken.
    with path.open("rb") as file:
        for _line, said, _comments, _context in extract(
            "jinja2", file, keywords={"_": None, "ngettext": (1, 2)}, options={"silent": "false"}
        ):
            yield said if isinstance(said, str) else (said[0], said[1])


def of_click() -> set[Message]:
    """Return what click says, at the version that is installed."""
    folder = Path(click.__file__).parent
    return {message for name in _CLICK for message in _of_file(folder / name, whole=False)}


def _of_file(path: Path, *, whole: bool) -> Iterator[Message]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield from _of_call(node, whole)
        elif whole and isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id in _TEMPLATES for target in targets):
                yield from _texts(node.value)


def _of_call(node: ast.Call, whole: bool) -> Iterator[Message]:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    first = next(_texts(node.args[0]), "") if node.args else ""
    if name in ("_", "N_"):
        yield from filter(None, [first])
    elif name == "ngettext" and len(node.args) > 1:
        many = next(_texts(node.args[1]), "")
        yield from [(first, many)] if first and many else []
    elif whole:
        # An error's template: it is raised as what it is, or by a name that stands for the kind of error.
        filled = "{" in first and bool(node.keywords) and name != "format"
        # The address of a route has braces and keywords too.
        if first and not first.startswith("/") and (name.endswith(("Error", "Outcome")) or filled):
            yield first
        for keyword in node.keywords:
            if keyword.arg == "hint":
                yield from _texts(keyword.value)


def _texts(node: ast.expr | None) -> Iterator[str]:
    """Yield the texts that an expression may be."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.strip():
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _texts(value)


def template() -> Catalog:
    """Return the catalogue without translations; what only click says is marked so."""
    catalogue = Catalog(project="crosshub", fuzzy=False, charset="utf-8")
    own, of_library = ours(), of_click()
    plurals = {message[0] for message in own | of_library if isinstance(message, tuple)}
    for message in sorted(
        own | of_library, key=lambda message: message if isinstance(message, str) else message[0]
    ):
        if isinstance(message, str) and message in plurals:
            continue
        catalogue.add(message, auto_comments=[] if message in own else ["said by click"])
    return catalogue


def written(catalogue: Catalog) -> bytes:
    """Return a catalogue as text, the same at every call: without the date and without line numbers."""
    file = io.BytesIO()
    write_po(file, catalogue, width=100, omit_header=True, no_location=True)
    return _HEADER.format(plural=_PLURALS.get(str(catalogue.locale or ""), "")).encode() + file.getvalue()


_HEADER = """\
msgid ""
msgstr ""
"Project-Id-Version: crosshub\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
{plural}
"""
_PLURALS = {
    "ru": '"Language: ru\\n"\n"Plural-Forms: nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 '
    '&& (n%100<10 || n%100>=20) ? 1 : 2);\\n"\n'
}


def catalogue_of(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def compiled(path: Path) -> bytes:
    """Return a catalogue as gettext reads it."""
    with path.open("rb") as file:
        catalogue = read_po(file, locale=path.parts[-3])
    # Babel writes the time of day there, and the same words must give the same file.
    catalogue.creation_date = catalogue.revision_date = _NO_DATE
    packed = io.BytesIO()
    write_mo(packed, catalogue)
    return packed.getvalue()


def update() -> None:
    """Write the template anew, bring each translation in line with it, and compile it."""
    fresh = template()
    LOCALE.mkdir(exist_ok=True)
    (LOCALE / f"{DOMAIN}.pot").write_bytes(written(fresh))
    for language in LANGUAGES[1:]:
        path = catalogue_of(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        known = Catalog(locale=language)
        if path.exists():
            with path.open("rb") as file:
                known = read_po(file, locale=language)
        known.update(fresh, no_fuzzy_matching=True)
        known.obsolete.clear()
        path.write_bytes(written(known))
        path.with_suffix(".mo").write_bytes(compiled(path))


if __name__ == "__main__":
    update()
