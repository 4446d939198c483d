"""vCards: what programs write is read as it is meant, and what the hub does not change stays byte for byte."""

from __future__ import annotations

import codecs
import time
from datetime import UTC, datetime

import pytest
import vobject
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hub import Contact, RejectedError, vcard

checked = settings(deadline=None, max_examples=150, derandomize=True, database=None)


def card(*lines: str, version: str = "3.0", end: str = "\r\n") -> str:
    return end.join(["BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", ""])


def one(content: str | bytes) -> Contact:
    (found,) = vcard.read(content)
    assert isinstance(found, Contact), found
    return found


def changed(keep: str, *names: str, **values: object) -> str:
    """Return the card with these values changed."""
    return vcard.write(Contact(changed=frozenset(names), **values), keep)  # type: ignore[arg-type]


IPHONE = card(
    "PRODID:-//Apple Inc.//iOS 17.0//EN",
    "N:Example;Anna;Maria,Luisa;Dr.;jr.",
    "FN:Dr. Anna Maria Luisa Example jr.",
    "ORG:Steel\\, Iron;Sales;North",
    "item1.EMAIL;type=INTERNET;type=pref:anna@example.org",
    "item1.X-ABLabel:_$!<Mobile>!$_",
    "item2.EMAIL;type=INTERNET:a.example@example.com",
    "item2.X-ABLabel:old one",
    "TEL;type=CELL;type=VOICE;type=pref:+7 (495) 123-45-67",
    "TEL;type=WORK;type=FAX:+7 495 000-00-00",
    "item3.ADR;type=HOME;type=pref:;;Lesnaja 5\\, 12;Moskva;;125047;Russia",
    "item3.X-ABADR:ru",
    "PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRgABAQAAAQABAAD/4QBARXhpZgAATU0AKgAA",
    " AAgAAYdpAAQAAAABAAAAGgAAAAAAAqACAAQAAAABAAABAKADAAQAAAABAAABAAAAAAD",
    "X-VENDOR-THING;X-SORT=1;VALUE=text:;;;keep\\;me",
    "REV:2024-01-02T03:04:05Z",
    "UID:AB-12",
)


def test_a_card_of_a_phone_is_read() -> None:
    assert one(IPHONE) == Contact(
        name="Dr. Anna Maria Luisa Example jr.",
        emails=["anna@example.org", "a.example@example.com"],
        phones=["+7 (495) 123-45-67"],
        fields={
            "company": "Steel, Iron",
            "address": "Lesnaja 5, 12",
            "city": "Moskva",
            "postcode": "125047",
            "country": "Russia",
        },
        key="AB-12",
        updated_at=datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC),
    )


def test_a_change_of_one_name_leaves_every_other_line_byte_for_byte() -> None:
    fields = {"city": "Тверь"}
    after = changed(IPHONE, "city", fields=fields)
    gone = set(IPHONE.split("\r\n")) - set(after.split("\r\n"))
    assert gone == {"item3.ADR;type=HOME;type=pref:;;Lesnaja 5\\, 12;Moskva;;125047;Russia"}
    assert "item3.ADR;type=HOME;type=pref:;;Lesnaja 5\\, 12;Тверь;;125047;Russia" in after
    assert one(after) == replace(one(IPHONE), fields={**one(IPHONE).fields, **fields})


def test_what_says_what_it_said_changes_nothing() -> None:
    whole = replace(one(IPHONE), changed=frozenset(vcard.NAMES), updated_at=datetime(2030, 1, 1, tzinfo=UTC))
    assert vcard.write(whole, IPHONE) == IPHONE


def test_a_removed_email_takes_its_label_along_and_no_other() -> None:
    after = changed(IPHONE, "emails", emails=["anna@example.org", "new@example.net"])
    assert "old one" not in after
    assert "item1.X-ABLabel:_$!<Mobile>!$_" in after
    assert "item1.EMAIL;type=INTERNET;type=pref:anna@example.org" in after
    assert one(after).emails == ["anna@example.org", "new@example.net"]


