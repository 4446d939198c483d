"""Holds the X plugin and its double against X's own description, its examples and recorded answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from openapi_schema_validator import OAS30Validator

from hub import (
    Answer,
    AuthError,
    DuplicateError,
    GoneError,
    HubError,
    Media,
    Mention,
    Post,
    RejectedError,
    Thread,
    TransientError,
)
from hub.testing import Reply, Request, faults, open_adapter
from plugins.twitter import Twitter, shapes, wire
from plugins.twitter.sandbox import TwitterDouble
from plugins.twitter.sandbox_door import RATE_LIMITS

pytestmark = pytest.mark.contract

PNG = Media(content=b"\x89PNG picture", mime="image/png", alt="A red barn")
GIF = Media(content=b"GIF89a picture", mime="image/gif")


class Recording(TwitterDouble):
    """A double that keeps what it answered."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.told: list[tuple[Request, Reply]] = []

    def answer(self, request: Request) -> Reply:
        reply = super().answer(request)
        self.told.append((request, reply))
        return reply


@cache
def document(folder: Path) -> dict[str, Any]:
    described: dict[str, Any] = json.loads((folder / "x" / "openapi-2026-08-22.json").read_text())
    return described


@pytest.fixture
def openapi(contracts: Path) -> dict[str, Any]:
    return document(contracts)


@pytest.fixture(params=["bearer", "oauth1"])
def story(request: pytest.FixtureRequest) -> Iterator[Recording]:
    """All that the plugin ever does, successes and refusals."""
    with Recording(login=request.param) as double:
        twitter = open_adapter(Twitter, double.account())
        double.longest = 25_000
        tell(twitter, double)
        twitter.http.close()
        yield double


def tell(twitter: Twitter, double: Recording) -> None:
    twitter.check()
    list(twitter.fetch_posts(None))
    first = twitter.publish(Post(text="Hello & welcome https://example.org/a", media=[PNG]))
    part = twitter.publish(Post(text="Long " * 80, media=[GIF], reply_to=first))
    ann = double.add_person("Ann", "ann", "ann@example.org")
    one = double.say(ann, first.remote_id, "one <3")
    two = double.say(ann, first.remote_id, "two", one)
    for number in range(101):
        double.say(ann, first.remote_id, f"more {number}", two)
    double.edit_remark(one, "one!")
    (_, cursor) = [(batch.items, batch.cursor) for batch in twitter.fetch_mentions(None)][-1]
    list(twitter.fetch_mentions(cursor))
    thread = Thread(remote_id=first.remote_id, known=[one, "12345"])
    list(list(twitter.fetch_replies(thread, None))[-1:])
    twitter.reply(Mention(remote_id=two, thread_id=first.remote_id), "Thanks")
    double.delete_remark(two)
    list(twitter.fetch_replies(thread, None))
    list(twitter.fetch_mentions(None))
    list(twitter.search("more", None))
    new = twitter.edit(first.remote_id, Post(text="Hello again"))
    _, cursor = [(batch.items, batch.cursor) for batch in twitter.fetch_posts(None)][-1]
    list(twitter.fetch_posts(cursor))
    twitter.find(Post(text="Hello again"))
    for refused in (
        lambda: twitter.publish(Post(text="Hello again")),
        lambda: twitter.publish(Post(text="")),
        lambda: list(twitter.search("a" * 600, None)),
    ):
        with pytest.raises(HubError):
            refused()
    twitter.edit("12345", Post(text="a"))
    twitter.delete(part.remote_id)
    twitter.delete(new.remote_id)
    twitter.delete(new.remote_id)


