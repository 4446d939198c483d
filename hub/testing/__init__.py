"""For plugin authors: doubles, faults, and the conformance kit. Each name is imported when it is asked for."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.testing import faults
    from hub.testing.contract import AdapterContract, needs
    from hub.testing.double import Double, Refusal, Request
    from hub.testing.faults import Fault, Reply
    from hub.testing.opening import MemoryVault, open_adapter
    from hub.testing.replies import Replies
    from hub.testing.social import ContactsDouble, FeedDouble, Held, Person, Remark, SocialDouble

__all__ = [
    "AdapterContract",
    "ContactsDouble",
    "Double",
    "Fault",
    "FeedDouble",
    "Held",
    "MemoryVault",
    "Person",
    "Refusal",
    "Remark",
    "Replies",
    "Reply",
    "Request",
    "SocialDouble",
    "faults",
    "needs",
    "open_adapter",
]

# pytest loads `hub.testing.pytest_plugin` in every project that has the hub installed, and `hub demo` runs where
# there is no pytest: what is below must cost neither anything.
_MODULES = {
    "contract": ("AdapterContract", "needs"),
    "double": ("Double", "Refusal", "Request"),
    "faults": ("Fault", "Reply"),
    "opening": ("MemoryVault", "open_adapter"),
    "replies": ("Replies",),
    "social": ("ContactsDouble", "FeedDouble", "Held", "Person", "Remark", "SocialDouble"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used (PEP 562)."""
    from importlib import import_module

    if name == "faults":
        return import_module(f"{__name__}.faults")
    module = _HOME.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