def test_a_fax_is_nobodys_number_and_stays() -> None:
    after = changed(IPHONE, "phones", phones=["+7 916 000-11-22"])
    assert one(after).phones == ["+7 916 000-11-22"]
    assert "TEL;type=WORK;type=FAX:+7 495 000-00-00" in after


def test_another_spelling_of_a_number_or_an_address_rewrites_no_line() -> None:
    after = changed(
        IPHONE, "phones", "emails", phones=["+74951234567"], emails=["ANNA@example.org", "a.example@example.com"]
    )
    assert after == IPHONE


def test_a_company_keeps_its_departments() -> None:
    assert "ORG:Wood;Sales;North\r\n" in changed(IPHONE, "company", fields={"company": "Wood"})


def test_a_new_name_keeps_what_it_shares_with_the_old_parts() -> None:
    assert "\r\nN:Example;Olga;;Dr.;jr.\r\n" in changed(IPHONE, "name", name="Dr. Olga Example jr.")
    assert "\r\nN:Example;Olga;Maria,Luisa;;\r\n" in changed(IPHONE, "name", name="Olga Maria Luisa Example")
    assert "\r\nN:Petrova;Anna Sergeevna;;;\r\n" in changed(IPHONE, "name", name="Anna Sergeevna Petrova")


def test_a_revision_is_noted_where_the_card_has_one() -> None:
    now = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert "REV:20260203T040506Z" in changed(IPHONE, "name", name="Olga", updated_at=now)
    assert "REV" not in changed(card("FN:A"), "name", name="Olga", updated_at=now)


def test_emptied_names_are_gone() -> None:
    after = changed(IPHONE, "emails", "phones", "company", "address", "city", "postcode", "country")
    found = one(after)
    assert (found.emails, found.phones, found.fields) == ([], [], {})
    assert "ORG:;Sales;North" in after
    assert "item3" not in after


def test_without_names_only_what_the_contact_has_is_set() -> None:
    after = vcard.write(Contact(name="Olga Example"), IPHONE)
    assert one(after) == replace(one(IPHONE), name="Olga Example")


def test_names_that_a_card_cannot_hold_are_left_alone() -> None:
    assert changed(IPHONE, "shoe_size", fields={"shoe_size": "44"}) == IPHONE


@pytest.mark.parametrize(
    ("line", "day"),
    [
        ("BDAY:1980-04-05", "1980-04-05"),
        ("BDAY:19800405", "1980-04-05"),
        ("BDAY;VALUE=date-and-or-time:19800405T120000Z", "1980-04-05"),
        ("BDAY:--0405", "--04-05"),
        ("BDAY:--04-05", "--04-05"),
        ("BDAY;X-APPLE-OMIT-YEAR=1604;VALUE=date:1604-04-05", "--04-05"),
        ("BDAY:1604-04-05", "1604-04-05"),
        ("BDAY:1980-04", "1980-04"),
        ("BDAY:1980", "1980"),
        ("BDAY;VALUE=text:circa 1800", "circa 1800"),
    ],
)
def test_a_birthday_is_read_in_every_form(line: str, day: str) -> None:
    assert one(card(line)).fields == {"birthday": day}


@pytest.mark.parametrize("version", ["3.0", "4.0"])
@pytest.mark.parametrize("day", ["1980-04-05", "--02-29", "1980-04", "1980", "in spring"])
def test_a_birthday_comes_back_as_it_was_written(version: str, day: str) -> None:
    before = card("FN:A", "BDAY;X-APPLE-OMIT-YEAR=1604:1604-01-01", version=version)
    after = changed(before, "birthday", fields={"birthday": day})
    assert one(after).fields == {"birthday": day}
    assert after.count("BDAY") == 1


