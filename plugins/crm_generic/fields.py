"""The kinds of text that the settings hold, each checked when hub.toml is read."""

from __future__ import annotations

import re
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict

from plugins.crm_generic import expressions, filters
from plugins.crm_generic.templates import names, uses


class Part(BaseModel):
    """A table inside the account's table."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _path(text: str) -> str:
    if not text.startswith("/") or "?" in text or "#" in text:
        raise ValueError(f"{text!r} must begin with / and have no query; give parameters as params")
    return text


def _record_path(text: str) -> str:
    only(_path(text), ("id",))
    return text


def _address(text: str) -> str:
    if not text.startswith(("/", "https://", "http://")):
        raise ValueError(f"{text!r} must be an address, or a path that begins with /")
    return text


def _time_format(text: str) -> str:
    if text not in ("iso", "unix", "unix_ms") and "%" not in text:
        raise ValueError(f"{text!r} is none of iso, unix, unix_ms, nor a pattern such as %Y-%m-%d %H:%M:%S")
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, OSError, ValueError):  # not found, a folder's name, a name that leaves the folder
        raise ValueError(f"{text!r} is no time zone such as Europe/Moscow") from None
    return text


def _link(text: str) -> str:
    if "{id}" not in text:
        return expressions.checked(text)
    only(text, ("id", "site"))
    return text


def _pattern(text: str) -> str:
    try:
        groups = re.compile(text).groups
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from None
    if groups != 1:
        raise ValueError(f"{text!r} must hold one group in brackets, which is what is taken")
    return text


def only(template: Any, allowed: tuple[str, ...], where: str = "") -> None:
    """Raise ValueError naming the key and the first placeholder or filter that there is not.

    `allowed` are the placeholders that there are (`x.*`: all that begin with `x.`).
    """
    for key, name, chain in uses(template, where):
        prefix, dot, rest = name.partition(".")
        at = f"{key}: " if key else ""
        if name not in allowed and not (dot and rest and f"{prefix}.*" in allowed):
            known = ", ".join("{" + each + "}" for each in allowed)
            raise ValueError(f"{at}{{{name}}} is no placeholder here; there are {known}")
        try:
            filters.check(chain)
        except ValueError as error:
            raise ValueError(f"{at}{{{name}}}: {error}") from None


def holds(name: str, *templates: Any) -> bool:
    return any(name in names(template) for template in templates)


Expression = Annotated[str, AfterValidator(expressions.checked)]
Path = Annotated[str, AfterValidator(_path)]
RecordPath = Annotated[str, AfterValidator(_record_path)]
Address = Annotated[str, AfterValidator(_address)]
TimeFormat = Annotated[str, AfterValidator(_time_format)]
Zone = Annotated[str, AfterValidator(_zone)]
Link = Annotated[str, AfterValidator(_link)]
Pattern = Annotated[str, AfterValidator(_pattern)]
