"""Drafts: of what was seen one post is made, by somebody who may, and who did what when is kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from hub.errors import HubError, UsageError
from hub.models import Media
from hub.publishing import drafts
from hub.publishing.drafts import ChangedError, NotAllowed
from hub.store import Store, migrate
from hub.store.outbox import deliveries, posts, uploads
from hub.store.outbox import drafts as shelf
from hub.store.outbox.drafts import Content, Draft
from hub.store.outbox.posts import Picture
from hub.store.running import accounts
from hub.store.verify import verify
from hub.users.roles import Permission, Role, User

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATE = timedelta(days=1)
VERA = User(3, "vera", Role.AUTHOR)
IVAN = User(6, "ivan", Role.AUTHOR)
PETR = User(2, "petr", Role.PUBLISHER)
BORIS = User(5, "boris", Role.PUBLISHER, accounts=frozenset({"far"}))
RITA = User(4, "rita", Role.READER)
BOT = User(7, "bot", Role.OWNER, scopes=frozenset({Permission.DRAFT}))


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store.open(database_url)
    migrate.upgrade(opened)
    names = ("home", "far")
    opened.write(accounts.register, dict.fromkeys(names, "village"), {name: ["publish"] for name in names}, NOW)
    yield opened
    assert verify(opened) == []
    opened.close()


def write(store: Store, by: User = VERA, key: str = "k", **more: Any) -> Draft:
    return drafts.save(store, key, Content(**{"text": "Hello", "accounts": ("home",), **more}), by, NOW)


def asked(store: Store, **more: Any) -> Draft:
    draft = write(store, **more)
    return drafts.submit(store, draft.id, draft.version, VERA, NOW)


def approve(store: Store, draft: Draft, by: User = PETR, seen: int | None = None) -> int:
    return drafts.approve(store, draft.id, seen or draft.version, by, LATE, NOW)


def stored(store: Store) -> list[posts.StoredPost]:
    with store.read() as connection:
        return posts.newest(connection, 10)


def history(store: Store, draft: Draft) -> list[tuple[str, str, int, str]]:
    with store.read() as connection:
        return [
            (event.by, event.what, event.version, event.note) for event in shelf.events_of(connection, draft.id)
        ]


def test_a_draft_holds_all_that_was_written(store: Store) -> None:
    name = store.write(uploads.add, Media(content=b"bytes", mime="image/png"), NOW)
    content = Content(
        text="Hello",
        title="Head",
        link="https://example.org",
        accounts=("far", "home"),
        versions={"far": "Moin", "elsewhere": "kept for later"},
        pictures=(Picture(name, "a picture"),),
        publish_at=NOW + timedelta(days=3),
        utm_source="letter",
        utm_medium="mail",
        utm_campaign="spring",
        advertiser="ООО Ромашка",
        erid="2Vtzq",
    )
    draft = drafts.save(store, "k", content, VERA, NOW)
    found, _events = drafts.load(store, draft.id, VERA)
    assert (found.content, found.state, found.author) == (content, "draft", "vera")


def test_an_approved_draft_becomes_a_post_with_all_of_it(store: Store) -> None:
    name = store.write(uploads.add, Media(content=b"bytes", mime="image/png"), NOW)
    draft = asked(
        store,
        accounts=("far", "home"),
        versions={"far": "Moin", "elsewhere": "no account of it"},
        pictures=(Picture(name, "alt"),),
        publish_at=NOW + timedelta(days=3),
    )
    number = approve(store, draft)
    with store.read() as connection:
        post = posts.get(connection, number)
        images = posts.media_of(connection, number)
        own = posts.versions_of(connection, number)
        rows = deliveries.of_posts(connection, [number])[number]
    assert post is not None
    assert (post.key, post.text, post.publish_at) == ("k", "Hello", NOW + timedelta(days=3))
    assert post.late_after == NOW + timedelta(days=4)
    assert (images, own) == ([Media(content=b"bytes", mime="image/png", alt="alt")], {"far": "Moin"})
    assert [(row.account, row.state, row.due_at) for row in rows] == [
        ("far", "queued", post.publish_at),
        ("home", "queued", post.publish_at),
    ]
    assert history(store, draft) == [
        ("vera", "written", 1, ""),
        ("vera", "asked for approval", 1, ""),
        ("petr", "approved", 1, ""),
    ]


def test_a_time_that_went_by_while_it_waited_means_now(store: Store) -> None:
    approve(store, asked(store, publish_at=NOW - timedelta(hours=5)))
    assert [(post.publish_at, post.late_after) for post in stored(store)] == [(NOW, NOW + LATE)]


def test_approved_twice_it_is_one_post(store: Store) -> None:
    draft = asked(store)
    assert approve(store, draft) == approve(store, draft)
    assert len(stored(store)) == 1


def test_two_processes_that_approve_at_once_make_one_post(store: Store, database_url: str) -> None:
    """Each has a store of its own, as two processes have; the database alone decides."""
    others = [Store.open(database_url) for _ in range(4)]
    for turn in range(5):
        draft = asked(store, key=f"k{turn}")
        gate = threading.Barrier(len(others))
        made: list[int] = []

        def yes(own: Store, draft: Draft = draft, gate: threading.Barrier = gate, made: list[int] = made) -> None:
            gate.wait(10)
            made.append(approve(own, draft))

        threads = [threading.Thread(target=yes, args=(own,)) for own in others]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert (len(made), len(set(made))) == (len(others), 1)
        assert [what for _by, what, _version, _note in history(store, draft)].count("approved") == 1
    for own in others:
        own.close()
    assert len(stored(store)) == 5


def test_an_approval_is_of_the_version_that_was_seen(store: Store) -> None:
    draft = asked(store)
    drafts.save(store, "k", draft.content._replace(text="Worse"), VERA, NOW, draft_id=draft.id, seen=1)
    with pytest.raises(ChangedError):
        approve(store, draft, seen=1)
    assert stored(store) == []


def test_a_change_takes_a_draft_that_waits_back(store: Store) -> None:
    draft = asked(store)
    again = drafts.save(store, "k", draft.content._replace(text="Better"), VERA, NOW, draft_id=draft.id, seen=1)
    assert (again.state, again.version) == ("draft", 2)


def test_saving_the_same_words_changes_nothing(store: Store) -> None:
    draft = asked(store)
    assert drafts.save(store, "k", draft.content, VERA, NOW, draft_id=draft.id, seen=1).state == "approval"
    assert len(history(store, draft)) == 2


def test_the_same_form_sent_twice_is_one_draft(store: Store) -> None:
    assert write(store).id == write(store).id
    with store.read() as connection:
        assert shelf.count(connection) == {"draft": 1}


def test_a_form_from_the_browsers_past_overwrites_only_its_own_writers_words(store: Store) -> None:
    draft = write(store)
    assert write(store, text="Mine, later").version == 2
    drafts.save(store, "k", draft.content._replace(text="Petr's"), PETR, NOW, draft_id=draft.id, seen=2)
    with pytest.raises(ChangedError):
        write(store, text="Mine, from long ago")


def test_who_saves_over_a_change_that_they_did_not_see_is_told(store: Store) -> None:
    draft = write(store)
    drafts.save(store, "k", draft.content._replace(text="One"), VERA, NOW, draft_id=draft.id, seen=1)
    with pytest.raises(ChangedError):
        drafts.save(store, "k", draft.content._replace(text="Two"), PETR, NOW, draft_id=draft.id, seen=1)


def test_a_declined_draft_can_be_changed_and_asked_for_again(store: Store) -> None:
    draft = asked(store)
    drafts.decline(store, draft.id, 1, PETR, NOW, "too loud")
    again = drafts.save(store, "k", draft.content._replace(text="Quiet"), VERA, NOW, draft_id=draft.id, seen=1)
    assert drafts.submit(store, draft.id, again.version, VERA, NOW).state == "approval"
    assert ("petr", "declined", 1, "too loud") in history(store, draft)


DEEDS: dict[str, Callable[[Store, Draft, User], object]] = {
    "change": lambda store, draft, by: drafts.save(
        store, "k", draft.content._replace(text="X"), by, NOW, draft_id=draft.id, seen=1
    ),
    "approve": lambda store, draft, by: approve(store, draft, by),
    "decline": lambda store, draft, by: drafts.decline(store, draft.id, 1, by, NOW),
    "discard": lambda store, draft, by: drafts.discard(store, draft.id, 1, by),
}


@pytest.mark.parametrize(
    ("by", "may"),
    [
        (VERA, {"change", "discard"}),
        (IVAN, set()),
        (PETR, {"change", "approve", "decline", "discard"}),
        (BORIS, set()),
        (RITA, set()),
        (BOT, set()),
    ],
    ids=lambda value: value.name if isinstance(value, User) else "",
)
@pytest.mark.parametrize("deed", DEEDS)
def test_who_may_do_what_to_a_draft_of_another_for_home(store: Store, by: User, may: set[str], deed: str) -> None:
    draft = asked(store)
    if deed in may:
        DEEDS[deed](store, draft, by)
    else:
        with pytest.raises(NotAllowed):
            DEEDS[deed](store, draft, by)
        assert drafts.load(store, draft.id, VERA)[0] == draft


def test_who_publishes_on_one_account_cannot_approve_for_two(store: Store) -> None:
    with pytest.raises(NotAllowed):
        approve(store, asked(store, accounts=("far", "home")), BORIS)
    assert stored(store) == []


def test_nobody_writes_for_an_account_that_is_not_theirs(store: Store) -> None:
    with pytest.raises(NotAllowed):
        write(store, BORIS, accounts=("far", "home"))
    with pytest.raises(NotAllowed):
        write(store, RITA)


@pytest.mark.parametrize(
    "content", [Content(text="To nobody"), Content(text="  ", accounts=("home",))], ids=["no account", "empty"]
)
def test_what_is_not_complete_is_neither_asked_for_nor_approved(store: Store, content: Content) -> None:
    draft = drafts.save(store, "k", content, VERA, NOW)
    for deed in (lambda: drafts.submit(store, draft.id, 1, VERA, NOW), lambda: approve(store, draft)):
        with pytest.raises(UsageError):
            deed()
    assert stored(store) == []


def test_what_became_a_post_is_changed_and_thrown_away_no_more(store: Store) -> None:
    draft = asked(store)
    approve(store, draft)
    for deed in ("change", "discard"):
        with pytest.raises(HubError):
            DEEDS[deed](store, draft, PETR)
    assert drafts.load(store, draft.id, PETR)[0].content.text == "Hello"


def test_a_draft_is_listed_for_its_author_and_for_those_who_have_its_accounts(store: Store) -> None:
    write(store)
    write(store, key="k2", accounts=("far",))
    with store.read() as connection:

        def listed(user: User) -> list[str]:
            found = shelf.newest(connection, drafts.OPEN, scope=user.accounts, author_id=user.id)
            return [draft.key for draft in found]

        assert listed(PETR) == ["k2", "k"]
        assert listed(BORIS) == ["k2"]
        assert listed(VERA._replace(accounts=frozenset())) == ["k2", "k"]


def test_an_image_that_nobody_saved_is_forgotten_after_a_week_and_a_saved_one_is_not(store: Store) -> None:
    lost, kept = (store.write(uploads.add, Media(content=data, mime="image/png"), NOW) for data in (b"1", b"2"))
    write(store, pictures=(Picture(kept, ""),))
    new = store.write(uploads.add, Media(content=b"3", mime="image/png"), NOW + timedelta(days=8))
    with store.read() as connection:
        assert set(uploads.load(connection, [lost, kept, new])) == {kept, new}


def test_an_image_that_is_gone_keeps_the_draft_from_going_out(store: Store) -> None:
    name = store.write(uploads.add, Media(content=b"1", mime="image/png"), NOW)
    draft = asked(store, pictures=(Picture(name, ""),))
    with store.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM draft_media"))
        connection.execute(sa.text("DELETE FROM media"))
    piece = draft.content
    with pytest.raises(UsageError, match="image"):
        drafts.piece_of(store, piece, "k")
