"""Telegram keeps what the hub relies on: the conformance kit, on its double."""

import itertools

import pytest

from hub import HubError
from hub.testing import AdapterContract, faults, open_adapter
from plugins.telegram import Telegram
from plugins.telegram.sandbox import TelegramDouble


class TestTelegram(AdapterContract):
    adapter = Telegram
    double = TelegramDouble
    secret_in_url_because = "the Bot API takes the token there alone: core.telegram.org/bots/api#making-requests"

    @pytest.mark.skip(reason="Telegram tells a bot of no deletion in a group: core.telegram.org/bots/api#update")
    def test_a_deleted_mention_vanishes(self) -> None:
        """The update stays in the queue, and the hub keeps what was said."""

    @pytest.mark.parametrize("place", [0, 1], ids=["the look at the queue", "the confirmation"])
    def test_a_read_that_breaks_off_anywhere_goes_on_without_a_gap(self, place: int) -> None:
        """The kit reads one list from one cursor again and again; Telegram forgets what a later cursor confirmed.

        So each way to break off has a queue of its own.
        """
        with TelegramDouble() as double:
            account = open_adapter(Telegram, double.account(), paced=False)
            anna = double.add_person("Anna Kim", "anna")
            double.mention(anna, "The first")
            (batch,) = account.fetch_mentions(None)
            wanted = {double.mention(anna, f"Number {number}") for number in range(250)}
            calls = itertools.count()
            double.inject(faults.too_many("3600"), lambda request: next(calls) == place)
            with pytest.raises(HubError):
                list(account.fetch_mentions(batch.cursor))
            double.calm()
            found = set()
            for _ in range(4):
                (batch,) = account.fetch_mentions(batch.cursor)
                found |= {one.remote_id for one in batch.items}
            account.http.close()
        assert found == wanted
