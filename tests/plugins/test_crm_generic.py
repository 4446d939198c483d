"""A CRM driven by configuration: each verb against the double, over every way to sign and to page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub import (
    AuthError,
    Contact,
    DuplicateError,
    GoneError,
    HubError,
    Note,
    RejectedError,
    TransientError,
    UnknownOutcome,
)
from hub.testing import Reply, Request, faults, open_adapter
from plugins.crm_generic import Crm
from plugins.crm_generic.sandbox import AuthKind, CrmDouble, PagingKind

AUTH: tuple[AuthKind, ...] = ("bearer", "basic", "header", "query")
PAGING: tuple[PagingKind, ...] = ("page", "offset", "cursor", "link", "link_header")
ANN = Contact(name="Ann Lee", emails=["ann@example.org"])


_opened: list[Crm] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Close the lines that the test opened."""
    yield
    while _opened:
        _opened.pop().http.close()


def crm(
    double: CrmDouble, change: Callable[[dict[str, Any]], object] = lambda settings: None, **options: Any
) -> Crm:
    settings = double.account()
    change(settings)
    _opened.append(open_adapter(Crm, settings, **options))
    return _opened[-1]


def pulled(adapter: Crm, cursor: str | None = None) -> list[Contact]:
    return [contact for batch in adapter.pull_contacts(cursor) for contact in batch.items]


def last_cursor(adapter: Crm, cursor: str | None = None) -> str | None:
    return list(adapter.pull_contacts(cursor))[-1].cursor


def fill_crm(double: CrmDouble, count: int) -> None:
    for number in range(count):
        double.add_contact(f"Person {number}", f"p{number}@example.org")


# Who we are


@pytest.mark.parametrize("auth", AUTH)
def test_check_says_who_we_are_with_every_kind_of_auth(auth: AuthKind) -> None:
    with CrmDouble(auth=auth) as double:
        identity = crm(double).check()
    assert (identity.remote_id, identity.name, identity.kind) == ("7", "Sales robot", auth)


def test_a_key_may_take_the_place_of_the_user_name() -> None:
    with CrmDouble(auth="basic") as double:
        adapter = crm(
            double,
            lambda settings: settings.update(auth={"kind": "basic", "secret": "k3y-0f-ours", "filler": "X"}),
        )
        with pytest.raises(AuthError):
            adapter.check()
        assert double.calls[-1].headers["authorization"] == "Basic azN5LTBmLW91cnM6WA=="


@pytest.mark.parametrize("auth", AUTH)
def test_a_wrong_secret_is_an_auth_error_that_names_the_key_and_not_the_secret(auth: AuthKind) -> None:
    with CrmDouble(auth=auth) as double:
        adapter = crm(double, lambda settings: settings["auth"].update(secret="wr0ng-secret"))
        with pytest.raises(AuthError) as caught:
            adapter.check()
    assert str(caught.value).endswith("/api/me: HTTP 401 (The credentials are missing or wrong)")
    assert "auth.secret" in caught.value.hint
    assert "wr0ng-secret" not in repr((caught.value, caught.value.facts, caught.value.hint))


def test_an_id_that_check_does_not_find_names_the_key() -> None:
    with CrmDouble() as double:
        adapter = crm(double, lambda settings: settings["check"].update(id="user.id"), deadline=0.3)
        with pytest.raises(TransientError, match=r"check\.id: it finds nothing") as caught:
            adapter.check()
    assert caught.value.hint == "compare check.id in hub.toml with what the CRM answers"


@pytest.mark.parametrize("auth", ["bearer", "basic", "header"])
def test_the_secret_is_never_in_an_address_unless_the_kind_is_query(auth: AuthKind) -> None:
    with CrmDouble(auth=auth, paging="link") as double:
        fill_crm(double, 101)
        adapter = crm(double)
        pulled(adapter)
        adapter.push_contact(ANN, None)
        assert not any(double.secret in repr((call.path, call.query)) for call in double.calls)


