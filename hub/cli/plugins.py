"""`hub plugins`: what is installed and what it can do; makes a new plugin, and checks one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import click
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from hub.cli.conformance import check
from hub.cli.output import Output, command, shared_options
from hub.cli.scaffold import new
from hub.errors import HubError, PluginError
from hub.i18n import _
from hub.registry import GROUP, Registry
from hub.secrets import alternatives


def plugin_commands(registry: Registry | None = None) -> dict[str, click.Command]:
    """Return the commands that plugins bring, by name; raise `PluginError` if one cannot."""
    group = click.Group("hub")
    try:
        (registry or Registry.discover()).register_commands(group)
    except HubError:
        raise
    except Exception as error:
        raise PluginError(
            "a plugin cannot register its commands: {why}",
            hint="mend or uninstall it",
            why=f"{type(error).__name__}: {error}",
        ) from error
    return dict(group.commands)


@click.group(
    "plugins", invoke_without_command=True, help=_("List the platforms, what each can do and its settings.")
)
@click.pass_context
def plugins(context: click.Context) -> None:
    """List them, unless a command is named; no hub.toml is needed."""
    if context.invoked_subcommand is None:
        context.invoke(_list)


@command("list", help=_("List the platforms, what each can do and its settings."))
def _list(out: Output) -> None:
    registry = Registry.discover()
    found = [_platform(registry, platform) for platform in sorted(registry.adapters)]
    commands = plugin_commands(registry)
    for one in found:
        _print(out, one)
    out.line(_("Commands of plugins: {names}").format(names=", ".join(commands) or _("none")))
    for name, brought in commands.items():
        out.line(f"  {name}  {brought.get_short_help_str(80)}")
    out.done(
        {
            "plugins": found,
            "commands": [{"name": name, "help": one.get_short_help_str(200)} for name, one in commands.items()],
        }
    )


def _platform(registry: Registry, platform: str) -> dict[str, Any]:
    module = registry.module_of(platform)
    entry = next((one for one in entry_points(group=GROUP) if _brings(one, module)), None)
    package = entry.dist if entry is not None else None
    return {
        "platform": platform,
        "roles": registry.roles(platform),
        "module": module,
        "package": package.name if package else "",
        "version": package.version if package else "",
        "settings": _settings(registry.adapters[platform].Settings),
    }


def _brings(entry: EntryPoint, module: str) -> bool:
    return module == entry.module or module.startswith(f"{entry.module}.")


def _settings(model: type[BaseModel], above: str = "") -> list[dict[str, Any]]:
    """Return every setting, those of inner tables by their dotted names."""
    found: list[dict[str, Any]] = []
    for name, field in model.model_fields.items():
        key = above + (field.alias or name)
        inner = [
            part
            for part in alternatives(field.annotation)
            if isinstance(part, type) and issubclass(part, BaseModel)
        ]
        if inner:
            for part in inner:
                found += _settings(part, key + ".")
            continue
        found.append(
            {
                "name": key,
                "type": _type_name(field.annotation),
                "required": field.is_required(),
                "secret": SecretStr in alternatives(field.annotation),
                "default": _default(field),
                "help": field.description or "",
            }
        )
    return found


def _type_name(annotation: Any) -> str:
    return " | ".join(dict.fromkeys(_name(part) for part in alternatives(annotation) if part is not NoneType))


def _name(part: Any) -> str:
    origin = get_origin(part)
    if origin is Literal:
        return " | ".join(str(value) for value in get_args(part))
    if part is SecretStr:
        return "secret"
    if origin in (dict, Mapping):
        return "table"
    if origin in (list, tuple, Sequence):
        return f"list of {_type_name(get_args(part)[0])}"
    return getattr(part, "__name__", str(part))


def _default(field: FieldInfo) -> Any:
    if field.is_required() or SecretStr in alternatives(field.annotation):
        return None
    if field.default_factory is not None:
        return None
    value = field.default
    return value if isinstance(value, str | int | float | bool | NoneType) else str(value)


def _print(out: Output, one: dict[str, Any]) -> None:
    brought = f"{one['package']} {one['version']}".strip() or one["module"]
    out.line(f"{one['platform']}  ({brought})")
    out.line("  " + _("can: {roles}").format(roles=", ".join(one["roles"])))
    for setting in one["settings"]:
        marks = [setting["type"]]
        if setting["required"]:
            marks.append(_("required"))
        if setting["secret"]:
            marks.append('{ env = "NAME" }')
        elif setting["default"] not in (None, ""):
            marks.append(_("default {value}").format(value=setting["default"]))
        out.line(f"    {setting['name']:<16} " + ", ".join(mark for mark in marks if mark))
    out.line()


plugins.params += shared_options()
plugins.add_command(new)
plugins.add_command(check)