def test_profiles_are_handles() -> None:
    read = one(
        card(
            "X-SOCIALPROFILE;type=twitter;x-user=anna:http://twitter.com/anna",
            "X-SOCIALPROFILE;TYPE=vk:https://vk.com/anna_e",
            "X-SOCIALPROFILE;TYPE=facebook:https://facebook.com/people/Anna/17",
            'SOCIALPROFILE;SERVICE-TYPE=Mastodon;USERNAME="@anna@example.social":https://example.social/@anna',
            "X-SOCIALPROFILE;TYPE=telegram:x-apple:anna%20e",
        )
    )
    assert read.handles == {
        "twitter": "anna",
        "vk": "anna_e",
        "mastodon": "@anna@example.social",
        "telegram": "anna e",
    }


def test_handles_are_written_and_removed_one_by_one() -> None:
    before = card(
        "FN:A",
        "X-SOCIALPROFILE;type=twitter;x-user=anna:http://twitter.com/anna",
        "X-SOCIALPROFILE;TYPE=vk;X-USER=1:x",
    )
    after = changed(before, "handles", handles={"twitter": "anna", "mastodon": '@a;"b"@example.social'})
    assert one(after).handles == {"twitter": "anna", "mastodon": '@a;"b"@example.social'}
    assert "X-SOCIALPROFILE;type=twitter;x-user=anna:http://twitter.com/anna\r\n" in after


def test_a_list_of_cards_is_no_person() -> None:
    assert list(vcard.read(card("FN:Friends", "KIND:group", "MEMBER:urn:uuid:1", version="4.0"))) == []
    assert list(vcard.read(card("FN:Friends", "X-ADDRESSBOOKSERVER-KIND:group"))) == []


def test_a_card_that_cannot_be_read_is_named_and_the_others_come() -> None:
    content = "BEGIN:VCARD\r\nFN:Half\r\n" + "\r\nrubbish\r\n"
    first, second, third = vcard.read(card("FN:One") + card() + content)
    assert isinstance(first, Contact) and first.name == "One"
    assert isinstance(second, RejectedError) and "nothing" in str(second)
    assert isinstance(third, RejectedError) and "END:VCARD" in str(third)


def test_old_cards_with_quoted_printable_are_read_and_kept() -> None:
    before = card(
        "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=D0=98=D0=B2=D0=B0=D0=BD=D0=BE=D0=B2;=D0=98=D0=B2=D0=B0=D0=BD;;;",
        "FN;CHARSET=windows-1251;ENCODING=QUOTED-PRINTABLE:=C8=E2=E0=ED =C8=E2=E0=ED=EE=E2",
        "NOTE;ENCODING=QUOTED-PRINTABLE:first=0D=0A=",
        "second",
        "TEL;CELL;VOICE:123 45 67",
        "TEL;WORK;FAX:999",
        "PHOTO;JPEG;BASE64:",
        "  /9j/4AAQSkZJRgABAQAAAQABAAD",
        "",
        "EMAIL;PREF;INTERNET:ivan@example.org",
        version="2.1",
    )
    found = one(before)
    assert (found.name, found.phones, found.emails) == ("Иван Иванов", ["123 45 67"], ["ivan@example.org"])
    after = changed(before, "name", "title", name="Пётр Иванов", fields={"title": "Директор\nпо всему"})
    assert after.isascii()
    assert one(after) == replace(found, name="Пётр Иванов", fields={"title": "Директор по всему"})
    assert set(before.split("\r\n")) - set(after.split("\r\n")) == {
        "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=D0=98=D0=B2=D0=B0=D0=BD=D0=BE=D0=B2;=D0=98=D0=B2=D0=B0=D0=BD;;;",
        "FN;CHARSET=windows-1251;ENCODING=QUOTED-PRINTABLE:=C8=E2=E0=ED =C8=E2=E0=ED=EE=E2",
    }