@pytest.mark.parametrize("auth", AUTH)
def test_an_error_that_repeats_our_credentials_is_told_without_them(auth: AuthKind) -> None:
    with CrmDouble(auth=auth) as double:
        adapter = crm(double)
        adapter.check()
        sent = double.calls[-1].headers.get("authorization", "")
        for status in (400, 401, 403, 404, 409, 418, 500):
            double.inject(
                faults.answered(Reply({"message": f"bad key {double.secret} in {sent}"}, status=status)), is_create
            )
            with pytest.raises(HubError) as caught:
                adapter.push_contact(ANN, None)
            told = repr((str(caught.value), caught.value, caught.value.facts, caught.value.hint))
            assert double.secret not in told
            assert "cm9ib3Q6" not in told  # the beginning of base64("robot:…")


# Reading


@pytest.mark.parametrize("paging", PAGING)
@pytest.mark.parametrize("count", [0, 1, 100, 250])
def test_every_kind_of_paging_reads_each_contact_once(paging: PagingKind, count: int) -> None:
    with CrmDouble(paging=paging) as double:
        fill_crm(double, count)
        ids = [contact.remote_id for contact in pulled(crm(double))]
    assert sorted(ids, key=int) == [str(number + 1) for number in range(count)]


@pytest.mark.parametrize("paging", PAGING)
def test_a_crm_that_caps_the_page_in_silence_is_read_to_the_end(paging: PagingKind) -> None:
    with CrmDouble(paging=paging, max_size=30) as double:
        fill_crm(double, 95)
        assert len(pulled(crm(double))) == 95


@pytest.mark.parametrize("paging", PAGING)
def test_contacts_that_come_between_two_pages_are_read_too(paging: PagingKind) -> None:
    with CrmDouble(paging=paging) as double:
        fill_crm(double, 250)
        pages = crm(double).pull_contacts(None)
        seen = [contact.remote_id for contact in next(pages).items]
        double.add_contact("Late Comer")
        seen += [contact.remote_id for batch in pages for contact in batch.items]
    assert sorted(seen, key=int) == [str(number + 1) for number in range(251)]


@pytest.mark.parametrize("paging", ["offset", "cursor", "link"])
@pytest.mark.parametrize("gone", [3, 60])
def test_contacts_deleted_between_two_pages_make_nobody_skipped(paging: PagingKind, gone: int) -> None:
    with CrmDouble(paging=paging) as double:
        fill_crm(double, 250)
        pages = crm(double).pull_contacts(None)
        seen = {contact.remote_id for contact in next(pages).items}
        for number in range(gone):
            double.remove_contact(str(number + 1))
        seen |= {contact.remote_id for batch in pages for contact in batch.items}
    assert seen == {str(number + 1) for number in range(250)}


def test_an_offset_list_that_shrinks_below_the_next_page_skips_nobody() -> None:
    with CrmDouble(paging="offset") as double:
        fill_crm(double, 250)
        pages = crm(double).pull_contacts(None)
        seen = {contact.remote_id for _ in range(2) for contact in next(pages).items}
        for number in range(100):
            double.remove_contact(str(number + 1))
        seen |= {contact.remote_id for batch in pages for contact in batch.items}
    assert seen == {str(number + 1) for number in range(250)}


def test_more_saves_the_last_empty_call() -> None:
    with CrmDouble(paging="offset") as double:
        fill_crm(double, 10)
        pulled(crm(double, lambda settings: settings["contacts"]["list"]["paging"].update(more="has_more")))
        assert len(double.calls) == 1


def test_a_cursor_that_comes_twice_is_an_error_and_no_loop() -> None:
    page = Reply({"data": [], "paging": {"next": {"after": "same"}}})
    with CrmDouble() as double:
        double.inject(faults.answered(page), times=12)
        with pytest.raises(TransientError, match=r"paging\.next: it leads in a circle"):
            pulled(crm(double))
        assert len(double.calls) == 2


def test_a_page_parameter_that_the_crm_ignores_is_an_error_and_no_loop() -> None:
    page = Reply({"data": [{"id": 1}, {"id": 2}]})
    with CrmDouble(paging="page") as double:
        double.inject(faults.answered(page), times=12)
        with pytest.raises(TransientError, match=r"paging\.param: the page is the same as the one before it"):
            pulled(crm(double))
        assert len(double.calls) == 2


def test_a_link_to_another_host_is_not_followed() -> None:
    with CrmDouble(paging="link") as double:
        double.inject(
            faults.answered(Reply({"data": [], "links": {"next": "https://evil.example/contacts?page=2"}}))
        )
        with pytest.raises(TransientError, match=r"it leads to another host, evil\.example"):
            pulled(crm(double))


