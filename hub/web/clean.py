"""Makes what strangers wrote safe to show: texts with their links, addresses, and the little HTML that comes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import nh3
from markupsafe import Markup, escape

from hub.publishing.spans import spans

# What a link to a stranger's place says: tell them nothing of us, and search engines nothing of them.
REL = "noopener noreferrer nofollow ugc"
_TAGS = {
    *("a", "abbr", "b", "bdi", "br", "cite", "code", "del", "em", "i", "ins", "q", "s", "small", "span", "strong"),
    *("sub", "sup", "time", "u", "article", "blockquote", "dd", "div", "dl", "dt", "footer", "header", "hr"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "li", "ol", "p", "pre", "section", "ul"),
}
# No `id`, `name` and `class`: they could stand in for things of the page; no `style`; nothing of htmx.
_ATTRIBUTES = {
    "*": {"dir", "lang"},
    "a": {"href"},
    "blockquote": {"cite"},
    "del": {"datetime"},
    "ins": {"datetime"},
    "q": {"cite"},
    "time": {"datetime"},
}
_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    attributes=_ATTRIBUTES,
    url_schemes={"http", "https", "mailto"},
    link_rel=REL,
    clean_content_tags={"script", "style", "template", "title", "noscript", "iframe", "textarea", "svg", "math"},
    strip_comments=True,
)
# No page is as long; what is longer would only keep the server busy.
_MOST = 2_000_000
# Invisible marks that turn the direction of what follows, beyond the end of a name.
_TURNS = dict.fromkeys(map(ord, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))


def foreign_html(html: str) -> Markup:
    """Return the HTML of others without anything that acts, loads or looks like a part of the page."""
    return Markup(_CLEANER.clean(html[:_MOST]))  # noqa: S704  # this is what the cleaner is for


def outward(url: str | None) -> str:
    """Return an address that a link may lead to, "" for one that is neither http nor https."""
    try:
        parts = urlsplit((url or "").strip())
    except ValueError:
        return ""
    return parts.geturl() if parts.scheme in ("http", "https") and parts.netloc else ""


def linked(text: str) -> Markup:
    """Return a plain text as HTML: escaped, its line ends kept, its http and https addresses as links."""
    made: list[Markup] = []
    done = 0
    for span in spans(text):
        if span.kind == "link" and (address := outward(text[span.start : span.end])):
            made.append(_lines(text[done : span.start]))
            made.append(Markup('<a href="{}" rel="{}">{}</a>').format(address, REL, text[span.start : span.end]))
            done = span.end
    made.append(_lines(text[done:]))
    return Markup("").join(made)


def one_line(text: str) -> str:
    """Return a name or a title on one line, without marks that would turn what stands beside it."""
    return " ".join(text.translate(_TURNS).split())


def _lines(text: str) -> Markup:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return Markup("<br>").join(escape(line) for line in lines)


# What the templates that show strangers' words know.
FOREIGN: Mapping[str, Any] = {"linked": linked, "outward": outward, "one_line": one_line, "rel": REL}
