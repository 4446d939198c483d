"""A browser, the real page on the demo's small world, and people of each role who are logged in there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from web.looking import Visitor
    from web.office import Office

# Debian's chromium. Its headless shell draws the same and has no windows, each of which costs a core for a second.
_CHROMIUMS = (Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium"))
CHROMIUM = next((path for path in _CHROMIUMS if path.exists()), _CHROMIUMS[-1])


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """The demo's world after its story, with the page served on it; one for all tests of a process."""
    from web.office import opened

    with opened(tmp_path_factory.mktemp("office") / "world") as found:
        yield found


@pytest.fixture(scope="session")
def served(office: Office) -> str:
    """The address of the page."""
    return office.url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's chromium. Where it is absent nothing of this is tested, which must not look like success in CI."""
    from playwright.sync_api import sync_playwright
    from web.looking import launch

    if not CHROMIUM.exists():
        told = f"there is no {CHROMIUM}: NO BROWSER TEST RAN (apt-get install chromium-headless-shell)"
        if os.environ.get("CI"):
            pytest.fail(told)
        pytest.skip(told)
    with sync_playwright() as playwright, closing(launch(playwright, CHROMIUM)) as found:
        yield found


@pytest.fixture
def visit(browser: Browser, office: Office) -> Iterator[Callable[..., Visitor]]:
    """Open a browser's window as somebody: `visit(Role.OWNER, theme="dark")`.

    At the end each of them is asked for what went wrong unseen: words on the console, requests to other hosts.
    """
    from web.looking import Visitor

    opened: list[Visitor] = []

    def come(role: Any = None, **how: Any) -> Visitor:
        opened.append(Visitor(browser, office, role, **how))
        return opened[-1]

    yield come
    troubles = [trouble for visitor in opened for trouble in visitor.troubles()]
    for visitor in opened:
        visitor.close()
    assert troubles == []
