"""A page of another site sends its form by itself, in a real browser: it is refused and writes nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hub.scheduling.hub import Hub
from hub.settings import load
from hub.store.team import users as stored
from hub.users import people, sessions
from hub.users.roles import Role
from hub.web.app import make_app
from hub.web.gate import SessionGate
from hub.web.server import running

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


class Evil(BaseHTTPRequestHandler):
    """A site that sends a form to the hub as soon as it is opened."""

    target = ""

    def do_GET(self) -> None:
        page = (
            f'<form method="post" action="{self.target}/users" id="f"><input name="name" value="mallory">'
            '<input name="role" value="owner"><input name="password" value="correct horse battery"></form>'
            "<script>document.getElementById('f').submit()</script>"
        ).encode()
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def evil() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Evil) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("site", ["127.0.0.1", "localhost"])
def test_a_form_of_another_site_is_refused_and_writes_nothing(
    browser: Browser, evil: ThreadingHTTPServer, tmp_path: Path, site: str
) -> None:
    """Another port of 127.0.0.1 is of the same site, so that it sends the cookie; `localhost` is another site."""
    (tmp_path / "hub.toml").write_text("")
    with Hub.open(load(tmp_path / "hub.toml", {})) as hub:
        row = hub.store.write(stored.add, "anna", Role.OWNER.value, "", hub.clock())
        assert row is not None
        with running(make_app(hub, SessionGate(hub))) as url:
            Evil.target = url
            context = browser.new_context()
            secret = sessions.begin(hub.store, row.id, hub.clock())
            context.add_cookies([{"name": "hub_session", "value": secret, "url": url, "sameSite": "Lax"}])
            page = context.new_page()
            answered = page.goto(f"{url}/users")
            assert answered is not None
            assert answered.status == 200
            with page.expect_response(f"{url}/users") as caught:
                page.goto(f"http://{site}:{evil.server_address[1]}/", wait_until="commit")
            response = caught.value
            assert response.request.method == "POST"
            assert response.status == 403
            sent = response.request.all_headers()
            assert sent["sec-fetch-site"] == ("same-site" if site == "127.0.0.1" else "cross-site")
            assert ("hub_session" in sent.get("cookie", "")) == (site == "127.0.0.1")
            page.wait_for_load_state()
            # The same form on the page itself writes.
            page.goto(f"{url}/users")
            page.fill("#name", "boris")
            page.fill("#password", "correct horse battery")
            page.click("form[action='/users'] button")
            page.wait_for_url("**/users?said=added")
            context.close()
        assert [user.name for user in people.everybody(hub.store)] == ["anna", "boris"]