def operation(openapi: dict[str, Any], request: Request) -> dict[str, Any] | None:
    paths = openapi["paths"]
    fits = [path for path in paths if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", path), request.path)]
    path = request.path if request.path in paths else next(iter(fits), "")
    found: dict[str, Any] | None = paths.get(path, {}).get(request.method.lower())
    return found


def misfits(openapi: dict[str, Any], schema: dict[str, Any], value: object) -> list[str]:
    root = {**schema, "components": openapi["components"]}
    return [f"{error.json_path}: {error.message[:200]}" for error in OAS30Validator(root).iter_errors(value)]


def parameters(openapi: dict[str, Any], described: dict[str, Any]) -> dict[str, dict[str, Any]]:
    known = openapi["components"]["parameters"]
    resolved = [
        known[each["$ref"].rpartition("/")[2]] if "$ref" in each else each for each in described["parameters"]
    ]
    return {each["name"]: each for each in resolved if each["in"] == "query"}


def schema_of(openapi: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        found: dict[str, Any] = openapi["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def typed(text: str, schema: dict[str, Any]) -> object:
    """Return a query's text as the type that its schema names; lists are joined by commas."""
    if schema.get("type") == "array":
        return text.split(",")
    return int(text) if schema.get("type") == "integer" and text.isdigit() else text


@pytest.mark.parametrize("body", [{"text": 5}, {"txt": "a"}, {"text": "a", "media": {"media_ids": []}}])
def test_the_comparison_sees_a_wrong_body(openapi: dict[str, Any], body: object) -> None:
    assert misfits(openapi, {"$ref": "#/components/schemas/CreatePostsRequest"}, body)


# What the plugin asks


def test_every_call_is_one_that_x_describes(story: Recording, openapi: dict[str, Any]) -> None:
    assert [call.path for call in story.calls if operation(openapi, call) is None] == []


def test_every_query_is_as_x_describes_it(story: Recording, openapi: dict[str, Any]) -> None:
    wrong = []
    for call in story.calls:
        described = operation(openapi, call) or {}
        known = parameters(openapi, described) if "parameters" in described else {}
        wrong += [f"{call.path}: unknown {name}" for name in call.query if name not in known]
        wrong += [
            f"{call.path}: no {name}" for name in known if known[name].get("required") and name not in call.query
        ]
        for name in set(call.query) & set(known):
            schema = schema_of(openapi, known[name]["schema"])
            wrong += [f"{name} {fault}" for fault in misfits(openapi, schema, typed(call.query[name], schema))]
    assert wrong == []


def test_every_body_is_as_x_describes_it(story: Recording, openapi: dict[str, Any]) -> None:
    wrong, seen = [], set()
    for call in story.calls:
        described = (operation(openapi, call) or {}).get("requestBody")
        assert bool(described) == (call.method == "POST")
        if described:
            body: Any = call.json() if call.content_type == "application/json" else dict(call.form())
            if call.content_type == "multipart/form-data":
                body |= {name: content.decode("latin-1") for name, (_, content) in call.files().items()}
            wrong += misfits(openapi, described["content"][call.content_type]["schema"], body)
            seen.add((call.path, call.content_type))
    assert wrong == []
    assert seen == {
        ("/2/tweets", "application/json"),
        ("/2/media/upload", "multipart/form-data"),
        ("/2/media/metadata", "application/json"),
    }


def test_every_call_is_signed_in_a_way_that_x_takes_there(story: Recording, openapi: dict[str, Any]) -> None:
    scheme = {"Bearer": "OAuth2UserToken", "OAuth": "UserToken"}
    for call in story.calls:
        kind = call.headers["authorization"].partition(" ")[0]
        assert any(scheme[kind] in each for each in (operation(openapi, call) or {})["security"])


def test_the_token_is_renewed_where_x_says(openapi: dict[str, Any]) -> None:
    with TwitterDouble(login="renewing") as double:
        double.door.expire()
        twitter = open_adapter(Twitter, double.account())
        twitter.check()
        twitter.http.close()
    flow = openapi["components"]["securitySchemes"]["OAuth2UserToken"]["flows"]["authorizationCode"]
    assert "https://api.x.com" + double.calls[1].path == flow["tokenUrl"]


def test_the_limits_are_those_of_the_documentation(contracts: Path) -> None:
    rows = json.loads((contracts / "x" / "rate-limits.json").read_text())
    told = {f"{row['method']} {row['path']}": row["per_user"].replace(",", "") for row in rows}
    assert {route: told[route].removesuffix("/15min") for route in RATE_LIMITS} == {
        route: str(limit) for route, limit in RATE_LIMITS.items()
    }


# What the double answers


def test_every_success_of_the_double_is_as_x_describes_it(story: Recording, openapi: dict[str, Any]) -> None:
    wrong, seen = [], set()
    for request, reply in story.told:
        if reply.status < 300:
            described = (operation(openapi, request) or {})["responses"][str(reply.status)]
            wrong += misfits(openapi, described["content"]["application/json"]["schema"], reply.json)
            seen.add(f"{request.method} {re.sub('[0-9]{9,}', ':id', request.path)}")
    assert wrong == []
    assert len(seen) == 10


def test_the_double_invents_no_member_of_a_post_or_user(story: Recording, openapi: dict[str, Any]) -> None:
    known = {name: set(openapi["components"]["schemas"][name]["properties"]) for name in ("Post", "User", "Media")}
    for request, reply in story.told:
        if request.method == "GET" and reply.status == 200 and "media" not in request.path:
            data = reply.json.get("data", [])
            name = "User" if request.path == "/2/users/me" else "Post"
            found = [(name, each) for each in (data if isinstance(data, list) else [data])]
            for part, kind in (("users", "User"), ("posts", "Post"), ("media", "Media")):
                found += [(kind, each) for each in reply.json.get("includes", {}).get(part, [])]
            assert [set(each) - known[kind] for kind, each in found if set(each) - known[kind]] == []


def test_every_refusal_of_the_double_is_as_x_describes_it(story: Recording, openapi: dict[str, Any]) -> None:
    wrong, seen = [], set()
    for request, reply in story.told:
        # A problem without a type of its own is as public clients recorded it; the description has typed ones.
        if reply.status >= 400 and reply.json.get("type") != "about:blank":
            described = (operation(openapi, request) or {})["responses"]["default"]["content"][reply.content_type]
            wrong += misfits(openapi, described["schema"], reply.json)
            seen.add(reply.status)
    assert wrong == []
    assert seen == {400, 404}


def test_every_answer_of_the_double_tells_the_limit(story: Recording) -> None:
    names = {"x-rate-limit-limit", "x-rate-limit-remaining", "x-rate-limit-reset"}
    assert all(names <= set(reply.headers) for _, reply in story.told)


# What X answered when it was recorded, and its documentation's examples

Parse = Callable[[Answer], object]


def read_page(answer: Answer) -> object:
    page = answer.decode(shapes.Page)
    assert all(page.data and post.text for post in page.data)
    return wire.mentions(page), wire.posts(page, "company")


def read_one(answer: Answer) -> object:
    body = answer.json()
    return read_page(as_answer({**body, "data": [body["data"]]}))


def read_as(shape: type) -> Parse:
    return lambda answer: answer.decode(shape)


def as_answer(body: object, status: int = 200) -> Answer:
    return Answer(
        status=status,
        headers={},
        body=json.dumps(body).encode(),
        method="GET",
        url="https://api.x.com/",
        repeatable=True,
    )


PARSED: dict[str, Parse] = {
    "recorded-python-twitter/apis/timeline/*.json": read_page,
    "recorded-python-twitter/apis/searches/*.json": read_page,
    "recorded-python-twitter/apis/tweet/tweets_resp.json": read_page,
    "recorded-python-twitter/apis/tweet/tweet_quote_tweets_resp.json": read_page,
    "recorded-python-twitter/apis/tweet/tweet_retweet_tweets_resp.json": read_page,
    "recorded-python-twitter/apis/tweet/tweets_by_user_bookmark.json": read_page,
    "recorded-python-twitter/apis/tweet/tweet_resp.json": read_one,
    "recorded-python-twitter/apis/tweet/create_tweet_resp.json": read_as(shapes.Created),
    "recorded-python-twitter/apis/user/user_liked_tweets_resp.json": read_page,
    "recorded-python-twitter/apis/lists/list_tweets_resp.json": read_page,
    "recorded-python-twitter/apis/space/tweets_by_space.json": read_page,
    "recorded-python-twitter/apis/user/me_resp.json": read_as(shapes.Me),
    "recorded-python-twitter/apis/user/user_resp.json": read_as(shapes.Me),
    "recorded-python-twitter/apis/media_upload_v2/*.json": shapes.upload,
    "recorded-python-twitter/models/tweet.json": read_as(shapes.XPost),
    "recorded-python-twitter/models/user.json": read_as(shapes.User),
    "recorded-python-twitter/models/media.json": read_as(shapes.Picture),
    "recorded-python-twitter/models/expansions.json": read_as(shapes.Includes),
    "recorded-python-twitter/models/meta.json": read_as(shapes.PageMeta),
    "recorded-python-twitter/streams/delete_error.json": shapes.problem,
}
# Interactions in recorded-tweepy-v2, by method and path: the calls that the plugin makes, and lists of posts.
PARSED_CALLS: dict[str, Parse] = {
    "POST /2/tweets": read_as(shapes.Created),
    "DELETE /2/tweets/:id": read_as(shapes.Deleted),
    "GET /2/tweets": read_page,
    "GET /2/tweets/:id": read_one,
    "GET /2/tweets/search/recent": read_page,
    "GET /2/tweets/search/all": read_page,
    "GET /2/tweets/:id/quote_tweets": read_page,
    "GET /2/users/:id/tweets": read_page,
    "GET /2/users/:id/mentions": read_page,
    "GET /2/users/:id/liked_tweets": read_page,
    "GET /2/users/:id/timelines/reverse_chronological": read_page,
    "GET /2/lists/:id/tweets": read_page,
    "GET /2/users/me": read_as(shapes.Me),
    "GET /2/users/by/username/Twitter": read_as(shapes.Me),
}
NOT_CALLED = "the plugin makes no such call"
LEFT_OUT: dict[str, str] = {
    "recorded-tweepy-v1/*": "API 1.1, of which the plugin makes no call",
    "recorded-python-twitter/apis/media_upload/*": "API 1.1 uploads and their image files",
    "recorded-python-twitter/apis/compliance_jobs/*": NOT_CALLED,
    "recorded-python-twitter/apis/dm_events/*": "direct messages: " + NOT_CALLED,
    "recorded-python-twitter/apis/lists/*": "lists of lists and users: " + NOT_CALLED,
    "recorded-python-twitter/apis/space/*": "spaces: " + NOT_CALLED,
    "recorded-python-twitter/apis/trends/*": NOT_CALLED,
    "recorded-python-twitter/apis/usage/*": NOT_CALLED,
    "recorded-python-twitter/apis/tweet/tweets_counts_*": "counts: " + NOT_CALLED,
    "recorded-python-twitter/apis/tweet/tweet_*_users_resp.json": "lists of users: " + NOT_CALLED,
    "recorded-python-twitter/apis/user/*": "lists of users, blocks and mutes: " + NOT_CALLED,
    "recorded-python-twitter/models/*": "objects that the plugin does not read",
    "recorded-python-twitter/streams/*": "stream rules: " + NOT_CALLED,
    "recorded-tweepy-v2/*bookmarks*": NOT_CALLED,
    "recorded-tweepy-v2/*compliance*": NOT_CALLED,
    "recorded-tweepy-v2/*tweets_count*": "counts: " + NOT_CALLED,
    "recorded-tweepy-v2/*follow*": "lists of users: " + NOT_CALLED,
    "recorded-tweepy-v2/*list*": "lists: " + NOT_CALLED,
    "recorded-tweepy-v2/*like_and_unlike*": NOT_CALLED,
    "recorded-tweepy-v2/*liking_users*": "lists of users: " + NOT_CALLED,
    "recorded-tweepy-v2/*retweet*": "reposts: " + NOT_CALLED,
    "recorded-tweepy-v2/*mute*": NOT_CALLED,
    "recorded-tweepy-v2/*space*": "spaces: " + NOT_CALLED,
    "recorded-tweepy-v2/*direct_messages*": "direct messages: " + NOT_CALLED,
    "recorded-tweepy-v2/*hide_and_unhide_reply*": NOT_CALLED,
    "recorded-tweepy-v2/*get_users.json": "lists of users: " + NOT_CALLED,
}


def recorded(contracts: Path) -> dict[str, Path]:
    folder = contracts / "x"
    files = [path for path in folder.rglob("*") if path.is_file() and path.parent != folder]
    return {str(path.relative_to(folder)): path for path in sorted(files)}


def interactions(path: Path) -> Iterator[tuple[Parse, Answer]]:
    """Yield what the plugin can read of one recorded session."""
    for each in json.loads(path.read_text()):
        asked, told = each["request"], each["response"]
        route = re.sub(
            r"(?<=[a-z]/)\d+", ":id", asked["uri"].split("?")[0].removeprefix("https://api.twitter.com")
        )
        parse = PARSED_CALLS.get(f"{asked['method']} {route}")
        if parse is not None:
            body = told["body"]["json"]
            yield parse, as_answer(body, told["status"])


def first_match(name: str, patterns: dict[str, Any]) -> Any:
    return next((patterns[pattern] for pattern in patterns if fnmatch(name, pattern)), None)


def test_every_recorded_answer_is_parsed_or_left_out_with_a_reason(contracts: Path) -> None:
    silent = []
    for name, path in recorded(contracts).items():
        calls = list(interactions(path)) if name.startswith("recorded-tweepy-v2/") else []
        if not calls and not first_match(name, PARSED) and not first_match(name, LEFT_OUT):
            silent.append(name)
    assert silent == []


def test_no_reason_is_given_for_what_is_not_there(contracts: Path) -> None:
    names = list(recorded(contracts))
    assert [pattern for pattern in (*PARSED, *LEFT_OUT) if not any(fnmatch(name, pattern) for name in names)] == []


def test_every_recorded_answer_to_a_call_of_ours_is_read(contracts: Path) -> None:
    read: set[str] = set()
    for name, path in recorded(contracts).items():
        if name.startswith("recorded-tweepy-v2/"):
            for parse, answer in interactions(path):
                assert parse(answer)
                read.add(name)
        elif parse_file := first_match(name, PARSED):
            assert parse_file(as_answer(json.loads(path.read_text())))
            read.add(name)
    assert len(read) >= 50


def test_recorded_posts_keep_their_links_and_people(contracts: Path) -> None:
    path = contracts / "x" / "recorded-python-twitter" / "apis" / "searches" / "search_tweets_query.json"
    found = wire.mentions(msgspec.json.decode(path.read_bytes(), type=shapes.Page))
    assert [(each.author.handle if each.author else "", each.parent_id or each.thread_id) for each in found] == [
        ("happycamper", "1275653067283759104"),
        ("snowman", "1273733248749690880"),
        ("jellybeanjones", "1275653067283759104"),
        ("snowman", "1274086728471461889"),
    ]
    assert "t.co" not in found[0].text


EXAMPLES: dict[str, Parse | str] = {
    "x-api/posts/lookup/*": read_page,
    "x-api/posts/search/*": read_page,
    "x-api/posts/timelines/quickstart/*": read_page,
    "x-api/posts/quote-tweets/*": read_page,
    "x-api/posts/manage-tweets/*": read_as(shapes.Created),
    "x-api/fundamentals/conversation-id.mdx": read_page,
    "x-api/fundamentals/edit-posts.mdx": read_page,
    "x-api/fundamentals/data-dictionary*": read_page,
    "x-api/fundamentals/expansions.mdx": read_page,
    "x-api/fundamentals/response-codes-and-errors.mdx": read_page,
    "x-api/media/quickstart/*": shapes.upload,
}


def test_the_documentations_examples_of_our_calls_are_read(contracts: Path) -> None:
    examples = json.loads((contracts / "x" / "docs-examples.json").read_text())
    read = 0
    for each in examples:
        parse, body = first_match(each["page"], EXAMPLES), each["example"]
        data = body.get("data") if isinstance(body, dict) else None
        if parse is None or not data or (isinstance(data, dict) and ("deleted" in data or "username" in data)):
            continue
        if parse is read_page and isinstance(data, dict):
            body = {**body, "data": [data]}
        assert parse(as_answer(body))
        read += 1
    assert read >= 25


@pytest.mark.parametrize(
    ("example", "status", "error"),
    [
        (("fundamentals/rate-limits.mdx", "Rate limit errors"), 429, TransientError),
        (("x-api/fundamentals/consistency.mdx", "Error handling"), 400, RejectedError),
        (("x-api/fundamentals/response-codes-and-errors.mdx", "Error response format"), 400, RejectedError),
        ("recorded-python-twitter/streams/delete_error.json", 400, RejectedError),
        # Recorded by several public clients.
        (
            {
                "title": "Forbidden",
                "detail": "You are not allowed to create a Tweet with duplicate content.",
                "type": "about:blank",
                "status": 403,
            },
            403,
            DuplicateError,
        ),
        (
            {"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"},
            401,
            AuthError,
        ),
        ({"title": "Not Found", "type": "about:blank", "status": 404}, 404, GoneError),
    ],
)
def test_the_errors_that_x_shows_say_what_to_do_next(
    contracts: Path, example: Any, status: int, error: type[HubError]
) -> None:
    if isinstance(example, str):
        body = json.loads((contracts / "x" / example).read_text())
    elif isinstance(example, tuple):
        examples = json.loads((contracts / "x" / "docs-examples.json").read_text())
        body = next(each["example"] for each in examples if (each["page"], each["section"]) == example)
    else:
        body = example
    with TwitterDouble() as double:
        twitter = open_adapter(Twitter, double.account(), deadline=0.5)
        double.inject(faults.answered(Reply(body, status)))
        with pytest.raises(error):
            twitter.publish(Post(text="Hello"))
        twitter.http.close()
