"""`hotswap twin serve` as a process: getting ready, options, signals, mistakes; and the pages about the twin itself."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from tests.conformance.http_replay import exchange
from toolkit.cli.twin_serve import environment_of, serve
from toolkit.errors import InputError, UsageError
from toolkit.host.app.inspect import EventLog, inspector
from toolkit.host.app.serve import listening
from toolkit.host.assembly import TwinOptions, assemble
from toolkit.host.clock import RealClock

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-c", "from toolkit.cli.main import main; main()", "twin", "serve", "--port", "0"]
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def started(tmp_path: Path, *options: str) -> tuple[subprocess.Popen[str], str]:
    ready = tmp_path / "ready"
    process = subprocess.Popen([*COMMAND, "--ready-file", str(ready), *options], stderr=subprocess.PIPE, text=True)
    for _ in range(1000):
        if ready.exists():
            return process, ready.read_text(encoding="utf-8").splitlines()[0]
        time.sleep(0.02)
    process.kill()
    raise AssertionError("it did not get ready")


def ended(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str]:
    process.send_signal(number)
    _, text = process.communicate(timeout=10)
    return process.returncode, text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_and_ends_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    process, url = started(tmp_path, "--profile", "v0.24", "--env", "OLLAMA_ORIGINS=http://my.example")
    request = urllib.request.Request(f"{url}/api/version", headers={"Origin": "http://my.example"})  # noqa: S310 - http
    with DIRECT.open(request) as answer:
        assert json.load(answer) == {"version": "0.24.0"}
        assert answer.headers["Access-Control-Allow-Origin"] == "http://my.example"
    code, text = ended(process, number)
    assert code == 0
    assert text == f"the twin answers as Ollama 0.24.0 at {url}; stop it with Ctrl-C\n"


def test_a_warning_beyond_loopback(tmp_path: Path) -> None:
    process, url = started(tmp_path, "--bind", "0.0.0.0")  # noqa: S104
    with DIRECT.open(url) as answer:
        assert answer.read() == b"Ollama is running"
    code, text = ended(process, signal.SIGTERM)
    assert code == 0
    assert text.startswith("warning: 0.0.0.0 can be reached from other machines, and the twin has no access control\n")


def test_pages_about_the_twin_only_when_asked(tmp_path: Path) -> None:
    process, url = started(tmp_path, "--quiet")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        DIRECT.open(f"{url}/twin/state")
    assert ended(process, signal.SIGTERM) == (0, "")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--env", "NOVALUE"], "write NAME=VALUE"),
        (["--env", "1X=2"], "write NAME=VALUE"),
        (["--voice", "loud"], "there is no voice 'loud'"),
        (["--models", "/no/such/file"], "give the path of a models.json"),
        (["--config", "/no/such/config"], "/no/such/config"),
    ],
)
def test_mistakes_are_plain_sentences(options: list[str], words: str) -> None:
    failure = CliRunner().invoke(serve, ["--port", "0", *options]).exception
    assert isinstance(failure, (UsageError, InputError))
    assert words in str(failure)


def test_a_file_that_holds_no_models(tmp_path: Path) -> None:
    for text in ("{}", "[", '{"models": [{}]}', '{"models": 5}'):
        (tmp_path / "m.json").write_text(text, encoding="utf-8")
        failure = CliRunner().invoke(serve, ["--models", str(tmp_path / "m.json")]).exception
        assert isinstance(failure, InputError)
        assert "not a file of recorded models" in str(failure)


def test_variables_are_pairs() -> None:
    assert environment_of(("A=1", "B==", "C=")) == {"A": "1", "B": "=", "C": ""}


async def get(url: str, path: str) -> dict[str, Any]:
    reply = await exchange(url, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert reply is not None
    assert reply.status == 200
    found: dict[str, Any] = json.loads(reply.body)
    return found


async def test_state_and_events(recorded: Path) -> None:
    events_seen = EventLog()
    twin = assemble(TwinOptions(models_file=recorded, time_scale=0.0), RealClock(), observer=events_seen)
    twin.app.inspector = inspector(twin.host, events_seen)
    async with listening(twin.app, "127.0.0.1", 0) as url:
        body = b'{"model":"tiny"}'
        head = f"POST /api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        await exchange(url, head.encode() + body)
        state = await get(url, "/twin/state")
        assert [line["model"] for line in state["loaded"]] == ["tiny:latest"]
        assert state["system_free_bytes"] > 0
        events = (await get(url, "/twin/events"))["events"]
        kinds = [event["event"] for event in events]
        assert kinds[0] == "request_arrived"
        assert events[0]["model"] == "tiny:latest"
        assert [event["number"] for event in events] == list(range(1, len(events) + 1))
        later = (await get(url, f"/twin/events?since={len(events) - 1}"))["events"]
        assert later == events[-1:]
        assert len((await get(url, "/twin/events?since=x"))["events"]) == len(events)
