"""Cards that phones and mail programs exported are read as they are meant, and written back byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from hub import Contact, vcard

pytestmark = pytest.mark.contract

# File: cards in it; then of the first one name, e-mails and phones (without fax and pager), and a field or two.
EXPORTS: dict[str, tuple[int, str, int, int, dict[str, object]]] = {
    "John_Doe_BLACK_BERRY.vcf": (1, "John Doe", 0, 1, {"company": "Acme Solutions"}),
    "John_Doe_EVOLUTION.vcf": (
        1,
        "Mr. John Richter, James Doe Sr.",
        1,
        2,
        {"company": "IBM", "categories": ["VIP"], "address": "ASB-123, 15 Crescent moon drive", "city": "Albaney"},
    ),
    "John_Doe_GMAIL.vcf": (1, "Mr. John Richter, James Doe Sr.", 1, 2, {"birthday": "1980-03-22"}),
    "John_Doe_IPHONE.vcf": (
        1,
        "Mr. John Richter James Doe Sr.",
        1,
        4,
        {"birthday": "2012-06-06", "nickname": "Johny", "city": "New York", "postcode": "12345"},
    ),
    "John_Doe_LOTUS_NOTES.vcf": (1, "Mr. Doe John I Johny", 2, 1, {"country": "U.S.A."}),
    "John_Doe_MAC_ADDRESS_BOOK.vcf": (1, "Mr. John Richter,James Doe Sr.", 1, 4, {"title": "Money Counter"}),
    "fullcontact.vcf": (1, "Prefix FirstName MiddleName LastName Suffix", 5, 7, {"birthday": "2016-08-01"}),
    "gmail-list.vcf": (3, "Arnold Smith", 1, 0, {}),
    "gmail-single.vcf": (1, "Greg Dartmouth", 1, 2, {"nickname": "Gman", "birthday": "1960-09-10"}),
    # Its numbers are words, such as "BusinessPhone".
    "outlook-2003.vcf": (1, "John Doe III", 1, 0, {"company": "Company, The", "city": "Austin", "region": "TX"}),
    "outlook-2007.vcf": (1, "Mr. Michael Angstadt Jr.", 1, 3, {"postcode": "99999", "birthday": "1922-03-10"}),
    "rfc2426-example.vcf": (2, "Frank Dawson", 2, 1, {"city": "Raleigh"}),
    "rfc6350-example.vcf": (1, "Simon Perreault", 1, 2, {"birthday": "--02-03", "company": "Viagenie"}),
    "thunderbird-MoreFunctionsForAddressBook-extension.vcf": (1, "John Doe", 5, 3, {"company": "TheOrganization"}),
}


def files(contracts: Path) -> list[Path]:
    return sorted((contracts / "vcard" / "ez-vcard").glob("*.vcf"))


def test_every_export_is_read(contracts: Path) -> None:
    found = files(contracts)
    assert len(found) >= 14
    for file in found:
        content = file.read_bytes()
        cards = list(vcard.read(content))
        # A list of other cards would be left out; there is none among them.
        assert cards and all(isinstance(one, Contact) and one.name for one in cards), (file.name, cards)
        wanted = EXPORTS.get(file.name)
        if wanted is None:
            continue
        number, name, emails, phones, fields = wanted
        first = cards[0]
        assert isinstance(first, Contact)
        assert (len(cards), first.name, len(first.emails), len(first.phones)) == (number, name, emails, phones), (
            file
        )
        assert fields.items() <= dict(first.fields).items(), file.name


def test_every_export_is_kept_byte_for_byte(contracts: Path) -> None:
    for file in files(contracts):
        content = file.read_bytes()
        cards = list(vcard.split(content))
        assert "".join(cards).encode("utf-8", "surrogateescape").strip() == content.strip(), file.name
        for card in cards:
            person = next(iter(vcard.read(card)))
            assert isinstance(person, Contact)
            whole = replace(person, changed=frozenset(vcard.NAMES))
            assert vcard.write(whole, card) == card, file.name


def test_a_change_in_an_export_touches_its_own_line_alone(contracts: Path) -> None:
    for file in files(contracts):
        for card in vcard.split(file.read_bytes()):
            person = next(iter(vcard.read(card)))
            assert isinstance(person, Contact)
            after = vcard.write(Contact(fields={"title": "Директор"}, changed=frozenset({"title"})), card)
            said = vcard.read_card(after)
            assert said == replace(person, fields={**person.fields, "title": "Директор"}), file.name
            gone = set(card.splitlines(True)) - set(after.splitlines(True))
            assert all("TITLE" in line.upper() for line in gone), (file.name, gone)
            assert len(gone) <= 1
