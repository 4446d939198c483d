"""The registry: plugins are found, named when they are wrong, and asked in turn; registering costs nothing."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr
from support import Village, plugin, write_config

from hub import ConfigError, PluginError, Post, RejectedError, hookimpl
from hub import settings as configuration
from hub.registry import Registry
from hub.secrets import secret_values
from hub.testing import MemoryVault

BUILT_IN = (
    "bluesky",
    "carddav",
    "crm_generic",
    "facebook",
    "mastodon",
    "rss",
    "telegram",
    "twitter",
    "vk",
    "wordpress",
)
# What a plugin may only import when it is at work; httpx and click come with `hub` itself.
HEAVY = (
    *("sqlalchemy", "sqlmodel", "PIL", "oauthlib", "feedparser", "cryptography", "tenacity", "linkify_it"),
    "vobject",
)

AUDIT = """
import sys
touched = []
def note(event, args):
    if event in ("socket.connect", "socket.bind", "socket.getaddrinfo", "sqlite3.connect", "subprocess.Popen"):
        touched.append(event)
    elif event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        touched.append(f"open {args[0]} {args[1]}")
sys.dont_write_bytecode = True
sys.addaudithook(note)
"""


def python(code: str, *more: str, path: Path | None = None) -> str:
    """Run code in a fresh interpreter, with a folder of packages ahead of the installed ones."""
    ahead = f"import sys; sys.path.insert(0, {str(path)!r})\n" if path else ""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ahead + code, *more], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def install(folder: Path, name: str, module: str, source: str) -> Path:
    """Lay out an installed distribution with one entry point, as pip would; return where."""
    info = folder / f"{name.replace('-', '_')}-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[hub]\n{name} = {module}\n")
    (folder / f"{module}.py").write_text(source)
    return folder


def test_the_built_in_plugins_come_through_the_door_of_all_plugins() -> None:
    assert {entry.name for entry in entry_points(group="hub")} >= set(BUILT_IN)
    assert set(Registry.discover().adapters) >= set(BUILT_IN)


def test_a_misspelt_hook_is_an_error_that_names_plugin_and_hook() -> None:
    @hookimpl
    def mention_recieved(account: str) -> None:
        """Never called."""

    with pytest.raises(PluginError) as caught:
        Registry.discover({"greeter": SimpleNamespace(mention_recieved=mention_recieved)})
    assert "greeter" in str(caught.value)
    assert "mention_recieved" in str(caught.value)


def test_a_setting_that_has_the_name_of_one_of_the_hub_s_own_is_refused() -> None:
    class Crowded(Village.Settings):
        searches: str = ""

    crowded = type("Crowded", (Village,), {"platform": "crowded", "Settings": Crowded})
    with pytest.raises(PluginError, match=r"its setting searches is one of the hub's own"):
        Registry.discover({"crowded": plugin(crowded)})


def test_two_classes_for_one_platform_are_an_error_that_names_both_modules() -> None:
    other = type("Other", (Village,), {"__module__": "somewhere_else"})
    with pytest.raises(PluginError, match=r"village: example_village and somewhere_else"):
        Registry.discover({"one": plugin(Village), "two": plugin(other)})


def test_one_class_that_two_plugins_bring_is_no_conflict() -> None:
    assert Registry.discover({"one": plugin(Village), "two": plugin(Village)}).adapters["village"] is Village


def test_a_plugin_that_cannot_be_imported_is_named_with_its_module_and_the_reason(tmp_path: Path) -> None:
    install(tmp_path, "hub-broken", "hub_broken", "import a_library_that_nobody_has\n")
    code = (
        "from hub import PluginError\n"
        "from hub.registry import Registry\n"
        "try:\n    Registry.discover()\n"
        "except PluginError as error:\n    print(error)"
    )
    said = python(code, path=tmp_path)
    assert "plugin hub-broken (hub_broken) cannot be loaded" in said
    assert "a_library_that_nobody_has" in said


@pytest.mark.parametrize("name", BUILT_IN)
def test_importing_a_plugin_imports_nothing_heavy(name: str) -> None:
    loaded = set(
        python(f"import sys, plugins.{name}; print(*(each.partition('.')[0] for each in sys.modules))").split()
    )
    assert loaded.isdisjoint(HEAVY)


def test_registering_touches_neither_network_nor_disk() -> None:
    said = python(
        AUDIT + "from hub.registry import Registry\n"
        "found = Registry.discover()\n"
        "print(sorted(found.adapters), touched)"
    )
    assert said.startswith(str(list(BUILT_IN))[:-1])
    assert said.strip().endswith(" []")


def test_opening_an_account_makes_no_call(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    path = write_config(tmp_path, {"square": {"platform": "village", "api_url": nowhere, "token": "secret"}})
    settings = configuration.load(path, {})
    adapter = Registry.discover({"v": plugin(Village)}).open(settings.accounts["square"], settings, MemoryVault())
    assert adapter.account == "square"
    assert adapter.http.base_url == nowhere


def test_plugins_change_a_post_one_after_another() -> None:
    def adding(word: str) -> SimpleNamespace:
        @hookimpl
        def prepare_post(post: Post, account: str) -> Post:
            return Post(text=f"{post.text} {word} {account}")

        return SimpleNamespace(prepare_post=prepare_post)

    @hookimpl
    def prepare_post(post: Post) -> None:
        """Leave it as it is; it need not take the account."""

    hooks = {"a": adding("one"), "b": SimpleNamespace(prepare_post=prepare_post), "c": adding("two")}
    said = Registry.discover(hooks).prepare(Post(text="Hello"), "club").text
    assert sorted(said.removeprefix("Hello ").split()) == ["club", "club", "one", "two"]


def test_a_plugin_vetoes_a_post_with_its_reason() -> None:
    @hookimpl
    def prepare_post(post: Post) -> None:
        raise RejectedError("no posts on Sundays")

    registry = Registry.discover({"sunday": SimpleNamespace(prepare_post=prepare_post)})
    with pytest.raises(RejectedError, match="no posts on Sundays"):
        registry.prepare(Post(text="Hello"), "club")


def test_a_prepare_post_that_returns_something_else_is_named() -> None:
    @hookimpl
    def prepare_post(post: Post) -> Any:
        return "Hello"

    registry = Registry.discover({"wrong": SimpleNamespace(prepare_post=prepare_post)})
    with pytest.raises(PluginError, match="plugin wrong: prepare_post returned str"):
        registry.prepare(Post(text="Hello"), "club")


def test_an_event_hook_that_raises_stops_no_other() -> None:
    heard = []

    @hookimpl
    def mention_received(account: str) -> None:
        heard.append(account)
        raise ZeroDivisionError

    hooks = {name: SimpleNamespace(name=name, mention_received=mention_received) for name in ("one", "two")}
    Registry.discover(hooks).tell("mention_received", account="club", mention=None)
    assert heard == ["club", "club"]


def test_an_unknown_platform_suggests_the_nearest(tmp_path: Path) -> None:
    settings = configuration.load(write_config(tmp_path, {"bird": {"platform": "twiter"}}), {})
    with pytest.raises(ConfigError) as caught:
        Registry.discover().adapter_class(settings.accounts["bird"], settings)
    assert "accounts.bird: no plugin knows the platform twiter" in str(caught.value)
    assert caught.value.hint.format_map(caught.value.facts) == "did you mean twitter?"


def test_two_accounts_for_one_page_are_an_error_that_names_both(tmp_path: Path) -> None:
    one = {"platform": "vk", "group": 1, "token": "secret-of-one"}
    settings = configuration.load(write_config(tmp_path, {"club": one, "twin": {**one, "token": "another"}}), {})
    with pytest.raises(ConfigError, match=r"accounts\.club and accounts\.twin are the same page on vk"):
        Registry.discover().check_accounts(settings, lambda name: MemoryVault())


class Inner(BaseModel):
    password: SecretStr
    name: str = "no secret"


class Outer(BaseModel):
    token: SecretStr
    one: Inner
    many: list[Inner]
    by_name: dict[str, Inner]
    none: SecretStr | None = None


def test_every_secret_of_the_settings_is_found_however_deep() -> None:
    inner = [Inner(password=SecretStr(f"inner {number}")) for number in range(3)]
    outer = Outer(token=SecretStr("outer"), one=inner[0], many=[inner[1]], by_name={"b": inner[2]})
    assert sorted(secret_values(outer)) == ["inner 0", "inner 1", "inner 2", "outer"]
