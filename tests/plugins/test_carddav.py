"""An address book against its double: discovery, changes, conditions, lost answers, and what it must not lose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from hub import (
    AuthError,
    Batch,
    Contact,
    DuplicateError,
    GoneError,
    Note,
    RejectedError,
    StaleCursor,
    StaleRecord,
    TransientError,
    UnknownOutcome,
    vcard,
)
from hub.testing import Reply, Request, faults, open_adapter
from plugins.carddav import CardDav, dav, wire
from plugins.carddav.sandbox import CardDavDouble

ANN = Contact(name="Ann Lee", emails=["ann@example.org"], key="hub-17")
_opened: list[CardDav] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Close the lines that the test opened."""
    yield
    while _opened:
        _opened.pop().http.close()


@pytest.fixture(params=["sync-collection", "in parts", "etags", "etags without a tag"])
def double(request: pytest.FixtureRequest) -> Iterator[CardDavDouble]:
    """An address book in every way in which it may tell what changed."""
    kinds: dict[str, dict[str, Any]] = {
        "sync-collection": {},
        "in parts": {"most": 3},
        "etags": {"syncs": False},
        "etags without a tag": {"syncs": False, "tags": False},
    }
    with CardDavDouble(**kinds[request.param]) as running:
        yield running


@pytest.fixture
def network() -> Iterator[CardDavDouble]:
    with CardDavDouble() as running:
        yield running


def opened(double: CardDavDouble, **changed: Any) -> CardDav:
    _opened.append(open_adapter(CardDav, {**double.account(), **changed}, paced=False))
    return _opened[-1]


def read(adapter: CardDav, cursor: str | None = None) -> list[Batch[Contact]]:
    return list(adapter.pull_contacts(cursor))


def items(batches: list[Batch[Contact]]) -> dict[str, Contact]:
    return {one.remote_id: one for batch in batches for one in batch.items}


def methods(double: CardDavDouble, work: Callable[[], object]) -> list[str]:
    """Return the methods of the calls that `work` makes."""
    before = len(double.calls)
    work()
    return [call.method for call in double.calls[before:]]


def on(method: str) -> Callable[[Request], bool]:
    return lambda request: request.method == method


# Where the book is


@pytest.mark.parametrize(
    "path", ["", "/", "/dav", "/dav/", "/dav/principals/alice/", "/dav/addressbooks/alice/people/"]
)
def test_the_book_is_found_from_the_server_the_principal_or_itself(network: CardDavDouble, path: str) -> None:
    if path == "/dav":
        # A double has no redirect of its own from there; a server without the slash answers 404 and is asked anew.
        network.inject(faults.answered(Reply(body=b"", status=301, headers={"Location": "/dav/"})), on("PROPFIND"))
    identity = opened(network, api_url=network.url + path).check()
    assert (identity.remote_id, identity.name, identity.missing) == (network.book, "people", ())


def test_one_of_several_books_must_be_named() -> None:
    with CardDavDouble(books=("people", "club", "Gäste")) as double:
        with pytest.raises(RejectedError, match="3 address books: Gäste, club, people") as raised:
            opened(double).check()
        assert "`book`" in raised.value.hint
        assert opened(double, book="club").check().remote_id.endswith("/club/")
        assert opened(double, book="G%C3%A4ste/").check().name == "Gäste"
        with pytest.raises(GoneError, match="no address book family"):
            opened(double, book="family").check()


def test_a_server_that_leads_elsewhere_gets_no_password_there(network: CardDavDouble) -> None:
    with CardDavDouble() as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        network.inject(faults.redirected(f"{elsewhere}/dav/", 301), on("PROPFIND"))
        with pytest.raises(RejectedError, match="leads to another host, localhost"):
            opened(network).check()
        assert not other.calls


def test_a_server_that_wants_https_says_which_address_to_write(network: CardDavDouble) -> None:
    secure = network.url.replace("http://", "https://") + "/.well-known/carddav"
    network.inject(faults.redirected(secure, 301), on("PROPFIND"), times=9)
    with pytest.raises(RejectedError, match="leads to https"):
        opened(network).check()