def test_a_link_with_the_scheme_that_a_proxy_hides_is_followed_on_our_own_address() -> None:
    with CrmDouble(paging="link") as double:
        double.add_contact("Ann Lee")
        double.inject(
            faults.answered(Reply({"data": [], "links": {"next": "https://127.0.0.1/api/contacts?per_page=9"}}))
        )
        assert [contact.name for contact in pulled(crm(double))] == ["Ann Lee"]


def test_an_empty_answer_is_an_empty_list() -> None:
    with CrmDouble() as double:
        double.inject(faults.answered(Reply(body=b"", status=204)))
        assert pulled(crm(double)) == []


def test_items_that_find_no_list_are_an_error_and_not_an_empty_crm() -> None:
    with CrmDouble() as double:
        adapter = crm(double, lambda settings: settings["contacts"]["list"].update(items="contacts"), deadline=0.3)
        with pytest.raises(TransientError, match=r"contacts\.list\.items: gave NoneType instead of a list"):
            pulled(adapter)


def test_a_record_that_the_map_does_not_fit_is_named() -> None:
    with CrmDouble() as double:
        double.add_contact("Ann Lee")
        double.add_contact("Bo Li", phones=("1",))
        adapter = crm(double, lambda settings: settings["map"].update(name="custom"))
        with pytest.raises(
            TransientError, match=r"map: record 1 of the page: map\.name: gave a dict instead of a"
        ):
            pulled(adapter)


def test_a_search_by_post_sends_its_parameters_as_json() -> None:
    listing = {"method": "POST", "params": {"filter": {"changed": {"from": "{since}"}}}}
    with CrmDouble() as double:
        double.inject(faults.answered(Reply({"data": []})))
        adapter = crm(double, lambda settings: settings["contacts"]["list"].update(listing))
        pulled(adapter, '{"updated_at":"2026-05-04T10:01:00Z"}')
        assert double.calls[-1].query == {}
        assert double.calls[-1].json() == {"filter": {"changed": {"from": "2026-05-04T10:00:00Z"}}, "limit": 100}


# Reading what changed


def test_a_first_read_leaves_a_cursor_even_if_there_is_nobody() -> None:
    with CrmDouble() as double:
        assert last_cursor(crm(double)) == "{}"


def test_only_the_last_batch_moves_the_cursor() -> None:
    with CrmDouble() as double:
        fill_crm(double, 250)
        assert [batch.cursor is None for batch in crm(double).pull_contacts(None)] == [True, True, False]


def test_the_next_read_brings_only_what_changed() -> None:
    old, new = datetime.now(UTC) - timedelta(days=3), datetime.now(UTC) - timedelta(days=1)
    with CrmDouble() as double:
        changed = double.add_contact("Ann Lee", updated_at=old)
        double.add_contact("Bo Li", updated_at=old)
        double.add_contact("Cy Lu", updated_at=new)
        adapter = crm(double)
        cursor = last_cursor(adapter)
        double.rename_contact(changed, "Ann Moore")
        assert {contact.name for contact in pulled(adapter, cursor)} == {"Ann Moore", "Cy Lu"}


def test_the_cursor_is_inclusive_for_contacts_changed_in_the_same_second() -> None:
    moment = datetime(2026, 5, 4, 10, 0, 0, 400_000, tzinfo=UTC)
    with CrmDouble() as double:
        double.add_contact("Ann Lee", updated_at=moment)
        adapter = crm(double, lambda settings: settings["contacts"]["list"].update(since={"overlap": 0}))
        cursor = last_cursor(adapter)
        double.add_contact("Bo Li", updated_at=moment)
        assert [contact.name for contact in pulled(adapter, cursor)] == ["Ann Lee", "Bo Li"]


def test_a_contact_changed_while_the_pages_are_read_comes_with_the_next_read() -> None:
    with CrmDouble() as double:
        for number in range(150):
            double.add_contact(f"Person {number}", updated_at=datetime(2026, 1, 1, tzinfo=UTC))
        adapter = crm(double)
        pages = adapter.pull_contacts(None)
        next(pages)
        # Both change after the first page: one that was read already, and a far newer one on the second page.
        double.rename_contact("1", "Ann Moore")
        double.contacts["150"].updated_at = datetime.now(UTC) + timedelta(hours=1)
        cursor = list(pages)[-1].cursor
        assert "Ann Moore" in {contact.name for contact in pulled(adapter, cursor)}


