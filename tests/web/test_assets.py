"""The static files: kept for ever under their address, the same as their makers published, and in the wheel."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from support import open_hub, write_config

from hub.web import pages
from hub.web.app import make_app
from hub.web.assets import FOR_A_WHILE, FOR_EVER

ROOT = Path(__file__).resolve().parents[2]
VENDORED = (ROOT / "hub" / "web" / "static" / "vendor", ROOT / "tests" / "web" / "vendor")


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    with open_hub(write_config(tmp_path, {})) as under_test:
        return TestClient(make_app(under_test.hub, lambda _request: None))


def test_the_address_that_names_the_content_is_kept_for_ever(client: TestClient) -> None:
    answer = client.get(pages.asset("hub.css"))
    assert (answer.status_code, answer.headers["cache-control"]) == (200, FOR_EVER)
    assert answer.headers["content-type"].startswith("text/css")


@pytest.mark.parametrize("query", ["", "?v=", "?v=0123456789", "?v=0123456789&v=x"])
def test_any_other_address_is_kept_for_a_while(client: TestClient, query: str) -> None:
    answer = client.get(f"/static/hub.css{query}")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, FOR_A_WHILE)


@pytest.mark.parametrize("path", ["nothing.css", "../pages.py", "%2e%2e/pages.py", "vendor/../../pages.py", ""])
def test_nothing_but_the_folder_is_served(client: TestClient, path: str) -> None:
    assert client.get(f"/static/{path}").status_code == 404


@pytest.mark.parametrize("folder", VENDORED, ids=["page", "tests"])
def test_what_is_vendored_is_what_the_manifest_and_the_lock_say(folder: Path) -> None:
    manifest = json.loads((folder / "MANIFEST.json").read_text(encoding="utf-8"))
    sums = {
        path.name: sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.suffix != ".json"
    }
    assert sums == manifest["sha256"]
    locked = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    package = locked[f"node_modules/{manifest['package']}"]
    assert (package["version"], package["integrity"]) == (manifest["version"], manifest["integrity"])
    assert any("LICENSE" in name for name in sums)


@pytest.mark.parametrize("folder", VENDORED, ids=["page", "tests"])
def test_a_vendored_script_names_no_source_map(folder: Path) -> None:
    assert all(b"sourceMappingURL=" not in path.read_bytes()[-300:] for path in folder.glob("*.js"))


def test_the_lock_names_no_registry() -> None:
    assert "resolved" not in (ROOT / "package-lock.json").read_text(encoding="utf-8")


def test_no_page_and_no_style_names_another_host() -> None:
    """Templates and styles of ours hold no address outside; scripts and styles come from /static alone."""
    for path in [
        *(ROOT / "hub/web/templates").rglob("*.html"),
        *(ROOT / "hub/web/static").glob("*.css"),
        *(ROOT / "hub/web/static").glob("*.js"),
    ]:
        text = path.read_text(encoding="utf-8")
        assert "url(" not in text, path
        for mark in (
            'src="http',
            'href="http',
            'src="//',
            'href="//',
            "@import",
            "<style",
            " style=",
            " onclick=",
        ):
            assert mark not in text, f"{path}: {mark}"


def test_the_wheel_holds_templates_scripts_styles_and_words(tmp_path: Path) -> None:
    # Where the builder is installed already nothing is fetched.
    here = ["--no-build-isolation"] if find_spec("hatchling") else []
    built = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--no-deps",
            *here,
            "-q",
            "-w",
            str(tmp_path),
            ".",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        path.relative_to(ROOT).as_posix()
        for folder in ("hub/web/templates", "hub/web/static", "hub/locale")
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
    }
    assert {"hub/web/templates/layout.html", "hub/web/static/vendor/htmx.min.js"} <= wanted
    assert wanted - held == set()
    assert not [name for name in held if "node_modules" in name or "axe" in name]
