"""`hub doctor`: says how everything fares and what mends it; the same facts as the System page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hub.cli.opening import open_store
from hub.cli.output import PARTLY, Output, command, iso
from hub.i18n import _, ngettext
from hub.scheduling import health
from hub.scheduling.health import AccountFacts, Facts, Mend
from hub.store.people import parts
from hub.words import word


@command("doctor", help=_("Say how everything fares, and what mends what does not."))
def doctor(out: Output) -> None:
    """Look at the scheduler, the store and every account; nothing is asked of a network."""
    with open_store(out) as hub:
        found = health.facts(hub, hub.clock())
        with hub.store.read() as connection:
            lacking = parts.lacking(connection)
    _print_whole(out, found)
    if lacking:
        out.line(
            _("contacts are searched without an index: let the database's owner run CREATE EXTENSION pg_trgm,")
        )
        out.line(_("then `hub db upgrade`; it matters from some ten thousand people on"))
    for one in found.accounts:
        _print_account(out, one)
    if not found.accounts:
        out.line(_("There are no accounts yet; `hub accounts add PLATFORM` adds one."))
    out.done(_shape(found), {"good": 0, "warning": 0, "bad": PARTLY}[found.level])


def _print_whole(out: Output, found: Facts) -> None:
    if found.beat is None:
        out.line(_("scheduler: none has worked on this database yet; `hub run` is one"))
    elif not found.alive:
        out.line(
            _("scheduler: the last sign of life was at {time}; start `hub run`").format(
                time=out.when(found.beat.beat_at)
            )
        )
    else:
        out.line(_("scheduler: alive, seen at {time}").format(time=out.when(found.beat.beat_at, seconds=True)))
    if found.stopped is not None:
        out.line(_("the hub is stopped; `hub resume` lets it go on"))
    size = _("database: {kind}, {size} MB; {free} MB left on its disk")
    out.line(
        size.format(kind=found.database, size=found.database_bytes // 1_000_000, free=found.disk_free // 1_000_000)
    )
    if found.schema != found.schema_wanted:
        out.line(
            _("schema: {found}, and this program wants {wanted}; run `hub db upgrade`").format(
                found=found.schema, wanted=found.schema_wanted
            )
        )
    out.line(f"crosshub {found.hub_version}, Python {found.python}")


def _print_account(out: Output, one: AccountFacts) -> None:
    queue = ngettext("{count} delivery waits", "{count} deliveries wait", one.queue.depth)
    facts = [word(one.health.state), queue.format(count=one.queue.depth)]
    if one.queue.asked:
        asked = ngettext("{count} for you to settle", "{count} for you to settle", one.queue.asked)
        facts.append(asked.format(count=one.queue.asked))
    if one.lag:
        facts.append(
            _("its sources are overdue for {count} minutes").format(count=one.lag // timedelta(minutes=1))
        )
    out.line(f"{one.name} ({one.health.platform}): " + ", ".join(facts))
    if one.why:
        out.line("  " + _(one.why).format_map(dict(one.facts)))
    for step in one.mends:
        out.line("  - " + said(step) + (f" {step.command}" if step.command else ""))


def said(step: Mend) -> str:
    """Say a step that mends in the reader's language."""
    return _(step.text).format_map(dict(step.facts)) if step.facts else _(step.text)


def _shape(found: Facts) -> dict[str, Any]:
    return {
        "level": found.level,
        "alive": found.alive,
        "heartbeat_at": iso(found.beat.beat_at) if found.beat else None,
        "stopped": found.stopped is not None,
        "version": found.hub_version,
        "python": found.python,
        "database": {"kind": found.database, "bytes": found.database_bytes, "disk_free": found.disk_free},
        "schema": {"found": found.schema, "wanted": found.schema_wanted},
        "deliveries": dict(found.deliveries),
        "accounts": [_account_shape(one) for one in found.accounts],
        "plugins": [
            {
                "platform": one.platform,
                "package": one.package,
                "version": one.version,
                "failed_turns": one.failed_runs,
            }
            for one in found.plugins
        ],
    }


def _account_shape(one: AccountFacts) -> dict[str, Any]:
    return {
        "account": one.name,
        "platform": one.health.platform,
        "state": one.health.state,
        "level": one.level,
        "why": _(one.why).format_map(dict(one.facts)) if one.why else "",
        "mends": [{"text": said(step), "command": step.command} for step in one.mends],
        "last_ok_at": iso(one.health.last_ok_at),
        "last_error": one.health.last_error,
        "expires_at": iso(one.health.expires_at),
        "missing": list(one.missing),
        "quota_left": one.health.quota_left,
        "queue": one.queue.depth,
        "oldest_due_at": iso(one.queue.oldest),
        "in_doubt": one.queue.doubts + one.queue.asked,
        "listened_at": iso(one.listened_at),
        "lag_seconds": one.lag.total_seconds() if one.lag is not None else None,
        "failed_turns": one.failed_runs,
    }
