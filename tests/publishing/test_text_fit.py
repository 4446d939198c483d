"""A post goes out in parts that fit, or is refused with the reason."""

from __future__ import annotations

import pytest

from hub.errors import RejectedError
from hub.models import Limits, Media, Post, Receipt
from hub.publishing.text import fit, measure

X = Limits(unit="weighted", maximum=280, link_cost=23, link="text", media_count=4)
BLUESKY = Limits(unit="grapheme", maximum=300, max_bytes=3000, link="field", media_count=4)
TELEGRAM = Limits(unit="utf16", maximum=4096, maximum_with_media=1024, link="text")
SMALL = Limits(maximum=40, link="text", media_count=2)
PNG = Media(content=b"png", mime="image/png", alt="a cat")


def texts(post: Post, limits: Limits) -> list[str]:
    return [part.text for part in fit(post, limits, overflow="thread")]


def shortened(post: Post, limits: Limits, permalink: str = "") -> Post:
    (part,) = fit(post, limits, overflow="shorten", permalink=permalink)
    return part


def test_a_post_that_fits_stays_one_part_under_its_own_key() -> None:
    post = Post(text="Hello", key="k", media=(PNG,), reply_to=Receipt(remote_id="1"))
    assert fit(post, X, overflow="thread") == [post]


def test_the_title_becomes_the_first_paragraph_and_the_link_the_last() -> None:
    (part,) = fit(Post(title="News", text="Text", link="https://e.com/1"), X, overflow="thread")
    assert (part.text, part.title, part.link) == ("News\n\nText\n\nhttps://e.com/1", "", "")


@pytest.mark.parametrize("text", ["News today", "NEWS: today", "News"])
def test_a_title_that_the_text_begins_with_is_not_said_twice(text: str) -> None:
    assert texts(Post(title="News", text=text), X) == [text]


def test_a_title_that_begins_the_first_word_only_by_chance_is_said() -> None:
    assert texts(Post(title="New", text="Newspapers"), X) == ["New\n\nNewspapers"]


def test_a_network_with_a_field_for_titles_keeps_the_title_there() -> None:
    (part,) = fit(Post(title=" News ", text="Text"), Limits(title="field"), overflow="thread")
    assert (part.title, part.text) == ("News", "Text")


def test_a_network_with_a_field_for_links_keeps_the_link_there() -> None:
    (part,) = fit(Post(text="Text", link="https://e.com/1"), BLUESKY, overflow="thread")
    assert (part.text, part.link) == ("Text", "https://e.com/1")


@pytest.mark.parametrize("text", ["See https://e.com/1.", "https://e.com/1", "(https://e.com/1) is it"])
def test_a_link_that_is_in_the_text_is_not_appended(text: str) -> None:
    assert texts(Post(text=text, link="https://e.com/1"), X) == [text]


def test_a_longer_link_in_the_text_is_another_link() -> None:
    assert texts(Post(text="https://e.com/12", link="https://e.com/1"), X) == [
        "https://e.com/12\n\nhttps://e.com/1"
    ]


def test_newlines_blank_lines_and_edges_are_normalised() -> None:
    assert texts(Post(text=" \r\n a\r\nb\rc\n \n\n\t\n\n\nd \n"), X) == ["a\nb\nc\n\n\nd"]


def test_two_blank_lines_stay() -> None:
    assert texts(Post(text="a\n\n\nb"), X) == ["a\n\n\nb"]


def test_invisible_characters_that_x_refuses_are_left_out() -> None:
    assert texts(Post(text="\ufeffHello\ufffe"), X) == ["Hello"]


def test_a_thread_is_cut_at_paragraphs_first() -> None:
    assert texts(Post(text="One two three four five.\n\nSix seven. Eight nine ten."), SMALL) == [
        "One two three four five.",
        "Six seven. Eight nine ten.",
    ]


def test_a_paragraph_is_cut_at_sentences_then() -> None:
    assert texts(Post(text="One two three four. Five six seven eight nine ten."), SMALL) == [
        "One two three four.",
        "Five six seven eight nine ten.",
    ]


def test_an_abbreviation_is_no_end_of_a_sentence() -> None:
    assert texts(Post(text="This is what we call i.e. call it so and then some more"), SMALL) == [
        "This is what we call i.e. call it so and",
        "then some more",
    ]


def test_a_sentence_is_cut_at_words_then() -> None:
    assert texts(Post(text="one two three four five six seven eight nine ten"), SMALL) == [
        "one two three four five six seven eight",
        "nine ten",
    ]


def test_a_short_first_paragraph_is_not_a_part_of_its_own() -> None:
    assert texts(Post(text="Title\n\none two three four five six seven eight"), SMALL) == [
        "Title\n\none two three four five six seven",
        "eight",
    ]


