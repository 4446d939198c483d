"""A clock that never shows the same time twice."""

from __future__ import annotations

from datetime import datetime

from support import Clock


class Ticking(Clock):
    """A clock that goes on by a moment whenever it is asked."""

    def __call__(self) -> datetime:
        self.forward(milliseconds=20)
        return self.now
