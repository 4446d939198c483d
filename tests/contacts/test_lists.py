"""Lists: any table in, no formula out, what was written is read back, and nobody comes in twice."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st

from hub import settings as configuration
from hub.contacts.files import lists, sheets
from hub.contacts.privacy import erasing
from hub.errors import UsageError
from hub.settings import Settings
from hub.store import Store, migrate
from hub.store.people import contacts
from hub.store.privacy.tombstones import Tombstones

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PAYLOADS = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
    "'=1",
    "''-1",
    "'quoted'",
]


def table(*lines: str) -> bytes:
    return "\n".join(lines).encode()


def values(content: bytes, **options: Any) -> list[dict[str, Any]]:
    sheet = sheets.read(content, **options)
    assert sheet.bad == []
    return [dict(row.values) for row in sheet.rows]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251"])
def test_delimiter_and_encoding_are_found(delimiter: str, encoding: str) -> None:
    lines = ["ФИО,E-mail,Телефон,Компания", 'Анна Ёлкина,anna@example.org,+79123456789,"ООО ""Ромашка"""']
    text = "\r\n".join(lines).replace(",", delimiter)
    assert values(text.encode(encoding)) == [
        {
            "name": "Анна Ёлкина",
            "emails": ["anna@example.org"],
            "phones": ["+79123456789"],
            "company": 'ООО "Ромашка"',
        }
    ]


def test_a_file_of_another_encoding_says_how_to_name_it() -> None:
    with pytest.raises(UsageError, match="not written in utf-8-sig / cp1251"):
        sheets.read(b"name\n\x98\xff")
    assert values("name\nΆννα".encode("iso8859-7"), encoding="iso8859-7") == [{"name": "Άννα"}]


def test_columns_of_address_books_are_known() -> None:
    text = table(
        "First Name,Last Name,E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Value,Phone 1 - Value,Favourite colour",
        "Anna,Ivanova,* Home,a@example.org,b@example.org,+7 912 345-67-89;+7 912 345-67-80,blue",
    )
    assert values(text) == [
        {
            "name": "Anna Ivanova",
            "emails": ["a@example.org", "b@example.org"],
            "phones": ["+7 912 345-67-89", "+7 912 345-67-80"],
            "Favourite colour": "blue",
        }
    ]


def test_a_column_can_be_named_or_left_out() -> None:
    text = table("Who,Secret,name", "x,1,Anna")
    assert values(text, fields={"Who": "nickname", "Secret": "-"}) == [{"nickname": "x", "name": "Anna"}]
    with pytest.raises(UsageError, match="has no column Whom"):
        sheets.read(text, fields={"Whom": "name"})


def test_each_wrong_cell_is_named_by_line_and_column() -> None:
    sheet = sheets.read(
        table(
            "name,email,phone",
            '"Anna\nof two lines",anna@example.org,+79123456789',
            "Boris,boris(at)example.org,8 912",
            ",,",
            "Carl,c@example.org,+79123456789,more",
            " ,,",
            "Dora,,",
        )
    )
    assert [row.number for row in sheet.rows] == [2, 8]
    assert [(bad.number, bad.column, str(bad.error)) for bad in sheet.bad] == [
        (4, "email", "'boris(at)example.org' is not an e-mail address"),
        (4, "phone", "'8 912' is not a phone number"),
        (6, "", "it has 4 cells, and there are 3 columns"),
    ]
    assert "set region" in sheet.bad[1].error.hint


def test_a_phone_number_without_its_country_is_read_by_the_region() -> None:
    text = table("name,phone", "Anna,8 912 345-67-89")
    assert len(sheets.read(text).bad) == 1
    assert values(text, region="RU") == [{"name": "Anna", "phones": ["8 912 345-67-89"]}]


@pytest.mark.parametrize("text", [b"", b"\n\n", b",,\n"])
def test_a_list_without_columns_is_refused(text: bytes) -> None:
    with pytest.raises(UsageError, match="the list is empty"):
        sheets.read(text)


def test_two_columns_of_one_field_are_refused() -> None:
    with pytest.raises(UsageError, match="2 columns of the list are company"):
        sheets.read(table("name,company,организация", "Anna,A,B"))


def test_an_open_quotation_mark_names_its_line() -> None:
    with pytest.raises(UsageError, match="line 2 of the list cannot be read"):
        sheets.read(table("name,company", 'Anna,"open'))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_cell_is_run_by_a_spreadsheet(payload: str) -> None:
    written = sheets.write([(1, {"name": payload, payload: "x", "tags": [payload, payload]})])
    cells = [cell for row in csv.reader(io.StringIO(written.removeprefix("\ufeff"), newline="")) for cell in row]
    assert not [cell for cell in cells if cell[:1] in "=+-@\t\r＝＋－＠" and cell]


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).map(str.strip).filter(bool)
DANGEROUS = st.builds(lambda sign, rest: sign + rest, st.sampled_from(["=", "+", "-", "@", "'", "'=", "＝"]), TEXT)


