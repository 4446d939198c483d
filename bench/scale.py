"""Scale: what 1 to 8 workers on one PostgreSQL get done, 200 ms from the network, and what each thing costs."""

from __future__ import annotations

import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import NamedTuple

from bench.cluster import Clusters, Sample
from bench.measure import Figure, in_turns, ratio
from bench.postgresql import server
from bench.profiling import Profile, profile
from bench.server import running

LATENCY = 0.2
TURNS = 2
"""Side by side in each worker, so few that the two cores are not what holds eight of them back."""
ACCOUNTS = 400
_AIMS = {2: 0.85, 4: 0.85, 8: 0.7}
_FUTURE = 200_000
_LIMITS = {"0s": "turns/s, one post each", "2s": "posts/s, about ten in a turn"}


class Load(NamedTuple):
    """What a fleet of workers is given, and what it did: by number of workers, one for each window."""

    engine: str
    quantum: str
    windows: Mapping[int, Sequence[Sample]]
    waits: Mapping[int, Counter[str]]


def run(quick: bool) -> Iterator[Figure]:
    """Yield how the rate grows with the workers, what a post, a turn and a poll cost, and where the CPU goes."""
    length = 2.0 if quick else 5.0
    # Up, down and up: whatever else the machine does meets all of them.
    once = (1, 2) if quick else (1, 2, 4, 8)
    order = [*once, *reversed(once)] if quick else [*once, *reversed(once), *once]
    with (
        tempfile.TemporaryDirectory() as folder,
        server() as url,
        running(LATENCY) as far,
        running(0.0) as near,
    ):
        clusters = Clusters(Path(folder), url, far, 60 if quick else ACCOUNTS)
        clusters.fill(6 if quick else 16)
        loads = []
        for engine, quantum in (("local", "0s"), ("local", "2s"), ("procrastinate", "0s")):
            loads.append(_fleet(clusters, engine, quantum, order, length))
            yield from _growth(loads[-1], once)
        yield from _costs(loads[0], loads[1])
        yield from _rest(clusters, length)
        yield from _future(clusters, near, 20_000 if quick else _FUTURE, 2 if quick else 4, length)
        with clusters.copy(quantum="2s") as cluster:
            yield from _shown("post", profile(cluster, "publish", 6.0 if quick else 15.0, TURNS))
        with clusters.copy(quantum="30s") as cluster:
            yield from _shown("poll", profile(cluster, "listen", 6.0 if quick else 15.0, TURNS))


def _fleet(clusters: Clusters, engine: str, quantum: str, order: Sequence[int], length: float) -> Load:
    windows: dict[int, list[Sample]] = defaultdict(list)
    waits: dict[int, Counter[str]] = defaultdict(Counter)
    with clusters.copy(engine, quantum) as cluster:
        for count in order:
            cluster.resize(count, TURNS)
            found, waited = cluster.measure("publish", length)
            windows[count].append(found)
            waits[count].update(waited)
    return Load(engine, quantum, windows, waits)


def _growth(load: Load, counts: Sequence[int]) -> Iterator[Figure]:
    def done(one: Sample) -> float:
        return (one.turns if load.quantum == "0s" else one.published) / one.at

    each = {str(count): [done(one) / count for one in windows] for count, windows in sorted(load.windows.items())}
    alone = median(each["1"])
    yield Figure(
        "scale",
        f"{load.engine}: {_LIMITS[load.quantum]}, of one worker with {TURNS} turns at {LATENCY * 1000:.0f} ms",
        alone,
        min(each["1"]),
        max(each["1"]),
        unit="/s",
        note=f"{TURNS / LATENCY:.0f}/s if nothing but the network took time",
    )
    for count in counts[1:]:
        found = ratio(
            "scale",
            f"{load.engine}: {_LIMITS[load.quantum]}, {count} workers, to {count} times one",
            each,
            str(count),
            "1",
            aim="at least",
            target=_AIMS[count],
            note=_where(load.windows[count], load.waits[count]),
        )
        rates = {"1": alone, str(count): median(each[str(count)]) * count}
        yield found._replace(rates=rates, note=f"{rates[str(count)]:.0f}/s; {found.note}")


def _where(windows: Sequence[Sample], waits: Counter[str]) -> str:
    """Say whose the CPU was, and what the database's connections waited for in the middle of their work."""

    def cores(value: float) -> str:
        return f"{value:.2f}"

    workers = median(one.workers / one.at for one in windows)
    database = median(one.database / one.at for one in windows)
    everything = median(one.everything / one.at for one in windows)
    busy = sum(waits.values())
    most = ", ".join(f"{name} {count / busy:.0%}" for name, count in waits.most_common(3)) if busy else "nothing"
    return (
        f"cores: workers {cores(workers)}, database {cores(database)}, the whole machine {cores(everything)} of "
        f"{os.cpu_count()}; connections inside a transaction: {most}"
    )


def _costs(turns: Load, posts: Load) -> Iterator[Figure]:
    """Part the cost of a turn from that of a post: one load has a post a turn, the other many."""
    one, many = (_sum(windows) for windows in (turns.windows, posts.windows))
    costs: dict[str, dict[str, float]] = {"post": {}, "turn": {}}
    for name, _, factor in _PARTS:
        a, b = (float(getattr(load, name)) * factor for load in (one, many))
        per_turn = (a * many.published - b * one.published) / (
            one.turns * many.published - many.turns * one.published
        )
        costs["turn"][name] = max(per_turn, 0.0)
        costs["post"][name] = (b - costs["turn"][name] * many.turns) / many.published
    yield _cost("a post, within a turn", "post", costs["post"])
    yield _cost("a turn, without its posts", "turn", costs["turn"])


