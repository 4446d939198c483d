"""Says how long a text is by its network's own rule, on the server and, by the same facts, in the browser."""

from __future__ import annotations

import json
from typing import NamedTuple

from hub.adapter import Adapter, Publisher
from hub.errors import HubError
from hub.models import Limits
from hub.publishing.length import maximum, measure, within


class Count(NamedTuple):
    """A text's length in its network's unit; `most` is 0 where there is no limit."""

    used: int
    most: int
    fits: bool

    @property
    def left(self) -> int:
        return self.most - self.used


def limits_of(adapter: Adapter) -> Limits | None:
    """Return what one text may hold on the adapter's network, None where that cannot be told just now."""
    if not isinstance(adapter, Publisher):
        return None
    try:
        return adapter.limits()
    except HubError:
        # What cannot be counted is sent all the same; the network has the last word.
        return None


def count(text: str, limits: Limits) -> Count:
    """Measure a text without media."""
    return Count(measure(text, limits), maximum(limits, media=False), within(text, limits, media=False))


def as_json(limits: Limits) -> str:
    """Return the facts that static/counter.js counts by."""
    return json.dumps(
        {
            "unit": limits.unit,
            "maximum": maximum(limits, media=False),
            "maximumWithMedia": maximum(limits, media=True),
            "maxBytes": limits.max_bytes,
            "linkCost": limits.link_cost,
            "localMentions": limits.remote_mentions == "local",
        }
    )
