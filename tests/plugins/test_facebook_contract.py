"""Holds the Facebook plugin and its double against the official node specs and recorded answers."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from hub import Answer, HubError, Media, Post, RejectedError, Thread
from hub.testing import Double, Reply, Request, open_adapter
from plugins.facebook import Facebook, faults, wire
from plugins.facebook.sandbox import FIELDS, PARAMETERS, FacebookDouble

pytestmark = pytest.mark.contract

Json = Any
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16
# Parameters of the Graph API as a whole; the node specs do not repeat them for each edge.
GENERAL = {"fields": "string", "limit": "unsigned int", "after": "string", "appsecret_proof": "string"}
# Documented (Page Photos: "source"), but files are no parameters in the specs' list.
DOCUMENTED = {("Page", "POST", "photos", "source")}
# The specs name the edge but not the node that it returns; a recorded post shows its fields.
SHOWN_BY_RECORDS = {"attachments"}
SCHEMAS: dict[str, Json] = {
    "string": {"type": "string"},
    "datetime": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000$"},
    "bool": {"type": "boolean"},
    "unsigned int": {"type": "integer", "minimum": 0},
    "Object": {"type": "object"},
    "Comment": {"type": "object", "required": ["id"]},
}
TEXTS = {
    "string": r"(?s).*",
    "bool": "true|false",
    "unsigned int": r"\d+",
    "datetime": r"\d+",
    "list<Object>": r"\{.*\}",
}
# Recorded answers to calls that the plugin does not make: pattern -> reason.
LEFT_OUT = {
    "instagram/*": "another network",
    "instagram_basic/*": "another network",
    "base/*token*": "answers of the login dialogues; the plugin is given its token",
    "base/connecion_data.json": "a profile picture, which the plugin does not read",
    "base/19292868552-picture.png": "a profile picture, which the plugin does not read",
    "base/discovery_medias_p?.json": "Instagram's business discovery",
    "base/objects_default.json": "many nodes in one call (`ids`), which the plugin does not make",
    "facebook/apidata/albums/*": "albums are not read",
    "facebook/apidata/applications/*": "the app's own node is not read",
    "facebook/apidata/business/*": "businesses are not read",
    "facebook/apidata/conversations/*": "Messenger is not read",
    "facebook/apidata/events/*": "events are not read",
    "facebook/apidata/groups/group*": "groups are not read; their feed is, as the only one with paging by time",
    "facebook/apidata/likes/*": "likes are not read",
    "facebook/apidata/live_videos/*": "live videos are not read",
    "facebook/apidata/messages/*": "Messenger is not read",
    "facebook/apidata/pages/multi_*": "many nodes in one call (`ids`), which the plugin does not make",
    "facebook/apidata/pages/search_pages.json": "pages are not searched for",
    "facebook/apidata/photos/*": "photos are put up, not read",
    "facebook/apidata/pictures/*": "profile pictures are not read",
    "facebook/apidata/users/*": "users are not read, nor the list of their pages",
    "facebook/apidata/videos/*": "videos are not read",
    "facebook/models/[!pc]*": "a node that the plugin does not read",
    "facebook/models/conversation.json": "Messenger is not read",
    "facebook/models/photo.json": "photos are put up, not read",
}
FEEDS = [f"base/full_connecions_p{n}.json" for n in (1, 2)]
FEEDS += [f"facebook/apidata/groups/feed_p{n}.json" for n in (1, 2)]
PAGES = ["base/object_data.json", "base/object_default.json", "facebook/models/page.json"]
PAGES += [f"facebook/apidata/pages/single_{kind}_page.json" for kind in ("default", "fields")]
ERRORS = {"error.json": RejectedError, "base/error_data.json": RejectedError}
ITEMS = ["facebook/models/post.json", "facebook/models/comment.json"]


class Story:
    """Everything that the plugin does, once, and what was sent and answered."""

    def __init__(self) -> None:
        self.answers: list[tuple[Request, Json]] = []
        with FacebookDouble(app_secret="the-app-secret", largest_page=2) as double:
            answer = double.answer

            class Witness(Double):
                """Answers from the double and keeps what it said."""

                def answer(witness, request: Request) -> Reply:  # noqa: N805
                    reply = answer(request)
                    self.answers.append((request, json.loads(reply.encoded())))
                    return reply

            with Witness() as witness:
                adapter = open_adapter(Facebook, {**double.account(), "api_url": witness.url}, deadline=2.0)
                self.tell(adapter, double)
                adapter.http.close()

    def tell(self, page: Facebook, double: FacebookDouble) -> None:
        page.check()
        first = page.publish(Post(text="text"))
        page.publish(Post(text="link", link="https://example.org/"))
        images = [Media(content=PNG, mime="image/png", alt="a"), Media(url="https://example.org/b.png")]
        page.publish(Post(text="images", media=images))
        page.publish(Post(text="part two", reply_to=first))
        page.publish(Post(text="part three", reply_to=first, media=images[:1]))
        page.edit(first.remote_id, Post(text="edited"))
        ann = double.add_person("Ann", "ann")
        double.tag_page(ann, "tag")
        double.post_on_page(ann, "visit")
        double.say(ann, first.remote_id, "deeper", double.say(ann, first.remote_id, "said"))
        for cursor in (None, "1"):
            list(page.fetch_posts(cursor))
            list(page.fetch_replies(Thread(remote_id=first.remote_id), cursor))
        mentions = [item for batch in page.fetch_mentions(None) for item in batch.items]
        comments = [
            item for batch in page.fetch_replies(Thread(remote_id=first.remote_id), None) for item in batch.items
        ]
        page.reply(mentions[-1], "yes")
        page.reply(comments[-1], "thanks")
        page.delete(first.remote_id)
        page.delete(first.remote_id)


@pytest.fixture(scope="module")
def story() -> Story:
    return Story()


@pytest.fixture
def specs(contracts: Path) -> dict[str, Json]:
    folder = contracts / "facebook" / "specs"
    nodes = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    return {**nodes, "enums": {enum["name"]: enum["values"] for enum in nodes.pop("enum_types")}}


@pytest.fixture
def recorded(contracts: Path) -> Path:
    return contracts / "facebook" / "recorded"


def called(request: Request) -> tuple[str, str]:
    """Return the node and the edge (or `#get`, `#update`, `#delete`) of a call."""
    _, _, node, *edge = request.path.split("/")
    page = FacebookDouble.us.id
    kind = "Page" if node in ("me", page) else "PagePost" if node.startswith(f"{page}_") else "Comment"
    return kind, edge[0] if edge else {"GET": "#get", "POST": "#update", "DELETE": "#delete"}[request.method]


def declared(specs: dict[str, Json], kind: str, method: str, edge: str) -> Json:
    [api] = [
        api
        for api in specs[kind]["apis"]
        if api["method"] == method and edge in (api.get("endpoint"), api.get("name"))
    ]
    return api


def sent(request: Request) -> dict[str, str]:
    return {**request.query, **(request.form() if request.body else {}), **dict.fromkeys(request.files(), "")}


def asked(fields: str) -> list[str]:
    return re.sub(r"\{(?:[^{}]|\{[^{}]*\})*\}", "", fields).split(",")


def fields_of(specs: dict[str, Json], kind: str) -> dict[str, str]:
    """Return a node's fields with their types; an edge may be asked for like a field."""
    edges = {
        api["endpoint"]: "Object" for api in specs[kind]["apis"] if "endpoint" in api and api["method"] == "GET"
    }
    return {**edges, **{field["name"]: field["type"] for field in specs[kind]["fields"]}}


