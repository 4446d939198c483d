"""The Mastodon plugin against what a real Mastodon 4.6.4 was recorded saying."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import msgspec
import pytest

from hub import AuthError, GoneError, HubError, Mention, Post, RejectedError, Thread
from hub.http import Answer, Http
from hub.models import Media
from hub.oauth import Grant, Login, redirect_uri
from hub.ratelimits import rate_limit
from hub.testing import Reply, Request, open_adapter
from plugins.mastodon import Mastodon, wire
from plugins.mastodon.sandbox import MastodonDouble

pytestmark = pytest.mark.contract

# Where answers come from that the plugin reads, and the shape it reads them into.
READ: dict[str, Any] = {
    r"(POST|GET|PUT|DELETE) /api/v1/statuses(/\d+)?": wire.Status,
    r"POST /api/v1/statuses/\d+/\w+": wire.Status,
    r"GET /api/v1/statuses/\d+/context": wire.Context,
    r"GET /api/v1/accounts/\d+/statuses": list[wire.Status],
    r"GET /api/v1/timelines/.*": list[wire.Status],
    r"GET /api/v1/(favourites|bookmarks|trends/statuses)": list[wire.Status],
    r"GET /api/v1/notifications": list[wire.Notification],
    r"GET /api/v1/notifications/\d+": wire.Notification,
    r"GET /api/v1/accounts/(verify_credentials|lookup|\d+)": wire.Account,
    r"GET /api/v1/(accounts/search|accounts/\d+/follow\w+|directory|endorsements)": list[wire.Account],
    r"GET /api/v2/search": wire.Found,
    r"GET /api/v[12]/instance/?": wire.Instance,
    r"POST /api/v2/media": wire.Attachment,
    r"(GET|PUT) /api/v1/media/\d+": wire.Attachment,
}
# What the plugin never asks for, and why no shape of it is here.
NOT_READ: dict[str, str] = {
    r"POST /api/v1/statuses \(scheduled\)": "the hub schedules by itself",
    r"HEAD /": "the time of the server is in every answer",
    r".* /oauth/.*|.* /\.well-known/.*|.* /api/v1/apps.*": "the core logs in; a registered app is its client",
    r".* /health|.* /nodeinfo/.*": "/api/v2/instance tells what is needed",
    r".* /api/v2/notifications.*": "grouped notifications hold no mention that the plain ones do not",
    r".* /api/v1/notifications/(\d+/dismiss|clear|requests.*|unread_count)": "the hub dismisses nothing",
    r".* /api/v1/(lists|filters|polls|conversations|markers|follow\w+|domain_blocks|blocks|mutes|reports)\b.*": (
        "not what the hub is for"
    ),
    r".* /api/v2/(filters|suggestions)\b.*": "not what the hub is for",
    r".* /api/v1/(featured_tags|tags|trends|custom_emojis|suggestions|preferences|scheduled_statuses)\b.*": (
        "not what the hub is for"
    ),
    r".* /api/v1/accounts(/\d+/(block|unblock|mute|unmute|note|pin|unpin|endorse|unendorse|follow|unfollow|"
    r"remove_from_followers|lists|featured_tags)|/relationships|/familiar_followers|/update_credentials|)": (
        "relations of people, and lists of accounts"
    ),
    r".* /api/v1/(profile/.*|instance/\w+)": "what a server says about itself beyond its limits",
    r".* /api/v1/statuses/\d+/(history|source|favourited_by|reblogged_by|quotes.*|interaction_policy|translate)": (
        "not what the hub is for"
    ),
}


@dataclass
class Recorded:
    file: str
    call: str
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def answer(self) -> Answer:
        method, _, path = self.call.partition(" ")
        body = b"" if self.body is None else json.dumps(self.body).encode()
        return Answer(self.status, self.headers, body, method, f"http://localhost:3000{path}", method == "GET")


def recorded(contracts: Path) -> Iterator[Recorded]:
    files = sorted((contracts / "mastodon").glob("recorded*/*.json"))
    assert len(files) > 150
    for file in files:
        for each in json.loads(file.read_text(encoding="utf-8")):
            said = each["response"]
            request = each["request"]
            call = f"{request['method']} {urlsplit(request['uri']).path}"
            if "scheduled_at" in str(request.get("body")) and call == "POST /api/v1/statuses":
                call += " (scheduled)"
            body = (said["body"] or {}).get("json")
            yield Recorded(file.stem, call, said["status"], said["headers"], body)


def shape_of(call: str) -> Any:
    return next((shape for pattern, shape in READ.items() if re.fullmatch(pattern, call)), None)


def test_every_recorded_answer_is_read_or_left_out_for_a_reason(contracts: Path) -> None:
    read: Counter[str] = Counter()
    strange = []
    for each in recorded(contracts):
        shape = shape_of(each.call)
        if shape is not None and each.status < 300:
            each.answer.decode(shape)
            read[str(shape)] += 1
        elif each.status < 300 and not any(re.fullmatch(pattern, each.call) for pattern in NOT_READ):
            strange.append(f"{each.file}: {each.call}")
    assert not strange, "\n".join(strange)
    assert len(read) == len({str(shape) for shape in READ.values()})
    assert sum(read.values()) > 450


def statuses_in(value: Any) -> Iterator[dict[str, Any]]:
    """Find every status in an answer, wherever it stands."""
    if isinstance(value, dict):
        if {"visibility", "account", "content", "uri"} <= value.keys():
            yield value
        for inner in value.values():
            yield from statuses_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from statuses_in(inner)


def naked(html: str) -> str:
    """Take the tags out of HTML in the bluntest way, and the blanks."""
    return re.sub(r"\s", "", unescape(re.sub(r"<[^>]*>", "", html)))


def test_every_recorded_status_keeps_its_words_links_and_place(contracts: Path) -> None:
    seen = links = 0
    for each in recorded(contracts):
        for raw in statuses_in(each.body):
            status = msgspec.convert(raw, wire.Status)
            post, said = wire.remote_post(status), wire.mention(status, "root", "here")
            assert (post.remote_id, said.remote_id) == (raw["id"], f"here/{raw['id']}")
            above = raw["in_reply_to_id"]
            assert (post.reply_to, said.parent_id) == (above, above and f"here/{above}")
            assert said.author is not None and said.author.handle == raw["account"]["acct"]
            assert said.author.remote_id == raw["account"]["url"]
            assert post.url == (raw["url"] or raw["uri"])
            assert post.sent_at is not None and post.sent_at.isoformat()[:19] == raw["created_at"][:19]
            hrefs = [unescape(href) for href in re.findall(r'<a href="([^"]*)"(?![^>]*mention)', raw["content"])]
            assert all(href in post.text for href in hrefs)
            links += len(hrefs)
            if not hrefs and "mention" not in raw["content"]:
                assert re.sub(r"\s", "", post.text) == naked(raw["content"])
            assert "<" not in post.text
            seen += 1
    assert seen > 300
    assert links > 10


def test_every_recorded_rate_limit_is_read(contracts: Path) -> None:
    seen = 0
    for each in recorded(contracts):
        if "x-ratelimit-reset" in each.headers:
            # What was recorded is long over by our clock; by the answer's own it is minutes or hours ahead.
            limit = rate_limit({**each.headers, "date": "Sat, 01 Aug 2026 12:00:00 GMT"})
            assert limit is not None and limit.limit in (30, 300)
            assert limit.reset_after is not None
            seen += 1
    assert seen > 500


def test_the_double_gives_a_token_as_it_was_recorded(contracts: Path) -> None:
    given = [each for each in recorded(contracts) if each.call == "POST /oauth/token" and each.status == 200]
    assert len(given) >= 3
    with MastodonDouble() as double, closing(Http(double.url, deadline=5)) as line:
        client = Mastodon.register_client(line, redirect_uri(50001))
        assert client is not None and Mastodon.oauth is not None
        login = Login(Mastodon.oauth, double.url, client, redirect_uri(50001))
        asked = dict(parse_qsl(urlsplit(login.url()).query))
        led = double.door.authorize(Request("GET", "/oauth/authorize", asked, {}, b""))
        grant = login.exchange(login.code_in(led.headers["Location"]), line)
        assert grant.missing(Mastodon.oauth.scopes) == []
        (token,) = set(double.door.tokens) - {double.account()["token"]}
        assert grant.access_token == token
    for each in given:
        there = each.answer.decode(Grant)
        assert there.missing(["read", "write"]) == []
        assert there.refresh_token == grant.refresh_token == ""
        assert there.expires_in is grant.expires_in is None


def test_every_recorded_link_header_is_read(contracts: Path) -> None:
    seen = 0
    for each in recorded(contracts):
        header = each.headers.get("link", "")
        found = wire.following({"link": header})
        asked = [parse_qs(urlsplit(url).query) for url in re.findall(r"<([^>]+)>; rel=\"(?:next|prev)\"", header)]
        wanted = {ids[0] for query in asked for name, ids in query.items() if name in ("max_id", "min_id")}
        assert wanted <= set(found.values()), header
        seen += bool(wanted)
    assert seen > 40


def test_every_recorded_refusal_is_understood_by_its_status(contracts: Path) -> None:
    kinds = {401: AuthError, 404: GoneError, 422: RejectedError, 400: RejectedError}
    seen: Counter[int] = Counter()
    for each in recorded(contracts):
        if each.status < 400:
            continue
        with Replaying(each) as server:
            account = open_adapter(Mastodon, {"api_url": server.url, "token": "none"})
            with pytest.raises(kinds[each.status]) as caught:
                account.publish(Post(text="a"))
            account.http.close()
        body = each.body or {}
        reason = body.get("error_description", body.get("error", ""))
        assert isinstance(caught.value, HubError)
        assert reason in str(caught.value)
        seen[each.status] += 1
    assert seen[401] >= 4 and seen[404] >= 5 and seen[422] >= 3


class Replaying(MastodonDouble):
    """A server that answers every write as one was recorded."""

    def __init__(self, recorded: Recorded) -> None:
        super().__init__()
        self.recorded = recorded

    def answer(self, request: Request) -> Reply:
        if request.method == "GET":
            return super().answer(request)
        return Reply(self.recorded.body, status=self.recorded.status)


class Noting(MastodonDouble):
    """The double, keeping what it answered."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[tuple[Request, Reply]] = []

    def answer(self, request: Request) -> Reply:
        reply = super().answer(request)
        self.answers.append((request, reply))
        return reply


