"""The XML of CardDAV: what is asked, and what a multi-status answer says of each thing in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape

from hub import Answer

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element  # the type alone; defusedxml parses

DAV = "{DAV:}"
CARD = "{urn:ietf:params:xml:ns:carddav}"
SERVER = "{http://calendarserver.org/ns/}"
_PREFIXES = {"DAV:": "D", CARD[1:-1]: "C", SERVER[1:-1]: "S"}
_NAMESPACES = " ".join(f'xmlns:{prefix}="{name}"' for name, prefix in _PREFIXES.items())
# Some servers pass on what is in a card although no XML may hold it.
_FORBIDDEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|&#(?:0*(?:[0-8]|1[1245-9]|2\d|3[01])|x0*(?:[0-8bcef]|1[0-9a-f]));",
    re.IGNORECASE,
)


class Found(NamedTuple):
    """One thing of a multi-status answer: its path, decoded; its own status, 0 if it has none; what was found."""

    path: str
    status: int
    props: Mapping[str, Element]
    host: str = ""

    def text(self, name: str) -> str:
        """Return a property's text, "" if it has none."""
        element = self.props.get(name)
        return (element.text or "").strip() if element is not None else ""

    def href(self, name: str) -> str:
        """Return the address in a property, as it was written; "" if there is none."""
        element = self.props.get(name)
        inner = element.find(f"{DAV}href") if element is not None else None
        return (inner.text or "").strip() if inner is not None else ""

    def names(self, name: str) -> set[str]:
        """Return the names of all elements in a property, at every depth."""
        element = self.props.get(name)
        return {one.tag for one in element.iter()} - {name} if element is not None else set()


class Multistatus(NamedTuple):
    found: Sequence[Found]
    token: str


def ask(*names: str) -> bytes:
    """Return the body of a PROPFIND for these properties."""
    return _document("D:propfind", _props(names))


def changes(token: str) -> bytes:
    """Return the body of a REPORT of what changed since a token, "" for everything."""
    inner = f"<D:sync-token>{escape(token)}</D:sync-token><D:sync-level>1</D:sync-level>"
    return _document("D:sync-collection", inner + _props([f"{DAV}getetag"]))


def several(paths: Iterable[str]) -> bytes:
    """Return the body of a REPORT of these cards (paths as they are in URLs)."""
    hrefs = "".join(f"<D:href>{escape(path)}</D:href>" for path in paths)
    return _document("C:addressbook-multiget", _props(_WHOLE) + hrefs)


def matching(wanted: Iterable[tuple[str, str, str]]) -> bytes:
    """Return the body of a REPORT of the cards of which any is true: property, match-type (RFC 6352), text."""
    filters = "".join(
        f'<C:prop-filter name="{name}"><C:text-match collation="i;unicode-casemap" match-type="{how}">'
        f"{escape(text)}</C:text-match></C:prop-filter>"
        for name, how, text in wanted
    )
    return _document("C:addressbook-query", f'{_props(_WHOLE)}<C:filter test="anyof">{filters}</C:filter>')


_WHOLE = (f"{DAV}getetag", f"{DAV}getlastmodified", f"{CARD}address-data")


def _props(names: Iterable[str]) -> str:
    return f"<D:prop>{''.join(f'<{_short(name)}/>' for name in names)}</D:prop>"


def _short(name: str) -> str:
    namespace, _, local = name[1:].partition("}")
    return f"{_PREFIXES[namespace]}:{local}"


def _document(root: str, inner: str) -> bytes:
    return f'<?xml version="1.0" encoding="utf-8"?>\n<{root} {_NAMESPACES}>{inner}</{root}>'.encode()


def parsed(body: bytes) -> Element:
    """Return the root of an XML document; raises ValueError for what is none, or could harm (entities, DTDs).

    What no XML may hold is left out of one that is well-formed but for that.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        try:
            root: Element = fromstring(body)
        except ParseError:
            root = fromstring(_FORBIDDEN.sub("", body.decode("utf-8", "replace")).encode())
    except (ParseError, DefusedXmlException, LookupError) as error:
        raise ValueError(f"it is no XML: {error}") from None
    return root


def read(answer: Answer) -> Multistatus:
    """Return what a multi-status answer says; raises what the hub makes of an answer that is none."""
    try:
        root = parsed(answer.body)
        found = list(_found(root))
    except ValueError as error:  # also of an address that is none
        raise answer.misread(str(error)) from None
    if root.tag != f"{DAV}multistatus":
        raise answer.misread(f"it is {root.tag} instead of a multistatus")
    return Multistatus(found, (root.findtext(f"{DAV}sync-token") or "").strip())


def _found(root: Element) -> Iterator[Found]:
    for response in root.iter(f"{DAV}response"):
        own = _status(response.findtext(f"{DAV}status"))
        props: dict[str, Element] = {}
        for propstat in response.iter(f"{DAV}propstat"):
            # A property that is not there says so with 404: that is no error.
            if _status(propstat.findtext(f"{DAV}status")) // 100 == 2:
                for prop in propstat.iter(f"{DAV}prop"):
                    props |= {element.tag: element for element in prop}
        for href in response.findall(f"{DAV}href"):
            address = urlsplit((href.text or "").strip())
            yield Found(unquote(address.path), own, props, address.netloc)


def _status(line: str | None) -> int:
    """Return the number in a status line, 0 for none."""
    words = (line or "").split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


def conditions(answer: Answer) -> tuple[set[str], str]:
    """Return what a refusal names as its cause, and what it says of it to people."""
    if b"<" not in answer.body[:200]:
        return set(), ""
    try:
        root = parsed(answer.body)
    except ValueError:
        return set(), ""
    if root.tag != f"{DAV}error":
        return set(), ""
    said = [
        " ".join(text.split()) for one in root.iter() if (text := one.text or "").strip() and " " in text.strip()
    ]
    return {one.tag.rpartition("}")[2] for one in root.iter()}, next(iter(said), "")


def conflicting(answer: Answer) -> str:
    """Return the address, decoded, of the card that bears the UID already; "" if the server does not tell."""
    inner = parsed(answer.body).find(f"{CARD}no-uid-conflict/{DAV}href")
    # The path of an absolute address ends as the address does.
    return unquote((inner.text or "").strip()) if inner is not None else ""
