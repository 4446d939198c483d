"""A feed keeps what the hub relies on: the conformance kit, on a blog in each of the three formats."""

from collections.abc import Mapping
from typing import Any

import pytest

from hub.testing import AdapterContract, Double
from plugins.rss import RssAdapter
from plugins.rss.sandbox import BlogDouble


class TestRss(AdapterContract):
    adapter = RssAdapter
    double = BlogDouble


@pytest.mark.faults_long
class TestAtom(TestRss):
    def settings(self, network: Double) -> Mapping[str, Any]:
        assert isinstance(network, BlogDouble)
        return network.account("atom")


class TestJsonFeed(TestRss):
    def settings(self, network: Double) -> Mapping[str, Any]:
        assert isinstance(network, BlogDouble)
        return network.account("json")