def story() -> list[tuple[Request, Reply]]:
    """Let the plugin do all that it can, and return what the double answered."""
    with Noting() as double:
        account = open_adapter(Mastodon, double.account())
        account.check()
        first = account.publish(
            Post(text="Hello https://example.org/a #tea", media=[Media(content=b"x", mime="image/png")])
        )
        ann = double.add_person("Ann", "ann")
        said = double.say(ann, first.remote_id, "@company one")
        double.say(ann, first.remote_id, "two", said)
        list(account.fetch_posts(None))
        list(account.fetch_mentions(None))
        list(account.fetch_replies(Thread(remote_id=first.remote_id), None))
        list(account.search("one", None))
        account.reply(Mention(remote_id=said, thread_id=first.remote_id), "Thanks")
        account.edit(first.remote_id, Post(text="Hello again"))
        account.delete(first.remote_id)
        account.http.close()
        return double.answers


def shapes_in(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name the shapes in an answer by what only they have."""
    telling = {
        "status": {"visibility", "spoiler_text", "uri"},
        "account": {"acct", "note", "avatar"},
        "attachment": {"preview_url", "blurhash"},
        "notification": {"type", "group_key"},
        "context": {"ancestors"},
        "mention": {"acct", "url"},
    }
    if isinstance(value, dict):
        name = next((name for name, keys in telling.items() if keys <= value.keys()), "")
        if name:
            yield name, value
        for inner in value.values():
            yield from shapes_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from shapes_in(inner)


# Of our own status, and of the account that asks.
SOMETIMES = {"pinned", "source", "role", "application"}


def test_what_the_double_answers_has_the_recorded_shapes(contracts: Path) -> None:
    known: dict[str, list[set[str]]] = {}
    kinds: dict[tuple[str, str], set[type]] = {}
    for each in recorded(contracts):
        for name, value in shapes_in(each.body):
            known.setdefault(name, []).append(set(value) - SOMETIMES)
            for key, inner in value.items():
                kinds.setdefault((name, key), set()).add(type(inner))
    told: Counter[str] = Counter()
    for _, reply in story():
        for name, value in shapes_in(reply.json):
            assert set(value) - SOMETIMES in known[name], f"{name}: {sorted(value)}"
            for key, inner in value.items():
                assert type(inner) in kinds[name, key], f"{name}.{key} is {inner!r}"
            told[name] += 1
    assert set(told) == set(known) & {"status", "account", "attachment", "notification", "context", "mention"}


def test_what_the_plugin_sends_was_seen_sent(contracts: Path) -> None:
    """A real client was recorded sending these fields to these places; the plugin invents none."""
    known: dict[str, set[str]] = {}
    for file in sorted((contracts / "mastodon").glob("recorded*/*.json")):
        for each in json.loads(file.read_text(encoding="utf-8")):
            request = each["request"]
            parts = urlsplit(request["uri"])
            call = re.sub(r"/\d+", "/:id", f"{request['method']} {parts.path}")
            body = request.get("body")
            fields = set(parse_qs(parts.query)) | (set(parse_qs(body)) if isinstance(body, str) else set())
            known.setdefault(call, set()).update(field.removesuffix("[]") for field in fields)
    # Documented at docs.joinmastodon.org, in no recording.
    known["POST /api/v1/statuses"] |= {"language", "sensitive", "media_ids", "spoiler_text"}
    known["PUT /api/v1/statuses/:id"] |= {"media_ids", "spoiler_text"}
    known["GET /api/v2/search"] |= {"type", "limit", "max_id"}
    known["GET /api/v1/accounts/:id/statuses"] |= {"limit", "exclude_reblogs", "max_id", "min_id"}
    known["GET /api/v1/notifications"] |= {"limit"}
    for request, _ in story():
        call = re.sub(r"/\d+", "/:id", f"{request.method} {request.path}")
        call = call.replace("/instance", "/instance/") if call.endswith("/instance") else call
        assert call in known, call
        sent = set(request.query) | (set(request.json()) if request.content_type == "application/json" else set())
        assert {field.removesuffix("[]") for field in sent} <= known[call], f"{call}: {sorted(sent)}"
