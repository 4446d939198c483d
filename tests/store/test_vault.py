"""The vault: a stolen database opens nothing, and a rotating token is renewed once."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.errors import ConfigError
from hub.keyfile import load_key
from hub.store import Store, migrate, tables
from hub.store.vault import StoreVault


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store.open(database_url)
    migrate.upgrade(opened)
    yield opened
    opened.close()


def vault(store: Store, account: str = "bird", key: bytes = b"k" * 32) -> StoreVault:
    return StoreVault(store, account, lambda: key)


def test_what_was_written_is_read(store: Store) -> None:
    vault(store).write("token", "секрет")
    vault(store).write("token", "новый секрет")
    assert vault(store).read("token") == "новый секрет"
    assert vault(store).read("other") is None


def test_the_database_holds_no_secret_in_plain(store: Store) -> None:
    vault(store).write("token", "very-secret-token")
    with store.read() as connection:
        row = connection.execute(tables.secrets.select()).one()
    assert b"very-secret" not in bytes(row.sealed)


def test_another_key_opens_nothing(store: Store) -> None:
    vault(store).write("token", "secret")
    with pytest.raises(ConfigError, match="cannot be opened with this key"):
        vault(store, key=b"x" * 32).read("token")


def test_a_secret_moved_to_another_account_does_not_open(store: Store) -> None:
    vault(store).write("token", "secret")
    store.write(lambda c: c.execute(tables.secrets.update().values(account="other")))
    with pytest.raises(ConfigError):
        vault(store, "other").read("token")


def test_twenty_threads_renew_a_token_once(store: Store) -> None:
    vault(store).write("token", "old")
    renewed: list[str | None] = []

    def renew(stored: str | None) -> str:
        renewed.append(stored)
        return "new"

    got: list[str] = []
    threads = [
        threading.Thread(target=lambda: got.append(vault(store).rotate("token", "old", renew))) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (renewed, set(got)) == (["old"], {"new"})


def test_a_renewal_that_fails_keeps_the_old_secret_and_frees_the_lease(store: Store) -> None:
    vault(store).write("token", "old")

    def renew(stored: str | None) -> str:
        raise OSError("no network")

    with pytest.raises(OSError, match="no network"):
        vault(store).rotate("token", "old", renew)
    assert vault(store).read("token") == "old"
    assert vault(store).rotate("token", "old", lambda stored: "new") == "new"


def _renew_in_process(url: str, counter: Path) -> None:
    def renew(stored: str | None) -> str:
        with counter.open("a") as file:
            file.write("x")
        return "new"

    opened = Store.open(url)
    assert vault(opened).rotate("token", "old", renew) == "new"
    opened.close()


@pytest.mark.timeout(300)
def test_eight_processes_renew_a_token_once(store: Store, database_url: str, tmp_path: Path) -> None:
    vault(store).write("token", "old")
    counter = tmp_path / "renewals"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_renew_in_process, args=(database_url, counter)) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(240)
    assert [process.exitcode for process in processes] == [0] * 8
    assert counter.read_text() == "x"


class TestKey:
    def test_a_key_is_made_once_and_readable_by_its_owner_only(self, tmp_path: Path) -> None:
        path = tmp_path / "hub.key"
        key = load_key({}, path)
        assert (load_key({}, path), len(key), path.stat().st_mode & 0o777) == (key, 32, 0o600)

    def test_a_key_that_others_can_read_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "hub.key"
        load_key({}, path)
        path.chmod(0o644)
        with pytest.raises(ConfigError, match="read by others") as caught:
            load_key({}, path)
        assert "chmod 600" in caught.value.hint

    def test_a_named_key_file_comes_before_the_default_and_systemds_before_both(self, tmp_path: Path) -> None:
        named, credentials = tmp_path / "named.key", tmp_path / "credentials"
        credentials.mkdir()
        first = load_key({}, named)
        system = load_key({}, credentials / "hub.key")
        environment = {"HUB_KEY_FILE": str(named)}
        assert load_key(environment, tmp_path / "hub.key") == first
        environment["CREDENTIALS_DIRECTORY"] = str(credentials)
        assert load_key(environment, tmp_path / "hub.key") == system
        assert not (tmp_path / "hub.key").exists()

    def test_a_key_file_that_is_none_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "hub.key"
        path.write_text("short")
        os.chmod(path, 0o600)  # noqa: PTH101
        with pytest.raises(ConfigError):
            load_key({}, path)
