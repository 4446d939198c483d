"""What only WordPress has, against the double: slugs, held comments, scheduled posts, rights, the flood."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pydantic
import pytest

from hub import (
    AuthError,
    DuplicateError,
    GoneError,
    Media,
    Mention,
    Post,
    RejectedError,
    StaleCursor,
    Thread,
    TransientError,
    UnknownOutcome,
)
from hub.testing import Reply, Request, faults, open_adapter
from plugins.wordpress import WordPress
from plugins.wordpress.sandbox import PASSWORD, WordPressDouble
from plugins.wordpress.sandbox_form import Article

PNG = Media(content=b"\x89PNG one", mime="image/png", alt="One")


@pytest.fixture
def double() -> Iterator[WordPressDouble]:
    with WordPressDouble() as double:
        yield double


@pytest.fixture
def opened(double: WordPressDouble) -> Iterator[Callable[..., WordPress]]:
    made: list[WordPress] = []

    def open_one(deadline: float = 2.0, **settings: Any) -> WordPress:
        made.append(open_adapter(WordPress, {**double.account(), **settings}, deadline=deadline))
        return made[-1]

    yield open_one
    for adapter in made:
        adapter.http.close()


@pytest.fixture
def blog(opened: Callable[..., WordPress]) -> WordPress:
    return opened()


def only(double: WordPressDouble, number: str) -> Article:
    post = double.posts[number]
    assert isinstance(post, Article)
    return post


def new(blog: WordPress, cursor: str | None) -> tuple[set[str], str]:
    """Return the ids of the mentions since a cursor, and the new cursor."""
    batches = list(blog.fetch_mentions(cursor))
    assert batches[-1].cursor is not None
    return {item.remote_id for batch in batches for item in batch.items}, batches[-1].cursor


def making(request: Request) -> bool:
    return request.method == "POST" and request.path.endswith("/posts")


# Publishing


def test_a_post_is_made_of_the_settings(double: WordPressDouble, opened: Callable[..., WordPress]) -> None:
    blog = opened(
        categories=["News & Views", 1], comment_status="closed", status="private", excerpt=True, author=5
    )
    made = blog.publish(Post(title="Щи & каша", text="First\n\nSecond", media=(PNG, PNG), key="7@blog"))
    held = only(double, made.remote_id)
    assert (held.title, held.text) == ("Щи & каша", "First\n\nSecond")
    assert held.slug.startswith("schi-kasha-h")
    assert (held.categories, held.comment_status, held.status, held.author) == ([7, 1], "closed", "private", 5)
    assert (held.excerpt, held.alts, len(double.uploads)) == ("First", ["One", "One"], 1)


def test_a_category_that_is_not_there_is_named(opened: Callable[..., WordPress]) -> None:
    blog = opened(categories=["Sport"])
    with pytest.raises(RejectedError, match="no category Sport"):
        blog.check()
    with pytest.raises(RejectedError, match="no category Sport"):
        blog.publish(Post(text="x", key="k"))


def test_a_lost_post_is_found_although_its_title_was_changed(double: WordPressDouble, blog: WordPress) -> None:
    double.inject(faults.LOST, making)
    with pytest.raises(UnknownOutcome):
        blog.publish(Post(title="A tpyo", text="x", key="k"))
    found = blog.find(Post(title="A typo", text="x", key="k", since=datetime.now(UTC)))
    assert found is not None
    assert [found.remote_id] == list(double.posts)


def test_a_post_that_is_there_is_not_even_sent(double: WordPressDouble, blog: WordPress) -> None:
    post = Post(title="T", text="x", key="k")
    assert blog.publish(post) == blog.publish(post)
    assert sum(map(making, double.calls)) == 1


def test_a_post_out_of_sight_is_not_called_absent(double: WordPressDouble, blog: WordPress) -> None:
    for number in range(100):
        double.write("", "<p>x</p>", slug=f"s{number}")
    since = datetime.now(UTC) - timedelta(minutes=1)
    with pytest.raises(UnknownOutcome, match="100 newest"):
        blog.find(Post(text="x", key="k", since=since))
    assert blog.find(Post(text="x", key="k", since=datetime.now(UTC) + timedelta(minutes=1))) is None


def test_an_attempt_that_is_stored_late_is_adopted(double: WordPressDouble, blog: WordPress) -> None:
    """The first attempt is stored between our look and our second attempt: WordPress makes the slug unique."""
    post = Post(text="slow", key="k")
    first: list[str] = []

    def meanwhile(request: Request) -> None:
        if request.query.get("slug") and not first:
            made = double._publish({"content": "<p>slow</p>", "slug": request.query["slug"], "status": "publish"})
            first.append(made.id)

    double.after = meanwhile
    with pytest.raises(DuplicateError):
        blog.publish(post)
    assert list(double.posts) == first
    found = blog.find(post)
    assert found is not None
    assert found.remote_id == first[0]


def test_a_second_copy_that_cannot_be_taken_back_is_said(double: WordPressDouble, blog: WordPress) -> None:
    def meanwhile(request: Request) -> None:
        double.after = None
        double._publish({"content": "<p>slow</p>", "slug": request.query["slug"], "status": "publish"})

    double.after = meanwhile
    refused = faults.answered(Reply({"code": "x", "message": "No, never", "data": {}}, status=403))
    double.inject(refused, lambda request: request.method == "DELETE")
    with pytest.raises(UnknownOutcome, match="is there twice"):
        blog.publish(Post(text="slow", key="k"))
    assert len(double.posts) == 2


def test_an_image_is_uploaded_once_whatever_its_post_becomes(double: WordPressDouble, blog: WordPress) -> None:
    post = Post(text="x", media=(PNG,), key="k")
    made = blog.publish(post)
    for text in ("y", "z"):
        blog.edit(made.remote_id, Post(text=text, media=(PNG,)))
    assert (len(double.uploads), only(double, made.remote_id).alts) == (1, ["One"])


def test_an_edit_leaves_what_the_post_does_not_say(double: WordPressDouble, blog: WordPress) -> None:
    made = blog.publish(Post(title="T", text="x", media=(PNG,), key="k"))
    slug = only(double, made.remote_id).slug
    blog.edit(made.remote_id, Post(text="y"))
    held = only(double, made.remote_id)
    assert (held.title, held.slug, held.text, held.status) == ("T", slug, "y", "publish")
    assert held.featured in double.uploads


def test_a_deletion_is_to_the_trash_or_for_good(double: WordPressDouble, opened: Callable[..., WordPress]) -> None:
    blog = opened()
    first, second = (blog.publish(Post(text="x", key=key)).remote_id for key in "ab")
    blog.delete(first)
    assert list(double.trashed) == [first]
    opened(trash=False).delete(second)
    assert not double.posts
    assert list(double.trashed) == [first]


def test_a_site_without_a_trash_says_so(double: WordPressDouble, blog: WordPress) -> None:
    double.has_trash = False
    made = blog.publish(Post(text="x", key="k"))
    with pytest.raises(RejectedError) as caught:
        blog.delete(made.remote_id)
    assert "trash = false" in caught.value.hint


def test_a_page_that_is_not_found_is_no_post_that_is_gone(double: WordPressDouble, blog: WordPress) -> None:
    made = blog.publish(Post(text="x", key="k"))
    page = Reply(status=404, body=b"<html>nginx</html>", content_type="text/html")
    double.inject(faults.answered(page), times=50)
    with pytest.raises(TransientError):
        blog.delete(made.remote_id)
    with pytest.raises(TransientError):
        blog.edit(made.remote_id, Post(text="y"))


# Reading


def test_a_held_comment_is_a_mention_when_it_is_approved(
    double: WordPressDouble, opened: Callable[..., WordPress]
) -> None:
    blog, frank = opened(), opened(held=True)
    post = blog.publish(Post(text="x", key="k")).remote_id
    (_, ours), (_, theirs) = new(blog, None), new(frank, None)
    guest = double.add_guest("A. Guest", "guest@example.org")
    said = double.say(guest, post, "Buy my watches")
    double.held_remarks.add(said)
    found, ours = new(blog, ours)
    assert said not in found
    assert said in new(frank, theirs)[0]
    # Longer ago than the overlap: only the cursor's memory brings it back.
    double.remarks[said].sent_at -= timedelta(hours=3)
    later = double.say(guest, post, "And now?")
    found, ours = new(blog, ours)
    assert found == {later}
    double.held_remarks.clear()
    found, ours = new(blog, ours)
    assert said in found
    assert "waiting" not in json.loads(ours)


def test_a_held_comment_that_is_thrown_away_is_forgotten(double: WordPressDouble, blog: WordPress) -> None:
    post = blog.publish(Post(text="x", key="k")).remote_id
    said = double.say(double.add_guest("A. Guest", "g@example.org"), post, "Spam")
    double.held_remarks.add(said)
    _, cursor = new(blog, None)
    assert json.loads(cursor)["waiting"]
    double.delete_remark(said)
    found, cursor = new(blog, cursor)
    assert (found, "waiting" in json.loads(cursor)) == (set(), False)


def test_who_may_not_moderate_reads_the_public(double: WordPressDouble, opened: Callable[..., WordPress]) -> None:
    post = opened().publish(Post(text="x", key="k")).remote_id
    person = double.add_person("Anna", "anna")
    held, said = (double.say(person, post, text) for text in ("Held", "Said"))
    double.held_remarks.add(held)
    double.role = "author"
    assert new(opened(), None)[0] == {said}
    double.role = "subscriber"
    assert new(opened(), None)[0] == {said}


def test_comments_that_may_not_be_read_hide_no_others(double: WordPressDouble, blog: WordPress) -> None:
    """WordPress counts what it then leaves out: a page may be empty and not be the last."""
    post = blog.publish(Post(text="x", key="k")).remote_id
    person = double.add_person("Anna", "anna")
    _, cursor = new(blog, None)
    closed = {double.say(person, post, f"Closed {number}") for number in range(130)}
    said = double.say(person, post, "Said")
    numbers = {int(one.rpartition("-")[2]) for one in closed}
    double.arrange = lambda page: [item for item in page if item["id"] not in numbers]
    assert new(blog, cursor)[0] == {said}


def test_a_crowd_in_one_second_costs_a_call_a_page(double: WordPressDouble, blog: WordPress) -> None:
    post = blog.publish(Post(text="x", key="k")).remote_id
    person = double.add_person("Anna", "anna")
    _, cursor = new(blog, None)
    wanted = {double.say(person, post, f"Number {number}") for number in range(250)}
    for remark in double.remarks.values():
        remark.sent_at = datetime.now(UTC).replace(microsecond=0)
    double.calls.clear()
    assert new(blog, cursor)[0] == wanted
    assert len(double.calls) == 3


def test_the_hour_that_comes_twice_is_read_twice(double: WordPressDouble, blog: WordPress) -> None:
    """Summer time ends: the site's clock goes back an hour, and WordPress compares by it."""
    from zoneinfo import ZoneInfo

    object.__setattr__(double.form, "zone", ZoneInfo("Europe/Berlin"))
    post = blog.publish(Post(text="x", key="k")).remote_id
    person = double.add_person("Anna", "anna")
    summer = datetime(2026, 10, 25, 0, 50, tzinfo=UTC)  # 02:50
    double.remarks[double.say(person, post, "Before")].sent_at = summer
    _, cursor = new(blog, None)
    after = double.say(person, post, "After")
    double.remarks[after].sent_at = summer + timedelta(minutes=20)  # 02:10
    assert after in new(blog, cursor)[0]


