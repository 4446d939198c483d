"""Turns a feed's HTML into the text a reader sees, and finds its images; every pass is linear in the input."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape, unescape
from urllib.parse import urljoin, urlsplit

import msgspec

from hub import Media, clean_text

# A scanner rather than html.parser, which is quadratic on purpose-made input (CVE-2025-6069); none of the
# patterns here backtracks. The "<" is outside of the choice, so that the search for it is one of bytes.
_TOKEN = re.compile(
    r"<(?:"
    r"(?P<raw>(?i:script|style|template|svg))\b.*?(?:</(?i:(?P=raw))\s*+>|\Z)"
    r"|(?P<end>/?)(?P<tag>[a-zA-Z][a-zA-Z0-9:-]*+)(?P<attrs>(?:[^<>=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+')|=)*+)>?"
    r"|!--.*?(?:-->|\Z)"
    r"|[!?][^>]*+>?)",
    re.DOTALL,
)
_ATTR = re.compile(r"([^\s=/\"'<>]++)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>]++))")
# Only tags that people use: "vector<int>" in a plain title is not HTML.
_MARKUP = re.compile(
    r"</?(?:a|abbr|article|b|blockquote|br|center|cite|code|del|div|em|figure|font|h[1-6]|hr|i|iframe|img|ins|kbd"
    r"|li|ol|p|pre|q|s|section|small|span|strong|sub|sup|table|t[dhr]|u|ul|video)(?:[\s/][^<>]*+)?>"
    r"|<!--|&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,30});",
    re.IGNORECASE,
)
_SPACE = re.compile(r"[ \t\r\n\f]++")
_GAP = re.compile(r"\n{3,}+")
# Marks of our own, made of NUL, which clean_text takes out of what comes from outside. However many tags end
# a line at one place, it ends once.
_LINE, _LINE_ENDS, _SPACE_KEPT = "\0n", "\0e", "\0s"
_ENDS = re.compile(" ?(?:\0e ?)++")
_BREAKS = {
    "br": _LINE,
    **dict.fromkeys(("div", "dt", "dd", "tr", "ul", "ol", "dl", "figure", "figcaption", "section"), _LINE_ENDS),
    **dict.fromkeys(
        ("p", "blockquote", "pre", "table", "hr", "article", "h1", "h2", "h3", "h4", "h5", "h6"), _LINE * 2
    ),
    **dict.fromkeys(("td", "th"), " "),
}


class Readable(msgspec.Struct, frozen=True):
    """What a reader gets of a piece of HTML."""

    text: str
    images: Sequence[Media] = ()


def web_address(base: str, link: str) -> str:
    """Return `link` made absolute; "" for what is not http or https, or is no address at all."""
    link = clean_text(link).replace("\n", "").strip()
    try:
        url = urljoin(base, link) if link else ""
        return url if urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname else ""
    except ValueError:  # "http://["
        return ""


def looks_like_html(text: str) -> bool:
    """Tell whether a text that may be plain or HTML is HTML."""
    return _MARKUP.search(text) is not None


def plain(text: str) -> str:
    """Return a plain text with its lines trimmed and at most one empty line in a row."""
    lines = clean_text(text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return _GAP.sub("\n\n", "\n".join(line.strip(" \t\u00a0") for line in lines)).strip("\n")


def one_line(text: str, *, html: bool | None = None) -> str:
    """Return a title: no markup, one line. `html` None means: look."""
    if looks_like_html(text) if html is None else html:
        text = read_html(text, "").text
    return " ".join(clean_text(text).split())


def attributes(text: str) -> Mapping[str, str]:
    """Return the attributes of a tag; names in lower case."""
    found: dict[str, str] = {}
    for name, double, single, bare in _ATTR.findall(text):
        found.setdefault(name.lower(), unescape(double or single or bare))
    return found


def tags(html: str, *names: str) -> list[tuple[str, Mapping[str, str]]]:
    """Return the opening tags with one of these names, with their attributes."""
    return [
        (name, attributes(match["attrs"]))
        for match in _TOKEN.finditer(html)
        if (name := (match["tag"] or "").lower()) in names and not match["end"]
    ]


def read_html(html: str, base: str) -> Readable:
    """Return the text with paragraphs kept, and the images that are more than a pixel or an emoji."""
    html = clean_text(html)
    parts: list[str] = []
    images: list[Media] = []
    preformatted = 0
    at = 0
    for match in _TOKEN.finditer(html):
        said = html[at : match.start()]
        parts.append(_kept(said) if preformatted else said)
        at = match.end()
        if match["tag"] is None:
            continue
        tag = match["tag"].lower()
        if tag in _BREAKS:
            parts.append(_BREAKS[tag])
            if tag == "pre":
                preformatted = max(0, preformatted + (-1 if match["end"] else 1))
        elif tag == "img":
            found = _image(attributes(match["attrs"]), base)
            if isinstance(found, Media):
                images.append(found)
            else:
                parts.append(escape(found))
        elif tag == "li" and not match["end"]:
            parts.append(_LINE_ENDS + "• ")
    parts.append(html[at:])
    text = _ENDS.sub("\n", _SPACE.sub(" ", "".join(parts))).replace(_LINE, "\n")
    lines = [line.strip(" \u00a0") for line in _GAP.sub("\n\n", unescape(text)).split("\n")]
    text = _GAP.sub("\n\n", "\n".join(line for line in lines if line != "•")).strip("\n")
    return Readable(clean_text(text.replace(_SPACE_KEPT, " ")), tuple(images))


def _kept(text: str) -> str:
    """Mark the spaces and line ends that must stay, inside <pre>."""
    lines = text.expandtabs(4).replace(" ", _SPACE_KEPT).replace("\r\n", "\n")
    return lines.replace("\n", _LINE)


def _image(attrs: Mapping[str, str], base: str) -> Media | str:
    """Return the image, or the text that stands for it: WordPress sends emojis as images."""
    alt = " ".join(attrs.get("alt", "").split())
    if "emoji" in attrs.get("class", "") or "wp-smiley" in attrs.get("class", ""):
        return alt
    url = web_address(base, attrs.get("src", ""))
    if not url or attrs.get("width") in ("0", "1") or attrs.get("height") in ("0", "1"):
        return ""
    return Media(url=url, alt=clean_text(alt))
