"""The WordPress plugin and its double against the routes and JSON schemas of WordPress's REST API."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from jsonschema import Draft201909Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT201909

from hub import Media, Post, RejectedError, Thread
from hub.testing import Reply, Request, open_adapter
from plugins.wordpress import WordPress
from plugins.wordpress.sandbox import WordPressDouble

pytestmark = pytest.mark.contract

TRUNK = "https://raw.githubusercontent.com/johnbillion/wp-json-schemas/trunk/"
# Every route takes these; https://developer.wordpress.org/rest-api/using-the-rest-api/global-parameters/.
EVERYWHERE = {"_fields", "_embed", "rest_route"}
# The stored routes are of WordPress 4.7; `force` belongs to every deletion.
LATER = {("GET", "/wp/v2/posts", "modified_after"): "since 5.7", ("DELETE", "*", "force"): "of every deletion"}
# What each route's items are by the schemas.
SHAPES = {"posts": "post", "comments": "comment", "media": "attachment", "users": "user", "categories": "category"}


class Noting(WordPressDouble):
    """The double, keeping what it answered."""

    def __init__(self, *, pretty: bool = True) -> None:
        super().__init__(pretty=pretty)
        self.answers: list[tuple[Request, Reply]] = []

    def answer(self, request: Request) -> Reply:
        reply = super().answer(request)
        self.answers.append((request, replace(reply, json=json.loads(json.dumps(reply.json)))))
        return reply


@pytest.fixture(params=[True, False], ids=["pretty", "plain"])
def story(request: pytest.FixtureRequest) -> Iterator[list[tuple[Request, Reply]]]:
    """Let the plugin do all that it can, and return each call with its answer."""
    with Noting(pretty=request.param) as double:
        changed = {"categories": ["news & views", 1], "comment_status": "open", "author": 1, "excerpt": True}
        blog = open_adapter(WordPress, {**double.account(), **changed, "held": True})
        blog.check()
        pictures = tuple(Media(content=b"\x89PNG%d" % at, mime="image/png", alt=f"Barn {at}") for at in range(2))
        post = Post(
            title='A "title" & more', text="Hello\n\nthere", link="https://example.org/", media=pictures, key="k"
        )
        receipt = blog.publish(post)
        blog.find(post)
        blog.find(replace_key(post))
        blog.edit(receipt.remote_id, post)
        blog.publish(Post(text="From elsewhere", reply_to=receipt, key="c"))
        blog.find(Post(text="From elsewhere", reply_to=receipt, key="c"))
        anna, guest = (
            double.add_person("Anna Kim", "anna", "anna@example.org"),
            double.add_guest("A. Guest", "g@h.org"),
        )
        for number in range(120):
            double.say((anna, guest)[number % 2], receipt.remote_id, f"Remark {number}")
        double.held_remarks.add(double.say(guest, receipt.remote_id, "Not yet"))
        for _ in range(2):
            *_, posts = blog.fetch_posts(None)
            list(blog.fetch_posts(posts.cursor))
            *_, mentions = blog.fetch_mentions(None)
            list(blog.fetch_mentions(mentions.cursor))
            *_, replies = blog.fetch_replies(Thread(remote_id=receipt.remote_id), None)
            list(blog.fetch_replies(Thread(remote_id=receipt.remote_id), replies.cursor))
        answer = blog.reply(replies.items[0], "Thank you")
        blog.edit(answer.remote_id, Post(text="Thank you!"))
        blog.delete(answer.remote_id)
        blog.delete(receipt.remote_id)
        blog.delete(receipt.remote_id)
        with pytest.raises(RejectedError):
            list(blog.fetch_replies(Thread(remote_id="4711"), None))
        blog.http.close()
        yield double.answers


def replace_key(post: Post) -> Post:
    return Post(text=post.text, key="never published")


def route_of(request: Request) -> str:
    return request.query.get("rest_route") or request.path.removeprefix("/wp-json")


@pytest.fixture
def routes(contracts: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((contracts / "wordpress" / "wpapi-default-routes.json").read_text())
    return found


def pattern_of(routes: dict[str, Any], route: str) -> str | None:
    """Return the name of a route in WordPress's own list."""
    return next((name for name in routes if re.fullmatch(name, route)), None)


