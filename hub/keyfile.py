"""Finds the key that the vault is locked with, or makes one."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from hub.errors import ConfigError

_BYTES = 32


def load_key(environment: Mapping[str, str], default: Path) -> bytes:
    """Return the key: from systemd's credentials, then HUB_KEY_FILE, then the file beside hub.toml.

    Only the last is made when it is absent. A file that others may read is refused.
    """
    credentials = environment.get("CREDENTIALS_DIRECTORY")
    if credentials and (Path(credentials) / "hub.key").exists():
        return _read(Path(credentials) / "hub.key")
    named = environment.get("HUB_KEY_FILE")
    if named:
        _refuse_readable(Path(named))
        return _read(Path(named))
    if not default.exists():
        _make(default)
    _refuse_readable(default)
    return _read(default)


def _make(path: Path) -> None:
    key = base64.b64encode(secrets.token_bytes(_BYTES))
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    except OSError as error:
        raise ConfigError("the key file {file} cannot be made: {why}", file=path, why=error) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(key + b"\n")


def _refuse_readable(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise ConfigError("the key file {file} cannot be read: {why}", file=path, why=error) from None
    if mode & 0o077:
        raise ConfigError("the key file {file} can be read by others", hint="chmod 600 {file}", file=path)


def _read(path: Path) -> bytes:
    try:
        key = base64.b64decode(path.read_bytes().strip(), validate=True)
    except (OSError, binascii.Error) as error:
        raise ConfigError("the key file {file} cannot be read: {why}", file=path, why=error) from None
    if len(key) != _BYTES:
        raise ConfigError("the key file {file} does not hold 32 bytes in base64", file=path)
    return key
