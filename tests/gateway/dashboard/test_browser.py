"""The page in a real browser, in front of a gateway and a host that answers with what an attacker would like."""

from __future__ import annotations

import json
import re
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.gateway.conftest import READY_S, running
from tests.gateway.dashboard.browsing import LOOKS, NEEDS_CHROMIUM, check_page, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page, Route

EVIL = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
MODELS = ("talker:7b", "quick:1b", EVIL)
KEY = "a-long-secret-key-of-the-tests"
CONFIG = """\
llm:
  base_url: http://127.0.0.1:11434
  models: {primary: "talker:7b", fast: "quick:1b"}
gateway: {trace: {file: null}}
"""

pytestmark = NEEDS_CHROMIUM


class EvilHost(BaseHTTPRequestHandler):
    """As much of Ollama as the gateway needs; names and answers are markup."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        models = [{"name": name, "model": name, "size": 10**9, "size_vram": 10**9, "digest": "d"} for name in MODELS]
        self._answer({"models": models, "version": "0.32.0"})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        said = asked["messages"][-1]["content"] if asked.get("messages") else ""
        if said == "endless":
            self._stream_for_long(asked["model"])
            return
        text = EVIL if said == "attack" else f"{len(asked.get('messages', ()))} messages, the last: {said}"
        head = {"model": asked["model"], "created_at": "2026-01-01T00:00:00Z"}
        first = {**head, "message": {"role": "assistant", "content": text}, "done": False}
        counts = {"load_duration": 10**9, "prompt_eval_count": 5, "eval_count": 2, "eval_duration": 1}
        last = {**head, "message": {"role": "assistant", "content": ""}, "done": True, "total_duration": 1, **counts}
        body = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in (first, last)).encode()
        self._send(body, "application/x-ndjson")

    def _stream_for_long(self, model: str) -> None:
        """Until the gateway goes away, which is how the client's leaving gets here."""
        self.send_response(200)
        self.send_header("content-type", "application/x-ndjson")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        line = {"model": model, "message": {"role": "assistant", "content": "and on "}, "done": False}
        with suppress(OSError):
            for _ in range(600):
                self.wfile.write(json.dumps(line).encode() + b"\n")
                self.wfile.flush()
                time.sleep(0.05)

    def _answer(self, value: Any) -> None:
        self._send(json.dumps(value).encode(), "application/json")

    def _send(self, body: bytes, content_type: str) -> None:
        self.send_response(200)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), EvilHost)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def url(host: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("dashboard")
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    sessions = f"--set=gateway.sessions.file={folder}/sessions.db"
    with running(folder / "ready", sessions, "serve", "--config", str(folder / "config.yaml"), "--host", host) as found:
        yield found


@pytest.fixture(scope="module")
def locked(host: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway that asks for a key."""
    folder = tmp_path_factory.mktemp("locked")
    (folder / "keys").write_text(f"tester {KEY}\n", encoding="utf-8")
    (folder / "keys").chmod(0o600)
    keys = f"gateway:\n  keys: {{file: {folder / 'keys'}}}\n  trace: {{file: null}}\n  sessions: {{file: null}}\n"
    (folder / "config.yaml").write_text(CONFIG.partition("gateway")[0] + keys, encoding="utf-8")
    with running(folder / "ready", "serve", "--config", str(folder / "config.yaml"), "--host", host) as found:
        yield found


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """A page that is live; nothing it says on the console may be an error, and nothing may come from elsewhere."""
    yield from opened(browser, url)


def say(page: Page, words: str) -> None:
    page.get_by_label("Message").fill(words)
    page.keyboard.press("Enter")


def test_an_answer_comes_and_the_panels_show_why_by_whom_and_how(page: Page) -> None:
    say(page, "hello")
    expect(page.locator("#log .assistant .text")).to_have_text("1 messages, the last: hello")
    expect(page.locator("#log .assistant .who")).to_contain_text("shorter than")
    expect(page.locator("#recent tbody tr").first).to_contain_text("shorter than")
    expect(page.locator("#recent tbody tr").first).to_contain_text("cold")
    expect(page.locator("#tiles")).to_contain_text("Mean swap")
    expect(page.get_by_label(re.compile(r"The latest \d+ swaps"))).to_be_visible()
    expect(page.locator("#memory .lane")).to_have_count(len(MODELS))
    say(page, "again")
    expect(page.locator("#log .assistant .text").last).to_have_text("3 messages, the last: again")


def test_the_conversation_is_a_session_and_outlives_a_reload(page: Page) -> None:
    say(page, "first")
    expect(page.locator("#log .assistant .text")).to_have_text("1 messages, the last: first")
    page.reload()
    expect(page.locator("#log .text")).to_have_text(["first", "1 messages, the last: first"])
    expect(page.locator("#log .assistant .who")).to_contain_text("quick:1b")
    expect(page.locator("#state")).to_have_text("live")
    with page.expect_request("**/api/chat") as asking:
        say(page, "second")
    sent = asking.value.post_data_json
    assert sent is not None
    assert sent["session"].startswith("dashboard-")
    assert len(sent["messages"]) == 1  # the gateway remembers the rest
    expect(page.locator("#log .assistant .text").last).to_have_text("3 messages, the last: second")
    page.get_by_role("button", name="New conversation").press("Enter")  # a mouse may miss it while the page grows
    expect(page.locator("#log")).to_have_text("")
    say(page, "third")
    expect(page.locator("#log .assistant .text")).to_have_text("1 messages, the last: third")


def test_an_answer_can_be_stopped_and_is_then_no_part_of_the_conversation(page: Page) -> None:
    say(page, "endless")
    expect(page.locator("#log .assistant .text").last).to_contain_text("and on")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#log .assistant .who").last).to_have_text("stopped")
    say(page, "again")
    expect(page.locator("#log .assistant .text").last).to_have_text("1 messages, the last: again")


def test_a_host_that_does_not_answer_is_not_the_gateway(page: Page) -> None:
    def without_host(route: Route) -> None:
        live = route.fetch().json()
        for its in live["queue"]["hosts"].values():
            its["ready"] = False
        route.fulfill(json=live)

    page.route("**/api/llm/live", without_host)
    page.route("**/api/tags", lambda route: route.fulfill(status=502, json={"error": "cannot connect"}))
    page.reload()
    expect(page.locator("#state")).to_contain_text("live; no answer from")
    expect(page.locator("#memory h3").first).to_contain_text("does not answer; this is what was seen last")


def test_markup_in_an_answer_and_in_a_models_name_is_text(page: Page) -> None:
    say(page, "attack")
    expect(page.locator("#log .assistant .text").last).to_have_text(EVIL)
    page.locator("#model").select_option(EVIL)
    say(page, "attack")
    expect(page.locator("#log .assistant .who").last).to_contain_text(EVIL)
    expect(page.locator("#memory")).to_contain_text(EVIL)
    assert page.locator("main img, main script").count() == 0
    assert page.title() == "hotswap gateway"


def test_even_our_own_code_could_not_insert_markup(browser: Browser, url: str) -> None:
    """The content policy refuses it, and inline scripts as well."""
    page = browser.new_page()
    page.goto(url)
    said = page.evaluate(
        "() => { try { document.body.innerHTML = '<b>x</b>'; return 'done'; } catch (e) { return e.name; } }"
    )
    assert said == "TypeError"
    page.close()


@LOOKS
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(browser: Browser, url: str, look: Any) -> None:
    for page in opened(browser, url, **look):
        say(page, "hello")
        expect(page.locator("#log .assistant .text")).to_contain_text("hello")
        expect(page.locator("#recent tbody tr").first).to_be_visible()
        check_page(page)


def test_everything_is_reached_by_the_keyboard(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the chat")).to_be_focused()
    page.keyboard.press("Enter")
    reached = []
    for _ in range(5):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    assert reached == ["log", "model", "words", "send", "forget"]  # Stop has nothing to stop


def test_with_keys_the_page_asks_keeps_the_key_in_the_tab_and_sends_it_as_a_header_only(
    browser: Browser, locked: str
) -> None:
    page = browser.new_page()
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    page.goto(locked)
    expect(page.get_by_role("dialog")).to_be_visible()
    assert Axe().run(page).response["violations"] == []
    page.get_by_label("API key").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#door-text")).to_contain_text("does not take this key")
    page.get_by_label("API key").fill(KEY)
    page.keyboard.press("Enter")
    expect(page.locator("#state")).to_have_text("live")
    assert page.evaluate("localStorage.length + document.cookie.length") == 0
    assert KEY not in page.content()
    assert not any(KEY in address for address in seen)
    page.close()


def test_a_gateway_that_is_gone_is_said_and_its_return_is_noticed(browser: Browser, url: str) -> None:
    page = browser.new_page()
    page.goto(url)
    expect(page.locator("#state")).to_have_text("live")
    page.route("**/api/llm/live", lambda route: route.abort())
    expect(page.locator("#state")).to_contain_text("does not answer")
    page.unroute("**/api/llm/live")
    expect(page.locator("#state")).to_have_text("live", timeout=READY_S * 1000)
    page.close()


def test_without_the_key_nothing_but_the_empty_page_is_given(locked: str) -> None:
    with httpx.Client(base_url=locked, trust_env=False) as client:
        assert client.get("/api/llm/live").status_code == 401
        assert client.get("/", headers={"accept": "text/html"}).status_code == 200


def test_clients_that_are_no_browser_still_read_that_ollama_runs(url: str) -> None:
    assert httpx.get(url, trust_env=False).text == "Ollama is running"
    assert httpx.get(url, headers={"host": "evil.example", "accept": "text/html"}, trust_env=False).status_code == 403