def test_a_word_longer_than_a_part_is_cut_between_graphemes() -> None:
    assert texts(Post(text="👩🏽‍💻" * 25), Limits(maximum=42)) == ["👩🏽‍💻" * 10, "👩🏽‍💻" * 10, "👩🏽‍💻" * 5]


def test_a_space_that_carries_a_mark_stays_with_it() -> None:
    assert texts(Post(text="a" * 9 + "  \u0301bcde"), Limits(maximum=10)) == ["a" * 9, " \u0301bcde"]


def test_text_without_spaces_is_cut_after_its_stops() -> None:
    assert texts(Post(text="今日は晴れです。明日は雨が降るでしょう。"), Limits(maximum=12)) == [
        "今日は晴れです。",
        "明日は雨が降るでしょう。",
    ]


def test_a_link_moves_whole_to_the_next_part() -> None:
    assert texts(Post(text="Read the whole story at https://e.com/a/long/path."), SMALL) == [
        "Read the whole story at",
        "https://e.com/a/long/path.",
    ]


def test_a_hashtag_and_a_mention_inside_a_text_without_spaces_stay_whole() -> None:
    parts = texts(Post(text="漢字漢字漢字漢字 #日本語タグ、漢字漢字、@somebody、漢字"), Limits(maximum=10))
    assert "#日本語タグ" in "|".join(parts)
    assert "@somebody" in "|".join(parts)


def test_a_hashtag_longer_than_a_part_is_cut_like_any_word() -> None:
    assert texts(Post(text="#" + "a" * 49), SMALL) == ["#" + "a" * 39, "a" * 10]


def test_a_link_longer_than_a_part_is_refused() -> None:
    with pytest.raises(RejectedError, match=r"link is too long for one post: https://e\.com/aaa"):
        texts(Post(text="Hi https://e.com/" + "a" * 40), SMALL)


def test_a_character_longer_than_a_part_is_refused() -> None:
    with pytest.raises(RejectedError, match="single character"):
        texts(Post(text="e" + "\u0301" * 60), SMALL)


def test_later_parts_have_keys_of_their_own_and_no_parent_title_or_link() -> None:
    post = Post(
        text="word " * 20,
        title="T",
        link="https://e.com/1",
        key="k",
        media=(PNG,),
        reply_to=Receipt(remote_id="1"),
    )
    first, second, *rest = fit(post, Limits(maximum=40, title="field"), overflow="thread")
    assert (first.key, first.title, first.link, first.media) == ("k", "T", "https://e.com/1", (PNG,))
    assert first.reply_to == post.reply_to
    assert (second.key, second.title, second.link, second.media, second.reply_to) == ("k.1", "", "", (), None)
    assert [part.key for part in rest] == ["k.2"]


def test_a_part_with_media_obeys_its_own_maximum() -> None:
    lengths = [measure(text, TELEGRAM) for text in texts(Post(text="слово " * 900, media=(PNG,)), TELEGRAM)]
    assert lengths[0] <= 1024 < lengths[1] <= 4096
    assert len(lengths) == 3


def test_a_link_that_no_caption_can_hold_goes_under_the_picture() -> None:
    link = "https://e.com/" + "a" * 1500
    assert texts(Post(text=link, media=(PNG,)), TELEGRAM) == ["", link]


def test_bytes_are_a_second_wall() -> None:
    parts = texts(Post(text="👨‍👩‍👧‍👧" * 250), BLUESKY)
    assert [len(part.encode()) for part in parts] == [3000, 3000, 250]


def test_media_beyond_the_count_go_with_the_following_parts() -> None:
    pictures = [Media(mime="image/png", alt=str(number)) for number in range(5)]
    parts = fit(Post(text="word " * 10, key="k", media=pictures), SMALL, overflow="thread")
    assert [[item.alt for item in part.media] for part in parts] == [["0", "1"], ["2", "3"], ["4"]]
    assert [part.text for part in parts] == ["word word word word word word word word", "word word", ""]


def test_media_beyond_the_count_without_a_text_are_refused_where_a_text_is_required() -> None:
    limits = Limits(media_count=1, text_required=True)
    with pytest.raises(RejectedError, match="without a text"):
        fit(Post(text="one", media=(PNG, PNG)), limits, overflow="thread")


def test_media_beyond_the_count_are_refused_when_shortening() -> None:
    with pytest.raises(RejectedError, match="3 media are too many: 2"):
        fit(Post(text="one", media=(PNG, PNG, PNG)), SMALL, overflow="shorten")


@pytest.mark.parametrize(
    ("media", "reason"),
    [
        (Media(mime="image/tiff", alt="a cat"), r"image 2 \(a cat\) is image/tiff; the network takes image/png"),
        (
            Media(mime="image/png", content=b"x" * 11, url="https://e.com/cat.png?s=1"),
            r"e\.com/cat\.png\) has 11 bytes",
        ),
    ],
)
def test_media_that_the_network_does_not_take_are_named(media: Media, reason: str) -> None:
    limits = Limits(media_types=("image/png",), media_bytes=10)
    with pytest.raises(RejectedError, match=reason):
        fit(Post(text="x", media=(PNG, media)), limits, overflow="thread")


