"""The System page: who does the work, how far behind it is, how large it all is, and which plugins complain."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse

from hub import dates
from hub.scheduling import health, standing
from hub.users.roles import Permission
from hub.web import amounts, pages
from hub.web.live import feed_of
from hub.web.routes import Room, TheHub, TheUser

room = Room()


@room.page("/system", may=Permission.READ)
def show(request: Request, hub: TheHub, user: TheUser) -> HTMLResponse:
    """Show all facts in tables; of the accounts those that the user may see."""
    found = health.facts(hub, hub.clock())
    mine = [one for one in found.accounts if user.accounts is None or one.name in user.accounts]
    return pages.render(
        request,
        "system.html",
        facts=found,
        standing=found.standing,
        behind=standing.BEHIND,
        rows=mine,
        seen={one.name for one in mine},
        worker_said=standing.said,
        span=dates.span,
        size=amounts.size,
        listeners=feed_of(request.app).listeners,
        shown_errors=user.accounts is None,
    )
