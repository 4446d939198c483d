"""The kinds of text that the settings hold, each checked when hub.toml is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

from plugins.crm_generic.templates import names, placeholders


def _expression(text: str) -> str:
    import jmespath
    from jmespath.exceptions import IncompleteExpressionError, JMESPathError, ParseError
    from jmespath.functions import Functions

    try:
        parsed = jmespath.compile(text).parsed
    except IncompleteExpressionError:
        raise ValueError(f"{text!r} is no JMESPath expression: it ends too early") from None
    except ParseError as error:
        at = error.lex_position + 1
        raise ValueError(f"{text!r} is no JMESPath expression: wrong at character {at}") from None
    except JMESPathError:
        raise ValueError("a JMESPath expression cannot be empty") from None
    for name in _functions(parsed):
        if name not in Functions.FUNCTION_TABLE:
            raise ValueError(f"{text!r} is no JMESPath expression: there is no function {name}")
    return text


def _functions(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if node["type"] == "function_expression":
            yield node["value"]
        for child in node["children"]:
            yield from _functions(child)


def _path(text: str) -> str:
    if not text.startswith("/") or "?" in text or "#" in text:
        raise ValueError(f"{text!r} must begin with / and have no query; give parameters as params")
    only(text, ("id",))
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


def only(template: Any, allowed: tuple[str, ...], where: str = "") -> None:
    """Raise ValueError naming the key and the first placeholder that is not among `allowed` (`x.*`: a prefix)."""
    for key, name in placeholders(template, where):
        prefix, dot, rest = name.partition(".")
        if name not in allowed and not (dot and rest and f"{prefix}.*" in allowed):
            known = ", ".join("{" + each + "}" for each in allowed)
            raise ValueError(f"{key + ': ' if key else ''}{{{name}}} is no placeholder here; there are {known}")


def holds(name: str, *templates: Any) -> bool:
    return any(name in names(template) for template in templates)


Expression = Annotated[str, AfterValidator(_expression)]
Path = Annotated[str, AfterValidator(_path)]
TimeFormat = Annotated[str, AfterValidator(_time_format)]
Zone = Annotated[str, AfterValidator(_zone)]
