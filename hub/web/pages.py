"""Makes pages of templates, in the reader's language, by the hub's clock."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from importlib import resources
from typing import Any

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse

from hub.i18n import LANGUAGES, _, ngettext, speak
from hub.web.routes import hub_of, user_of
from hub.words import word

_STATIC = resources.files("hub.web") / "static"
_templates = jinja2.Environment(
    loader=jinja2.PackageLoader("hub.web"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)
_templates.globals |= {"_": _, "ngettext": ngettext, "word": word}


def asset(name: str) -> str:
    """Return the address of a static file; it changes with the content, so that browsers may keep it for ever."""
    content = (_STATIC / name).read_bytes()
    return f"/static/{name}?v={sha256(content).hexdigest()[:10]}"


_templates.globals["asset"] = asset


def language_of(request: Request) -> str:
    """Say which language to speak: the user's own, the cookie's, the browser's first that there is, English."""
    user = user_of(request)
    wanted = [user.language if user else "", request.cookies.get("language", "")]
    wanted += [part.split(";")[0].strip() for part in request.headers.get("accept-language", "").split(",")]
    for one in wanted:
        if (short := one.partition("-")[0].lower()) in LANGUAGES:
            return short
    return LANGUAGES[0]


def render(request: Request, template: str, status: int = 200, **facts: Any) -> HTMLResponse:
    """Make a page. Every template knows `request`, `user`, `language`, `theme`, `hub`, `when(time)` and `path`."""
    hub = hub_of(request)
    user = user_of(request)
    language = language_of(request)
    speak(language)

    def when(moment: datetime | None) -> str:
        return "" if moment is None else moment.astimezone(hub.settings.zone).strftime("%Y-%m-%d %H:%M")

    page = _templates.get_template(template).render(
        request=request,
        user=user,
        language=language,
        theme=(user.theme if user else "") or request.cookies.get("theme", ""),
        hub=hub,
        when=when,
        path=request.url.path,
        **facts,
    )
    return HTMLResponse(page, status)
