"""Contacts: a first pull with matching, a pull of what is known, and creations, against as many bare calls."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import httpx
import msgspec
import structlog

from bench.measure import Figure, in_turns, ratio, seconds
from bench.server import running
from hub import AccountSettings, Adapter, Batch, Contact, ContactSync, Identity, Note, Receipt, hookimpl
from hub.http import tls
from hub.scheduling.hub import CONTACTS, Hub
from hub.scheduling.tick import Scheduler
from hub.sections import AccountOptions, HubSection, ScheduleSection
from hub.settings import Account, Settings
from hub.store.people import cards
from hub.store.running import accounts

LATENCY = 0.02
PER_PAGE = 100
_PATH = "/contacts"
_NOW = datetime(2026, 6, 1, tzinfo=UTC)


class Answer(msgspec.Struct):
    id: str


class Office(ContactSync):
    """A CRM that costs nothing: it answers each call with a number, and the contacts are made here."""

    platform = "office"
    Settings = AccountSettings
    holds: ClassVar[int] = 0

    def check(self) -> Identity:
        return Identity(remote_id="us")

    def pull_contacts(self, cursor: str | None) -> Iterator[Batch[Contact]]:
        for start in range(0, max(self.holds, 1), PER_PAGE):
            self.http.post(_PATH, json={"from": start}).decode(Answer)
            last = start + PER_PAGE >= self.holds
            page = range(start, min(start + PER_PAGE, self.holds))
            yield Batch([contact(number) for number in page], None, complete=last)

    def push_contact(self, contact: Contact, remote_id: str | None) -> Receipt:
        answer = self.http.post(_PATH, json={"name": contact.name, "emails": list(contact.emails)})
        return Receipt(remote_id=remote_id or f"new-{answer.decode(Answer).id}")

    def add_note(self, remote_id: str, note: Note) -> Receipt:
        raise NotImplementedError


class Plugin:
    """Brings the office to the hub."""

    @hookimpl
    def register_adapters(self) -> list[type[Adapter]]:
        return [Office]


def contact(number: int) -> Contact:
    return Contact(
        remote_id=str(number),
        name=f"Анна Иванова {number}",
        emails=(f"anna.{number}@mail.example",),
        phones=(f"+7916{number:07d}",),
        updated_at=_NOW,
    )


def run(quick: bool) -> Iterator[Figure]:
    """Yield contacts per second of each kind of work to those of bare calls of the same number."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    pulled, pushed, rounds = (2_000, 100, 3) if quick else (10_000, 1_000, 3)
    works: tuple[tuple[str, int, int, Callable[[str, int], float], float], ...] = (
        ("pulled for the first time and matched", pulled, PER_PAGE, first_pull, 0.2),
        ("pulled again, unchanged", pulled, PER_PAGE, second_pull, 0.4),
        ("created in the CRM", pushed, 1, creations, 0.5),
    )
    with running(LATENCY) as address:
        for what, count, per_call, work, aim in works:
            results = in_turns(
                {
                    "bare": lambda count=count, per_call=per_call: bare(address, count, per_call),
                    "hub": lambda count=count, work=work: work(address, count),
                },
                rounds,
            )
            yield ratio(
                "contacts",
                f"{count} contacts {what}, {per_call} a call, {LATENCY * 1000:.0f} ms away, to bare httpx",
                results,
                "hub",
                "bare",
                aim="at least",
                target=aim,
                note="rates in contacts/s; the bare calls keep and compare nothing",
            )


def bare(address: str, count: int, per_call: int) -> float:
    """Make the same number of calls one after another, with no state at all."""

    def calls() -> None:
        with httpx.Client(base_url=address, verify=tls(), trust_env=False) as client:
            for number in range(0, count, per_call):
                msgspec.json.decode(client.post(_PATH, json={"from": number}).content, type=Answer)

    return count / seconds(calls)


def first_pull(address: str, count: int) -> float:
    """Take everybody in for the first time, each with a card, values and a record."""
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder), address, count) as hub:
        taken = turn(hub)
        expect(hub, "SELECT count(*) FROM records WHERE state = 'synced'", count)
    return count / taken


def second_pull(address: str, count: int) -> float:
    """Compare everybody with what is known, which writes nothing."""
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder), address, count) as hub:
        turn(hub)
        before = hub.store.content_writes()
        taken = turn(hub)
        if hub.store.content_writes() != before:
            raise AssertionError("a pull of what is known wrote something")
    return count / taken


def creations(address: str, count: int) -> float:
    """Create everybody whom the hub has, each noted before its call and after it."""
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder), address, 0) as hub:
        rows = [
            {"name": f"Борис {number}", "emails": (f"boris.{number}@mail.example",)} for number in range(count)
        ]
        hub.store.write(
            lambda connection: cards.create_many(connection, rows, origin="import", source="import", now=_NOW)
        )
        taken = turn(hub)
        expect(hub, "SELECT count(*) FROM records WHERE state = 'synced' AND remote_id LIKE 'new-%'", count)
    return count / taken


def opened(folder: Path, address: str, holds: int) -> Hub:
    """Open a hub with one account of an office that holds so many."""
    Office.holds = holds
    settings = Settings(
        path=folder / "hub.toml",
        hub=HubSection(),
        accounts={"crm": Account("crm", Office.platform, AccountOptions(create="all"), {"api_url": address})},
        routes={},
        schedule=ScheduleSection(),
        environment={},
    )
    hub = Hub.open(settings, plugins={"office": Plugin()})
    hub.store.write(accounts.resume, "crm", "us", "us", datetime.now(UTC))
    return hub


def turn(hub: Hub) -> float:
    """Give the account one turn; return the seconds it took."""
    scheduler = Scheduler(hub)
    begun = time.perf_counter()
    try:
        report = scheduler.take("crm", [CONTACTS])
    finally:
        scheduler.close()
    if report.errors:
        raise report.errors[0]
    return time.perf_counter() - begun


def expect(hub: Hub, query: str, count: int) -> None:
    with hub.store.read() as connection:
        found = connection.exec_driver_sql(query).scalar()
    if found != count:
        raise AssertionError(f"{found} of {count} are there")
