"""Tests of the village plugin: all that the hub relies on, and what is the village's own."""

import pytest
from hub_village import Village
from hub_village.sandbox import VillageDouble

from hub import Post, RejectedError
from hub.testing import AdapterContract


class TestVillage(AdapterContract):
    adapter = Village
    double = VillageDouble

    def test_a_post_without_words_is_refused(self, network: VillageDouble, account: Village) -> None:
        with pytest.raises(RejectedError, match="say something"):
            account.publish(Post())
        assert not network.posts