def test_a_letter_that_a_fold_cuts_in_two_is_whole() -> None:
    content = "FN:Анна".encode()
    cut = b"BEGIN:VCARD\r\nVERSION:3.0\r\n" + content[:-1] + b"\r\n " + content[-1:] + b"\r\nEND:VCARD\r\n"
    assert one(cut).name == "Анна"
    assert (
        vcard.write(Contact(changed=frozenset()), next(vcard.split(cut))).encode("utf-8", "surrogateescape") == cut
    )


def test_bytes_of_no_encoding_are_read_as_western_and_kept() -> None:
    before = card("FN:Jos\\xe9", "NOTE:x").replace("\\xe9", "\udce9")
    raw = before.encode("utf-8", "surrogateescape")
    assert one(raw).name == "José"
    after = changed(next(vcard.split(raw)), "title", fields={"title": "Chef"})
    assert b"FN:Jos\xe9\r\n" in after.encode("utf-8", "surrogateescape")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_exports_with_a_byte_order_mark_are_read(encoding: str) -> None:
    assert one(card("FN:Анна").encode(encoding)).name == "Анна"
    assert codecs.lookup(encoding).name in ("utf-16", "utf-8-sig")


def test_no_value_can_begin_a_line_of_its_own() -> None:
    evil = "x\r\nEMAIL:evil@example.org\n FN:Evil\rTEL:1\0\x0b\x1b"
    made = vcard.write(
        Contact(
            name=evil,
            emails=[evil],
            phones=[f"1{evil}"],
            handles={"vk": evil},
            url=evil,
            key=evil,
            fields=dict.fromkeys(vcard.FIELDS, evil),
        )
    )
    names = [line.partition(":")[0].partition(";")[0] for line in made.replace("\r\n ", "").split("\r\n")]
    assert names.count("EMAIL") == names.count("FN") == names.count("TEL") == 1
    assert set(names) <= {
        *(
            "BEGIN",
            "VERSION",
            "PRODID",
            "UID",
            "N",
            "FN",
            "EMAIL",
            "TEL",
            "X-SOCIALPROFILE",
            "URL",
            "ORG",
            "TITLE",
        ),
        *("BDAY", "ADR", "NICKNAME", "CATEGORIES", "END", ""),
    }
    assert not set(made) & set("\0\x0b\x1b")


def test_a_hostile_line_costs_no_time() -> None:
    """The line reader of vobject takes minutes for thirty commas without a colon."""
    begun = time.perf_counter()
    content = card(
        "TEL;X=" + ",a" * 100_000 + '"', "FN:Ann", 'X;A="' + ";b=c" * 100_000 + ":", "N:" + "\\" * 100_001
    )
    assert one(content).name == "Ann"
    assert vcard.write(Contact(changed=frozenset()), content) == content
    assert time.perf_counter() - begun < 5


def test_a_picture_of_megabytes_costs_no_more_than_its_length() -> None:
    picture = "PHOTO;ENCODING=b:" + "\r\n ".join(["QUJD" * 18] * 40_000)
    content = card("FN:Ann", picture)
    begun = time.perf_counter()
    assert one(content).name == "Ann"
    after = changed(content, "title", fields={"title": "Chef"})
    assert after.replace("TITLE:Chef\r\n", "") == content
    assert time.perf_counter() - begun < 10


def test_a_note_is_added_once_and_keeps_what_is_there() -> None:
    before = card("FN:Ann", "NOTE:by hand\\, first")
    once = vcard.add_note(before, "key-1", "Asked: 5 < 6; «да»?")
    assert "NOTE:by hand\\, first\\nAsked: 5 < 6\\; «да»?\r\n" in once
    assert vcard.add_note(once, "key-1", "Asked: 5 < 6; «да»?") == once
    dropped = "".join(line for line in once.splitlines(True) if not line.startswith("X-CROSSHUB"))
    assert vcard.add_note(dropped, "key-1", "Asked: 5 < 6; «да»?") == dropped
    twice = vcard.add_note(once, "key-2", "And more")
    assert vcard.add_note(twice, "key-1", "another form of the same") == twice
    assert "?\\nAnd more\r\n" in twice


