"""Turns the HTML of a status into text: paragraphs and lines, whole links, mentions with their host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html.parser import HTMLParser

_PARAGRAPHS = frozenset({"p", "blockquote", "pre", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6"})
_LINES = frozenset({"br", "li", "div", "hr"})


class Reader(HTMLParser):
    """Reads the HTML of a status. Mastodon hides the ends of a link in spans; its address has them."""

    def __init__(self, content: str, handles: Mapping[str, str]) -> None:
        super().__init__()
        self.links: list[str] = []
        self._handles = handles
        self._parts: list[str] = []
        self._link: tuple[str, bool, int] | None = None
        self.feed(content)
        self.close()
        self.handle_endtag("a")
        self.text = "\n".join(self._lines()).strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            given = {name: value or "" for name, value in attrs}
            words = f"{given.get('class', '')} {given.get('rel', '')}".split()
            named = bool({"mention", "hashtag", "tag", "u-url"} & set(words))
            self._link = (given.get("href", ""), named, len(self._parts))
        elif tag in _PARAGRAPHS or tag in _LINES:
            self._parts.append("\n\n" if tag in _PARAGRAPHS else "\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self._parts.append("\n\n")
        elif tag == "a" and self._link is not None:
            (href, named, begin), self._link = self._link, None
            shown = "".join(self._parts[begin:])
            self._parts[begin:] = [self._handles.get(href, shown) if named else self._whole(href, shown)]

    def handle_data(self, data: str) -> None:
        self._parts.append(data)

    def _lines(self) -> Iterator[str]:
        """Yield the lines, of several blank ones the first."""
        before = ""
        for line in "".join(self._parts).split("\n"):
            line = line.rstrip(" \t")
            if line or before:
                yield line
            before = line

    def _whole(self, href: str, shown: str) -> str:
        if not href.startswith(("https://", "http://")):
            return shown
        self.links.append(href)
        known = shown.strip().rstrip("/.…")
        return href if known in href else f"{shown} {href}"
