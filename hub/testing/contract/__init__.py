"""The conformance kit: one line in a plugin's tests, and everything the hub relies on is tested."""

from hub.testing.contract.ground import needs

__all__ = ["needs"]
