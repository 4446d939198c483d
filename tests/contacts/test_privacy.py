"""Privacy from end to end, with networks and a CRM on loopback: who agreed, what never leaves, who is erased."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from support import TestHub, Village, VillageDouble, open_hub

from hub.cli import logging
from hub.contacts import editing
from hub.contacts.identity import merging
from hub.contacts.privacy import consent, erasing
from hub.publishing import routes
from hub.scheduling import caring, digests
from hub.scheduling.tick import Scheduler
from hub.store import tables
from hub.store.outbox.posts import NewPost
from hub.store.people import contacts
from hub.store.privacy import held
from plugins.crm_generic.sandbox import CrmDouble


class Hamlet(Village):
    platform = "hamlet"


class Stage:
    """Two networks with a post of ours, a CRM, and the hub between them."""

    def __init__(self, hub: TestHub, village: VillageDouble, crm: CrmDouble) -> None:
        self.hub, self.village, self.crm = hub, village, crm
        self.store = hub.store
        now = hub.clock()
        routes.add_post(hub.store, NewPost(key="1", text="Hello", publish_at=now), ["one"], now)
        hub.tick()

    def say(self, name: str, text: str) -> None:
        person = self.village.add_person(
            name, f"h-{name.split()[0].lower()}", f"{name.split()[0].lower()}@example.org"
        )
        self.village.say(person, self.village.held()[0].id, text)

    def sync(self, rounds: int = 3) -> None:
        for _ in range(rounds):
            self.hub.tick(hours=1, minutes=1)

    def number(self, name: str) -> int:
        with self.store.read() as connection:
            return next(one.id for one in contacts.people(connection, 100) if one.name == name)

    def names(self) -> list[str]:
        with self.store.read() as connection:
            return sorted(one.name for one in contacts.people(connection, 100))

    def sent(self) -> str:
        """Return everything that was ever sent to the CRM."""
        return "\n".join(
            f"{call.url} {call.body.decode(errors='replace')}" if hasattr(call, "url") else repr(call)
            for call in self.crm.calls
        )

    def texts(self) -> str:
        """Return all that the database holds in words."""
        with self.store.read() as connection:
            return "\n".join(
                str(value)
                for table in tables.metadata.sorted_tables
                for row in connection.execute(
                    sa.select(*(held.texts_of(table) or [sa.literal("")])).select_from(table)
                )
                for value in row
            )


Open = Callable[..., Stage]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Open]:
    """Open a hub, with lines of its own in hub.toml and options of the CRM's account."""
    with ExitStack() as stack:

        def call(extra: str = "", **options: Any) -> Stage:
            village, hamlet, crm = (
                stack.enter_context(one()) for one in (VillageDouble, VillageDouble, CrmDouble)
            )
            lines = [extra]
            for name, platform, settings in (
                ("one", "village", village.account()),
                ("two", "hamlet", hamlet.account()),
                ("crm", "crm_generic", {**crm.account(), **options}),
            ):
                secret = settings.get("auth", settings)
                key = "secret" if "auth" in settings else "token"
                (tmp_path / f"{name}.secret").write_text(secret[key])
                secret[key] = {"file": f"{name}.secret"}
                lines += [f"[accounts.{name}]", f'platform = "{platform}"']
                lines += [f"{key} = {written(value)}" for key, value in settings.items()]
            config = tmp_path / "hub.toml"
            config.write_text("\n".join(lines))
            return Stage(stack.enter_context(open_hub(config, Village, Hamlet)), village, crm)

        yield call


def written(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {written(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(written, value)) + "]"
    return json.dumps(value)


@contextmanager
def logged() -> Iterator[list[str]]:
    """Gather every line of the log, down to the finest."""
    lines: list[str] = []

    def keep(_log: Any, _method: str, event: Any) -> Any:
        lines.append(json.dumps(dict(event), default=str, ensure_ascii=False))
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, keep],
        wrapper_class=structlog.make_filtering_bound_logger(0),
        cache_logger_on_first_use=False,
    )
    try:
        yield lines
    finally:
        structlog.configure(**before)


def test_what_is_marked_never_to_leave_is_in_no_call_to_a_crm(start: Open) -> None:
    stage = start('[contacts]\nnever = ["company", "phones"]\n', create="all")
    anna = {"name": "Anna Ivanova", "company": "Secret Ltd", "phones": ["+79123456789"]}
    number = editing.add(stage.store, anna, None, stage.hub.clock())
    stage.sync()
    assert [name for name, _ in stage.crm.people()] == ["Anna Ivanova"]
    later = {"name": "Anna Petrova", "company": "Hidden Ltd", "phones": ["+79123456780"]}
    editing.edit(stage.store, number, later, None, stage.hub.clock())
    stage.sync()
    assert [name for name, _ in stage.crm.people()] == ["Anna Petrova"]
    hidden = ("Secret Ltd", "Hidden Ltd", "9123456789", "9123456780")
    assert [word for word in hidden if word in stage.sent()] == []


def test_nobody_is_given_to_a_crm_before_they_agree_and_nothing_new_after_they_take_it_back(start: Open) -> None:
    stage = start(consent="crm")
    stage.say("Anna Ivanova", "How much is it?")
    stage.sync()
    assert stage.crm.people() == []
    assert "Anna" not in stage.sent()
    anna = stage.number("Anna Ivanova")
    consent.give(stage.store, anna, "crm", None, stage.hub.clock())
    stage.sync()
    assert [name for name, _ in stage.crm.people()] == ["Anna Ivanova"]
    consent.withdraw(stage.store, anna, "crm", None, stage.hub.clock())
    editing.edit(stage.store, anna, {"name": "Anna Petrova"}, None, stage.hub.clock())
    stage.sync()
    assert [name for name, _ in stage.crm.people()] == ["Anna Ivanova"]


