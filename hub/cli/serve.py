"""`hub serve`: the page where a team works, on this machine or behind a proxy."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import quote

import click

from hub.cli.opening import open_hub
from hub.cli.output import Output, command
from hub.cli.work import lock_of
from hub.errors import UsageError
from hub.i18n import _
from hub.scheduling.hub import Hub
from hub.scheduling.tick import Scheduler
from hub.sections import ServeSection
from hub.users import setup

# What still answers when told to stop has so long; then the process ends, whatever hangs.
_PATIENCE = 8.0
# With --run the turns in flight have theirs, as under `hub run`.
_TURNS = timedelta(seconds=30)


@command(
    "serve",
    help=_("Serve the page where a team works."),
    epilog=_(
        "It does no work of its own: `hub run` or `hub tick` publishes and listens beside it; with --run this "
        "process does both. SIGTERM or Ctrl+C ends it."
    ),
)
@click.option("--host", help=_("The address to listen on; [serve] of hub.toml names it too."))
@click.option("--port", type=click.IntRange(0, 65535), help=_("The port to listen on; 0 for any that is free."))
@click.option("--open", "browse", is_flag=True, help=_("Open it in the browser."))
@click.option("--behind-proxy", is_flag=True, help=_("A proxy before it speaks https with the browsers."))
@click.option("--run", "work", is_flag=True, help=_("Do what is due too, as `hub run` does."))
def serve(out: Output, host: str | None, port: int | None, browse: bool, behind_proxy: bool, work: bool) -> None:
    """Serve until told to stop."""
    with open_hub(out, daemon=True) as hub:
        given = {"host": host, "port": port}
        wanted = hub.settings.serve.model_copy(
            update={name: value for name, value in given.items() if value is not None}
        )
        _refuse_plain(wanted, behind_proxy)
        # FastAPI and Granian take half a second to import: not for a listing of commands.
        from hub.web.app import make_app
        from hub.web.gate import SessionGate
        from hub.web.security import outside_of
        from hub.web.server import Server

        app = make_app(hub, SessionGate(hub), outside_of(wanted, behind_proxy=behind_proxy))
        server = Server(app, wanted.host, wanted.port)
        patience = _PATIENCE + (_TURNS.total_seconds() if work else 0)
        said = _stop_on_signals(server.stop, patience)
        with _working(out, hub, work):
            address = wanted.url or server.url
            _announce(out, hub, address)
            if browse:
                threading.Thread(target=_browse, args=(server.ready, address), daemon=True).start()
            server.run()
        server.close()
        out.done({"address": address, "stopped_by": said[0] if said else ""})
    _leave_hanging_threads()


def _refuse_plain(serve: ServeSection, behind_proxy: bool) -> None:
    """Raise `UsageError` for an address that others reach without https: passwords would go over the wire."""
    if serve.https or behind_proxy or _is_loopback(serve.host):
        return
    raise UsageError(
        "{host} can be reached from other machines, and passwords would cross the network in plain text",
        hint=(
            "put a proxy with https before it (config/Caddyfile is one), and say so: "
            'url = "https://…" under [serve] of hub.toml, or --behind-proxy'
        ),
        host=serve.host,
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _announce(out: Output, hub: Hub, address: str) -> None:
    out.say(_("the page is at {address}; Ctrl+C stops").format(address=address))
    token = setup.offer(hub.store, hub.clock())
    if token is not None:
        link = f"{address}/setup?token={quote(token)}"
        out.say(
            _("there is no user yet; the first owner comes in here, once, within a day: {link}").format(link=link)
        )


def _browse(ready: threading.Event, address: str) -> None:
    import webbrowser

    if ready.wait(10):
        webbrowser.open(address)


def _stop_on_signals(stop: Callable[[], None], patience: float) -> list[str]:
    said: list[str] = []

    def ask(number: int, _frame: object) -> None:
        said.append(signal.Signals(number).name)
        signal.signal(number, signal.SIG_DFL)
        late = threading.Timer(patience, os._exit, (0,))
        late.daemon = True
        late.start()
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    return said


@contextmanager
def _working(out: Output, hub: Hub, work: bool) -> Iterator[None]:
    """Run the daemon beside the page, if that is wanted and no other one works on this database."""
    lock = lock_of(hub) if work else None
    if not work or (lock is not None and not lock.acquire()):
        if work:
            out.say(_("another `hub run` works on this database; leaving it to that one"))
        yield
        return
    stop = threading.Event()
    worker = threading.Thread(
        target=Scheduler(hub).run, args=(stop,), kwargs={"patience": _TURNS}, name="scheduler"
    )
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()
        if lock is not None:
            lock.release()


def _leave_hanging_threads() -> None:
    """The interpreter waits for every thread; one that hangs in an answer must not keep the process here."""
    others = [one for one in threading.enumerate() if one is not threading.current_thread() and not one.daemon]
    for one in others:
        one.join(_PATIENCE / max(len(others), 1))
    if any(one.is_alive() for one in others):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
