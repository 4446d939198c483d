"""`hub db move`: from SQLite to PostgreSQL and back, with the vault and its key, and killed in the middle."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.conftest import CONFIG, HUB, Hub
from conftest import named, psycopg_to
from store.anything import fill

from hub.store import Store
from hub.store.moving.move import UNFINISHED


@pytest.fixture
def empty(postgresql: str) -> Iterator[str]:
    """The address of a PostgreSQL database without any table."""
    with psycopg_to(postgresql) as connection:
        connection.execute("CREATE DATABASE moved_by_hand")
    yield named(postgresql, "moved_by_hand")
    with psycopg_to(postgresql) as connection:
        connection.execute("DROP DATABASE moved_by_hand WITH (FORCE)")


def use(folder: Path, address: str) -> None:
    """Name the database in hub.toml."""
    text = CONFIG.replace("[hub]\n", f"[hub]\ndatabase = {json.dumps(address)}\n")
    (folder / "hub.toml").write_text(text, encoding="utf-8")


def test_the_story_goes_on_where_it_was_moved_to(hub: Hub, configured: Path, tmp_path: Path, empty: str) -> None:
    assert hub("post", "Hello", "--to", "club").code == 0
    assert hub("vault", "put", "bird", "token", stdin=b"renewed\n").code == 0
    there = hub("db", "move", "current", empty, "--json")
    assert (there.code, there.json["source"]) == (0, f"sqlite:///{tmp_path}/hub.db")
    use(tmp_path, empty)
    posts = hub("posts", "--json").json["posts"]
    assert [post["text"] for post in posts] == ["Hello"]
    back = hub("db", "move", empty, "sqlite:///back.db", "--json")
    assert back.json["line"] == f'database = "sqlite:///{tmp_path}/back.db"'
    use(tmp_path, "sqlite:///back.db")
    assert hub("posts", "--json").json["posts"] == posts
    # The key beside hub.toml opens what was sealed before the moves.
    from hub import settings
    from hub.store.vault import StoreVault

    chosen = settings.load(tmp_path / "hub.toml")
    store = Store.open(chosen.database_url)
    assert StoreVault(store, "bird", chosen.key).read("token") == "renewed"
    store.close()


def test_a_person_is_told_what_to_write_where(hub: Hub, configured: Path, tmp_path: Path, empty: str) -> None:
    hub("post", "Hello", "--to", "club")
    said = hub("db", "move", "sqlite:///hub.db", empty.replace("postgres:@", "postgres:secret@"))
    assert said.code == 0
    assert "counts and hashes are the same on both sides" in said.out
    assert 'database = "postgresql://postgres@' in said.out
    assert "~/.pgpass" in said.out
    assert "secret" not in said.out + said.err
    stop = hub("stop", "--json").json["stopped"]
    assert stop["reason"].startswith("moved to postgresql")


def test_two_names_for_one_database_are_refused(hub: Hub, configured: Path, tmp_path: Path) -> None:
    hub("db", "upgrade")
    said = hub("db", "move", "current", f"sqlite:///{tmp_path}/hub.db")
    assert (said.code, "the same database" in said.err) == (2, True)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_move_that_is_killed_leaves_an_empty_target_and_the_source_as_it_was(
    hub: Hub, configured: Path, tmp_path: Path, empty: str, kind: str
) -> None:
    hub("db", "upgrade")
    store = Store.open(f"sqlite:///{tmp_path}/hub.db")
    with store.engine.begin() as connection:
        fill(connection, 1, rows=400)
    store.close()
    before = (tmp_path / "hub.db").read_bytes()
    target = empty if kind == "postgresql" else "sqlite:///other.db"
    main, terminal = pty.openpty()
    process = subprocess.Popen(
        [*HUB, "db", "move", "current", target, "--even-so"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=terminal,
    )
    os.close(terminal)
    seen = b""
    while (
        b"10%" not in seen and b"20%" not in seen and b"30%" not in seen and select.select([main], [], [], 60)[0]
    ):
        seen += os.read(main, 4096)
    process.send_signal(signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
    os.close(main)
    assert (tmp_path / "hub.db").read_bytes() == before
    assert (tmp_path / f"other.db{UNFINISHED}").exists() is (kind == "sqlite")
    assert not (tmp_path / "other.db").exists()
    for _ in range(50):
        said = hub("db", "move", "current", target, "--even-so", "--json")
        if said.code == 0:
            break
        # The server has not yet noticed that the other end is gone.
        time.sleep(0.2)
    assert said.json["rows"] >= 400 * 50
    assert not (tmp_path / f"other.db{UNFINISHED}").exists()


def test_a_backup_is_put_back_and_the_hub_stopped(hub: Hub, configured: Path, tmp_path: Path) -> None:
    hub("post", "Kept", "--to", "club")
    assert hub("db", "backup", "kept.db", "--json").json["bytes"] == (tmp_path / "kept.db").stat().st_size
    hub("post", "Later", "--to", "club")
    refused = hub("db", "restore", "kept.db")
    assert (refused.code, "--replace" in refused.err) == (2, True)
    said = hub("db", "restore", "kept.db", "--replace")
    assert "1 delivery was due before now and may be out." in said.out
    assert "before-restore-" in said.out
    assert "The hub is stopped." in said.out
    assert [post["text"] for post in hub("posts", "--json").json["posts"]] == ["Kept"]
    assert hub("stop", "--json").json["stopped"]["reason"] == "restored from kept.db"
    again = hub("db", "restore", "kept.db", "--replace", "--nothing-since", "--json")
    assert (again.json["in_doubt"], again.json["stopped"]) == (None, False)
    assert hub("resume", "--json").json["changed"] is False
