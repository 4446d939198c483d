"""Rows 4, 36, 40 and 42: plugins that are wrong, texts that are odd, uploads that break, and circles of routes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faults.stage import PATIENCE, Stage
from faults.truth import Tally, audit
from settle_kinds import KINDS, TOKEN, KindDouble, Looked, is_publish
from support import Clock, open_hub, write_config

from hub import Media, Post, Receipt
from hub.publishing import routes
from hub.store.outbox.posts import NewPost
from hub.testing import Request, faults

Staged = Callable[..., Stage]
Proved = Callable[[Stage, str, str], Tally]

TEXTS = {
    "a family of one grapheme": "The 👨‍👩‍👧‍👦 came",
    "flags and tones": "🇷🇺👍🏽 yes",
    "right to left": "שלום, עולם! مرحبا",
    "lines of every kind": "one\r\ntwo\u2028three\n\n\tfour",
    "signs that HTML knows": "R&D &amp; <b>more</b>",
    "a link alone": "https://example.org/a?b=c&d=e",
    "accents apart from their letters": "Cafe\u0301 noe\u0308l",
    "as long as can be": "я" * 500,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_an_odd_text_whose_answer_was_lost_is_there_once(
    staged: Staged, proved: Proved, text: str, kind: str
) -> None:
    """Row 40: it is sent as it is, found again, and never sent twice."""
    stage = staged(kind, deadline=PATIENCE)
    stage.network.inject(faults.LOST, is_publish)
    stage.accept(text)
    stage.hub.tick()
    stage.rest()
    stage.decide()
    assert stage.texts() == [text.replace("\r\n", "\n")]
    proved(stage, "an odd text", kind)


class Raising:
    """Publishes, then stumbles over its own feet."""

    def publish(self, post: Post) -> Receipt:
        super().publish(post)  # type: ignore[misc]
        raise ZeroDivisionError("a bug")


class Rubbish:
    """Publishes, then returns what is no receipt."""

    def publish(self, post: Post) -> Receipt:
        super().publish(post)  # type: ignore[misc]
        return "12"  # type: ignore[return-value]


class Stillborn:
    """Stumbles before it publishes, the first time."""

    tried = False

    def publish(self, post: Post) -> Receipt:
        if not self.tried:
            self.tried = True
            raise KeyError("a bug")
        receipt: Receipt = super().publish(post)  # type: ignore[misc]
        return receipt


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", [Raising, Rubbish, Stillborn])
def test_a_plugin_that_is_wrong_leaves_a_doubt_and_nothing_worse(
    staged: Staged, proved: Proved, fault: type[Any], kind: str
) -> None:
    """Row 36: what a bug in publish did nobody knows; it is settled as any doubt, and named."""
    good = KINDS[kind]
    bad = type(f"{fault.__name__}{good.__name__}", (fault, good), {"platform": "bad"})
    stage = staged(kind, bad=bad, deadline=PATIENCE)
    stage.strike("Once")
    assert stage.states() == (["asked"] if kind == "none" else ["unknown"])
    assert "in plugin bad" in stage.hub.rows("SELECT error FROM deliveries WHERE account = 'struck'")[0]["error"]
    for _ in range(6):
        stage.hub.tick(minutes=10)
    assert len(stage.texts()) <= 1
    if kind in ("lookup", "natural"):
        assert stage.everything_is_out()
    proved(stage, "a plugin that is wrong", kind)


def picture() -> bytes:
    """Make a PNG of one pixel."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0\xff\0\0")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_an_upload_that_breaks_off_is_made_again_and_the_post_once(staged: Staged, proved: Proved) -> None:
    """Row 4: the connection is reset in the middle of the image; the call that posts had not begun."""
    stage = staged("lookup", deadline=PATIENCE)

    def is_upload(request: Request) -> bool:
        return request.path == "/images"

    stage.network.inject(faults.RESET_IN_UPLOAD, is_upload)
    now = stage.hub.clock()
    image = Media(content=picture(), mime="image/png", alt="A dot")
    routes.add_post(stage.hub.store, NewPost(key="1", text="Once", publish_at=now, media=[image]), ["struck"], now)
    stage.hub.tick()
    stage.rest()
    assert [(held.text, held.alts) for held in stage.network.held()] == [("Once", ["A dot"])]
    proved(stage, "reset in the middle of an upload", "lookup")


def test_a_circle_of_routes_ends(room: Path, record: Callable[[str, str, Tally], None]) -> None:
    """Row 42: three accounts, each routed to both others. All topologies: tests/models/test_topologies.py."""
    clock = Clock()
    with KindDouble(clock=clock) as one, KindDouble(clock=clock) as two, KindDouble(clock=clock) as three:
        networks = {"one": one, "two": two, "three": three}
        tables = {name: {"platform": "looked", **double.account()} for name, double in networks.items()}
        circle = "".join(
            f'[routes.{name}]\nfrom = ["{name}"]\nto = {[other for other in networks if other != name]}\n'
            for name in networks
        )
        with open_hub(write_config(room, tables, circle), Looked, clock=clock) as hub:
            hub.tick()
            one._publish({"text": "Round and round", "images": [], "answers": None})
            two.inject(faults.LOST, is_publish)
            for _ in range(6):
                hub.tick_all()
                clock.forward(minutes=10)
            assert [len(double.posts) for double in networks.values()] == [1, 1, 1]
            assert audit(hub.store, networks, secret=TOKEN) == []
    record("a circle of routes", "lookup", Tally(attempts=2, settled=1))
