"""Reads RSS 0.9x, 1.0 and 2.0, Atom 0.3 and 1.0, from well-formed XML."""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64
from typing import TYPE_CHECKING

from hub import Media
from plugins.rss.entries import Entry, Feed, attack, named_image, to_posts
from plugins.rss.loose import mend, read_loosely
from plugins.rss.readable import one_line, web_address

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element  # the type alone; defusedxml parses

# Namespaces by URI, lower case and without the "/" or "#" at the end, which feeds get wrong.
_PREFIX = {
    **dict.fromkeys(("", "http://purl.org/rss/1.0", "http://my.netscape.com/rdf/simple/0.9"), ""),
    **dict.fromkeys(("http://backend.userland.com/rss2", "http://blogs.law.harvard.edu/tech/rss"), ""),
    **dict.fromkeys(("http://www.w3.org/2005/atom", "http://purl.org/atom/ns"), "atom:"),
    "http://purl.org/rss/1.0/modules/content": "content:",
    "http://purl.org/dc/elements/1.1": "dc:",
    "http://purl.org/dc/terms": "dcterms:",
    "http://search.yahoo.com/mrss": "media:",
    "http://purl.org/atompub/tombstones/1.0": "at:",
    "http://www.w3.org/1999/xhtml": "xhtml:",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns": "rdf:",
}
_CONTENT = (
    "content:encoded",
    "atom:content",
    "xhtml:body",
    "xhtml:div",
    "description",
    "atom:summary",
    "dc:description",
)
_PUBLISHED = ("pubDate", "atom:published", "atom:issued", "dc:date", "dcterms:created", "atom:created")
_UPDATED = ("atom:updated", "atom:modified", "dcterms:modified")
_BASE = "{http://www.w3.org/XML/1998/namespace}base"
_ABOUT = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"


class _Names(dict[str, str]):
    """Maps a tag with its namespace to its usual name; what the hub does not read is ""."""

    def __missing__(self, tag: str) -> str:
        space, _, local = tag.rpartition("}")
        prefix = _PREFIX.get(space[1:].lower().rstrip("/#"))
        self[tag] = name = "" if prefix is None else prefix + local
        return name


def read_xml(text: str, url: str) -> Feed:
    root = _parsed(text, url)
    if root is None:
        root = _parsed(mend(text), url)
    if root is None:
        return read_loosely(text, url)
    names = _Names()
    kind = names[root.tag]
    if kind in ("rss", "rdf:RDF"):
        top = next((child for child in root if names[child.tag] == "channel"), root)
        items = [child for child in (*top, *(root if top is not root else ())) if names[child.tag] == "item"]
        label = f"RSS {root.get('version', '')}" if kind == "rss" else "RSS 1.0"
    elif kind == "atom:feed":
        top, items, label = root, [child for child in root if names[child.tag] == "atom:entry"], "Atom"
    else:
        return read_loosely(text, url)
    base = _based(_based(url, root), top) if top is not root else _based(url, root)
    entries = [_xml_entry(item, names, _based(base, item)) for item in items]
    found: dict[str, Element] = {}
    older = ""
    for child in top:
        name = names[child.tag]
        if name == "at:deleted-entry":
            entries.append(Entry(id=child.get("ref", ""), updated=child.get("when", ""), deleted=True))
        elif name == "atom:link" and child.get("rel") in ("prev-archive", "next"):
            older = older or web_address(_based(base, child), child.get("href", ""))
        found.setdefault(name, child)
    title, html = _words(found.get("atom:title" if kind == "atom:feed" else "title"))
    links = [child for child in top if names[child.tag] == "atom:link"]
    return Feed(
        kind=label.strip(),
        title=one_line(title, html=html),
        link=web_address(base, _text(found.get("link")) or _alternate(links)),
        older=older,
        posts=to_posts(entries),
    )


