"""Makes docs/dashboard.png: a gateway in front of a twin, some traffic, headless Chromium. `make dashboard-picture`.

With --all beside it: as a phone, and in the dark.
"""

from __future__ import annotations

import json
import sys
import tempfile
import urllib.request
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from tests.gateway.conftest import MODELS, READY_S, running
from tests.gateway.dashboard.browsing import ARGUMENTS, CHROMIUM, DARK, PHONE, WIDE

SAID = (
    "Why is the sky blue?",
    "Write a Python function that sorts a list",
    "Hi",
    "Hello",
    "What is the capital of Peru?",
)
TURNS = 14
_SETTLE_MS = 2500
_READY_MS = READY_S * 1000


def ask(url: str, words: str) -> None:
    """One routed request, not streamed."""
    body = json.dumps({"stream": False, "messages": [{"role": "user", "content": words}]}).encode()
    request = urllib.request.Request(f"{url}/api/chat", body, {"content-type": "application/json"})  # noqa: S310
    urllib.request.urlopen(request, timeout=READY_S).read()  # noqa: S310 - our own address


def picture(url: str, out: Path) -> None:
    """Somebody has chatted, and asked what another strategy would have done."""
    looks = {"": WIDE, "-dark": DARK, "-phone": PHONE} if "--all" in sys.argv else {"": WIDE}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGUMENTS))
        for name, look in looks.items():
            page = browser.new_page(**look)
            page.goto(url)
            page.get_by_role("button", name="Compare").click()
            expect(page.locator("#what-if-state")).to_contain_text("Done", timeout=_READY_MS)
            page.get_by_label("Message").fill("Why is the sky blue?")
            page.get_by_role("button", name="Send").click()
            page.wait_for_timeout(_SETTLE_MS)
            page.screenshot(path=out.with_name(f"{out.stem}{name}{out.suffix}"), full_page=True)
            page.close()
        browser.close()


def main() -> None:
    """Start both, ask, take the picture, stop both."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        config = folder / "config.yaml"
        own = f"gateway:\n  trace: {{file: {folder}/trace.jsonl}}\n  sessions: {{file: {folder}/sessions.db}}\n"
        config.write_text(MODELS + own, encoding="utf-8")
        twin = ("twin", "serve", "--config", str(config), "--time-scale", "0.1")
        with (
            running(folder / "twin", *twin) as host,
            running(folder / "gateway", "serve", "--config", str(config), "--host", host) as url,
        ):
            for turn in range(TURNS):
                ask(url, SAID[turn % len(SAID)])
            picture(url, Path(sys.argv[1]))


if __name__ == "__main__":
    main()
