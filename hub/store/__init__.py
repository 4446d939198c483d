"""Tables, queries by topic in rooms, migrations; the only place that knows SQL."""

from hub.store.database import Store

__all__ = ["Store"]
