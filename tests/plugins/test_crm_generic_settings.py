"""What hub.toml may say about a CRM: each mistake is told by its key, and the document is right."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from hub import Contact, Note
from hub.testing import open_adapter
from plugins.crm_generic import Crm
from plugins.crm_generic.sandbox import CrmDouble

DOC = Path(__file__).resolve().parents[2] / "docs" / "crm_generic.md"
SECRET = "s3cr3t-of-the-crm"


def settings() -> dict[str, Any]:
    double = CrmDouble()
    try:
        return double.account()
    finally:
        double._server.server_close()


def changed(key: str, value: Any) -> dict[str, Any]:
    """Return good settings with one key set, or taken away (`...`)."""
    whole = table = settings()
    *tables, last = key.split("/")
    for name in tables:
        table = table.setdefault(name, {})
    if value is ...:
        del table[last]
    else:
        table[last] = value
    return whole


BASIC = (
    "kind 'basic' needs user, or, where the secret takes the place of the user, filler: what the CRM "
    'wants for a password then, such as "X" or ""'
)
PLACEHOLDERS = (
    "{name}, {first_name}, {last_name}, {email}, {emails}, {emails[]}, {phone}, {phones}, {phones[]}, "
    "{url}, {key}, {handles.*}, {fields.*}"
)


@pytest.mark.parametrize(
    ("key", "value", "where", "message"),
    [
        (
            "api_url",
            "crm.example.com",
            "",
            "api_url must be like https://crm.example.com/api, without a user or a query",
        ),
        (
            "api_url",
            "https://a:b@x.org",
            "",
            "api_url must be like https://crm.example.com/api, without a user or a query",
        ),
        ("api_key", "x", "api_key", "Extra inputs are not permitted"),
        ("auth", ..., "auth", "Field required"),
        (
            "auth/kind",
            "oauth",
            "auth.kind",
            "Input should be 'bearer', 'basic', 'header', 'query', 'path', 'body', 'oauth2' or 'session'",
        ),
        ("auth/secret", "", "auth", "secret is empty"),
        (
            "auth/secret",
            SECRET + "\n",
            "auth",
            "secret holds a character that a header cannot carry, such as a line break",
        ),
        ("auth/user", "me", "auth", "user has no meaning with kind 'bearer'"),
        ("auth", {"kind": "basic", "secret": SECRET}, "auth", BASIC),
        ("auth", {"kind": "basic", "secret": SECRET, "user": "me", "filler": "X"}, "auth", BASIC),
        ("auth", {"kind": "basic", "secret": SECRET, "user": "a:b"}, "auth", "user cannot hold a colon"),
        ("auth", {"kind": "basic", "secret": "a:b", "filler": ""}, "auth", "user cannot hold a colon"),
        ("auth", {"kind": "query", "secret": SECRET}, "auth", "kind 'query' needs name"),
        ("auth", {"kind": "header", "secret": SECRET, "name": "a b"}, "auth", "name 'a b' is no header name"),
        ("check/id", "user.[", "check.id", "'user.[' is no JMESPath expression: it ends too early"),
        ("check/path", "me", "check.path", "'me' must begin with / and have no query; give parameters as params"),
        ("map/id", ..., "map.id", "Field required"),
        ("map/name", "", "map.name", "a JMESPath expression cannot be empty"),
        ("map/handles/vk", "a..b", "map.handles.vk", "'a..b' is no JMESPath expression: wrong at character 3"),
        ("map/timezone", "Mars", "map.timezone", "'Mars' is no time zone such as Europe/Moscow"),
        ("map/nick", "nick", "map.nick", "Extra inputs are not permitted"),
        ("map/updated_at", ..., "", "contacts.list.since needs map.updated_at"),
        (
            "write/custom/vk_id",
            "{vk}",
            "",
            f"write.custom.vk_id: {{vk}} is no placeholder here; there are {PLACEHOLDERS}",
        ),
        (
            "write/emails",
            ["{mail}"],
            "",
            f"write.emails[0]: {{mail}} is no placeholder here; there are {PLACEHOLDERS}",
        ),
        ("write", {}, "", "write is empty: say which fields contacts.create and contacts.update send"),
        (
            "contacts/list/since",
            ...,
            "contacts.list",
            "since and the placeholder {since} in params belong together",
        ),
        (
            "contacts/list/params",
            {},
            "contacts.list",
            "since and the placeholder {since} in params belong together",
        ),
        (
            "contacts/list/params",
            {"q": {"from": "{since}"}},
            "contacts.list",
            "params.q is a table, which only method POST can send",
        ),
        ("contacts/list/method", "PUT", "contacts.list.method", "Input should be 'GET' or 'POST'"),
        ("contacts/list/path", "/c/{id}", "contacts.list", "path cannot hold {id}"),
        (
            "contacts/list/items",
            "data[",
            "contacts.list.items",
            "'data[' is no JMESPath expression: it ends too early",
        ),
        (
            "contacts/list/since/format",
            "ISO",
            "contacts.list.since.format",
            "'ISO' is none of iso, unix, unix_ms, nor a pattern such as %Y-%m-%d %H:%M:%S",
        ),
        (
            "contacts/list/paging/kind",
            "key",
            "contacts.list.paging.kind",
            "Input should be 'page', 'offset', 'cursor', 'link' or 'after'",
        ),
        ("contacts/list/paging/next", ..., "contacts.list.paging", "kind 'cursor' needs next"),
        (
            "contacts/list/paging/param",
            "",
            "contacts.list",
            "paging: kind 'cursor' needs param, or the placeholder {at} in params or body",
        ),
        ("contacts/list/paging/start", 0, "contacts.list.paging", "start has no meaning with kind 'cursor'"),
        (
            "contacts/list/paging",
            {"kind": "link", "param": "p"},
            "contacts.list.paging",
            "param has no meaning with kind 'link'",
        ),
        (
            "contacts/list/paging",
            {"kind": "offset", "param": "o", "size": 5},
            "contacts.list.paging",
            "overlap must be smaller than size",
        ),
        (
            "contacts/create/body",
            {"properties": "{contacts}"},
            "contacts.create",
            "body.properties: {contacts} is no placeholder here; there are {contact}, {key}",
        ),
        (
            "contacts/update/path",
            "/contacts",
            "contacts.update",
            "path or body must hold {id}",
        ),
        (
            "contacts/update/body",
            {"id": "{id}"},
            "contacts.update",
            "body must hold {contact}, which stands for what write makes",
        ),
        ("contacts/update/path", "/c/{Id}", "contacts.update.path", "{Id} is no placeholder here; there are {id}"),
        (
            "notes/body",
            {"note": "{body}"},
            "notes",
            "body.note: {body} is no placeholder here; "
            "there are {text}, {url}, {key}, {id}, {title}, {due_at}, {now}",
        ),
        ("notes/body", {"url": "{url}"}, "notes", "body must hold {text}"),
        ("notes/path", "/notes", "notes", "path or body must hold {id}"),
        ("errors", [{"means": "auth"}], "errors.0", "give status, when, or both"),
        ("reason", "a b", "reason", "'a b' is no JMESPath expression: wrong at character 3"),
        ("map/url", "jion(x)", "map.url", "'jion(x)' is no JMESPath expression: there is no function jion"),
    ],
)
def test_a_mistake_is_told_by_its_key(key: str, value: Any, where: str, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Crm.Settings.model_validate(changed(key, value))
    found = [(".".join(map(str, error["loc"])), error["msg"]) for error in caught.value.errors()]
    assert (where, message) in [(at, told.removeprefix("Value error, ")) for at, told in found]
    assert SECRET not in str(caught.value)


def test_the_secret_is_not_in_the_settings_as_they_print() -> None:
    checked = Crm.Settings.model_validate(settings())
    assert SECRET not in f"{checked!r} {checked} {checked.model_dump()}"


def test_settings_cannot_be_changed() -> None:
    checked = Crm.Settings.model_validate(settings())
    with pytest.raises(ValidationError, match="frozen"):
        checked.auth.kind = "basic"  # type: ignore[attr-defined]


def documented() -> dict[str, dict[str, Any]]:
    """Return the accounts of the document as the hub would hand them to the plugin, secrets resolved."""
    found: dict[str, dict[str, Any]] = {}
    for block in re.findall(r"^```toml\n(.*?)^```", DOC.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        for name, account in tomllib.loads(block)["accounts"].items():
            found.setdefault(name, {}).update(account)
    del found["rpc"]  # a piece of one
    for account in found.values():
        assert account.pop("platform") == Crm.platform
        assert set(account["auth"]["secret"]) == {"env"}
        account["auth"]["secret"] = SECRET
        account.pop("calls_per_second", None)
    return found


@pytest.mark.parametrize("name", ["crm", "hubspot", "amo", "bitrix", "salesforce"])
def test_an_account_of_the_document_is_accepted(name: str) -> None:
    Crm.Settings.model_validate(documented()[name])


def test_the_worked_example_of_the_document_does_everything() -> None:
    contact = Contact(
        name="Ann Lee", emails=["a@x.org", "b@x.org"], phones=["+7 1"], handles={"twitter": "annlee"}
    )
    with CrmDouble() as double:
        crm = open_adapter(Crm, documented()["crm"] | {"api_url": f"{double.url}/api"})
        assert crm.check().name == "Sales robot"
        created = crm.push_contact(contact, None)
        crm.push_contact(Contact(name="Ann Moore", changed=frozenset({"name"})), created.remote_id)
        crm.add_note(created.remote_id, Note(key="k1", text="hello"))
        (read,) = [found for batch in crm.pull_contacts(None) for found in batch.items]
        crm.http.close()
    assert (read.name, read.emails, read.phones, read.handles) == (
        "Ann Moore",
        contact.emails,
        contact.phones,
        contact.handles,
    )
    assert [note["text"] for note in double.notes.values()] == ["hello"]


def test_every_key_of_the_settings_is_in_the_document() -> None:
    def keys(schema: Any) -> set[str]:
        own = set(schema.get("properties", {}))
        return own.union(*(set(table.get("properties", {})) for table in schema.get("$defs", {}).values()))

    text = DOC.read_text(encoding="utf-8")
    assert {key for key in keys(Crm.Settings.model_json_schema()) if f"`{key}`" not in text} <= {
        "contacts",
        "list",
    }
