"""The inbox as work: who sees what in which state, page by page, and who did what."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub import Author, Mention
from hub.discussions import desk
from hub.discussions.query import parse
from hub.errors import UsageError
from hub.store import Store, migrate, tables
from hub.store.discussions import ingesting, threads
from hub.store.running import accounts
from hub.users.roles import Role, User

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANNA = User(1, "anna", Role.OWNER, "Anna")
BORIS = User(2, "boris", Role.RESPONDER)
CLUB_ONLY = User(3, "clara", Role.RESPONDER, accounts=frozenset({"club"}))
READER = User(4, "reader", Role.READER)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store.open(database_url)
    migrate.upgrade(opened)
    opened.write(
        accounts.register, {"club": "vk", "page": "vk", "bird": "x"}, {"club": [], "page": [], "bird": []}, NOW
    )
    opened.write(accounts.resume, "club", "us", "Club", NOW)
    opened.write(_add_users)
    yield opened
    opened.close()


def _add_users(connection: Connection) -> None:
    for user in (ANNA, BORIS, CLUB_ONLY, READER):
        connection.execute(
            tables.users.insert().values(
                id=user.id, name=user.name, display_name=user.display_name, role=user.role.value, created_at=NOW
            )
        )


def say(
    store: Store,
    keys: Sequence[str],
    *,
    account: str = "club",
    who: str = "somebody",
    kind: str = "comment",
    parent: str | None = None,
    text: str = "",
    days: int = 0,
) -> None:
    """Let remarks come in, in this order."""
    platform = {"club": "vk", "page": "vk", "bird": "x"}[account]
    author = Author(remote_id=who, name=who)

    def work(connection: Connection) -> None:
        root = f"post of {account}"
        known = threads.ensure(connection, account, [root], NOW)
        for number, key in enumerate(keys):
            at = NOW + timedelta(days=days, minutes=number)
            one = Mention(
                remote_id=key,
                thread_id=root,
                author=author,
                text=text or key,
                kind=kind,
                parent_id=parent,
                sent_at=at,
            )  # type: ignore[arg-type]
            ingesting.ingest(connection, account, platform, known, [one], NOW)

    store.write(work)
    desk.index(store)


def number(store: Store, key: str) -> int:
    with store.read() as connection:
        return int(
            connection.execute(
                sa.select(tables.mentions.c.id).where(tables.mentions.c.remote_id == key)
            ).scalar_one()
        )


def seen(store: Store, query: str = "", user: User = ANNA, now: datetime = NOW) -> str:
    return " ".join(item.mention.remote_id for item in desk.page(store, parse(query), user, now).items)


def one(store: Store, key: str, user: User = ANNA, now: datetime = NOW) -> desk.Item:
    return desk.item(store, number(store, key), user, now)


def test_what_came_in_last_stands_first_and_is_new_and_unread(store: Store) -> None:
    say(store, ["a", "b"], days=1)
    say(store, ["c"], days=0)
    assert seen(store) == "c b a"
    first = one(store, "a")
    assert (first.status, first.unread, first.assignee, first.labels, first.replies) == ("new", True, None, (), 0)


def test_what_our_accounts_say_is_no_work_on_any_account_of_the_platform(store: Store) -> None:
    say(store, ["a"], account="page")
    say(store, ["b"], account="page", who="us")
    say(store, ["c"], account="bird", who="us")
    assert seen(store) == "c a"
    with pytest.raises(UsageError, match="there is no mention"):
        one(store, "b")


def test_what_an_account_said_before_the_hub_knew_who_it_is_is_found_out(store: Store) -> None:
    say(store, ["a"], account="bird")
    say(store, ["b"], account="bird", who="me there", parent="a")
    assert seen(store) == "b a"
    store.write(accounts.resume, "bird", "me there", "Bird", NOW)
    assert seen(store) == "a"
    assert one(store, "a").status == "waiting"


@pytest.mark.parametrize("order", ["question first", "answer first"])
def test_an_answer_written_at_the_network_by_hand_answers(store: Store, order: str) -> None:
    if order == "question first":
        say(store, ["question"])
    say(store, ["answer"], who="us", parent="question", text="Вот ответ")
    if order == "answer first":
        say(store, ["question"])
    item = one(store, "question")
    assert (item.status, item.replies, seen(store, "is:answered"), seen(store, "-is:answered")) == (
        "waiting",
        1,
        "question",
        "",
    )


def test_our_own_answer_to_our_own_remark_answers_nobody(store: Store) -> None:
    say(store, ["ours"], who="us")
    say(store, ["more"], who="us", parent="ours")
    with store.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.replies)).scalar() == 0


def test_states_are_set_and_noted(store: Store) -> None:
    say(store, ["a", "b"])
    ids = [number(store, "a"), number(store, "b")]
    assert desk.set_status(store, ids, "done", ANNA, NOW) == ids
    assert desk.set_status(store, ids, "done", BORIS, NOW) == []
    events = desk.history(store, ids[0])
    assert [(event.by.name, event.kind, event.detail) for event in events] == [("Anna", "status", "done")]
    assert (seen(store, "status:done"), seen(store, "-status:done")) == ("b a", "")


def test_what_is_snoozed_comes_back_by_itself(store: Store) -> None:
    say(store, ["a", "b"])
    desk.set_status(store, [number(store, "a")], "snoozed", ANNA, NOW, NOW + HOUR)
    assert (seen(store, "status:snoozed"), seen(store, "status:open")) == ("a", "")
    assert one(store, "a").snoozed_until == NOW + HOUR
    later = NOW + HOUR
    assert (seen(store, "status:snoozed", now=later), seen(store, "status:open", now=later)) == ("", "a")
    assert (one(store, "a", now=later).status, one(store, "a", now=later).snoozed_until) == ("open", None)
    assert seen(store, "status:new,open", now=later) == "b a"


@pytest.mark.parametrize(
    ("status", "until"), [("snoozed", None), ("snoozed", NOW), ("open", NOW + HOUR), ("odd", None)]
)
def test_a_state_that_makes_no_sense_is_refused(store: Store, status: str, until: datetime | None) -> None:
    say(store, ["a"])
    with pytest.raises(UsageError):
        desk.set_status(store, [number(store, "a")], status, ANNA, NOW, until)
    assert one(store, "a").status == "new"


def test_a_mention_is_given_to_somebody_and_taken_back(store: Store) -> None:
    say(store, ["a", "b", "c"])
    desk.assign(store, [number(store, "a")], ANNA.id, BORIS, NOW)
    desk.assign(store, [number(store, "b")], BORIS.id, BORIS, NOW)
    assert one(store, "a").assignee == (1, "Anna")
    asked = ("assignee:me", "assignee:boris", "assignee:Anna", "assignee:nobody", "assignee:me,nobody")
    assert [seen(store, query) for query in asked] == ["a", "b", "a", "c", "c a"]
    assert desk.counts(store, parse("assignee:nobody"), ANNA, NOW) == (1, 1, 3)
    desk.assign(store, [number(store, "a")], None, ANNA, NOW)
    assert [event.detail for event in desk.history(store, number(store, "a"))] == ["Anna", ""]
    with pytest.raises(UsageError, match="no user 9"):
        desk.assign(store, [number(store, "a")], 9, ANNA, NOW)


def test_labels_are_the_same_whatever_their_capitals_and_are_forgotten_with_their_last_mention(
    store: Store,
) -> None:
    say(store, ["a", "b", "c"])
    desk.label(store, [number(store, "a"), number(store, "b")], "Срочно", ANNA, NOW)
    assert desk.label(store, [number(store, "a")], "  срочно ", ANNA, NOW) == []
    desk.label(store, [number(store, "b")], "жалоба", ANNA, NOW)
    assert one(store, "b").labels == ("жалоба", "Срочно")
    asked = (
        "label:СРОЧНО",
        "label:срочно label:жалоба",
        "label:срочно,жалоба",
        "-label:жалоба",
        "label:жалоба status:done",
    )
    assert [seen(store, query) for query in asked] == ["b a", "b", "b a", "c a", ""]
    with pytest.raises(UsageError, match="label:сочно is none") as caught:
        seen(store, "label:сочно")
    assert caught.value.facts["close"] == "Срочно" or "Срочно" in str(caught.value.facts)
    desk.unlabel(store, [number(store, "b")], "ЖАЛОБА", ANNA, NOW)
    assert [label.name for label in desk.labels(store)] == ["Срочно"]


def test_notes_are_kept_in_order_under_who_wrote_them(store: Store) -> None:
    say(store, ["a"])
    desk.add_note(store, number(store, "a"), " Звонила дважды ", ANNA, NOW)
    desk.add_note(store, number(store, "a"), "Перезвоним", BORIS, NOW + HOUR)
    kept = desk.notes(store, number(store, "a"))
    assert [(note.by.name, note.text, note.at) for note in kept] == [
        ("Anna", "Звонила дважды", NOW),
        ("boris", "Перезвоним", NOW + HOUR),
    ]
    assert one(store, "a").notes == 2
    with pytest.raises(UsageError, match="empty"):
        desk.add_note(store, number(store, "a"), "  ", ANNA, NOW)


def test_each_has_read_their_own(store: Store) -> None:
    say(store, ["a", "b", "c"])
    desk.mark_read(store, [number(store, "a")], ANNA, NOW)
    assert (seen(store, "is:unread"), seen(store, "is:unread", BORIS)) == ("c b", "c b a")
    assert (seen(store, "-is:unread"), one(store, "a").unread) == ("a", False)


def test_opening_makes_what_is_new_open_unless_a_reader_does(store: Store) -> None:
    say(store, ["a", "b"])
    desk.mark_read(store, [number(store, "a")], READER, NOW)
    assert one(store, "a").status == "new"
    desk.mark_read(store, [number(store, "a")], BORIS, NOW)
    assert one(store, "a").status == "open"


def test_reading_in_any_order_and_marking_unread_agrees_with_a_plain_set(store: Store) -> None:
    """The number and the marks together say what was read, whatever the order."""
    keys = [f"m{n}" for n in range(6)]
    say(store, keys)
    say(store, ["ours"], who="us")
    ids = {key: number(store, key) for key in keys}
    for order in ([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [2, 0, 5, 1, 4, 3]):
        unread = set(keys)
        desk.mark_unread(store, list(ids.values()), ANNA, NOW)
        for step, position in enumerate(order):
            key = keys[position]
            desk.mark_read(store, [ids[key]], ANNA, NOW)
            unread.discard(key)
            if step % 2:
                back = keys[order[step - 1]]
                desk.mark_unread(store, [ids[back]], ANNA, NOW)
                unread.add(back)
            assert set(seen(store, "is:unread").split()) == unread
            assert set(seen(store, "-is:unread").split()) == set(keys) - unread
            assert {key for key in keys if one(store, key).unread} == unread


def test_who_has_read_everything_keeps_no_row_for_each(store: Store) -> None:
    say(store, [f"m{n}" for n in range(5)])
    for n in (3, 1, 0, 2, 4):
        desk.mark_read(store, [number(store, f"m{n}")], ANNA, NOW)
    with store.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.reads)).scalar() == 0
    say(store, ["late"])
    assert seen(store, "is:unread") == "late"
    desk.mark_all_read(store, ANNA)
    assert seen(store, "is:unread") == ""


def test_nobody_sees_or_changes_what_is_not_theirs(store: Store) -> None:
    say(store, ["a"])
    say(store, ["b"], account="bird")
    assert (seen(store, "", CLUB_ONLY), seen(store, "account:bird", CLUB_ONLY)) == ("a", "")
    assert desk.counts(store, parse(""), CLUB_ONLY, NOW).all == 1
    foreign = number(store, "b")
    attempts = (
        lambda: desk.item(store, foreign, CLUB_ONLY, NOW),
        lambda: desk.set_status(store, [number(store, "a"), foreign], "done", CLUB_ONLY, NOW),
        lambda: desk.assign(store, [foreign], None, CLUB_ONLY, NOW),
        lambda: desk.label(store, [foreign], "x", CLUB_ONLY, NOW),
        lambda: desk.unlabel(store, [foreign], "x", CLUB_ONLY, NOW),
        lambda: desk.add_note(store, foreign, "x", CLUB_ONLY, NOW),
        lambda: desk.mark_read(store, [foreign], CLUB_ONLY, NOW),
        lambda: desk.mark_unread(store, [foreign], CLUB_ONLY, NOW),
        lambda: desk.claim(store, foreign, CLUB_ONLY, NOW),
    )
    for attempt in attempts:
        with pytest.raises(UsageError, match=f"no mention {foreign}"):
            attempt()
    assert [event.kind for event in desk.history(store, foreign)] == []
    assert one(store, "a").status == "new"


def test_a_claim_holds_for_two_minutes_and_is_renewed_by_who_has_it(store: Store) -> None:
    say(store, ["a"])
    mention = number(store, "a")
    assert desk.claim(store, mention, ANNA, NOW).mine
    held = desk.claim(store, mention, BORIS, NOW + timedelta(seconds=119))
    assert (held.by.name, held.mine) == ("Anna", False)
    assert desk.claim(store, mention, ANNA, NOW + timedelta(seconds=119)).mine
    shown = desk.claim_of(store, mention, NOW + timedelta(seconds=200), BORIS)
    assert shown is not None
    assert shown.by.name == "Anna"
    assert desk.claim(store, mention, BORIS, NOW + timedelta(seconds=240)).mine
    desk.release(store, mention, ANNA)
    assert desk.claim_of(store, mention, NOW + timedelta(seconds=241), ANNA) is not None
    desk.release(store, mention, BORIS)
    assert desk.claim_of(store, mention, NOW + timedelta(seconds=241), ANNA) is None


FILTERS = (
    "",
    "status:new",
    "status:new,waiting",
    "account:club",
    "account:club,bird status:new",
    "platform:vk",
    "kind:review",
    "kind:review,mention status:new",
    "assignee:me",
    "assignee:nobody",
    "label:odd",
    "label:odd,even",
    "-label:odd",
    "is:unread",
    "-is:unread",
    "is:answered",
    "слово",
    "слово -особое",
    "-особое",
    "особое status:new label:odd",
    "from:borya",
    "after:2026-06-02",
    "before:2026-06-04 after:2026-06-02 account:club",
    "discussion:1",
)


def _fill(store: Store) -> None:
    """Let forty remarks differ in all that a filter can ask."""
    for n in range(40):
        say(
            store,
            [f"m{n}"],
            account=("club", "page", "bird")[n % 3],
            who=("anya", "borya")[n % 2],
            kind=("comment", "comment", "comment", "review", "mention")[n % 5],
            text=f"слово {'особое' if n % 7 == 0 else ''}",
            days=(n * 3) % 8,
        )
    for n in range(0, 36, 3):
        say(store, [f"answer to {n}"], who="us", parent=f"m{n}")
    ids = [number(store, f"m{n}") for n in range(40)]
    desk.set_status(store, ids[::4], "waiting", ANNA, NOW)
    desk.set_status(store, ids[::9], "done", ANNA, NOW)
    desk.assign(store, ids[::6], ANNA.id, ANNA, NOW)
    desk.label(store, ids[1::2], "odd", ANNA, NOW)
    desk.label(store, ids[0::2], "even", ANNA, NOW)
    desk.mark_read(store, ids[:20:3], READER, NOW)
    desk.mark_read(store, ids[:20:2], ANNA, NOW)
    desk.mark_unread(store, ids[:3], ANNA, NOW)


def test_pages_forwards_and_back_hold_each_mention_once_in_order(store: Store) -> None:
    """For every filter: pages of seven, read to the end and back, are the same as all at once."""
    _fill(store)
    for query in FILTERS:
        parsed = parse(query)
        whole = desk.page(store, parsed, ANNA, NOW, limit=100)
        assert (whole.next, whole.previous) == (None, None)
        keys = [item.mention.remote_id for item in whole.items]
        assert len(keys) == len(set(keys)) > 0, query
        pages = [desk.page(store, parsed, ANNA, NOW, limit=7)]
        while pages[-1].next is not None:
            pages.append(desk.page(store, parsed, ANNA, NOW, cursor=pages[-1].next, limit=7))
        assert [item.mention.remote_id for page in pages for item in page.items] == keys, query
        back = [pages[-1]]
        while back[-1].previous is not None:
            back.append(desk.page(store, parsed, ANNA, NOW, cursor=back[-1].previous, limit=7))
        there = list(itertools.chain.from_iterable(page.items for page in reversed(back)))
        assert [item.mention.remote_id for item in there] == keys, query
        assert desk.counts(store, parsed, ANNA, NOW).all == len(keys) or parsed.assignees, query


@pytest.mark.parametrize("cursor", ["x", "n1", "n0.99999999999999999999", "n0.1'; --", "p-1.1"])
def test_a_cursor_that_is_none_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(UsageError, match="page"):
        desk.page(store, parse(""), ANNA, NOW, cursor=cursor)


def test_saved_replies_are_filled_once_and_hold_known_places_only(store: Store) -> None:
    say(store, ["a"], who="{me}")
    desk.save_reply(store, "Спасибо", "Здравствуйте, {author}! — {me} {{x}}".replace("{{x}}", ""), ANNA, NOW)
    (saved,) = desk.saved_replies(store)
    assert desk.filled(saved.text, one(store, "a").mention, ANNA) == "Здравствуйте, {me}! — Anna"
    with pytest.raises(UsageError, match="password"):
        desk.save_reply(store, "Плохо", "{password}", ANNA, NOW)
    with pytest.raises(UsageError, match="longer than"):
        desk.save_reply(store, "Много", "x" * 100_001, ANNA, NOW)
    assert desk.forget_reply(store, saved.id, ANNA, NOW) is True
    assert desk.forget_reply(store, saved.id, ANNA, NOW) is False


def test_what_was_saved_with_format_tricks_stays_text(store: Store) -> None:
    say(store, ["a"], who="Анна")
    mention = one(store, "a").mention
    tricks = "{author.__class__} {0} {author!r} {author:>999999999} {}"
    assert desk.filled(tricks, mention, ANNA) == tricks


def test_views_belong_to_who_saved_them(store: Store) -> None:
    desk.save_view(store, "Мои", "assignee:me", ANNA, NOW)
    desk.save_view(store, "Мои", "assignee:me status:open", ANNA, NOW)
    (view,) = desk.views(store, ANNA)
    assert (view.name, view.query, desk.views(store, BORIS)) == ("Мои", "assignee:me status:open", [])
    assert desk.forget_view(store, view.id, BORIS) is False
    assert desk.forget_view(store, view.id, ANNA) is True
    with pytest.raises(UsageError):
        desk.save_view(store, "Плохо", "status:odd", ANNA, NOW)
