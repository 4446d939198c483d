"""Copies what the page takes from npm into the checkout, after `npm ci --ignore-scripts`.

Only a developer who changes package.json needs it: the copies are committed, so that neither a machine that
installs the hub nor one that tests it needs npm. Each folder has a MANIFEST.json that says what it holds.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
MODULES = ROOT / "node_modules"
# A browser that is asked to debug would look for the map beside the file, and get a 404.
_SOURCE_MAP = re.compile(rb"\n?//[#@] sourceMappingURL=\S+\s*\Z")


class Copies(NamedTuple):
    """What a folder takes from one package: the name here, and the file there."""

    folder: Path
    package: str
    files: Mapping[str, str]


COPIES = (
    Copies(
        ROOT / "hub" / "web" / "static" / "vendor",
        "htmx.org",
        {"htmx.min.js": "dist/htmx.min.js", "htmx.LICENSE.txt": "LICENSE"},
    ),
    Copies(
        ROOT / "tests" / "web" / "vendor",
        "axe-core",
        {"axe.min.js": "axe.min.js", "axe.LICENSE.txt": "LICENSE", "axe.THIRD-PARTY.txt": "LICENSE-3RD-PARTY.txt"},
    ),
)


def copy(copies: Copies, lock: Mapping[str, Mapping[str, str]]) -> None:
    """Copy a package's files and write the manifest of their folder."""
    locked = lock[f"node_modules/{copies.package}"]
    installed = json.loads((MODULES / copies.package / "package.json").read_text(encoding="utf-8"))["version"]
    if installed != locked["version"]:
        raise SystemExit(f"{copies.package} {installed} is installed, {locked['version']} is locked: run `npm ci`")
    copies.folder.mkdir(parents=True, exist_ok=True)
    sums = {}
    for name, source in copies.files.items():
        content = (MODULES / copies.package / source).read_bytes()
        if name.endswith(".js"):
            content = _SOURCE_MAP.sub(b"\n", content)
        (copies.folder / name).write_bytes(content)
        sums[name] = sha256(content).hexdigest()
    manifest = {
        "package": copies.package,
        "version": locked["version"],
        "licence": locked["license"],
        "integrity": locked["integrity"],
        "sha256": sums,
    }
    (copies.folder / "MANIFEST.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for copies in COPIES:
        copy(copies, lock)
        sys.stdout.write(f"{copies.folder.relative_to(ROOT)}: {', '.join(copies.files)}\n")


if __name__ == "__main__":
    main()
