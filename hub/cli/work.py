"""`hub tick` and `hub run`: do what is due, once or for ever."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from hub.cli.failures import failure_of
from hub.cli.opening import open_hub
from hub.cli.output import PARTLY, Output, command
from hub.cli.stop import say_if_stopped
from hub.errors import HubError, StoreError, TransientError, UnknownOutcome, UsageError
from hub.i18n import _, ngettext
from hub.scheduling.hub import Hub
from hub.scheduling.process import DaemonLock
from hub.scheduling.report import Report
from hub.scheduling.tick import Scheduler, make_everything_due

_PATIENCE = timedelta(seconds=30)
_STOPPING = _(
    "SIGTERM or Ctrl+C lets the calls in flight finish (30 s at most), hands over what is left, and leaves; a "
    "second one leaves at once."
)


@command("tick", help=_("Do all that is due now, then end; made for cron."))
@click.option("--all", "everything", is_flag=True, help=_("Do all work there is, due or not."))
def tick(out: Output, everything: bool) -> None:
    """Do what is due on every account; trouble with one is no trouble for the others."""
    with open_hub(out) as hub:
        if everything:
            make_everything_due(hub)
        scheduler = Scheduler(hub)
        stop = threading.Event()
        _stop_on_signals(stop)
        reports: list[Report] = []
        try:
            with _progress(len(hub.settings.accounts)) as step:

                def note(report: Report) -> None:
                    reports.append(report)
                    step()

                scheduler.tick(note, stop)
        finally:
            scheduler.close(_PATIENCE)
        stopped = say_if_stopped(out, hub)
    counts = sum((report.counts for report in reports), Counter())
    errors = [(report.account, error) for report in reports for error in report.errors]
    _print(out, reports, counts, errors)
    out.done({**_shape(out, counts, errors), "stopped": stopped}, exit_code(reports))


def _progress(length: int) -> Any:
    """A progress bar on a terminal, nothing where nobody watches."""
    if not sys.stderr.isatty():
        return nullcontext(_nothing)
    return _Bar(length)


def _nothing() -> None:
    """Show nothing."""


class _Bar:
    def __init__(self, length: int) -> None:
        self._bar = click.progressbar(length=length, file=sys.stderr, label=_("accounts"))

    def __enter__(self) -> Callable[[], None]:
        self._bar.__enter__()
        return lambda: self._bar.update(1)

    def __exit__(self, *error: Any) -> None:
        self._bar.__exit__(*error)


def exit_code(reports: list[Report]) -> int:
    """0 if nothing failed, 5 if something did, and what everything failed with if all of it failed alike."""
    codes: set[int] = set()
    well = False
    for report in reports:
        troubles = {error.exit_code for error in report.errors}
        if report.counts["failed"] or report.counts["missed"]:
            troubles.add(HubError.exit_code)
        if report.counts["unknown"] or report.counts["asked"]:
            troubles.add(UnknownOutcome.exit_code)
        if report.counts["waiting"]:
            troubles.add(TransientError.exit_code)
        well = well or not troubles or bool(report.counts["published"])
        codes |= troubles
    if not codes:
        return 0
    return codes.pop() if len(codes) == 1 and not well else PARTLY


_LINES: dict[str, Callable[[int], str]] = {
    "new posts": lambda n: ngettext("{count} new post found", "{count} new posts found", n),
    "changed posts": lambda n: ngettext("{count} changed post found", "{count} changed posts found", n),
    "deleted posts": lambda n: ngettext("{count} withdrawn post found", "{count} withdrawn posts found", n),
    "published": lambda n: ngettext("{count} published", "{count} published", n),
    "edited": lambda n: ngettext("{count} edited", "{count} edited", n),
    "deleted": lambda n: ngettext("{count} deleted", "{count} deleted", n),
    "waiting": lambda n: ngettext("{count} put off", "{count} put off", n),
    "held": lambda n: ngettext("{count} held back", "{count} held back", n),
    "failed": lambda n: ngettext("{count} failed", "{count} failed", n),
    "missed": lambda n: ngettext("{count} missed", "{count} missed", n),
    "unknown": lambda n: ngettext("{count} of unknown outcome", "{count} of unknown outcome", n),
    "asked": lambda n: ngettext("{count} for you to settle", "{count} for you to settle", n),
    "new mentions": lambda n: ngettext("{count} new mention", "{count} new mentions", n),
    "changed mentions": lambda n: ngettext("{count} changed mention", "{count} changed mentions", n),
    "deleted mentions": lambda n: ngettext("{count} deleted mention", "{count} deleted mentions", n),
    "pulled": lambda n: ngettext("{count} contact taken in", "{count} contacts taken in", n),
    "pushed": lambda n: ngettext("{count} contact given to the CRM", "{count} contacts given to the CRM", n),
    "noted": lambda n: ngettext("{count} note given to the CRM", "{count} notes given to the CRM", n),
}


def _print(out: Output, reports: list[Report], counts: Counter[str], errors: list[tuple[str, HubError]]) -> None:
    done: dict[str, Counter[str]] = {}
    for report in reports:
        done.setdefault(report.account, Counter()).update(report.counts)
    for account, own in done.items():
        facts = [line(own[name]).format(count=own[name]) for name, line in _LINES.items() if own[name]]
        if facts:
            out.line(f"{account}: " + ", ".join(facts))
    if not any(counts.values()) and not errors:
        out.line(_("Nothing new.") if reports else _("Nothing is due."))
    for account, error in errors:
        failure = failure_of(error, out.folder)
        out.say(f"{account}: {failure.message}" + (f"\n  {failure.hint}" if failure.hint else ""))
    if counts["asked"] or counts["failed"] or counts["missed"]:
        out.say(_("Look at them with `hub posts --state asked`, `--state failed` or `--state missed`."))


def _shape(out: Output, counts: Counter[str], errors: list[tuple[str, HubError]]) -> dict[str, Any]:
    failures = [(account, failure_of(error, out.folder)) for account, error in errors]
    return {
        "published": counts["published"],
        "edited": counts["edited"],
        "deleted": counts["deleted"],
        "waiting": counts["waiting"],
        "held": counts["held"],
        "failed": counts["failed"],
        "missed": counts["missed"],
        "unknown": counts["unknown"],
        "asked": counts["asked"],
        "mentions": {
            "new": counts["new mentions"],
            "changed": counts["changed mentions"],
            "deleted": counts["deleted mentions"],
        },
        "contacts": {"pulled": counts["pulled"], "pushed": counts["pushed"], "conflicts": counts["conflicts"]},
        "errors": [
            {"account": account, "code": failure.code, "message": failure.message, "hint": failure.hint}
            for account, failure in failures
        ],
    }


@command(
    "run",
    help=_("Do what is due, for ever, until told to stop."),
    epilog=_STOPPING,
)
def run(out: Output) -> None:
    """Run the daemon; of two on one SQLite file the second leaves."""
    with open_hub(out, daemon=True) as hub:
        lock = lock_of(hub)
        if lock is not None and not lock.acquire():
            out.say(_("another `hub run` works on this database; leaving it to that one"))
            out.done({"running": False})
            return
        try:
            _work(out, hub, Scheduler(hub, how="run"))
        finally:
            if lock is not None:
                lock.release()


@command(
    "worker",
    help=_("Join the other workers on this PostgreSQL, until told to stop."),
    epilog=_STOPPING,
)
@click.option("--turns", type=click.IntRange(1, 256), help=_("How many accounts to work on side by side."))
def worker(out: Output, turns: int | None) -> None:
    """Run one of many workers."""
    with open_hub(out, daemon=True) as hub:
        if hub.store.is_sqlite:
            raise UsageError(
                "several workers need PostgreSQL, and the database of {file} is SQLite",
                hint="`hub run` does all the work on SQLite; `hub db move` takes it to PostgreSQL",
                file=hub.settings.path,
            )
        _work(out, hub, Scheduler(hub, how="worker", size=turns))


def _work(out: Output, hub: Hub, scheduler: Scheduler) -> None:
    """Work until a signal says stop, or the database becomes newer than this program."""
    stop = threading.Event()
    said = _stop_on_signals(stop)
    out.say(_("running; Ctrl+C stops"))
    scheduler.run(stop, patience=_PATIENCE)
    if scheduler.outdated:
        # Raised when all is handed over; a supervisor starts the program again, by then the newer one.
        raise StoreError(
            "the database was brought to a version newer than this program; its work was handed over",
            hint="install the newer crosshub, and start it again",
        )
    out.done({"running": True, "stopped_by": said[0] if said else ""})
    _leave_hanging_turns()


def lock_of(hub: Hub) -> DaemonLock | None:
    """Return what keeps a second daemon off this database; PostgreSQL needs none."""
    if not hub.store.is_sqlite:
        return None
    return DaemonLock(Path(f"{hub.store.engine.url.database}.lock"))


def _stop_on_signals(stop: threading.Event) -> list[str]:
    said: list[str] = []

    def ask(number: int, _frame: object) -> None:
        said.append(signal.Signals(number).name)
        signal.signal(number, signal.SIG_DFL)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    return said


def _leave_hanging_turns() -> None:
    """The interpreter waits for every thread; one that hangs past our patience must not keep the daemon here."""
    if any(thread.name.startswith("turn") and thread.is_alive() for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
