"""On paper: what an installation of so many accounts needs, from unit costs measured on one small machine."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

COSTS = Path(__file__).with_name("costs.json")
SIZES = (1_000, 10_000, 100_000, 1_000_000)
_DAY = 86400.0
_YEAR = 365 * _DAY


class Assumption(NamedTuple):
    """One number that was not measured, and why it is this one."""

    value: float
    what: str


ASSUMPTIONS: Mapping[str, Assumption] = {
    "posts_a_day": Assumption(5, "posts that an account sends in a day"),
    "mentions_a_day": Assumption(10, "remarks that an account hears in a day"),
    "poll_minutes": Assumption(
        20,
        'minutes between two polls of an account, in the middle: 5 with news, up to an hour with `quiet = "1h"`',
    ),
    "peak": Assumption(10, "times the mean rate of posts, in the busiest minute: people choose the full hour"),
    "post_seconds": Assumption(0.5, "seconds that a network takes for a post"),
    "poll_seconds": Assumption(0.5, "seconds that a network takes for a poll"),
    "load": Assumption(0.6, "share of a core that may be busy, of workers and of the database"),
    "turns": Assumption(16, "turns side by side in a worker, as hub.toml has it by itself"),
    "worker_cores": Assumption(
        4, "cores of a machine for workers; one process for each, since Python fills but one"
    ),
    "worker_gb": Assumption(16, "GB of memory of such a machine, three quarters of it for workers"),
    "database_cores": Assumption(16, "cores of the database's machine, each as fast as the one measured on"),
    "connections": Assumption(500, "connections that PostgreSQL keeps without a pooler before it"),
    "beside": Assumption(3, "connections of a worker beside those of its turns"),
    "wal_mb": Assumption(50, "MB of WAL a second that disks, replicas and archive bear all day"),
    "checkpoint_minutes": Assumption(
        15, "minutes between checkpoints; after each, every page is written whole once"
    ),
    "trip_ms": Assumption(0.3, "milliseconds from a worker's machine to the database's and back"),
    "trips": Assumption(3, "such trips while a commit that tells of a change keeps the others waiting"),
    "changes": Assumption(1, "commits that tell of a change, for each post and for each poll with news"),
    "lock": Assumption(0.5, "share of the time that this lock may be taken before waiting for it grows steep"),
    "start_seconds": Assumption(
        60, "seconds that a worker may take to start, so that an upgrade does not take hours"
    ),
    "worker_mb": Assumption(2000, "MB that a worker may take"),
    "mention_bytes": Assumption(
        600, "bytes of a stored remark with its indexes (measured elsewhere at 10 million)"
    ),
    "mention_ms": Assumption(0.1, "ms of a worker's CPU to read and store a remark; the database's half of it"),
    "years": Assumption(2, "years that posts and remarks are kept"),
    "database_gb": Assumption(2000, "GB that one server backs up and restores within hours"),
}


class Needs(NamedTuple):
    """What so many accounts need in the busiest minute; the database's size is that after all the years."""

    accounts: int
    posts: float
    polls: float
    worker_cores: float
    workers: int
    machines: int
    database_cores: float
    transactions: float
    rows: float
    statements: float
    wal_mb: float
    connections: float
    lock: float
    start_seconds: float
    worker_mb: float
    database_gb: float


class Limit(NamedTuple):
    """One thing that is full some day: what it is, how much of it there is, and what is done then."""

    name: str
    needed: Callable[[Needs], float]
    most: float
    unit: str
    then: str


