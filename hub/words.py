"""The words that the store keeps in English and people read in their language."""

from __future__ import annotations

from hub.i18n import N_, _

# Listed so that they are collected for translation: states, outcomes, classes of answers, actions, kinds of work
# and of mentions.
_WORDS = (
    N_("queued"),
    N_("sending"),
    N_("published"),
    N_("waiting"),
    N_("failed"),
    N_("unknown"),
    N_("asked"),
    N_("missed"),
    N_("deleted"),
    N_("edited"),
    N_("active"),
    N_("paused"),
    N_("started"),
    N_("stopped"),
    N_("refused"),
    N_("withdrawn"),
    N_("not found"),
    N_("not settled"),
    N_("send again"),
    N_("seen on the timeline"),
    N_("sent"),
    N_("again"),
    N_("dropped"),
    N_("publish"),
    N_("edit"),
    N_("delete"),
    N_("settle"),
    N_("person"),
    N_("listen"),
    N_("contacts"),
    N_("ok"),
    N_("transient"),
    N_("rejected"),
    N_("auth"),
    N_("gone"),
    N_("duplicate"),
    N_("plugin"),
    N_("comment"),
    N_("reply"),
    N_("mention"),
    N_("review"),
    N_("message"),
)


# What hub/publishing/media.py finds in place of an image, and what the machine and pydantic say most often.
_REASONS = (
    N_("a PDF file"),
    N_("a ZIP archive or an office document"),
    N_("a BMP image"),
    N_("a TIFF image"),
    N_("an icon"),
    N_("a broken PNG image"),
    N_("a broken JPEG image"),
    N_("a broken GIF image"),
    N_("a JSON document"),
    N_("an SVG drawing"),
    N_("a web page"),
    N_("an XML document"),
    N_("an empty file"),
    N_("a HEIC image"),
    N_("an AVIF image"),
    N_("a video"),
    N_("a file of an unknown kind"),
    N_("No space left on device"),
    N_("Permission denied"),
    N_("Read-only file system"),
    N_("Is a directory"),
    N_("Not a directory"),
    N_("No such file or directory"),
    N_("Input should be a valid string"),
    N_("Input should be a valid integer"),
    N_("Input should be a valid integer, unable to parse string as an integer"),
    N_("Input should be a valid boolean"),
    N_("Input should be a valid tuple"),
)


def word(name: str) -> str:
    """Say a stored word in the reader's language; one that has no translation is said as it is."""
    return _(name)
