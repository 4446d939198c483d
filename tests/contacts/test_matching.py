"""Who is joined, who is proposed, and who is kept apart: evidence, attacks on it, and nothing written in vain."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from contacts.graphs import NOW, OLGA, Graph, opened, settings

from hub.contacts.identity import matching, merging
from hub.models import Contact
from hub.store.people import cards, likely


@pytest.fixture
def graph(database_url: str) -> Iterator[Graph]:
    with opened(database_url) as store:
        yield Graph(store)


def proposed(graph: Graph) -> list[tuple[int, int]]:
    return [(each.one.id, each.other.id) for each in merging.proposals(graph.store, 100)]


def test_who_has_a_new_e_mail_is_nobody_else(graph: Graph) -> None:
    typed = graph.typed(name="Anna", emails=["anna@example.org"])
    record = graph.record("crm", "1", name="Anna Petrova", emails=["anna@example.org"])
    graph.store.write(cards.set_values, typed, {"emails": ["new@example.org"]}, source="user", now=NOW)
    graph.match()
    assert graph.one(typed, record)
    assert graph.values(record)["emails"] == ("new@example.org",)
    (why,) = [each for each in merging.why(graph.store, typed) if each.kind == "email"]
    assert (why.value, why.at) == ("anna@example.org", NOW)
    merging.split(graph.store, typed, [record], OLGA, NOW)
    graph.match()
    assert not graph.one(typed, record)


def test_a_telephone_without_a_country_is_read_anew_when_the_region_is_another(graph: Graph) -> None:
    graph.settings = settings(region="")
    local = graph.typed(name="Пётр Сидоров", phones=["8 (912) 345-67-89"])
    world = graph.typed(name="Петр Сидоров", phones=["+7 912 345 67 89"])
    graph.match()
    assert not graph.one(local, world)
    graph.settings = settings(region="RU")
    assert graph.match()["joined"] == 1
    assert graph.one(local, world)
    graph.settings = settings(region="DE")
    graph.match()
    far = graph.typed(name="Пётр Сидоров", phones=["+79123456789"])
    graph.match()
    assert {each.one_id for each in merging.why(graph.store, far) if each.other_id == far} == {world}
    before = dict(graph.store.writes)
    assert graph.match() == {}
    assert graph.store.writes == before


class TestTheCompanysOwnWord:
    def test_the_same_e_mail_in_two_crms_joins_however_it_is_spelt(self, graph: Graph) -> None:
        one = graph.record("crm", "1", name="Анна Петрова", emails=["Anna.Petrova@Example.org"])
        other = graph.record("books", "9", name="Anna Petrova", emails=["anna.petrova@example.org "])
        assert graph.one(one, other)

    def test_a_typed_contact_is_joined_when_it_is_matched(self, graph: Graph) -> None:
        typed = graph.typed(name="Anna", emails=["anna@example.org"])
        record = graph.record("crm", "1", name="Anna Petrova", emails=["anna@example.org"])
        assert graph.one(typed, record)
        assert [person.id for person in graph.people()] == [typed]

    def test_one_telephone_and_one_name_join(self, graph: Graph) -> None:
        one = graph.record("crm", "1", name="Пётр Сидоров", phones=["8 (912) 345-67-89"])
        other = graph.record("books", "9", name="Petr Sidorov", phones=["+7 912 345 67 89"])
        assert graph.one(one, other)

    @pytest.mark.parametrize("name", ["Мария Сидорова", "Сидоров Иван"])
    def test_one_telephone_of_two_names_is_a_familys(self, graph: Graph, name: str) -> None:
        one = graph.record("crm", "1", name="Пётр Сидоров", phones=["+79123456789"])
        other = graph.record("books", "9", name=name, phones=["+79123456789"])
        assert not graph.one(one, other)
        assert proposed(graph) == [(one, other)]

    def test_a_shared_e_mail_of_two_names_is_asked_about(self, graph: Graph) -> None:
        one = graph.record("crm", "1", name="Иван Петров", emails=["petrov.family@example.org"])
        other = graph.record("books", "9", name="Мария Петрова", emails=["petrov.family@example.org"])
        assert not graph.one(one, other)
        assert proposed(graph) == [(one, other)]

    def test_a_record_that_names_a_profile_is_joined_with_its_voice(self, graph: Graph) -> None:
        voice = graph.voice("agora", "42", name="Kitty", handle="kitty")
        record = graph.record("crm", "1", name="Анна Петрова", handles={"agora": "@Kitty"})
        assert graph.one(voice, record)

    def test_a_record_that_names_a_profile_by_its_number_is_joined(self, graph: Graph) -> None:
        record = graph.record("crm", "1", name="Анна Петрова", handles={"agora": "42"})
        voice = graph.voice("agora", "42", name="Kitty", handle="kitty")
        graph.match()
        assert graph.one(voice, record)

    def test_a_record_that_names_another_crms_record_is_joined_with_it(self, graph: Graph) -> None:
        one = graph.record("crm", "77", name="Anna")
        other = graph.record("books", "9", name="A. P.", handles={"crm": "77"})
        assert graph.one(one, other)

    def test_a_contact_is_found_before_it_is_created(self, graph: Graph) -> None:
        anna = graph.record("crm", "1", name="Анна Петрова", emails=["anna@example.org"])
        graph.record("crm", "2", name="Boris", emails=["boris@example.org"])
        with graph.store.read() as connection:
            asked = Contact(name="Anna Petrova", emails=["ANNA@example.org"])
            assert matching.candidates(connection, graph.settings, asked) == [anna]
            assert matching.candidates(connection, graph.settings, Contact(name="Анна Петрова")) == []


class TestNamesAlone:
    def test_two_of_one_name_are_neither_joined_nor_proposed(self, graph: Graph) -> None:
        one = graph.record("crm", "1", name="Анна Петрова")
        other = graph.record("books", "9", name="Анна Петрова")
        graph.voice("agora", "42", name="Анна Петрова")
        assert not graph.one(one, other)
        assert graph.match() == {}
        assert proposed(graph) == []


class TestClaims:
    def test_the_victims_e_mail_in_a_profile_joins_nobody(self, graph: Graph) -> None:
        """Somebody writes another's e-mail and name into his own profile: a person is asked."""
        victim = graph.record("crm", "1", name="Anna Petrova", emails=["anna@example.org"])
        thief = graph.voice("agora", "42", name="Anna Petrova", emails=["anna@example.org"])
        graph.match()
        assert not graph.one(victim, thief)
        assert proposed(graph) == [(victim, thief)]

    def test_everything_of_a_victim_in_a_profile_joins_nobody(self, graph: Graph) -> None:
        victim = graph.record(
            "crm",
            "1",
            name="Anna Petrova",
            emails=["anna@example.org", "a@work.example"],
            url="https://anna.example",
        )
        other = graph.voice("forum", "9", name="Anna Petrova", url="https://forum.example/u/anna")
        thief = graph.voice(
            "agora",
            "42",
            name="Anna Petrova",
            emails=["anna@example.org", "a@work.example"],
            links=["https://anna.example", "https://forum.example/u/anna"],
        )
        graph.match()
        assert not graph.one(victim, thief)
        assert not graph.one(other, thief)

    def test_a_claim_joins_nobody_even_where_little_is_asked(self, graph: Graph) -> None:
        bold = Graph(graph.store, join_from=0.5)
        victim = bold.record("crm", "1", name="Anna", emails=["anna@example.org"])
        thief = bold.voice("agora", "42", name="Anna", emails=["anna@example.org"])
        bold.match()
        assert not bold.one(victim, thief)

    def test_two_profiles_with_one_e_mail_are_asked_about(self, graph: Graph) -> None:
        one = graph.voice("agora", "42", emails=["anna@example.org"])
        other = graph.voice("forum", "9", emails=["anna@example.org"])
        graph.match()
        assert not graph.one(one, other)
        assert proposed(graph) == [(one, other)]

    def test_an_address_typed_into_a_form_is_a_claim(self, graph: Graph) -> None:
        """A commenter's site is what he wrote; only an address on the site where he speaks is his profile."""
        victim = graph.record("crm", "1", name="Anna", url="https://agora.example/anna")
        thief = graph.voice(
            "blog", "42", name="Anna", url="https://agora.example/anna", said="https://blog.example/post#1"
        )
        graph.match()
        assert not graph.one(victim, thief)

    def test_a_proposal_goes_when_the_profile_says_something_else(self, graph: Graph) -> None:
        graph.record("crm", "1", name="Anna", emails=["anna@example.org"])
        graph.voice("agora", "42", name="Kitty", emails=["anna@example.org"])
        graph.match()
        assert len(proposed(graph)) == 1
        graph.voice("agora", "42", name="Kitty", emails=["kitty@example.org"])
        graph.match()
        assert proposed(graph) == []