def test_without_since_every_read_is_a_full_one() -> None:
    with CrmDouble() as double:
        double.add_contact("Ann Lee", updated_at=datetime(2026, 1, 1, tzinfo=UTC))
        adapter = crm(double, lambda settings: settings["contacts"]["list"].update(since=None, params={}))
        cursor = last_cursor(adapter)
        double.add_contact("Bo Li", updated_at=datetime(2020, 1, 1, tzinfo=UTC))
        assert [contact.name for contact in pulled(adapter, cursor)] == ["Ann Lee", "Bo Li"]
        assert cursor == "{}"


def test_an_archived_contact_is_deleted() -> None:
    with CrmDouble() as double:
        double.archive_contact(double.add_contact("Ann Lee"))
        assert [contact.deleted for contact in pulled(crm(double))] == [True]


def test_a_contact_is_read_with_all_that_the_map_names() -> None:
    moment = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
    with CrmDouble() as double:
        double.add_contact(
            "Ann Lee",
            "a@x.org",
            "b@x.org",
            phones=("+7 1",),
            vk="vk1",
            facebook="fb1",
            x="annlee",
            updated_at=moment,
        )
        assert pulled(crm(double)) == [
            Contact(
                remote_id="1",
                name="Ann Lee",
                emails=["a@x.org", "b@x.org"],
                phones=["+7 1"],
                handles={"vk": "vk1", "facebook": "fb1", "twitter": "annlee"},
                link=f"{double.url}/contacts/1",
                version="1",
                updated_at=moment,
            )
        ]


# Writing


@pytest.mark.parametrize("auth", AUTH)
def test_a_pushed_contact_is_in_the_crm_with_all_its_fields(auth: AuthKind) -> None:
    contact = Contact(
        name="Ann van Lee",
        emails=["a@x.org", "b@x.org"],
        phones=["+7 1"],
        handles={"vk": "vk1", "twitter": "annlee", "mastodon": "not mapped"},
    )
    with CrmDouble(auth=auth) as double:
        receipt = crm(double).push_contact(contact, None)
        held = double.contacts[receipt.remote_id]
    assert (held.first_name, held.last_name) == ("Ann", "van Lee")
    assert (held.emails, held.phones) == (["a@x.org", "b@x.org"], ["+7 1"])
    assert held.custom == {"vk_id": "vk1", "x": "annlee"}


def test_pushed_and_pulled_again_a_contact_is_the_same() -> None:
    contact = Contact(name="Ann van Lee", emails=["a@x.org"], phones=["+7 1"], handles={"vk": "vk1"})
    with CrmDouble() as double:
        adapter = crm(double)
        adapter.push_contact(contact, None)
        back = pulled(adapter)[0]
    assert (back.name, back.emails, back.phones, back.handles) == (
        contact.name,
        contact.emails,
        contact.phones,
        contact.handles,
    )


def test_the_new_id_may_come_in_the_location_header() -> None:
    with CrmDouble(id_in="location") as double:
        assert crm(double).push_contact(ANN, None).remote_id in double.contacts


def test_an_update_changes_what_it_names_and_clears_nothing() -> None:
    with CrmDouble() as double:
        contact_id = double.add_contact("Ann Lee", "a@x.org", phones=("+7 1",), vk="vk1")
        receipt = crm(double).push_contact(Contact(name="Ann Moore", handles={"facebook": "fb1"}), contact_id)
        held = double.contacts[contact_id]
    assert receipt.remote_id == contact_id
    assert (held.last_name, held.emails, held.phones) == ("Moore", ["a@x.org"], ["+7 1"])
    assert held.custom == {"vk_id": "vk1", "facebook": "fb1"}


def test_an_id_cannot_leave_its_place_in_the_path() -> None:
    with CrmDouble() as double:
        with pytest.raises(GoneError):
            crm(double).push_contact(ANN, "1/notes?x=1#y")
        assert double.calls[-1].path == "/api/contacts/1%2Fnotes%3Fx%3D1%23y"


