"""Golden pairs: what a Mastodon server says, and what the hub is to make of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from plugins.mastodon import wire
from plugins.mastodon.content import Reader

GOLDEN = sorted((Path(__file__).parent / "golden" / "mastodon").glob("*.json"))
SITE = "social.example"


def read(how: str, answer: bytes) -> Any:
    kind, _, thread = how.partition(":")
    if kind == "limits":
        return wire.limits(msgspec.json.decode(answer, type=wire.Instance), "")
    if kind == "identity":
        return wire.identity(msgspec.json.decode(answer, type=wire.Account), SITE)
    status = msgspec.json.decode(answer, type=wire.Status)
    return (
        wire.remote_post(status)
        if kind == "remote_post"
        else wire.mention(status, thread or wire.named(status.id, SITE), SITE)
    )


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_what_is_said_becomes_what_it_means(path: Path) -> None:
    pair = json.loads(path.read_text(encoding="utf-8"))
    made = read(pair["read_as"], json.dumps(pair["answer"]).encode())
    # What the hub adds to its values later has its usual value here.
    meant = msgspec.convert(pair["becomes"], type(made))
    assert json.loads(msgspec.json.encode(made)) == json.loads(msgspec.json.encode(meant))


def test_there_are_golden_pairs() -> None:
    assert len(GOLDEN) >= 20


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("<p>one</p><p>two<br>three<br/>four</p>", "one\n\ntwo\nthree\nfour"),
        ("<p>a&nbsp;b &lt;c&gt; &#x1F41F;</p>", "a\xa0b <c> 🐟"),
        ('<p><a href="https://example.org/a">https://example.org/a</a></p>', "https://example.org/a"),
        # As bridges shorten it.
        (
            '<a href="https://bsky.app/profile/h4lcy.bsky.social/post/3lw">bsky.app/profile/h4lc...</a>',
            "https://bsky.app/profile/h4lcy.bsky.social/post/3lw",
        ),
        # As servers with Markdown have it.
        ('see <a href="https://example.org/">our page</a>.', "see our page https://example.org/."),
        ('<a href="/tags/tea" rel="tag">#<span>tea</span></a>', "#tea"),
        ('<a href="javascript:alert(1)">here</a>', "here"),
        (
            '<a class="u-url mention" href="https://far.example/@bob">@<span>bob</span></a> hi',
            "@bob@far.example hi",
        ),
        ('<a class="mention" href="https://else.example/@eve">@<span>eve</span></a> hi', "@eve hi"),
        ("<p>list:</p><ul><li>one</li><li>two</li></ul><p>end</p>", "list:\n\none\ntwo\n\nend"),
        ("<p>never <b>closed", "never closed"),
        ("<p>5 < 6 & 7 > 6</p>", "5 < 6 & 7 > 6"),
        ('<a href="https://example.org/x">', "https://example.org/x"),
    ],
)
def test_html_becomes_text(html: str, text: str) -> None:
    assert Reader(html, {"https://far.example/@bob": "@bob@far.example"}).text == text


@pytest.mark.parametrize(
    ("header", "ids"),
    [
        (
            '<https://s.example/api/v1/notifications?max_id=21&types%5B%5D=mention>; rel="next", '
            '<https://s.example/api/v1/notifications?min_id=25&types%5B%5D=mention>; rel="prev"',
            {"next": "21", "prev": "25"},
        ),
        ('<https://s.example/x?since_id=01J9ZK>; rel="prev"', {"prev": "01J9ZK"}),
        ("<https://s.example/x?max_id=7>; rel=next", {"next": "7"}),
        ('<https://s.example/x?offset=40>; rel="next"', {}),
        ("nonsense", {}),
        ("", {}),
    ],
)
def test_a_link_header_gives_ids_alone(header: str, ids: dict[str, str]) -> None:
    assert wire.following({"link": header}) == ids


def test_ids_are_ordered_as_texts_by_their_length_first() -> None:
    ids = ["99", "100", "9", "01J9ZM", "01J9ZK", "117020583245459824"]
    assert sorted(ids, key=wire.order) == ["9", "99", "100", "01J9ZK", "01J9ZM", "117020583245459824"]


@pytest.mark.parametrize(
    ("version", "versions", "real"),
    [
        ("4.6.4", {"mastodon": 11}, True),
        ("4.6.0+glitch", {"mastodon": 11, "glitch": 1}, True),
        ("4.2.0", {}, False),
        ("0.17.0+git-abc", {}, False),
        ("2.7.2 (compatible; Pleroma 2.9.0)", {"mastodon": 3}, False),
        ("4.0.0 (not true; really snac/2.75)", {}, False),
    ],
)
def test_a_server_is_mastodon_if_it_says_so_and_nothing_else(
    version: str, versions: dict[str, int], real: bool
) -> None:
    assert wire.Instance(version=version, api_versions=versions).is_mastodon is real


@pytest.mark.parametrize(
    ("said", "wanted", "answered"),
    [
        ("public", "public", "public"),
        ("unlisted", "public", "unlisted"),
        ("public", "unlisted", "unlisted"),
        ("private", "public", "private"),
        ("direct", "public", "direct"),
        ("private", "direct", "direct"),
        ("mutuals_only", "public", "mutuals_only"),
    ],
)
def test_an_answer_is_for_no_more_people_than_the_question(said: str, wanted: str, answered: str) -> None:
    account = {"id": "1"}
    asked = msgspec.convert(
        {"id": "1", "created_at": "2026-08-01T00:00:00Z", "account": account, "visibility": said}, wire.Status
    )
    assert wire.answering(asked, wanted) == answered


@pytest.mark.parametrize(
    ("api_url", "site"),
    [
        ("https://Social.Example/", "social.example"),
        ("http://127.0.0.1:3000", "127.0.0.1:3000"),
    ],
)
def test_a_status_is_named_with_its_server(api_url: str, site: str) -> None:
    assert wire.site_of(api_url) == site
    assert wire.named("01J9ZK", site) == f"{site}/01J9ZK"
    assert wire.status_id(f"{site}/01J9ZK", site) == "01J9ZK"
    assert wire.status_id("01J9ZK", site) == "01J9ZK"
    assert wire.status_id("else.example/01J9ZK", site) == "else.example/01J9ZK", "never the same number here"


@pytest.mark.parametrize(
    ("account", "address"),
    [
        ({"url": "https://far.example/@bob", "acct": "bob@far.example"}, "https://far.example/@bob"),
        ({"url": None, "uri": "https://far.example/users/bob"}, "https://far.example/users/bob"),
        ({"acct": "bob@far.example"}, "bob@far.example"),
        ({"acct": "ann"}, "ann@social.example"),
        ({"username": "ann"}, "ann@social.example"),
    ],
)
def test_a_person_has_one_address_wherever_they_are_seen(account: dict[str, Any], address: str) -> None:
    assert wire.address(msgspec.convert({"id": "1", **account}, wire.Account), SITE) == address


def test_a_profiles_links_are_kept_and_those_that_lead_back_apart() -> None:
    field = '<a href="https://{0}/" rel="me">{0}</a>'
    account = {
        "id": "7",
        "username": "anna",
        "acct": "anna",
        "fields": [
            {"name": "Site", "value": field.format("anna.example"), "verified_at": "2026-01-01T00:00:00.000Z"},
            {"name": "Work", "value": field.format("firm.example"), "verified_at": None},
            {"name": "Age", "value": "7"},
        ],
    }
    shown = {"id": "1", "created_at": "2026-01-01T00:00:00Z", "uri": "https://a.example/1", "account": account}
    author = wire.mention(msgspec.json.decode(json.dumps(shown), type=wire.Status), "1", SITE).author
    assert author is not None
    assert (author.links, author.verified_links) == (("https://firm.example/",), ("https://anna.example/",))


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://social.example/@company/117", "117"),
        ("https://social.example/@bob@far.example/117", "117"),
        ("https://social.example/users/company/statuses/117", "117"),
        ("https://social.example/ap/users/1001/statuses/117", "117"),
        ("https://social.example/@company/statuses/01J9ZK", "01J9ZK"),
        ("https://social.example/web/statuses/117", "117"),
        ("https://social.example/notice/A1b2", "A1b2"),
        ("https://far.example/@bob/117", None),
        ("https://social.example/@company", None),
        ("https://social.example/company/p/1795330696.36", None),
        ("https://social.example/tags/117", None),
    ],
)
def test_a_permalink_of_this_server_names_a_status(url: str, found: str | None) -> None:
    assert wire.id_in(url, "https://social.example") == found
