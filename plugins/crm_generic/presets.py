"""The CRMs that come with the plugin, as TOML files beside it: an account names one and adds what is its own."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).with_name("presets")
_SET = re.compile(r"\{set\.([\w-]+)(\|list)?\}")


def known() -> list[str]:
    """Name the presets."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


@cache
def _preset(name: str) -> Mapping[str, Any]:
    with (_FOLDER / f"{name}.toml").open("rb") as file:
        return tomllib.load(file)


def merged(values: Any) -> Any:
    """Return an account's table laid over its preset's, with every `{set.NAME}` replaced.

    Tables are laid over each other, any other value takes the preset's place; `false` takes a table of the preset
    out. The account's rules for errors come before the preset's. Raises ValueError for a preset, or a name in
    `set`, that there is not.
    """
    if not isinstance(values, Mapping):
        return values
    name = values.get("preset")
    base: Mapping[str, Any] = {}
    if isinstance(name, str):
        if name not in known():
            close = difflib.get_close_matches(name, known(), n=1)
            meant = f"did you mean {close[0]}?" if close else f"there are {', '.join(known())}"
            raise ValueError(f"there is no preset {name!r}; {meant}")
        base = _preset(name)
    whole = _laid_over(base, values)
    rules = [*_list(values.get("errors")), *_list(base.get("errors"))]
    if rules:
        whole["errors"] = rules
    given = whole.get("set")
    return _replaced(whole, given if isinstance(given, Mapping) else {}, "")


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _laid_over(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(base)
    for key, value in over.items():
        below = base.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping) and not _another_kind(value, below):
            made[key] = _laid_over(below, value)
        elif value is False and isinstance(below, Mapping):
            del made[key]
        else:
            made[key] = value
    return made


def _another_kind(value: Mapping[str, Any], below: Mapping[str, Any]) -> bool:
    """Whether a table says `kind` otherwise: what the preset says for its own kind has no meaning then."""
    return "kind" in value and "kind" in below and value["kind"] != below["kind"]


def _replaced(value: Any, given: Mapping[str, Any], where: str) -> Any:
    if isinstance(value, str):
        whole = _SET.fullmatch(value)
        if whole is not None:
            found = _given(given, whole[1], where)
            return [part.strip() for part in str(found).split(",")] if whole[2] else found
        return _SET.sub(lambda found: str(_given(given, found[1], where)), value)
    if isinstance(value, Mapping):
        return {
            key: _replaced(part, given, f"{where}.{key}" if where else str(key)) for key, part in value.items()
        }
    if isinstance(value, list):
        return [_replaced(part, given, f"{where}[{number}]") for number, part in enumerate(value)]
    return value


def _given(given: Mapping[str, Any], name: str, where: str) -> Any:
    if name not in given:
        raise ValueError(f"{where} wants set.{name}, which is missing: add it to the table set of the account")
    return given[name]