def test_an_update_by_post_carries_the_id_in_the_body() -> None:
    update = {"method": "POST", "path": "/contact.update", "body": {"id": "{id}", "fields": "{contact}"}}
    with CrmDouble() as double:
        double.inject(faults.answered(Reply({"result": True})))
        crm(double, lambda settings: settings["contacts"].update(update=update)).push_contact(ANN, "75")
        assert double.calls[-1].json() == {
            "id": "75",
            "fields": {"first_name": "Ann", "last_name": "Lee", "emails": [{"value": "ann@example.org"}]},
        }


def test_a_note_is_on_the_record() -> None:
    with CrmDouble() as double:
        contact_id = double.add_contact("Ann Lee")
        note = Note(key="k1", text="Ann wrote: {url} is down", url="https://vk.com/wall-1_2?reply=3")
        receipt = crm(double).add_note(contact_id, note)
        assert double.notes[receipt.remote_id] == {
            "contact": contact_id,
            "text": "Ann wrote: {url} is down",
            "url": "https://vk.com/wall-1_2?reply=3",
            "external_id": "k1",
        }


def test_a_note_without_an_id_in_the_answer_is_known_by_its_key() -> None:
    with CrmDouble() as double:
        contact_id = double.add_contact("Ann Lee")
        adapter = crm(double, lambda settings: settings["notes"].pop("id"))
        assert adapter.add_note(contact_id, Note(key="k1", text="hello")).remote_id == "k1"


@pytest.mark.parametrize("part", ["create", "update"])
def test_a_crm_that_is_only_read_refuses_what_is_pushed(part: str) -> None:
    with CrmDouble() as double:

        def only_read(settings: dict[str, Any]) -> None:
            settings["contacts"].pop(part)
            settings["contacts"].pop("batch")

        adapter = crm(double, only_read)
        with pytest.raises(RejectedError, match=r"^this CRM takes no ") as caught:
            adapter.push_contact(ANN, None if part == "create" else "1")
        assert (caught.value.hint, double.calls) == (f"add contacts.{part} to the account", [])


# What goes wrong


def is_create(request: Request) -> bool:
    return request.method == "POST" and request.path == "/api/contacts"


def test_a_lost_answer_to_a_create_is_an_unknown_outcome_and_one_contact() -> None:
    with CrmDouble() as double:
        double.inject(faults.LOST, is_create)
        with pytest.raises(UnknownOutcome):
            crm(double).push_contact(ANN, None)
        assert (len(double.contacts), len(double.calls)) == (1, 1)


@pytest.mark.parametrize(
    "reply",
    [
        Reply({"message": "oops"}, status=500),
        Reply(body=b"<html>", status=201),
        Reply({"id": None}, status=201),
        Reply({"created": 1}, status=201),
        Reply(body=b"", status=204),
    ],
    ids=["500", "html", "null id", "no id", "empty"],
)
def test_no_id_in_the_answer_to_a_create_is_an_unknown_outcome(reply: Reply) -> None:
    with CrmDouble() as double:
        double.inject(faults.answered(reply).after, is_create)
        with pytest.raises(UnknownOutcome):
            crm(double).push_contact(ANN, None)
        assert len(double.contacts) == 1


def test_a_lost_answer_to_a_note_is_an_unknown_outcome_and_one_note() -> None:
    with CrmDouble() as double:
        contact_id = double.add_contact("Ann Lee")
        double.inject(faults.LOST)
        with pytest.raises(UnknownOutcome):
            crm(double).add_note(contact_id, Note(key="k1", text="hello"))
        assert len(double.notes) == 1


def test_a_lost_answer_to_an_update_is_tried_again() -> None:
    with CrmDouble() as double:
        contact_id = double.add_contact("Ann Lee")
        double.inject(faults.LOST)
        crm(double).push_contact(Contact(name="Ann Moore"), contact_id)
        assert (double.contacts[contact_id].last_name, len(double.calls)) == ("Moore", 2)


def test_a_lost_answer_to_an_update_by_post_is_not_tried_again() -> None:
    update = {"method": "POST", "path": "/update/{id}"}
    with CrmDouble() as double:
        double.inject(faults.DROPPED)
        adapter = crm(double, lambda settings: settings["contacts"].update(update=update))
        with pytest.raises(UnknownOutcome):
            adapter.push_contact(ANN, "1")
        assert len(double.calls) == 1


def test_a_duplicate_names_the_record_that_exists() -> None:
    with CrmDouble() as double:
        contact_id = double.add_contact("Ann Lee", "ann@example.org")
        with pytest.raises(DuplicateError, match=r"A contact with the e-mail ann@example\.org exists") as caught:
            crm(double).push_contact(ANN, None)
    assert caught.value.receipt is not None
    assert caught.value.receipt.remote_id == contact_id


