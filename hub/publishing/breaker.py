"""The circuit breaker: ends a turn's publishing when its network is in trouble."""

from __future__ import annotations

from hub.errors import HubError, OverBudget, TransientError

# So many attempts in a row must come to nothing before the network, and not the post, is to blame.
TROUBLES = 3


class Breaker:
    """Counts what came to nothing in one turn. With `half_open` the account failed before: one is enough then.

    A sign of life closes it: the network took a post, or refused it with a reason.
    """

    def __init__(self, *, half_open: bool = False) -> None:
        self._most = 1 if half_open else TROUBLES
        self._in_a_row = 0
        self._blind: HubError | None = None

    @property
    def blind(self) -> bool:
        """Tell whether the network could not even be looked at in this turn."""
        return self._blind is not None

    def answered(self) -> None:
        """Note that the network did what was asked, or said why it will not."""
        self._most, self._in_a_row = TROUBLES, 0

    def trouble(self, error: HubError, why: str) -> None:
        """Note that an attempt came to nothing; raise `TransientError` if that is enough for this turn.

        That is at once where the network says how long it wants to be left alone. `why` is `error` without
        secrets.
        """
        if isinstance(error, OverBudget):
            raise error
        if isinstance(error, TransientError) and error.retry_after is not None:
            raise TransientError("{why}", retry_after=error.retry_after, why=why)
        self._in_a_row += 1
        if self._in_a_row < self._most:
            return
        if self._most < TROUBLES:
            raise TransientError("the network is still in trouble: {why}", why=why)
        raise TransientError(
            "{count} attempts in a row came to nothing, the last one so: {why}", count=self._in_a_row, why=why
        )

    def cannot_look(self, error: TransientError, why: str) -> None:
        """Note that a look at the network failed: there are no more of them in this turn, what is sent is sent."""
        if isinstance(error, OverBudget):
            raise error
        if error.retry_after is not None:
            raise TransientError("{why}", retry_after=error.retry_after, why=why)
        self._blind = TransientError("the network cannot be looked at: {why}", why=why)

    def close(self) -> None:
        """End the turn; raise `TransientError` if the network could not be looked at."""
        if self._blind is not None:
            raise self._blind
