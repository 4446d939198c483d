"""Makes the pictures of docs/pages.md (`make screenshots`): the page of the demo's small world in chromium."""

from __future__ import annotations

import io
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright
from web.conftest import CHROMIUM
from web.looking import Visitor, launch
from web.office import opened
from web.sights import SIGHTS

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "screenshots"
# Colours that stay of each picture, as many as a palette has: a page hardly has more.
_COLOURS = 256
# Each page on a desk in the light; these besides.
_MORE = {"inbox": [("desktop", "dark"), ("phone", "light")], "mention": [("phone", "dark")]}


def picture(page: Visitor, name: str) -> int:
    """Save what a window shows, as small as it goes; return its size in bytes."""
    shot = Image.open(io.BytesIO(page.page.screenshot()))
    packed = io.BytesIO()
    shot.convert("RGB").quantize(_COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        packed, "PNG", optimize=True
    )
    (FOLDER / f"{name}.png").write_bytes(packed.getvalue())
    return packed.tell()


def main(wanted: list[str]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="hub-pictures-") as folder,
        opened(Path(folder) / "world") as office,
        sync_playwright() as playwright,
        closing(launch(playwright, CHROMIUM)) as browser,
    ):
        for sight in SIGHTS:
            if sight.minor or (wanted and sight.name not in wanted):
                continue
            for size, theme in [("desktop", "light"), *_MORE.get(sight.name, [])]:
                name = sight.name + ("" if size == "desktop" else "-phone") + ("" if theme == "light" else "-dark")
                with closing(Visitor(browser, office, sight.role, size=size, theme=theme)) as visitor:
                    visitor.go(sight.where(office), status=sight.status)
                    sys.stdout.write(f"{name}.png {picture(visitor, name) // 1024} KB\n")


if __name__ == "__main__":
    main(sys.argv[1:])
