"""A digest as Markdown: nested lists whose texts are escaped, so that a stranger writes no markup and no link."""

from __future__ import annotations

import re
from datetime import tzinfo

from hub.discussions.digest import Digest, Line
from hub.discussions.rendering import words

# What begins or ends something in CommonMark, in GitHub's kind or in Pandoc's; a backslash makes it a letter.
_MARKS = re.compile(r"[\\`*_{}\[\]()<>#+\-!|~&$=:@^\"]")
# A dot makes a list after a number, and a link between two names.
_DOT = re.compile(r"\.(?=\w)|(?<=\d)\.(?=\s|$)")
_ADDRESS = str.maketrans(
    {"<": "%3C", ">": "%3E", "\\": "%5C", "`": "%60", '"': "%22", "&": "&amp;", "[": "%5B", "]": "%5D", "|": "%7C"}
)


def write(digest: Digest, language: str, zone: tzinfo) -> str:
    """Return the digest as CommonMark."""
    parts = [f"# {_link(digest.url, words.heading(digest))}", _escaped(words.summary(digest))]
    parts += [_item(line, zone) for line in digest.lines]
    return "\n\n".join(parts) + "\n"


# Parsers give up on lists that are nested deeper than some twenty levels.
_DEEPEST = 8


def _item(line: Line, zone: tzinfo) -> str:
    """Return a list item: two blanks for each level, which is how far the text of the item above stands in."""
    indent = "  " * min(line.depth, _DEEPEST)
    place = line.place
    if place is None:
        return f"{indent}- *{_escaped(words.gap())}*"
    facts = [
        f"**{_link(place.url, line.author)}**",
        *([_escaped(words.ours())] if line.ours else []),
        _escaped(place.site),
        _escaped(words.when(place.at, zone)),
        *([f"*{_escaped(words.edited(line, zone))}*"] if line.edited_at else []),
        *(f"{_escaped(words.also())} {_link(other.url, other.site)}" for other in line.repeats),
    ]
    head = f"{indent}- {' · '.join(facts)}"
    if not line.text:
        return head
    quoted = (_escaped(part).replace("\n", "\\\n").split("\n") for part in line.text.split("\n\n"))
    quote = "\n>\n".join("\n".join(f"> {each}" for each in part) for part in quoted)
    inside = indent + "  "
    return f"{head}\n\n" + "\n".join(inside + each for each in quote.split("\n"))


def _link(url: str, text: str) -> str:
    return f"[{_escaped(text)}](<{url.translate(_ADDRESS)}>)" if url else _escaped(text)


def _escaped(text: str) -> str:
    return _DOT.sub(r"\\.", _MARKS.sub(r"\\\g<0>", text))