def test_cards_with_bare_line_feeds_keep_them() -> None:
    after = changed(card("FN:Ann", "NOTE:x", end="\n"), "title", fields={"title": "Chef " * 30})
    assert "\r" not in after
    assert one(after).fields == {"title": ("Chef " * 30).strip()}


texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Zs"]), min_size=1, max_size=90)
words = st.lists(texts, min_size=1, max_size=3).map(" ".join).filter(lambda text: text == " ".join(text.split()))
unique = st.lists(words, max_size=4, unique_by=str.casefold)
emails = st.lists(
    st.from_regex(r"[a-zA-Z.,;]{1,8}@[a-z]{1,40}\.org", fullmatch=True), max_size=4, unique_by=str.casefold
)
phones = st.lists(st.from_regex(r"\+[0-9]{7,12}", fullmatch=True), max_size=4, unique=True)
days = st.dates().map(lambda day: day.isoformat()) | st.just("--02-29")
fields = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("company", "title", "address", "city", "region", "postcode", "country"), words),
        "nickname": words.filter(lambda text: "," not in text),
        "birthday": days,
        "categories": unique.filter(bool),
    },
)
people = st.builds(
    Contact,
    name=words,
    emails=emails,
    phones=phones,
    handles=st.dictionaries(st.sampled_from(["vk", "twitter", "mastodon"]), words, max_size=3),
    url=st.sampled_from(["", "https://example.org/a,b;c?d=e:f", "https://пример.рф/" + "x" * 90]),
    fields=fields,
    key=st.uuids().map(str),
)
versions = st.sampled_from(["2.1", "3.0", "4.0"])


@checked
@given(people, versions)
def test_what_is_written_is_read_as_it_was(person: Contact, version: str) -> None:
    made = vcard.write(person, version=version)
    assert one(made) == person
    assert one(made.encode()) == person
    assert all(len(line.encode()) <= 75 for line in made.split("\r\n") if version != "2.1")
    assert vcard.write(replace(person, changed=frozenset(vcard.NAMES)), made) == made


@checked
@given(people)
def test_another_library_reads_what_we_write(person: Contact) -> None:
    parsed = vobject.readOne(vcard.write(person))
    assert parsed.fn.value == person.name
    assert [line.value for line in parsed.contents.get("email", ())] == person.emails
    assert [line.value for line in parsed.contents.get("tel", ())] == person.phones
    assert parsed.uid.value == person.key
    assert parsed.org.value[0] == person.fields["company"] if "company" in person.fields else True


extra = st.lists(
    st.sampled_from(
        [
            'X-ODD;X-P="a:b;c":value',
            "item9.X-ABLabel:of nothing",
            "NOTE:said\\, once",
            "PHOTO;ENCODING=b:" + "QUJD" * 30,
            "PHOTO;ENCODING=b:QUJD\r\n QUJD\r\n\tQUJD",
            "TEL;TYPE=FAX:+1 555 000",
            "no colon at all",
            "LANG;PREF=1:fr",
            "KEY;VALUE=uri:http://example.org/key",
        ]
    ),
    max_size=5,
)


@checked
@given(people, people, extra, st.sets(st.sampled_from(vcard.NAMES)), versions)
def test_a_change_sets_what_it_names_and_nothing_else(
    before: Contact, after: Contact, more: list[str], names: set[str], version: str
) -> None:
    keep = vcard.write(before, version=version).replace("END:VCARD", "\r\n".join([*more, "END:VCARD"]))
    written = vcard.write(replace(after, changed=frozenset(names)), keep)
    said = one(written)
    for name in vcard.NAMES:
        wanted = after if name in names else before
        assert _value(said, name) == _value(wanted, name), name
    for line in more:
        assert f"\r\n{line}\r\n" in written
    # The card that another reader holds has not lost its person either.
    assert said.key == before.key


def _value(contact: Contact, name: str) -> object:
    return getattr(contact, name) if hasattr(contact, name) else contact.fields.get(name)
