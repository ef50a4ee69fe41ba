"""`hotswap record` as a process: one command records, the next one plays; nothing that ended is lost."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

HOTSWAP = [sys.executable, "-c", "from toolkit.cli.main import main; main()"]
COMPARE = [*HOTSWAP, "compare", "--strategies", "ram", "--no-store", "--json"]
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
MODEL = "qwen2.5:7b"


def started(folder: Path, *command: str) -> tuple[subprocess.Popen[str], str]:
    ready = folder / command[0]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([*HOTSWAP, *command, "--port", "0", "--ready-file", str(ready)], **pipes, text=True)  # type: ignore[call-overload]  # the pipes
    for _ in range(1500):
        if ready.exists():
            return process, ready.read_text(encoding="utf-8").splitlines()[0]
        time.sleep(0.02)
    process.kill()
    raise AssertionError("it did not get ready")


def chat(url: str) -> None:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}], "options": {"num_predict": 3}}
    with DIRECT.open(urllib.request.Request(f"{url}/api/chat", json.dumps(body).encode())) as answer:  # noqa: S310 - http
        assert b'"done":true' in answer.read()


def test_record_then_compare(tmp_path: Path) -> None:
    trace = tmp_path / "traffic.jsonl"
    twin, host = started(tmp_path, "twin", "serve", "--time-scale", "0")
    try:
        killed, url = started(tmp_path, "record", "--host", host, "--out", str(trace))
        chat(url)
        for _ in range(1000):  # the client has its answer a moment before the trace has its line
            if trace.read_bytes():
                break
            time.sleep(0.01)
        killed.kill()
        killed.communicate(timeout=20)
        assert len(trace.read_bytes().splitlines()) == 1
        (tmp_path / "record").unlink()
        stopped, url = started(tmp_path, "record", "--host", host, "--out", str(trace), "--json")
        chat(url)
        stopped.send_signal(signal.SIGINT)
        out, notes = stopped.communicate(timeout=20)
        assert stopped.returncode == 0
        assert json.loads(out) == {"trace": str(trace), "recorded": 1, "lost": 0, "other_calls": 0}
        assert notes == f"clients that use {url} reach {host}, and {trace} tells; stop with Ctrl-C\n"
    finally:
        twin.kill()
        twin.communicate(timeout=20)
    played = subprocess.run(
        [*COMPARE, "--trace", str(trace), "--out", str(tmp_path / "out")],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert json.loads(played.stdout)["strategies"]["ram"]["requests"] == 2


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--port", "PORT", "--out", "t.jsonl"], 2, "cannot listen on 127.0.0.1:PORT (Address already in use)"),
        (["--out", "/nowhere/t.jsonl"], 2, "cannot write /nowhere/t.jsonl (No such file or directory)"),
        (["--host", "ftp://x"], 2, "the scheme 'ftp' is neither http nor https"),
    ],
)
def test_mistakes_are_one_sentence(tmp_path: Path, options: list[str], code: int, words: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        options, words = [each.replace("PORT", port) for each in options], words.replace("PORT", port)
        found = subprocess.run(
            [*HOTSWAP, "record", *options], capture_output=True, text=True, check=False, cwd=tmp_path
        )
    assert found.returncode == code
    assert words in found.stderr
    assert "Traceback" not in found.stderr
