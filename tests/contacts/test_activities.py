"""What people say becomes notes, tasks and leads by rule: once, on the right record, and not what was before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from contacts.telling import NOW, Office, Scene

from hub.contacts.activities import gathering, telling
from hub.contacts.privacy import consent
from hub.discussions import desk
from hub.discussions.commenting import TurnLost
from hub.errors import (
    AuthError,
    ConfigError,
    DuplicateError,
    GoneError,
    RejectedError,
    StoppedError,
    TransientError,
    UnknownOutcome,
    UsageError,
)
from hub.store import Store, migrate, tables
from hub.store.crm import activities as kept
from hub.store.running import figures, leases, switches
from hub.users.roles import Role, User

OWNER = User(0, "anna", Role.OWNER)


@pytest.fixture
def scene(database_url: str, tmp_path: Path) -> Iterator[Scene]:
    store = Store.open(database_url)
    migrate.upgrade(store)
    yield Scene(store, tmp_path)
    store.close()


def test_without_rules_each_remark_of_a_person_with_a_record_is_a_note_once(scene: Scene) -> None:
    scene.say("How much is it?", at=NOW - timedelta(days=400))
    scene.say("Hello", by="Boris")
    scene.know("Anna", "77")
    scene.tell()
    scene.tell(hours=1)
    ((record, note),) = scene.crm.notes
    assert record == "77"
    assert note.kind == "note"
    assert note.text == "vk, 2025-01-26 12:00 UTC, Anna: How much is it?"
    assert note.url == "https://club.example/c1"
    assert [row.state for row in scene.rows()] == ["sent", "queued"]
    assert scene.rows()[0].url == "https://crm.example/notes/1"


def test_what_waits_for_a_record_is_told_when_there_is_one(scene: Scene) -> None:
    scene.say("Hello")
    scene.tell()
    assert scene.crm.notes == []
    scene.know("Anna", "5")
    assert scene.tell(hours=1).counts["noted"] == 1


def test_a_note_goes_on_the_record_of_the_person_whichever_card_has_it(scene: Scene) -> None:
    scene.say("Hello")
    anna = scene.know("Anna")
    scene.say("Same here", by="A", to="bird")
    other = scene.know("A", "9", to="bird")
    scene.store.write(
        lambda connection: connection.execute(
            tables.contacts.update().where(tables.contacts.c.id == other).values(person_id=anna)
        )
    )
    scene.tell()
    assert [record for record, _ in scene.crm.notes] == ["9", "9"]


def test_a_tick_with_nothing_new_writes_nothing(scene: Scene) -> None:
    scene.start(
        '[activities.all]\nto = "crm"\n[activities.asked]\nto = "crm"\nwhen = "price -spam"\nmake = "task"'
    )
    scene.say("What is the price?")
    scene.know("Anna", "77")
    scene.tell()
    scene.tell()
    before = dict(scene.store.writes)
    scene.tell(hours=1)
    after = dict(scene.store.writes)
    assert {key: after[key] - before.get(key, 0) for key in after if key.startswith("activit")} == {
        key: 0 for key in after if key.startswith("activit")
    }
    assert len(scene.crm.notes) == 2


RULES = """
[activities.leads]
to = "crm"
make = "lead"
when = "platform:vk price"
title = "{author} on {platform} asks"
[activities.urgent]
to = "crm"
make = "task"
when = "label:urgent"
due = "2h"
"""


def test_rules_make_leads_and_tasks_of_what_they_look_for(scene: Scene) -> None:
    scene.start(RULES)
    scene.say("What is the price of a box?")
    scene.say("What is the price?", by="Boris", to="bird")
    scene.say("Nice")
    scene.know("Anna", "77")
    scene.know("Boris", "78", to="bird")
    scene.tell()
    ((record, note),) = scene.crm.notes
    assert (record, note.kind, note.title) == ("77", "lead", "Anna on vk asks")


def test_what_is_labelled_later_becomes_a_task_with_its_time(scene: Scene) -> None:
    scene.start(RULES)
    old = scene.say("It is broken", at=NOW - timedelta(days=300))
    scene.know("Anna", "77")
    scene.tell()
    assert scene.crm.notes == []
    desk.label(scene.store, [old], "urgent", OWNER, scene.now)
    scene.tell(hours=1)
    scene.tell(hours=1)
    ((_, note),) = scene.crm.notes
    assert note.kind == "task"
    assert note.title == "Anna: It is broken"
    assert note.due_at == NOW - timedelta(days=300) + timedelta(hours=2)


def test_a_new_rule_leaves_the_past_alone_until_it_is_run_on_it(scene: Scene) -> None:
    scene.say("The price?")
    old = scene.say("What price?", at=NOW - timedelta(days=30))
    scene.know("Anna", "77")
    scene.now += timedelta(days=3)
    scene.say("What was the price, said a moment before the rule was there?")
    scene.start(RULES)
    late = scene.say("A price, said before the rule was there", at=NOW)
    scene.tell()
    assert scene.crm.notes == []
    count = gathering.run(scene.store, scene.settings, scene.crm, "leads", NOW - timedelta(days=1), scene.now)
    assert count == 3
    scene.tell()
    assert len(scene.crm.notes) == 3
    assert gathering.run(scene.store, scene.settings, scene.crm, "leads", NOW - timedelta(days=1), scene.now) == 0
    assert old not in [row.mention_id for row in scene.rows()]
    assert late in [row.mention_id for row in scene.rows()]


def test_a_rule_of_a_renamed_search_does_not_tell_twice_what_it_has_told(scene: Scene) -> None:
    scene.start(RULES)
    scene.say("What is the price?")
    scene.know("Anna", "77")
    scene.tell()
    scene.start(RULES.replace("platform:vk price", "price"))
    gathering.run(scene.store, scene.settings, scene.crm, "leads", NOW - timedelta(days=9), scene.now)
    scene.tell()
    assert len(scene.crm.notes) == 1


def test_a_discussion_is_told_once_however_long_it_goes_on(scene: Scene) -> None:
    scene.start('[activities.talks]\nto = "crm"\neach = "discussion"\nwhen = "box"\ntitle = "Talk: {author}"')
    scene.say("Which box?")
    scene.say("The red box", by="Boris")
    scene.say("No words", by="Vera")
    scene.know("Anna", "77")
    scene.know("Boris", "78")
    scene.tell()
    scene.say("Which box is it now?", by="Boris")
    scene.say("Another box", thread="p2")
    scene.tell(hours=1)
    first, second = scene.crm.notes
    assert first[0] == "77"
    assert first[1].title == "Talk: Anna"
    assert "3 remarks, 3 people: vk" in first[1].text
    assert "Boris (vk): The red box" in first[1].text
    assert "Another box" in second[1].text


def test_a_discussion_whose_first_voice_was_deleted_is_told_by_the_next(scene: Scene) -> None:
    scene.start('[activities.talks]\nto = "crm"\neach = "discussion"')
    gone = scene.say("Which box?")
    scene.tell()
    scene.know("Anna", "77")
    scene.delete(gone)
    scene.say("The red box", by="Boris")
    scene.know("Boris", "78")
    scene.tell()
    assert [record for record, _ in scene.crm.notes] == ["78"]


def test_the_page_of_the_hub_is_named_where_browsers_reach_it(scene: Scene) -> None:
    scene.start('[serve]\nurl = "https://hub.example"\n[activities.all]\nto = "crm"')
    said = scene.say("Hello")
    scene.know("Anna", "77")
    scene.tell()
    ((_, note),) = scene.crm.notes
    assert note.text.endswith(f"\n\nhttps://hub.example/inbox/{said}")


def test_two_crms_are_told_each_by_their_own_rules(scene: Scene) -> None:
    scene.start('[activities.one]\nto = "crm"\nwhen = "tea"\n[activities.two]\nto = "crm2"')
    scene.say("Green tea")
    scene.say("Coffee")
    scene.know("Anna", "77")
    scene.know("Anna", "a-77", account="crm2")
    scene.tell()
    scene.tell(scene.crm2)
    assert [note.text[-9:] for _, note in scene.crm.notes] == ["Green tea"]
    assert [record for record, _ in scene.crm2.notes] == ["a-77", "a-77"]


def test_a_deleted_remark_is_not_told(scene: Scene) -> None:
    said = scene.say("Hello")
    scene.tell()
    scene.delete(said)
    scene.know("Anna", "77")
    scene.tell()
    assert scene.crm.notes == []


def test_what_was_told_is_known_when_the_mention_is_kept_no_longer(scene: Scene) -> None:
    said = scene.say("Hello")
    scene.know("Anna", "77")
    scene.tell()
    scene.store.write(lambda c: c.execute(tables.mentions.delete().where(tables.mentions.c.id == said)))
    scene._last = 0
    scene.say("Hello")
    scene.tell()
    assert len(scene.crm.notes) == 1


def test_a_lost_answer_is_asked_about_and_not_repeated(scene: Scene) -> None:
    scene.say("Hello")
    scene.know("Anna", "77")
    scene.crm.faults = [(UnknownOutcome("no answer"), True)]
    turn = scene.tell()
    assert [error.code for error in turn.errors] == ["unknown"]
    for _ in range(3):
        scene.tell(days=1)
    assert scene.states() == ["asked"]
    assert len(scene.crm.notes) == 1
    with scene.store.read() as connection:
        assert figures.queues(connection)["crm"].asked == 1


def test_a_person_settles_what_is_asked(scene: Scene) -> None:
    for text in ("One", "Two", "Three"):
        scene.say(text)
    scene.know("Anna", "77")
    scene.crm.faults = [(UnknownOutcome("no answer"), True), (UnknownOutcome("no answer"), False)]
    scene.crm.faults.append((RejectedError("no room"), False))
    scene.tell()
    one, two, three = scene.rows()
    assert [row.state for row in (one, two, three)] == ["asked", "asked", "failed"]
    telling.decide(scene.store, one.id, scene.now, sent=True)
    telling.decide(scene.store, two.id, scene.now, again=True)
    telling.decide(scene.store, three.id, scene.now)
    scene.tell()
    assert scene.states() == ["sent", "sent", "dropped"]
    assert [note.text[-3:] for _, note in scene.crm.notes] == ["One", "Two"]
    with pytest.raises(UsageError, match="nothing to settle"):
        telling.decide(scene.store, one.id, scene.now, again=True)


def test_what_a_person_knew_of_counts(scene: Scene) -> None:
    scene.say("Hello")
    scene.know("Anna", "77")
    scene.crm.faults = [(UnknownOutcome("no answer"), True)]
    scene.tell()
    with pytest.raises(UsageError, match="since you looked"):
        telling.decide(scene.store, scene.rows()[0].id, scene.now, again=True, attempts=0)


def test_a_crash_while_sending_is_asked_about(scene: Scene) -> None:
    scene.say("Hello")
    scene.know("Anna", "77")
    scene.crm.faults = [(KeyboardInterrupt(), True)]
    with pytest.raises(KeyboardInterrupt):
        scene.tell()
    assert scene.states() == ["sending"]
    scene.tell()
    assert scene.states() == ["asked"]
    assert len(scene.crm.notes) == 1


def test_a_busy_crm_is_asked_again_later_with_the_same_key(scene: Scene) -> None:
    scene.say("Hello")
    scene.know("Anna", "77")
    scene.crm.faults = [(TransientError("busy"), False), (TransientError("busy", retry_after=7200), False)]
    scene.tell()
    assert scene.states() == ["waiting"]
    assert scene.tell().counts["noted"] == 0
    with pytest.raises(TransientError):
        scene.tell(minutes=1)
    scene.tell(minutes=90)
    assert scene.states() == ["waiting"]
    scene.tell(minutes=31)
    assert scene.states() == ["sent"]


def test_a_refusal_is_kept_with_its_reason_and_leaves_the_others_their_turn(scene: Scene) -> None:
    scene.say("Hello")
    scene.say("Hi")
    scene.know("Anna", "77")
    scene.crm.faults = [(RejectedError("too long"), False)]
    turn = scene.tell()
    assert [(row.state, row.error) for row in scene.rows()] == [("failed", "too long"), ("sent", "")]
    assert turn.errors[0].code == "rejected"


def test_a_record_that_is_gone_may_be_another_later(scene: Scene) -> None:
    scene.say("Hello")
    scene.know("Anna", "77")
    scene.crm.faults = [(GoneError("no such record"), False)]
    scene.tell()
    assert scene.states() == ["waiting"]
    scene.store.write(lambda c: c.execute(tables.records.update().values(state="gone")))
    scene.know("Anna", "78")
    scene.tell(hours=2)
    assert [record for record, _ in scene.crm.notes] == ["78"]


def test_what_the_crm_says_it_has_is_told(scene: Scene) -> None:
    scene.say("Hello")
    scene.know("Anna", "77")
    scene.crm.faults = [(DuplicateError("there already"), False)]
    scene.tell()
    assert scene.states() == ["sent"]


def test_a_login_that_fails_leaves_everything_queued(scene: Scene) -> None:
    scene.say("Hello")
    scene.know("Anna", "77")
    scene.crm.faults = [(AuthError("who are you?"), False)]
    with pytest.raises(AuthError):
        scene.tell()
    assert scene.states() == ["queued"]
    scene.tell()
    assert len(scene.crm.notes) == 1


def test_three_in_a_row_that_come_to_nothing_end_the_turn(scene: Scene) -> None:
    for number in range(5):
        scene.say(f"Hello {number}")
    scene.know("Anna", "77")
    scene.crm.faults = [(TransientError("busy"), False)] * 9
    with pytest.raises(TransientError):
        scene.tell()
    assert scene.states() == ["waiting"] * 3 + ["queued"] * 2


def test_a_stopped_hub_tells_nothing(scene: Scene) -> None:
    scene.say("Hello")
    scene.know("Anna", "77")
    scene.store.write(switches.stop, "holiday", "anna", scene.now)
    with pytest.raises(StoppedError):
        scene.tell()
    assert scene.crm.notes == []
    scene.store.write(switches.resume)
    scene.tell()
    assert len(scene.crm.notes) == 1


def test_a_turn_that_lost_its_lease_sends_nothing_and_changes_nothing(scene: Scene) -> None:
    scene.say("Hello")
    scene.say("Hi")
    scene.know("Anna", "77")
    old = scene.claim()

    def taken() -> None:
        scene.store.write(leases.free, scene.owners())
        scene.claim()

    scene.crm.during = taken
    with pytest.raises(TurnLost):
        scene.tell(fence=old)
    assert scene.states() == ["sending", "queued"]
    assert len(scene.crm.notes) == 1
    scene.crm.during = lambda: None
    scene.tell()
    assert scene.states() == ["asked", "sent"]


def test_a_turn_whose_lease_was_taken_before_sends_nothing(scene: Scene) -> None:
    scene.say("Hello")
    scene.know("Anna", "77")
    old = scene.claim()
    scene.store.write(leases.free, scene.owners())
    scene.claim()
    with pytest.raises(TurnLost):
        scene.tell(fence=old)
    assert scene.crm.notes == []
    assert scene.states() == ["queued"]


def test_what_somebody_settled_after_it_was_read_for_telling_is_not_told(scene: Scene) -> None:
    scene.say("Hello")
    scene.say("Hi")
    scene.know("Anna", "77")

    def drop() -> None:
        second = scene.rows()[1]
        scene.store.write(kept.settle, second, scene.now, "dropped")

    scene.crm.during = drop
    scene.tell()
    assert scene.states() == ["sent", "dropped"]
    assert len(scene.crm.notes) == 1


def test_a_remark_deleted_after_it_was_read_for_telling_is_not_told(scene: Scene) -> None:
    scene.say("Hello")
    second = scene.say("Hi")
    scene.know("Anna", "77")
    scene.crm.during = lambda: scene.delete(second)
    scene.tell()
    assert [note.text[-5:] for _, note in scene.crm.notes] == ["Hello"]
    assert scene.states() == ["sent", "queued"]


def test_where_a_crm_wants_consent_only_those_who_gave_it_are_told_of(scene: Scene) -> None:
    scene.start('[activities.all]\nto = "crm"', crm='consent = "crm"')
    scene.say("Hello")
    scene.say("Hi", by="Boris")
    anna, _ = scene.know("Anna", "77"), scene.know("Boris", "78")
    consent.give(scene.store, anna, "crm", None, scene.now)
    scene.tell()
    scene.tell()
    assert [record for record, _ in scene.crm.notes] == ["77"]
    assert scene.states() == ["sent", "queued"]


def test_erasing_forgets_what_was_made_of_the_mentions(scene: Scene) -> None:
    said = scene.say("Hello")
    anna = scene.know("Anna", "77")
    scene.tell()
    with scene.store.read() as connection:
        assert [row.mention_id for row in kept.of_person(connection, anna)] == [said]
    assert scene.store.write(kept.forget, [said]) == 1
    assert scene.rows() == []


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ('to = "crn"', "activities.x.to: crn is no account|did you mean crm"),
        ('to = "club"', "activities.x.to: club is no CRM|`hub plugins`"),
        ('to = "crm"\nmake = "lead"', "activities.x.make: crm can make no lead|it can make: note"),
        ('to = "crm"\nwhen = "foo:bar"', "activities.x.when: at character 1: foo: is no key|the keys are"),
        ('to = "crm"\nwhen = "is:unread"', "activities.x.when: is:unread is different for each user|take it out"),
        ('to = "crm"\nwhen = "assignee:me"', "activities.x.when: assignee:me is nobody here|assignee:anna"),
        ('to = "crm"\nwhen = "account:clup"', "activities.x.when: clup is no account|did you mean club"),
        ('to = "crm"\nwhen = "platform:myspace"', "activities.x.when: no account is on myspace|there are"),
        (
            'to = "crm"\nwhen = "is:deleted"',
            "activities.x.when: what is deleted is told to no CRM|take is:deleted",
        ),
        ('to = "crm"\ntitle = "{autor}"', "activities.x.title: {autor} names nothing|{author}"),
        (
            'to = "crm"\ntitle = "{author.__class__}"',
            "activities.x.title: {author.__class__} names nothing|{author}",
        ),
        ('to = "crm"\ntitle = "{author"', "activities.x.title: |twice"),
        ('to = "crm"\ndue = "2h"', 'activities.x.due: only a task is due|make = "task"'),
    ],
)
def test_a_rule_that_cannot_work_is_refused_at_the_start_with_what_mends_it(
    tmp_path: Path, rule: str, said: str
) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/hub.db")
    migrate.upgrade(store)
    scene = Scene(store, tmp_path)
    scene.crm = Office("crm", ("note",))
    with pytest.raises(ConfigError) as refused:
        scene.start(f"[activities.x]\n{rule}")
    store.close()
    message, hint = said.split("|")
    from hub.i18n import words_of

    told, mend = words_of(refused.value)
    assert message in told
    assert hint in mend


def test_a_label_that_nobody_has_made_yet_is_no_mistake(scene: Scene) -> None:
    scene.start('[activities.x]\nto = "crm"\nwhen = "label:urgent"')
    said = scene.say("Help")
    scene.know("Anna", "77")
    assert scene.tell().errors == []
    desk.label(scene.store, [said], "urgent", OWNER, scene.now)
    scene.tell()
    assert len(scene.crm.notes) == 1