def test_a_type_with_parameters_in_capitals_is_taken() -> None:
    media = (Media(mime="Image/PNG; q=1"),)
    assert fit(Post(media=media), SMALL, overflow="thread") == [Post(media=media)]


def test_a_network_without_media_refuses_them() -> None:
    with pytest.raises(RejectedError, match="takes no media"):
        fit(Post(text="x", media=(PNG,)), Limits(media_count=0), overflow="thread")


def test_a_post_with_nothing_in_it_is_refused() -> None:
    with pytest.raises(RejectedError, match="nothing to publish"):
        fit(Post(text=" \r\n"), X, overflow="thread")


def test_a_picture_alone_is_a_post_unless_a_text_is_required() -> None:
    assert texts(Post(media=(PNG,)), X) == [""]
    with pytest.raises(RejectedError, match="no post without a text"):
        texts(Post(media=(PNG,)), Limits(text_required=True))


@pytest.mark.parametrize(
    ("post", "reason"),
    [
        (Post(text="a\0b"), "text holds a NUL"),
        (Post(text="a", title="\ud800"), "title holds a lone surrogate"),
        (Post(text="a", link="https://e.com/\0"), "link holds a NUL"),
        (Post(text="a", media=(Media(alt="\0"),)), "image 1 holds a NUL"),
        (Post(text="a", link="https://e.com/a b"), "link holds a space"),
    ],
)
def test_what_no_network_can_hold_is_refused(post: Post, reason: str) -> None:
    with pytest.raises(RejectedError, match=reason):
        fit(post, X, overflow="thread")


def test_a_shortened_text_ends_at_a_word_with_an_ellipsis_and_the_link() -> None:
    part = shortened(Post(text="one two three four five six seven eight", link="https://e.com/1"), SMALL)
    assert (part.text, part.link) == ("one two three four five… https://e.com/1", "")


def test_a_shortened_text_points_to_the_permalink_when_there_is_no_link() -> None:
    part = shortened(Post(text="one two three four five six seven eight nine"), SMALL, "https://e.com/p")
    assert part.text == "one two three four five… https://e.com/p"


def test_a_shortened_text_with_nowhere_to_point_still_ends_with_an_ellipsis() -> None:
    part = shortened(Post(text="one two three four five six seven, eight nine"), SMALL)
    assert part.text == "one two three four five six seven…"


def test_where_links_have_a_field_the_pointer_goes_there() -> None:
    part = shortened(Post(text="word " * 100), BLUESKY, "https://e.com/p")
    assert part.text.endswith("word…")
    assert part.link == "https://e.com/p"


def test_a_link_that_the_shortened_text_still_holds_is_not_repeated() -> None:
    part = shortened(Post(text="https://e.com/1 one two three four five six", link="https://e.com/1"), SMALL)
    assert part.text == "https://e.com/1 one two three four five…"


def test_a_link_at_the_end_of_a_text_is_kept_when_the_text_is_shortened() -> None:
    part = shortened(
        Post(text="one two three four five six seven eight https://e.com/1", link="https://e.com/1"), SMALL
    )
    assert part.text == "one two three four five… https://e.com/1"


def test_an_ellipsis_never_touches_a_link() -> None:
    part = shortened(Post(text="see https://e.com/a/long/path/12345 whatever follows"), SMALL)
    assert part.text == "see https://e.com/a/long/path/12345 …"


def test_a_shortened_word_without_spaces_is_cut_between_graphemes() -> None:
    assert shortened(Post(text="e\u0301" * 30), Limits(maximum=10)).text == "e\u0301" * 4 + "…"


def test_a_link_too_long_to_shorten_to_is_refused() -> None:
    with pytest.raises(RejectedError, match="link is too long"):
        shortened(Post(text="word " * 20, link="https://e.com/" + "a" * 40), SMALL)


def test_without_a_maximum_everything_fits() -> None:
    assert texts(Post(text="word " * 5000), Limits()) == [("word " * 5000).strip()]


def test_a_link_that_travels_otherwise_beside_media_is_counted_where_it_stands() -> None:
    """Facebook and Bluesky hold a link preview or images, not both."""
    limits = Limits(maximum=40, link_with_media="text")
    link, picture = "https://example.org/a", Media(content=b"x", mime="image/png")
    (alone,) = fit(Post(text="x" * 40, link=link), limits, overflow="shorten")
    assert (alone.text, alone.link) == ("x" * 40, link)
    (beside,) = fit(Post(text="x" * 40, link=link, media=[picture]), limits, overflow="shorten")
    assert beside.text.endswith(f"… {link}")
    assert (len(beside.text), beside.link) == (40, "")