class TestLinks:
    def test_two_profiles_that_lead_to_each_other_are_one_whoever_was_first(self, graph: Graph) -> None:
        one = graph.voice(
            "agora", "1", url="https://agora.example/anna", links=["http://www.forum.example/u/anna/"]
        )
        graph.match()
        other = graph.voice("forum", "9", url="https://forum.example/u/anna", links=["https://agora.example/Anna"])
        graph.match()
        assert graph.one(one, other)

    def test_one_that_leads_to_another_is_asked_about(self, graph: Graph) -> None:
        one = graph.voice("forum", "9", url="https://forum.example/u/anna")
        graph.match()
        other = graph.voice("agora", "1", url="https://agora.example/anna", links=["https://forum.example/u/anna"])
        graph.match()
        assert not graph.one(one, other)
        assert proposed(graph) == [(one, other)]

    def test_a_link_that_the_network_has_seen_lead_back_joins(self, graph: Graph) -> None:
        one = graph.voice("forum", "9", url="https://forum.example/u/anna")
        other = graph.voice(
            "agora", "1", url="https://agora.example/anna", verified_links=["https://forum.example/u/anna"]
        )
        graph.match()
        assert graph.one(one, other)

    def test_a_record_that_names_the_address_of_a_profile_joins(self, graph: Graph) -> None:
        voice = graph.voice("agora", "1", name="Kitty", url="https://agora.example/anna")
        record = graph.record("crm", "1", name="Анна Петрова", url="http://www.agora.example/anna/")
        assert graph.one(voice, record)


