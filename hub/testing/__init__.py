"""For plugin authors: the base of all doubles, and a way to open an adapter on one."""

from hub.testing.double import Double, Held, Person, Remark, Reply, Request, SocialDouble
from hub.testing.opening import MemoryVault, open_adapter

__all__ = [
    "Double",
    "Held",
    "MemoryVault",
    "Person",
    "Remark",
    "Reply",
    "Request",
    "SocialDouble",
    "open_adapter",
]
