"""The panel "What if?" in a real browser, with a real comparison of the requests of a gateway in front of a twin."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.gateway.conftest import MODELS, READY_S, running
from tests.gateway.dashboard.browsing import LOOKS, NEEDS_CHROMIUM, check_page, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

EVIL = "<img src=x onerror=\"document.title='taken'\">"
PATIENCE_MS = 180_000
"""A comparison yields to everything else on the machine, and the other tests are much."""

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("what-if")
    config = folder / "config.yaml"
    own = f"gateway:\n  trace: {{file: {folder}/trace.jsonl}}\n  sessions: {{file: null}}\n"
    config.write_text(MODELS + own, encoding="utf-8")
    twin = ("twin", "serve", "--config", str(config), "--time-scale", "0.001")
    with (
        running(folder / "twin", *twin) as host,
        running(folder / "ready", "serve", "--config", str(config), "--host", host) as found,
    ):
        for text in ("Hi", "Write a Python function that sorts", "Hello"):
            body = {"stream": False, "messages": [{"role": "user", "content": text}]}
            httpx.post(f"{found}/api/chat", json=body, timeout=READY_S).raise_for_status()
        yield found


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    yield from opened(browser, url)


def choose(page: Page, *strategies: str) -> None:
    """These and no others, whatever was asked for before."""
    boxes = page.locator("#strategies input")
    for number in range(boxes.count()):
        boxes.nth(number).uncheck()
    for name in strategies:
        page.get_by_role("checkbox", name=name).check()


def test_a_comparison_by_the_keyboard_is_still_there_after_a_reload(page: Page) -> None:
    choose(page, "lru the least")
    page.get_by_role("checkbox", name="ssd").focus()
    page.keyboard.press("Space")
    page.get_by_label("Time, counted back").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Compare")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#what-if-state")).to_contain_text("Done in", timeout=PATIENCE_MS)
    rows = page.locator("#what-if-answer tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("ram (in use)")
    expect(rows.filter(has_text="best").first).to_be_visible()
    verdict = page.locator("#what-if-answer .verdict").inner_text()
    page.reload()
    expect(page.locator("#what-if-answer .verdict")).to_have_text(verdict)
    expect(page.get_by_role("checkbox", name="ssd")).to_be_checked()
    with page.expect_popup() as opening:
        page.get_by_role("link", name="The whole report").click()
    expect(opening.value.locator("body")).to_contain_text("ram")
    assert opening.value.evaluate("window.origin") == "null"  # in a sandbox: no script, no origin
    opening.value.close()


@pytest.fixture
def answered(url: str) -> str:
    """The gateway while an answer stands on its page, whichever test ran before."""
    desk = f"{url}/api/llm/what-if"
    told = httpx.get(desk, timeout=READY_S).json()
    if told["state"] != "done":
        told = httpx.post(desk, json={"strategies": ["ssd", "lru"], "since": "7d"}, timeout=READY_S).json()
    while told["state"] == "running":
        time.sleep(0.2)
        told = httpx.get(desk, timeout=READY_S).json()
    assert told["state"] == "done", told
    return url


@LOOKS
def test_axe_finds_nothing_in_it(browser: Browser, answered: str, look: dict[str, Any]) -> None:
    for page in opened(browser, answered, **look):
        expect(page.locator("#what-if-answer table")).to_be_visible()
        check_page(page)


def test_it_can_be_cancelled_and_what_is_wrong_is_said(page: Page) -> None:
    choose(page)
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#what-if-state")).to_have_text("Choose at least one strategy.")
    page.get_by_role("checkbox", name="gdsf").check()
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#what-if-state")).to_have_text("Cancelled.")
    expect(page.get_by_role("button", name="Compare")).to_be_focused()


def test_markup_in_an_answer_is_text(page: Page) -> None:
    """Names of models come from hosts, and may stand in a verdict, a note or an error."""
    row = {"strategy": EVIL, "in_use": False, "best": True, "requests": 1, "answered": 1, "hit_rate": 0.5, "swaps": 1,
           "wait_mean_s": 1.0, "wait_p95_s": None}  # fmt: skip
    result = {"verdict": EVIL, "complete": True, "rows": [row], "optimum_hit_rate": None, "notes": [EVIL]}
    desk = {"state": "done", "in_use": EVIL, "queue": "q", "offered": [{"name": EVIL, "does": EVIL}], "why": EVIL,
            "asked": {"strategies": [EVIL], "since": "7d"}, "answered": 1, "of": 1, "took_s": 1, "result": result,
            "report": "what-if/x", "may_ask": True}  # fmt: skip
    page.route("**/api/llm/what-if", lambda route: route.fulfill(json=desk))
    page.reload()
    expect(page.locator("#what-if-answer .verdict")).to_have_text(EVIL)
    expect(page.locator("#strategies")).to_contain_text(EVIL)
    assert page.locator("main img").count() == 0
    assert page.title() == "hotswap gateway"
