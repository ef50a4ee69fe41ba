"""Sessions through the gateway, in front of a twin whose models say everything that they were given to read."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest

from tests.gateway.conftest import HOTSWAP, MODELS, READY_S, running
from toolkit.gateway.sessions import SessionStore
from toolkit.gateway.sessions.book import SessionBook
from toolkit.gateway.sessions.database import connect
from toolkit.gateway.sessions.reading import read_history, read_vectors
from toolkit.gateway.sessions.store import END

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from toolkit.gateway.sessions.records import StoredTurn, Summary

FACTS = ("My cat is called Minka.", "She is seven.", "She likes tuna.")
MODEL_NAMES = ("talker:7b", "coder:16b", "quick:1b")


class Place:
    """A gateway and its session file."""

    def __init__(self, url: str, file: Path) -> None:
        self.url, self.file = url, file

    def chat(self, session: str, text: str, model: str = "quick:1b", **more: Any) -> httpx.Response:
        body = {"model": model, "session": session, "messages": [{"role": "user", "content": text}], **more}
        return httpx.post(f"{self.url}/api/chat", json=body, timeout=READY_S)

    def turns(self, session: str) -> list[StoredTurn]:
        with SessionBook(self.file) as book:
            return list(book.turns(session))


def config_in(folder: Path) -> Path:
    path = folder / "config.yaml"
    workspace = folder / "workspace"
    workspace.mkdir()
    (workspace / "AGENTS.md").write_text("Answer in one sentence.\n")
    path.write_text(
        f"{MODELS}gateway:\n  trace: {{file: null}}\n  sessions: {{file: {folder}/s.db}}\n"
        f"  context: {{system: You are kind., workspace: {workspace}}}\n",
        encoding="utf-8",
    )
    return path


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The twin's address, and the config for it and the gateway."""
    folder = tmp_path_factory.mktemp("remembering")
    config = config_in(folder)
    twin = ("twin", "serve", "--config", str(config), "--time-scale", "0.001", "--voice", "context")
    with running(folder / "twin", *twin) as url:
        yield url, config


@pytest.fixture(scope="module")
def place(host: tuple[str, Path]) -> Iterator[Place]:
    url, config = host
    with running(config.parent / "ready", "serve", "--config", str(config), "--host", url) as gateway:
        yield Place(gateway, config.parent / "s.db")


def test_facts_are_kept_when_three_models_answer_in_turn(place: Place) -> None:
    """Each model is sent what was said to the others, and what they said."""
    for number, (fact, model) in enumerate(zip(FACTS, MODEL_NAMES, strict=True)):
        answer = place.chat("cat", fact, model, stream=False)
        assert answer.json()["model"] == model
        read = answer.json()["message"]["content"]
        assert all(each in read for each in FACTS[: number + 1])
        assert read.index("You are kind.") < read.index("Answer in one sentence.") < read.index(FACTS[0])
    turns = place.turns("cat")
    assert [turn.exchange.model for turn in turns] == list(MODEL_NAMES)
    assert [turn.exchange.said[0].content for turn in turns] == list(FACTS)
    last = turns[-1].exchange
    assert (last.outcome, last.reason, last.done_reason) == ("answered", "asked for by name", "stop")
    assert last.found in {"hit", "cold"}
    assert (last.prompt_tokens or 0) > (turns[0].exchange.prompt_tokens or 0) > 0
    assert (last.total_ns or 0) >= (last.first_token_ns or 0) > 0


def test_a_conversation_that_goes_on_hits_the_servers_prefix_cache_and_that_is_counted(place: Place) -> None:
    """The files, the prompt and what was said stay where they were, so the server reads the new words only.

    It is told from the counters, by the speed at which the model read its first prompt after it was loaded.
    """
    brief = {"num_predict": 16}  # the voice says all it has read: what is new would be more than what was there
    before = prefix_cache(place)
    for number, model in enumerate(("quick:1b", "coder:16b", *["quick:1b"] * 4)):
        place.chat("prefix", f"part {number}: " + "tell me more of it " * 20, model, stream=False, options=brief)
    after = prefix_cache(place)
    cached = [turn.exchange.prompt_cached for turn in place.turns("prefix")]
    assert cached[2:] == [False, True, True, True]
    assert after["cached"] - before["cached"] == 3
    assert 0 < after["rate"] < 1


