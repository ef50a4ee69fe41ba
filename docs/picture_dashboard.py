"""Makes docs/dashboard.png: a gateway in front of a twin, some traffic, headless Chromium. `make dashboard-picture`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

CONFIG = """\
llm:
  base_url: http://127.0.0.1:11434
  models: {primary: "talker:7b", code: "coder:16b", fast: "quick:1b"}
host:
  settings: {OLLAMA_NUM_PARALLEL: 4}
twin:
  env: {OLLAMA_NUM_PARALLEL: 4}
  models:
    - {name: "talker:7b", size: 4.7GB, architecture: qwen2, blocks: 28, embedding_length: 3584, head_count: 28,
       head_count_kv: 4, context_length: 32768}
    - {name: "coder:16b", size: 8.9GB, architecture: deepseek2, blocks: 27, embedding_length: 2048, head_count: 16,
       head_count_kv: 16, context_length: 163840}
    - {name: "quick:1b", size: 1GB, architecture: qwen2, blocks: 28, embedding_length: 1536, head_count: 12,
       head_count_kv: 2, context_length: 32768}
"""
SAID = (
    "Why is the sky blue?",
    "Write a Python function that sorts a list",
    "Hi",
    "Hello",
    "What is the capital of Peru?",
)
TURNS = 14
CHROMIUM = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")
CHROMIUM += ("--disable-background-networking", "--disable-component-update")
READY_S = 30.0
_SETTLE_MS = 2500


def started(ready: Path, *arguments: str) -> tuple[subprocess.Popen[bytes], str]:
    """A command that serves, and its base URL."""
    command = (sys.executable, "-c", "from toolkit.cli.main import main; main()")
    process = subprocess.Popen([*command, *arguments, "--port", "0", "--ready-file", str(ready), "--quiet"])  # noqa: S603
    until = time.monotonic() + READY_S
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > until:
            sys.exit(f"{arguments[0]} did not get ready")
        time.sleep(0.05)
    return process, ready.read_text(encoding="utf-8").splitlines()[0]


def ask(url: str, words: str) -> None:
    """One routed request, not streamed."""
    body = json.dumps({"stream": False, "messages": [{"role": "user", "content": words}]}).encode()
    request = urllib.request.Request(f"{url}/api/chat", body, {"content-type": "application/json"})  # noqa: S310
    urllib.request.urlopen(request, timeout=READY_S).read()  # noqa: S310 - our own address


def picture(url: str, out: Path) -> None:
    """Wide and light; beside it, with --all, as a phone and in the dark."""
    looks = [("", 1280, 900, "light")]
    if "--all" in sys.argv:
        looks += [("-dark", 1280, 900, "dark"), ("-phone", 390, 844, "light")]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=list(CHROMIUM))
        for name, width, height, scheme in looks:
            view = {"width": width, "height": height}
            page = browser.new_page(viewport=view, color_scheme=scheme)  # type: ignore[arg-type]  # literals
            page.goto(url)
            page.get_by_label("Message").fill("Why is the sky blue?")
            page.get_by_role("button", name="Send").click()
            page.wait_for_timeout(_SETTLE_MS)
            page.screenshot(path=out.with_name(f"{out.stem}{name}{out.suffix}"), full_page=True)
            page.close()
        browser.close()


def main() -> None:
    """Start both, ask, take the picture, stop both."""
    out = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        config = folder / "config.yaml"
        config.write_text(CONFIG, encoding="utf-8")
        twin, host = started(folder / "twin", "twin", "serve", "--config", str(config), "--time-scale", "0.1")
        gateway, url = started(folder / "gateway", "serve", "--config", str(config), "--host", host)
        try:
            for turn in range(TURNS):
                ask(url, SAID[turn % len(SAID)])
            picture(url, out)
        finally:
            for process in (gateway, twin):
                process.send_signal(signal.SIGTERM)
                process.wait(READY_S)


if __name__ == "__main__":
    main()
