"""What weighs how much, which names are one, and how well people are recognised on labelled pairs."""

from __future__ import annotations

from collections import Counter

import pytest
from contacts.labelled import measure, pairs
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.contacts.identity import names
from hub.contacts.identity.evidence import Facts, Reason, is_role, reasons, weigh
from hub.store.people.keys import normal

EVERY = list(pairs())


class TestLabelled:
    def test_there_are_enough_pairs_of_both_languages_and_both_kinds(self) -> None:
        assert len(EVERY) >= 300
        by_lang = Counter(pair.lang for pair in EVERY)
        assert min(by_lang["ru"], by_lang["en"]) >= 0.45 * len(EVERY)
        assert min(Counter(pair.same for pair in EVERY).values()) >= 0.4 * len(EVERY)

    def test_nobody_is_joined_with_somebody_else(self) -> None:
        found = measure(EVERY)
        assert found.precision == 1.0, dict(found.wrong)

    def test_most_are_joined_and_the_rest_are_asked_about(self) -> None:
        found = measure(EVERY)
        assert found.recall >= 0.9, dict(found.missed)
        assert found.recall_with_asking == 1.0


class TestWeighing:
    def test_a_name_adds_to_an_identifier_and_is_nothing_alone(self) -> None:
        site = Reason("link", "x.example", "crm", 0.3)
        name = Reason("name", "Anna", "", 0.3)
        assert weigh([site, name], 0.9).weight > weigh([site], 0.9).weight
        assert not weigh([name] * 20, 0.5).joins

    def test_several_weak_identifiers_may_join(self) -> None:
        phone = Reason("phone", "+79123456789", "crm", 0.75)
        page = Reason("link", "x.example/anna", "crm", 0.65)
        assert not weigh([phone], 0.9).joins
        assert weigh([phone, page], 0.9).joins

    def test_one_identifier_counts_once(self) -> None:
        assert not weigh([Reason("phone", str(number), "crm", 0.75) for number in range(9)], 0.9).joins

    @given(
        claims=st.lists(
            st.tuples(st.sampled_from(["email", "phone", "link", "handle"]), st.floats(0, 0.99)), max_size=9
        ),
        named=st.booleans(),
        join_from=st.floats(0.1, 1.0),
    )
    @settings(max_examples=100, deadline=None)
    def test_no_sum_of_claims_joins(self, claims: list[tuple[str, float]], named: bool, join_from: float) -> None:
        found = [
            Reason(kind, str(place), "author", weight, claim=True) for place, (kind, weight) in enumerate(claims)
        ]
        if named:
            found.append(Reason("name", "Anna", "", 0.3))
        verdict = weigh(found, join_from)
        assert not verdict.joins
        assert verdict.weight < join_from

    def test_the_order_of_two_cards_does_not_count(self) -> None:
        for pair in EVERY:
            there, back = reasons(pair.one, pair.other), reasons(pair.other, pair.one)
            assert weigh(there, 0.9) == weigh(back, 0.9), pair

    def test_nothing_in_common_is_no_reason(self) -> None:
        one = Facts(card=1, person=1, author=False, names=("Anna Petrova",))
        assert reasons(one, one._replace(card=2, person=2)) == []


@pytest.mark.parametrize(
    "email", ["info@x.org", "no-reply@x.org", "sales2@x.org", "support+crm@x.org", "buh@x.org", "noreply-7@x.org"]
)
def test_an_offices_address_is_known(email: str) -> None:
    assert is_role(email)


@pytest.mark.parametrize("email", ["anna@x.org", "infanta@x.org", "salesman.bob@x.org", "a@x.org"])
def test_a_persons_address_is_none_of_an_office(email: str) -> None:
    assert not is_role(email)


class TestNames:
    @pytest.mark.parametrize(
        ("one", "other", "likeness"),
        [
            ("Анна Петрова", "PETROVA Anna", "same"),
            ("Аня Петрова", "Анна Сергеевна Петрова", "same"),
            ("Дмитрий Щукин", "Dmitry Shchukin", "same"),
            ("Юрий Ефимов", "Yury Yefimov", "same"),
            ("Саша", "Александр Иванов", "alike"),
            ("Анна Петрова", "Анна Сидорова", "unknown"),
            ("Петрова", "Анна Петрова", "unknown"),
            ("Анна", "Мария", "other"),
            ("Иванов Александр", "Иванова Александра", "other"),
            ("Евгений Котов", "Евгения Котова", "other"),
            ("Jane Smith", "Anne Smith", "other"),
            ("", "Anna", "unknown"),
            ("ООО Анна", "Анна", "unknown"),
            ("👋", "Anna", "unknown"),
        ],
    )
    def test_two_names_stand_so(self, one: str, other: str, likeness: names.Likeness) -> None:
        assert names.compare(one, other) == likeness
        assert names.compare(other, one) == likeness

    @given(st.text(max_size=40), st.text(max_size=40))
    @settings(max_examples=150, deadline=None)
    def test_any_text_is_read_and_the_order_does_not_count(self, one: str, other: str) -> None:
        assert names.compare(one, other) == names.compare(other, one)


class TestKeys:
    @pytest.mark.parametrize(
        ("field", "value", "key"),
        [
            ("emails", " Anna@Example.ORG ", "anna@example.org"),
            ("emails", "анна@пример.рф", "анна@пример.рф"),
            ("emails", "nobody", ""),
            ("emails", "a@b@c.org", ""),
            ("phones", "8 (912) 345-67-89", "+79123456789"),
            ("phones", "+7 912 345 67 89 доб. 12", "+79123456789;ext=12"),
            ("phones", "12", ""),
            ("phones", "call me", ""),
            ("handles.vk", "@Durov", "durov"),
            ("handles.vk", "https://vk.com/Durov/", "durov"),
            ("url", "http://www.x.example/Anna/?utm_source=a#b", "x.example/anna"),
            ("url", "https://x.example/profile.php?id=7", "x.example/profile.php?id=7"),
            ("url", "javascript:alert(1)", ""),
            ("url", "http://[bad", ""),
            ("city", "Tver", ""),
        ],
    )
    def test_a_value_is_compared_so(self, field: str, value: str, key: str) -> None:
        assert normal(field, value, "RU") == key

    def test_a_number_without_a_country_is_none_where_none_is_told(self) -> None:
        assert normal("phones", "8 (912) 345-67-89") == ""

    @given(st.sampled_from(["emails", "phones", "url", "links", "handles.x"]), st.text(max_size=60))
    @settings(max_examples=200, deadline=None)
    def test_a_key_is_its_own_key(self, field: str, value: str) -> None:
        key = normal(field, value, "RU")
        if key and field != "handles.x":
            assert normal(field, key, "RU") == key