class TestShared:
    @pytest.mark.parametrize("email", ["info@firm.example", "noreply@firm.example", "sales2@firm.example"])
    def test_an_offices_address_joins_nobody(self, graph: Graph, email: str) -> None:
        cards = [graph.record(f"crm{number}", "1", name="", emails=[email]) for number in range(3)]
        assert len({graph.person(card) for card in cards}) == 3

    def test_an_address_of_five_hundred_proves_nothing_and_costs_little(self, graph: Graph) -> None:
        for _ in range(500):
            graph.typed(emails=["everybody@firm.example"])
        assert graph.match() == {}
        assert len(graph.people()) == 500
        late = graph.record("crm", "1", emails=["everybody@firm.example"])
        assert graph.person(late) == late

    def test_what_a_dozen_have_in_common_is_nobodys(self, graph: Graph) -> None:
        for _ in range(12):
            graph.typed(emails=["none@placeholder.example"], phones=["+79160000000"])
        assert graph.match() == {}
        assert len(graph.people()) == 12

    def test_what_a_crowd_has_in_common_is_not_read(self, graph: Graph) -> None:
        for number in range(3):
            graph.typed(emails=["few@firm.example", f"own{number}@firm.example"])
        for _ in range(likely.CROWD + 1):
            graph.typed(emails=["everybody@firm.example"])
        crowds: set[tuple[str, str]] = set()
        keys = [("emails", f"{name}@firm.example") for name in ("few", "everybody", "own1")]
        with graph.store.read() as connection:
            met = likely.meet(connection, keys, crowds)
        assert {one.key for one in met} == {"few@firm.example", "own1@firm.example"}
        assert crowds == {("emails", "everybody@firm.example")}

    def test_a_nameless_card_that_one_of_a_family_was_joined_with_leads_no_other_there(self, graph: Graph) -> None:
        bridge = graph.record("post", "3", emails=["family@example.org"])
        ivan = graph.record("crm", "1", name="Иван Петров", emails=["family@example.org"])
        assert graph.one(bridge, ivan)
        maria = graph.record("books", "2", name="Мария Петрова", emails=["family@example.org"])
        assert not graph.one(ivan, maria)
        assert proposed(graph) == [(bridge, maria)]

    def test_a_nameless_card_is_not_the_bridge_between_two_of_a_family(self, graph: Graph) -> None:
        ivan = graph.record("crm", "1", name="Иван Петров", emails=["family@example.org"])
        maria = graph.record("books", "2", name="Мария Петрова", emails=["family@example.org"])
        bridge = graph.record("post", "3", emails=["family@example.org"])
        assert not graph.one(ivan, maria)
        assert graph.person(bridge) == bridge
        assert len(proposed(graph)) == 3


