"""Ways in which a turn of a sync is struck: a call that fails, a process that dies at a call or at a commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from contacts.memory_crm import MemoryCrm

from hub.store import Store


class Crash(BaseException):
    """The process dies: nothing after this moment runs."""


class Falling:
    """A store whose process dies at one of its commits: just before it, or just after."""

    def __init__(self, store: Store, at: int, after: bool) -> None:
        self._store, self._left, self._after = store, at, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def write(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._left -= 1
        if self._left < 0 and not self._after:
            raise Crash
        result = self._store.write(work, *args, **kwargs)
        if self._left < 0:
            raise Crash
        return result


@contextmanager
def struck(crm: MemoryCrm, when: str, at: int, error: BaseException) -> Iterator[None]:
    """Let one of the CRM's writes, the one of that number, raise an error `before` or `after` it is done."""
    left = [at]

    def strike(verb: str, _: str | None) -> None:
        left[0] -= 1
        if left[0] == -1:
            raise error

    setattr(crm, when, strike)
    try:
        yield
    finally:
        setattr(crm, when, lambda verb, remote_id: None)


@contextmanager
def dying() -> Iterator[None]:
    """Let the process die in this, and go on in a new one."""
    with suppress(Crash):
        yield
