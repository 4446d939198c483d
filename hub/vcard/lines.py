"""The lines of a vCard: what each says, and how it stood, so that what nobody changes is written as it was."""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

# One line as the file has it, with its ending. Not str.splitlines(): that ends lines at U+2028 and others too.
_PHYSICAL = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_QUOTED_PRINTABLE = re.compile(r"[^:]*;(?:ENCODING=)?\"?QUOTED-PRINTABLE", re.IGNORECASE)
_BASE64 = re.compile(r"[^:]*;(?:ENCODING=)?(?:BASE64|B)[;:]", re.IGNORECASE)
_BASE64_TEXT = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_ENCODINGS = frozenset({"QUOTED-PRINTABLE", "BASE64", "B", "7BIT", "8BIT"})
# RFC 6868: how a parameter says a line break, a quote and the caret itself.
_CARETS = {"^n": "\n", "^N": "\n", "^'": '"', "^^": "^"}
_CARET = re.compile(r"\^[nN'^]")
# What no vCard may hold, nor the XML that carries it.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_WIDTH = 75

Params = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One property as a card has it.

    `raw` is its text with folds and line ends. `name` is upper case, `group` and `params` are spelled as they
    were; a bare word among these, as vCard 2.1 has them, is a TYPE. `value` is unfolded and decoded, and still
    escaped.
    """

    raw: str
    name: str = ""
    group: str = ""
    params: Params = ()
    value: str = ""

    def param(self, name: str) -> tuple[str, ...]:
        """Return all values of a parameter, of which there may be several."""
        if not self.params:
            return ()
        return tuple(value for key, values in self.params for value in values if key.upper() == name)

    def has(self, name: str) -> bool:
        """Tell whether there is such a parameter."""
        return any(key.upper() == name for key, _ in self.params)

    @property
    def types(self) -> frozenset[str]:
        """The values of TYPE in upper case."""
        return frozenset(value.strip().upper() for value in self.param("TYPE"))

    @property
    def preference(self) -> int:
        """How much its owner prefers it to others of its name: the least is the first."""
        said = next(iter(self.param("PREF")), "")
        if said.isascii() and said.isdigit():
            return int(said)
        return 1 if "PREF" in self.types or self.has("PREF") else 101


def text_of(content: str | bytes) -> str:
    """Return the text of a file of cards; bytes that are no UTF-8 stay in it as surrogates, and none is lost."""
    if isinstance(content, bytes):
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            return content.decode("utf-16", "replace")
        content = content.decode("utf-8", "surrogateescape")
    return content.removeprefix("\ufeff")


def split(content: str | bytes) -> Iterator[str]:
    """Yield each card of a file as it stands; one that does not end comes as far as it goes."""
    card: list[str] = []
    depth = 0
    for piece in _PHYSICAL.findall(text_of(content)):
        word = piece.strip().upper()
        if word == "BEGIN:VCARD":
            depth += 1
        if depth:
            card.append(piece)
        if word == "END:VCARD" and depth:
            depth -= 1
            if not depth:
                yield "".join(card)
                card = []
    if card:
        yield "".join(card)


def parse(card: str) -> list[Line]:
    """Return the lines of one card, from BEGIN to END."""
    return [_line(*logical) for logical in _logical(card)]


def _logical(card: str) -> Iterator[tuple[str, str]]:
    """Yield each line as it stands, and unfolded."""
    raw: list[str] = []
    text: list[str] = []
    for piece in _PHYSICAL.findall(card):
        bare = piece.rstrip("\r\n")
        if raw and text[-1].endswith("=") and _QUOTED_PRINTABLE.match(text[0]):
            text.append(f"\n{bare}")
        elif raw and bare[:1] in (" ", "\t"):
            text.append(bare[1:])
        elif raw and (not bare or (_BASE64_TEXT.fullmatch(bare) and _BASE64.match(text[0]))):
            # vCard 2.1 ends base64 with an empty line, and some programs do not indent it.
            text.append(bare)
        else:
            if raw:
                yield "".join(raw), "".join(text)
            raw, text = [], [bare]
        raw.append(piece)
    if raw:
        yield "".join(raw), "".join(text)


def _line(raw: str, text: str) -> Line:
    head, colon, value = _halves(text)
    if not colon:
        return Line(raw)
    name, *written = _apart(head, ";")
    group, dot, last = name.rpartition(".")
    params = tuple(_param(one) for one in written if one)
    line = Line(raw, last.strip().upper(), group if dot else "", params, value)
    return line if value.isascii() and not line.has("ENCODING") else replace(line, value=_decoded(line))


def _halves(text: str) -> tuple[str, str, str]:
    """Part a line at its first colon outside quotes, or at the first of all where quotes do not close."""
    halves = text.partition(":")
    if '"' not in halves[0]:
        return halves
    quoted = False
    for place, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif char == ":" and not quoted:
            return text[:place], ":", text[place + 1 :]
    return halves


def _apart(text: str, separator: str) -> list[str]:
    """Part at separators outside quotes."""
    if '"' not in text:
        return text.split(separator)
    parts, begin, quoted = [], 0, False
    for place, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif char == separator and not quoted:
            parts.append(text[begin:place])
            begin = place + 1
    return [*parts, text[begin:]]


def _param(written: str) -> tuple[str, tuple[str, ...]]:
    name, equals, said = written.partition("=")
    if not equals:
        word = written.strip().upper()
        return ("ENCODING" if word in _ENCODINGS else "TYPE", (written.strip(),))
    values = (value.strip() for value in _apart(said, ","))
    plain = (value[1:-1] if value[:1] == '"' == value[-1:] and len(value) > 1 else value for value in values)
    # iPhones and Macs quote a whole list: TYPE="work,voice".
    listed = (
        part for value in plain for part in (value.split(",") if name.strip().upper() == "TYPE" else [value])
    )
    return name.strip(), tuple(_CARET.sub(lambda found: _CARETS[found[0]], value) for value in listed)


def _decoded(line: Line) -> str:
    charset = next(iter(line.param("CHARSET")), "utf-8")
    content = line.value.encode("utf-8", "surrogateescape" if _escaped_bytes(line.value) else "replace")
    if "QUOTED-PRINTABLE" in (encoding.upper() for encoding in line.param("ENCODING")):
        content = quopri.decodestring(content)
    for one in ("utf-8", charset, "cp1252"):
        try:
            return content.decode(one)
        except (UnicodeDecodeError, LookupError):
            continue
    return content.decode("latin-1")


def _escaped_bytes(value: str) -> bool:
    """Tell whether all lone surrogates in it stand for bytes, and are no half of an emoji."""
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def made(name: str, value: str, *, group: str = "", params: Sequence[tuple[str, Sequence[str]]] = ()) -> Line:
    """Return a new line; `value` is escaped already. What it holds cannot begin another line."""
    value = _CONTROL.sub("", value.replace("\r", "").replace("\n", ""))
    said = "".join(f";{key}={','.join(_quoted(one) for one in values)}" for key, values in params)
    text = f"{group + '.' if group else ''}{name}{said}:{value}"
    kept = tuple((key, tuple(values)) for key, values in params)
    return Line(_folded(text) + "\r\n", name.upper(), group, kept, value)


def quoted_printable(line: Line) -> Line:
    """Return a new line as vCard 2.1 has it, where its value is not plain ASCII in one line."""
    if line.value.isascii() and "\\n" not in line.value:
        return line
    said = "".join(f";{key}={','.join(values)}" for key, values in line.params)
    head = f"{line.group + '.' if line.group else ''}{line.name}{said};CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:"
    content = line.value.replace("\\n", "\r\n").encode("utf-8", "surrogatepass")
    pieces = [f"={byte:02X}" if byte < 32 or byte > 126 or byte == ord("=") else chr(byte) for byte in content]
    rows = ["".join(pieces[place : place + 24]) for place in range(0, len(pieces), 24)]
    return replace(line, raw=head + "=\r\n".join(rows) + "\r\n")


def with_bare_ends(line: Line) -> Line:
    """Return a line that ends as those of a card without carriage returns do."""
    return replace(line, raw=line.raw.replace("\r\n", "\n"))


def _quoted(value: str) -> str:
    value = _CONTROL.sub("", value).replace("^", "^^").replace("\n", "^n").replace('"', "^'")
    return f'"{value}"' if any(char in value for char in ":;,") else value


def _folded(text: str) -> str:
    """Fold at 75 bytes, never within a letter."""
    if len(text) * 4 <= _WIDTH:
        return text
    pieces, width = [], 0
    for char in text:
        size = len(char.encode("utf-8", "surrogatepass"))
        if width + size > _WIDTH:
            pieces.append("\r\n ")
            width = 1
        pieces.append(char)
        width += size
    return "".join(pieces)