def test_an_address_that_is_none_of_a_book_says_what_to_write(network: CardDavDouble) -> None:
    network.inject(faults.answered(Reply({}, status=405)), times=10)
    with pytest.raises(RejectedError, match="no address book was found") as raised:
        opened(network).check()
    assert "api_url" in raised.value.hint


def test_a_wrong_password_is_an_auth_error(network: CardDavDouble) -> None:
    with pytest.raises(AuthError, match="No such login"):
        opened(network, password="wrong").check()


# What changed


def test_a_first_read_is_complete_and_the_next_one_brings_what_changed(double: CardDavDouble) -> None:
    names = [double.add_contact(f"Person {number}", f"p{number}@example.org") for number in range(8)]
    adapter = opened(double)
    first = read(adapter)
    assert set(items(first)) == set(names)
    assert [batch.complete for batch in first] == [False] * (len(first) - 1) + [True]
    assert all(batch.cursor is None for batch in first[:-1])
    double.rename_contact(names[1], "Renamed Person")
    double.remove_contact(names[2])
    new = double.add_contact("New Person")
    second = read(adapter, first[-1].cursor)
    assert {name: one.deleted for name, one in items(second).items()} == {
        names[1]: False,
        names[2]: True,
        new: False,
    }
    assert items(second)[names[1]].name == "Renamed Person"
    assert not any(batch.complete for batch in second)
    third = read(adapter, second[-1].cursor)
    assert third == [Batch([], second[-1].cursor)]


def test_a_read_of_an_unchanged_book_costs_one_call(network: CardDavDouble) -> None:
    network.add_contact("Ann")
    adapter = opened(network)
    cursor = read(adapter)[-1].cursor
    assert methods(network, lambda: read(adapter, cursor)) == ["REPORT"]
    with CardDavDouble(syncs=False) as double:
        double.add_contact("Ann")
        adapter = opened(double)
        cursor = read(adapter)[-1].cursor
        assert methods(double, lambda: read(adapter, cursor)) == ["PROPFIND"]


def test_two_hundred_cards_are_read_fifty_at_a_time(double: CardDavDouble) -> None:
    for number in range(200):
        double.add_contact(f"Person {number}")
    adapter = opened(double)
    calls = methods(double, lambda: read(adapter))
    assert len(items(read(adapter))) == 200
    if not double.most:
        assert calls.count("REPORT") == 4 + double.syncs


def test_a_card_that_is_deleted_while_the_pages_come_is_told_as_deleted(network: CardDavDouble) -> None:
    name = network.add_contact("Ann")
    adapter = opened(network)
    cursor = read(adapter)[-1].cursor
    network.rename_contact(name, "Anna")
    network.after = lambda request: (
        network.remove_contact(name) if b"sync-collection" in request.body and name in network.cards else None
    )
    assert items(read(adapter, cursor))[name].deleted


def test_a_forgotten_token_is_a_stale_cursor(network: CardDavDouble) -> None:
    network.add_contact("Ann")
    adapter = opened(network)
    cursor = read(adapter)[-1].cursor
    network.stale_cursors = True
    with pytest.raises(StaleCursor, match="valid-sync-token"):
        read(adapter, cursor)
    assert len(items(read(adapter))) == 1


@pytest.mark.parametrize("cursor", ["", "42", "{}", '{"book": "/another/", "token": "x"}', '{"book": 7}'])
def test_a_cursor_of_something_else_is_a_stale_cursor(network: CardDavDouble, cursor: str) -> None:
    with pytest.raises(StaleCursor):
        read(opened(network), cursor)


def test_a_server_that_learned_sync_collection_is_read_anew() -> None:
    with CardDavDouble(syncs=False) as double:
        cursor = read(opened(double))[-1].cursor
        double.syncs = True
        with pytest.raises(StaleCursor):
            read(opened(double), cursor)


