"""Bluesky keeps what the hub relies on: the conformance kit, on its double."""

from hub.testing import AdapterContract
from plugins.bluesky import Bluesky
from plugins.bluesky.sandbox import BlueskyDouble


class TestBluesky(AdapterContract):
    adapter = Bluesky
    double = BlueskyDouble
