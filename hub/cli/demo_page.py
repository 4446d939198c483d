"""Serves the page on the demo's small world, with people who work there, until Ctrl+C."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta

from hub.errors import UnavailableError
from hub.scheduling.hub import Hub
from hub.scheduling.tick import Scheduler
from hub.testing import office
from hub.users.roles import Role

# The port of `hub serve`, if nobody has it.
_USUAL, _ANY = 8765, 0
# What is on its way when Ctrl+C is pressed has so long to end.
_PATIENCE = timedelta(seconds=5)


@contextmanager
def served(hub: Hub, accounts: Sequence[str]) -> Iterator[str]:
    """Let a team work on these accounts, and serve the page.

    Yields a link that logs the first who follows it in, as the owner.
    """
    from hub.web.app import make_app
    from hub.web.gate import SessionGate
    from hub.web.server import Server
    from hub.web.welcome import invite

    people = office.hire(hub.store, hub.clock())
    office.work(hub.store, people, accounts, hub.clock())
    app = make_app(hub, SessionGate(hub))
    path = invite(app, people[Role.OWNER])
    try:
        server = Server(app, "127.0.0.1", _USUAL)
    except UnavailableError:
        server = Server(app, "127.0.0.1", _ANY)
    serving = threading.Thread(target=server.run, name="page", daemon=True)
    serving.start()
    try:
        server.ready.wait(10)
        yield server.url + path
    finally:
        server.stop()
        serving.join(10)
        server.close()


def work(scheduler: Scheduler, link: str) -> None:
    """Let the hub go on with its work until Ctrl+C; open the browser if somebody sits at a terminal."""
    if sys.stdout.isatty():
        import webbrowser

        webbrowser.open(link)
    stop = threading.Event()
    worker = threading.Thread(target=scheduler.run, args=(stop,), kwargs={"patience": _PATIENCE}, name="scheduler")
    # From here on Ctrl+C may come at any moment, also before the thread has begun.
    try:
        with suppress(KeyboardInterrupt):
            worker.start()
            stop.wait()
    finally:
        stop.set()
        if worker.ident is not None:
            worker.join()
