"""What `hub` says about bad input: what, where, the mend, the right exit code, and nothing half-written."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

Hub = Callable[..., Any]


def posts_in(folder: Path) -> int:
    """Count the posts in the database of the folder, 0 if there is none."""
    if not (folder / "hub.db").exists():
        return 0
    with closing(sqlite3.connect(folder / "hub.db")) as connection:
        return int(connection.execute("SELECT count(*) FROM posts").fetchone()[0])


CLUB = '[accounts.club]\nplatform = "vk"\ngroup = 123\ntoken = { file = "token" }\n'
WRONG = {
    "wrong TOML": ("[hub\n", ["hub.toml is no TOML", "line 1"], "mend that line"),
    "an unknown table": ("[hubb]\n", ["hub.toml: hubb is no known key"], "did you mean hub?"),
    "an unknown key": (
        '[hub]\ntimezon = "UTC"\n',
        ["hub.toml: hub.timezon is no known key"],
        "did you mean timezone?",
    ),
    "an unknown key of a plugin": (
        CLUB + "grup = 5\n",
        ["hub.toml: accounts.club.grup is no known key"],
        "did you mean group?",
    ),
    "a missing secret": (
        CLUB.replace('{ file = "token" }', '{ env = "NO_SUCH_TOKEN" }'),
        ["hub.toml: accounts.club.token wants the environment variable NO_SUCH_TOKEN"],
        "export NO_SUCH_TOKEN=",
    ),
    "a missing secret in the vault": (
        CLUB.replace('{ file = "token" }', '{ vault = "t" }'),
        ["accounts.club.token wants t from the vault"],
        "hub vault put club t",
    ),
    "a plain-text secret": (
        CLUB.replace('{ file = "token" }', '"s3cr3t"'),
        ["accounts.club.token is a secret and stands there as plain text"],
        'token = { env = "CLUB_TOKEN" }',
    ),
    "an unknown platform": (
        '[accounts.club]\nplatform = "vkk"\n',
        ["hub.toml: accounts.club: no plugin knows the platform vkk"],
        "did you mean vk?",
    ),
    "a missing key": (
        CLUB.replace("group = 123\n", ""),
        ["hub.toml: accounts.club.group is missing"],
        "hub plugins",
    ),
    "two accounts for one remote page": (
        CLUB + CLUB.replace("club", "club2"),
        ["accounts.club and accounts.club2 are the same page on vk"],
        "keep one of them",
    ),
    "a route that names nothing": (
        CLUB + '[routes.r]\nfrom = ["club"]\nto = ["clu"]\n',
        ["hub.toml: routes.r.to names clu, which is no account"],
        "did you mean club?",
    ),
    "a time zone that is none": ('[hub]\ntimezone = "Mars"\n', ["hub.timezone: no such time zone"], ""),
    "an interval that is none": ('[schedule]\nlisten = "every now"\n', ["schedule.listen: write a number"], ""),
    "a database that is none": (
        '[hub]\ndatabase = "mysql://x"\n',
        ["hub.database is not an address of a database"],
        'write "sqlite:///hub.db"',
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_configuration_says_where_and_what_mends_it(hub: Hub, tmp_path: Path, case: str) -> None:
    text, parts, hint = WRONG[case]
    (tmp_path / "token").write_text("t")
    (tmp_path / "hub.toml").write_text(text)
    said = hub("check", "--json")
    assert said.code == 3
    assert said.err == ""
    assert said.error["code"] == "config"
    for part in parts:
        assert part in said.error["message"]
    assert hint in said.error["hint"]
    assert "s3cr3t" not in said.out


def test_a_configuration_that_is_not_there_names_it_and_init(hub: Hub) -> None:
    said = hub("posts")
    assert (said.code, said.out) == (3, "")
    assert said.err == (
        "Error: there is no hub.toml\n  make one with `hub init`, or name one with --config or HUB_CONFIG\n"
    )


def test_a_circle_of_routes_is_allowed(hub: Hub, tmp_path: Path, configured: Path) -> None:
    with configured.open("a") as file:
        file.write('[routes.a]\nfrom = ["club"]\nto = ["bird"]\n[routes.b]\nfrom = ["bird"]\nto = ["club"]\n')
    assert hub("post", "hello", "--to", "club", "--dry-run").code == 0


def test_a_newer_database_is_refused_with_the_mend(hub: Hub, configured: Path, tmp_path: Path) -> None:
    assert hub("db", "upgrade").code == 0
    with closing(sqlite3.connect(tmp_path / "hub.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    for command in (["posts"], ["tick"], ["db", "upgrade"]):
        said = hub(*command, "--json")
        assert (said.code, said.error["code"]) == (6, "store")
        assert "9999, which is newer than this program" in said.error["message"]
        assert "install the newer crosshub" in said.error["hint"]


def test_a_file_that_is_no_database_is_named_as_such(hub: Hub, configured: Path, tmp_path: Path) -> None:
    (tmp_path / "hub.db").write_bytes(b"this is no database, but it is long enough to be read as one" * 100)
    said = hub("posts", "--json")
    assert (said.code, said.error["code"]) == (6, "store")
    assert "damaged or none" in said.error["message"]


@pytest.fixture
def little_room() -> Iterator[Callable[[int], None]]:
    """Let SQLite find its disk full after so many pages more than there are."""
    pages = [0]

    def limit(connection: Any, _record: Any) -> None:
        if pages[0]:
            used = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {used + pages[0]}")

    sa.event.listen(sa.engine.Engine, "connect", limit)
    yield lambda extra: pages.__setitem__(0, extra)
    sa.event.remove(sa.engine.Engine, "connect", limit)


def test_a_full_disk_accepts_nothing_and_says_so(
    hub: Hub, configured: Path, tmp_path: Path, little_room: Callable[[int], None]
) -> None:
    assert hub("post", "small", "--to", "club").code == 0
    little_room(2)
    said = hub("post", "large " * 20_000, "--to", "club", "--json")
    assert (said.code, said.error["code"]) == (6, "store")
    assert said.error == {
        "code": "store",
        "message": "the disk of the database is full",
        "hint": "free some space; nothing was sent",
    }
    little_room(0)
    assert posts_in(tmp_path) == 1


POST = {
    "an empty post": (["post", " ", "--to", "club"], b"", "the post is empty", "give it a text"),
    "a NUL": (["post", "-", "--to", "club"], b"a\0b", "the text holds a NUL character", "take it out"),
    "a lone surrogate": (["post", "a\udc80b", "--to", "club"], b"", "a lone surrogate", "take it out"),
    "bytes that are no UTF-8": (["post", "-", "--to", "club"], b"\xff\xfe", "stdin is not in UTF-8", "convert"),
    "an unknown account": (["post", "x", "--to", "clubb"], b"", "clubb is no account", "did you mean club?"),
    "no account": (["post", "x", "--to", ","], b"", "no account is named", "--to club,page"),
    "an account that cannot publish": (["post", "x", "--to", "blog"], b"", "blog is on rss", "hub plugins"),
    "an image that is not there": (
        ["post", "x", "--to", "club", "--image", "no.png"],
        b"",
        "no.png cannot be read: No such file",
        "",
    ),
    "an image that is none": (
        ["post", "x", "--to", "club", "--image", "hub.toml"],
        b"",
        "hub.toml is a file of an unknown kind, not an image",
        "PNG, JPEG, GIF or WebP",
    ),
    "more descriptions than images": (
        ["post", "x", "--to", "club", "--alt", "a"],
        b"",
        "more descriptions than images",
        "--alt once",
    ),
    "a time that is none": (["post", "x", "--to", "club", "--at", "soon"], b"", "soon is no time", "2026-12-01"),
    "a time that the clocks skip": (
        ["post", "x", "--to", "club", "--at", "2030-03-31 02:30"],
        b"",
        "2030-03-31 02:30 does not exist in Europe/Berlin",
        '"2030-03-31 03:30"',
    ),
    "a link with a space": (
        ["post", "x", "--to", "club", "--link", "https://example.org/a b"],
        b"",
        "club cannot take this post: the link holds a space",
        "nothing was stored",
    ),
    "an unknown option": (["post", "x", "--too", "club"], b"", "No such option '--too'", "hub post --help"),
    "an empty answer": (["reply", "1", ""], b"", "there is no mention 1", "hub inbox"),
    "a post that is not there": (["edit", "7", "x"], b"", "there is no post 7", "hub posts"),
    "a delivery that is not there": (["settle", "7", "--again"], b"", "there is no delivery 7", "hub posts"),
    "two decisions at once": (["settle", "7", "--again", "--drop"], b"", "say one of", "hub posts"),
    "a discussion that is not there": (["discussion", "7"], b"", "there is no discussion 7", "hub discussions"),
    "an id of no kind": (["trace", "x:1"], b"", "x:1 is no id to trace", "post:5"),
    "an unknown command": (["nope"], b"", "No such command 'nope'", "hub --help"),
    "a thread of a platform without threads": (["watch", "blog", "1"], b"", "cannot read", "hub plugins"),
    "an address that the plugin cannot read": (
        ["watch", "bird", "https://example.org/none"],
        b"",
        "cannot read the post's id",
        "give the id",
    ),
    "an empty secret": (["vault", "put", "club", "t"], b" \n", "the secret is empty", "stdin"),
}


@pytest.mark.parametrize("case", POST)
def test_a_wrong_call_says_what_and_the_mend_and_stores_nothing(
    hub: Hub, configured: Path, tmp_path: Path, case: str
) -> None:
    args, stdin, message, hint = POST[case]
    said = hub(*args, "--json", stdin=stdin)
    assert said.code == 2, said.out
    assert said.err == ""
    assert said.error["code"] == "usage"
    assert message in said.error["message"]
    assert hint in said.error["hint"]
    assert posts_in(tmp_path) == 0


def test_an_error_for_people_goes_to_stderr_only(hub: Hub, configured: Path) -> None:
    said = hub("post", " ", "--to", "club")
    assert (said.code, said.out) == (2, "")
    assert said.err == "Error: the post is empty\n  give it a text, a link or an image\n"


def test_init_never_overwrites(hub: Hub, tmp_path: Path) -> None:
    assert hub("init").code == 0
    (tmp_path / "hub.toml").write_text("# mine\n")
    said = hub("init", "--json")
    assert (said.code, said.error["code"]) == (2, "usage")
    assert (tmp_path / "hub.toml").read_text() == "# mine\n"


def test_init_writes_a_configuration_that_works_as_it_is(hub: Hub) -> None:
    assert hub("init").code == 0
    assert hub("check", "--json").json == {"ok": True, "accounts": [], "stopped": None}


def test_init_into_a_folder_that_is_not_there_names_it(hub: Hub) -> None:
    said = hub("init", "--config", "no/hub.toml", "--json")
    assert (said.code, said.error["code"]) == (6, "unavailable")
    assert said.error["message"] == "no/hub.toml: No such file or directory"


def test_a_backup_that_cannot_be_written_leaves_no_file(hub: Hub, configured: Path, tmp_path: Path) -> None:
    assert hub("db", "upgrade").code == 0
    said = hub("db", "backup", "no/copy.db", "--json")
    assert (said.code, said.error["code"]) == (6, "store")
    assert "no/copy.db cannot be written" in said.error["message"]
    assert not (tmp_path / "no").exists()


def test_a_backup_never_overwrites(hub: Hub, configured: Path, tmp_path: Path) -> None:
    assert hub("db", "upgrade").code == 0
    (tmp_path / "copy.db").write_text("mine")
    assert hub("db", "backup", "copy.db").code == 2
    assert (tmp_path / "copy.db").read_text() == "mine"


def test_a_look_at_the_database_makes_none(hub: Hub, configured: Path, tmp_path: Path) -> None:
    (tmp_path / "hub.db").unlink()
    said = hub("db", "verify", "--json")
    assert (said.code, said.error["hint"]) == (2, "`hub db upgrade` makes it")
    assert not (tmp_path / "hub.db").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_may_not_be_written_is_no_traceback(hub: Hub, configured: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        said = hub("posts", "--json")
    finally:
        tmp_path.chmod(0o700)
    assert (said.code, said.error["code"]) == (6, "store")


def test_a_write_that_the_disk_refuses_is_no_traceback(
    hub_command: list[str], configured: Path, tmp_path: Path
) -> None:
    """`ulimit -f` stops every file at so many blocks, as a quota does. The first start writes most."""
    (tmp_path / "hub.db").unlink()
    words = " ".join(f"'{word}'" for word in [*hub_command, "posts", "--json"])
    done = subprocess.run(["bash", "-c", f"ulimit -f 40; {words}"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 6
    assert '"code": "store"' in done.stdout
    assert done.stderr == ""