def simulate(costs: Mapping[str, float], accounts: int) -> Needs:
    """Return what so many accounts need."""
    a = {name: one.value for name, one in ASSUMPTIONS.items()}
    posts = accounts * a["posts_a_day"] / _DAY * a["peak"]
    polls = accounts / (a["poll_minutes"] * 60)
    mentions = accounts * a["mentions_a_day"] / _DAY
    start, memory = _of_an_account(costs)

    def both(part: str) -> float:
        """A post in the busiest minute has a turn of its own."""
        return posts * (costs[f"post.{part}"] + costs[f"turn.{part}"]) + polls * costs[f"poll.{part}"]

    worker_cores = both("workers") / 1000 + mentions * a["mention_ms"] / 1000
    slots = posts * a["post_seconds"] + polls * a["poll_seconds"]
    workers = max(1, math.ceil(worker_cores / a["load"]), math.ceil(slots / a["turns"]))
    worker_mb = costs["worker.memory_mb"] + memory * max(0.0, accounts - costs["worker.accounts"])
    machines = max(math.ceil(workers / a["worker_cores"]), math.ceil(workers * worker_mb / (a["worker_gb"] * 750)))
    hot_bytes = accounts * costs["account.bytes"]
    whole_pages = hot_bytes / (a["checkpoint_minutes"] * 60)
    held = (costs["change.held_ms"] + a["trips"] * a["trip_ms"]) / 1000
    told = posts * a["changes"] + min(polls, mentions) * a["changes"]
    stored = (
        accounts
        * (a["posts_a_day"] * costs["post.bytes"] + a["mentions_a_day"] * a["mention_bytes"])
        * a["years"]
        * (_YEAR / _DAY)
    )
    return Needs(
        accounts=accounts,
        posts=posts,
        polls=polls,
        worker_cores=worker_cores,
        workers=workers,
        machines=machines,
        database_cores=both("database") / 1000
        + mentions * a["mention_ms"] / 2000
        + workers * costs["worker.database"] / 1000,
        transactions=both("commits") + workers * costs["worker.commits"],
        rows=both("rows") + mentions,
        statements=posts * costs["post.statements"] + polls * costs["poll.statements"],
        wal_mb=(both("wal") + whole_pages + mentions * a["mention_bytes"] * 2 + workers * costs["worker.wal"])
        / 1e6,
        connections=workers * (a["turns"] + a["beside"]),
        lock=told * held,
        start_seconds=accounts * start / 1000,
        worker_mb=worker_mb,
        database_gb=(stored + hot_bytes) / 1e9,
    )


def _of_an_account(costs: Mapping[str, float]) -> tuple[float, float]:
    """Return what one more account costs each worker: ms of its start, and MB."""
    count = costs["idle.accounts"]
    memory = (costs["idle.reading.memory"] - costs["worker.memory_mb"]) / (count - costs["worker.accounts"])
    return costs["idle.asleep.start"] * 1000 / count, memory


def limits() -> Sequence[Limit]:
    a = {name: one.value for name, one in ASSUMPTIONS.items()}
    return (
        Limit(
            "the lock under which changes are numbered",
            lambda needs: needs.lock * 100,
            a["lock"] * 100,
            "% of the time",
            "take and leave it in one trip; then number changes for each team apart, or in the reader",
        ),
        Limit(
            "start of a worker, which reads all of hub.toml",
            lambda needs: needs.start_seconds,
            a["start_seconds"],
            "s",
            "accounts as rows, read when they have a turn",
        ),
        Limit(
            "memory of a worker, which keeps all of hub.toml (accounts that it opened are not counted)",
            lambda needs: needs.worker_mb,
            a["worker_mb"],
            "MB",
            "the same, and forget accounts that had no turn lately",
        ),
        Limit(
            "connections to PostgreSQL",
            lambda needs: needs.connections,
            a["connections"],
            "",
            "a pooler in transaction mode before it; the hub notices it by itself",
        ),
        Limit(
            "the database's CPU",
            lambda needs: needs.database_cores,
            a["database_cores"] * a["load"],
            "cores",
            "polls that find nothing write nothing; a larger machine; then several databases, each with its teams",
        ),
        Limit(
            "WAL",
            lambda needs: needs.wal_mb,
            a["wal_mb"],
            "MB/s",
            "checkpoints further apart, `wal_compression`; then several databases",
        ),
        Limit(
            "size of the database",
            lambda needs: needs.database_gb,
            a["database_gb"],
            "GB",
            "`[retention]`; mentions, attempts and runs in partitions by month; then several databases",
        ),
    )


