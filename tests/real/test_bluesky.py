"""The hub on Bluesky's own servers."""

from __future__ import annotations

from real.bluesky import BlueskySite, Network
from real.story import Story


class TestBluesky(Story):
    runs = Network
    plays = BlueskySite
