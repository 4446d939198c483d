"""`hub demo --page`: the page on the demo's data, a link that lets one person in once, and an end by Ctrl+C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx


def test_the_link_lets_one_person_in_once_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    demo = subprocess.Popen(
        [sys.executable, "-m", "hub", "demo", "--json", "--page", "--folder", str(tmp_path / "world")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert demo.stdout is not None
        facts = json.loads(demo.stdout.readline())
        assert (facts["ok"], facts["errors"]) == (True, [])
        link = facts["page"]
        assert link.startswith("http://127.0.0.1:")
        with httpx.Client(follow_redirects=True) as owner, httpx.Client() as another:
            refused = another.get(link.replace("key=", "key=x"))
            assert refused.status_code == 403
            entered = owner.get(link)
            assert (entered.status_code, entered.url.path) == (200, "/inbox")
            assert "Ольга Воронцова" in entered.text
            assert another.get(link).status_code == 403
            assert another.get(entered.url).status_code == 303
    finally:
        demo.send_signal(signal.SIGINT)
        began = time.monotonic()
        _out, said = demo.communicate(timeout=60)
    assert time.monotonic() - began < 15
    assert "Traceback" not in said, said
    assert demo.returncode == 0