def fills(costs: Mapping[str, float], limit: Limit) -> int:
    """Return with how many accounts a limit is reached, to two figures."""
    low, high = 1, 1 << 40
    while high - low > max(1, low // 1000):
        middle = (low + high) // 2
        if limit.needed(simulate(costs, middle)) > limit.most:
            high = middle
        else:
            low = middle
    digits = len(str(low)) - 2
    return round(low, -digits) if digits > 0 else low


def read(path: Path = COSTS) -> Mapping[str, float]:
    """Return the unit costs that were written down last."""
    return msgspec.json.decode(path.read_bytes(), type=dict[str, float])


def page(costs: Mapping[str, float]) -> str:
    """Return all tables: what was measured, what is assumed, what is needed, and what is full when."""
    return "\n".join(
        [
            "### What was measured\n",
            _table(("one", *(name for name, _ in _PARTS)), _units(costs)),
            "### What is assumed\n",
            _table(("", "assumption"), ((f"{one.value:g}", one.what) for one in ASSUMPTIONS.values())),
            "### What so many accounts need\n",
            _table(("accounts", *(f"{size:,}" for size in SIZES)), _needs(costs)),
            "### What is full first, and what comes then\n",
            _table(("full with accounts", "what", "of it at 1,000,000", "there is", "then"), _full(costs)),
        ]
    )


_PARTS = (
    ("CPU of the worker, ms", "workers"),
    ("of the database, ms", "database"),
    ("transactions", "commits"),
    ("rows written", "rows"),
    ("WAL, bytes", "wal"),
)
_UNITS = {
    "post": "post, within a turn",
    "turn": "turn, without its posts",
    "poll": "poll without news, a whole turn",
    "worker": "second of a worker to whom nothing is due",
}


def _units(costs: Mapping[str, float]) -> Iterable[tuple[str, ...]]:
    for unit, what in _UNITS.items():
        yield what, *(_number(costs[f"{unit}.{part}"]) for _, part in _PARTS)


def _needs(costs: Mapping[str, float]) -> Iterable[tuple[str, ...]]:
    found = [simulate(costs, size) for size in SIZES]
    names = {
        "posts": "posts/s in the busiest minute",
        "polls": "polls/s",
        "worker_cores": "cores, busy, of all workers",
        "workers": "worker processes",
        "machines": "machines for them",
        "database_cores": "cores, busy, of the database",
        "statements": "statements/s",
        "transactions": "transactions/s",
        "rows": "rows written/s",
        "wal_mb": "WAL, MB/s",
        "connections": "connections, without a pooler",
        "lock": "the lock of changes is taken, share of the time",
        "start_seconds": "start of a worker, s of CPU",
        "worker_mb": "memory of a worker, MB",
        "database_gb": "database after the years, GB",
    }
    for name, what in names.items():
        yield what, *(_number(getattr(one, name)) for one in found)


def _full(costs: Mapping[str, float]) -> Iterable[tuple[str, ...]]:
    largest = simulate(costs, SIZES[-1])
    for limit in sorted(limits(), key=lambda one: fills(costs, one)):
        needed = f"{_number(limit.needed(largest))} {limit.unit}".strip()
        yield f"{fills(costs, limit):,}", limit.name, needed, f"{limit.most:g} {limit.unit}".strip(), limit.then


def _number(value: float) -> str:
    if value >= 10:
        return f"{value:,.0f}"
    return f"{value:.2g}"


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(heads), *[list(row) for row in rows]]
    lines.insert(1, ["---"] * len(lines[0]))
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


if __name__ == "__main__":
    print(page(read()))