def _rest(clusters: Clusters, length: float) -> Iterator[Figure]:
    """Measure what a poll without news costs, and a worker to whom nothing is due; and what is stored."""
    with clusters.copy(quantum="30s") as cluster:
        stored = ("posts", "deliveries", "attempts", "copies", "threads", "changes", "runs")
        before, known = cluster.size(*stored), cluster.sample()
        cluster.resize(1, 2 * TURNS)
        found, _ = cluster.measure("listen", length)
        yield _cost("a poll without news, a whole turn", "poll", _each(found, found.turns))
        found, _ = cluster.measure("nothing", 2 * length)
        asleep = _each(found, found.at)
        yield _one(
            "a worker to whom nothing is due: CPU of one core",
            asleep["workers"] / 10,
            "%",
            f"of the database {asleep['database'] / 10:.2f} %, {asleep['commits']:.1f} transactions/s, "
            f"{asleep['wal']:.0f} bytes of WAL/s, {found.connections} connections",
            {f"worker.{name}": value for name, value in asleep.items()}
            | {"worker.memory_mb": cluster.memory(), "worker.accounts": float(clusters.count)}
            | {"worker.connections": float(found.connections)},
        )
        yield _held(clusters)
        cluster.measure("publish", length)
        new = cluster.sample().since(known)
        bytes_each = (cluster.size(*stored) - before) / max(new.published, 1)
        whole = cluster.size("accounts", "jobs") / clusters.count
        yield _one(
            "what a post on one account leaves in the database, with its indexes",
            bytes_each / 1000,
            "kB",
            f"an account with its jobs: {whole / 1000:.1f} kB",
            {"post.bytes": bytes_each, "account.bytes": whole},
        )


def _held(clusters: Clusters) -> Figure:
    """Measure how long one commit that tells of a change keeps all others that do from theirs."""
    found = sorted(clusters.held(200))
    middle = found[len(found) // 2]
    return Figure(
        "scale",
        "how long a commit that tells of a change keeps the others waiting",
        middle,
        found[len(found) // 10],
        found[len(found) * 9 // 10],
        unit="ms",
        costs={"change.held_ms": middle},
        note="from the lock to the answer of COMMIT, on one machine; the middle, and the tenths at both ends",
    )


def _future(clusters: Clusters, network: str, posts: int, rounds: int, length: float) -> Iterator[Figure]:
    clusters.add_future("future", posts)
    with (
        clusters.copy(network=network) as empty,
        clusters.copy(template="future", network=network) as full,
    ):
        for cluster in (empty, full):
            cluster.resize(1, 2 * TURNS)
            cluster.measure("publish", 1.0)

        def rate(name: str) -> float:
            found, _ = {"empty": empty, "full": full}[name].measure("publish", length)
            return found.turns / found.at

        results = in_turns({name: partial(rate, name) for name in ("empty", "full")}, rounds)
    yield ratio(
        "scale",
        f"turns/s with {posts:,} posts for next week in the table, to none, 0 ms from the network",
        results,
        "full",
        "empty",
        aim="at least",
        target=0.8,
        note="one worker, so that nothing but the hub's own work and the database's takes time",
    )


def _shown(what: str, found: Profile) -> Iterator[Figure]:
    number = found.published or found.turns
    count = sum(found.statements.values()) / number
    yield _one(
        f"statements for a {what}, with its share of the turn and of all else",
        count,
        "",
        f"{found.commits / number:.1f} transactions; {number / found.turns:.1f} in a turn",
        {f"{what}.statements": count},
    )
    functions = [one for one in found.functions if "_ssl" not in one.name][:15]
    yield _one(
        f"profile of one worker, {what}s: the share of its CPU of the 15 functions that take most themselves",
        sum(one.own for one in functions) * 100,
        "%",
        ", ".join(f"{one.name} {one.own:.1%}" for one in functions),
    )
    stages = [one for one in found.functions if one.name.startswith("hub/") and one.name.split(":")[1] in _STAGES]
    stages.sort(key=lambda one: -one.whole)
    yield _one(
        f"profile of one worker, {what}s: the share of its CPU of the hub's stages, with all that they call",
        stages[0].whole * 100,
        "%",
        ", ".join(f"{one.name} {one.whole:.0%}" for one in stages),
    )


def _one(
    what: str, value: float, unit: str, note: str, costs: Mapping[str, float] = MappingProxyType({})
) -> Figure:
    return Figure("scale", what, value, value, value, unit=unit, note=note, costs=costs)


_STAGES = {
    *("take_turn", "publish_due", "begin", "published", "_commit", "_once", "_end", "_claim", "_due", "_look"),
    *("_read", "index", "merge", "match", "claim"),
}
# Field of a sample, how it is shown, and the factor that makes it so.
_PARTS = (
    ("workers", "{:.1f} ms of a worker's CPU", 1000.0),
    ("database", "{:.1f} ms of the database's", 1000.0),
    ("wal", "{:.0f} bytes of WAL", 1.0),
    ("commits", "{:.1f} transactions", 1.0),
    ("rows", "{:.1f} rows written", 1.0),
)


def _sum(windows: Mapping[int, Sequence[Sample]]) -> Sample:
    every = [one for found in windows.values() for one in found]
    return Sample._make(sum(values) for values in zip(*every, strict=True))


def _each(found: Sample, number: float) -> dict[str, float]:
    return {name: getattr(found, name) * factor / number for name, _, factor in _PARTS}


def _cost(what: str, name: str, parts: Mapping[str, float]) -> Figure:
    shown = [form.format(parts[part]) for part, form, _ in _PARTS]
    costs = {f"{name}.{part}": value for part, value in parts.items()}
    return _one(f"{what}: CPU of the worker", parts["workers"], "ms", ", ".join(shown), costs)
