"""Comments of a digest on WordPress: whose name they bear, what they say, and where they stand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from hub import DuplicateError, Post, Receipt, RejectedError, Remark
from hub.testing import open_adapter
from plugins.wordpress import WordPress, comments
from plugins.wordpress.sandbox import LONGEST_COMMENT, WordPressDouble

AT = datetime(2026, 11, 3, 9, 1, 2, 345678, tzinfo=UTC)


@pytest.fixture
def double() -> Iterator[WordPressDouble]:
    with WordPressDouble() as running:
        yield running


@pytest.fixture
def blog(double: WordPressDouble) -> Iterator[WordPress]:
    adapter = open_adapter(WordPress, double.account(), paced=False)
    yield adapter
    adapter.http.close()


@pytest.fixture
def post(blog: WordPress) -> Receipt:
    return blog.publish(Post(text="The news", key="1"))


def remark(text: str = "I agree", **more: object) -> Remark:
    given = {
        "key": "k",
        "author": "Анна",
        "site": "vk.com",
        "url": "https://vk.com/wall-1_2",
        "sent_at": AT,
    } | more
    return Remark(text=text, **given)  # type: ignore[arg-type]


def test_it_bears_the_writers_name_site_time_and_address(
    blog: WordPress, double: WordPressDouble, post: Receipt
) -> None:
    made = blog.comment(post.remote_id, remark("5 < 6 & more"))
    (said,) = double.shown_remarks(post.remote_id)
    assert said.id == made.remote_id
    assert said.person.name == "Анна (vk.com)"
    assert double.homes[said.person.id] == "https://vk.com/wall-1_2"
    assert said.sent_at == AT.replace(microsecond=0)
    assert said.text == "5 < 6 & more\n\nhttps://vk.com/wall-1_2"


def test_two_people_may_say_the_same_and_nobody_twice(
    blog: WordPress, double: WordPressDouble, post: Receipt
) -> None:
    blog.comment(post.remote_id, remark())
    other = remark(key="k2", author="Борис", url="https://vk.com/wall-1_3")
    blog.comment(post.remote_id, other)
    with pytest.raises(DuplicateError):
        blog.comment(post.remote_id, remark())
    assert len(double.shown_remarks(post.remote_id)) == 2
    found = blog.find_comment(post.remote_id, other)
    assert found is not None
    assert double.remarks[found.remote_id].person.name == "Борис (vk.com)"


def test_what_it_answers_may_be_gone_by_now(blog: WordPress, double: WordPressDouble, post: Receipt) -> None:
    above = blog.comment(post.remote_id, remark("A question"))
    double.delete_remark(above.remote_id)
    made = blog.comment(post.remote_id, remark("An answer", key="k2", parent_id=above.remote_id))
    assert double.remarks[made.remote_id].parent_id is None


def test_it_is_removed_for_good_and_its_answers_move_up(
    blog: WordPress, double: WordPressDouble, post: Receipt
) -> None:
    above = blog.comment(post.remote_id, remark("A question"))
    made = blog.comment(post.remote_id, remark("An answer", key="k2", parent_id=above.remote_id))
    blog.delete_comment(above.remote_id)
    assert above.remote_id not in double.remarks
    assert double.remarks[made.remote_id].parent_id is None


@pytest.mark.parametrize("text", ["x" * 70_000, "<" * 40_000, "я" * 40_000, "&<" * 30_000])
def test_a_text_that_is_too_long_is_cut_and_keeps_its_link(text: str) -> None:
    said = comments.said(remark(text))
    content = str(said["content"])
    assert len(content.encode()) <= LONGEST_COMMENT
    assert content.endswith("…\n\nhttps://vk.com/wall-1_2")
    body = content.removesuffix("…\n\nhttps://vk.com/wall-1_2")
    assert body.rpartition("&")[2].endswith(";") or "&" not in body


def test_a_long_name_or_address_fits_its_column() -> None:
    said = comments.said(remark(author="Я" * 300, url="https://e.example/" + "a" * 300))
    assert len(str(said["author_name"])) == 245
    assert str(said["author_name"]).endswith(" (vk.com)")
    assert said["author_url"] == ""
    assert "https://e.example/" in str(said["content"])


def test_who_may_not_moderate_is_refused_before_anything_is_sent(
    blog: WordPress, double: WordPressDouble, post: Receipt
) -> None:
    double.role = "author"
    before = len(double.calls)
    with pytest.raises(RejectedError, match="may moderate"):
        blog.comment(post.remote_id, remark())
    assert all(call.method == "GET" for call in double.calls[before:])


def test_each_key_has_an_address_of_its_own_that_is_nobodys() -> None:
    one, other = comments.address("a"), comments.address("b")
    assert one != other
    assert one.endswith(".invalid")
