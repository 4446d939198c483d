"""How the hub fares: one set of facts for the page, the metrics, the readiness probe and `hub doctor`."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any, Literal, NamedTuple

from hub.errors import HubError
from hub.i18n import N_
from hub.registry import GROUP
from hub.scheduling import standing
from hub.scheduling.hub import LISTEN, Hub
from hub.scheduling.standing import Standing
from hub.store import migrate
from hub.store.outbox import deliveries
from hub.store.running import accounts, figures, workers
from hub.store.running.accounts import Health
from hub.store.running.figures import Job, Queue
from hub.store.running.switches import Stop
from hub.store.running.workers import Worker
from hub.users.roles import User

Level = Literal["good", "warning", "bad"]

# A token that ends within that time is worth a word, and an account that failed so often in a row.
_SOON = timedelta(days=7)
_OFTEN = 3
_DAY = timedelta(days=1)
_LITTLE_SPACE = 500_000_000


class Mend(NamedTuple):
    """One step that mends something: what to do, as a template in English with its facts, or a command to give."""

    text: str
    command: str = ""
    facts: Mapping[str, str] = {}


class AccountFacts(NamedTuple):
    """How one account fares.

    `level` is the worst of what is told. `why` says it in plain words (a template in English, with `facts`), ""
    while all is well, and `mends` are the steps that mend it. `lag` is for how long its sources have been due.
    """

    health: Health
    level: Level
    why: str
    facts: Mapping[str, str]
    mends: Sequence[Mend]
    queue: Queue
    listened_at: datetime | None
    listen_due_at: datetime | None
    lag: timedelta | None
    threads_overdue: int
    failed_runs: int

    @property
    def name(self) -> str:
        return self.health.name

    @property
    def missing(self) -> Sequence[str]:
        return self.health.missing.split("\n") if self.health.missing else ()

    def days_left(self, now: datetime) -> int | None:
        """Say in how many days the token ends; below 0 it has ended, None where nobody knows."""
        return None if self.health.expires_at is None else (self.health.expires_at - now).days


class PluginFacts(NamedTuple):
    """One platform: what brings it, and what its accounts last complained of."""

    platform: str
    package: str
    version: str
    roles: Sequence[str]
    accounts: Sequence[str]
    failed_runs: int
    errors: Sequence[str]


class Facts(NamedTuple):
    """How everything fares at one moment."""

    at: datetime
    hub_version: str
    python: str
    database: str
    database_bytes: int
    disk_free: int
    disk_total: int
    schema: str
    schema_wanted: str
    standing: Standing
    deliveries: Mapping[str, int]
    mentions: int
    accounts: Sequence[AccountFacts]
    plugins: Sequence[PluginFacts]

    @property
    def stopped(self) -> Stop | None:
        """Return since when and why a person has stopped the hub."""
        return self.standing.stopped

    @property
    def beat(self) -> Worker | None:
        """Return who gave the last sign of life."""
        return self.standing.workers[0] if self.standing.workers else None

    @property
    def alive(self) -> bool:
        """Tell whether anybody does the work."""
        return bool(self.standing.alive)

    @property
    def beat_age(self) -> timedelta | None:
        return None if self.beat is None else max(self.at - self.beat.beat_at, timedelta(0))

    @property
    def little_space(self) -> bool:
        return self.disk_free < _LITTLE_SPACE

    @property
    def level(self) -> Level:
        """Say how the whole fares: as badly as the worst of its parts."""
        if not self.alive or self.schema != self.schema_wanted or self.little_space:
            return "bad"
        levels = {one.level for one in self.accounts}
        if "bad" in levels:
            return "bad"
        return "warning" if "warning" in levels or self.stopped else "good"


class Readiness(NamedTuple):
    """Whether the hub can do its work; each check by its name, "ok" or why not."""

    ready: bool
    checks: Mapping[str, str]
    beat_age: float | None


class Broken(NamedTuple):
    """An account that does no work until a person has seen to it."""

    account: str
    platform: str
    why: str
    facts: Mapping[str, str]


def facts(hub: Hub, now: datetime) -> Facts:
    """Gather everything; some statements, one of which counts all deliveries."""
    with hub.store.read() as connection:
        known = {one.name: one for one in accounts.all_health(connection)}
        queues = figures.queues(connection)
        jobs = figures.all_jobs(connection)
        overdue = figures.threads_overdue(connection, now)
        failed = figures.failed_runs(connection, now - _DAY)
        stands = standing.of(hub, connection, now)
        by_state = deliveries.count_by_state(connection)
        size = figures.database_bytes(connection)
        said = figures.newest_mention(connection)
    listens = {job.account: job for job in jobs if job.kind == LISTEN}
    shown = [
        _account(hub, known[name], queues, listens.get(name), overdue, failed, now)
        for name in hub.settings.accounts
        if name in known
    ]
    disk = shutil.disk_usage(_disk_of(hub))
    return Facts(
        at=now,
        hub_version=version("crosshub"),
        python=platform.python_version(),
        database="sqlite" if hub.store.is_sqlite else "postgresql",
        database_bytes=size,
        disk_free=disk.free,
        disk_total=disk.total,
        schema=migrate.version(hub.store) or "",
        schema_wanted=migrate.head(),
        standing=stands,
        deliveries=by_state,
        mentions=said,
        accounts=shown,
        plugins=list(_plugins(hub, shown)),
    )


def readiness(hub: Hub, now: datetime) -> Readiness:
    """Say whether the store answers, is of this program's schema, and somebody does the work; two statements."""
    checks = {"store": "ok", "schema": "ok", "heartbeat": "ok"}
    age: float | None = None
    try:
        found = migrate.version(hub.store)
        if found != migrate.head():
            checks["schema"] = f"the database is of version {found}, this program wants {migrate.head()}"
            checks["heartbeat"] = "not asked"
        else:
            with hub.store.read() as connection:
                found_workers = workers.latest(connection)
            if found_workers:
                age = max((now - found_workers[0].beat_at).total_seconds(), 0.0)
            if not any(worker.is_alive(now) for worker in found_workers):
                checks["heartbeat"] = "no scheduler gave a sign of life lately; `hub run` is one"
    except HubError as error:
        checks |= {"store": str(error), "schema": "not asked", "heartbeat": "not asked"}
    return Readiness(all(said == "ok" for said in checks.values()), checks, age)


