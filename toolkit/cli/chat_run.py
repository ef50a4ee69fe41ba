"""What `hotswap chat` does: one question, or a conversation in the terminal."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.live_host import EXIT_INTERRUPTED, needed_host
from toolkit.cli.options import load_given_config
from toolkit.errors import HotswapError, InputError, UsageError
from toolkit.llm.conversation import Conversation
from toolkit.llm.from_config import llm_from_config
from toolkit.report.wording import duration, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.llm.client import LLMClient
    from toolkit.llm.parts import LLMAnswer, Route

NS_PER_S = 1_000_000_000
HELP = "/model NAME lets one model answer, /model auto the router; /reset forgets what was said; /quit ends"
FOUND = {"hits": "warm", "joined": "waited for a load under way", "loads": "cold"}


def run(text: str, model: str | None, given: dict[str, Any]) -> None:
    """Ask once if there is something to ask already, else talk."""
    talks = not text and sys.stdin.isatty()
    if talks and given["as_json"]:
        raise UsageError("--json is for one question: give it as TEXT or on stdin")
    loaded = load_given_config(given["config"], quiet=given["quiet"])
    address = needed_host(given["host"], loaded, "chat")
    prompt = "" if talks else text or _stdin()
    with llm_from_config(loaded.config, os.environ, address=address) as llm:
        talk = Talk(llm, Conversation(model), Screen(quiet=given["quiet"], streams=not given["as_json"]))
        if talks:
            talk.go_on()
        else:
            answer = talk.ask(prompt)
            if given["as_json"]:
                click.echo(json.dumps(as_json(answer), ensure_ascii=False))


def footer(answer: LLMAnswer) -> str:
    """How it was answered: cold or warm, and how quickly."""
    counters = answer.answer.counters
    said = [FOUND[answer.found]]
    if answer.found != "hits":
        said[0] += f", {duration((counters.load_ns or 0) / NS_PER_S)} to load"
    if counters.eval_count:
        said.append(f"{counters.eval_count} tokens")
    speed = tok_per_s(answer)
    if speed is not None:
        said.append(f"{speed:.1f} tokens/s")
    if answer.answer.done_reason == "length":
        said.append("cut off: the context is full, or num_predict reached")
    return " · ".join(said)


def tok_per_s(answer: LLMAnswer) -> float | None:
    """Tokens a second while it was writing, by the server's counters; None if it does not tell."""
    counters = answer.answer.counters
    if not counters.eval_count or not counters.eval_ns:
        return None
    return counters.eval_count * NS_PER_S / counters.eval_ns


def as_json(answer: LLMAnswer) -> dict[str, Any]:
    """The answer with its history; durations are nanoseconds, absent is null."""
    counters, times = answer.answer.counters, answer.answer.times
    first = times.first_token_ns
    return {
        "model": answer.route.model,
        "reason": answer.route.reason,
        "rule": answer.route.rule,
        "found": answer.found,
        "cold": answer.found == "loads",
        "text": answer.text,
        "done_reason": answer.answer.done_reason,
        "load_duration_ns": counters.load_ns,
        "first_token_ns": None if first is None else first - times.sent_ns,
        "prompt_tokens": counters.prompt_eval_count,
        "output_tokens": counters.eval_count,
        "tok_per_s": tok_per_s(answer),
    }


@dataclass(frozen=True, slots=True)
class Screen:
    """Answers on stdout, everything about them on stderr."""

    quiet: bool
    streams: bool

    def note(self, sentence: str) -> None:
        """Something about an answer."""
        if not self.quiet:
            click.secho(plain(sentence), err=True, dim=True)

    def piece(self, text: str) -> None:
        """The next piece of an answer, at once; harmless on a terminal."""
        if self.streams and text:
            sys.stdout.write(harmless(text) if sys.stdout.isatty() else text)
            sys.stdout.flush()

    def thought(self, text: str) -> None:
        """The next piece of what a model thinks before it answers; only where somebody watches."""
        if text and not self.quiet and sys.stderr.isatty():
            click.secho(harmless(text), err=True, dim=True, nl=False)


def harmless(text: str) -> str:
    """Text in which only line ends and tabs act on a terminal: a model may write anything."""
    return "".join(sign if sign in "\n\t" else plain(sign) for sign in text)


class Talk:
    """A conversation on a screen."""

    def __init__(self, llm: LLMClient, conversation: Conversation, screen: Screen) -> None:
        self._llm = llm
        self._conversation = conversation
        self._screen = screen
        self._commands: dict[str, Callable[[str], None]] = {
            "/model": self._choose,
            "/reset": lambda _rest: self._conversation.reset(),
            "/help": lambda _rest: click.echo(HELP, err=True),
        }

    def ask(self, text: str) -> LLMAnswer:
        """Ask, show the answer as it comes, and keep both turns.

        Raises:
            InputError: there is nothing to ask.
            OllamaError: the host fails.
            KeyboardInterrupt: stopped by Ctrl-C; neither turn is kept.
        """
        if not text.strip():
            raise InputError("there is nothing to ask: give a TEXT, or write a question to stdin")
        answer = asyncio.run(self._streamed(text))
        self._conversation.answered(text, answer)
        self._screen.note(footer(answer))
        return answer

    def go_on(self) -> None:
        """Talk until /quit, the end of the input, or Ctrl-C where no answer is under way."""
        with suppress(ImportError):
            importlib.import_module("readline")  # line editing and history, where the platform has it
        signal.signal(signal.SIGTERM, _end)  # Ctrl-C stops an answer; this is meant for the program
        self._screen.note(f"{HELP}; Ctrl-C stops an answer")
        while True:
            try:
                line = input("> ").strip()
            except EOFError:
                click.echo(err=True)
                return
            if line == "/quit":
                return
            self._obey(line)

    def _obey(self, line: str) -> None:
        """One line of the user; what goes wrong is said, and the conversation goes on."""
        word, _, rest = line.partition(" ")
        if line.startswith("/"):
            command = self._commands.get(word)
            if command is None:
                click.echo(f"there is no command {plain(word)}; {HELP}", err=True)
            else:
                command(rest.strip())
            return
        try:
            if line:
                self.ask(line)
        except HotswapError as error:
            click.echo(str(error), err=True)
        except KeyboardInterrupt:
            click.echo("\nstopped; this question and its answer are forgotten", err=True)

    def _choose(self, name: str) -> None:
        if name:
            self._conversation.model = None if name == "auto" else name
        chosen = self._conversation.model or "chosen by the router, question by question"
        click.echo(f"model: {plain(chosen)}", err=True)

    async def _streamed(self, text: str) -> LLMAnswer:
        stream = self._llm.stream(self._conversation.question(text))
        self._screen.note(route_line(stream.route))
        ends_line = True
        async with stream:
            async for event in stream:
                self._screen.thought(event.thinking)
                self._screen.piece(event.text)
                ends_line = event.text.endswith("\n") if event.text else ends_line
        answer = stream.answer
        if answer.text and not ends_line:
            self._screen.piece("\n")
        return answer


def route_line(route: Route) -> str:
    """Which model will answer, and why."""
    return f"{route.model} · {route.reason}"


def _stdin() -> str:
    return sys.stdin.buffer.read().decode(errors="replace").rstrip("\r\n")


def _end(_number: int, _frame: object) -> None:
    raise SystemExit(EXIT_INTERRUPTED)