def test_a_scheduled_post_appears_when_it_is_due(double: WordPressDouble, blog: WordPress) -> None:
    (batch,) = blog.fetch_posts(None)
    due = datetime.now(UTC) + timedelta(hours=5)
    number = double.write("Later", "<p>x</p>", status="future", sent_at=due)
    only(double, number).modified = datetime.now(UTC)
    *_, batch = blog.fetch_posts(batch.cursor)
    assert [item.deleted for item in batch.items] == [True]
    # It is published, and both its times are older than anything that is read again.
    only(double, number).sent_at = datetime.now(UTC) - timedelta(hours=4)
    only(double, number).modified = datetime.now(UTC) - timedelta(hours=5)
    other = double.write("Now", "<p>y</p>")
    *_, batch = blog.fetch_posts(batch.cursor)
    assert {item.remote_id for item in batch.items if not item.deleted} == {number, other}


def test_a_post_in_the_future_does_not_carry_the_cursor_away(double: WordPressDouble, blog: WordPress) -> None:
    """A post that is made as a scheduled one is modified in the future, too, for WordPress."""
    (batch,) = blog.fetch_posts(None)
    double.write("Later", "<p>x</p>", status="future", sent_at=datetime.now(UTC) + timedelta(days=30))
    *_, batch = blog.fetch_posts(batch.cursor)
    number = double.write("Now", "<p>y</p>")
    *_, batch = blog.fetch_posts(batch.cursor)
    assert number in {item.remote_id for item in batch.items if not item.deleted}


