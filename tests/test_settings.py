"""hub.toml: what is read from it, and that every message says where, what, and what mends it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from hub.errors import ConfigError
from hub.settings import find_path, load, webhook_secret


def write(folder: Path, text: str) -> Path:
    path = folder / "hub.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_everything_has_a_default(tmp_path: Path) -> None:
    settings = load(write(tmp_path, ""), {})
    assert settings.database_url == f"sqlite:///{tmp_path / 'hub.db'}"
    assert (settings.zone.key, settings.schedule.listen) == ("UTC", "every 5m")
    assert (dict(settings.accounts), dict(settings.routes)) == ({}, {})


def test_the_option_comes_before_the_environment_and_that_before_the_folder() -> None:
    assert find_path("a.toml", {"HUB_CONFIG": "b.toml"}) == Path("a.toml")
    assert find_path(None, {"HUB_CONFIG": "b.toml"}) == Path("b.toml")
    assert find_path(None, {}) == Path("hub.toml")


def test_an_account_keeps_what_is_its_plugins(tmp_path: Path) -> None:
    settings = load(write(tmp_path, '[accounts.club]\nplatform = "vk"\ngroup = 5\noverflow = "thread"\n'), {})
    account = settings.accounts["club"]
    assert (account.platform, account.options.overflow, account.values) == ("vk", "thread", {"group": 5})


def test_a_target_of_two_routes_is_one_target_and_never_the_source(tmp_path: Path) -> None:
    accounts = "".join(f'[accounts.{name}]\nplatform = "vk"\n' for name in "abc")
    text = accounts + '[routes.x]\nfrom = ["a"]\nto = ["a", "b"]\n[routes.y]\nfrom = ["a"]\nto = ["b", "c"]\n'
    assert [name for name, _ in load(write(tmp_path, text), {}).targets_of("a")] == ["b", "c"]


def test_durations_are_read_as_written(tmp_path: Path) -> None:
    text = '[accounts.a]\nplatform = "vk"\n[routes.x]\nfrom = ["a"]\nto = ["a"]\nlate = "90m"\nbackfill = "all"\n'
    route = load(write(tmp_path, text), {}).routes["x"]
    assert (route.late, route.backfill) == (timedelta(minutes=90), "all")


HOOK = "[webhooks.desk]\nurl = 'https://example.org/hub'\n"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[hub", "hub.toml is no TOML", "mend that line"),
        ("accounts = 5", "accounts is not a table", "write [accounts.NAME]"),
        ("[accounts]\na = 5", "accounts.a is not a table", "write [accounts.a]"),
        ("[accounts.Club]", "accounts.Club is not a usable name", "small Latin letters"),
        ("[accounts.club]", "accounts.club does not say its platform", "add platform"),
        ("[hub]\nworkers = 0", "hub.workers: Input should be greater than or equal to 1", ""),
        ('[hub]\nlog = "loud"', "hub.log: Input should be 'debug'", ""),
        ('[hub]\ndeadline = "soon"', "hub.deadline: write a number and s, m, h or d", ""),
        ('[schedule]\nlisten = "every 0s"', "schedule.listen: an interval is at least 1s", ""),
        ('[schedule]\nlisten = "* *"', "schedule.listen: neither `every 5m` nor a cron expression", ""),
        ("[routes.r]\nfrom = []\nto = []", "routes.r.from", ""),
        ('[routes.r]\nto = ["a"]', "routes.r.from is missing", "add it"),
        ('[routes.r]\nfrom = ["zzz"]\nto = ["a"]', "routes.r.from names zzz", "add [accounts.zzz] or take it out"),
        ("[webhooks.desk]", "webhooks.desk.url is missing", "add it"),
        (HOOK + "secret = 'abc'", "webhooks.desk.secret is a secret and stands there", 'env = "DESK_SECRET"'),
        (HOOK + "secret = { vault = 'x' }", "webhooks.desk.secret: write { env", ""),
        (HOOK + "secret = { env = 'S' }\nevents = ['delivery.fail']", "names delivery.fail", "delivery.failed?"),
        (
            HOOK + "secret = { env = 'S' }\nevents = ['post']",
            "names post, which is no event",
            "they are delivery.",
        ),
        (HOOK + "secret = { env = 'S' }\nevents = []", "webhooks.desk.events", ""),
        ("[webhooks.desk]\nurl = 'http://example.org/'\nsecret = { env = 'S' }", "write https://", ""),
        (
            "[webhooks.desk]\nurl = 'https://me:pw@example.org/'\nsecret = { env = 'S' }",
            "take the password out",
            "",
        ),
        ("[webhooks.desk]\nurl = 'example.org/hub'\nsecret = { env = 'S' }", "webhooks.desk.url: it is no", ""),
    ],
)
def test_a_wrong_line_is_named_with_its_mend(tmp_path: Path, text: str, message: str, hint: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    error = caught.value
    assert str(path) in str(error)
    assert message in str(error)
    assert hint in error.hint.format_map(error.facts)


def test_a_file_that_is_not_utf_8_is_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "hub.toml"
    path.write_bytes(b'[hub]\ntimezone = "\xff"\n')
    with pytest.raises(ConfigError, match="cannot be read"):
        load(path, {})


def test_a_folder_in_place_of_the_file_is_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path, {})


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8000", "192.168.1.5", "[::1]:80", "localhost", "desk", "desk.internal"]
)
def test_a_webhook_inside_the_house_needs_no_tls(tmp_path: Path, host: str) -> None:
    text = f"[webhooks.desk]\nurl = 'http://{host}/hub'\nsecret = {{ env = 'S' }}\n"
    assert load(write(tmp_path, text), {}).webhooks["desk"].url == f"http://{host}/hub"


@pytest.mark.parametrize("secret", ["", "password", "whsec_!!!", "c2hvcnQ=", "A" * 100])
def test_a_secret_that_is_no_key_is_refused_without_being_shown(tmp_path: Path, secret: str) -> None:
    settings = load(write(tmp_path, HOOK + "secret = { env = 'S' }\n"), {"S": secret})
    with pytest.raises(ConfigError, match=r"webhooks\.desk\.secret") as caught:
        webhook_secret(settings, "desk")
    assert not secret or secret not in str(caught.value) + caught.value.hint.format_map(caught.value.facts)