def test_who_was_erased_comes_back_from_no_network_and_no_crm(start: Open) -> None:
    stage = start()
    stage.crm.add_contact("Anna Ivanova", "anna@example.org")
    stage.say("Anna Ivanova", "My number is zqsecret")
    stage.say("Boris Petrov", "I agree")
    stage.sync()
    # Her address in the network's profile is a mere claim: only a person joins her with the CRM's record.
    (proposed,) = merging.proposals(stage.store, 10)
    merging.accept(stage.store, proposed.id, None, stage.hub.clock())
    erasing.erase(stage.hub.hub, stage.number("Anna Ivanova"), None, stage.hub.clock())
    # The thread changes, so that all of it is compared again.
    stage.say("Carl Smith", "Me too")
    stage.sync()
    stage.hub.tick(days=2)
    stage.sync()
    assert stage.names() == ["Boris Petrov", "Carl Smith"]
    for word in ("Ivanova", "zqsecret", "anna@example.org", "h-anna"):
        assert word not in stage.texts()
    assert "Anna Ivanova" in [name for name, _ in stage.crm.people()]


def test_who_may_be_the_same_person_is_named_in_the_proof(start: Open) -> None:
    stage = start()
    stage.crm.add_contact("Anna Ivanova", "anna@example.org")
    stage.say("Anna Ivanova", "Hello")
    stage.sync()
    one, other = merging.proposals(stage.store, 10)[0][1:3]
    proof = erasing.erase(stage.hub.hub, one.id, None, stage.hub.clock())
    assert [line.where for line in proof.lines if "may be the same" in line.what] == [f"contacts {other.id}"]


def test_with_the_crms_nothing_is_left_there(start: Open) -> None:
    stage = start()
    stage.say("Anna Ivanova", "How much is it?")
    stage.say("Boris Petrov", "I agree")
    stage.sync()
    assert len(stage.crm.people()) == 2
    proof = erasing.erase(stage.hub.hub, stage.number("Anna Ivanova"), None, stage.hub.clock(), crms=True)
    assert [step for step in proof.steps if step.kind == "record"] == []
    stage.sync()
    assert [name for name, _ in stage.crm.people()] == ["Boris Petrov"]
    assert stage.names() == ["Boris Petrov"]


def test_a_digest_as_a_post_and_as_a_file_is_written_without_them(start: Open, tmp_path: Path) -> None:
    stage = start()
    stage.say("Anna Ivanova", "My number is zqsecret")
    stage.say("Boris Petrov", "I agree")
    stage.sync()
    file = tmp_path / "talk.html"
    with stage.store.read() as connection:
        discussion = connection.execute(sa.select(tables.threads.c.discussion_id)).scalars().first()
    hub = stage.hub.hub
    published = digests.publish(hub, discussion, "two")
    digests.keep_file(hub, discussion, file, "html")
    stage.sync()
    assert "zqsecret" in file.read_text()
    digests.stop(hub, published)
    begun = erasing.erase(hub, stage.number("Anna Ivanova"), None, stage.hub.clock())
    assert {step.kind for step in begun.steps} == {"digest"}
    proof = caring.finish(hub, begun.erasure.id)
    assert (proof.erasure.state, list(proof.steps)) == ("done", [])
    assert "zqsecret" not in file.read_text()
    assert "I agree" in file.read_text()
    stage.sync()
    assert "zqsecret" not in stage.texts()


def test_the_log_names_nobody_and_says_nothing_of_what_they_said(start: Open) -> None:
    with logged() as lines:
        stage = start()
        stage.crm.add_contact("Carl Zqname", "carl@example.org", phones=("+79123456789",))
        stage.say("Anna Ivanova", "My number is zqsecret")
        stage.sync()
        editing.edit(stage.store, stage.number("Anna Ivanova"), {"name": "Anna Petrova"}, None, stage.hub.clock())
        stage.sync()
        erasing.erase(stage.hub.hub, stage.number("Anna Petrova"), None, stage.hub.clock(), crms=True)
        stage.sync()
    assert any("person erased" in line for line in lines)
    words = ("Ivanova", "Petrova", "Zqname", "zqsecret", "@example.org", "h-anna", "9123456789")
    assert [(word, line) for word in words for line in lines if word in line] == []


def test_an_address_in_the_words_of_a_network_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    logging.configure("info", json=True)
    structlog.get_logger().warning(
        "record refused", reason="anna.i@mail.example.org is taken", by="olga@desk.local"
    )
    said = capsys.readouterr().err
    assert '"*** is taken"' in said
    assert "olga@desk.local" in said


def test_the_daemon_goes_on_with_an_erasure_that_was_broken_off(start: Open) -> None:
    stage = start()
    stage.say("Anna Ivanova", "Hello")
    stage.sync()
    anna = stage.number("Anna Ivanova")
    house = Broken(stage.hub)
    with pytest.raises(KeyboardInterrupt):
        erasing.erase(house, anna, None, stage.hub.clock())
    scheduler = Scheduler(stage.hub.hub)
    scheduler.tick()
    scheduler.close()
    with stage.store.read() as connection:
        assert connection.execute(sa.select(tables.erasures.c.state)).scalar() == "done"


class Broken:
    """A house whose program ends right after the tables changed."""

    def __init__(self, hub: TestHub) -> None:
        self.store, self.tombstones, self.adapter = hub.store, hub.hub.tombstones, hub.hub.adapter

    def clock(self) -> Any:
        raise KeyboardInterrupt
