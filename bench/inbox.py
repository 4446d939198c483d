"""The inbox and search at a thousand, a hundred thousand and a million mentions: does a page stay as quick?"""

from __future__ import annotations

import random
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path
from statistics import median, quantiles

from bench.filling import NOW
from bench.measure import Figure, seconds
from hub.discussions import desk
from hub.discussions.query import parse
from hub.store import Store, migrate
from hub.store.discussions import search
from hub.store.running import accounts
from hub.users.roles import Role, User

FLAT = 2.0
"""A page at a million mentions to the same page at a thousand."""
_USER = User(1, "anna", Role.OWNER)
_ACCOUNTS = [f"account{n}" for n in range(20)]
_LIMIT = 50
# What people ask, and how the same rows are asked of the database by hand; "" for what has no short form.
_QUERIES = {
    "everything": ("", ""),
    "status:new": ("status:new", "SELECT id FROM mentions WHERE status = 'new' ORDER BY id DESC LIMIT 51"),
    "three states": ("status:new,open,waiting", ""),
    "one account": ("account:account7", ""),
    "account and states": ("account:account7 status:new,open", ""),
    "assignee": ("assignee:me", ""),
    "label": ("label:seldom", ""),
    "label and state": ("label:seldom status:open", ""),
    "kind": ("kind:review", ""),
    "unread": ("is:unread", ""),
    "days": ("after:2026-03-01 before:2026-03-02", ""),
    "a rare word": ("редкое", "SELECT rowid FROM mention_search WHERE mention_search MATCH '\"редкое\" *'"),
    "a common word": (
        "частое",
        "SELECT rowid FROM mention_search WHERE mention_search MATCH '\"частое\" *' ORDER BY rowid DESC LIMIT 51",
    ),
    "no such word": ("нетакогослова", ""),
    "a common word and a state": ("частое status:open", ""),
    "a phrase": ('"частое редкое"', ""),
}


def run(quick: bool) -> Iterator[Figure]:
    """Yield, per query, the time of a page at the largest size to that at the smallest; then to raw queries."""
    sizes = (1_000, 100_000) if quick else (1_000, 100_000, 1_000_000)
    rounds = 20 if quick else 40
    times: dict[str, list[list[float]]] = {}
    raw: dict[str, list[float]] = {}
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "hub.db"
            store = Store.open(f"sqlite:///{path}")
            fill(store, path, size)
            for name, taken in _measure(store, size, rounds).items():
                times.setdefault(name, []).append(taken)
            raw = _measure_raw(path, rounds)
            store.close()
    for name, by_size in times.items():
        yield _flatness(name, sizes, by_size)
    for name, taken in raw.items():
        ratios = [one / other for one, other in zip(times[name][-1], taken, strict=True)]
        yield Figure(
            "inbox",
            f"{name}: a page of 50 with all that is shown, at {sizes[-1]:,}, to the bare query of its numbers",
            median(ratios),
            min(ratios),
            max(ratios),
        )


def _flatness(name: str, sizes: tuple[int, ...], by_size: list[list[float]]) -> Figure:
    ratios = [one / other for one, other in zip(by_size[-1], by_size[0], strict=True)]
    shown = "; ".join(
        f"{size:,}: p50 {median(taken) * 1e3:.1f} ms, p95 {quantiles(taken, n=20)[-1] * 1e3:.1f} ms"
        for size, taken in zip(sizes, by_size, strict=True)
    )
    return Figure(
        "inbox",
        f"{name}: a page at {sizes[-1]:,} mentions, to one at {sizes[0]:,}",
        median(ratios),
        min(ratios),
        max(ratios),
        aim="at most",
        target=FLAT,
        note=shown,
    )


