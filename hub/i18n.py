"""Says things in the reader's language, by gettext."""

from __future__ import annotations

import gettext
import os
from collections.abc import Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.errors import HubError

DOMAIN = "hub"
# A text, as gettext takes it: pathlib would be a tenth of the time that `hub --help` takes.
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "locale")  # noqa: PTH100,PTH118,PTH120  # as said above
LANGUAGES = ("en", "ru")
# What says a language, first to last; the first that is set decides.
_VARIABLES = ("HUB_LANG", "LC_ALL", "LC_MESSAGES", "LANG")

# Facts that are words of ours and not names.
_SPOKEN = frozenset({"why", "what", "which", "state", "action"})

_current: gettext.NullTranslations = gettext.NullTranslations()
# What one reader of many is spoken to in: a page is made for each in their own language.
_spoken: ContextVar[gettext.NullTranslations | None] = ContextVar("spoken", default=None)


def choose(option: str | None, environment: Mapping[str, str]) -> str:
    """Return the language that is meant, `en` for one that there is no catalogue of."""
    named = option or next((environment[name] for name in _VARIABLES if environment.get(name)), "")
    language = named.replace("-", "_").partition("_")[0].partition(".")[0].lower()
    return language if language in LANGUAGES else LANGUAGES[0]


@lru_cache(maxsize=len(LANGUAGES) + 1)
def catalogue(language: str) -> gettext.NullTranslations:
    """Return a language's messages; those of English are the messages themselves."""
    return gettext.translation(DOMAIN, FOLDER, [language], fallback=True)


def use(language: str) -> None:
    """Let this process speak a language, click's own words too."""
    global _current
    _current = catalogue(language)
    gettext.bindtextdomain(DOMAIN, FOLDER)
    gettext.textdomain(DOMAIN)
    # The one door to the words of click, which asks gettext, which asks this variable first.
    os.environ["LANGUAGE"] = language


def speak(language: str) -> None:
    """Let what is said from here on in this request or task be in a language, whatever the process speaks."""
    _spoken.set(catalogue(language))


def _words() -> gettext.NullTranslations:
    return _spoken.get() or _current


def spoken() -> str:
    """Name the language that is spoken here and now."""
    return str(_words().info().get("language") or LANGUAGES[0])


def _(message: str) -> str:
    """Translate a text. Called where it is said; help texts are said when their module is imported."""
    return _words().gettext(message) if message else ""


def ngettext(one: str, many: str, count: int) -> str:
    """Translate a text that counts something."""
    return _words().ngettext(one, many, count)


def N_(message: str) -> str:  # noqa: N802  # gettext's own name for this
    """Mark a text that is translated later."""
    return message


def words_of(error: HubError, words: gettext.NullTranslations | None = None) -> tuple[str, str]:
    """Return an error's message and mend in a language (the current one), filled with its facts."""
    chosen = words or _words()
    facts = {name: _fact(name, value, chosen) for name, value in error.facts.items()}
    return _filled(error.message, facts, chosen), _filled(error.hint, facts, chosen)


def _filled(template: str, facts: Mapping[str, object], words: gettext.NullTranslations) -> str:
    text = words.gettext(template) if template else ""
    if not facts:
        return text
    try:
        return text.format_map(dict(facts))
    except (KeyError, IndexError, ValueError, AttributeError):
        # A hint that was filled where it was made may hold braces of its own.
        return text


def _fact(name: str, value: object, words: gettext.NullTranslations) -> object:
    """A fact may be an error, or words of ours, such as a reason; names and numbers stay as they are."""
    from hub.errors import HubError

    if isinstance(value, HubError):
        return words_of(value, words)[0]
    if isinstance(value, Exception):
        return _reason(value, words)
    return words.gettext(value) if name in _SPOKEN and isinstance(value, str) and value else value


def _reason(error: Exception, words: gettext.NullTranslations) -> str:
    if isinstance(error, OSError) and error.strerror:
        return words.gettext(error.strerror)
    return words.gettext(str(error)) if str(error) else type(error).__name__
