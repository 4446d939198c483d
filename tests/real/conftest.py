"""What the tests against real servers share: each server once for each class of tests, and what it was seen do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from real.proxy import FaultProxy
from real.report import KEY, Note, Report
from real.serving import NotInstallable, Server
from real.site import Site


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Report(), "real servers")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/tests/real/" in item.path.as_posix():
            item.add_marker(pytest.mark.real)
            item.add_marker(pytest.mark.timeout(600))
            # One process for each file: it starts its servers once.
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    # It takes longest: WordPress holds a post back for a minute at least.
    items.sort(key=lambda item: item.path.stem != "test_wordpress")


_MISSING: dict[type[Server], str] = {}


@pytest.fixture(scope="class")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The server that the test class names as `runs`; its tests are skipped, loudly, if it cannot be installed."""
    kind: type[Server] = request.cls.runs
    if kind in _MISSING:
        pytest.skip(f"NOT RUN, {kind.name} cannot be installed here: {_MISSING[kind]}")
    with ExitStack() as stack:
        try:
            running = stack.enter_context(kind())
        except NotInstallable as error:
            _MISSING[kind] = str(error)
            pytest.skip(f"NOT RUN, {kind.name} cannot be installed here: {error}")
        yield running


@pytest.fixture
def note(request: pytest.FixtureRequest, server: Server) -> Note:
    """What this test does on its server, for the report."""
    return Note(server.name, server.version, server.install_seconds, server.start_seconds)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item):  # type: ignore[no-untyped-def]
    try:
        return (yield)
    except BaseException:
        kind: type[Server] | None = getattr(getattr(item, "cls", None), "runs", None)
        if kind is not None:
            note = Note(kind.name, missing=_MISSING.get(kind, ""))
            item.user_properties.append((KEY, note.as_property()))
        raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item):  # type: ignore[no-untyped-def]
    try:
        return (yield)
    finally:
        note = getattr(item, "funcargs", {}).get("note")
        if note is not None:
            item.user_properties.append((KEY, note.as_property()))


@pytest.fixture(scope="class")
def site(request: pytest.FixtureRequest, server: Server) -> Site:
    """The network, made by the class that the test class names as `plays`."""
    made: Site = request.cls.plays(server)
    return made


@pytest.fixture(scope="class")
def proxy(site: Site) -> Iterator[FaultProxy]:
    """A proxy before the network that can lose its answers."""
    with FaultProxy(site.url) as running:
        yield running