def test_what_is_withdrawn_comes_as_deleted(double: WordPressDouble, blog: WordPress) -> None:
    trashed, drafted, closed = (double.write(name, "<p>x</p>", slug=name) for name in ("a", "b", "c"))
    *_, batch = blog.fetch_posts(None)
    assert not any(item.deleted for item in batch.items)
    blog.delete(trashed)
    only(double, drafted).status = "draft"
    only(double, closed).password = "secret"
    *_, batch = blog.fetch_posts(batch.cursor)
    assert {item.remote_id: item.deleted for item in batch.items} == dict.fromkeys(
        (trashed, drafted, closed), True
    )


def test_only_the_authors_own_posts_are_read(double: WordPressDouble, opened: Callable[..., WordPress]) -> None:
    theirs, ours = double.write("A", "<p>x</p>", author=4), double.write("B", "<p>x</p>", author=5)
    (batch,) = opened(author=5).fetch_posts(None)
    assert [item.remote_id for item in batch.items] == [ours]
    (batch,) = opened().fetch_posts(None)
    assert {item.remote_id for item in batch.items} == {theirs, ours}


def test_the_excerpt_is_read_where_the_settings_say_so(
    double: WordPressDouble, opened: Callable[..., WordPress]
) -> None:
    double.write("A", "<p>At length</p>", excerpt="In short")
    assert [[item.text for item in batch.items] for batch in opened(reads="excerpt").fetch_posts(None)] == [
        ["In short"]
    ]


