"""Accounts of CRMs as the docs write them, for tests that open them on a double."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from hub.settings import AccountOptions


def documented_account(file: Path, name: str, **changed: Any) -> dict[str, Any]:
    """Return the settings of an account in a TOML file, as the hub hands them to the plugin.

    `secret` takes the place of `auth.secret`; what else is named, of the key with that name.
    """
    account: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))["accounts"][name]
    assert account.pop("platform") == "crm_generic"
    secret = changed.pop("secret")
    assert set(account["auth"]["secret"]) == {"env"}
    account["auth"]["secret"] = secret
    for option in AccountOptions.model_fields:
        account.pop(option, None)
    return account | changed
