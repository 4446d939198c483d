"""The cards of a person: what is shown of several, what a change writes, and what was before."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from contacts.graphs import NOW, OLGA, Graph, opened

from hub.contacts.identity import merging
from hub.store import Store, migrate, tables
from hub.store.people import cards, contacts


@pytest.fixture
def graph(database_url: str) -> Iterator[Graph]:
    with opened(database_url) as store:
        yield Graph(store)


def change(graph: Graph, person: int, **values: object) -> list[cards.Change]:
    return graph.store.write(cards.set_values, person, values, source="user", now=NOW, user_id=OLGA.id)  # type: ignore[arg-type]


def joined(graph: Graph, *numbers: int) -> int:
    for number in numbers[1:]:
        merging.merge(graph.store, numbers[0], number, OLGA, NOW)
    return graph.person(numbers[0])


class TestShown:
    def test_the_last_choice_is_shown_and_lists_are_all_there_is(self, graph: Graph) -> None:
        def work(connection: cards.Connection) -> tuple[int, int]:
            old = cards.create(
                connection, {"name": "Anna", "emails": ["a@x.org"]}, origin="typed", source="user", now=NOW
            )
            later = NOW + timedelta(hours=1)
            new = cards.create(
                connection,
                {"name": "Anna P.", "emails": ["A@X.org", "b@x.org"]},
                origin="record",
                source="crm",
                now=NOW,
                at=later,
            )
            return old, new

        old, new = graph.store.write(work)
        person = joined(graph, old, new)
        assert graph.values(person) == {"name": "Anna P.", "emails": ("a@x.org", "b@x.org")}
        assert [each.name for each in graph.people()] == ["Anna P."]

    def test_of_two_that_nobody_chose_the_first_cards_is_shown(self, graph: Graph) -> None:
        one = graph.voice("agora", "1", name="Kitty")
        other = graph.voice("forum", "2", name="Anna")
        assert graph.values(joined(graph, other, one))["name"] == "Kitty"

    def test_where_a_profile_leads_is_no_field(self, graph: Graph) -> None:
        voice = graph.voice("agora", "1", name="Kitty", links=["https://x.example"])
        assert graph.values(voice) == {"name": "Kitty", "handles.agora": "1"}


class TestChanges:
    def test_a_change_is_written_to_the_card_whose_value_was_shown(self, graph: Graph) -> None:
        anna, boris = graph.typed(name="Anna"), graph.typed(city="Tver")
        person = joined(graph, anna, boris)
        (changed,) = change(graph, person, city="Omsk")
        assert (changed.contact_id, changed.before, changed.after) == (boris, "Tver", "Omsk")
        (new,) = change(graph, person, title="Head")
        assert new.contact_id == anna

    def test_nothing_is_written_if_nothing_differs(self, graph: Graph) -> None:
        person = graph.typed(name="Anna", emails=["a@x.org", "b@x.org"])
        before = dict(graph.store.writes)
        assert change(graph, person, name="Anna", emails=["B@x.org", "a@x.org"]) == []
        assert dict(graph.store.writes) == before

    def test_a_cleared_value_is_gone_and_in_the_history(self, graph: Graph) -> None:
        person = graph.typed(name="Anna", city="Tver")
        change(graph, person, city="")
        assert graph.values(person) == {"name": "Anna"}
        with graph.store.read() as connection:
            (was,) = cards.history(connection, person, 10)
        assert (was.field, was.before, was.after, was.user_id) == ("city", "Tver", "", OLGA.id)

    def test_a_list_is_set_as_a_whole_over_all_cards(self, graph: Graph) -> None:
        one, other = graph.typed(emails=["a@x.org"]), graph.typed(emails=["b@x.org", "c@x.org"])
        person = joined(graph, one, other)
        changed = change(graph, person, emails=["c@x.org", "d@x.org"])
        assert graph.values(person)["emails"] == ("d@x.org", "c@x.org")
        assert {(each.contact_id, each.before, each.after) for each in changed} == {
            (one, "a@x.org", ""),
            (other, "b@x.org", ""),
            (one, "", "d@x.org"),
        }

    def test_a_choice_holds_against_clocks_that_were_ahead(self, graph: Graph) -> None:
        def work(connection: cards.Connection) -> list[int]:
            return [
                cards.create(
                    connection,
                    {"name": name},
                    origin="record",
                    source=name,
                    now=NOW,
                    at=NOW + timedelta(days=days),
                )
                for name, days in (("Anna", 400), ("Anya", 300))
            ]

        person = joined(graph, *graph.store.write(work))
        change(graph, person, name="Boris")
        assert graph.values(person)["name"] == "Boris"

    def test_a_source_that_repeats_what_it_was_told_confirms_nothing(self, graph: Graph) -> None:
        """A claimed e-mail that was pushed to a CRM and comes back stays a claim."""
        voice = graph.voice("agora", "1", name="Kitty", emails=["victim@x.org"])
        graph.store.write(
            cards.put_values, voice, {"emails": ["victim@x.org"], "name": "Kitty"}, source="crm", at=NOW, now=NOW
        )
        victim = graph.record("books", "1", name="Kitty", emails=["victim@x.org"])
        graph.match()
        assert not graph.one(voice, victim)

    def test_what_lost_a_choice_is_not_shown(self, graph: Graph) -> None:
        card = graph.typed(name="Anna")
        other = graph.record("crm", "1", name="")
        person = joined(graph, card, other)
        graph.store.write(cards.put_values, other, {"name": "Anya"}, source="crm", at=cards.LOST, now=NOW)
        assert graph.values(person)["name"] == "Anna"


class TestProfiles:
    """A profile that changes is followed, and takes nothing away that somebody else wrote."""

    def test_a_profile_is_followed(self, graph: Graph) -> None:
        voice = graph.voice("agora", "1", name="Kitty", emails=["old@x.org"])
        graph.voice("agora", "1", name="Cat", emails=["new@x.org"])
        assert graph.values(voice) == {"name": "Cat", "emails": ("new@x.org",), "handles.agora": "1"}

    def test_what_was_typed_on_its_card_stays(self, graph: Graph) -> None:
        voice = graph.voice("agora", "1", name="Kitty", emails=["old@x.org"])
        change(graph, voice, name="Anna", emails=["old@x.org", "typed@x.org"], city="Tver")
        graph.voice("agora", "1", name="Cat", emails=["new@x.org"])
        assert graph.values(voice) == {
            "name": "Anna",
            "emails": ("typed@x.org", "new@x.org"),
            "city": "Tver",
            "handles.agora": "1",
        }

    def test_authors_whom_an_older_version_joined_get_cards_of_their_own(self, graph: Graph) -> None:
        """Two authors and a record on one card: nothing is lost, they stay one, and can be split from now on."""
        old = graph.typed(name="Anna", emails=["anna@x.org"])
        graph.voice("agora", "1", name="Kitty")
        graph.voice("forum", "2", name="Anya", emails=["else@x.org"])

        def before(connection: cards.Connection) -> None:
            connection.execute(sa.text("UPDATE authors SET contact_id = :old, known = 0"), {"old": old})
            connection.execute(sa.text("DELETE FROM contacts WHERE id != :old"), {"old": old})
            connection.execute(sa.text("UPDATE contacts SET origin = ''"))

        graph.store.write(before)
        graph.match()
        (anna,) = graph.people()
        assert (anna.id, anna.name, anna.emails) == (old, "Anna", ("anna@x.org", "else@x.org"))
        assert len(anna.cards) == 3
        assert sorted(author.platform for author in anna.authors) == ["agora", "forum"]
        assert graph.match() == {}
        merging.split(graph.store, old, [anna.cards[1]], OLGA, NOW)
        assert len(graph.people()) == 2


class TestListing:
    def test_pages_go_by_name_and_miss_nobody(self, graph: Graph) -> None:
        numbers = [graph.typed(name=name) for name in ("B", "A", "A", "C")]
        joined(graph, numbers[3], graph.typed(name=""))
        found: list[int] = []
        after: tuple[str, int] | None = None
        while True:
            with graph.store.read() as connection:
                page = contacts.people(connection, 2, after=after)
            if not page:
                break
            found += [person.id for person in page]
            after = (page[-1].name, page[-1].id)
        assert found == [numbers[1], numbers[2], numbers[0], numbers[3]]

    @pytest.mark.parametrize(
        "search", ["петрова", "ANNA@x", "+7 912 345", "8 (912) 345-67-89", "kitty", "Tve", "100%"]
    )
    def test_a_search_finds_by_any_field_of_any_card(self, graph: Graph, search: str) -> None:
        one = graph.typed(name="Анна Петрова", emails=["anna@x.org"], phones=["+79123456789"])
        graph.match()
        person = joined(graph, one, graph.typed(city="Tver", motto="100% sure"))
        voice = graph.voice("agora", "1", name="x", handle="kitty")
        merging.merge(graph.store, person, voice, OLGA, NOW)
        graph.typed(name="Boris", emails=["boris@x.org"], phones=["+79990000000"], motto="100 sure")
        assert [each.id for each in graph.people(search)] == [person]


def test_contacts_of_an_older_version_are_there_after_an_upgrade(bare_database_url: str) -> None:
    from alembic import command

    store = Store.open(bare_database_url)
    with store.engine.begin() as connection:
        command.upgrade(migrate._config(connection), "0010")
        for statement in (
            "INSERT INTO contacts (name, created_at) VALUES ('Anna', 0), ('', 0)",
            "INSERT INTO contact_emails (email, contact_id) VALUES ('anna@x.org', 1), ('a@x.org', 1)",
            "INSERT INTO authors (platform, remote_id, name, handle, url, emails, hash, contact_id)"
            " VALUES ('agora', '1', 'Kitty', 'kitty', '', '', 5, 1), ('forum', '2', 'Anya', '', '', '', 6, 1)",
            "INSERT INTO records (account, remote_id, contact_id, state, hash, url, error, updated_at)"
            " VALUES ('crm', '7', 1, 'synced', 0, '', '', 0)",
        ):
            connection.exec_driver_sql(statement)
    migrate.upgrade(store)
    graph = Graph(store)
    graph.match()
    anna = next(person for person in graph.people() if person.id == 1)
    assert (anna.name, sorted(anna.emails)) == ("Anna", ["a@x.org", "anna@x.org"])
    assert [author.handle for author in anna.authors] == ["kitty", ""]
    assert [(record.account, record.remote_id) for record in anna.records] == [("crm", "7")]
    assert len(anna.cards) == 3
    assert graph.match() == {}
    store.close()


def test_values_may_be_longer_than_an_index_holds(graph: Graph) -> None:
    """PostgreSQL refuses what is longer in an index than 2,700 bytes, packed; this cannot be packed."""
    dice = random.Random(1)
    said = "".join(chr(dice.randrange(0x4E00, 0x9FFF)) for _ in range(10_000))

    def work(connection: cards.Connection) -> int:
        values = {"name": said, "about": said, "company": said[::-1]}
        return cards.create(connection, values, origin="typed", source="user", now=NOW)

    person = graph.store.write(work)
    change(graph, person, company=said[1:])
    assert graph.values(person) == {"name": said, "about": said, "company": said[1:]}
    with pytest.raises(sa.exc.IntegrityError):
        graph.store.write(
            lambda connection: connection.execute(
                tables.contact_values.insert().values(
                    contact_id=person, field="about", value=said, many=0, key="", at=NOW, source="user"
                )
            )
        )