def _parsed(text: str, url: str) -> Element | None:
    """Return the root; None for what is not well formed."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        # A DOCTYPE alone is let through: RSS 0.91 asks for one, and it is never fetched.
        root: Element = fromstring(text, forbid_dtd=False, forbid_entities=True, forbid_external=True)
    except DefusedXmlException:
        raise attack(url) from None
    except ParseError:
        return None
    return root


def _based(base: str, element: Element) -> str:
    given = element.get(_BASE)
    return web_address(base, given) or base if given else base


def _text(element: Element | None) -> str:
    return (element.text or "").strip() if element is not None else ""


def _alternate(links: list[Element]) -> str:
    """Return the address for readers: rel is alternate where it is absent; HTML before other types."""
    found = [link for link in links if link.get("rel", "alternate") == "alternate" and link.get("href")]
    found.sort(key=lambda link: link.get("type", "text/html") not in ("text/html", "application/xhtml+xml"))
    return found[0].get("href", "") if found else ""


def _words(element: Element | None) -> tuple[str, bool | None]:
    """Return the text of an RSS or Atom construct, and whether it is HTML (None: the feed does not say)."""
    if element is None:
        return "", None
    kind, mode = element.get("type", ""), element.get("mode", "")
    if len(element):
        return _inner(element), True
    text = element.text or ""
    coded = mode == "base64" or ("/" in kind and not mode and not kind.startswith("text/") and "xml" not in kind)
    if coded:
        try:
            text = a2b_base64(text.encode()).decode()
        except (Base64Error, UnicodeError):
            return "", False
        return text, "html" in kind
    prefix = _PREFIX.get(element.tag[1:].rpartition("}")[0].lower().rstrip("/#"))
    return text, {"atom:": "html" in kind, "content:": True}.get(prefix or "")


def _inner(element: Element) -> str:
    """Return the markup inside an element as HTML; an XHTML div around it shows nowhere."""
    from defusedxml.ElementTree import tostring

    for each in element.iter():
        each.tag = each.tag.rpartition("}")[2]
    return (element.text or "") + "".join(tostring(child, encoding="unicode", method="html") for child in element)


def _xml_entry(item: Element, names: _Names, base: str) -> Entry:
    found: dict[str, Element] = {}
    links: list[Element] = []
    images: list[Media] = []
    thumbnails: list[Media] = []
    for child in item:
        name = names[child.tag]
        if not name:
            continue
        found.setdefault(name, child)
        here = _based(base, child)
        if name == "atom:link":
            links.append(child)
            if child.get("rel") == "enclosure":
                images += named_image(here, child.get("href", ""), child.get("type", ""), child.get("title", ""))
        elif name == "enclosure":
            images += named_image(here, child.get("url", ""), child.get("type", ""))
        elif name in ("media:content", "media:group"):
            images += _media(child, names, here, _text(item.find(child.tag.rpartition("}")[0] + "}description")))
        elif name == "media:thumbnail":
            thumbnails += named_image(here, child.get("url", ""), "", medium="image")
    guid, about = found.get("guid"), item.get(_ABOUT, "")
    link = _text(found.get("link"))
    element = next((found[name] for name in _CONTENT if name in found and _says(found[name])), None)
    source = found["atom:content"].get("src", "") if "atom:content" in found else ""
    address = _alternate(links)
    if guid is not None and not (link or address) and guid.get("isPermaLink", "true").lower() != "false":
        link = _text(guid) if _text(guid).startswith(("http://", "https://")) else ""
    title, html = _words(
        next((found[name] for name in ("title", "atom:title", "dc:title") if name in found), None)
    )
    content, content_html = _words(element)
    of_link = next((_based(base, each) for each in links if each.get("href") == address), base)
    return Entry(
        id=_text(guid) or _text(found.get("atom:id")) or about,
        link=web_address(base, link) if link else web_address(of_link, address or source or about),
        title=one_line(title, html=html),
        content=content,
        html=content_html,
        base=_based(base, element) if element is not None else base,
        published=_first(found, _PUBLISHED),
        updated=_first(found, _UPDATED),
        images=images or thumbnails[:1],
    )


def _says(element: Element) -> bool:
    return bool(len(element) or (element.text or "").strip())


def _first(found: dict[str, Element], wanted: tuple[str, ...]) -> str:
    return next((_text(found[name]) for name in wanted if name in found), "")


def _media(element: Element, names: _Names, base: str, alt: str) -> list[Media]:
    """Read media:content, alone or in a group; its description, or its title, is the alt text."""
    inside = {names[child.tag]: child for child in reversed(element)}
    alt = _text(inside.get("media:description")) or _text(inside.get("media:title")) or alt
    if names[element.tag] == "media:content":
        return named_image(base, element.get("url", ""), element.get("type", ""), alt, element.get("medium", ""))
    # A group holds versions of one thing: the first will do.
    versions = [_media(child, names, base, alt) for child in element if names[child.tag] == "media:content"]
    return next((version for version in versions if version), [])
