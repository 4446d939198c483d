"""Says a digest in the form that is wanted: a page or a piece of HTML, Markdown, JSON, Atom, or plain text."""

from __future__ import annotations

from contextvars import copy_context
from datetime import UTC, tzinfo
from functools import partial
from typing import Literal, NamedTuple, get_args

from hub import i18n
from hub.discussions.digest import Digest
from hub.discussions.rendering import activity, atom, html, markdown, plain, words

Form = Literal["html", "fragment", "markdown", "json", "atom", "text"]

FORMS: tuple[Form, ...] = get_args(Form)

SUFFIXES: dict[str, Form] = {
    ".html": "html",
    ".htm": "html",
    ".md": "markdown",
    ".json": "json",
    ".xml": "atom",
    ".atom": "atom",
    ".txt": "text",
}
"""The form that a file's name asks for."""

_WRITERS = {
    "html": html.page,
    "fragment": html.fragment,
    "markdown": markdown.write,
    "json": activity.write,
    "atom": atom.write,
    "text": plain.write,
}


def render(digest: Digest, form: Form, *, language: str | None = None, zone: tzinfo = UTC) -> str:
    """Return the digest in a form, in a language (the reader's, if none is named), with the times of a zone.

    The same digest gives the same text. Nothing in it is a stranger's but text: no tag, no script, no address that
    is not http, and nothing that a mail client or a page would fetch.
    """
    chosen = language or i18n.spoken()
    return copy_context().run(partial(_in, chosen, digest, form, zone))


class Posted(NamedTuple):
    """A digest as a post of its own: the text and the HTML say the same words in the same order."""

    title: str
    text: str
    html: str


def as_post(digest: Digest, *, language: str | None = None, zone: tzinfo = UTC) -> Posted:
    """Return what a post says that publishes the digest."""
    chosen = language or i18n.spoken()
    return copy_context().run(_posted, chosen, digest, zone)


def _posted(language: str, digest: Digest, zone: tzinfo) -> Posted:
    i18n.speak(language)
    heading = words.heading(digest)
    return Posted(heading, plain.body(digest, language, zone), html.body(digest, language, zone))


def _in(language: str, digest: Digest, form: Form, zone: tzinfo) -> str:
    i18n.speak(language)
    return _WRITERS[form](digest, language, zone)