class TestContradictions:
    def test_two_records_of_one_crm_are_two_people(self, graph: Graph) -> None:
        one = graph.record("crm", "1", name="Anna Petrova", emails=["anna@example.org"])
        other = graph.record("crm", "2", name="Anna Petrova", emails=["anna@example.org"])
        assert not graph.one(one, other)

    def test_a_chain_does_not_join_two_records_of_one_crm(self, graph: Graph) -> None:
        one = graph.record("crm", "1", name="Anna Petrova", emails=["anna@example.org"])
        middle = graph.record("books", "1", name="Anna Petrova", emails=["anna@example.org", "ap@example.org"])
        far = graph.record("crm", "2", name="Anna Petrova", emails=["ap@example.org"])
        assert graph.one(one, middle)
        assert not graph.one(one, far)

    def test_a_page_with_two_of_one_e_mail_keeps_them_two(self, graph: Graph) -> None:
        page = [
            Contact(remote_id=str(number), name="Anna Petrova", emails=["anna@example.org"]) for number in (1, 2)
        ]
        one, other = graph.store.write(matching.place, graph.settings, page, "crm", NOW)
        assert not graph.one(one, other)

    def test_what_a_person_said_is_not_the_same_stays_so(self, graph: Graph) -> None:
        one = graph.typed(name="Anna", emails=["anna@example.org"])
        other = graph.typed(name="Anna", emails=["anna@work.example"])
        graph.match()
        merging.merge(graph.store, one, other, OLGA, NOW)
        merging.split(graph.store, one, [other], OLGA, NOW)
        bridge = graph.record("crm", "1", name="Anna", emails=["anna@example.org", "anna@work.example"])
        assert not graph.one(one, other)
        assert graph.one(one, bridge) != graph.one(other, bridge) or graph.person(bridge) == bridge


class TestNothingNew:
    def test_nothing_is_written(self, graph: Graph) -> None:
        graph.record("crm", "1", name="Anna", emails=["anna@example.org"])
        graph.voice("agora", "42", name="Kitty", emails=["anna@example.org"])
        graph.match()
        before = dict(graph.store.writes)
        assert graph.match() == {}
        assert dict(graph.store.writes) == before

    def test_our_own_accounts_are_nobodys_contact(self, graph: Graph) -> None:
        graph.voice("agora", "42", name="Kitty")

        def identify(connection: sa.Connection) -> None:
            connection.execute(sa.text("UPDATE accounts SET identity = 'us' WHERE name = 'agora'"))
            connection.execute(
                sa.text(
                    "INSERT INTO authors (platform, remote_id, name, handle, url, emails, hash)"
                    " VALUES ('agora', 'us', 'Our firm', '', '', '', 1)"
                )
            )

        graph.store.write(identify)
        graph.match()
        assert [person.name for person in graph.people()] == ["Kitty"]


class TestWaiting:
    def test_who_may_have_a_record_already_is_not_created_yet(self, graph: Graph) -> None:
        graph.record("crm", "1", name="Anna", emails=["anna@example.org"])
        voice = graph.voice("agora", "42", name="Anna", emails=["anna@example.org"])
        boris = graph.voice("agora", "43", name="Boris")
        graph.match()
        with graph.store.read() as connection:
            assert matching.waiting(connection, [voice, boris], account="crm") == {voice}
            assert matching.waiting(connection, [voice, boris], account="books") == set()
