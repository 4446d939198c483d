"""English and Russian: every message is translated, with the same placeholders, and the language is found."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any

import pytest
from babel.messages.pofile import read_po

from hub import i18n
from hub.cli import collect
from hub.errors import ConfigError, HubError

WITHOUT_TRANSLATION = "run `python -m hub.cli.collect`, translate what is empty in hub.po, run it again"


def placeholders(text: str) -> set[str]:
    """Return the names in braces; a text that no format takes has none."""
    try:
        return {name for _, name, _, _ in Formatter().parse(text) if name}
    except ValueError:
        return set()


def russian() -> dict[Any, Any]:
    with collect.catalogue_of("ru").open("rb") as file:
        return {message.id: message.string for message in read_po(file, locale="ru") if message.id}


def test_every_message_has_a_russian_translation_with_the_same_placeholders() -> None:
    known = russian()
    plurals = {message[0]: message for message in known if isinstance(message, tuple)}
    for message in sorted(collect.ours(), key=str):
        key = plurals.get(message, message) if isinstance(message, str) else message
        translated = known.get(key)
        forms = [translated] if isinstance(translated, str) else list(translated or [""])
        assert all(forms), f"{message!r}: {WITHOUT_TRANSLATION}"
        source = message if isinstance(message, str) else message[1]
        for form in forms:
            assert placeholders(form) == placeholders(source), message


def test_the_template_holds_what_the_code_says() -> None:
    with (collect.LOCALE / "hub.pot").open("rb") as file:
        messages = [message for message in read_po(file) if message.id]
    held = {one for message in messages for one in (message.id if isinstance(message.id, tuple) else [message.id])}
    said = {one for message in collect.ours() for one in (message if isinstance(message, tuple) else [message])}
    assert said <= held, f"{said - held}: {WITHOUT_TRANSLATION}"


def test_the_compiled_catalogue_is_up_to_date() -> None:
    path = collect.catalogue_of("ru")
    assert path.with_suffix(".mo").read_bytes() == collect.compiled(path), WITHOUT_TRANSLATION


@pytest.mark.parametrize(
    ("count", "said"),
    [(1, "1 новое упоминание"), (2, "2 новых упоминания"), (5, "5 новых упоминаний"), (21, "21 новое упоминание")],
)
def test_russian_counts_in_three_forms(count: int, said: str) -> None:
    words = i18n.catalogue("ru")
    assert words.ngettext("{count} new mention", "{count} new mentions", count).format(count=count) == said


@pytest.mark.parametrize(
    ("option", "environment", "language"),
    [
        (None, {}, "en"),
        ("ru", {"LANG": "en_US.UTF-8"}, "ru"),
        (None, {"HUB_LANG": "ru", "LC_ALL": "en_US.UTF-8"}, "ru"),
        (None, {"LC_ALL": "C", "LANG": "ru_RU.UTF-8"}, "en"),
        (None, {"LC_MESSAGES": "ru_RU.UTF-8", "LANG": "en_US.UTF-8"}, "ru"),
        (None, {"LANG": "ru_RU.KOI8-R"}, "ru"),
        (None, {"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_the_first_setting_decides_the_language(
    option: str | None, environment: Mapping[str, str], language: str
) -> None:
    assert i18n.choose(option, environment) == language


def test_an_error_is_translated_first_and_filled_then() -> None:
    error = ConfigError(
        "{file}: {key} is no known key", hint="did you mean {close}?", file="h", key="k", close="c"
    )
    assert i18n.words_of(error, i18n.catalogue("ru")) == ("h: ключа k не бывает", "возможно, имелось в виду c?")


def test_a_name_that_is_also_a_word_stays_a_name() -> None:
    error = HubError("{name} is no account", name="contacts")
    assert i18n.words_of(error, i18n.catalogue("ru"))[0] == "аккаунта contacts нет"


def test_an_error_within_an_error_is_translated_too() -> None:
    inner = HubError("the answer is empty")
    assert i18n.words_of(HubError("{why}", why=inner), i18n.catalogue("ru"))[0] == "ответ пуст"


def test_a_hint_with_braces_of_its_own_is_said_as_it_is() -> None:
    error = HubError("{name} is no account", hint='write { env = "X" }', name="a")
    assert i18n.words_of(error)[1] == 'write { env = "X" }'


def test_help_and_errors_speak_russian(process: Callable[..., Any]) -> None:
    said = process("--lang", "ru", "post", "--help")
    assert said.code == 0
    assert "Опубликовать текст в нескольких аккаунтах" in said.out
    assert "Показать эту справку и выйти." in said.out
    assert re.search(r"^Вызов: hub post", said.out)
    error = process("posts", "--state", "x", env={"HUB_LANG": "", "LC_ALL": "ru_RU.UTF-8"})
    assert (error.code, error.out) == (2, "")
    assert error.err.startswith("Ошибка: Неверное значение")


def test_json_speaks_the_language_and_keeps_its_codes(process: Callable[..., Any]) -> None:
    said = process("posts", "--json", "--lang", "ru")
    assert said.code == 3
    assert said.error["code"] == "config"
    assert said.error["message"] == "нет файла hub.toml"
