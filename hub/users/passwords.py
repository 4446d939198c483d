"""Keeps passwords as argon2id hashes, and bounds what guessing costs us."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from hub.errors import UnavailableError, UsageError

if TYPE_CHECKING:
    from pwdlib import PasswordHash

SHORTEST = 10
LONGEST_BYTES = 1024
# Memory in KiB, passes, lanes: RFC 9106's second choice, about 0.2 s and 64 MiB a hash.
_MEMORY, _PASSES, _LANES = 64 * 1024, 3, 4
# Each hash takes 64 MiB: so many at once, and so many in line, each for so many seconds.
_AT_ONCE, _IN_LINE, _PATIENCE = 2, 8, 10.0


class Verdict(NamedTuple):
    """Whether a password is right, and the stronger hash to keep in place of the old one ("": keep it)."""

    right: bool
    fresh: str = ""


def make_hash(password: str, name: str = "") -> str:
    """Hash a new password; raise `UsageError` for one that is too short, too long, or easily guessed."""
    prepared = _prepare(password)
    if prepared is None:
        raise UsageError(
            "the password is longer than {most} bytes", hint="choose a shorter one", most=LONGEST_BYTES
        )
    if len(password) < SHORTEST:
        raise UsageError(
            "the password is shorter than {least} characters",
            hint="choose a longer one; a sentence is easy to remember",
            least=SHORTEST,
        )
    plain = password.casefold()
    if len(set(plain)) < SHORTEST // 2 or (name and plain.replace(name.casefold(), "").strip("0123456789") == ""):
        raise UsageError("the password is easily guessed", hint="choose one of several words")
    with _turn():
        return _hasher().hash(prepared)


def check(password: str, stored: str) -> Verdict:
    """Judge a password. With no stored hash ("") it is wrong, and takes as long as any other."""
    prepared = _prepare(password)
    with _turn():
        right, fresh = _hasher().verify_and_update(prepared or b"", stored or _dummy())
    if not right or not stored or prepared is None:
        return Verdict(False)
    return Verdict(True, fresh or "")


def _prepare(password: str) -> bytes | None:
    """Return the bytes that are hashed, the same for every keyboard; None for what is no password."""
    try:
        prepared = unicodedata.normalize("NFKC", password[: LONGEST_BYTES + 1]).encode()
    except UnicodeEncodeError:
        return None
    return prepared if len(prepared) <= LONGEST_BYTES else None


@lru_cache(maxsize=1)
def _hasher() -> PasswordHash:
    from pwdlib import PasswordHash
    from pwdlib.hashers.argon2 import Argon2Hasher

    return PasswordHash((Argon2Hasher(time_cost=_PASSES, memory_cost=_MEMORY, parallelism=_LANES),))


@lru_cache(maxsize=1)
def _dummy() -> str:
    """A hash that no password fits; checked for an unknown user, so that the time tells nobody who is known."""
    salt, digest = "A" * 22, "A" * 43
    return f"$argon2id$v=19$m={_MEMORY},t={_PASSES},p={_LANES}${salt}${digest}"


_hashing = threading.BoundedSemaphore(_AT_ONCE)
_line = threading.BoundedSemaphore(_AT_ONCE + _IN_LINE)


@contextmanager
def _turn() -> Iterator[None]:
    """Wait for a turn to hash; raise `UnavailableError` when too many wait, so that they take no thread."""
    if not _line.acquire(blocking=False):
        raise _busy()
    try:
        if not _hashing.acquire(timeout=_PATIENCE):
            raise _busy()
        try:
            yield
        finally:
            _hashing.release()
    finally:
        _line.release()


def _busy() -> UnavailableError:
    return UnavailableError("too many people log in just now", hint="try again in a few seconds")
