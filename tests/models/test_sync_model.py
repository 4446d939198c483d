"""Two CRMs and the hub: whatever is changed, lost, struck or crashes, and in any order, the sides come to agree.

Everybody has an e-mail of their own by which they are known, or a code by which only the model knows them; what is
typed is a word that was never typed before: so a lost value, or a second record of one person, is seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from contacts.memory_crm import NAMES, MemoryCrm, Row
from contacts.two_sides import Sides, quiet
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from models.blank import emptied
from models.striking import Crash, Falling, dying, struck
from models.trying import trying
from support import Clock

from hub.adapter import Ability
from hub.errors import TransientError, UnknownOutcome
from hub.store import Store
from hub.store.crm import records

CRMS = ("one", "two")
FIELDS = ("name", "company")
CODE = "code"
HELD = NAMES | {CODE}
sides_of = st.sampled_from(CRMS)
fields_of = st.sampled_from(FIELDS)
numbers = st.integers(0, 9)
gaps = st.sampled_from([4, 16])


class InStep(RuleBasedStateMachine):
    store: Store
    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.words = 0
        self.humans = 0
        self.typed: dict[str, str] = {}
        self.taken_back: set[tuple[str, str, str]] = set()
        self.entered: set[str] = set()
        self.deleted: set[str] = set()
        self.sides: Sides | None = None

    @initialize(
        policy=st.sampled_from(["newest", "ours", "theirs", "ask"]),
        deletions=st.sampled_from(["ask", "keep", "follow"]),
        lag=st.sampled_from([0, 45]),
    )
    def begin(self, policy: str, deletions: str, lag: int) -> None:
        emptied(self.store)
        searched = frozenset[Ability]({"find", "get", "delete"})
        one = MemoryCrm(versions=True, keys=True, feed=True, abilities=searched, reads=HELD, writes=HELD)
        two = MemoryCrm(abilities=searched - {"find"}, tidy=_shout, reads=HELD, writes=HELD)
        one.lag = two.lag = timedelta(seconds=lag)
        toml = "".join(
            f'[accounts.{name}]\nplatform = "memory"\ncreate = "all"\ndeletions = "{deletions}"\nvanish = 100\n'
            f'[accounts.{name}.policies]\nname = "{policy}"\ncompany = "{policy}"\n'
            for name in CRMS
        )
        self.sides = Sides(self.store, self.clock, self.folder, {"one": one, "two": two}, toml)
        for side in CRMS:
            self.somebody_is_entered_there(side, 1)
        self.world.tick(2)

    @property
    def world(self) -> Sides:
        assert self.sides is not None
        return self.sides

    def word(self) -> str:
        self.words += 1
        return f"w{self.words}w"

    def type_at(self, crm: MemoryCrm, row: Row, field: str) -> None:
        """Let somebody at the CRM overwrite what they see: that value they gave up themselves."""
        seen = row.values.get(field)
        self.typed.pop(seen.casefold() if seen else "", None)
        crm.edit(row.id, **{field: self.keep(self.word())})

    def followed(self, side: str) -> list[Row]:
        """Return what somebody at the CRM may edit: one whom only the code tells, once the hub knows the record.

        If it was renamed before that, nothing but a person's word says who it is.
        """
        known = {record.remote_id for record in self.world.records(side)}
        return [row for row in self.world.crms[side].live() if row.id in known or _human(row.values)]

    def keep(self, word: str) -> str:
        self.typed[word] = word
        return word

    @rule(side=sides_of, seconds=st.integers(1, 100))
    def somebody_is_entered_there(self, side: str, seconds: int) -> None:
        self.clock.forward(seconds=seconds)
        self.world.crms[side].add(self.keep(self.word()), self.somebody("human{}@example.org"))

    def somebody(self, called: str) -> str:
        """Return what somebody new is known by."""
        self.humans += 1
        self.entered.add(called.format(self.humans))
        return called.format(self.humans)

    @rule()
    def somebody_is_typed_here(self) -> None:
        self.world.type(name=self.keep(self.word()), emails=(self.somebody("human{}@example.org"),))

    @rule()
    def somebody_without_an_e_mail_is_typed_here(self) -> None:
        self.world.type(name=self.keep(self.word()), code=self.somebody("code{}"))

    @rule(side=sides_of, human=numbers)
    def one_who_is_known_elsewhere_is_entered_there(self, side: str, human: int) -> None:
        crm = self.world.crms[side]
        email = f"human{human}@example.org"
        if 0 < human <= self.humans and not any(email in _emails(row) for row in crm.rows.values()):
            crm.add(self.keep(self.word()), email.upper())
            if not crm.feed:
                # Whom a CRM neither shows nor finds for a while the hub cannot know of.
                self.clock.forward(seconds=crm.lag.total_seconds())

    @rule(side=sides_of, which=numbers, field=fields_of)
    def a_record_is_changed(self, side: str, which: int, field: str) -> None:
        rows = self.followed(side)
        if rows:
            self.clock.forward(seconds=1)
            self.type_at(self.world.crms[side], rows[which % len(rows)], field)

    @rule(side=sides_of, which=numbers, field=fields_of, at_once=st.booleans())
    def what_was_pushed_is_taken_back_there(self, side: str, which: int, field: str, at_once: bool) -> None:
        """Once: who takes the same back again and again is taken for the CRM's own rule."""
        if at_once:
            self.a_contact_is_changed(which, field)
            self.a_turn(side)
        rows = self.followed(side)
        if not rows:
            return
        row = rows[which % len(rows)]
        now, before = (str(values.get(field, "")).casefold() for values in (row.values, row.was))
        if before and now and before != now and (side, row.id, now) not in self.taken_back:
            self.taken_back.add((side, row.id, now))
            self.clock.forward(seconds=1)
            self.typed.pop(now, None)
            self.world.crms[side].edit(row.id, **{field: self.keep(before)})

    @rule(which=numbers, field=fields_of)
    def a_contact_is_changed(self, which: int, field: str) -> None:
        people = list(self.world.people())
        if people:
            self.clock.forward(seconds=1)
            self.world.edit(people[which % len(people)], **{field: self.keep(self.word())})

    @rule(which=numbers)
    def a_contact_is_cleared_in_part(self, which: int) -> None:
        people = list(self.world.people())
        if people:
            self.world.edit(people[which % len(people)], company="")

    @rule(side=sides_of, which=numbers, number=st.integers(1, 3))
    def an_e_mail_is_added_there(self, side: str, which: int, number: int) -> None:
        rows = self.followed(side)
        if rows:
            row = rows[which % len(rows)]
            extra = f"{row.id}.{number}@{side}.example.org"
            if extra not in _emails(row):
                self.world.crms[side].edit(row.id, emails=(*row.values["emails"], extra))

    @rule(side=sides_of, which=numbers)
    def an_e_mail_is_taken_out_there(self, side: str, which: int) -> None:
        rows = self.followed(side)
        if rows:
            row = rows[which % len(rows)]
            left = tuple(one for one in row.values["emails"] if "human" in one.casefold())
            self.world.crms[side].edit(row.id, emails=left)

    @rule(side=sides_of, which=numbers)
    def an_e_mail_is_taken_out_where_it_was_just_pushed(self, side: str, which: int) -> None:
        (other,) = (one for one in CRMS if one != side)
        self.an_e_mail_is_added_there(side, which, 1)
        self.a_turn(side)
        self.a_turn(other)
        self.an_e_mail_is_taken_out_there(other, which)

    @rule(side=sides_of, which=numbers)
    def a_record_is_deleted(self, side: str, which: int) -> None:
        crm = self.world.crms[side]
        if crm.live():
            self.clock.forward(minutes=1)
            row = crm.live()[which % len(crm.live())]
            self.deleted.add(_known_by(row.values))
            crm.remove(row.id)

    @rule(which=numbers)
    def a_contact_is_deleted(self, which: int) -> None:
        people = list(self.world.people())
        if people:
            person = people[which % len(people)]
            self.deleted.add(_known_by(self.world.people()[person]))
            self.world.delete(person)

    @rule(seconds=st.sampled_from([-3600, -5, 0, 5, 3600]))
    def the_clock_of_the_crms_is_off(self, seconds: int) -> None:
        for crm in self.world.crms.values():
            crm.skew = timedelta(seconds=seconds)

    @rule(seconds=st.sampled_from([1, 10, 40, 4000]))
    def time_goes_by(self, seconds: int) -> None:
        self.clock.forward(seconds=seconds)

    @rule(side=sides_of)
    def a_turn(self, side: str) -> None:
        self.clock.forward(seconds=1)
        self.world.turn(side)

    def something_is_to_push(self, new: bool, which: int, field: str) -> None:
        """Let there be something that a turn writes to the CRMs."""
        if new:
            self.somebody_is_typed_here()
        else:
            self.a_contact_is_changed(which, field)

    def some_turns(self, side: str, count: int, gap: int) -> None:
        """Let the account have turns so many seconds apart, in which nothing is in its way."""
        for _ in range(count):
            self.clock.forward(seconds=gap)
            self.a_turn(side)

    @rule(
        side=sides_of,
        at=st.integers(0, 1),
        when=st.sampled_from(["before", "after"]),
        kind=st.sampled_from([UnknownOutcome, TransientError]),
        new=st.booleans(),
        which=numbers,
        field=fields_of,
        more=st.integers(0, 3),
        gap=gaps,
    )
    def a_turn_with_a_struck_call(
        self, side: str, at: int, when: str, kind: type, new: bool, which: int, field: str, more: int, gap: int
    ) -> None:
        self.something_is_to_push(new, which, field)
        # Surely nothing was done: that cannot be said after the deed.
        error = UnknownOutcome("no answer") if when == "after" else kind("away")
        with struck(self.world.crms[side], when, at, error):
            self.a_turn(side)
        self.some_turns(side, more, gap)

    @rule(
        side=sides_of, at=st.integers(0, 8), after=st.booleans(), new=st.booleans(), which=numbers, field=fields_of
    )
    def a_turn_that_dies_at_a_commit(
        self, side: str, at: int, after: bool, new: bool, which: int, field: str
    ) -> None:
        self.something_is_to_push(new, which, field)
        self.clock.forward(seconds=1)
        exchange = self.world.exchange(side)
        falling: Any = Falling(self.store, at, after)
        exchange.store = falling
        with dying():
            self.world.run(exchange)

    @rule(
        side=sides_of,
        at=st.integers(0, 1),
        when=st.sampled_from(["before", "after"]),
        new=st.booleans(),
        which=numbers,
        field=fields_of,
        more=st.integers(0, 3),
        gap=gaps,
    )
    def a_turn_that_dies_in_a_call(
        self, side: str, at: int, when: str, new: bool, which: int, field: str, more: int, gap: int
    ) -> None:
        self.something_is_to_push(new, which, field)
        with dying(), struck(self.world.crms[side], when, at, Crash()):
            self.a_turn(side)
        self.some_turns(side, more, gap)

    @rule(which=numbers, field=fields_of, other=fields_of)
    def a_record_is_changed_while_it_is_written(self, which: int, field: str, other: str) -> None:
        crm = self.world.crms["one"]
        done = []

        def edit(verb: str, remote_id: str | None) -> None:
            if verb == "update" and not done and not crm.rows[remote_id or ""].deleted:
                done.append(verb)
                self.type_at(crm, crm.rows[remote_id or ""], other)

        self.a_contact_is_changed(which, field)
        crm.before = edit
        try:
            self.a_turn("one")
        finally:
            crm.before = lambda verb, remote_id: None

    def teardown(self) -> None:
        if self.sides is None:
            return
        world = self.world
        for _ in range(40):
            before = quiet(world)
            world.tick()
            world.tick()
            if quiet(world) == before:
                break
        else:
            raise AssertionError("the sides do not come to rest")
        before = quiet(world), dict(self.store.writes)
        world.tick()
        after = quiet(world), dict(self.store.writes)
        assert after[0] == before[0]
        self.nobody_is_there_twice()
        assert self.entered - self.deleted <= {_known_by(person) for person in world.people().values()}
        self.what_was_typed_is_kept()
        self.the_sides_agree()
        self.nothing_is_left_to_compare()

    def nobody_is_there_twice(self) -> None:
        for crm in self.world.crms.values():
            there = [_known_by(row.values) for row in crm.live()]
            assert len(there) == len(set(there)), there
        here = [_known_by(person) for person in self.world.people().values()]
        assert len(here) == len(set(here)), here

    def what_was_typed_is_kept(self) -> None:
        held = set()
        for crm in self.world.crms.values():
            held |= {str(row.values.get(field, "")).casefold() for row in crm.rows.values() for field in FIELDS}
        tables = {
            "contact_values": ("value",),
            "contact_history": ("before", "after"),
            "contact_questions": ("ours", "theirs", "base"),
        }
        with self.store.read() as connection:
            for table, columns in tables.items():
                for column in columns:
                    rows = connection.execute(sa.text(f"SELECT {column} FROM {table}")).scalars()
                    held |= {str(text).casefold() for text in rows}
        every = "\n".join(held)
        assert [word for word in self.typed if word not in every] == []

    def the_sides_agree(self) -> None:
        people = self.world.people()
        asked = {(one.record_id, one.field) for one in self.world.questions()}
        for side, crm in self.world.crms.items():
            for record in self.world.records(side):
                with self.store.read() as connection:
                    person = connection.execute(
                        sa.text("SELECT person_id FROM contacts WHERE id = :id"), {"id": record.contact_id}
                    ).scalar_one()
                if record.state != "synced" or person not in people:
                    continue
                row = crm.rows[record.remote_id or ""]
                shown = people[person]
                for field in FIELDS:
                    if (record.id, field) not in asked:
                        one, other = str(shown.get(field, "")), str(row.values.get(field, ""))
                        assert one.casefold() == other.casefold(), (side, field, one, other)
                # Capitals are how one of them writes it, and nobody's word.
                assert str(shown.get("company", "")).islower() or not shown.get("company")
                ours = {one.casefold() for one in shown.get("emails", ())}
                assert ours == {one.casefold() for one in _emails(row)}

    def nothing_is_left_to_compare(self) -> None:
        """What no CRM holds is compared once, and pushed to none."""
        for person in self.world.people():
            self.world.edit(person, hobby=self.word())
        pushed = quiet(self.world)[1]
        self.world.tick()
        assert quiet(self.world)[1] == pushed
        with self.store.read() as connection:
            assert [record for side in CRMS for record in records.due(connection, side, 0, 1)] == []


def _human(values: Mapping[str, Any]) -> str:
    """Return the e-mail by which somebody is known, "" for one whom only the code tells."""
    return next((one.casefold() for one in values.get("emails", ()) if "human" in one.casefold()), "")


def _known_by(values: Mapping[str, Any]) -> str:
    """Return what tells who somebody is."""
    return _human(values) or str(values[CODE])


def _emails(row: Row) -> tuple[str, ...]:
    return tuple(one.lower() for one in row.values.get("emails", ()))


def _shout(name: str, value: Any) -> Any:
    if name == "emails":
        return tuple(one.upper() for one in value)
    return value.upper() if name == "company" else value


@pytest.fixture(scope="module")
def folder(room: Path) -> Path:
    path = room / "sync"
    path.mkdir(exist_ok=True)
    return path


def test_the_sides_agree_in_the_end_and_nothing_is_lost_or_doubled(store: Store, folder: Path) -> None:
    InStep.store, InStep.folder = store, folder
    run_state_machine_as_test(InStep, settings=trying(15, mutants=100, stateful_step_count=15))
