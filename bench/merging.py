"""Merging: finding where mentions lead and which repeat another, against the raw query of the same rows."""

from __future__ import annotations

import os
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from sqlalchemy.engine import Connection

from bench.measure import Figure
from bench.memory import resident
from hub import Author, Mention
from hub.discussions import joining
from hub.store import Store, migrate
from hub.store.discussions import ingesting, merging, threads
from hub.store.outbox import posts
from hub.store.outbox.posts import NewPost
from hub.store.running import accounts

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
SITES = {"one": "village", "two": "hamlet"}
FATTER = 80.0
"""MB; the database's own cache grows to 64 MiB of them and no further."""
SLOWEST = 0.7
"""The last tenth to the first: what is found by keys costs the depth of a tree, and no more with every row."""
REMARKS = 10
"""Of each person, who comes, speaks and goes: a few hundred speak at a time."""
PER_THREAD = 1000
PER_PAGE = 100
REPEATED = 20
LINKED = 50
"""Every so many remarks one repeats another, or leads to another article of ours."""
# fmt: off
_WORDS = (
    "roast", "shelf", "shop", "price", "morning", "pack", "filter", "water", "taste", "open", "queue", "street",
    "вкус", "пачка", "цена", "очередь", "адрес", "утро", "обжарка", "вода", "фильтр", "магазин", "статья", "автор",
    "улица", "суббота", "карамель", "партия", "photo", "author", "reader", "Saturday",
)
# fmt: on
_RAW = (
    "SELECT m.id, m.platform, m.remote_id, m.account, t.id, t.remote_id, t.discussion_id, m.parent_id, m.text, "
    "m.url, m.links, m.sent_at, m.deleted_at, m.author_id, a.name, a.handle, a.url, a.emails, a.contact_id "
    "FROM mentions m JOIN threads t ON t.id = m.thread_id "
    "LEFT JOIN authors a ON a.platform = m.platform AND a.remote_id = m.author_id ORDER BY m.id"
)


def run(quick: bool) -> Iterator[Figure]:
    """Yield the rate of merging to that of the raw query, how it holds, and by how much the memory grew."""
    count = 20_000 if quick else 100_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hub.db"
        store = Store.open(f"sqlite:///{path}")
        merged, sizes, found = _merge(store, count)
        store.close()
        raw = [_read(path) for _ in range(3)]
    tenth = max(len(merged) // 10, 1)
    first, last = merged[:tenth], merged[-tenth:]
    whole = len(merged) / sum(1 / rate for rate in merged)
    ratios = [whole / rate for rate in raw]
    yield Figure(
        "merging",
        f"{count:,} mentions, {found:,} of them repeats: mentions merged per second, to rows of the raw query",
        median(ratios),
        min(ratios),
        max(ratios),
        rates={"hub": whole, "query": median(raw)},
        note="reading, comparing and writing, to reading alone; rates in mentions/s of CPU, a page at a time",
    )
    yield Figure(
        "merging",
        f"mentions merged per second near {count:,}, to those near the beginning",
        median(last) / median(first),
        min(last) / median(first),
        max(last) / median(first),
        aim="at least",
        target=SLOWEST,
        rates={"first": median(first), "last": median(last)},
    )
    yield Figure(
        "merging",
        f"memory grown while {count:,} mentions were merged; the cache of the database is 67 of it at most",
        sizes[-1] - sizes[0],
        min(sizes) - sizes[0],
        max(sizes) - sizes[0],
        unit="MB",
        aim="at most",
        target=FATTER,
    )


def _merge(store: Store, count: int) -> tuple[list[float], list[float], int]:
    """Let the mentions come page by page, each merged when it is there; return rates, sizes and repeats."""
    migrate.upgrade(store)
    store.write(accounts.register, SITES, {name: ["listen"] for name in SITES}, NOW)
    known = store.write(_articles, count // (2 * PER_THREAD) or 1)
    pages = list(_pages(count, list(known)))
    rates: list[float] = []
    sizes: list[float] = []
    for number in range(0, len(pages), 20):
        said = 0
        elapsed = 0.0
        for account, root, items in pages[number : number + 20]:
            store.write(ingesting.ingest, account, SITES[account], {root: known[account, root]}, items, NOW)
            begun = time.process_time()
            joining.merge(store, account, lambda: NOW)
            elapsed += time.process_time() - begun
            said += len(items)
        rates.append(said / elapsed)
        sizes.append(resident(os.getpid()))
    with store.read() as connection:
        assert not any(merging.has_work(connection, account) for account in SITES)
        found = int(connection.exec_driver_sql("SELECT count(*) FROM repeats").scalar_one())
    return rates, sizes, found


def _articles(connection: Connection, count: int) -> dict[tuple[str, str], int]:
    """Let so many articles be out on both sites; return the threads under the copies."""
    made = {}
    for number in range(count):
        new = NewPost(key=f"{number}", text="News", publish_at=NOW, url=f"https://blog.example/news/{number}")
        post, _ = posts.add(connection, new, NOW)
        discussion = threads.discussion_of_post(connection, post, NOW)
        for account, site in SITES.items():
            url = f"https://{site}.example/{number}"
            made[account, str(number)] = threads.add(
                connection, account, str(number), discussion, NOW, url=url, polled=True
            )
    return made


def _pages(count: int, places: list[tuple[str, str]]) -> Iterator[tuple[str, str, list[Mention]]]:
    """Yield pages of remarks, the sites in turns; the same people speak on both."""
    chance = random.Random(1)
    texts: dict[str, list[tuple[int, str]]] = {}
    for page in range(count // PER_PAGE):
        account, root = places[page % len(places)]
        items = []
        for number in range(PER_PAGE):
            who, text = (
                (page * PER_PAGE + number) // REMARKS + chance.randrange(300),
                " ".join(chance.choices(_WORDS, k=14)),
            )
            before = texts.setdefault(root, [])
            if before and number % REPEATED == 0:
                who, text = chance.choice(before)
            elif number % LINKED == 1:
                text += f" https://blog.example/news/{chance.randrange(100)}?utm_source=x"
            if number % 7 == 3:
                before.append((who, text))
            remote_id = f"{account}-{page}-{number}"
            items.append(
                Mention(
                    remote_id=remote_id,
                    thread_id=root,
                    author=Author(
                        remote_id=f"{account}-{who}",
                        name=f"{_name(who % 60)} {_name(who)}",
                        handle=f"reader_{who}",
                    ),
                    text=text,
                    url=f"https://{SITES[account]}.example/{root}?reply={remote_id}",
                    sent_at=NOW + timedelta(seconds=page * 300 + number),
                )
            )
        yield account, root, items


def _name(number: int) -> str:
    """Spell a number in syllables: a name has no digits."""
    return "".join("aeioubcdfg"[int(digit)] + "klmnprstvz"[int(digit)] for digit in str(number)).title()


def _read(path: Path) -> float:
    """Return how many rows a second the database gives when nothing is made of them."""
    connection = sqlite3.connect(path)
    begun = time.process_time()
    rows = len(connection.execute(_RAW).fetchall())
    taken = time.process_time() - begun
    connection.close()
    return rows / taken
