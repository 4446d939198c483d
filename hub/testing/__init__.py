"""For plugin authors: the base of all doubles, and a way to open an adapter on one."""

from hub.testing.double import Double, Reply, Request
from hub.testing.opening import MemoryVault, open_adapter
from hub.testing.social import ContactsDouble, FeedDouble, Held, Person, Remark, SocialDouble

__all__ = [
    "ContactsDouble",
    "Double",
    "FeedDouble",
    "Held",
    "MemoryVault",
    "Person",
    "Remark",
    "Reply",
    "Request",
    "SocialDouble",
    "open_adapter",
]
