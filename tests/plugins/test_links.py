"""Each network's own data says where a remark leads beyond its text; no request is made for it."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from plugins.bluesky import wire as bluesky
from plugins.facebook import wire as facebook
from plugins.mastodon import wire as mastodon
from plugins.telegram import wire as telegram
from plugins.twitter import shapes
from plugins.twitter import wire as twitter
from plugins.vk import wire as vk
from plugins.wordpress import wire as wordpress

ARTICLE = "https://blog.example/roast"


def read(shape: Any, answer: object) -> Any:
    return msgspec.json.decode(json.dumps(answer), type=shape)


def test_x_tells_what_its_shortener_stands_for_and_what_is_quoted() -> None:
    urls = [
        {"url": "https://t.co/a", "expanded_url": "https://bit.example/x", "unwound_url": ARTICLE},
        {"url": "https://t.co/b", "expanded_url": "https://twitter.com/ann/status/77"},
        {"url": "https://t.co/c", "expanded_url": "https://x.com/ann/status/9/photo/1", "media_key": "3_1"},
    ]
    page = read(
        shapes.Page,
        {"data": [{"id": "5", "text": "t.co", "created_at": "2026-01-01T00:00:00Z", "entities": {"urls": urls}}]},
    )
    (said,) = twitter.mentions(page)
    assert list(said.links) == ["https://bit.example/x", ARTICLE, "https://x.com/ann/status/77"]


def bluesky_view(embed: dict[str, Any], facets: list[dict[str, Any]]) -> Any:
    return read(
        bluesky.View,
        {
            "uri": "at://did:plc:ann/app.bsky.feed.post/a",
            "cid": "c",
            "author": {"did": "did:plc:ann", "handle": "ann.example"},
            "record": {"text": "read this", "createdAt": "2026-01-01T00:00:00Z", "facets": facets},
            "indexedAt": "2026-01-01T00:00:00Z",
            "embed": embed,
        },
    )


def test_bluesky_tells_what_is_behind_a_word_on_a_card_and_in_a_quote() -> None:
    facet = {
        "index": {"byteStart": 0, "byteEnd": 4},
        "features": [{"$type": "app.bsky.richtext.facet#link", "uri": "https://word.example/1"}],
    }
    card = {"external": {"uri": ARTICLE, "title": "", "description": ""}}
    quoted = {"uri": "at://did:plc:us/app.bsky.feed.post/k"}
    permalink = "https://bsky.app/profile/did:plc:us/post/k"
    assert bluesky.mention(bluesky_view(card, [facet])).links == ("https://word.example/1", ARTICLE)
    assert bluesky.mention(bluesky_view({"record": quoted}, [])).links == (permalink,)
    both = {"record": {"record": quoted}, "media": card}
    assert bluesky.mention(bluesky_view(both, [])).links == (ARTICLE, permalink)


def test_mastodon_tells_what_is_behind_a_word_on_a_card_and_in_a_quote() -> None:
    status = {
        "id": "5",
        "created_at": "2026-01-01T00:00:00Z",
        "account": {"id": "1", "acct": "ann"},
        "content": '<p><a href="https://word.example/1">here</a></p>',
    }
    quoted = {"quoted_status": {**status, "id": "6", "url": "https://town.example/@us/6"}}
    said = mastodon.mention(
        read(mastodon.Status, {**status, "card": {"url": ARTICLE}, "quote": quoted}), "5", "town.example"
    )
    assert said.links == ("https://word.example/1", ARTICLE, "https://town.example/@us/6")
    unseen = read(
        mastodon.Status, {**status, "content": "", "quote": {"state": "unauthorized", "quoted_status": None}}
    )
    assert mastodon.mention(unseen, "5", "town.example").links == ()


def test_vk_tells_what_is_attached_and_what_is_reposted() -> None:
    link = [{"type": "link", "link": {"url": ARTICLE}}]
    post = {"id": 7, "owner_id": 5, "from_id": 5, "text": "", "attachments": link}
    repost = {**post, "attachments": [], "copy_history": [{"id": 4, "owner_id": -123}]}
    assert [one.links for one in vk.mentions(read(list[vk.Item], [post, repost]), {})] == [
        (ARTICLE,),
        ("https://vk.com/wall-123_4",),
    ]
    (said,) = vk.remarks(read(vk.Comments, {"items": [{"id": 9, "from_id": 5, "attachments": link}]}), -123, 4)
    assert said.links == (ARTICLE,)


def test_telegram_tells_what_is_behind_a_word_in_a_preview_and_in_a_forward() -> None:
    message = {
        "message_id": 9,
        "chat": {"id": -1001, "type": "supergroup"},
        "text": "here",
        "entities": [{"type": "text_link", "offset": 0, "length": 4, "url": "https://word.example/1"}],
        "link_preview_options": {"url": ARTICLE},
        "forward_origin": {"type": "channel", "chat": {"id": -1002, "username": "news"}, "message_id": 12},
    }
    assert telegram.mention(read(telegram.Message, message), None).links == (
        "https://word.example/1",
        ARTICLE,
        "https://t.me/news/12",
    )
    ours = {**message, "entities": [], "link_preview_options": {}, "is_automatic_forward": True}
    assert telegram.mention(read(telegram.Message, ours), "12").links == ()


def test_facebook_tells_what_a_post_shares() -> None:
    shared = {"type": "share", "url": "https://l.example/l.php?u=x", "unshimmed_url": ARTICLE}
    picture = {"type": "photo", "url": "https://facebook.example/photo.php?fbid=1"}
    post = {"id": "1_2", "attachments": {"data": [shared, picture]}}
    (said,) = facebook.mentions_of(read(list[facebook.FeedPost], [post]), "9")
    assert said.links == (ARTICLE,)


def test_wordpress_tells_what_is_behind_a_word() -> None:
    anchors = f"<a href='{ARTICLE}?a=1&amp;b=2'>this</a>, <A HREF=\"{ARTICLE}\">that</A>, <a href='#top'>up</a>"
    content = f"<p>Read {anchors}</p>"
    comment = {
        "id": 3,
        "date": "2026-01-01T00:00:00",
        "date_gmt": "2026-01-01T00:00:00",
        "status": "approved",
        "link": "https://blog.example/?p=1#comment-3",
        "post": 1,
        "parent": 0,
        "author": 0,
        "author_name": "Ann",
        "content": {"rendered": content},
    }
    said = wordpress.mention(read(wordpress.Comment, comment), "blog.example")
    assert said.links == (f"{ARTICLE}?a=1&b=2", ARTICLE)
