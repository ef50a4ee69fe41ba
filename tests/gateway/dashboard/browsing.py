"""Headless Chromium for the tests of the page: how it is started, and what every page of ours must be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
WIDE: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"}
DARK: dict[str, Any] = {**WIDE, "color_scheme": "dark"}
PHONE: dict[str, Any] = {**WIDE, "viewport": {"width": 390, "height": 844}}
LOOKS = pytest.mark.parametrize(
    "look", [WIDE, DARK, {**PHONE, "reduced_motion": "reduce"}], ids=["wide", "dark", "phone"]
)
NEEDS_CHROMIUM = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no /usr/bin/chromium: apt-get install chromium"),
]


def opened(browser: Browser, url: str, **look: Any) -> Iterator[Page]:
    """A live page; nothing it says on the console may be an error, and nothing may come from elsewhere."""
    made = browser.new_page(**look)
    problems: list[str] = []
    made.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    made.on("pageerror", lambda error: problems.append(str(error)))
    made.on("request", lambda request: problems.append(request.url) if not request.url.startswith(url) else None)
    made.goto(url)
    expect(made.locator("#state")).to_have_text("live")
    yield made
    made.close()
    assert problems == []


def check_page(page: Page) -> None:
    """Axe finds nothing, and nothing is wider than the screen."""
    found = Axe().run(page).response["violations"]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