def test_an_e_mail_that_another_record_has_refuses_an_update() -> None:
    with CrmDouble() as double:
        double.add_contact("Ann Lee", "ann@example.org")
        other = double.add_contact("Bo Li")
        with pytest.raises(RejectedError, match="exists"):
            crm(double).push_contact(ANN, other)


def test_a_field_that_the_crm_does_not_know_is_refused_with_its_reason_and_a_hint() -> None:
    with CrmDouble() as double:
        adapter = crm(double, lambda settings: settings["write"].update(nickname="{name}"))
        with pytest.raises(RejectedError, match=r"HTTP 400 \(Unknown field nickname of a contact\)$") as caught:
            adapter.push_contact(ANN, None)
    assert caught.value.hint.startswith("compare write, params and the templates in hub.toml")


def test_a_missing_right_is_refused_with_a_hint() -> None:
    with CrmDouble() as double:
        double.inject(faults.answered(Reply({"detail": "read only"}, status=403)))
        with pytest.raises(RejectedError, match=r"\(read only\)") as caught:
            crm(double).push_contact(ANN, None)
    assert caught.value.hint == "give the credentials the right to do this in the CRM"


@pytest.mark.parametrize("status", [404, 410])
def test_a_record_that_is_gone_is_a_gone_error(status: int) -> None:
    with CrmDouble() as double:
        double.inject(faults.answered(Reply({"message": "no such contact"}, status=status)))
        with pytest.raises(GoneError, match="no such contact"):
            crm(double).push_contact(ANN, "99")


def test_a_spent_budget_is_waited_for() -> None:
    with CrmDouble(budget=2, window=0.3) as double:
        fill_crm(double, 250)
        assert len(pulled(crm(double))) == 250
        assert len(double.calls) > 3


def test_a_long_rate_limit_is_a_transient_error_with_its_wait() -> None:
    with CrmDouble(budget=0, window=600) as double:
        with pytest.raises(TransientError) as caught:
            crm(double).push_contact(ANN, None)
        assert len(double.calls) == 1
    assert caught.value.retry_after == pytest.approx(600, abs=5)


@pytest.mark.parametrize(
    ("means", "error"),
    [
        ("transient", TransientError),
        ("auth", AuthError),
        ("rejected", RejectedError),
        ("gone", GoneError),
        ("duplicate", DuplicateError),
    ],
)
def test_a_rule_says_what_an_answer_means_even_with_status_200(means: str, error: type[HubError]) -> None:
    rule = {"status": 200, "when": "error == 'LIMIT'", "means": means}
    with CrmDouble() as double:
        double.inject(faults.answered(Reply({"error": "LIMIT", "error_description": "over it"})), times=9)
        adapter = crm(double, lambda settings: settings.update(errors=[rule]), deadline=1.5)
        with pytest.raises(error, match=r"HTTP 200 \(over it\)$") as caught:
            adapter.push_contact(ANN, None)
        assert type(caught.value) is error


def test_a_rule_that_does_not_fit_leaves_the_answer_alone() -> None:
    rule = {"when": "error == 'LIMIT'", "means": "auth"}
    with CrmDouble() as double:
        assert crm(double, lambda settings: settings.update(errors=[rule])).check().remote_id == "7"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ([{"message": "Session expired", "errorCode": "INVALID_SESSION_ID"}], "Session expired"),
        ({"error": "expired_token", "error_description": "The token expired"}, "The token expired"),
        (
            {"title": "Bad Request", "status": 400, "detail": "Request validation failed"},
            "Request validation failed",
        ),
        ({"status": "error", "message": "Contact already exists"}, "Contact already exists"),
        ({"errors": [{"detail": "no such field"}]}, "no such field"),
        ({"error": {"message": "bad e-mail"}}, "bad e-mail"),
    ],
)
def test_the_reason_is_found_in_the_usual_shapes_of_an_error(body: Any, reason: str) -> None:
    with CrmDouble() as double:
        double.inject(faults.answered(Reply(body, status=400)))
        with pytest.raises(RejectedError, match=rf"HTTP 400 \({reason}\)$"):
            crm(double).push_contact(ANN, None)
