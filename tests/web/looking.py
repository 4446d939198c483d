"""A visitor in a real browser: what they see, what the console says, where requests go, and what axe finds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request
from web.office import Office

from hub.users.roles import Role

_AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_ALL_RULES = {"type": "tag", "values": _TAGS}
# What a theme can spoil; everything else that axe looks at is the same in the light and the dark.
_COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
# The browser speaks with nobody but the page under test.
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SIZES: Mapping[str, tuple[int, int]] = {"phone": (360, 760), "desktop": (1280, 900), "narrow": (320, 700)}
LOCALES: Mapping[str, str] = {"en": "en-GB", "ru": "ru-RU"}


def launch(playwright: Playwright, chromium: Path) -> Browser:
    return playwright.chromium.launch(executable_path=str(chromium), args=list(_QUIET))


@dataclass(frozen=True)
class Stop:
    """Something that Tab leads to."""

    what: str
    outlined: bool
    shown: bool
    covered: str


class Visitor:
    """Somebody with a window of their own. `expected` are words that the console may say without any harm."""

    def __init__(
        self,
        browser: Browser,
        office: Office,
        role: Role | None = None,
        *,
        size: str = "desktop",
        theme: str = "light",
        language: str = "en",
        script: bool = True,
        expected: Sequence[str] = (),
        **more: Any,
    ) -> None:
        width, height = SIZES[size]
        self.office = office
        self.expected = tuple(expected)
        self.context: BrowserContext = browser.new_context(
            base_url=office.url,
            viewport={"width": width, "height": height},
            color_scheme="dark" if theme == "dark" else "light",
            locale=LOCALES[language],
            java_script_enabled=script,
            reduced_motion="reduce",
            **more,
        )
        self.context.set_default_timeout(15_000)
        self._said: list[str] = []
        self._abroad: list[str] = []
        self.context.on("console", self._hear)
        self.context.on("request", self._follow)
        self.context.on("weberror", lambda error: self._said.append(f"error: {error.error}"))
        if role is not None:
            self.be(role)
        self.page: Page = self.context.new_page()

    def be(self, role: Role) -> None:
        """Log in as somebody."""
        self.context.add_cookies(
            [{"name": "hub_session", "value": self.office.cookie(role), "url": self.office.url}]
        )

    def go(self, path: str, *, status: int = 200) -> Page:
        """Open a page, which must answer so."""
        answer = self.page.goto(path, wait_until="load")
        assert answer is not None
        assert answer.status == status, f"{path}: {answer.status} {self.page.inner_text('body')[:500]}"
        return self.page

    def close(self) -> None:
        self.context.close()

    def troubles(self) -> list[str]:
        """Return what the console said, and the requests that left the host."""
        said = [line for line in self._said if not any(words in line for words in self.expected)]
        return [*said, *(f"a request left the host: {address}" for address in self._abroad)]

    def forget(self) -> None:
        """Let what went wrong so far be forgotten: it was meant."""
        self._said.clear()
        self._abroad.clear()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._said.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def _follow(self, request: Request) -> None:
        address = urlsplit(request.url)
        ours = {urlsplit(one).netloc for one in (self.office.url, self.office.fresh)}
        if address.scheme not in ("data", "blob", "about") and address.netloc not in ours:
            self._abroad.append(request.url)

    def turn(self, theme: str) -> None:
        """Let the reader's system turn to the light or the dark, while the page is open."""
        self.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")

    def resize(self, size: str) -> None:
        width, height = SIZES[size]
        self.page.set_viewport_size({"width": width, "height": height})

    def axe(self, *, colours_only: bool = False) -> list[str]:
        """Return what is wrong for people who see, hear or move otherwise, as axe finds it."""
        self.page.evaluate(_AXE)
        found = self.page.evaluate(
            """rules => axe.run(document, {runOnly: rules, resultTypes: ["violations"], preload: false})""",
            _COLOURS if colours_only else _ALL_RULES,
        )
        return [
            f"{one['id']}: {one['help']}: " + "; ".join(node["html"][:160] for node in one["nodes"][:4])
            for one in found["violations"]
        ]

    def space_out(self) -> None:
        """Set lines, letters and words as far apart as WCAG 1.4.12 lets a reader do, until the next page."""
        self.page.evaluate(_SPACE_OUT, _SPACED)

    def overflow(self) -> str:
        """Say what is wider than the window; "" if nothing is."""
        found: str = self.page.evaluate(_WIDER)
        return found

    def cut_off(self) -> list[str]:
        """Return what hides a part of its text without an ellipsis and without a way to scroll."""
        found: list[str] = self.page.evaluate(_CUT)
        return found

    def edgeless(self) -> list[str]:
        """Return the buttons and fields that nothing sets off from what is round them."""
        found: list[str] = self.page.evaluate(_EDGELESS)
        return found

    def tab_stops(self, most: int = 250) -> list[Stop]:
        """Press Tab until it leads out of the page; return where it led."""
        stops: list[Stop] = []
        self.page.evaluate(_FROM_THE_TOP)
        first = ""
        for _ in range(most):
            self.page.keyboard.press("Tab")
            found = self.page.evaluate(_STOP)
            if found is None or found["path"] == first:
                return stops
            first = first or found["path"]
            stops.append(Stop(found["what"], found["outlined"], found["shown"], found["covered"]))
        raise AssertionError(f"Tab led to more than {most} places: {json.dumps([one.what for one in stops[-3:]])}")


