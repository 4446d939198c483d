"""What the RSS plugin does against a double of a blog: reading, remembering, moving, refusing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from hub import AuthError, Batch, GoneError, HubError, Media, RejectedError, RemotePost, TransientError
from hub.publishing.media import read_image
from hub.testing import Reply, Request, faults, open_adapter
from plugins.rss import RssAdapter, register_adapters
from plugins.rss.sandbox import BlogDouble, Format

FORMATS: list[Format] = ["rss", "atom", "json"]
START = datetime(2024, 5, 1, tzinfo=UTC)
SECRET = "a-token-nobody-may-see"


@pytest.fixture
def blog() -> Iterator[BlogDouble]:
    with BlogDouble() as blog:
        yield blog


@pytest.fixture
def opened() -> Iterator[Callable[..., RssAdapter]]:
    made: list[RssAdapter] = []

    def opened(settings: dict[str, Any], **more: Any) -> RssAdapter:
        made.append(open_adapter(RssAdapter, {**settings, **more}, deadline=2.0))
        return made[-1]

    yield opened
    for adapter in made:
        adapter.http.close()


@pytest.fixture
def feed(blog: BlogDouble, opened: Callable[..., RssAdapter]) -> RssAdapter:
    return opened(blog.account())


def read(adapter: RssAdapter, cursor: str | None = None) -> tuple[list[RemotePost], str]:
    batches = list(adapter.fetch_posts(cursor))
    last = batches[-1].cursor
    assert last is not None
    return [post for batch in batches for post in batch.items], last


def fill(blog: BlogDouble, count: int, first: int = 1) -> list[str]:
    return [
        blog.publish(f"Post {n}", f"<p>Text {n}</p>", f"p{n}", published=START + timedelta(hours=n))
        for n in range(first, first + count)
    ]


def asking_for(path: str) -> Callable[[Request], bool]:
    return lambda request: request.path == path


# Who we are


def test_the_plugin_registers_one_adapter() -> None:
    assert register_adapters() == [RssAdapter]


def test_importing_the_plugin_loads_no_parser() -> None:
    code = "import plugins.rss, sys; print([m for m in sys.modules if m.startswith(('feedparser', 'defused'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("format", "kind"), [("rss", "RSS 2.0"), ("atom", "Atom"), ("json", "JSON Feed 1.1")])
def test_check_says_which_feed_it_is(
    blog: BlogDouble, opened: Callable[..., RssAdapter], format: Format, kind: str
) -> None:
    identity = opened(blog.account(format)).check()
    assert (identity.name, identity.url, identity.kind) == ("Our blog & more", f"{blog.url}/", kind)
    assert len(blog.calls) == 1


def test_the_host_comes_from_the_url_unless_api_url_names_another(blog: BlogDouble) -> None:
    there = RssAdapter.Settings(url="https://blog.example/feed.xml?k=1#top")
    assert (there.api_url, there.feed) == ("https://blog.example", "https://blog.example/feed.xml?k=1")
    here = RssAdapter.Settings(url="https://blog.example/feed.xml?k=1", api_url=blog.url)
    assert here.feed == f"{blog.url}/feed.xml?k=1"


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "feed.xml", "ftp://blog.example/feed", "https://", "http://["]
)
def test_a_url_that_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        RssAdapter.Settings(url=url)


def test_a_login_inside_the_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValidationError, match="give user and password as settings") as refused:
        RssAdapter.Settings(url=f"https://me:{SECRET}@blog.example/feed")
    assert SECRET not in str(refused.value)


def test_the_page_is_the_address_with_its_query_hidden() -> None:
    one, two = (RssAdapter.page(RssAdapter.Settings(url=f"https://Blog.example/f?key={n}")) for n in (SECRET, "2"))
    assert one != two
    assert one.startswith("blog.example/f?")
    assert SECRET not in one


# Reading


@pytest.mark.parametrize("format", FORMATS)
def test_a_post_comes_with_its_text_link_and_images(
    blog: BlogDouble, opened: Callable[..., RssAdapter], format: Format
) -> None:
    html = '<p>Ships &amp; sails.</p><p>More <a href="/x">here</a>.</p><img src="/images/b.png" alt="A mast">'
    id = blog.publish("Ships & <sails>", html, "ships", images=[("a.png", "A harbour")], published=START)
    posts, _ = read(opened(blog.account(format)))
    assert posts == [
        RemotePost(
            remote_id=id,
            title="Ships & <sails>",
            text="Ships & sails.\n\nMore here.",
            link=f"{blog.url}/posts/ships",
            url=f"{blog.url}/posts/ships",
            media=(
                Media(url=f"{blog.url}/images/a.png", mime="image/png", alt="A harbour"),
                Media(url=f"{blog.url}/images/b.png", alt="A mast"),
            ),
            sent_at=START,
        )
    ]


def test_the_images_of_the_double_are_real_ones(blog: BlogDouble, feed: RssAdapter) -> None:
    blog.publish("T", "x", "t", images=["a.png"])
    (post,), _ = read(feed)
    assert read_image(feed.http.fetch(post.media[0].url).body, "a.png").mime == "image/png"


@pytest.mark.parametrize("format", FORMATS)
def test_posts_come_oldest_first(blog: BlogDouble, opened: Callable[..., RssAdapter], format: Format) -> None:
    ids = fill(blog, 5)
    posts, _ = read(opened(blog.account(format)))
    assert [post.remote_id for post in posts] == ids


def test_a_first_read_of_an_empty_feed_leaves_a_cursor(feed: RssAdapter) -> None:
    posts, cursor = read(feed)
    assert posts == []
    assert cursor


def test_an_unchanged_feed_costs_one_call_and_keeps_its_cursor(blog: BlogDouble, feed: RssAdapter) -> None:
    fill(blog, 3)
    _, cursor = read(feed)
    assert list(feed.fetch_posts(cursor)) == [Batch((), cursor)]
    assert len(blog.calls) == 2


def test_the_validators_go_back_byte_for_byte(blog: BlogDouble, feed: RssAdapter) -> None:
    odd = {"ETag": 'W/"a b;c"', "Last-Modified": "last tuesday"}
    body = b"<rss version='2.0'><channel><item><guid>1</guid></item></channel></rss>"
    blog.inject(faults.answered(Reply(body=body, content_type="text/xml", headers=odd)))
    _, cursor = read(feed)
    read(feed, cursor)
    sent = blog.calls[-1].headers
    assert (sent["if-none-match"], sent["if-modified-since"]) == ('W/"a b;c"', "last tuesday")


def test_a_validator_that_no_header_may_hold_is_left_out(blog: BlogDouble, feed: RssAdapter) -> None:
    body = b"<rss version='2.0'><channel><item><guid>1</guid></item></channel></rss>"
    blog.inject(faults.answered(Reply(body=body, content_type="text/xml", headers={"ETag": '"caf\u00e9"'})))
    _, cursor = read(feed)
    read(feed, cursor)
    assert "if-none-match" not in blog.calls[-1].headers


def test_a_feed_without_validators_is_known_by_its_bytes(blog: BlogDouble, feed: RssAdapter) -> None:
    blog.validators = False
    fill(blog, 3)
    _, cursor = read(feed)
    assert list(feed.fetch_posts(cursor)) == [Batch((), cursor)]


@pytest.mark.parametrize("format", FORMATS)
def test_a_new_post_is_seen(blog: BlogDouble, opened: Callable[..., RssAdapter], format: Format) -> None:
    adapter = opened(blog.account(format))
    fill(blog, 3)
    _, cursor = read(adapter)
    (new,) = fill(blog, 1, first=4)
    assert read(adapter, cursor)[0][-1].remote_id == new


@pytest.mark.parametrize("format", FORMATS)
def test_an_edit_and_a_new_address_keep_the_id(
    blog: BlogDouble, opened: Callable[..., RssAdapter], format: Format
) -> None:
    adapter = opened(blog.account(format))
    (id,) = fill(blog, 1)
    _, cursor = read(adapter)
    blog.edit(id, html="<p>Better</p>", title="New title", slug="elsewhere")
    ((post,), _) = read(adapter, cursor)
    assert (post.remote_id, post.text, post.title) == (id, "Better", "New title")
    assert post.link == f"{blog.url}/posts/elsewhere"
    assert post.edited_at is not None


def test_a_tombstone_is_read_as_a_deletion(blog: BlogDouble, opened: Callable[..., RssAdapter]) -> None:
    adapter = opened(blog.account("atom"))
    kept, dropped = fill(blog, 2)
    _, cursor = read(adapter)
    blog.delete(dropped)
    posts, _ = read(adapter, cursor)
    assert {post.remote_id: post.deleted for post in posts} == {kept: False, dropped: True}


def test_leaving_the_window_is_no_deletion(blog: BlogDouble, feed: RssAdapter) -> None:
    fill(blog, 20)
    _, cursor = read(feed)
    fill(blog, 5, first=21)
    posts, _ = read(feed, cursor)
    assert not any(post.deleted for post in posts)


def test_a_cursor_that_cannot_be_read_starts_anew(blog: BlogDouble, feed: RssAdapter) -> None:
    fill(blog, 1)
    assert len(read(feed, "not ours")[0]) == 1


# The window and the archives


@pytest.mark.parametrize("format", FORMATS)
def test_no_post_is_skipped_when_more_appeared_than_the_window_holds(
    blog: BlogDouble, opened: Callable[..., RssAdapter], format: Format
) -> None:
    adapter = opened(blog.account(format))
    fill(blog, 5)
    _, cursor = read(adapter)
    new = fill(blog, 50, first=6)
    posts, _ = read(adapter, cursor)
    assert set(new) <= {post.remote_id for post in posts}
    assert [post.sent_at for post in posts] == sorted(post.sent_at for post in posts if post.sent_at)


def test_no_post_is_skipped_after_a_first_read_of_an_empty_feed(blog: BlogDouble, feed: RssAdapter) -> None:
    _, cursor = read(feed)
    new = fill(blog, 30)
    posts, _ = read(feed, cursor)
    assert [post.remote_id for post in posts] == new


def test_archives_go_out_with_the_old_cursor_so_that_a_crash_skips_nothing(
    blog: BlogDouble, feed: RssAdapter
) -> None:
    fill(blog, 5)
    _, cursor = read(feed)
    fill(blog, 50, first=6)
    *archives, last = feed.fetch_posts(cursor)
    assert archives
    assert {batch.cursor for batch in archives} == {cursor}
    assert last.cursor != cursor


def test_a_first_read_does_not_dig_in_the_archives(blog: BlogDouble, feed: RssAdapter) -> None:
    fill(blog, 50)
    assert len(read(feed)[0]) == 20
    assert len(blog.calls) == 1


def test_archives_are_left_alone_while_a_known_post_is_in_the_window(blog: BlogDouble, feed: RssAdapter) -> None:
    fill(blog, 30)
    _, cursor = read(feed)
    fill(blog, 10, first=31)
    read(feed, cursor)
    assert len(blog.calls) == 2


def test_a_broken_archive_does_not_hold_up_the_feed(blog: BlogDouble, feed: RssAdapter) -> None:
    fill(blog, 5)
    _, cursor = read(feed)
    new = fill(blog, 50, first=6)
    blog.inject(faults.answered(Reply(status=404, body=b"")), lambda request: "page" in request.query)
    posts, after = read(feed, cursor)
    assert [post.remote_id for post in posts] == new[-20:]
    assert after != cursor


def test_archives_that_lead_in_circles_end(blog: BlogDouble, feed: RssAdapter) -> None:
    loop = (
        "<rss version='2.0' xmlns:a='http://www.w3.org/2005/Atom'><channel><a:link rel='next' href='/feed.xml'/>{}"
    )
    for n in range(4):
        body = loop.format(f"<item><guid>{n}</guid></item></channel></rss>").encode()
        blog.inject(faults.answered(Reply(body=body, content_type="text/xml")))
    _, cursor = read(feed)
    read(feed, cursor)
    assert len(blog.calls) == 3


# Moving


@pytest.mark.parametrize("status", [301, 308])
def test_a_permanent_redirect_is_remembered(blog: BlogDouble, feed: RssAdapter, status: int) -> None:
    fill(blog, 1)
    blog.moved["/feed.xml"] = (status, "/atom.xml")
    posts, cursor = read(feed)
    assert len(posts) == 1
    read(feed, cursor)
    assert [call.path for call in blog.calls] == ["/feed.xml", "/atom.xml", "/atom.xml"]


@pytest.mark.parametrize("status", [302, 307])
def test_a_temporary_redirect_is_followed_and_forgotten(blog: BlogDouble, feed: RssAdapter, status: int) -> None:
    fill(blog, 1)
    blog.moved["/feed.xml"] = (status, "/atom.xml")
    _, cursor = read(feed)
    read(feed, cursor)
    assert [call.path for call in blog.calls] == ["/feed.xml", "/atom.xml"] * 2


def test_a_redirect_on_an_unchanged_feed_is_remembered_too(blog: BlogDouble, feed: RssAdapter) -> None:
    fill(blog, 1)
    _, cursor = read(feed)
    blog.moved["/feed.xml"] = (301, "/new.xml")
    blog.inject(faults.answered(Reply(status=304, body=b"")), asking_for("/new.xml"))
    posts, cursor = read(feed, cursor)
    assert posts == []
    assert json.loads(cursor)["url"] == f"{blog.url}/new.xml"


def test_a_feed_gone_from_where_it_moved_is_asked_for_at_home(blog: BlogDouble, feed: RssAdapter) -> None:
    fill(blog, 1)
    blog.moved["/feed.xml"] = (301, "/atom.xml")
    _, cursor = read(feed)
    blog.moved.clear()
    blog.inject(faults.answered(Reply(status=404, body=b"")), asking_for("/atom.xml"))
    posts, cursor = read(feed, cursor)
    assert len(posts) == 1
    assert "atom.xml" not in cursor


def test_a_cursor_of_another_feed_is_void(blog: BlogDouble, opened: Callable[..., RssAdapter]) -> None:
    fill(blog, 1)
    _, cursor = read(opened(blog.account("rss")))
    posts, _ = read(opened(blog.account("atom")), cursor)
    assert len(posts) == 1
    assert "if-none-match" not in blog.calls[-1].headers


def test_a_feed_cannot_lead_to_another_server_of_this_machine(
    blog: BlogDouble, opened: Callable[..., RssAdapter]
) -> None:
    with BlogDouble() as other:
        other.publish("T", "x", "t")
        blog.moved["/feed.xml"] = (301, f"{other.url}/feed.xml")
        with pytest.raises(RejectedError, match="foreign"):
            read(opened(blog.account(), token=SECRET))
        assert other.calls == []


# Logins


def test_a_bearer_token_opens_a_locked_feed(blog: BlogDouble, opened: Callable[..., RssAdapter]) -> None:
    blog.token = SECRET
    fill(blog, 1)
    assert len(read(opened(blog.account()))[0]) == 1


def test_user_and_password_open_a_locked_feed(blog: BlogDouble, opened: Callable[..., RssAdapter]) -> None:
    blog.user, blog.password = "reader", SECRET
    fill(blog, 1)
    assert len(read(opened(blog.account()))[0]) == 1


def test_the_login_is_never_in_an_address(blog: BlogDouble, opened: Callable[..., RssAdapter]) -> None:
    blog.token = SECRET
    fill(blog, 60)
    adapter = opened(blog.account())
    adapter.check()
    read(adapter)
    assert not any(SECRET in f"{call.path}{call.query}" for call in blog.calls)


# Errors


@pytest.mark.parametrize(
    ("reply", "kind", "hint"),
    [
        (Reply(status=401), AuthError, "set token, or user and password"),
        (Reply(status=403), AuthError, "set token, or user and password"),
        (Reply(status=404), RejectedError, "set url to where the feed is now"),
        (Reply(status=410), GoneError, "take the account out of hub.toml"),
        (Reply(status=400), RejectedError, ""),
        (Reply(body=b"<html>", content_type="text/html"), RejectedError, "set url to a feed"),
    ],
)
def test_an_error_is_told_apart_and_says_what_mends_it(
    blog: BlogDouble, opened: Callable[..., RssAdapter], reply: Reply, kind: type[HubError], hint: str
) -> None:
    blog.inject(faults.answered(reply))
    adapter = opened(blog.account(), token=SECRET)
    with pytest.raises(kind) as refused:
        read(adapter)
    assert type(refused.value) is kind
    assert hint in refused.value.hint
    assert SECRET not in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_trouble_of_the_server_is_transient(
    blog: BlogDouble, opened: Callable[..., RssAdapter], status: int
) -> None:
    adapter = open_adapter(RssAdapter, blog.account(), deadline=0.3)
    blog.inject(faults.answered(Reply(status=status, body=b"", headers={"Retry-After": "120"})), times=6)
    with pytest.raises(TransientError) as failed:
        read(adapter)
    assert failed.value.retry_after == (120 if status in (429, 503) else None)
    adapter.http.close()


def test_a_lost_answer_is_asked_for_again(blog: BlogDouble, feed: RssAdapter) -> None:
    fill(blog, 1)
    blog.inject(faults.LOST)
    assert len(read(feed)[0]) == 1


def test_redirects_in_circles_are_refused(blog: BlogDouble, feed: RssAdapter) -> None:
    blog.moved["/feed.xml"] = (302, "/feed.xml")
    with pytest.raises(RejectedError, match="redirects in circles"):
        read(feed)
    assert len(blog.calls) == 4


def test_a_redirect_to_a_file_is_refused(blog: BlogDouble, feed: RssAdapter) -> None:
    blog.moved["/feed.xml"] = (302, "file:///etc/passwd")
    with pytest.raises(RejectedError):
        read(feed)


def test_the_home_page_given_as_feed_names_the_feeds(blog: BlogDouble, opened: Callable[..., RssAdapter]) -> None:
    with pytest.raises(RejectedError) as refused:
        opened({"url": f"{blog.url}/"}).check()
    assert refused.value.hint == (
        f"the page names a feed; set url to {blog.url}/feed.xml or {blog.url}/atom.xml or {blog.url}/feed.json"
    )


def test_a_secret_in_the_query_stays_out_of_messages(blog: BlogDouble, opened: Callable[..., RssAdapter]) -> None:
    with pytest.raises(RejectedError) as refused:
        read(opened({"url": f"{blog.url}/feed.xml?key={SECRET}"}))
    assert SECRET not in f"{refused.value} {refused.value.hint}"


def test_a_giant_answer_is_refused(blog: BlogDouble) -> None:
    adapter = open_adapter(RssAdapter, blog.account(), deadline=0.3)
    adapter.http.max_bytes = 1000
    fill(blog, 20)
    with pytest.raises(RejectedError, match="larger than 1000 bytes"):
        read(adapter)
    adapter.http.close()


def test_a_bomb_in_an_answer_is_refused(blog: BlogDouble, feed: RssAdapter) -> None:
    bomb = b'<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><rss version="2.0"><channel>&b;</channel></rss>'
    blog.inject(faults.answered(Reply(body=bomb, content_type="application/rss+xml")))
    with pytest.raises(RejectedError, match="declares XML entities"):
        read(feed)


def test_three_hundred_posts_pass_in_one_window(opened: Callable[..., RssAdapter]) -> None:
    with BlogDouble(window=300) as blog:
        fill(blog, 300)
        assert len(read(opened(blog.account()))[0]) == 300
