"""A small world on loopback: the doubles of all installed plugins, a hub.toml for them, and people who talk."""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from hub.adapter import Adapter
from hub.secrets import plain_secrets
from hub.testing.double import Double
from hub.testing.social import ContactsDouble, FeedDouble, SocialDouble


@dataclass
class World:
    """The doubles that run, by account name (which is the platform's)."""

    folder: Path
    networks: dict[str, SocialDouble] = field(default_factory=dict)
    feeds: dict[str, FeedDouble] = field(default_factory=dict)
    crms: dict[str, ContactsDouble] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.folder / "hub.toml"

    def calls(self) -> int:
        """Count the requests that wrote to a network, over all doubles."""
        doubles: list[Double] = [*self.networks.values(), *self.crms.values()]
        reading = ("GET", "HEAD", "PROPFIND", "REPORT")
        return sum(len([call for call in double.calls if call.method not in reading]) for double in doubles)


@contextmanager
def started(
    folder: Path, adapters: Mapping[str, type[Adapter]], *, schedule: str = "every 10s", latency: float = 0.0
) -> Iterator[World]:
    """Start the double of every plugin that ships one and write a hub.toml that routes each feed to all networks.

    Secrets go into files beside it, readable by their owner only.
    """
    world = World(folder)
    lines = [
        "# Written by `hub demo`: every account speaks to a double on this machine, never to the real network.",
        "[hub]",
        'database = "sqlite:///hub.db"',
        'timezone = "Europe/Moscow"',
        "",
    ]
    with ExitStack() as stack:
        for platform, adapter in sorted(adapters.items()):
            kind = double_of(adapter)
            if kind is None:
                continue
            double = stack.enter_context(kind(latency=latency))
            if isinstance(double, SocialDouble):
                world.networks[platform] = double
            elif isinstance(double, FeedDouble):
                world.feeds[platform] = double
            elif isinstance(double, ContactsDouble):
                world.crms[platform] = double
            else:
                continue
            lines += [*account_table(adapter, double.account(), folder, platform), ""]
        if world.feeds and world.networks:
            lines += [
                "[routes.news]",
                f"from = {json.dumps(list(world.feeds))}",
                f"to = {json.dumps(list(world.networks))}",
                "",
            ]
        if world.crms:
            # What both sides of a record call its person is for somebody to decide; the rest merges by itself.
            lines += ["[contacts.fields]", 'name = "ask"', ""]
        lines += ["[schedule]", *(f'{kind} = "{schedule}"' for kind in ("publish", "listen", "contacts")), ""]
        world.config.write_text("\n".join(lines), encoding="utf-8")
        yield world


def account_table(adapter: type[Adapter], settings: Mapping[str, Any], folder: Path, account: str) -> list[str]:
    """Return the lines of hub.toml for an account; its secrets go into files in `folder`, for their owner only."""
    hidden = _hide_secrets(adapter.Settings, dict(settings), folder, account)
    return [f"[accounts.{account}]", f'platform = "{adapter.platform}"', *_toml(hidden)]


def double_of(adapter: type[Adapter]) -> type[SocialDouble] | type[FeedDouble] | type[ContactsDouble] | None:
    """Return the double in the `sandbox` module beside an adapter, None if the plugin ships none."""
    package = adapter.__module__
    try:
        sandbox = importlib.import_module(f"{package}.sandbox")
    except ModuleNotFoundError:
        return None
    for found in vars(sandbox).values():
        if (
            inspect.isclass(found)
            and issubclass(found, SocialDouble | FeedDouble | ContactsDouble)
            and not inspect.isabstract(found)
            and found.__module__.startswith(package)
        ):
            return found
    return None


def _hide_secrets(model: type[BaseModel], settings: dict[str, Any], folder: Path, account: str) -> dict[str, Any]:
    """Put each secret into a file of its own and a reference to it in its place."""
    hidden: dict[str, Any] = json.loads(json.dumps(settings))
    for dotted in list(plain_secrets(model, hidden, ())):
        *above, key = dotted.split(".")
        table = hidden
        for name in above:
            table = table[name]
        path = folder / "secrets" / f"{account}-{dotted.replace('.', '-')}"
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(str(table[key]) + "\n", encoding="utf-8")
        table[key] = {"file": str(path.relative_to(folder))}
    return hidden


def _toml(settings: Mapping[str, Any]) -> list[str]:
    return [
        f"{json.dumps(key) if not key.isidentifier() else key} = {_value(value)}"
        for key, value in settings.items()
    ]


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(_toml(value)) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)
