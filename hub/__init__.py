"""What a plugin may import, and nothing else. Each name is imported when it is asked for."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub import vcard
    from hub.adapter import (
        AccountSettings,
        Adapter,
        Commenter,
        ContactSync,
        Editor,
        Listener,
        Publisher,
        Responder,
        Searcher,
        ThreadReader,
        Timeline,
        Vault,
        WebhookReceiver,
    )
    from hub.answer import Answer
    from hub.errors import (
        AuthError,
        ConfigError,
        DuplicateError,
        GoneError,
        HubError,
        PluginError,
        RejectedError,
        StaleCursor,
        StaleRecord,
        TransientError,
        UnknownOutcome,
    )
    from hub.hookspecs import (
        hookimpl,
    )
    from hub.http import (
        Http,
    )
    from hub.models import (
        Author,
        Batch,
        Contact,
        Identity,
        Limits,
        Media,
        Mention,
        Note,
        OAuth,
        OAuthClient,
        Post,
        Push,
        RateLimit,
        Receipt,
        Remark,
        RemotePost,
        Thread,
        WebhookAnswer,
        WebhookRequest,
        clean_text,
    )
    from hub.resemblance import (
        find_in_timeline,
        text_key,
    )

__all__ = [
    "AccountSettings",
    "Adapter",
    "Answer",
    "AuthError",
    "Author",
    "Batch",
    "Commenter",
    "ConfigError",
    "Contact",
    "ContactSync",
    "DuplicateError",
    "Editor",
    "GoneError",
    "Http",
    "HubError",
    "Identity",
    "Limits",
    "Listener",
    "Media",
    "Mention",
    "Note",
    "OAuth",
    "OAuthClient",
    "PluginError",
    "Post",
    "Publisher",
    "Push",
    "RateLimit",
    "Receipt",
    "RejectedError",
    "Remark",
    "RemotePost",
    "Responder",
    "Searcher",
    "StaleCursor",
    "StaleRecord",
    "Thread",
    "ThreadReader",
    "Timeline",
    "TransientError",
    "UnknownOutcome",
    "Vault",
    "WebhookAnswer",
    "WebhookReceiver",
    "WebhookRequest",
    "clean_text",
    "find_in_timeline",
    "hookimpl",
    "text_key",
    "vcard",
]

# `hub --help` must not wait for pydantic and httpx, which the modules below import.
_MODULES = {
    "adapter": (
        "AccountSettings",
        "Adapter",
        "Commenter",
        "ContactSync",
        "Editor",
        "Listener",
        "Publisher",
        "Responder",
        "Searcher",
        "ThreadReader",
        "Timeline",
        "Vault",
        "WebhookReceiver",
    ),
    "errors": (
        "AuthError",
        "ConfigError",
        "DuplicateError",
        "GoneError",
        "HubError",
        "PluginError",
        "RejectedError",
        "StaleCursor",
        "StaleRecord",
        "TransientError",
        "UnknownOutcome",
    ),
    "hookspecs": ("hookimpl",),
    "answer": ("Answer",),
    "http": ("Http",),
    "models": (
        "Author",
        "Batch",
        "Contact",
        "Identity",
        "Limits",
        "Media",
        "Mention",
        "Note",
        "OAuth",
        "OAuthClient",
        "Post",
        "Push",
        "RateLimit",
        "Receipt",
        "Remark",
        "RemotePost",
        "Thread",
        "WebhookAnswer",
        "WebhookRequest",
        "clean_text",
    ),
    "resemblance": ("find_in_timeline", "text_key"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used (PEP 562)."""
    from importlib import import_module

    if name == "vcard":
        return import_module(f"{__name__}.vcard")
    module = _HOME.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
