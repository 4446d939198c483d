"""Every page in a real browser: on a phone and a desk, in the light and the dark, in both languages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from web.looking import Visitor
from web.sights import SIGHTS, Sight

from hub.users.roles import Role

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]
every_page = pytest.mark.parametrize("sight", SIGHTS, ids=lambda sight: sight.name)
every_language = pytest.mark.parametrize("language", ["en", "ru"])


def look(visit: Visit, sight: Sight, **how: object) -> Visitor:
    """Open a page as who looks at it. A page that says no is expected to be named on the console for it."""
    expected = ["Failed to load resource"] if sight.status >= 400 else []
    visitor = visit(sight.role, expected=expected, **how)
    visitor.go(sight.where(visitor.office), status=sight.status)
    return visitor


@every_page
@every_language
def test_a_page_is_fit_for_everybody(visit: Visit, sight: Sight, language: str) -> None:
    """Open it once at each size, and look at it in each theme, as axe does, by Tab, and as wide as it is."""
    themes: tuple[str, ...] = ("light", "dark")
    sizes: tuple[str, ...] = ("desktop", "phone")
    if sight.minor:
        sizes, themes = (("desktop",), ("light",)) if language == "en" else (("phone",), ("dark",))
    visitor = look(visit, sight, size=sizes[0], theme=themes[0], language=language)
    assert visitor.page.evaluate("document.documentElement.lang") == language
    found: dict[str, object] = {}
    for size in sizes:
        if size != sizes[0]:
            visitor.resize(size)
            visitor.go(sight.where(visitor.office), status=sight.status)
        found[f"{size}: wider than the window"] = visitor.overflow()
        for theme in themes:
            visitor.turn(theme)
            found[f"{size}, {theme}: axe"] = visitor.axe(colours_only=theme != themes[0])
        if language == "en":
            found |= {f"{size}: Tab: {what}": where for what, where in tabbed(visitor).items()}
    assert {where: what for where, what in found.items() if what} == {}


def tabbed(visitor: Visitor) -> dict[str, object]:
    """Return what is wrong with where Tab leads."""
    stops = visitor.tab_stops()
    return {
        "fewer than three places": [stop.what for stop in stops] if len(stops) < 3 else [],
        "not in the window": [stop.what for stop in stops if not stop.shown],
        "not outlined": [stop.what for stop in stops if not stop.outlined],
        "covered": [(stop.what, stop.covered) for stop in stops if stop.covered],
    }


@every_page
def test_a_page_bears_what_its_reader_sets(visit: Visit, sight: Sight) -> None:
    """Letters and words far apart, a window of 320 pixels, and the colours of the system in place of ours."""
    visitor = look(visit, sight, size="phone", language="ru")
    visitor.resize("narrow")
    assert visitor.overflow() == ""
    visitor.resize("phone")
    visitor.page.emulate_media(forced_colors="active")
    assert visitor.page.evaluate("matchMedia('(forced-colors: active)').matches")
    assert visitor.edgeless() == []
    visitor.page.emulate_media(forced_colors="none")
    visitor.space_out()
    assert visitor.page.evaluate("getComputedStyle(document.body).letterSpacing") != "normal"
    assert visitor.overflow() == ""
    assert visitor.cut_off() == []


@every_page
def test_without_scripts_the_page_says_the_same(visit: Visit, sight: Sight) -> None:
    with_scripts = look(visit, sight).page.inner_text("h1")
    assert look(visit, sight, script=False).page.inner_text("h1") == with_scripts


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_pages_of_the_header_stand_beside_the_menu_at_every_width(visit: Visit, language: str) -> None:
    page = visit(Role.OWNER, language=language).go("/profile")
    # As long a name as is shown: what is longer is cut off.
    page.evaluate("document.querySelector('.menu-name').textContent = 'Александра Константинопольская'")
    for width in (760, 800, 959, 960, 1024, 1279, 1280, 1535, 1536, 1920):
        page.set_viewport_size({"width": width, "height": 700})
        rooms = page.locator(".rooms").evaluate(
            "rooms => [rooms.firstElementChild.scrollWidth, rooms.clientWidth]"
        )
        assert rooms[0] <= rooms[1], f"{rooms[0]} > {rooms[1]} at {width}"


def test_axe_and_the_other_looks_find_what_is_wrong(visit: Visit) -> None:
    """The control: a page that is spoiled on purpose is found out by each of them."""
    visitor = visit(Role.OWNER)
    visitor.go("/profile")
    visitor.page.evaluate(
        """() => {
          const spoil = document.createElement("div");
          spoil.innerHTML = '<img src="/static/mark.svg"><input><button id="bare">?</button><p id="pale">pale</p>';
          document.querySelector("main").append(spoil);
          spoil.style.width = "4000px";
          const pale = document.getElementById("pale");
          pale.style.color = "#aaa"; pale.style.background = "#fff";
          const bare = document.getElementById("bare");
          bare.style.outline = "none"; bare.style.border = "0"; bare.style.cssText += "outline: none !important";
        }"""
    )
    rules = {line.partition(":")[0] for line in visitor.axe()}
    assert {"image-alt", "label", "color-contrast"} <= rules
    visitor.turn("dark")
    visitor.page.evaluate(
        "Object.assign(document.getElementById('pale').style, {color: '#444', background: '#333'})"
    )
    assert [line.partition(":")[0] for line in visitor.axe(colours_only=True)] == ["color-contrast"]
    assert "4000px" in visitor.overflow()
    assert any('id="bare"' in stop.what and not stop.outlined for stop in visitor.tab_stops())
    assert any('id="bare"' in one for one in visitor.edgeless())
    visitor.page.evaluate(
        """() => {
          const lid = document.createElement("div");
          lid.id = "lid";
          document.body.append(lid);
          lid.style.cssText = "position: fixed; inset: 0; background: #fff; z-index: 99";
        }"""
    )
    assert all('id="lid"' in stop.covered for stop in visitor.tab_stops())


def test_a_request_to_another_host_and_a_word_on_the_console_are_noticed(visit: Visit) -> None:
    """The control: `visit` fails a test for either; both are taken out again here."""
    visitor = visit(Role.OWNER)
    page = visitor.go("/profile")
    page.evaluate("() => { console.error('a word'); fetch('http://elsewhere.invalid/').catch(() => {}); }")
    page.wait_for_timeout(300)
    troubles = visitor.troubles()
    assert any("a word" in one for one in troubles)
    assert any("elsewhere.invalid" in one for one in troubles)
    visitor.forget()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_chosen_look_wins_over_the_system(visit: Visit, theme: str) -> None:
    visitor = visit(None, theme="dark" if theme == "light" else "light")
    page = visitor.go("/login")
    page.click(".menu > summary")
    page.click(f"button[name=theme][value={theme}]")
    page.wait_for_load_state()
    assert page.url.endswith("/login")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in ground.removeprefix("rgb(").removesuffix(")").split(","))
    assert (brightness > 380) == (theme == "light")
    assert visitor.axe() == []


def test_the_chosen_language_wins_over_the_browser(visit: Visit) -> None:
    visitor = visit(None, language="en")
    page = visitor.go("/login")
    page.click(".menu > summary")
    page.click("button[name=language][value=ru]")
    page.wait_for_load_state()
    assert page.evaluate("document.documentElement.lang") == "ru"
