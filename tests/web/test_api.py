"""The API: what it gives and takes, to whom, and how it says no."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from web.village import TEXT, Place, opened

API = "/api/v1"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with opened(tmp_path) as found:
        yield found


@pytest.fixture
def anna(place: Place) -> TestClient:
    return place.client("anna")


def newest(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"{API}/mentions").json()["mentions"][0]
    return found


def test_mentions_are_found_by_the_query_and_paged(anna: TestClient) -> None:
    first = anna.get(f"{API}/mentions?limit=2").json()
    rest = anna.get(f"{API}/mentions", params={"limit": 2, "cursor": first["next"]}).json()
    texts = [one["text"] for one in first["mentions"] + rest["mentions"]]
    assert sorted(texts) == ["@club спасибо", "А мне нет <b>", "Хорошая книга!"]
    assert (rest["next"], rest["previous"] is None) == (None, False)
    found = anna.get(f"{API}/mentions", params={"q": "from:игорь status:new"}).json()["mentions"]
    assert [one["text"] for one in found] == ["А мне нет <b>"]


def test_a_mention_is_worked_on(place: Place, anna: TestClient) -> None:
    at = f"{API}/mentions/{newest(anna)['id']}"
    anna.post(f"{at}/assignee", json={"user": place.people["bob"].id})
    anna.post(f"{at}/labels", json={"name": "срочно"})
    assert anna.post(f"{at}/notes", json={"text": "спросить Петра"}).status_code == 201
    anna.post(f"{at}/status", json={"status": "done"})
    found = anna.get(at).json()
    assert (found["status"], found["assignee"]["name"], found["labels"]) == ("done", "bob", ["срочно"])
    assert [note["text"] for note in anna.get(f"{at}/notes").json()["notes"]] == ["спросить Петра"]
    kinds = [event["kind"] for event in anna.get(f"{at}/history").json()["events"]]
    assert kinds == ["assigned", "labelled", "noted", "status"]
    assert anna.post(f"{at}/labels/remove", json={"name": "срочно"}).json()["labels"] == []


def test_an_answer_goes_out_once_however_often_it_is_sent(place: Place, anna: TestClient) -> None:
    mention = next(m for m in anna.get(f"{API}/mentions").json()["mentions"] if m["kind"] != "mention")
    at = f"{API}/mentions/{mention['id']}/replies"
    wish = {"text": "Спасибо!", "seen": 0, "key": "form-1"}
    first, again = anna.post(at, json=wish), anna.post(at, json=wish)
    assert (first.status_code, again.json()) == (201, first.json())
    assert [one.text for one in place.double.remarks.values()].count("Спасибо!") == 1


def test_who_has_not_seen_the_last_answer_is_told_of_it(anna: TestClient) -> None:
    mention = next(m for m in anna.get(f"{API}/mentions").json()["mentions"] if m["kind"] != "mention")
    at = f"{API}/mentions/{mention['id']}/replies"
    anna.post(at, json={"text": "Спасибо!", "seen": 0})
    late = anna.post(at, json={"text": "И вам спасибо!", "seen": 0})
    assert (late.status_code, late.json()["error"]["code"]) == (409, "answered")
    seen = anna.get(at).json()["seen"]
    assert anna.post(at, json={"text": "И вам спасибо!", "seen": seen}).status_code == 201


def test_a_post_is_tried_then_accepted_once(place: Place, anna: TestClient) -> None:
    wish: dict[str, Any] = {
        "text": "Новая глава",
        "to": ["home", "far"],
        "key": "chapter",
        "versions": {"far": "Глава!"},
    }
    dry = anna.post(f"{API}/posts", json={**wish, "dry_run": True}).json()
    assert (dry["post"], [plan["parts"][0]["text"] for plan in dry["plans"]]) == (None, ["Новая глава", "Глава!"])
    first, again = anna.post(f"{API}/posts", json=wish).json(), anna.post(f"{API}/posts", json=wish).json()
    assert (first["new"], again["new"], again["post"]["id"]) == (True, False, first["post"]["id"])
    other = anna.post(f"{API}/posts", json={**wish, "text": "Другая"})
    assert (other.status_code, other.json()["ok"]) == (409, False)
    place.hub.tick()
    found = anna.get(f"{API}/posts/{first['post']['id']}").json()
    assert [one["state"] for one in found["deliveries"]] == ["published", "published"]


def test_posts_are_paged(anna: TestClient) -> None:
    for number in range(3):
        anna.post(f"{API}/posts", json={"text": f"Пост {number}", "to": ["home"]})
    first = anna.get(f"{API}/posts?limit=2").json()
    rest = anna.get(f"{API}/posts", params={"limit": 2, "before": first["before"]}).json()
    assert [post["text"] for post in first["posts"] + rest["posts"]] == ["Пост 2", "Пост 1", "Пост 0", TEXT]
    assert rest["before"] is None


def test_a_delivery_that_is_settled_already_is_refused(anna: TestClient) -> None:
    delivery = anna.get(f"{API}/posts").json()["posts"][0]["deliveries"][0]
    answer = anna.post(f"{API}/deliveries/{delivery['id']}/settle", json={"word": "drop"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "usage")


def test_a_discussion_is_a_tree(anna: TestClient) -> None:
    (line,) = anna.get(f"{API}/discussions").json()["discussions"]
    nodes = anna.get(f"{API}/discussions/{line['id']}").json()["nodes"]
    laid_out = [(node["depth"], node["mention"]["text"]) for node in nodes]
    assert laid_out == [(0, "Хорошая книга!"), (1, "А мне нет <b>"), (0, "@club спасибо")]
    assert anna.get(f"{API}/discussions/{line['id']}/why").json() == {"joins": [], "repeats": []}


def test_a_deep_discussion_is_given_whole(place: Place, anna: TestClient) -> None:
    person, above = place.double.add_person("Глубина", "deep"), None
    for number in range(300):
        above = place.double.say(person, place.double.held()[0].id, f"Ответ {number}", above)
    place.hub.tick_all()
    line = max(anna.get(f"{API}/discussions").json()["discussions"], key=lambda one: one["mentions"])
    answer = anna.get(f"{API}/discussions/{line['id']}")
    assert answer.status_code == 200
    assert answer.text.count("Ответ ") == 300


def test_changes_are_told_after_a_number(anna: TestClient) -> None:
    start = anna.get(f"{API}/changes", params={"after": 0}).json()["latest"]
    anna.post(f"{API}/posts", json={"text": "Новость", "to": ["home"]})
    found = anna.get(f"{API}/changes", params={"after": start}).json()
    assert [one["kind"] for one in found["changes"]] == ["posts"]
    assert not found["gap"]
    assert anna.get(f"{API}/changes", params={"after": 10**15}).json()["gap"]


def test_who_asks_is_told_who_they_are(place: Place) -> None:
    found = place.client("bob").get(f"{API}/me").json()
    assert (found["name"], found["role"], found["may"], found["accounts"]) == (
        "bob",
        "responder",
        ["read", "respond"],
        ["far"],
    )


def test_what_is_on_accounts_of_others_is_not_there_for_a_bounded_user(place: Place, anna: TestClient) -> None:
    bob = place.client("bob")
    discussion = anna.get(f"{API}/discussions").json()["discussions"][0]["id"]
    assert bob.get(f"{API}/mentions").json()["mentions"] == []
    assert bob.get(f"{API}/posts").json()["posts"] == []
    assert bob.get(f"{API}/discussions").json()["discussions"] == []
    assert [one["name"] for one in bob.get(f"{API}/accounts").json()["accounts"]] == ["far"]
    for path in (f"mentions/{newest(anna)['id']}", "posts/1", f"discussions/{discussion}"):
        assert bob.get(f"{API}/{path}").status_code == 404, path
    assert bob.get(f"{API}/contacts").status_code == 403


def test_a_reader_changes_nothing(place: Place, anna: TestClient) -> None:
    answer = place.client("rita").post(f"{API}/mentions/{newest(anna)['id']}/status", json={"status": "done"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert newest(anna)["status"] == "new"


def test_nobody_is_told_to_log_in(place: Place) -> None:
    answer = place.client(None).get(f"{API}/mentions", follow_redirects=False)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "login")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("mentions/0", 422),
        ("mentions/9223372036854775808", 422),
        ("mentions/9223372036854775807", 404),
        ("mentions?limit=-1", 422),
        ("mentions?q=%00", 422),
        ("mentions?q=status:nonsense", 400),
        ("mentions?cursor=nonsense", 400),
        ("posts?before=99999999999999999999", 422),
        ("posts/7000", 404),
        ("nothing", 404),
    ],
)
def test_what_cannot_be_read_or_found_is_said_in_one_shape(anna: TestClient, path: str, status: int) -> None:
    answer = anna.get(f"{API}/{path}")
    assert (answer.status_code, answer.json()["ok"]) == (status, False)
    assert set(answer.json()["error"]) == {"code", "message", "hint"}


@pytest.mark.parametrize(
    "body",
    [
        b'{"text": "a\\u0000b", "to": ["home"]}',
        b'{"text": "a\\ud800b", "to": ["home"]}',
        b'{"text": "a", "to": []}',
        b'{"text": "a", "to": ["home"], "publish_at": "99999-01-01T00:00:00Z"}',
        b'{"text": "a", "to": ["home"], "publish_at": "2026-01-01T00:00:00"}',
        b'{"text": "a", "to": ["home"], "tpyo": 1}',
        b'{"text": "a", "to": ["home"',
        b"",
    ],
)
def test_a_post_of_another_form_is_refused_and_nothing_is_stored(anna: TestClient, body: bytes) -> None:
    answer = anna.post(f"{API}/posts", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["ok"]) == (422, False)
    assert len(anna.get(f"{API}/posts").json()["posts"]) == 1


def test_the_document_lists_every_route_with_its_permission(place: Place) -> None:
    document = place.client(None).get(f"{API}/openapi.json").json()
    operations = [one for methods in document["paths"].values() for one in methods.values()]
    assert len(operations) > 35
    assert {one.get("x-permission") for one in operations} == {None, "read", "respond", "publish", "admin"}
    assert [one["operationId"] for one in operations if "x-permission" not in one] == ["get_document"]
    assert len({one["operationId"] for one in operations}) == len(operations)
