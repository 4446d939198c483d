"""Who works with the hub: their roles, passwords, sessions and tokens."""
