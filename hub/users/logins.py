"""Lets people log in with name and password, and bounds how often it may fail."""

from __future__ import annotations

from datetime import datetime, timedelta

from hub.errors import HubError, UnavailableError
from hub.store import Store
from hub.store.team import attempts
from hub.store.team import users as stored
from hub.store.team.attempts import Bound
from hub.users import people, sessions
from hub.users.passwords import check
from hub.users.randomness import digest_of

# The bound on a name alone is wide: whoever guesses from many addresses must not shut its owner out elsewhere.
BOUNDS = (
    Bound(5, timedelta(minutes=5), by_address=True, by_name=True),
    Bound(20, timedelta(minutes=5), by_address=True, by_name=False),
    Bound(50, timedelta(hours=1), by_address=False, by_name=True),
)
_LONGEST = 200


class LoginRefused(HubError):
    """The name or the password is wrong; which of both is nobody's business."""

    code = "login_refused"
    exit_code = 4


class TooManyLogins(HubError):
    """Logins failed too often; `retry_after` is in seconds."""

    code = "too_many_logins"
    exit_code = 4

    def __init__(self, wait: timedelta) -> None:
        self.retry_after = int(wait.total_seconds()) + 1
        super().__init__(
            "logging in failed too often",
            hint="try again in {minutes} min",
            minutes=-(-self.retry_after // 60),
        )


def log_in(
    store: Store, name: str, password: str, now: datetime, *, address: str, agent: str = "", old: str = ""
) -> str:
    """Judge name and password, and begin a session; return what the cookie is to say.

    `old` is the cookie from before, which ends. Raises `LoginRefused`, `TooManyLogins`, or `UnavailableError`
    when too many log in at once.
    """
    name = name.strip().casefold()[:_LONGEST]
    counted = digest_of(name)
    attempt, wait = store.write(attempts.begin, address, counted, BOUNDS, now)
    if not attempt:
        raise TooManyLogins(wait)
    with store.read() as connection:
        row = people.by_name(connection, name)
    known = row is not None and row.disabled_at is None
    try:
        verdict = check(password, row.password if row is not None and known else "")
    except UnavailableError:
        store.write(attempts.undo, attempt)
        raise
    if row is None or not verdict.right:
        raise LoginRefused("the name or the password is wrong", hint="type both again")
    store.write(attempts.succeeded, address, counted)
    if verdict.fresh:
        store.write(stored.replace_password, row.id, row.password, verdict.fresh)
    return sessions.begin(store, row.id, now, agent=agent, address=address, old=old)
