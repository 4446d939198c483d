"""X keeps what the hub relies on: the conformance kit, on its double, with both kinds of login."""

import pytest

from hub.testing import AdapterContract
from plugins.twitter import Twitter
from plugins.twitter.sandbox import TwitterDouble


class TestXWithOAuth2(AdapterContract):
    adapter = Twitter
    double = TwitterDouble


@pytest.mark.faults_long
class TestXWithOAuth1(AdapterContract):
    """Every call is signed anew, and the API is spelt as before 2026-08."""

    adapter = Twitter
    double = TwitterDouble

    def make_network(self) -> TwitterDouble:
        return TwitterDouble(login="oauth1", spelling="tweet")
