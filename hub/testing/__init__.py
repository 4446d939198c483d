"""For plugin authors: the base of all doubles, and a way to open an adapter on one."""

from hub.testing import faults
from hub.testing.double import Double, Refusal, Request
from hub.testing.faults import Fault, Reply
from hub.testing.opening import MemoryVault, open_adapter
from hub.testing.social import ContactsDouble, FeedDouble, Held, Person, Remark, SocialDouble

__all__ = [
    "ContactsDouble",
    "Double",
    "Fault",
    "FeedDouble",
    "Held",
    "MemoryVault",
    "Person",
    "Refusal",
    "Remark",
    "Reply",
    "Request",
    "SocialDouble",
    "faults",
    "open_adapter",
]
