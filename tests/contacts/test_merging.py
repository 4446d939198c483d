"""Merging and splitting by a person's word, and what is asked: nothing is lost, and nothing comes back unasked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from contacts.graphs import NOW, OLGA, Graph, opened

from hub.contacts.identity import merging
from hub.errors import UsageError
from hub.store.people import cards


@pytest.fixture
def graph(database_url: str) -> Iterator[Graph]:
    with opened(database_url) as store:
        yield Graph(store)


def test_a_merge_is_one_person_under_the_lower_number(graph: Graph) -> None:
    one = graph.typed(name="Anna", emails=["a@x.org"])
    other = graph.record("crm", "1", name="Anna Petrova", emails=["b@x.org"], phones=["+79123456789"])
    assert merging.merge(graph.store, other, one, OLGA, NOW) == one
    (anna,) = graph.people()
    assert (anna.id, anna.cards) == (one, [one, other])
    assert anna.emails == ("a@x.org", "b@x.org")
    assert [record.remote_id for record in anna.records] == ["1"]


def test_any_card_names_the_person(graph: Graph) -> None:
    one, two, three = (graph.typed(name=name) for name in ("A", "B", "C"))
    merging.merge(graph.store, one, two, OLGA, NOW)
    assert merging.merge(graph.store, two, three, OLGA, NOW) == one
    assert [each.kind for each in merging.why(graph.store, three)] == ["word", "word"]


def test_one_contact_is_not_merged_with_itself(graph: Graph) -> None:
    one, two = graph.typed(name="A"), graph.typed(name="B")
    merging.merge(graph.store, one, two, OLGA, NOW)
    with pytest.raises(UsageError, match="one contact already"):
        merging.merge(graph.store, one, two, OLGA, NOW)


def test_nobody_is_merged_with_who_is_not_there(graph: Graph) -> None:
    with pytest.raises(UsageError, match="no contact 99"):
        merging.merge(graph.store, graph.typed(name="A"), 99, OLGA, NOW)
    with pytest.raises(UsageError, match="no contact 99"):
        merging.preview(graph.store, 99, 98)


def test_a_merge_may_join_two_records_of_one_crm(graph: Graph) -> None:
    one = graph.record("crm", "1", name="Anna", emails=["a@x.org"])
    other = graph.record("crm", "2", name="Anna", emails=["a@x.org"])
    assert merging.preview(graph.store, one, other).both_in == ["crm"]
    merging.merge(graph.store, one, other, OLGA, NOW)
    assert graph.one(one, other)


class TestPreview:
    def test_it_shows_what_would_be_and_what_each_crm_would_be_told(self, graph: Graph) -> None:
        one = graph.record("crm", "1", name="Anna", emails=["a@x.org"])
        other = graph.record("books", "9", name="Anna", emails=["b@x.org"], fields={"city": "Tver"})
        before = dict(graph.store.writes)
        preview = merging.preview(graph.store, one, other)
        assert preview.after.values["emails"] == ("a@x.org", "b@x.org")
        assert {(each.account, each.field, each.after) for each in preview.crm} == {
            ("crm", "emails", ("a@x.org", "b@x.org")),
            ("crm", "city", "Tver"),
            ("books", "emails", ("a@x.org", "b@x.org")),
        }
        assert dict(graph.store.writes) == before

    def test_it_tells_the_truth(self, graph: Graph) -> None:
        one = graph.typed(name="Anna", city="Tver")
        other = graph.typed(name="Anna P.", phones=["+79123456789"])
        after = merging.preview(graph.store, one, other).after
        merging.merge(graph.store, one, other, OLGA, NOW)
        assert graph.values(one) == after.values


class TestSplit:
    def test_a_side_needs_a_card(self, graph: Graph) -> None:
        one, two = graph.typed(name="A"), graph.typed(name="B")
        with pytest.raises(UsageError, match="both sides"):
            merging.split(graph.store, one, [one], OLGA, NOW)
        with pytest.raises(UsageError, match=f"card {two} is not of contact {one}"):
            merging.split(graph.store, one, [two], OLGA, NOW)

    def test_evidence_is_undone_and_kept(self, graph: Graph) -> None:
        one = graph.record("crm", "1", name="Anna", emails=["a@x.org"])
        other = graph.record("books", "9", name="Anna", emails=["a@x.org"])
        assert merging.split(graph.store, one, [other], OLGA, NOW) == (one, other)
        with graph.store.read() as connection:
            states = set(connection.execute(sa.text("SELECT state FROM contact_evidence")).scalars())
        assert states == {"undone"}
        assert merging.why(graph.store, one) == []

    def test_what_was_split_does_not_come_back(self, graph: Graph) -> None:
        one = graph.record("crm", "1", name="Anna", emails=["a@x.org"])
        other = graph.record("books", "9", name="Anna", emails=["a@x.org"])
        merging.split(graph.store, one, [other], OLGA, NOW)
        graph.store.write(lambda connection: connection.execute(sa.text("UPDATE contacts SET unmatched = 1")))
        assert graph.match() == {}
        assert not graph.one(one, other)

    def test_a_side_stays_together_though_the_other_held_it(self, graph: Graph) -> None:
        left = graph.typed(emails=["a@x.org"])
        middle = graph.typed(emails=["a@x.org", "b@x.org"])
        right = graph.typed(emails=["b@x.org"])
        graph.match()
        assert graph.one(left, middle, right)
        merging.split(graph.store, left, [middle], OLGA, NOW)
        assert graph.one(left, right)
        assert not graph.one(left, middle)

    def test_what_came_since_goes_with_the_side_that_it_came_by(self, graph: Graph) -> None:
        anna = graph.typed(name="Anna", emails=["anna@x.org"])
        boris = graph.typed(name="Boris", emails=["boris@x.org"])
        graph.match()
        merging.merge(graph.store, anna, boris, OLGA, NOW)
        hers = graph.record("crm", "1", name="Anna", emails=["anna@x.org"])
        his = graph.record("books", "2", name="Boris", emails=["boris@x.org"])
        assert graph.one(anna, boris, hers, his)
        (merge,) = [each for each in merging.merges(graph.store, anna) if each.evidence.kind == "word"]
        assert (merge.one, merge.other) == ([anna, hers], [boris, his])
        assert merging.undo(graph.store, merge.id, OLGA, NOW) == (anna, boris)
        assert graph.one(anna, hers)
        assert graph.one(boris, his)
        assert not graph.one(anna, boris)

    def test_what_was_typed_since_is_on_the_card_whose_value_was_shown(self, graph: Graph) -> None:
        anna = graph.typed(name="Anna")
        boris = graph.typed(name="Boris", city="Tver")
        merging.merge(graph.store, anna, boris, OLGA, NOW)
        graph.store.write(cards.set_values, anna, {"city": "Omsk", "title": "Head"}, source="user", now=NOW)
        merging.split(graph.store, anna, [boris], OLGA, NOW)
        assert graph.values(boris) == {"name": "Boris", "city": "Omsk"}
        assert graph.values(anna) == {"name": "Anna", "title": "Head"}


class TestProposals:
    def asked(self, graph: Graph) -> tuple[int, int, int]:
        one = graph.record("crm", "1", name="Иван Петров", emails=["p@x.org"])
        other = graph.record("books", "9", name="Мария Петрова", emails=["p@x.org"])
        (proposal,) = merging.proposals(graph.store, 10)
        return one, other, proposal.id

    def test_one_shows_both_and_why(self, graph: Graph) -> None:
        one, other, number = self.asked(graph)
        (proposal,) = merging.proposals(graph.store, 10)
        assert (proposal.one.id, proposal.other.id) == (one, other)
        assert [(each.kind, each.value) for each in proposal.evidence] == [("email", "p@x.org")]
        assert 0.5 <= proposal.weight < 0.9
        assert merging.proposals(graph.store, 10, after=number) == []

    def test_an_accepted_one_is_a_merge(self, graph: Graph) -> None:
        one, other, number = self.asked(graph)
        assert merging.accept(graph.store, number, OLGA, NOW) == one
        assert graph.one(one, other)
        assert merging.proposals(graph.store, 10) == []
        with pytest.raises(UsageError, match="no proposal"):
            merging.accept(graph.store, number, OLGA, NOW)

    def test_a_refused_one_is_never_asked_again(self, graph: Graph) -> None:
        one, other, number = self.asked(graph)
        merging.refuse(graph.store, number, OLGA, NOW)
        graph.store.write(cards.set_values, other, {"name": "Иван Петров"}, source="user", now=NOW)
        assert graph.match() == {}
        assert merging.proposals(graph.store, 10) == []
        assert not graph.one(one, other)

    def test_a_person_may_merge_what_was_refused(self, graph: Graph) -> None:
        one, other, number = self.asked(graph)
        merging.refuse(graph.store, number, OLGA, NOW)
        merging.merge(graph.store, one, other, OLGA, NOW)
        assert graph.one(one, other)
