"""What can go wrong, named by what the hub does next."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from datetime import datetime

    from hub.models import Receipt


class HubError(Exception):
    """Carry a message, its facts and the mend.

    `message` and `hint` are templates in English; `facts` fill them. They are kept apart so that the command
    line and the page can say the same in another language. A message without facts is taken as it stands.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", **facts: object) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.facts = facts

    def __str__(self) -> str:
        return self.message.format_map(self.facts) if self.facts else self.message


class UsageError(HubError):
    """The command was called with something it cannot use."""

    code = "usage"
    exit_code = 2


class ConfigError(HubError):
    """hub.toml, or something that it points to, is wrong."""

    code = "config"
    exit_code = 3


class StoreError(HubError):
    """The database cannot be used: absent, newer than this program, full, or not to be reached."""

    code = "store"
    exit_code = 6


class StoreAway(StoreError):
    """The database was out of reach, or in somebody else's hands: surely nothing was stored; later it can be."""


class StoreUnsure(StoreError):
    """The database went away in the middle of a commit, and nothing can tell whether it was one."""


class UnavailableError(HubError):
    """Something on this machine that the command needs is taken or gone, such as a port."""

    code = "unavailable"
    exit_code = 6


class StoppedError(UnavailableError):
    """A person has stopped the hub: nothing is written to any network until it goes on."""

    code = "stopped"

    def __init__(self, *, since: datetime, reason: str = "") -> None:
        why = f": {reason}" if reason else ""
        super().__init__(
            "the hub was stopped at {since}{why}",
            hint="`hub resume` lets it go on",
            since=since.isoformat(timespec="seconds"),
            why=why,
        )


class PluginError(HubError):
    """A plugin broke the contract; the message names it."""

    code = "plugin"


class TransientError(HubError):
    """Surely nothing was done; worth another try.

    `retry_after` is in seconds; None leaves the wait to the hub. `whole_app` says that the network counts the
    calls of all accounts of the app together, and refuses all of them.
    """

    code = "transient"
    exit_code = 6

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        whole_app: bool = False,
        hint: str = "",
        **facts: object,
    ) -> None:
        super().__init__(message, hint=hint, **facts)
        self.retry_after = retry_after
        self.whole_app = whole_app


class OverBudget(TransientError):
    """Our own budget of calls has no room: nothing was sent, and the network is not to blame."""

    code = "budget"


class AuthError(HubError):
    """The credentials no longer work, or a person must prove something; the account is paused."""

    code = "auth"
    exit_code = 4


class RejectedError(HubError):
    """The network will never take this item; the message is the network's reason."""

    code = "rejected"


class GoneError(RejectedError):
    """What was asked for is not there, or no longer."""

    code = "gone"


class StaleCursor(RejectedError):
    """The network no longer knows this bookmark; raised by a reading verb that was given one.

    The hub reads from the start, and tells nobody of what is old.
    """

    code = "stale_cursor"


class StaleRecord(RejectedError):
    """A record has changed since the hub last saw it, and nothing was written.

    The hub reads it again and merges what both sides changed.
    """

    code = "stale_record"


class DuplicateError(HubError):
    """The network says that it has this post already.

    `receipt` is the one it has, when it tells; otherwise the hub looks for it.
    """

    code = "duplicate"

    def __init__(self, message: str, *, receipt: Receipt | None = None, hint: str = "", **facts: object) -> None:
        super().__init__(message, hint=hint, **facts)
        self.receipt = receipt


class UnknownOutcome(HubError):
    """It may have been done: the request left, and no answer says what became of it."""

    code = "unknown"
    exit_code = 7
