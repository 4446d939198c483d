"""Asks for the settings that a plugin declares, and takes no answer that the plugin would not take."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import NoneType
from typing import Any, Literal, NamedTuple, get_args, get_origin

import click
from pydantic import SecretStr, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from hub.adapter import AccountSettings
from hub.cli.output import Output
from hub.errors import HubError, PluginError, UsageError
from hub.i18n import _, words_of
from hub.models import check_text
from hub.secrets import alternatives
from hub.sections import AccountOptions

Fetch = Callable[[Any, str], Any]
_REFERENCES = ("env", "file")


class Setting(NamedTuple):
    """One setting: its key in hub.toml, and the types that its value may have."""

    key: str
    field: FieldInfo
    kinds: tuple[Any, ...]

    @property
    def secret(self) -> bool:
        return SecretStr in self.kinds

    @property
    def choices(self) -> list[str]:
        """The only texts that it may be, if there are only such."""
        words = [get_args(kind) for kind in self.kinds if get_origin(kind) is Literal]
        return [str(word) for group in words for word in group] if len(words) == len(self.kinds) else []

    def read(self, text: str) -> object:
        """Return the value that a text means; raise `UsageError` if it means none."""
        value = self._value(text)
        given = SecretStr(text) if self.secret else value
        try:
            check_text(self.key, text)
            TypeAdapter(self.field.rebuild_annotation()).validate_python(given)
        except ValidationError as error:
            raise UsageError("{key}: {why}", key=self.key, why=_first(error.errors()[0])) from None
        except ValueError as error:
            raise UsageError("{key}: {why}", key=self.key, why=str(error)) from None
        return value

    def _value(self, text: str) -> object:
        kinds = {get_origin(kind) or kind for kind in self.kinds}
        literals = [value for kind in self.kinds if get_origin(kind) is Literal for value in get_args(kind)]
        for value in literals:
            if str(value) == text:
                return value
        try:
            if bool in kinds:
                return bool(click.BOOL.convert(text, None, None))
            if kinds & {int, float} and str not in kinds:
                return int(text) if int in kinds and text.lstrip("+-").isdigit() else float(text)
            if kinds & {list, tuple, Sequence} and not text.startswith("["):
                return [part.strip() for part in text.split(",") if part.strip()]
            if kinds & {list, tuple, Sequence, dict, Mapping} or _is_table(kinds):
                return tomllib.loads(f"value = {text}")["value"]
        except (ValueError, click.BadParameter):
            raise UsageError(
                "{key} cannot be {kind}", hint="write it as in TOML", key=self.key, kind=self.kind
            ) from None
        return text

    @property
    def kind(self) -> str:
        """Name its type for people."""
        return " | ".join(self.choices or [_name(kind) for kind in self.kinds])


class Questions:
    """The settings of one new account. `values` is its table in hub.toml, `secrets` what goes into the vault.

    With `ask` a person is asked; otherwise what is missing is an error. `fetch(value, key)` puts secrets in the
    place of what refers to them, and raises `ConfigError` for one that is not there.
    """

    def __init__(
        self, platform: str, model: type[AccountSettings], out: Output, fetch: Fetch, *, ask: bool
    ) -> None:
        self.platform = platform
        self.ask = ask
        self._fetch = fetch
        self.values: dict[str, Any] = {}
        self.secrets: dict[str, str] = {}
        self._model = model
        self._out = out
        fields = [*model.model_fields.items(), *AccountOptions.model_fields.items()]
        made = [
            Setting(
                field.alias or name,
                field,
                tuple(kind for kind in alternatives(field.annotation) if kind is not NoneType),
            )
            for name, field in fields
        ]
        self.known = {one.key: one for one in made}
        self._own = [field.alias or name for name, field in model.model_fields.items()]

    def give(self, assignment: str) -> None:
        """Take a `KEY=VALUE` of the command line; a secret as `KEY=env:NAME` or `KEY=file:PATH` only."""
        key, equals, text = assignment.partition("=")
        key = key.strip()
        if not equals:
            raise UsageError("--set wants KEY=VALUE")
        setting = self.known.get(key)
        if setting is None:
            import difflib

            close = difflib.get_close_matches(key, list(self.known), n=1)
            raise UsageError(
                "{platform} has no setting {key}",
                hint="did you mean {close}?" if close else "`hub plugins` lists them",
                platform=self.platform,
                key=key,
                close="".join(close),
            )
        if setting.secret:
            reference = _reference(text)
            if reference is None:
                raise UsageError(
                    "{key} is a secret, and others can see a command line",
                    hint="say --set {key}=env:NAME or --set {key}=file:PATH, or leave it out and be asked",
                    key=key,
                )
            self._fetch(reference, key)
            self.values[key] = reference
        else:
            self.values[key] = setting.read(text)

    def ask_for(self, key: str, *, optional: bool = False) -> None:
        """Ask for one setting until the answer is one; an empty answer leaves it as it is."""
        setting = self.known[key]
        if not self.ask:
            if optional:
                return
            raise self._lacks([key])
        while True:
            text = self._prompt(setting, optional or key in self.values)
            if not text:
                return
            try:
                self._keep(setting, text)
            except HubError as error:
                self._out.say("  " + words_of(error)[0])
            else:
                return

    def ask_required(self, skip: Iterable[str]) -> None:
        """Ask for all that the plugin must know, except for `skip` and what was given."""
        lacking = [key for key in self._own if self.known[key].field.is_required() and key not in self.values]
        lacking = [key for key in lacking if key not in set(skip)]
        if lacking and not self.ask:
            raise self._lacks(lacking)
        for key in lacking:
            self.ask_for(key)

    def ask_optional(self, skip: Iterable[str]) -> None:
        """Offer the settings that may be left out."""
        left = [key for key in self._own if key not in self.values and key not in set(skip)]
        left = [key for key in left if not self.known[key].field.is_required()]
        asked = _("Set what may be left out, too? ({names})").format(names=", ".join(left))
        if left and self.ask and click.confirm(asked, default=False, err=True):
            for key in left:
                self.ask_for(key, optional=True)

    def hold(self, key: str, value: str) -> None:
        """Keep what a login brought where the plugin reads it, a secret in the vault; "" is nothing."""
        if not key or not value:
            return
        setting = self.known.get(key)
        if setting is None:
            raise PluginError(
                "{platform}: its OAuth names {key}, which is no setting", platform=self.platform, key=key
            )
        if setting.secret:
            self.secrets[key] = value
        self.values[key] = {"vault": key} if setting.secret else value

    def plain(self, key: str) -> str:
        """Return a setting's text, that of a secret too; "" if it has none."""
        found = self._fetch(self.values.get(key), key)
        return str(found.get_secret_value() if isinstance(found, SecretStr) else found or "")

    def in_order(self) -> dict[str, Any]:
        """Return the values in the order in which the plugin declares them."""
        return {key: self.values[key] for key in self.known if key in self.values}

    def settle(self, later: Sequence[str] = ()) -> None:
        """Let the plugin judge the whole, and ask again for what it does not take; `later` have no value yet."""
        while (wrong := self._wrong(later)) is not None:
            key, why = wrong
            error = UsageError("{key}: {why}" if key else "{why}", key=key, why=why)
            if not self.ask:
                raise error
            self._out.say("  " + words_of(error)[0])
            if key in self.known:
                self.values.pop(key, None)
                self.secrets.pop(key, None)
            for each in [key] if key in self.known else [each for each in self._own if each not in later]:
                self.ask_for(each, optional=not self.known[each].field.is_required())

    def _wrong(self, later: Sequence[str]) -> tuple[str, str] | None:
        """Say which key is wrong ("" for the whole) and why."""
        own = {key: value for key, value in self.values.items() if key in self._own}
        try:
            self._model.model_validate({**self._fetch(own, ""), **dict.fromkeys(later, "-")})
        except ValidationError as error:
            for one in error.errors(include_url=False, include_input=False):
                key = str(one["loc"][0]) if one["loc"] else ""
                if key not in later:
                    return key, _first(one)
        return None

    def _prompt(self, setting: Setting, may_be_empty: bool) -> str:
        question = f"  {setting.key} ({_('secret') if setting.secret else setting.kind})"
        if may_be_empty:
            question += " " + self._when_empty(setting)
        asked = click.prompt(
            question, default="" if may_be_empty else None, show_default=False, hide_input=setting.secret, err=True
        )
        return str(asked).strip()

    def _when_empty(self, setting: Setting) -> str:
        """Say what an empty answer means."""
        default = self.values.get(setting.key, setting.field.default)
        if setting.key in self.values and (setting.secret or not isinstance(default, str | int | float)):
            return _("[Enter: as before]")
        shown = "" if setting.secret or not isinstance(default, str | int | float) else str(default)
        return _("[Enter: {default}]").format(default=shown) if shown else _("[Enter: none]")

    def _keep(self, setting: Setting, text: str) -> None:
        if setting.secret:
            reference = _reference(text)
            if reference is None:
                setting.read(text)
                self.secrets[setting.key] = text
            else:
                self._fetch(reference, setting.key)
                self.secrets.pop(setting.key, None)
            self.values[setting.key] = reference or {"vault": setting.key}
        else:
            self.values[setting.key] = setting.read(text)

    def _lacks(self, keys: Sequence[str]) -> UsageError:
        return UsageError(
            "{platform} needs {keys}, and nobody can be asked",
            hint="say --set KEY=VALUE, and of a secret --set KEY=env:NAME or --set KEY=file:PATH",
            platform=self.platform,
            keys=", ".join(keys),
        )


def _reference(text: str) -> dict[str, str] | None:
    kind, _colon, name = text.strip().partition(":")
    return {kind: name} if kind in _REFERENCES and name else None


def _first(error: Any) -> str:
    return str(error["msg"]).removeprefix("Value error, ")


def _is_table(kinds: Iterable[Any]) -> bool:
    return any(isinstance(kind, type) and hasattr(kind, "model_fields") for kind in kinds)


def _name(kind: Any) -> str:
    return getattr(get_origin(kind) or kind, "__name__", str(kind)).lower()
