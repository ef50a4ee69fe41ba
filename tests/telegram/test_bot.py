"""The whole bot as a process: a stand-in for Telegram's Bot API on one side, a gateway before a twin on the other."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest
import telegram

from tests.gateway.conftest import HOTSWAP, MODELS, READY_S, running
from toolkit.telegram.showing import Showing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOKEN = "123456:a-token-that-nobody-may-read"  # noqa: S105 - no bot has it
USER, STRANGER = 77, 78
SHOWS = {"sendMessage", "editMessageText"}
TURNED_AWAY = f"user {STRANGER} is not allowed and gets no answer; --allow {STRANGER} would let them in"


class Api(ThreadingHTTPServer):
    """As much of the Bot API as the bot needs. `said` are its calls; the first `floods` messages are refused."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Calls)
        self.updates: queue.Queue[dict[str, Any]] = queue.Queue()
        self.said: list[tuple[str, dict[str, str]]] = []
        self.floods = 0
        self.changed = threading.Condition()
        self.log = Path()
        self._numbers = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        """The bot ends while it waits for updates."""

    def write(self, text: str, user: int = USER) -> None:
        """A user writes to the bot."""
        self._numbers += 1
        person = {"id": user, "is_bot": False, "first_name": "Ann"}
        chat = {"id": user, "type": "private"}
        message = {"message_id": self._numbers, "date": 1, "chat": chat, "from": person, "text": text}
        if text.startswith("/"):
            message["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text.split(maxsplit=1)[0])}]
        self.updates.put({"update_id": self._numbers, "message": message})

    def until(self, holds: Callable[[list[tuple[str, dict[str, str]]]], bool]) -> None:
        """Wait until the calls so far are as they should be."""
        with self.changed:
            assert self.changed.wait_for(lambda: holds(self.said), READY_S), self.said

    def shown(self) -> str:
        """What the last message in the chat says now."""
        return [call["text"] for name, call in self.said if name in SHOWS][-1]

    def forget(self) -> None:
        self.said.clear()


class _Calls(BaseHTTPRequestHandler):
    server: Api
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        given = dict(parse_qsl(self.rfile.read(int(self.headers.get("content-length", 0))).decode()))
        token, name = self.path.removeprefix("/bot").split("/")
        if token != TOKEN:
            self._answer(401, {"ok": False, "error_code": 401, "description": "Unauthorized"})
        elif name == "getUpdates":
            self._answer(200, {"ok": True, "result": self._updates()})
        elif name in SHOWS and self.server.floods:
            self.server.floods -= 1
            self._note("flood", given)
            flood = {
                "ok": False,
                "error_code": 429,
                "description": "Too Many Requests",
                "parameters": {"retry_after": 1},
            }
            self._answer(429, flood)
        else:
            self._note(name, given)
            self._answer(200, {"ok": True, "result": self._result(name, given)})

    def _note(self, name: str, given: dict[str, str]) -> None:
        if name in {*SHOWS, "sendChatAction", "flood"}:
            with self.server.changed:
                self.server.said.append((name, given))
                self.server.changed.notify_all()

    def _updates(self) -> list[dict[str, Any]]:
        try:
            return [self.server.updates.get(timeout=0.2)]
        except queue.Empty:
            return []

    def _result(self, name: str, given: dict[str, str]) -> Any:
        if name == "getMe":
            return {"id": 1, "is_bot": True, "first_name": "hotswap", "username": "hotswap_bot"}
        if name in SHOWS:
            chat = {"id": int(given["chat_id"]), "type": "private"}
            number = int(given.get("message_id", len(self.server.said) + 1000))
            return {"message_id": number, "date": 1, "chat": chat, "text": given["text"]}
        return True

    def _answer(self, status: int, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway with sessions, before a twin that answers with what it was given to read."""
    folder = tmp_path_factory.mktemp("telegram")
    config = folder / "config.yaml"
    config.write_text(
        f"{MODELS}gateway:\n  trace: {{file: null}}\n  sessions: {{file: {folder / 'sessions.db'}}}\n", encoding="utf-8"
    )
    twin = ("twin", "serve", "--config", str(config), "--time-scale", "0.001", "--voice", "context")
    with (
        running(folder / "twin", *twin) as host_url,
        running(folder / "ready", "serve", "--config", str(config), "--host", host_url) as url,
    ):
        yield url


@pytest.fixture(scope="module")
def api(gateway: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The stand-in, with a running bot; the bot ends well, and has written nothing of the token anywhere."""
    folder = tmp_path_factory.mktemp("bot")
    with serving() as made:
        given = ("--gateway", gateway, "--allow", str(USER), "--state", str(folder / "state"), "--api-url", made.url)
        with (folder / "said").open("w") as said:
            process = subprocess.Popen(
                [*HOTSWAP, "telegram", *given], env={**os.environ, "HOTSWAP_TELEGRAM_TOKEN": TOKEN}, stderr=said
            )
            made.log = folder / "said"
            yield made
            process.send_signal(signal.SIGTERM)
            assert process.wait(READY_S) == 0
        lines = (folder / "said").read_text(encoding="utf-8")
        assert TOKEN not in lines
        assert set(lines.splitlines()) <= {TURNED_AWAY}


class serving:  # noqa: N801 - used as a context manager
    """The stand-in in a thread."""

    def __enter__(self) -> Api:
        self.api = Api()
        self.thread = threading.Thread(target=self.api.serve_forever)
        self.thread.start()
        return self.api

    def __exit__(self, *_: object) -> None:
        self.api.shutdown()
        self.api.server_close()
        self.thread.join()


def ask(api: Api, words: str, wanted: str) -> str:
    """Write, and wait until the chat shows what is wanted."""
    api.forget()
    api.write(words)
    api.until(lambda said: any(re.search(wanted, call.get("text", "")) for _, call in said))
    return api.shown()


def test_an_answer_grows_in_one_message_with_a_typing_sign_and_the_chat_is_one_session(api: Api) -> None:
    ask(api, "My cat is Minka.", "My cat is Minka")
    names = [name for name, _ in api.said]
    assert "sendChatAction" in names
    assert names.count("sendMessage") == 1
    assert all("parse_mode" not in call for _, call in api.said)
    ask(api, "Her name?", "(?s)Minka.*Her name")


def test_after_reset_the_models_are_not_told_what_was_said(api: Api) -> None:
    ask(api, "My dog is Rex.", "Rex")
    ask(api, "/reset", "A new conversation")
    assert "Rex" not in ask(api, "His name?", "His name")


def test_a_model_is_chosen_from_those_that_are_there(api: Api) -> None:
    assert "→ auto" in ask(api, "/model", "auto")
    assert "no model nobody" in ask(api, "/model nobody", "nobody")
    ask(api, "/model coder:16b", "coder:16b answers")
    ask(api, "hello", "hello")
    assert "coder:16b" in ask(api, "/stats", "Hit rate")
    ask(api, "/model auto", "suits")


def test_who_is_told_to_wait_waits_and_the_whole_answer_comes(api: Api) -> None:
    api.floods = 1
    ask(api, "count " * 40, r"(count ){39}count")
    shown = [name for name, _ in api.said if name != "sendChatAction"]
    assert "sendMessage" in shown[shown.index("flood") :]


async def test_pieces_that_come_too_soon_are_shown_together_by_an_edit() -> None:
    with serving() as made:
        async with telegram.Bot(TOKEN, base_url=f"{made.url}/bot") as bot:
            chat = telegram.Chat(USER, "private")
            chat.set_bot(bot)
            showing = Showing(chat)
            for piece in ("<b>one ", "two ", "three"):
                await showing.add(piece)
            await showing.end("four")
    said = [(name, call["text"]) for name, call in made.said]
    assert said == [("sendMessage", "<b>one"), ("editMessageText", "<b>one two three\n\nfour")]


async def test_an_answer_longer_than_a_message_goes_on_in_the_next() -> None:
    with serving() as made:
        async with telegram.Bot(TOKEN, base_url=f"{made.url}/bot") as bot:
            chat = telegram.Chat(USER, "private")
            chat.set_bot(bot)
            showing = Showing(chat)
            await showing.add("word " * 1000)
            await showing.end()
    assert [name for name, _ in made.said] == ["sendMessage", "sendMessage"]
    assert " ".join(call["text"] for _, call in made.said) == ("word " * 1000).strip()


def test_a_stranger_gets_nothing(api: Api) -> None:
    api.forget()
    api.write("let me in", STRANGER)
    api.write("/stats", STRANGER)
    ask_after = ask(api, "/help", "/reset")
    assert "/stats" in ask_after
    assert api.log.read_text(encoding="utf-8").splitlines() == [TURNED_AWAY]
    assert {call["chat_id"] for _, call in api.said} == {str(USER)}


@pytest.mark.parametrize(
    ("environment", "given", "says"),
    [
        ({}, ("--allow", "1"), "HOTSWAP_TELEGRAM_TOKEN is not set"),
        ({"HOTSWAP_TELEGRAM_TOKEN": "1:x"}, (), "--allow USER"),
        ({"HOTSWAP_TELEGRAM_TOKEN": "1:wrong"}, ("--allow", "1"), "does not take the token"),
    ],
)
def test_what_is_missing_is_said(
    environment: dict[str, str], given: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    known = {name: value for name, value in os.environ.items() if not name.startswith("HOTSWAP_")}
    with serving() as made:
        command = [*HOTSWAP, "telegram", *given, "--api-url", made.url, "--state", str(tmp_path / "state")]
        done = subprocess.run(
            command, env={**known, **environment}, capture_output=True, text=True, timeout=READY_S, check=False
        )
    assert done.returncode == 2
    assert says in done.stderr
    assert "1:wrong" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