def test_a_card_that_cannot_be_read_is_skipped_and_named_and_nothing_counts_as_gone(
    double: CardDavDouble, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = double.add_contact("Ann"), double.add_contact("Bad")
    double.cards[bad].text = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Bad"
    batches = read(opened(double))
    assert set(items(batches)) == {good}
    assert not batches[-1].complete
    out, err = capsys.readouterr()
    assert bad in out + err + caplog.text
    assert "END:VCARD is missing" in out + err + caplog.text


def test_a_list_of_cards_is_no_record_and_hides_nothing(double: CardDavDouble) -> None:
    double.add_contact("Friends", lines=["X-ADDRESSBOOKSERVER-KIND:group"])
    ann = double.add_contact("Ann")
    batches = read(opened(double))
    assert set(items(batches)) == {ann}
    assert batches[-1].complete


def test_letters_that_no_xml_may_hold_cost_no_other_card(network: CardDavDouble) -> None:
    odd, ann = network.add_contact("An odd\x0b one"), network.add_contact("Ann")
    found = items(read(opened(network)))
    assert (found[odd].name, found[ann].name) == ("An odd one", "Ann")


def test_entities_are_refused(network: CardDavDouble) -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><multistatus xmlns="DAV:">&b;</multistatus>'
    adapter = opened(network)
    adapter.check()
    network.inject(faults.answered(Reply(body=bomb, status=207)), on("REPORT"), times=20)
    with pytest.raises(TransientError, match="not as agreed"):
        read(adapter)


def test_names_that_are_written_otherwise_are_the_same(network: CardDavDouble) -> None:
    """The double writes `Card%201.vcf`, and is asked for it as RFC 3986 has it; the id is what both mean."""
    name = network.add_contact("Ann")
    assert name == "Card 1.vcf"
    adapter = opened(network)
    assert set(items(read(adapter))) == {name}
    held = adapter.get_contact(name)
    assert held is not None and held.remote_id == name


def test_the_servers_clock_says_when_a_card_was_changed(network: CardDavDouble) -> None:
    name = network.add_contact("Ann", lines=["REV:2001-01-01T00:00:00Z"])
    moment = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    network.cards[name].at = moment
    assert items(read(opened(network)))[name].updated_at == moment


# What is written


def test_a_creation_is_put_where_nothing_is_and_bears_its_key(network: CardDavDouble) -> None:
    receipt = opened(network).push_contact(ANN, None)
    assert receipt.remote_id == "hub-17.vcf"
    (call,) = [call for call in network.calls if call.method == "PUT"]
    assert call.headers["if-none-match"] == "*"
    assert call.headers["content-type"] == "text/vcard; charset=utf-8"
    card = network.cards["hub-17.vcf"]
    assert (card.values("UID"), card.values("FN"), card.values("VERSION")) == (["hub-17"], ["Ann Lee"], ["3.0"])


def test_new_cards_have_the_version_that_the_account_says(network: CardDavDouble) -> None:
    receipt = opened(network, version="4.0").push_contact(ANN, None)
    assert network.cards[receipt.remote_id].values("VERSION") == ["4.0"]


def test_a_contact_without_a_key_gets_a_card_of_its_own(network: CardDavDouble) -> None:
    adapter = opened(network)
    one, other = (adapter.push_contact(replace(ANN, key=""), None).remote_id for _ in range(2))
    assert one != other
    assert len(network.cards) == 2


@pytest.mark.parametrize("key", ["a/b c", "ключ", "..", "x" * 300, "-", "urn:uuid:6f2e"])
def test_any_key_makes_a_name(network: CardDavDouble, key: str) -> None:
    adapter = opened(network)
    receipt = adapter.push_contact(replace(ANN, key=key), None)
    held = adapter.get_contact(receipt.remote_id)
    assert held is not None and held.key == key
    with pytest.raises(DuplicateError):
        adapter.push_contact(replace(ANN, key=key), None)


@pytest.mark.parametrize(
    "fault", [faults.DROPPED.after, faults.server_error(502).after, faults.SILENCE.after], ids=str
)
def test_a_lost_answer_to_a_creation_settles_itself(network: CardDavDouble, fault: faults.Fault) -> None:
    adapter = open_adapter(CardDav, network.account(), deadline=0.6)
    _opened.append(adapter)
    adapter.check()
    network.inject(fault, on("PUT"))
    with pytest.raises(UnknownOutcome):
        adapter.push_contact(ANN, None)
    with pytest.raises(DuplicateError) as raised:
        adapter.push_contact(ANN, None)
    assert raised.value.receipt is not None and raised.value.receipt.remote_id == "hub-17.vcf"
    assert len(network.cards) == 1


def test_another_card_under_the_name_is_not_taken_for_ours(network: CardDavDouble) -> None:
    adapter = opened(network)
    adapter.push_contact(ANN, None)
    network.change_card("hub-17.vcf", "UID:hub-17", "UID:somebody-else")
    with pytest.raises(RejectedError, match="another card has the name"):
        adapter.push_contact(ANN, None)


def test_a_uid_that_is_there_under_another_name_is_a_duplicate(network: CardDavDouble) -> None:
    name = network.add_contact("Ann")
    network.change_card(name, "UID:phone-1", "UID:hub-17")
    with pytest.raises(DuplicateError) as raised:
        opened(network).push_contact(ANN, None)
    assert raised.value.receipt is not None and raised.value.receipt.remote_id == name


def test_an_update_changes_what_it_names_and_keeps_the_rest(network: CardDavDouble) -> None:
    lines = ["X-VENDOR;X-P=1:kept", "item1.URL:http://a.example/", "item1.X-ABLabel:site", "PHOTO;ENCODING=b:QUJD"]
    name = network.add_contact("Ann Lee", "ann@example.org", lines=lines)
    before = network.cards[name].text
    adapter = opened(network)
    (record,) = items(read(adapter)).values()
    changed = replace(record, name="Anna Lee", emails=[], changed=frozenset({"name"}))
    assert adapter.push_contact(changed, name).remote_id == name
    assert network.cards[name].text == before.replace("FN:Ann Lee", "FN:Anna Lee").replace(
        "N:Ann Lee;;;;", "N:Lee;Anna;;;"
    )


def test_an_update_that_changes_nothing_writes_nothing(network: CardDavDouble) -> None:
    name = network.add_contact("Ann Lee", "ann@example.org")
    adapter = opened(network)
    (record,) = items(read(adapter)).values()
    assert methods(network, lambda: adapter.push_contact(replace(record, changed=frozenset({"name"})), name)) == [
        "GET"
    ]


def test_an_update_of_a_card_that_somebody_changed_since_is_stale_and_writes_nothing(
    network: CardDavDouble,
) -> None:
    name = network.add_contact("Ann Lee")
    adapter = opened(network)
    (record,) = items(read(adapter)).values()
    network.rename_contact(name, "Ann Smith")
    with pytest.raises(StaleRecord):
        adapter.push_contact(replace(record, name="Anna", changed=frozenset({"name"})), name)
    assert network.cards[name].values("FN") == ["Ann Smith"]


def test_a_change_between_our_look_and_our_write_is_not_overwritten(network: CardDavDouble) -> None:
    name = network.add_contact("Ann Lee")
    adapter = opened(network)
    network.after = lambda request: network.rename_contact(name, "Ann Smith") if request.method == "GET" else None
    with pytest.raises(StaleRecord):
        adapter.push_contact(Contact(name="Anna", changed=frozenset({"name"})), name)
    assert network.cards[name].values("FN") == ["Ann Smith"]


@pytest.mark.parametrize("form", ['W/"{}"', '"{}-gzip"', 'W/"{};gzip"'])
def test_an_etag_that_a_proxy_changed_is_told_to_the_server_as_its_own(network: CardDavDouble, form: str) -> None:
    name = network.add_contact("Ann Lee")
    adapter = opened(network)
    (record,) = items(read(adapter)).values()
    number = network.cards[name].etag.strip('"')
    network.inject(_with_etag(form.format(number)), on("GET"))
    adapter.push_contact(replace(record, name="Anna", changed=frozenset({"name"})), name)
    assert network.cards[name].values("FN") == ["Anna"]


def test_a_server_that_says_no_etag_with_a_card_is_asked_for_it(network: CardDavDouble) -> None:
    name = network.add_contact("Ann Lee")
    adapter = opened(network)
    (record,) = items(read(adapter)).values()
    network.inject(_with_etag(""), on("GET"))
    adapter.push_contact(replace(record, name="Anna", changed=frozenset({"name"})), name)
    assert network.cards[name].values("FN") == ["Anna"]


def _with_etag(etag: str) -> faults.Fault:
    """Let a proxy answer in the server's place, with this ETag or none."""

    def speak(line: faults.Line, reply: Reply) -> None:
        kept = {name: value for name, value in reply.headers.items() if name != "ETag"}
        more = {"ETag": etag} if etag else {}
        line.send(Reply(body=reply.body, headers={**kept, **more}, content_type=reply.content_type).whole())

    return faults.Fault("an ETag of a proxy", speak, effect=True, keeps=True)


def test_a_server_that_changes_what_it_is_given_shows_it_with_the_next_read() -> None:
    with CardDavDouble(tells_etag=False) as double:
        adapter = opened(double)
        cursor = read(adapter)[-1].cursor
        name = adapter.push_contact(ANN, None).remote_id
        (record,) = items(read(adapter, cursor)).values()
        assert record.version == double.cards[name].etag
        adapter.push_contact(replace(record, name="Anna Lee", changed=frozenset({"name"})), name)
        assert double.cards[name].values("X-SERVER") == ["was here", "was here"]


def test_an_update_of_what_is_gone_is_gone(network: CardDavDouble) -> None:
    with pytest.raises(GoneError):
        opened(network).push_contact(ANN, "no-such.vcf")


def test_a_book_that_takes_no_writes_says_so(network: CardDavDouble) -> None:
    adapter = opened(network)
    network.inject(
        faults.answered(Reply(body=b"<error xmlns='DAV:'><need-privileges/></error>", status=403)), on("PUT")
    )
    with pytest.raises(RejectedError, match="need-privileges") as raised:
        adapter.push_contact(ANN, None)
    assert "may write" in raised.value.hint


def test_a_server_that_takes_no_such_version_says_what_to_change(network: CardDavDouble) -> None:
    adapter = opened(network, version="4.0")
    body = b'<error xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><C:supported-address-data/></error>'
    network.inject(faults.answered(Reply(body=body, status=415)), on("PUT"))
    with pytest.raises(RejectedError, match="supported-address-data") as raised:
        adapter.push_contact(ANN, None)
    assert "`version`" in raised.value.hint


def test_a_deletion_twice_is_a_success_and_a_stale_one_deletes_nothing(network: CardDavDouble) -> None:
    name = network.add_contact("Ann Lee")
    adapter = opened(network)
    (record,) = items(read(adapter)).values()
    network.rename_contact(name, "Ann Smith")
    with pytest.raises(StaleRecord):
        adapter.delete_contact(name, record.version)
    assert name in network.cards
    adapter.delete_contact(name, network.cards[name].etag)
    # This double, as RFC 9110 has it, answers 412: nothing is there that could match.
    adapter.delete_contact(name, record.version)
    adapter.delete_contact(name)
    assert not network.cards


def test_a_deletion_whose_answer_is_lost_is_done(network: CardDavDouble) -> None:
    name = network.add_contact("Ann Lee")
    adapter = opened(network)
    network.inject(faults.DROPPED.after, on("DELETE"))
    adapter.delete_contact(name, network.cards[name].etag)
    assert not network.cards


# Who is there already


def test_people_are_found_by_key_email_and_number_in_any_spelling(network: CardDavDouble) -> None:
    ann = network.add_contact("Ann", "Ann@Example.org", lines=["TEL;TYPE=CELL:+7 (495) 123-45-67"])
    bob = network.add_contact("Bob", lines=["TEL:+1 555 000 4567", "TEL;TYPE=FAX:+7 495 123 45 67"])
    adapter = opened(network)

    def found(**contact: Any) -> list[str]:
        return [one.remote_id for one in adapter.find_contacts(Contact(**contact))]

    assert found(key="phone-1") == [ann]
    assert found(emails=["ann@example.org"]) == [ann]
    assert found(phones=["8 495 123 45 67"]) == [ann]
    assert found(phones=["+74951234567"], emails=["nobody@example.org"]) == [ann]
    assert found(phones=["+15550004567"]) == [bob]
    assert found(phones=["4567"]) == []
    assert found(name="Ann") == []
    assert found(emails=["a&b<c>@example.org"]) == []


def test_a_record_is_shown_as_it_is_now(network: CardDavDouble) -> None:
    name = network.add_contact("Ann", "ann@example.org")
    adapter = opened(network)
    assert adapter.get_contact(name) == replace(items(read(adapter))[name], updated_at=None)
    assert adapter.get_contact("no-such.vcf") is None


# Notes


def test_a_note_is_there_once_however_often_it_is_added(network: CardDavDouble) -> None:
    name = network.add_contact("Ann", lines=["NOTE:by hand"])
    adapter = opened(network)
    note = Note(key="k-1", text="Asked: «цена?»", url="https://example.org/1", title="A question")
    for _ in range(3):
        assert adapter.add_note(name, note).remote_id == "k-1"
    assert network.noted() == ["by hand", "A question", "Asked: «цена?»", "https://example.org/1"]


def test_a_note_and_a_change_of_the_card_at_once_are_both_there(network: CardDavDouble) -> None:
    name = network.add_contact("Ann")
    adapter = opened(network)
    left = [1]
    network.after = lambda request: (
        network.rename_contact(name, "Anna") if request.method == "GET" and left and left.pop() else None
    )
    adapter.add_note(name, Note(key="k-1", text="Asked"))
    assert (network.cards[name].values("FN"), network.noted()) == (["Anna"], ["Asked"])


def test_a_book_has_no_tasks(network: CardDavDouble) -> None:
    name = network.add_contact("Ann")
    with pytest.raises(RejectedError, match="no tasks"):
        opened(network).add_note(name, Note(key="k", text="x", kind="task"))


def test_what_it_reads_and_writes_is_what_cards_hold(network: CardDavDouble) -> None:
    adapter = opened(network)
    assert adapter.reads == adapter.writes == frozenset(vcard.NAMES)
    assert adapter.abilities == {"find", "get", "delete", "note"}


# Pure conversions


@pytest.mark.parametrize(
    ("etag", "wanted"),
    [
        ('"a"', '"a"'),
        ('W/"a"', '"a"'),
        (' "a-gzip" ', '"a"'),
        ('W/"a;gzip"', '"a"'),
        ('"gzip"', '"gzip"'),
        ("a", "a"),
    ],
)
def test_an_etag_is_compared_as_the_server_made_it(etag: str, wanted: str) -> None:
    assert wire.strong(etag) == wanted


def test_a_property_that_is_missing_is_no_error_and_one_status_is_for_all_hrefs() -> None:
    body = b"""<?xml version="1.0"?><d:multistatus xmlns:d="DAV:">
    <d:response><d:href>https://example.org/a%20b.vcf</d:href>
      <d:propstat><d:prop><d:getetag>"1"</d:getetag></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>
      <d:propstat><d:prop><d:displayname/></d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat>
    </d:response>
    <d:response><d:href>/c.vcf</d:href><d:href>/d.vcf</d:href><d:status>HTTP/1.1 404 x</d:status></d:response>
    <d:sync-token> token </d:sync-token></d:multistatus>"""
    read = dav.read(_answer(body))
    assert [(one.path, one.status, one.text("{DAV:}getetag")) for one in read.found] == [
        ("/a b.vcf", 0, '"1"'),
        ("/c.vcf", 404, ""),
        ("/d.vcf", 404, ""),
    ]
    assert "{DAV:}displayname" not in read.found[0].props
    assert read.token == "token"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<html></html>",
        b'<?xml version="1.0" encoding="no-such"?><multistatus xmlns="DAV:"/>',
        b'<multistatus xmlns="DAV:"><response><href>http://[half/a.vcf</href></response></multistatus>',
        "<multistatus xmlns='DAV:'/>".encode("utf-16")[:-3],
    ],
)
def test_an_answer_that_is_no_multistatus_is_worth_another_try(body: bytes) -> None:
    with pytest.raises(TransientError, match="not as agreed"):
        dav.read(_answer(body))


def test_an_address_that_is_none_is_refused(network: CardDavDouble) -> None:
    network.inject(faults.redirected("http://[half/", 301), on("PROPFIND"))
    with pytest.raises(RejectedError, match="no address"):
        opened(network).check()


def _answer(body: bytes) -> Any:
    from hub import Answer

    return Answer(status=207, headers={}, body=body, method="REPORT", url="http://x/", repeatable=True)
