"""A WordPress site keeps what the hub relies on: the conformance kit, on its double, by both addresses."""

import pytest

from hub.testing import AdapterContract
from plugins.wordpress import WordPress
from plugins.wordpress.sandbox import WordPressDouble


class TestWordPress(AdapterContract):
    adapter = WordPress
    double = WordPressDouble


@pytest.mark.faults_long
class TestWithoutPrettyPermalinks(TestWordPress):
    def make_network(self) -> WordPressDouble:
        return WordPressDouble(pretty=False)