def test_a_cursor_of_somebody_else_is_read_from_the_start(blog: WordPress) -> None:
    with pytest.raises(StaleCursor):
        list(blog.fetch_mentions("2026-01-01"))


def test_a_page_whose_comments_are_gone_stands(double: WordPressDouble, blog: WordPress) -> None:
    """Comments stand under pages too, which are no posts."""
    page = {"id": 77, "link": f"{double.url}/about/", "status": "publish"}
    double.inject(faults.answered(Reply(page)), lambda request: request.path.endswith("/pages/77"))
    (batch,) = blog.fetch_replies(Thread(remote_id="77"), None)
    assert (batch.items, batch.complete) == ([], True)
    with pytest.raises(GoneError):
        list(blog.fetch_replies(Thread(remote_id="78"), None))


# Answering


def test_comments_of_other_sites_go_back_under_the_post(double: WordPressDouble, blog: WordPress) -> None:
    post = blog.publish(Post(text="x", key="k"))
    digest = Post(text="Anna on VK: 5 < 6 & so", reply_to=post, key="k.1")
    made = blog.publish(digest)
    remark = double.remarks[made.remote_id]
    assert (remark.post_id, remark.parent_id, remark.text) == (post.remote_id, None, digest.text)
    assert blog.find(digest) == made
    assert blog.find(Post(text="Another", reply_to=post, key="k.2")) is None
    with pytest.raises(DuplicateError):
        blog.publish(digest)
    blog.edit(made.remote_id, Post(text="Anna & Ben"))
    assert double.remarks[made.remote_id].text == "Anna & Ben"
    blog.delete(made.remote_id)
    blog.delete(made.remote_id)
    assert double.remarks[made.remote_id].deleted


