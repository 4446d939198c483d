"""Whatever is lost, refused, stopped or taken over, in any order: a CRM is told each thing once, and all of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from contacts.telling import Scene
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.contacts.activities import telling
from hub.contacts.activities.texts import key_of
from hub.discussions.commenting import TurnLost
from hub.errors import AuthError, HubError, RejectedError, StoppedError, TransientError, UnknownOutcome
from hub.store import Store, migrate
from hub.store.running import leases, switches

RULES = '[activities.notes]\nto = "crm"\n[activities.talks]\nto = "crm"\neach = "discussion"\nmake = "task"\n'
FAULTS = {
    "lost": (UnknownOutcome("no answer"), True),
    "lost before it arrived": (UnknownOutcome("no answer"), False),
    "busy": (TransientError("busy"), False),
    "busy for long": (TransientError("busy", retry_after=600), False),
    "refused": (RejectedError("no"), False),
    "login": (AuthError("who?"), False),
    "killed": (KeyboardInterrupt(), True),
    "killed before it arrived": (KeyboardInterrupt(), False),
    "defect": (ValueError("a defect of the plugin"), True),
    "well": (None, True),
}
PEOPLE = ("Anna", "Boris", "Vera")
steps = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.sampled_from(PEOPLE), st.sampled_from(("p1", "p2"))),
        st.tuples(st.just("know"), st.sampled_from(PEOPLE), st.just("")),
        st.tuples(st.just("delete"), st.integers(0, 9), st.just("")),
        st.tuples(st.just("tell"), st.lists(st.sampled_from(sorted(FAULTS)), max_size=4), st.booleans()),
        st.tuples(st.sampled_from(("stop", "resume", "settle", "restart")), st.just(""), st.just("")),
    ),
    max_size=30,
)


@pytest.fixture
def scene(database_url: str, tmp_path: Path) -> Iterator[Scene]:
    store = Store.open(database_url)
    migrate.upgrade(store)
    yield Scene(store, tmp_path)
    store.close()


class Play:
    """One example: what was said and told in it."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.said: list[int] = []
        self.deleted: set[int] = set()
        self.known: set[str] = set()
        for table in ("activities", "activity_rules", "mentions", "records", "authors", "contacts", "switches"):
            scene.store.write(lambda c, name=table: c.execute(sa.text(f"DELETE FROM {name}")))
        scene.crm.notes.clear()
        scene.people.clear()
        scene.start(RULES)

    def do(self, step: str, one: object, other: object) -> None:
        scene = self.scene
        if step == "say":
            self.said.append(scene.say("What is it?", by=str(one), thread=str(other)))
        elif step == "know" and one not in self.known and one in map(scene.author_of, self.said):
            scene.know(str(one), f"r-{one}")
            self.known.add(str(one))
        elif step == "delete" and isinstance(one, int) and one < len(self.said):
            scene.delete(self.said[one])
            self.deleted.add(self.said[one])
        elif step == "tell":
            assert isinstance(one, list)
            self.tell(one, taken_over=bool(other))
        elif step == "stop":
            scene.store.write(switches.stop, "", "anna", scene.now)
        elif step == "resume":
            scene.store.write(switches.resume)
        elif step == "settle":
            self.settle()
        elif step == "restart":
            scene.start(RULES)

    def tell(self, faults: list[str], taken_over: bool) -> None:
        scene = self.scene
        scene.crm.faults = [FAULTS[name] for name in faults]
        if taken_over:
            scene.crm.during = self.take_over
        with suppress(HubError, TurnLost, StoppedError, KeyboardInterrupt):
            scene.tell(minutes=7)
        scene.crm.faults, scene.crm.during = [], lambda: None

    def take_over(self) -> None:
        self.scene.store.write(leases.free, self.scene.owners())
        self.scene.claim()

    def settle(self) -> None:
        """Let a person look into the CRM, and say what is so."""
        there = set(self.scene.crm.told())
        for row in self.scene.rows():
            if row.state in ("asked", "failed"):
                is_there = key_of(row) in there
                telling.decide(self.scene.store, row.id, self.scene.now, sent=is_there, again=not is_there)

    def end_well(self) -> None:
        self.scene.store.write(switches.resume)
        for _ in range(3):
            self.settle()
            self.scene.tell(hours=2)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=steps)
def test_each_thing_is_told_once_and_all_of_it(scene: Scene, steps: list[tuple[str, object, object]]) -> None:
    play = Play(scene)
    for step in steps:
        play.do(*step)
        told = scene.crm.told()
        assert len(told) == len(set(told)), "told twice"
    play.end_well()
    told = scene.crm.told()
    assert len(told) == len(set(told)), "told twice"
    notes = {row.mention_id for row in scene.rows() if row.rule == "notes" and row.state == "sent"}
    wanted = {one for one in play.said if one not in play.deleted and scene.author_of(one) in play.known}
    assert wanted <= notes
    in_talks = [
        scene.discussion_of(row.mention_id) for row in scene.rows() if row.rule == "talks" and row.attempts
    ]
    assert len(in_talks) == len(set(in_talks)), "a discussion was told twice"
    before = list(scene.crm.notes)
    scene.tell(hours=2)
    assert scene.crm.notes == before
    assert set(scene.states()) <= {"sent", "queued"}
