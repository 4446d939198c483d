"""Turns WordPress's HTML into the text that a reader sees, and a plain text into blocks; every pass is linear."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from hashlib import blake2s
from html import escape, unescape

from hub import Media, clean_text

# A scanner rather than html.parser, which is quadratic on purpose-made input (CVE-2025-6069).
_TOKEN = re.compile(
    r"<(?:(?P<raw>(?i:script|style))\b.*?(?:</(?i:(?P=raw))\s*+>|\Z)"
    r"|!--.*?(?:-->|\Z)"
    r"|(?P<end>/?)(?P<tag>[a-zA-Z][a-zA-Z0-9]*+)(?P<attrs>(?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+)>)",
    re.DOTALL,
)
_ATTR = re.compile(r"([^\s=/\"'<>]++)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>]++))")
_SPACE = re.compile(r"[ \t\r\n\f]++")
_GAP = re.compile(r"\n{3,}+")
# Marks of our own, made of NUL, which clean_text takes out of what comes from outside.
_LINE = "\0"
_BREAKS = {
    **dict.fromkeys(("br", "tr", "div", "dt", "dd", "figcaption"), _LINE),
    "li": _LINE + "• ",
    **dict.fromkeys(("p", "blockquote", "pre", "ul", "ol", "table", "figure", "hr"), _LINE * 2),
    **dict.fromkeys((f"h{level}" for level in range(1, 7)), _LINE * 2),
}
# wptexturize writes what it makes of quotes and dots as numbers; what an author typed so stands there itself.
_TEXTURE = {
    **dict.fromkeys((8216, 8217, 8218, 8242), "&#39;"),
    **dict.fromkeys((171, 187, 8220, 8221, 8222, 8243), "&quot;"),
    8230: "...",
}
_NUMBERED = re.compile("&#(" + "|".join(map(str, _TEXTURE)) + ");")
_LINK = re.compile(r"https?://[^\s<>\"»”]+[^\s<>\"».,:;!?'”)\]]")
_TAG = re.compile(r"(<[^<>]*+>)")
_SIZE = re.compile(r"-\d+x\d+(?=\.\w+$)")
_LATIN = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        "a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh sch _ y _ e yu ya".replace("_", "").split(" "),
        strict=True,
    )
)


def plain(html: str) -> str:
    """Return the text with its paragraphs and lines; a link that shows its address shows it unchanged."""
    return _read(html)[0]


def one_line(html: str) -> str:
    """Return a title as WordPress renders it, or a name: no markup, one line."""
    return " ".join(plain(html).split())


def images(html: str) -> list[Media]:
    """Return the images, each once, emojis aside."""
    return _read(html)[1]


def links(html: str) -> tuple[str, ...]:
    """Return the addresses that a text leads to, each once, also behind words."""
    if "<a" not in html and "<A" not in html:
        return ()
    found = dict.fromkeys(
        _attributes(match["attrs"]).get("href", "")
        for match in _TOKEN.finditer(clean_text(html))
        if (match["tag"] or "").lower() == "a" and not match["end"]
    )
    return tuple(link for link in found if link.startswith(("http://", "https://")))


def _read(html: str) -> tuple[str, list[Media]]:
    html = _NUMBERED.sub(lambda match: _TEXTURE[int(match[1])], clean_text(html))
    parts: list[str] = []
    found: list[Media] = []
    kept, anchor, href, at = 0, -1, "", 0
    for match in _TOKEN.finditer(html):
        said = html[at : match.start()]
        parts.append(said.replace("\r\n", "\n").replace("\n", _LINE) if kept else said)
        at = match.end()
        tag, end = (match["tag"] or "").lower(), bool(match["end"])
        if tag == "a" and end and 0 <= anchor < len(parts):
            if "".join(parts[anchor:]).strip().startswith(("http://", "https://")):
                parts[anchor:] = [escape(href, quote=False)]
            anchor = -1
        elif tag == "a":
            anchor, href = len(parts), _attributes(match["attrs"]).get("href", "")
        elif tag == "img":
            picture = _attributes(match["attrs"])
            alt = " ".join(picture.get("alt", "").split())
            if "emoji" in picture.get("class", "") or "wp-smiley" in picture.get("class", ""):
                parts.append(escape(alt))
            elif picture.get("src", "").startswith(("http://", "https://")):
                found.append(Media(url=picture["src"], alt=alt))
        elif tag in _BREAKS and not (end and tag in ("br", "li", "tr")):
            parts.append(_BREAKS[tag])
            kept += (-1 if end else 1) if tag == "pre" else 0
    text = _SPACE.sub(" ", "".join([*parts, html[at:]])).replace(_LINE, "\n")
    lines = "\n".join(line.strip(" \u00a0") for line in unescape(text).split("\n"))
    return clean_text(_GAP.sub("\n\n", lines).strip("\n")), _once(found)


def _attributes(text: str) -> dict[str, str]:
    return {name.lower(): unescape(a or b or c) for name, a, b, c in _ATTR.findall(text)}


def _once(pictures: Iterable[Media]) -> list[Media]:
    """Leave out what is there already, perhaps in another of the sizes that WordPress makes."""
    return list({_SIZE.sub("", picture.url): picture for picture in reversed([*pictures])}.values())[::-1]


def with_featured(featured: Media | None, html: str) -> list[Media]:
    """Return the featured image, then those of the text."""
    return _once([*([featured] if featured else []), *images(html)])


def blocks(text: str, link: str, pictures: Iterable[tuple[int, Media]], html: str = "") -> str:
    """Return the content of a post: paragraphs, `link` as the last one unless the text has it, images by id.

    If there is `html`, it stands for text and link.
    """
    said = text if not link or link in text else f"{text}\n\n{link}"
    paragraphs = [part.strip("\n") for part in re.split(r"\n[ \t]*\n", said.replace("\r\n", "\n"))]
    made = [
        f"<!-- wp:paragraph -->\n<p>{_inline(part)}</p>\n<!-- /wp:paragraph -->" for part in paragraphs if part
    ]
    if html:
        made = [f"<!-- wp:html -->\n{inert(html).strip()}\n<!-- /wp:html -->"]
    for number, picture in pictures:
        tag = f'<img src="{escape(picture.url)}" alt="{escape(picture.alt)}" class="wp-image-{number}"/>'
        figure = f'<figure class="wp-block-image">{tag}</figure>'
        made.append(f'<!-- wp:image {{"id":{number}}} -->\n{figure}\n<!-- /wp:image -->')
    return "\n\n".join(made)


def inert(html: str) -> str:
    """Return well-formed HTML of which WordPress executes nothing: no shortcode, and no address that it embeds.

    It looks for both in the text of any post, and in a digest strangers wrote that text.
    """
    parts = _TAG.split(html.replace("[", "&#91;"))
    parts[::2] = [said.replace("://", "&#58;//") for said in parts[::2]]
    return "".join(parts)


def comment(text: str) -> str:
    """Return what a comment is to hold so that it says `text`: WordPress itself makes lines and links of it."""
    return escape(text, quote=False)


def excerpt(text: str) -> str:
    """Return the first paragraph."""
    return escape(re.split(r"\n\s*\n", text.strip(), maxsplit=1)[0], quote=False)


def slug(key: str, title: str) -> str:
    """Return the part of a post's address that is made of its title, for people, and of its key, for us."""
    letters = "".join(_LATIN.get(letter, letter) for letter in title.lower())
    ascii_ = unicodedata.normalize("NFKD", letters).encode("ascii", "ignore").decode()
    words = "-".join(re.findall(r"[a-z0-9]+", ascii_))[:60].strip("-")
    return f"{words or 'post'}{mark(key)}"


def mark(key: str) -> str:
    """Return the end of a slug, which tells one post of ours from any other."""
    return f"-h{blake2s(key.encode(), digest_size=6).hexdigest()}"


def _inline(text: str) -> str:
    """Escape a paragraph, with its links as links and its line ends as <br>."""
    parts: list[str] = []
    at = 0
    for match in _LINK.finditer(text):
        address = escape(match.group())
        parts += (escape(text[at : match.start()], quote=False), f'<a href="{address}">{address}</a>')
        at = match.end()
    return "".join([*parts, escape(text[at:], quote=False)]).replace("\n", "<br>")