def broken(hub: Hub, user: User | None, now: datetime) -> list[Broken]:
    """Return the accounts that a person must see to, of those that the user may see; one statement."""
    with hub.store.read() as connection:
        known = accounts.all_health(connection)
    found = []
    for one in known:
        if one.name not in hub.settings.accounts or (user is not None and not _sees(user, one.name)):
            continue
        level, why, said = _verdict(one, now)
        if level == "bad":
            found.append(Broken(one.name, one.platform, why, said))
    return found


def _sees(user: User, account: str) -> bool:
    return user.accounts is None or account in user.accounts


def _account(
    hub: Hub,
    health: Health,
    queues: Mapping[str, Queue],
    listening: Job | None,
    overdue: Mapping[str, int],
    failed: Mapping[str, int],
    now: datetime,
) -> AccountFacts:
    level, why, said = _verdict(health, now)
    return AccountFacts(
        health=health,
        level=level,
        why=why,
        facts=said,
        mends=mends(hub, health.name) if _needs_login(health, now) else (),
        queue=queues.get(health.name, Queue()),
        listened_at=listening.last_run_at if listening else None,
        listen_due_at=listening.due_at if listening else None,
        lag=max(now - listening.due_at, timedelta(0)) if listening else None,
        threads_overdue=overdue.get(health.name, 0),
        failed_runs=failed.get(health.name, 0),
    )


def _verdict(health: Health, now: datetime) -> tuple[Level, str, Mapping[str, str]]:
    """Say how an account fares, and why, in plain words: the worst first."""
    if health.state == "paused":
        return "bad", N_("The network no longer lets the hub in: {why}"), {"why": health.reason}
    if health.expires_at is not None and health.expires_at <= now:
        return "bad", N_("The token has expired; make a new one."), {}
    if health.not_before is not None and health.not_before > now and health.failures >= _OFTEN:
        return "bad", N_("The network cannot be reached: {why}"), {"why": health.last_error}
    if health.not_before is not None and health.not_before > now and not health.last_error:
        return "good", N_("Its calls are used up for now; it goes on by itself."), {}
    if health.not_before is not None and health.not_before > now:
        return "warning", N_("The network wants to be left alone for a while: {why}"), {"why": health.last_error}
    if health.last_error:
        return "warning", N_("The last turn went wrong: {why}"), {"why": health.last_error}
    if health.missing:
        rights = ", ".join(health.missing.split("\n"))
        return "warning", N_("The token lacks rights: {rights}"), {"rights": rights}
    if health.expires_at is not None and health.expires_at - now < _SOON:
        return "warning", N_("The token ends soon; make a new one in time."), {}
    return "good", "", {}


def _needs_login(health: Health, now: datetime) -> bool:
    ends = health.expires_at is not None and health.expires_at - now < _SOON
    return health.state == "paused" or ends or bool(health.missing)


def mends(hub: Hub, name: str) -> list[Mend]:
    """Say step by step how an account is connected anew: where each of its secrets is, then the check."""
    account = hub.settings.accounts[name]
    steps = [_mend(name, key, where) for key, where in _secrets(account.values)]
    return [*steps, Mend(N_("Then check the account, with the button here or the command:"), f"hub check {name}")]


def _mend(name: str, key: str, where: Mapping[str, Any]) -> Mend:
    if "vault" in where:
        return Mend(
            N_("Put the new {key} into the vault:"), f"hub vault put {name} {where['vault']}", facts={"key": key}
        )
    if "file" in where:
        file = str(where["file"])
        return Mend(N_("Write the new {key} into the file {file}."), facts={"key": key, "file": file})
    return Mend(
        N_("Set {key} in the environment variable {variable}, and start the hub anew."),
        facts={"key": key, "variable": str(where["env"])},
    )


def _secrets(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            if len(value) == 1 and value.keys() <= {"env", "file", "vault"}:
                yield above + key, value
            else:
                yield from _secrets(value, f"{above}{key}.")


def _disk_of(hub: Hub) -> Path:
    path = hub.store.engine.url.database
    return Path(path).parent if hub.store.is_sqlite and path else hub.settings.folder


def _plugins(hub: Hub, shown: Sequence[AccountFacts]) -> Iterator[PluginFacts]:
    entries = list(entry_points(group=GROUP))
    for name in sorted(hub.registry.adapters):
        module = hub.registry.module_of(name)
        brought = next((e for e in entries if module == e.module or module.startswith(f"{e.module}.")), None)
        package = brought.dist if brought is not None else None
        own = [one for one in shown if one.health.platform == name]
        yield PluginFacts(
            platform=name,
            package=package.name if package else module,
            version=package.version if package else "",
            roles=hub.registry.roles(name),
            accounts=[one.name for one in own],
            failed_runs=sum(one.failed_runs for one in own),
            errors=[one.health.last_error for one in own if one.health.last_error],
        )