def prefix_cache(place: Place) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{place.url}/api/llm/stats").json()["prefix_cache"]
    return found


def test_a_stream_is_passed_on_and_stored_before_its_last_line(place: Place) -> None:
    lines = []
    body = {"model": "quick:1b", "session": "stream", "messages": [{"role": "user", "content": "one two three"}]}
    with httpx.stream("POST", f"{place.url}/api/chat", json=body, timeout=READY_S) as answer:
        for line in answer.iter_lines():
            lines.append(json.loads(line))
            if lines[-1]["done"]:
                assert len(place.turns("stream")) == 1
    assert len(lines) > 3
    (turn,) = place.turns("stream")
    assert turn.exchange.answer is not None
    assert turn.exchange.answer.content == "".join(line["message"]["content"] for line in lines)


def test_openais_client_has_sessions_too(place: Place) -> None:
    client = openai.OpenAI(base_url=f"{place.url}/v1", api_key="none")
    for extra in ({"extra_body": {"session": "gpt"}}, {"extra_headers": {"X-Hotswap-Session": "gpt"}}):
        answer = client.chat.completions.create(
            model="quick:1b",
            messages=[{"role": "user", "content": "remember the 7"}],
            **extra,  # type: ignore[call-overload] # two ways to say it
        )
    assert answer.choices[0].message.content.count("remember the 7") == 3  # said, echoed, said again
    assert len(place.turns("gpt")) == 2


def test_a_client_that_sends_the_whole_conversation_is_not_told_it_twice(place: Place) -> None:
    said: list[dict[str, str]] = []
    for text in ("alpha", "beta"):
        said.append({"role": "user", "content": text})
        body = {"model": "quick:1b", "session": "whole", "messages": said, "stream": False}
        answer = httpx.post(f"{place.url}/api/chat", json=body, timeout=READY_S).json()["message"]
        said.append({"role": "assistant", "content": answer["content"]})
    assert [len(turn.exchange.said) for turn in place.turns("whole")] == [1, 1]


async def test_requests_of_one_session_wait_for_each_other(place: Place) -> None:
    async with httpx.AsyncClient(timeout=READY_S) as client:

        async def ask(number: int) -> httpx.Response:
            message = {"role": "user", "content": f"number {number}"}
            body = {"model": MODEL_NAMES[number % 3], "session": "order", "messages": [message], "stream": False}
            return await client.post(f"{place.url}/api/chat", json=body)

        answers = await asyncio.gather(*map(ask, range(6)))
    assert {answer.status_code for answer in answers} == {200}
    turns = place.turns("order")
    assert len(turns) == 6
    for before, turn in enumerate(turns):  # each has read all those before it, and none after
        read = turn.exchange.answer.content if turn.exchange.answer else ""
        seen = [other.exchange.said[0].content in read for other in turns]
        assert seen == [True] * (before + 1) + [False] * (5 - before)