def test_every_call_is_one_of_wordpress_own_routes(
    routes: dict[str, Any], story: list[tuple[Request, Reply]]
) -> None:
    wrong, met = [], set()
    for request, _ in story:
        route = route_of(request)
        name = pattern_of(routes, route)
        if name is None:
            wrong.append(f"no route {route}")
            continue
        met.add(name)
        ends = [end for end in routes[name]["endpoints"] if request.method in end["methods"]]
        wrong += [] if ends else [f"no {request.method} {name}"]
        known = {arg for end in ends for arg in end["args"]} | EVERYWHERE
        for arg in request.query.keys() - known:
            if not ({(request.method, name, arg), (request.method, "*", arg)} & LATER.keys()):
                wrong.append(f"{request.method} {name} has no argument {arg}")
    assert not wrong
    assert len(met) == 8


FORMATS = FormatChecker(formats=("email", "ipv4", "ipv6"))


@FORMATS.checks("uri")
def is_address(value: object) -> bool:
    """Tell an address; the validator's own check is asked for by a package that is not here."""
    return not isinstance(value, str) or (bool(urlsplit(value).scheme) and " " not in value)


class Schemas:
    """The JSON schemas, with the one definition that they take from elsewhere."""

    def __init__(self, folder: Path) -> None:
        empty = {"definitions": {"EmptyArray": {"type": "array", "maxItems": 0}}}
        resources = [(f"{TRUNK}schema.json", Resource.from_contents(empty, default_specification=DRAFT201909))]
        for file in folder.rglob("*.json"):
            content = json.loads(file.read_text())
            content.pop("$schema", None)
            name = f"{TRUNK}schemas/{file.relative_to(folder).as_posix()}"
            content["$id"] = name
            resources.append((name, Resource.from_contents(content, default_specification=DRAFT201909)))
        self.registry: Registry[Any] = Registry().with_resources(resources)

    def errors(self, name: str, value: Any) -> list[str]:
        """Return what is wrong with a value by the schema `rest-api/NAME.json`."""
        schema = {"$ref": f"{TRUNK}schemas/rest-api/{name}.json"}
        found = Draft201909Validator(schema, registry=self.registry, format_checker=FORMATS).iter_errors(value)
        return [f"{name} {error.json_path}: {error.message[:200]}" for error in found]


@pytest.fixture
def schemas(contracts: Path) -> Schemas:
    return Schemas(contracts / "wordpress" / "wp-json-schemas")


def test_every_answer_of_the_double_is_one_that_the_schemas_allow(
    schemas: Schemas, story: list[tuple[Request, Reply]]
) -> None:
    wrong, looked = [], set()
    for request, reply in story:
        kind = SHAPES.get(route_of(request).split("/")[3], "")
        if "_fields" in request.query:
            continue
        if reply.status >= 400:
            wrong += schemas.errors("error", reply.json)
            looked.add("error")
            continue
        values = reply.json if isinstance(reply.json, list) else [reply.json]
        for value in values:
            # The schema wants the author in what is embedded; WordPress embeds what was asked for.
            embedded = value.pop("_embedded", {})
            wrong += [
                error
                for image in embedded.get("wp:featuredmedia", [])
                for error in schemas.errors("attachment", image)
            ]
            wrong += schemas.errors(kind, value)
            looked.add(kind)
    assert not wrong
    assert looked == {*SHAPES.values(), "error"}


def test_the_schema_check_itself_sees_what_is_wrong(schemas: Schemas, story: list[tuple[Request, Reply]]) -> None:
    comment = next(
        reply.json for request, reply in story if request.method == "POST" and "comments" in route_of(request)
    )
    assert not schemas.errors("comment", comment)
    assert schemas.errors("comment", {**comment, "id": "7"})
    assert schemas.errors("comment", {**comment, "date_gmt": "yesterday"})
    assert schemas.errors("comment", {name: value for name, value in comment.items() if name != "post"})


def test_what_is_written_has_only_fields_of_the_schemas(
    contracts: Path, story: list[tuple[Request, Reply]]
) -> None:
    """A body's names are those of the item's properties; a deletion and an upload have bodies of other kinds."""
    folder = contracts / "wordpress" / "wp-json-schemas" / "rest-api"
    partials = [*folder.glob("partials/post/*.json"), folder / "post.json"]
    known = {
        "posts": {name for file in partials for name in json.loads(file.read_text()).get("properties", {})},
        "comments": set(json.loads((folder / "comment.json").read_text())["properties"]),
        "media": {*json.loads((folder / "attachment.json").read_text())["properties"]},
    }
    wrong, bodies = set(), 0
    for request, _ in story:
        if request.method == "POST":
            kind = route_of(request).split("/")[3]
            sent = request.form() if kind == "media" else request.json()
            wrong |= {f"{kind}.{name}" for name in sent.keys() - known[kind]}
            bodies += 1
    assert (wrong, bodies >= 6) == (set(), True)
