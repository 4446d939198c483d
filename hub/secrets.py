"""Fetches secrets from where hub.toml says they are, and knows where in an account's settings they stand."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, SecretStr

from hub.errors import ConfigError

if TYPE_CHECKING:
    from hub.settings import Settings


def resolve(value: Any, settings: Settings, where: str, read_vault: Callable[[str], str | None]) -> Any:
    if isinstance(value, dict):
        if len(value) == 1:
            (kind, name), *_ = value.items()
            if kind in ("env", "file", "vault") and isinstance(name, str):
                return SecretStr(_secret(kind, name, settings, where, read_vault))
        return {key: resolve(item, settings, f"{where}.{key}", read_vault) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item, settings, f"{where}[{n}]", read_vault) for n, item in enumerate(value)]
    return value


def _secret(kind: str, name: str, settings: Settings, where: str, read_vault: Callable[[str], str | None]) -> str:
    facts: dict[str, Any] = {"file": settings.path, "key": where, "name": name}
    if kind == "env":
        if not settings.environment.get(name):
            raise ConfigError(
                "{file}: {key} wants the environment variable {name}, which is not set",
                hint="export {name}=… before you start the hub",
                **facts,
            )
        return settings.environment[name]
    if kind == "vault":
        stored = read_vault(name)
        if stored is None:
            raise ConfigError(
                "{file}: {key} wants {name} from the vault, which has none",
                hint="put it there with `hub vault put {account} {name}`",
                account=where.split(".")[1],
                **facts,
            )
        return stored
    try:
        text = (settings.folder / name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("{file}: {key} wants the file {name}: {why}", why=error, **facts) from None
    if not text:
        raise ConfigError("{file}: {key} wants the file {name}, which is empty", **facts)
    return text


def plain_secrets(model: type[BaseModel], values: object, above: tuple[str, ...]) -> Iterator[str]:
    """Yield the dotted names of secrets that were given as plain text."""
    if not isinstance(values, dict):
        return
    for name, field in model.model_fields.items():
        key = field.alias or name
        value = values.get(key)
        for kind in alternatives(field.annotation):
            if kind is SecretStr and isinstance(value, str):
                yield ".".join((*above, key))
            elif isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from plain_secrets(kind, value, (*above, key))


def secret_values(settings: Any) -> list[str]:
    """Return the plain text of every secret in an account's settings, however deep."""
    if isinstance(settings, SecretStr):
        return [settings.get_secret_value()]
    if isinstance(settings, BaseModel):
        return [text for name in type(settings).model_fields for text in secret_values(getattr(settings, name))]
    if isinstance(settings, list | tuple):
        return [text for item in settings for text in secret_values(item)]
    if isinstance(settings, dict):
        return [text for item in settings.values() for text in secret_values(item)]
    return []


def alternatives(annotation: Any) -> Iterator[Any]:
    """Yield the types that an annotation allows, without what only checks them."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        yield from alternatives(typing.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for part in typing.get_args(annotation):
            yield from alternatives(part)
    else:
        yield annotation
