"""The kit on searches: what is said about us, found by a word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from hub.adapter import Searcher
from hub.testing.contract.ground import needs
from hub.testing.contract.listening import check_authors, check_mentions
from hub.testing.contract.shelf import ReadingGround, Shelf
from hub.testing.contract.verbs import Findings, Reading
from hub.testing.double import Double
from hub.testing.social import SocialDouble


class Searching(ReadingGround):
    area: ClassVar[str] = "searching"

    @pytest.fixture
    def findings(self, network: Double, opened: Callable[..., Any]) -> Reading:
        """What is said with the word that is searched for."""
        return self.reading_of(Findings, network, opened)

    @needs(Searcher, SocialDouble)
    def test_what_is_found_is_whole(self, findings: Reading, account: Any) -> None:
        findings.add(2)
        check_mentions("search", _read(findings, account).items)

    @needs(Searcher, SocialDouble)
    def test_what_does_not_match_is_not_found(
        self, network: SocialDouble, findings: Reading, account: Any
    ) -> None:
        other = network.mention(network.add_person("Other Person", "other"), f"@{network.us.handle} nothing of it")
        found = findings.put("all of it")
        items = _read(findings, account).items
        assert found in items, "what holds the word was not found"
        assert other not in items, (
            "search brought what does not hold the word: the query did not reach the network"
        )

    @needs(Searcher, SocialDouble)
    @pytest.mark.parametrize("query", ["ничего подобного", "C++ & C#", "50%", '"two words"'])
    def test_any_query_reaches_the_network(self, network: SocialDouble, account: Any, query: str) -> None:
        before = len(network.calls)
        list(account.search(query, None))
        sent = [value for call in network.calls[before:] for value in (*call.query.values(), *_form(call))]
        assert any(query in value for value in sent), (
            f"the query {query!r} went out as {sent}: pass it as a parameter, so that it is escaped"
        )

    @needs(Searcher, SocialDouble)
    def test_authors_keep_their_ids_in_searches(
        self, network: SocialDouble, findings: Reading, account: Any
    ) -> None:
        check_authors("search", network, lambda: findings.put("it"), lambda: _read(findings, account))


def _form(call: Any) -> list[str]:
    return list(call.form().values())


def _read(findings: Reading, account: Any) -> Shelf:
    shelf = Shelf(findings, account)
    shelf.read()
    return shelf