@tries(deadline=None, max_examples=200)
@given(
    name=st.one_of(TEXT, DANGEROUS),
    company=st.one_of(TEXT, DANGEROUS),
    tags=st.lists(TEXT, min_size=1, max_size=3),
)
def test_what_is_written_is_read_back(name: str, company: str, tags: list[str]) -> None:
    person = {
        "name": name,
        "emails": ["a@example.org", "b@example.org"],
        "phones": ["+79123456789"],
        "company": company,
        "tags": [" ".join(tag.split()) for tag in tags],
        "handles.village": "anna",
    }
    (found,) = values(sheets.write([(7, person)]).encode())
    assert found == person


class Desk:
    """A store with the settings that matching asks for."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store, self.settings = store, settings
        self.tombstones = Tombstones(lambda: bytes(32), "RU")
        self.now = NOW

    def take_in(self, content: bytes) -> Counter[str]:
        sheet = sheets.read(content, region="RU")
        assert sheet.bad == []
        self.now += timedelta(minutes=1)
        fates = lists.take_in(self.store, self.settings, self.tombstones, sheet.rows, None, self.now)
        return Counter(fate.state for fate in fates)

    def people(self) -> list[contacts.Person]:
        return list(lists.everybody(self.store))

    def clock(self) -> datetime:
        return self.now

    def adapter(self, name: str) -> Any:
        raise UsageError("no account")


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    config = tmp_path / "hub.toml"
    config.write_text(f'[hub]\ndatabase = "{database_url}"\n[contacts]\nregion = "RU"\n')
    opened = Store.open(database_url)
    migrate.upgrade(opened)
    yield Desk(opened, configuration.load(config, {}))
    opened.close()


LIST = table(
    "name,email,phone,company",
    "Anna Ivanova,anna@example.org,,Romashka",
    "Boris Petrov,,8 912 345-67-89,",
    "Nobody Known,,,",
)


def test_the_same_list_taken_in_again_changes_nothing(desk: Desk) -> None:
    assert desk.take_in(LIST) == {"new": 3}
    before = [(person.id, person.values) for person in desk.people()]
    assert desk.take_in(LIST) == {"same": 3}
    assert [(person.id, person.values) for person in desk.people()] == before


def test_somebody_known_gets_what_is_new_and_stays_one(desk: Desk) -> None:
    desk.take_in(LIST)
    more = table(
        "name,email,phone,company", "Anna Li,ANNA@example.org,,Lotos", "Boris Petrov,,+7 912 345 67 89,Oak"
    )
    assert desk.take_in(more) == {"known": 2}
    found = {person.name: person.values["company"] for person in desk.people() if "company" in person.values}
    assert found == {"Anna Li": "Lotos", "Boris Petrov": "Oak"}
    assert len(desk.people()) == 3


def test_the_same_name_alone_is_another_person(desk: Desk) -> None:
    desk.take_in(LIST)
    assert desk.take_in(table("name,email", "Anna Ivanova,other@example.org")) == {"new": 1}
    assert len(desk.people()) == 4


def test_a_dry_run_says_the_same_and_writes_nothing(desk: Desk) -> None:
    desk.take_in(LIST)
    sheet = sheets.read(table("name,email", "Anna Ivanova,anna@example.org", "Zoe,zoe@example.org"))
    writes = desk.store.content_writes()
    fates = lists.foresee(desk.store, desk.settings, desk.tombstones, sheet.rows)
    assert [(fate.state, fate.person is not None) for fate in fates] == [("same", True), ("new", False)]
    assert desk.store.content_writes() == writes


def test_who_was_erased_does_not_come_in_with_a_list(desk: Desk) -> None:
    desk.take_in(LIST)
    anna = next(person.id for person in desk.people() if person.name == "Anna Ivanova")
    erasing.erase(desk, anna, None, NOW)
    assert desk.take_in(LIST) == {"erased": 1, "same": 2}
    assert "Anna Ivanova" not in [person.name for person in desk.people()]


@pytest.mark.parametrize("form", ["csv", "vcard"])
def test_a_list_that_was_given_out_is_the_same_when_it_comes_back(desk: Desk, form: str) -> None:
    desk.take_in(LIST)
    people = desk.people()
    if form == "csv":
        rows = sheets.read(lists.as_csv(iter(people)).encode(), region="RU").rows
    else:
        rows, bad = lists.read_vcards(lists.as_vcards(iter(people)).encode())
        assert bad == []
    fates = lists.foresee(desk.store, desk.settings, desk.tombstones, rows)
    assert [(fate.state, fate.person) for fate in fates] == [("same", person.id) for person in people]
