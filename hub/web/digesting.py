"""What the page of a discussion shows of its digest: the lines to choose from, a preview, where it may go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub.adapter import Publisher
from hub.discussions import digest as gathering
from hub.discussions.rendering import Form, render
from hub.discussions.tree import Discussion
from hub.i18n import N_, _, spoken
from hub.scheduling.hub import Hub
from hub.store.discussions import digests
from hub.users.roles import Permission, User
from hub.web.clean import foreign_html
from hub.web.narrowing import sees_all

_FORMS: Sequence[tuple[Form, str]] = (
    ("fragment", "HTML"),
    ("markdown", "Markdown"),
    ("json", "JSON (ActivityStreams)"),
    ("atom", "Atom"),
    ("text", N_("plain text")),
)


def facts_of(hub: Hub, user: User, found: Discussion, asked: str, only: Sequence[int]) -> dict[str, Any]:
    """Return what the page shows of the digest. Who does not see all of a discussion gets none of it."""
    facts: dict[str, Any] = {"digest_forms": (), "digest_html": "", "digest_source": "", "form": asked}
    facts |= {"digest_lines": (), "chosen": only, "publishers": (), "published": ()}
    if not sees_all(hub, user, found.id):
        return facts
    lines = gathering.lines(hub.store, found.id).said
    with hub.store.read() as connection:
        published = digests.open_ones(connection, found.id)
    facts |= {
        "digest_forms": [(value, _(name)) for value, name in _FORMS],
        "digest_lines": lines,
        "publishers": accounts_with(hub, user, Permission.PUBLISH, Publisher),
        "manners": [("post", _("a post of its own")), ("comments", _("comments under our post"))],
        "published": published,
    }
    form = next((value for value, _name in _FORMS if value == asked), None)
    if form is not None:
        chosen = gathering.lines(hub.store, found.id, only or None)
        text = render(chosen, form, language=spoken(), zone=hub.settings.zone)
        facts |= {"digest_html": foreign_html(text)} if form == "fragment" else {"digest_source": text}
    return facts


def accounts_with(hub: Hub, user: User, permission: Permission, role: type) -> list[str]:
    """Return the accounts with a role on which the user may do something."""
    return [
        name
        for name, account in sorted(hub.settings.accounts.items())
        if user.may(permission, name) and issubclass(hub.registry.adapter_class(account, hub.settings), role)
    ]
