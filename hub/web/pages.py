"""Makes pages of templates, in the reader's language, by the hub's clock."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import date, datetime, tzinfo
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Any
from zlib import crc32

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse

from hub import dates
from hub.i18n import LANGUAGES, _, ngettext, speak
from hub.web import health
from hub.web.routes import hub_of, user_of
from hub.words import word

# The colours that the marks of sites and people are told apart by; the name is always written beside them.
_TINTS = 8
# Each language by its own name, for somebody who does not read the one that the page is in.
_NAMES = {"en": "English", "ru": "Русский"}

# The time and the zone of the page that is being made; macros know nothing of its other facts.
_clock: ContextVar[tuple[datetime, tzinfo]] = ContextVar("clock")

_STATIC = resources.files("hub.web") / "static"
_templates = jinja2.Environment(
    loader=jinja2.PackageLoader("hub.web"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)


@cache
def version_of(name: str) -> str:
    """Return what stands for the content of a static file in its address."""
    return sha256(_STATIC.joinpath(*name.split("/")).read_bytes()).hexdigest()[:10]


def asset(name: str) -> str:
    """Return the address of a static file; it changes with the content, so that browsers may keep it for ever."""
    return f"/static/{name}?v={version_of(name)}"


def tint(name: str) -> int:
    """Return which of the tints a name has, the same in every process."""
    return crc32(name.encode()) % _TINTS


def initials(name: str) -> str:
    """Return the first letters of a name, for where a face would be."""
    words = [part for part in name.replace("@", " ").replace("_", " ").split() if part[0].isalnum()]
    return "".join(part[0] for part in words[:2]).upper() or "·"


def when(moment: datetime | None) -> str:
    """Say a time in a page; "" for none."""
    return "" if moment is None else dates.said(moment, *_clock.get())


def day(moment: date) -> str:
    """Say a day in a page."""
    now, zone = _clock.get()
    return dates.said_day(moment, now.astimezone(zone).date())


_templates.globals |= {
    "_": _,
    "ngettext": ngettext,
    "word": word,
    "asset": asset,
    "tint": tint,
    "initials": initials,
    "when": when,
    "day": day,
    "languages": [(language, _NAMES[language]) for language in LANGUAGES],
}


def language_of(request: Request) -> str:
    """Say which language to speak: the user's own, the cookie's, the browser's first that there is, English."""
    user = user_of(request)
    wanted = [user.language if user else "", request.cookies.get("language", "")]
    wanted += [part.split(";")[0].strip() for part in request.headers.get("accept-language", "").split(",")]
    for one in wanted:
        if (short := one.partition("-")[0].lower()) in LANGUAGES:
            return short
    return LANGUAGES[0]


def theme_of(request: Request) -> str:
    """Say which look is wanted: "light", "dark", or "" for that of the reader's system."""
    user = user_of(request)
    wanted = (user.theme if user else "") or request.cookies.get("theme", "")
    return wanted if wanted in ("light", "dark") else ""


def render(request: Request, template: str, status: int = 200, **facts: Any) -> HTMLResponse:
    """Make a page.

    Every template and macro knows the functions above; a template besides `request`, `user`, `language`, `theme`,
    `hub`, `path`, `here` (the address, to come back to), `now`, and what the layout shows: `cursor` and `broken`.
    """
    hub = hub_of(request)
    user = user_of(request)
    language = language_of(request)
    speak(language)
    now = hub.clock()
    _clock.set((now, hub.settings.zone))
    page = _templates.get_template(template).render(
        request=request,
        user=user,
        language=language,
        theme=theme_of(request),
        hub=hub,
        now=now,
        path=request.url.path,
        here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        cursor=getattr(request.state, "cursor", None),
        broken=() if user is None else health.banner(hub, user),
        **facts,
    )
    return HTMLResponse(page, status)