def _measure(store: Store, size: int, rounds: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for name, (query, _) in _QUERIES.items():
        found[name] = _timed(lambda query=query: desk.page(store, parse(query), _USER, NOW, limit=_LIMIT), rounds)
    deep = f"n0.{size // 10}"
    found["a page nine tenths down"] = _timed(
        lambda: desk.page(store, parse("status:new,open"), _USER, NOW, cursor=deep, limit=_LIMIT), rounds
    )
    found["the counts of the tabs"] = _timed(lambda: desk.counts(store, parse("status:new"), _USER, NOW), rounds)
    return found


def _measure_raw(path: Path, rounds: int) -> dict[str, list[float]]:
    connection = sqlite3.connect(path)
    found = {
        name: _timed(lambda raw=raw: connection.execute(raw).fetchall(), rounds)
        for name, (_, raw) in _QUERIES.items()
        if raw
    }
    connection.close()
    return found


def _timed(work: Callable[[], object], rounds: int) -> list[float]:
    work()
    return [seconds(work) for _ in range(rounds)]


def fill(store: Store, path: Path, size: int) -> None:
    """Fill a database with mentions of a team that has worked for a while: most is done, the newest is not."""
    migrate.upgrade(store)
    store.write(accounts.register, dict.fromkeys(_ACCOUNTS, "vk"), {name: [] for name in _ACCOUNTS}, NOW)
    connection = sqlite3.connect(path)
    now = int(NOW.timestamp() * 1000)
    connection.execute("INSERT INTO discussions (title, url, created_at) VALUES ('', '', ?)", (now,))
    connection.executemany(
        "INSERT INTO threads (account, remote_id, url, discussion_id, polled, changed_at, gone) "
        "VALUES (?, 'r', '', 1, 0, ?, 0)",
        [(name, now) for name in _ACCOUNTS],
    )
    connection.execute("INSERT INTO labels (key, name) VALUES ('seldom', 'seldom')")
    connection.executemany(
        "INSERT INTO authors (platform, remote_id, name, handle, url, emails, hash) "
        "VALUES ('vk', ?, ?, ?, '', '', 0)",
        [(f"a{n}", f"Имя{n}", f"name{n}") for n in range(min(size // 10, 50_000))],
    )
    connection.executemany(
        "INSERT INTO mentions (platform, remote_id, account, kind, thread_id, author_id, text, url, sent_at, "
        "seen_at, missed, hash, status, assignee_id) VALUES ('vk', ?, ?, ?, ?, ?, ?, '', ?, ?, 0, 0, ?, ?)",
        _rows(size, now),
    )
    connection.execute("INSERT INTO mention_labels SELECT 1, id FROM mentions WHERE id % 500 = 0")
    # Read, but for the newest and one in ten thousand.
    connection.execute("INSERT INTO readers VALUES (1, ?)", (size - size // 100,))
    connection.commit()
    connection.close()
    while _behind(store):
        store.write(search.catch_up, 50_000)


def _behind(store: Store) -> bool:
    with store.read() as connection:
        return search.is_behind(connection)


def _rows(size: int, now: int) -> Iterator[tuple[object, ...]]:
    chance = random.Random(5)
    syllables = [*"карольтивепшгу", "на", "до", "зна", "сти", "ре", "ба"]
    words = ["".join(chance.choices(syllables, k=1 + n % 4)) for n in range(20_000)]
    weights = list(accumulate(1 / (n + 1) for n in range(len(words))))
    for n in range(size):
        said = chance.choices(words, cum_weights=weights, k=chance.randint(4, 24))
        said += ["частое"] * (n % 10 == 0) + ["редкое"] * (n % (size // 20) == 0)
        fresh = n > size - size // 50
        status = chance.choice(("new", "open", "waiting")) if fresh or n % 1000 == 0 else "done"
        at = now - (size - n) * (31_536_000_000 // size)
        yield (
            str(n),
            _ACCOUNTS[n % len(_ACCOUNTS)],
            "review" if n % 1000 == 3 else "comment",
            n % len(_ACCOUNTS) + 1,
            f"a{n % max(size // 10, 1) % 50_000}",
            " ".join(said),
            at,
            at,
            status,
            1 if n % 700 == 0 else None,
        )
