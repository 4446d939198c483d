"""What each role may do: the one place that decides."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from hub.i18n import N_


class Permission(StrEnum):
    """What somebody may be allowed to do. The scopes of API tokens bear the same names."""

    READ = "read"
    """See mentions, discussions, posts and the health of accounts."""
    RESPOND = "respond"
    """Answer people; give mentions a state, a person, labels and notes; undo joins."""
    DRAFT = "draft"
    """Write posts that another approves."""
    PUBLISH = "publish"
    """Send posts, approve drafts, settle deliveries in doubt, publish digests."""
    ADMIN = "admin"
    """Manage users and tokens, check and reconnect accounts, stop the hub."""


class Role(StrEnum):
    OWNER = "owner"
    PUBLISHER = "publisher"
    AUTHOR = "author"
    RESPONDER = "responder"
    READER = "reader"


MAY: Mapping[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.PUBLISHER: frozenset({Permission.READ, Permission.RESPOND, Permission.DRAFT, Permission.PUBLISH}),
    Role.AUTHOR: frozenset({Permission.READ, Permission.DRAFT}),
    Role.RESPONDER: frozenset({Permission.READ, Permission.RESPOND}),
    Role.READER: frozenset({Permission.READ}),
}


# Listed so that they are collected for translation; `hub.words.word` says them.
_WORDS = (
    N_("owner"),
    N_("publisher"),
    N_("author"),
    N_("responder"),
    N_("reader"),
    N_("read"),
    N_("respond"),
    N_("draft"),
    N_("admin"),
)


class User(NamedTuple):
    """Somebody who works with the hub.

    `accounts` are those that they may see and use, None for all. `scopes` bounds a call that is made with a token;
    None is no further bound. `language` and `theme` are "" while they follow the browser.
    """

    id: int
    name: str
    role: Role
    display_name: str = ""
    accounts: frozenset[str] | None = None
    language: str = ""
    theme: str = ""
    scopes: frozenset[Permission] | None = None

    @property
    def shown(self) -> str:
        return self.display_name or self.name

    def may(self, permission: Permission, account: str | None = None) -> bool:
        """Tell whether they may do something, on an account if one is named."""
        if permission not in MAY[self.role]:
            return False
        if self.scopes is not None and permission not in self.scopes:
            return False
        return account is None or self.accounts is None or account in self.accounts
