"""`hotswap chat` as a process: one question by argument or stdin, and a conversation in a terminal."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.end_to_end.test_live import HOTSWAP, PATIENCE_S, PROJECT, hotswap, loaded, served_twin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CPU = ("--config", "config/twin-cpu.yaml", "--time-scale", "0.05")
FAST, CODE, PRIMARY = "qwen2.5:7b", "deepseek-coder-v2:16b", "qwen2.5:32b"


class Terminal:
    """A program in a terminal of its own: wait for what it writes, type, interrupt."""

    def __init__(self, *arguments: str) -> None:
        self._ours, theirs = os.openpty()
        command = [*HOTSWAP, *arguments]
        self.process = subprocess.Popen(
            command, cwd=PROJECT, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self._unread = b""

    def until(self, words: str) -> str:
        """What it wrote up to these words, and with them."""
        deadline = time.monotonic() + PATIENCE_S
        while words.encode() not in self._unread:
            assert time.monotonic() < deadline, f"{words!r} never came; there is {self._unread!r}"
            if select.select([self._ours], [], [], 0.1)[0]:
                self._unread += os.read(self._ours, 65536)
        seen, _, self._unread = self._unread.partition(words.encode())
        return (seen + words.encode()).decode()

    def type(self, line: str) -> None:
        os.write(self._ours, line.encode() + b"\n")

    def ended_by(self, number: signal.Signals) -> int:
        """The exit code after a signal. A line end follows it: one that comes before the program reads is not seen."""
        self.process.send_signal(number)
        self.type("")
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


@contextmanager
def talking(*arguments: str) -> Iterator[Terminal]:
    terminal = Terminal("chat", *arguments)
    try:
        terminal.until("> ")
        yield terminal
    finally:
        terminal.close()


def test_one_question_and_its_pipe(tmp_path: Path) -> None:
    with served_twin(tmp_path, *CPU, "--voice", "say:All is well.") as (url, _):
        by_argument = hotswap("chat", "--host", url, "hello", "there")
        assert (by_argument.returncode, by_argument.stdout) == (0, "All is well.\n")
        assert f"{FAST} · shorter than 100 characters" in by_argument.stderr
        assert "cold, " in by_argument.stderr
        assert "tokens/s" in by_argument.stderr
        command = [*HOTSWAP, "chat", "--host", url, "--json", "--model", FAST]
        piped = subprocess.run(
            command, cwd=PROJECT, input="fix this function", capture_output=True, text=True, check=True
        )
        told = json.loads(piped.stdout)
        assert (told["model"], told["reason"], told["found"], told["cold"]) == (
            FAST,
            "asked for by name",
            "hits",
            False,
        )
        assert told["text"] == "All is well."
        assert told["tok_per_s"] > 0


def test_a_conversation_goes_on_while_the_model_changes(tmp_path: Path) -> None:
    with served_twin(tmp_path, *CPU) as (url, _), talking("--host", url) as terminal:
        terminal.type("hello")
        assert FAST in terminal.until("cold, ")
        terminal.until("> ")
        terminal.type("now fix this function")
        assert f"{CODE} · code heuristic" in terminal.until("tokens/s")
        terminal.until("> ")
        terminal.type("/model nobody:1b")
        terminal.until("model: nobody:1b")
        terminal.until("> ")
        terminal.type("hello")
        terminal.until("nobody:1b' not found")
        terminal.until("> ")
        terminal.type("/nonsense")
        terminal.until("there is no command /nonsense")
        terminal.until("> ")
        terminal.type("/quit")
        assert terminal.process.wait(PATIENCE_S) == 0
        assert set(loaded(url)) == {FAST, CODE}


def test_ctrl_c_stops_the_answer_and_the_next_one_ends(tmp_path: Path) -> None:
    with served_twin(tmp_path, "--config", "config/twin-cpu.yaml", "--time-scale", "10") as (url, _):
        with talking("--host", url, "--model", PRIMARY) as terminal:
            terminal.type("hello")
            terminal.until("asked for by name")
            terminal.process.send_signal(signal.SIGINT)
            terminal.until("forgotten")
            terminal.until("> ")
            assert terminal.ended_by(signal.SIGINT) == 130
        with talking("--host", url) as terminal:
            assert terminal.ended_by(signal.SIGTERM) == 130
