"""Who works with the hub: their roles, passwords, sessions and tokens."""

from hub.users.people import everybody

__all__ = ["everybody"]
