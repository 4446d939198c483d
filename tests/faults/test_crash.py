"""Row 29: a kill -9 before, in and after every commit and around every call of a turn, on every settle kind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from faults import crashing
from faults.crashing import PACE, TICKS, Job, follow
from faults.stage import STRUCK, Stage
from faults.truth import Tally
from settle_kinds import KINDS, KindDouble, is_publish
from support import Clock, open_hub, write_config

from hub.publishing import routes
from hub.store.outbox.posts import NewPost
from hub.testing import Request, faults

# What is published, by key. The first answer to `lost` is lost; the first call for `dropped` does nothing.
TEXTS = {
    "plain": "plain",
    "lost": "lost",
    "dropped": "dropped",
    "thread": "It is so long that it goes out as a thread. " * 13,
    "edited": "before",
    "withdrawn": "bye",
}
START = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def server() -> Iterator[subprocess.Popen[str]]:
    """A process that has imported everything, and forks for each job."""
    with subprocess.Popen(
        [sys.executable, crashing.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as running:
        yield running
        assert running.stdin is not None
        running.stdin.close()


class Clockwork:
    """Work on one hub that dies where it is told to, from the same beginning each time."""

    def __init__(self, kind: str, room: Path, network: KindDouble, server: subprocess.Popen[str]) -> None:
        self.kind = kind
        self.network = network
        self.clock = Clock()
        self._room = room
        self._server = server
        network.clock = self.clock
        adapter = KINDS[kind]
        account = {"platform": adapter.platform, **network.account(), "overflow": "thread"}
        self.config = write_config(room, {STRUCK: account})
        self.clock.now = START
        with open_hub(self.config, adapter, clock=self.clock) as hub:
            # What can be read now is read before, so that the deaths to come are of publishing alone.
            hub.tick()
            for key, text in TEXTS.items():
                new = NewPost(key=key, text=text, publish_at=START)
                routes.add_post(hub.store, new, [STRUCK], START)
        shutil.copy(room / "hub.db", room / "template")

    def die(self, at: int) -> list[str]:
        """Begin anew and work until death at the `at`-th point (0: to the end); return the points passed."""
        for old in self._room.glob("hub.db*"):
            old.unlink()
        shutil.copy(self._room / "template", self._room / "hub.db")
        self.network.forget()
        self.network.inject(faults.LOST, of("lost"))
        self.network.inject(faults.DROPPED, of("dropped"))
        self.clock.now = START
        passed = self._room / "passed"
        job = Job(str(self.config), self.kind, START, at, str(passed))
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(msgspec.json.encode(job).decode() + "\n")
        self._server.stdin.flush()
        assert int(self._server.stdout.readline()) == (-9 if at else 0)
        return passed.read_text().splitlines()

    def finish(self) -> tuple[list[str], Tally]:
        """Let a healthy process come after; return what is wrong at the end, and what became of the posts."""
        self.clock.now = START + TICKS * PACE
        with open_hub(self.config, KINDS[self.kind], clock=self.clock) as hub:
            follow(hub.hub)
            stage = Stage(hub, {STRUCK: self.network})
            stage.rest()
            stage.decide()
            wrong = stage.audit("")
            states, texts = Counter(stage.states()), Counter(stage.texts())
            if states != {"published": 6, "deleted": 1}:
                wrong.append(f"the deliveries are {dict(states)}")
            if (
                set(texts.values()) != {1}
                or len(texts) != 6
                or not {"plain", "lost", "dropped", "after"} <= set(texts)
            ):
                wrong.append(f"the network holds {dict(texts)}")
            return wrong, stage.tally()


def of(text: str) -> Callable[[Request], bool]:
    return lambda request: is_publish(request) and request.json()["text"] == text


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind == "lookup" else pytest.mark.faults_long) for kind in KINDS]
)
def test_a_death_at_any_point_neither_loses_nor_doubles_a_post(
    room: Path, server: subprocess.Popen[str], record: Callable[[str, str, Tally], None], kind: str
) -> None:
    with KindDouble() as network:
        clockwork = Clockwork(kind, room, network, server)
        points = clockwork.die(at=0)
        assert clockwork.finish()[0] == [], "without any death"
        broken = []
        for at in range(1, len(points) + 1):
            point = clockwork.die(at)[-1]
            wrong, became = clockwork.finish()
            record("kill -9 at every point", kind, became)
            print(f"{at:4} {point:50} {'; '.join(wrong) or 'sound'}")
            broken += [f"death {at}, {point}: {finding}" for finding in wrong]
        assert broken == []
