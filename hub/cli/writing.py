"""Writes a new account into hub.toml, all else left as it is to the byte, with its secrets: both or neither."""

from __future__ import annotations

import os
import re
import signal
import tempfile
import threading
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import tomlkit
from sqlalchemy.engine import Connection

from hub import settings
from hub.errors import ConfigError, HubError
from hub.settings import Settings
from hub.store import Store
from hub.store.vault import StoreVault

_HEAD = re.compile(r"^[ \t]*\[.*", re.MULTILINE)
_ACCOUNT = re.compile(r"\s*\[\s*accounts\b")


class StagedVault:
    """The vault of an account that is not there yet: what it holds is kept when the account is."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}

    def read(self, name: str) -> str | None:
        return self.secrets.get(name)

    def rotate(self, name: str, seen: str | None, renew: Callable[[str | None], str]) -> str:
        """Replace a secret; see `hub.adapter.Vault`."""
        stored = self.secrets.get(name)
        if stored is None or stored == seen:
            stored = self.secrets[name] = renew(stored)
        return stored


class Draft:
    """hub.toml with one more account, in a file beside it. `settings` are what it will say."""

    def __init__(self, path: Path, before: bytes, file: Path, loaded: Settings) -> None:
        self.settings = loaded
        self._path = path
        self._before = before
        self._file = file

    def keep(
        self, store: Store, account: str, secrets: Mapping[str, str], also: Callable[[Connection], None]
    ) -> None:
        """Put the draft in hub.toml's place, the secrets into the vault, and do `also`: all of it, or nothing.

        Raises `ConfigError` if somebody has changed hub.toml since.
        """
        after = self._file.read_bytes()

        def work(connection: Connection) -> None:
            vault = StoreVault(store, account, self.settings.key)
            for name, secret in secrets.items():
                vault.put(connection, name, secret)
            also(connection)
            # Last, and within the transaction: what fails before leaves the file, and two of us take turns.
            if self._path.read_bytes() != self._before:
                raise ConfigError(
                    "{file} was changed by somebody else", hint="run the command again", file=self._path
                )
            self._file.replace(self._path)
            _sync(self._path.parent)

        with _without_interrupt():
            try:
                store.write(work)
            except BaseException:
                if self._path.read_bytes() == after != self._before:
                    with _beside(self._path, self._before) as old:
                        old.replace(self._path)
                raise


@contextmanager
def draft(path: Path, account: str, values: Mapping[str, Any]) -> Iterator[Draft]:
    """Write hub.toml with one more account into a file beside it, and check it; at the end the file is gone."""
    before = path.read_bytes()
    with _beside(path, with_account(before.decode(), account, values, path).encode()) as file:
        try:
            loaded = settings.load(file)
        except HubError as error:
            error.facts["file"] = path
            raise
        loaded.path = path
        yield Draft(path, before, file, loaded)


def with_account(text: str, account: str, values: Mapping[str, Any], path: Path) -> str:
    """Return hub.toml with the account's table after the last one of another account, or at the end.

    Raises `ConfigError` where the accounts are written in a way that leaves no place for a table.
    """
    end = "\r\n" if "\r\n" in text else "\n"
    table = _table(account, values)
    known = tomllib.loads(text)
    wanted = {**known, "accounts": {**known.get("accounts", {}), **tomllib.loads(table)["accounts"]}}
    for place in (_after_accounts(text), len(text)):
        above, below = text[:place], text[place:]
        if above and not above.endswith("\n"):
            above += end
        gap = end if above and not above.endswith((end + end, "\n\n")) else ""
        tail = end if below.strip() and not below.startswith(("\n", "\r\n")) else ""
        made = above + gap + table.replace("\n", end) + tail + below
        # What looks like the head of a table may stand within a text or a list; then this is no TOML, or another.
        with suppress(tomllib.TOMLDecodeError):
            if tomllib.loads(made) == wanted:
                return made
    raise ConfigError(
        "{file} has no place for another account",
        hint="write each of the accounts as a table of its own: [accounts.NAME]",
        file=path,
    )


def _after_accounts(text: str) -> int:
    """Return where the last account's table ends: before the blank line and the comments of what follows it."""
    heads = list(_HEAD.finditer(text))
    last = max((number for number, head in enumerate(heads) if _ACCOUNT.match(head[0])), default=None)
    if last is None:
        return len(text)
    start = heads[last].start()
    end = heads[last + 1].start() if last + 1 < len(heads) else len(text)
    lines = text[start:end].splitlines(keepends=True)
    said = max(number for number, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#"))
    blank = next((number for number in range(said, len(lines)) if not lines[number].strip()), len(lines))
    return start + sum(map(len, lines[:blank]))


def _table(account: str, values: Mapping[str, Any]) -> str:
    table = tomlkit.table()
    for key, value in values.items():
        table.add(key, tomlkit.value(_inline(value)))
    accounts = tomlkit.table(is_super_table=True)
    accounts.add(account, table)
    document = tomlkit.document()
    document.add("accounts", accounts)
    return tomlkit.dumps(document)


def _inline(value: Any) -> str:
    """Write a value on one line, tables with spaces inside their braces as in the rest of hub.toml."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{tomlkit.key(key).as_string()} = {_inline(one)}" for key, one in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_inline(one) for one in value)}]"
    return str(tomlkit.item(value).as_string())


@contextmanager
def _beside(path: Path, content: bytes) -> Iterator[Path]:
    """Give a file with the mode and the owner of `path`, in its folder; it is gone afterwards."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    file = Path(name)
    try:
        with os.fdopen(handle, "wb") as open_file:
            state = path.stat()
            if (state.st_uid, state.st_gid) != (os.geteuid(), os.getegid()):
                with suppress(PermissionError):
                    os.fchown(handle, state.st_uid, state.st_gid)
            os.fchmod(handle, state.st_mode & 0o7777)
            open_file.write(content)
            open_file.flush()
            os.fsync(handle)
        yield file
    finally:
        file.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Let the new name reach the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _without_interrupt() -> Iterator[None]:
    """Let Ctrl+C come before or after, never between the file and the vault."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