def test_a_client_that_leaves_leaves_half_a_turn_that_nobody_is_shown(place: Place) -> None:
    long = {"role": "user", "content": "word " * 2_000}
    body = {"model": "quick:1b", "session": "left", "messages": [long], "options": {"num_ctx": 32_768}}
    with httpx.stream("POST", f"{place.url}/api/chat", json=body, timeout=READY_S) as answer:
        next(answer.iter_lines())
    until = time.monotonic() + READY_S
    while not place.file.exists() or not place.turns("left"):
        assert time.monotonic() < until
        time.sleep(0.02)
    (turn,) = place.turns("left")
    assert turn.exchange.outcome in {"cancelled", "answered"}  # a quick host may have said everything already
    read = place.chat("left", "and now?", stream=False).json()["message"]["content"]
    assert ("word word" in read) == (turn.exchange.outcome == "answered")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"session": "a b", "messages": [{"role": "user", "content": "x"}]}, "session's id"),
        ({"session": 7, "messages": [{"role": "user", "content": "x"}]}, "session: a session's id"),
        ({"session": "bad", "messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
        (
            {
                "session": "bad",
                "messages": [{"role": "user", "content": "word " * 9_000}],
                "options": {"num_ctx": 2048},
            },
            "larger num_ctx",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(place: Place, body: dict[str, Any], words: str) -> None:
    answer = httpx.post(f"{place.url}/api/chat", json={"model": "quick:1b", **body}, timeout=READY_S)
    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_without_a_session_nothing_is_kept(place: Place) -> None:
    body = {"model": "quick:1b", "messages": [{"role": "user", "content": "forget me"}], "stream": False}
    read = httpx.post(f"{place.url}/api/chat", json=body, timeout=READY_S).json()["message"]["content"]
    assert "You are kind." not in read
    with SessionBook(place.file) as book:
        assert book.search("forget", 5) == ()


def test_in_idle_time_what_fell_out_is_summed_up_and_vectors_are_made(host: tuple[str, Path], tmp_path: Path) -> None:
    """By the fast model, which is in memory; the answers before had to wait for none of it.

    Three models answer in turn, and the next of them knows by the summary what was said to another before its window.
    """
    url, config = host
    file = tmp_path / "s.db"
    setting = [
        f"gateway.sessions.file={file}",
        "gateway.context.recent_messages=4",
        "gateway.context.embedding_model=vectors",
    ]
    arguments = [word for each in setting for word in ("--set", each)]
    with running(tmp_path / "ready", *arguments, "serve", "--config", str(config), "--host", url) as gateway:
        place = Place(gateway, file)
        for number, model in enumerate(MODEL_NAMES * 2):  # the fast one is the last
            place.chat("sum", f"fact {number}", model, stream=False, options={"num_predict": 20})
        until = time.monotonic() + READY_S
        while not (told := summaries(file)) or not vectors(file):
            assert time.monotonic() < until, (told, vectors(file))
            time.sleep(0.1)
        assert told[-1].model == "quick:1b"
        assert "fact 0" in told[0].text  # it says what it was given to sum up
        read = place.chat("sum", "and now?", "coder:16b", stream=False, options={"num_predict": 800}).json()
        assert read["model"] == "coder:16b"
        sent = read["message"]["content"]
        assert "## What was said before, in short" in sent
        assert "user: fact 0" in sent  # as the summary tells it
        assert "<|im_start|>user\nfact 0" not in sent  # and not as it was


def summaries(file: Path) -> tuple[Summary, ...]:
    connection = connect(file, 0)
    try:
        return read_history(connection, "sum", 100).summaries
    finally:
        connection.close()


def vectors(file: Path) -> int:
    connection = connect(file, 0)
    try:
        return len(read_vectors(connection, "sum", "vectors:latest", END))
    finally:
        connection.close()


async def test_what_was_acknowledged_outlives_sigkill(host: tuple[str, Path], tmp_path: Path) -> None:
    """Eight clients at once; the gateway is killed in the middle; every answer whose end came is in the file."""
    url, config = host
    ready, file = tmp_path / "ready", tmp_path / "s.db"
    command = [*HOTSWAP, "--set", f"gateway.sessions.file={file}", "serve", "--config", str(config), "--host", url]
    process = subprocess.Popen([*command, "--port", "0", "--ready-file", str(ready), "--quiet"])  # noqa: ASYNC220 - waited for below
    until = time.monotonic() + READY_S
    while not ready.exists():
        assert time.monotonic() < until
        await asyncio.sleep(0.02)
    gateway = ready.read_text(encoding="utf-8").splitlines()[0]
    acknowledged: list[tuple[str, str]] = []

    async def talk(client: httpx.AsyncClient, number: int) -> None:
        for turn in range(1_000):
            said = f"question {turn} of {number}"
            body = {"model": "quick:1b", "session": f"s{number}", "messages": [{"role": "user", "content": said}]}
            answer = await client.post(f"{gateway}/api/chat", json={**body, "options": {"num_predict": 5}})
            if b'"done":true' in answer.content:
                acknowledged.append((f"s{number}", said))
            if len(acknowledged) == 40:
                process.send_signal(signal.SIGKILL)

    async with httpx.AsyncClient(timeout=READY_S) as client:
        await asyncio.gather(*(talk(client, number) for number in range(8)), return_exceptions=True)
    process.wait(READY_S)
    store = SessionStore.open(file)
    try:
        for session, said in acknowledged:
            texts = [each.message.content for each in (await store.history(session)).messages]
            assert texts.count(said) == 1
    finally:
        await store.aclose()
    assert len(acknowledged) >= 40
