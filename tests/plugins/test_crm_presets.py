"""The presets that come with the plugin: each is whole, and an account's own keys are laid over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from crm_documented import documented_account
from pydantic import ValidationError

from plugins.crm_generic import Crm
from plugins.crm_generic.presets import known, merged
from plugins.crm_generic.settings import CrmSettings

SECRET = "s3cr3t-0f-the-acc0unt"
OWN: dict[str, dict[str, Any]] = {
    "amocrm": {"api_url": "https://club.amocrm.ru", "auth": {"secret": SECRET}},
    "bitrix24": {"api_url": "https://club.bitrix24.ru/rest", "auth": {"user": "1", "secret": SECRET}},
    "hubspot": {"auth": {"secret": SECRET}},
    "salesforce": {"api_url": "https://club.my.salesforce.com", "auth": {"client_id": "app", "secret": SECRET}},
}
DOCS = Path(__file__).resolve().parents[2] / "docs" / "crm"


def checked(name: str, **own: Any) -> CrmSettings:
    return CrmSettings.model_validate({"preset": name, **OWN[name], **own})


def test_there_is_what_an_account_needs_for_each_preset() -> None:
    assert known() == sorted(OWN)


@pytest.mark.parametrize("name", sorted(OWN))
def test_a_preset_with_a_few_values_of_ones_own_is_an_account(name: str) -> None:
    settings = checked(name)
    assert {"name", "emails", "phones"} <= settings.reads & settings.writes
    assert "title" in settings.reads & settings.writes


@pytest.mark.parametrize("file", sorted(DOCS.glob("*.toml")), ids=lambda file: file.stem)
def test_a_documented_account_is_accepted(file: Path) -> None:
    name = {"odoo": "odoo", "suitecrm": "suite"}[file.stem]
    assert Crm.Settings.model_validate(documented_account(file, name, secret=SECRET))


def test_an_accounts_own_keys_are_laid_over_the_preset() -> None:
    own = {
        "map": {"fields": {"nick": "properties.nick"}},
        "write": {"nick": "{fields.nick}"},
        "contacts": {"list": {"paging": {"size": 50}}},
    }
    settings = checked("hubspot", **own)
    assert settings.map.fields["nick"] == "properties.nick"
    assert settings.map.fields["company"] == "properties.company"
    assert settings.contacts.list.paging is not None
    assert (settings.contacts.list.paging.size, settings.contacts.list.paging.param) == (50, "after")
    assert "nick" in settings.writes


def test_false_takes_a_table_of_the_preset_out() -> None:
    settings = checked("hubspot", tasks=False, contacts={"batch": False})
    assert (settings.tasks, settings.contacts.batch) == (None, None)
    assert settings.notes is not None


def test_an_accounts_own_rules_come_before_the_presets() -> None:
    rule = {"status": 403, "means": "rejected"}
    whole = checked("hubspot", errors=[rule]).errors
    assert (whole[0].status, whole[0].means) == (403, "rejected")
    assert [one.status for one in whole[1:]] == [403, 400, 423, 477]


def test_another_kind_of_auth_takes_the_whole_place_of_the_presets() -> None:
    auth = {"kind": "bearer", "secret": SECRET}
    settings = CrmSettings.model_validate(
        {"preset": "salesforce", "api_url": "https://x.example.com", "auth": auth}
    )
    assert (settings.auth.kind, settings.auth.token_url) == ("bearer", None)


def test_what_is_set_stands_in_every_text() -> None:
    settings = checked("salesforce", set={"version": "v65.0"})
    assert settings.contacts.list.path == "/services/data/v65.0/queryAll"
    whole = merged({"a": ["{set.n}", "x{set.n}"], "set": {"n": 5}})
    assert whole["a"] == [5, "x5"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"preset": "hubspt"}, "there is no preset 'hubspt'; did you mean hubspot?"),
        ({"preset": "x"}, "there is no preset 'x'; there are amocrm, bitrix24, hubspot, salesforce"),
        (
            {"contacts": {"list": {"path": "/{set.module}"}}},
            "contacts.list.path wants set.module, which is missing: add it to the table set of the account",
        ),
    ],
)
def test_a_mistake_is_told(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        CrmSettings.model_validate(values)
    assert caught.value.errors()[0]["msg"] == f"Value error, {message}"
