"""Opens an adapter on a double, without a configuration file or a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from hub.adapter import Adapter
from hub.http import Http
from hub.secrets import secret_values

A = TypeVar("A", bound=Adapter)


class MemoryVault:
    """A vault that forgets: for tests."""

    def __init__(self, **secrets: str) -> None:
        self.secrets: dict[str, str] = dict(secrets)

    def read(self, name: str) -> str | None:
        return self.secrets.get(name)

    def rotate(self, name: str, seen: str | None, renew: Callable[[str | None], str]) -> str:
        if self.secrets.get(name) == seen:
            self.secrets[name] = renew(seen)
        return self.secrets[name]


def open_adapter(
    adapter: type[A],
    settings: Mapping[str, Any],
    *,
    account: str = "test",
    vault: MemoryVault | None = None,
    deadline: float = 5.0,
    paced: bool = True,
) -> A:
    """Return the adapter with these settings (secrets as plain text), ready to call.

    `deadline` is in seconds. Without `paced` the plugin's own `calls_per_second` is not kept.
    """
    checked = adapter.Settings.model_validate(dict(settings))
    http = Http(
        checked.api_url,
        deadline=deadline,
        calls_per_second=adapter.calls_per_second if paced else None,
        secrets=secret_values(checked),
    )
    return adapter(account, checked, http, vault or MemoryVault())