_SPACED = """* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important; }
p { margin-bottom: 2em !important; }"""

# As a reader's own sheet does it: the page's policy lets nobody add an element with styles.
_SPACE_OUT = """text => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}"""

# A field that has the focus from the start would be where Tab begins.
_FROM_THE_TOP = """() => {
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute("tabindex");
  window.scrollTo(0, 0);
}"""

_WIDER = """() => {
  const room = document.documentElement.clientWidth;
  const most = document.documentElement.scrollWidth;
  if (most <= room) return "";
  const wide = [...document.body.querySelectorAll("*")]
    .filter((one) => one.getBoundingClientRect().right > room + 0.5)
    .slice(0, 4).map((one) => one.outerHTML.slice(0, 120));
  return `${most} > ${room}: ${wide.join(" | ")}`;
}"""

_CUT = """() => [...document.body.querySelectorAll("*")].filter((one) => {
  const style = getComputedStyle(one);
  if (!["hidden", "clip"].includes(style.overflowX) && !["hidden", "clip"].includes(style.overflowY)) return false;
  if (style.textOverflow === "ellipsis" || style.webkitLineClamp !== "none") return false;
  if (one.closest(".visually-hidden") || one.closest("svg") || !one.innerText?.trim()) return false;
  return one.scrollWidth > one.clientWidth + 2 || one.scrollHeight > one.clientHeight + 2;
}).map((one) => one.outerHTML.slice(0, 120))"""

_EDGELESS = """() => [...document.querySelectorAll(
  "main :is(button, .button, select, textarea, input:not([type=hidden], [type=checkbox], [type=radio]))"
)].filter((one) => one.getClientRects().length && !one.closest(".tabs, .visually-hidden")).filter((one) => {
  if (one.type === "file") return false;
  const style = getComputedStyle(one);
  return style.borderBottomStyle === "none" || parseFloat(style.borderBottomWidth) < 1;
}).map((one) => one.outerHTML.slice(0, 120))"""

# A line of text may stand round a corner: what is looked at is its first box.
_STOP = """() => {
  const one = document.activeElement;
  if (!one || one === document.body || one === document.documentElement) return null;
  const path = [];
  for (let at = one; at && at !== document.body; at = at.parentElement) {
    path.unshift(`${at.tagName}${[...at.parentElement.children].indexOf(at)}`);
  }
  const style = getComputedStyle(one);
  const box = one.getClientRects()[0];
  const shown = !!box && box.width > 0 && box.height > 0 && style.visibility === "visible"
    && box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight;
  // Covered is what can be seen nowhere: not in the middle and not near any corner of what is inside the window.
  let covered = "";
  if (shown) {
    const [left, right] = [Math.max(box.left, 0) + 1, Math.min(box.right, innerWidth) - 1];
    const [top, bottom] = [Math.max(box.top, 0) + 1, Math.min(box.bottom, innerHeight) - 1];
    const middle = [(left + right) / 2, (top + bottom) / 2];
    const points = [middle, [left, top], [right, top], [left, bottom], [right, bottom]];
    const over = points.map(([x, y]) => {
      const above = document.elementFromPoint(x, y);
      const own = !above || one.contains(above) || above.contains(one)
        || [...(one.labels || [])].some((label) => label.contains(above));
      return own ? null : above;
    });
    if (over.every((above) => above)) covered = over[0].outerHTML.slice(0, 100);
  }
  return {
    path: path.join(">"), what: one.outerHTML.slice(0, 120), shown, covered,
    outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
  };
}"""
