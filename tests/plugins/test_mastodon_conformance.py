"""Mastodon keeps what the hub relies on: the conformance kit, on its double, as itself and as a lesser server."""

import pytest

from hub.testing import AdapterContract
from plugins.mastodon import Mastodon
from plugins.mastodon.sandbox import MastodonDouble


class TestMastodon(AdapterContract):
    adapter = Mastodon
    double = MastodonDouble


@pytest.mark.faults_long
class TestAnotherServer(AdapterContract):
    """It knows no Idempotency-Key, only /api/v1/instance, no Link header, and one level of a thread at a time."""

    adapter = Mastodon
    double = MastodonDouble

    def make_network(self) -> MastodonDouble:
        return MastodonDouble(keeps_keys=False, newest_api=False, links=False, deep=False)
