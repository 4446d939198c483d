"""What hub.toml would say about the double of a small CRM."""

from __future__ import annotations

from typing import Any

SIZES = {"page": "per_page", "offset": "limit", "cursor": "limit", "link": "per_page", "link_header": "per_page"}


def settings(url: str, auth: dict[str, Any], paging: str, id_in: str) -> dict[str, Any]:
    """Return settings for an account on a double at this address; secrets as plain text."""
    return {
        "api_url": f"{url}/api",
        "auth": auth,
        "check": {"path": "/me", "id": "id", "name": "name"},
        "contacts": _contacts(paging, id_in),
        "map": {
            "id": "id",
            "name": "join(' ', [first_name, last_name][?@])",
            "emails": "emails[].value",
            "phones": "phones",
            "updated_at": "updated_at",
            "link": "url",
            "deleted": "archived",
            "key": "external_id",
            "version": "version",
            "handles": {"vk": "custom.vk_id", "facebook": "custom.facebook", "twitter": "custom.x"},
            "fields": {"company": "company", "tags": "tags"},
        },
        "write": {
            "first_name": "{first_name}",
            "last_name": "{last_name}",
            "emails": [{"value": "{emails[]}"}],
            "phones": "{phones}",
            "custom": {"vk_id": "{handles.vk}", "facebook": "{handles.facebook}", "x": "{handles.twitter}"},
            "company": "{fields.company}",
            "tags": "{fields.tags|list|or_list}",
            "external_id": "{key}",
        },
        "notes": _activity("notes", {"text": "{text}"}),
        "tasks": _activity("tasks", {"text": "{text}", "title": "{title}", "due_at": "{due_at}"}),
        "leads": _activity("leads", {"text": "{text}", "title": "{title}"}),
    }


def _activity(kind: str, body: dict[str, str]) -> dict[str, Any]:
    return {
        "path": f"/contacts/{{id}}/{kind}",
        "body": {**body, "url": "{url}", "external_id": "{key}"},
        "id": "id",
    }


def _contacts(paging: str, id_in: str) -> dict[str, Any]:
    size = {"size_param": SIZES[paging], "size": 100}
    kinds: dict[str, Any] = {
        "page": {"kind": "page", "param": "page", **size},
        "offset": {"kind": "offset", "param": "offset", **size},
        "cursor": {"kind": "cursor", "param": "after", "next": "paging.next.after", **size},
        "link": {"kind": "link", "next": "links.next", **size},
        "link_header": {"kind": "link", **size},
    }
    told = {
        "items": "results",
        "ref": "ref",
        "error": "error",
        "error_text": "error.message",
        "means": "error.means",
    }
    condition = {"headers": {"If-Match": '"{version}"'}}
    return {
        "list": {
            "path": "/contacts",
            "params": {"updated_since": "{since}"},
            "items": "data",
            "paging": kinds[paging],
            "since": {"format": "iso"},
        },
        "create": {
            "path": "/contacts",
            "existing_id": "error.existing_id",
            **({"id": "id"} if id_in == "body" else {}),
        },
        "update": {"path": "/contacts/{id}", **condition},
        "get": {"path": "/contacts/{id}"},
        "delete": {"path": "/contacts/{id}", **condition},
        "find": {
            "key": {"path": "/search", "params": {"external_id": "{key}"}, "items": "data"},
            "email": {"path": "/search", "params": {"email": "{email}"}, "items": "data"},
            "phone": {"path": "/search", "params": {"phone": "{phone}"}, "items": "data"},
        },
        "batch": {
            "size": 50,
            "create": {
                "path": "/batch",
                "body": {"records": "{contacts}"},
                "item": {"ref": "{ref}", "fields": "{contact}"},
                "id": "id",
                **told,
            },
            "update": {
                "method": "PATCH",
                "path": "/batch",
                "body": {"records": "{contacts}"},
                "item": {"ref": "{ref}", "id": "{id|int}", "version": "{version|int}", "fields": "{contact}"},
                **told,
            },
        },
    }