def returned(specs: dict[str, Json], request: Request) -> str:
    kind, edge = called(request)
    return str(declared(specs, kind, request.method, edge)["return"])


def test_every_call_of_the_story_is_one_that_the_specs_know(story: Story, specs: dict[str, Json]) -> None:
    calls = {(request.method, *called(request)) for request, _ in story.answers}
    for method, kind, edge in calls:
        declared(specs, kind, method, edge)
    assert {(method, edge) for method, _, edge in calls} == set(PARAMETERS)
    assert ("POST", "PagePost", "comments") in calls
    assert ("POST", "Comment", "comments") in calls


def test_every_parameter_is_in_the_specs_with_a_value_of_its_type(story: Story, specs: dict[str, Json]) -> None:
    for request, _ in story.answers:
        kind, edge = called(request)
        types = {param["name"]: param["type"] for param in declared(specs, kind, request.method, edge)["params"]}
        for name, value in sent(request).items():
            name = name.partition("[")[0]
            if (kind, request.method, edge, name) in DOCUMENTED:
                continue
            type_ = {**GENERAL, **types}[name]
            if type_ in specs["enums"]:
                assert value in specs["enums"][type_], (edge, name, value)
            else:
                assert re.fullmatch(TEXTS[type_], value), (edge, name, value)


def test_what_the_double_takes_is_in_the_specs(specs: dict[str, Json]) -> None:
    for (method, edge), checks in PARAMETERS.items():
        kind = "Page" if edge in ("published_posts", "visitor_posts", "tagged", "feed", "photos") else "PagePost"
        names = {param["name"] for param in declared(specs, kind, method, edge)["params"]} | set(GENERAL)
        assert set(checks) <= names, edge


def test_every_field_asked_for_is_one_of_the_node_that_comes_back(story: Story, specs: dict[str, Json]) -> None:
    for request, _ in story.answers:
        if "fields" in request.query:
            known = fields_of(specs, returned(specs, request))
            assert set(asked(request.query["fields"])) <= set(known), request.path


