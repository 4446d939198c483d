"""How fast authors are matched with contacts, to what the driver needs to find the pairs and write the rows."""

from __future__ import annotations

import os
import random
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from sqlalchemy.engine import Connection

from bench.measure import Figure
from bench.memory import resident
from hub.contacts.identity import matching
from hub.sections import ContactsSection, HubSection, ScheduleSection
from hub.settings import Settings
from hub.store import Store, migrate
from hub.store.people import cards
from hub.store.tables import authors

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_FIRST = ("Anna", "Boris", "Vera", "Gleb", "Daria", "Egor", "Zoya", "Ivan", "Kira", "Lev", "Maria", "Nikita")
_LAST = ("Orlov", "Petrenko", "Rudin", "Savin", "Tarasenko", "Udin", "Frolenko", "Khomenko", "Chekhov", "Shmidt")
_FOUND = """
    SELECT a.contact_id, b.contact_id, a.field, a.value FROM contact_values a
    JOIN contact_values b ON a.key = b.key AND a.field = b.field AND a.contact_id < b.contact_id
    WHERE a.key != '' AND b.key != ''
"""
_TABLES = ("contacts", "contact_values", "contact_evidence")


def run(quick: bool) -> Iterator[Figure]:
    """Yield the rate of matching to that of the bare rows, how it holds, the pairs compared, and the memory."""
    count = 5_000 if quick else 100_000
    settings = Settings(
        Path("hub.toml"), HubSection(), {}, {}, ScheduleSection(), {}, contacts=ContactsSection(region="RU")
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hub.db"
        store = Store.open(f"sqlite:///{path}")
        migrate.upgrade(store)
        rates: list[float] = []
        counts: Counter[str] = Counter()
        before = resident(os.getpid())
        grown = 0.0
        # The contacts are there first; the authors come in ten portions, as a hub meets them.
        _contacts(store, count)
        portion = count // 10
        for number in range(10):
            store.write(_authors, number * portion, portion)
            begun = time.process_time()
            counts += matching.match(store, settings, NOW)
            rates.append((portion + (count if number == 0 else 0)) / (time.process_time() - begun))
            grown = max(grown, resident(os.getpid()) - before)
        begun = time.process_time()
        assert not matching.match(store, settings, NOW)
        idle = time.process_time() - begun
        store.close()
        raw, found = _bare(path)
    whole = 2 * count / (count * 1.1 / rates[0] + sum(portion / rate for rate in rates[1:]))
    name = f"{count:,} authors with {count:,} contacts"
    yield Figure(
        "matching",
        f"{name}: matched per second, to one query for the pairs and bare writes of the same rows",
        whole / (2 * count / raw),
        whole / (2 * count / raw),
        whole / (2 * count / raw),
        rates={"hub": whole, "bare": 2 * count / raw},
        note="making cards, comparing, weighing, joining, to bare rows and one join; per second of CPU",
    )
    yield Figure(
        "matching",
        f"{name}: the rate of the last portions to that of the first ones",
        median(rates[-3:]) / median(rates[1:4]),
        min(rates[-3:]) / median(rates[1:4]),
        max(rates[-3:]) / median(rates[1:4]),
        aim="at least",
        target=0.7,
    )
    yield Figure(
        "matching",
        f"{name}: pairs compared, to those that share a key ({counts['joined']:,} joined, "
        f"{counts['proposed']:,} proposed; all with all would be {count * count:,})",
        counts["compared"] / found,
        counts["compared"] / found,
        counts["compared"] / found,
        aim="at most",
        target=1.5,
        rates={"compared": counts["compared"], "sharing": found},
    )
    yield Figure("matching", f"{name}: memory grown", grown, grown, grown, unit="MB", aim="at most", target=250)
    yield Figure(
        "matching", f"{name}: a look when nothing is new", idle * 1000, idle * 1000, idle * 1000, unit="ms"
    )


def _contacts(store: Store, count: int) -> None:
    dice = random.Random(1)
    for start in range(0, count, 1000):
        rows = [
            {
                "name": f"{dice.choice(_FIRST)} {dice.choice(_LAST)}",
                "emails": [f"somebody.{number}@mail.example"],
                "phones": [f"+7916{number:07d}"],
                "handles.agora": f"voice{number}",
            }
            for number in range(start, min(start + 1000, count))
        ]
        store.write(lambda c, rows=rows: cards.create_many(c, rows, origin="import", source="import", now=NOW))


def _authors(connection: Connection, start: int, count: int) -> None:
    """Let authors come: of ten six are named by a contact, two claim a contact's e-mail, two are nobody known."""
    dice = random.Random(start)
    rows = []
    for number in range(start, start + count):
        kind = number % 10
        rows.append(
            {
                "platform": "agora",
                "remote_id": f"{number + 10**9}",
                "name": f"{dice.choice(_FIRST)} {dice.choice(_LAST)}",
                "handle": f"voice{number}" if kind < 6 else f"stranger{number}",
                "url": f"https://agora.example/u/{number}",
                "emails": f"somebody.{number}@mail.example" if kind in (6, 7) else "",
                "links": "",
                "verified_links": "",
                "hash": number + 1,
            }
        )
    connection.execute(authors.insert(), rows)


def _bare(path: Path) -> tuple[float, int]:
    """Write the same rows and find the pairs that share a key, by the driver alone; return seconds and pairs."""
    connection = sqlite3.connect(path)
    held = {}
    for table in _TABLES:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        mine = " WHERE origin = 'author'" if table == "contacts" else ""
        mine = " WHERE source = 'author'" if table == "contact_values" else mine
        held[table] = (columns, connection.execute(f"SELECT * FROM {table}{mine}").fetchall())
    connection.execute("PRAGMA foreign_keys = OFF")
    for table, key in (("contact_evidence", "id"), ("contact_values", "id"), ("contacts", "id")):
        connection.executemany(
            f"DELETE FROM {table} WHERE {key} = ?", [(row[held[table][0].index(key)],) for row in held[table][1]]
        )
    connection.commit()
    begun = time.process_time()
    for table in _TABLES:
        columns, rows = held[table]
        marks = ", ".join("?" * len(columns))
        connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)
    found = connection.execute(_FOUND).fetchall()
    connection.commit()
    elapsed = time.process_time() - begun
    connection.close()
    return elapsed, len(found)
