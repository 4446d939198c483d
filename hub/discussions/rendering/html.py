"""A digest as HTML: a whole page that a mail client shows too, or a piece to be put into a page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, tzinfo
from html import escape

from hub.discussions.digest import Digest, Line
from hub.discussions.rendering import words

# Mail clients take away what stands in <style> or in a class; without it they show a list's numbers and no quotes.
_STYLE = {
    "article": "font-family:sans-serif;line-height:1.5;max-width:42em;margin:0 auto;padding:1em",
    "ol": "list-style:none;margin:0;padding:0",
    "answers": "list-style:none;margin:.5em 0 0;padding:0 0 0 1em;border-left:2px solid #bbb",
    "li": "margin:0 0 1em",
    "p": "margin:0 0 .25em",
    "blockquote": "margin:0;padding:0",
}
# Deeper answers stand side by side: a narrow screen has no room, and readers of lists stop somewhere.
_DEEPEST = 8


def fragment(digest: Digest, language: str, zone: tzinfo) -> str:
    """Return an <article> to be put into a page, whose style it takes."""
    return "\n".join(_article(digest, language, zone, styled=False, level=2)) + "\n"


def body(digest: Digest, language: str, zone: tzinfo) -> str:
    """Return the <article> of a post, whose title says what it is."""
    return "\n".join(_article(digest, language, zone, styled=False, level=0)) + "\n"


def page(digest: Digest, language: str, zone: tzinfo) -> str:
    """Return a whole page without a script, a style sheet or anything else that would be fetched."""
    head = [
        "<!DOCTYPE html>",
        f'<html lang="{escape(language)}">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{escape(words.heading(digest))}</title>",
        "</head>",
        "<body>",
        "<main>",
    ]
    article = _article(digest, language, zone, styled=True, level=1)
    return "\n".join([*head, *article, "</main>", "</body>", "</html>"]) + "\n"


def _article(digest: Digest, language: str, zone: tzinfo, *, styled: bool, level: int) -> Iterator[str]:
    def style(name: str) -> str:
        return f' style="{_STYLE[name]}"' if styled else ""

    yield f'<article class="digest" lang="{escape(language)}"{style("article")}>'
    if level:
        title = f"<bdi>{escape(words.heading(digest))}</bdi>"
        yield f"<h{level}>{_link(digest.url, title)}</h{level}>"
    elif digest.url:
        yield f'<p class="digest-about">{_link(digest.url, escape(digest.url))}</p>'
    yield f'<p class="digest-summary">{escape(words.summary(digest))}</p>'
    depth = -1
    for line in digest.lines:
        wanted = min(line.depth, _DEEPEST)
        if wanted > depth:
            yield f"<ol{style('answers' if wanted else 'ol')}>"
        else:
            yield "</li>"
            for _level in range(depth - wanted):
                yield "</ol>"
                yield "</li>"
        depth = wanted
        yield f'<li class="{_kind(line)}"{style("li")}>'
        yield from _remark(line, zone, style("p"), style("blockquote"))
    if digest.lines:
        yield "</li>"
        for _level in range(depth):
            yield "</ol>"
            yield "</li>"
        yield "</ol>"
    yield "</article>"


def _kind(line: Line) -> str:
    return "gap" if line.place is None else "remark ours" if line.ours else "remark"


def _remark(line: Line, zone: tzinfo, paragraph: str, quote: str) -> Iterator[str]:
    place = line.place
    if place is None:
        yield f"<p{paragraph}><em>{escape(words.gap())}</em></p>"
        return
    author = _link(place.url, f"<bdi>{escape(line.author)}</bdi>")
    stamp = place.at.astimezone(UTC).isoformat(timespec="seconds")
    facts = [
        f"<cite>{author}</cite>",
        *([f"<strong>{escape(words.ours())}</strong>"] if line.ours else []),
        escape(place.site),
        f'<time datetime="{stamp}">{escape(words.when(place.at, zone))}</time>',
        *([f"<em>{escape(words.edited(line, zone))}</em>"] if line.edited_at else []),
        *(f"{escape(words.also())} {_link(other.url, escape(other.site))}" for other in line.repeats),
    ]
    yield f"<p{paragraph}>{' · '.join(facts)}</p>"
    if line.text:
        source = f' cite="{escape(place.url)}"' if place.url else ""
        paragraphs = "".join(
            f'<p dir="auto"{paragraph}>{escape(part).replace(chr(10), "<br>")}</p>'
            for part in line.text.split("\n\n")
        )
        yield f"<blockquote{source}{quote}>{paragraphs}</blockquote>"


def _link(url: str, html: str) -> str:
    """Return a link whose text is HTML already; without an address only the text."""
    return f'<a href="{escape(url)}" rel="nofollow ugc">{html}</a>' if url else html