def test_what_the_double_answers_has_the_fields_and_types_of_the_specs(
    story: Story, specs: dict[str, Json]
) -> None:
    read = 0
    for request, body in story.answers:
        if request.method != "GET" or "error" in body:
            continue
        types = fields_of(specs, returned(specs, request))
        schema = {
            "type": "object",
            "properties": {name: SCHEMAS.get(type_, {}) for name, type_ in types.items()},
            "additionalProperties": False,
        }
        for item in body.get("data", [body]):
            Draft202012Validator(schema).validate(item)
            read += 1
    assert read > 10


def test_the_fields_that_the_double_knows_are_in_the_specs(specs: dict[str, Json]) -> None:
    for kind, names in FIELDS.items():
        assert names <= set(fields_of(specs, kind)), kind


def test_the_attachments_of_the_double_have_no_field_that_a_recorded_post_has_not(
    story: Story, recorded: Path
) -> None:
    post = json.loads((recorded / "facebook/models/post.json").read_text())
    [album] = post["attachments"]["data"]
    known = set(album) | {key for item in album["subattachments"]["data"] for key in item}
    seen = {
        key
        for _, body in story.answers
        for item in body.get("data", [])
        for attachment in item.get("attachments", {}).get("data", [])
        for part in (attachment, *attachment.get("subattachments", {}).get("data", []))
        for key in part
    }
    assert {"type", "unshimmed_url", "subattachments", "media"} <= seen <= known


def test_errors_of_the_double_have_the_keys_of_the_recorded_ones(story: Story, recorded: Path) -> None:
    keys = set(json.loads((recorded / "error.json").read_text())["error"])
    [body] = [body for _, body in story.answers if "error" in body]
    assert set(body["error"]) == keys | {"error_subcode"}


@pytest.mark.parametrize("name", FEEDS)
def test_a_recorded_feed_goes_through_both_parsers(recorded: Path, name: str) -> None:
    page = msgspec.json.decode((recorded / name).read_bytes(), type=wire.Listing[wire.FeedPost])
    assert len(wire.remote_posts(page.data)) == len(wire.mentions_of(page.data, "")) == len(page.data) > 0
    assert all(item.sent_at for item in wire.remote_posts(page.data))


@pytest.mark.parametrize("name", FEEDS)
def test_the_page_after_a_recorded_one_is_asked_for_without_its_token(recorded: Path, name: str) -> None:
    page = msgspec.json.decode((recorded / name).read_bytes(), type=wire.Listing[wire.FeedPost])
    assert bool(wire.following(page)) == ("_p1" in name)
    assert "access_token" not in wire.following(page)


@pytest.mark.parametrize("name", PAGES)
def test_a_recorded_page_says_who_it_is(recorded: Path, name: str) -> None:
    me = msgspec.json.decode((recorded / name).read_bytes(), type=wire.Person)
    assert me.id.isdigit()
    assert me.name


def test_a_recorded_post_is_read_with_all_its_images(recorded: Path) -> None:
    item = msgspec.json.decode((recorded / "facebook/models/post.json").read_bytes(), type=wire.FeedPost)
    [post] = wire.remote_posts([item])
    assert len(post.media) > 1
    assert all(media.url.startswith("https://scontent") for media in post.media)


def test_a_recorded_comment_has_the_id_and_permalink_that_the_plugin_makes_itself(recorded: Path) -> None:
    item = msgspec.json.decode((recorded / "facebook/models/comment.json").read_bytes(), type=wire.Comment)
    [comment] = wire.comments_of([item], "2121008874780932_2954961744718970")
    assert comment.remote_id == "2954961744718970_2966313500250461"
    assert comment.author is not None
    thread = wire.post_receipt(comment.thread_id).url
    assert comment.url.replace("/?", "?") == f"{thread}?comment_id=2966313500250461"


@pytest.mark.parametrize(("name", "expected"), ERRORS.items())
def test_a_recorded_error_is_judged_by_its_code(recorded: Path, name: str, expected: type[HubError]) -> None:
    body = (recorded / name).read_bytes()
    fault = faults.fault_of(Answer(status=400, headers={}, body=body, method="GET", url="", repeatable=True))
    assert fault is not None
    assert type(faults.error_of(fault, "", status=400, repeatable=True, wait=0)) is expected


def every(recorded: Path) -> Iterator[str]:
    return (path.relative_to(recorded).as_posix() for path in sorted(recorded.rglob("*")) if path.is_file())


def test_every_recorded_file_is_parsed_or_left_out_for_a_reason(recorded: Path) -> None:
    parsed = {*FEEDS, *PAGES, *ERRORS, *ITEMS}
    silent = [
        name
        for name in every(recorded)
        if name not in parsed and not any(fnmatch.fnmatch(name, pattern) for pattern in LEFT_OUT)
    ]
    assert silent == []


def test_every_reason_for_leaving_out_still_has_a_file(recorded: Path) -> None:
    names = list(every(recorded))
    assert [pattern for pattern in LEFT_OUT if not fnmatch.filter(names, pattern)] == []
