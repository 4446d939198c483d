"""The words that the store keeps in English and people read in their language."""

from __future__ import annotations

from hub.cli.i18n import N_, _

# Listed so that they are collected for translation: states, outcomes, actions, kinds of work and of mentions.
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
    N_("refused"),
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
    N_("comment"),
    N_("reply"),
    N_("mention"),
    N_("review"),
    N_("message"),
)


def word(name: str) -> str:
    """Say a stored word in the reader's language; one that has no translation is said as it is."""
    return _(name)