def test_an_answer_to_the_post_itself_is_a_comment_at_the_top(double: WordPressDouble, blog: WordPress) -> None:
    post = blog.publish(Post(text="x", key="k")).remote_id
    made = blog.reply(Mention(remote_id=post, thread_id=post), "Thank you all")
    assert (double.remarks[made.remote_id].post_id, double.remarks[made.remote_id].parent_id) == (post, None)


def test_a_flood_is_waited_for(double: WordPressDouble, opened: Callable[..., WordPress]) -> None:
    double.role = "author"
    blog = opened()
    post = blog.publish(Post(text="x", key="k")).remote_id
    person = double.add_person("Anna", "anna")
    first, second = (Mention(remote_id=double.say(person, post, text), thread_id=post) for text in "ab")
    blog.reply(first, "One")
    with pytest.raises(TransientError) as caught:
        blog.reply(second, "Two")
    assert caught.value.retry_after == 15
    assert sum(request.method == "POST" and "comments" in request.path for request in double.calls) == 2


# Who we are


def test_check_says_what_the_user_may_not(double: WordPressDouble, opened: Callable[..., WordPress]) -> None:
    me = opened().check()
    assert (me.remote_id, me.name, me.missing) == (f"127.0.0.1:{double.port}#user-1", "Our company", [])
    double.role = "author"
    assert opened(author=9).check().missing == ["edit_others_posts"]
    double.role = "subscriber"
    assert opened().check().missing == ["edit_posts", "upload_files", "publish_posts"]
    assert opened(status="draft").check().missing == ["edit_posts", "upload_files"]


def test_a_user_who_may_not_write_pauses_the_account(double: WordPressDouble, blog: WordPress) -> None:
    double.role = "subscriber"
    with pytest.raises(AuthError):
        blog.publish(Post(text="x", key="k"))
    with pytest.raises(AuthError):
        list(blog.fetch_posts(None))


def test_spaces_in_a_password_are_for_people(double: WordPressDouble, opened: Callable[..., WordPress]) -> None:
    assert opened(password=PASSWORD.replace(" ", "")).check() == opened().check()


@pytest.mark.parametrize(
    "api_url",
    [
        "https://example.org/blog",
        "https://example.org/blog/",
        "https://example.org/blog/wp-json",
        "https://example.org/blog/wp-json/wp/v2/",
        "https://example.org/blog/?rest_route=/",
        "https://example.org/blog/index.php?rest_route=/",
    ],
)
def test_one_site_has_one_name_however_it_is_written(api_url: str) -> None:
    settings = WordPress.Settings(api_url=api_url, user="u", password=pydantic.SecretStr("p"))
    assert WordPress.page(settings) == "example.org/blog"


@pytest.mark.parametrize("api_url", ["", "example.org", "ftp://example.org", "https://"])
def test_what_is_no_address_is_refused_at_start(api_url: str) -> None:
    with pytest.raises(pydantic.ValidationError, match="write the site's address"):
        WordPress.Settings(api_url=api_url, user="u", password=pydantic.SecretStr("p"))
