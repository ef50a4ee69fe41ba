"""Answers that do not come to their end: half a line, no last line, a deadline, a gateway that is stopped."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING, Any

import aiohttp
import ollama
import pytest

from tests.gateway.conftest import gateway_to, in_process, scripted_host
from tests.gateway.test_failures import CHAT, stats_of, until_waiting
from tests.ollama.fake_host import chat_line, last_line
from toolkit.gateway.deadline import deadline_of
from toolkit.gateway.reading import Reader, WholeLines
from toolkit.gateway.refusal import Refusal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ollama.fake_host import Script, Seen, Wire

HALF = json.dumps(chat_line("two")).encode()[:40]


def ends_after(*chunks: bytes) -> Script:
    """A host that sends these bytes and then ends its answer as if it were complete."""

    async def script(_: Seen, wire: Wire) -> None:
        await wire.head()
        for chunk in chunks:
            await wire.chunk(chunk)
        await wire.end()

    return script


ONE = json.dumps(chat_line("one")).encode() + b"\n"


@pytest.mark.parametrize("chunks", [(ONE, HALF), (ONE + HALF,), (ONE,), (ONE, b"<h1>502 Bad Gateway</h1>")])
async def test_a_stream_that_stops_before_its_last_line_ends_with_an_error(chunks: tuple[bytes, ...]) -> None:
    """Whole lines come through, half of one does not, and the official client raises what the last line says."""
    async with scripted_host(ends_after(*chunks), loaded=("big:7b",)) as host, in_process(gateway_to(host.url)) as url:
        parts = await ollama.AsyncClient(host=url, trust_env=False).chat("big:7b", stream=True)
        assert (await anext(parts)).message.content == "one"
        with pytest.raises(ollama.ResponseError, match="ended before its answer was complete"):
            await anext(parts)


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions", "/api/generate", "/api/embed"])
async def test_a_document_that_is_cut_short_is_a_502(path: str) -> None:
    async with (
        scripted_host(ends_after(b'{"embeddings":[[0.1,'), loaded=("big:7b",)) as host,
        in_process(gateway_to(host.url)) as url,
        aiohttp.ClientSession() as session,
    ):
        body = {**CHAT, "prompt": "Hi.", "input": "Hi.", "stream": False}
        async with session.post(f"{url}{path}", json=body) as answer:
            assert answer.status == 502
            assert "ended before its answer was complete" in await answer.text()


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json; charset=utf-8", b'{"error":"it was encoun', 502),
        ("application/json; charset=utf-8", b'{"error":"it was"}', 500),
        ("text/html", b"<h1>Internal", 500),
    ],
)
async def test_an_error_that_is_cut_short_is_not_passed_on(kind: str, body: bytes, status: int) -> None:
    async def fails(_: Seen, wire: Wire) -> None:
        await wire.head(500, kind)
        await wire.chunk(body)
        await wire.end()

    async with (
        scripted_host(fails, loaded=("big:7b",)) as host,
        in_process(gateway_to(host.url)) as url,
        aiohttp.ClientSession() as session,
        session.post(f"{url}/api/chat", json=CHAT) as answer,
    ):
        assert answer.status == status
        assert (await answer.read() == body) == (status != 502)


async def test_a_host_that_writes_json_with_blanks_is_understood() -> None:
    async def blanks(_: Seen, wire: Wire) -> None:
        await wire.head()
        await wire.line(chat_line("one"))
        await wire.chunk(json.dumps(last_line(), indent=1).replace("\n", " ").encode() + b"\n")
        await wire.end()

    async with (
        scripted_host(blanks, loaded=("big:7b",)) as host,
        in_process(gateway_to(host.url)) as url,
        aiohttp.ClientSession() as session,
    ):
        async with session.post(f"{url}/api/chat", json=CHAT) as answer:
            lines = (await answer.read()).splitlines()
        assert json.loads(lines[-1])["done"] is True
        assert (await stats_of(session, url))["errors"] == {}


async def test_a_deadline_ends_a_stream_and_the_host_stops() -> None:
    gone = asyncio.Event()

    async def endless(_: Seen, wire: Wire) -> None:
        await wire.head()
        await wire.line(chat_line("one"))
        await wire.gone()
        gone.set()
        wire.close()

    async with (
        scripted_host(endless, loaded=("big:7b",)) as host,
        in_process(gateway_to(host.url)) as url,
        aiohttp.ClientSession(headers={"X-Hotswap-Deadline": "150ms"}) as session,
    ):
        async with session.post(f"{url}/api/chat", json=CHAT) as answer:
            *_, last = (await answer.read()).splitlines()
        assert "no answer within 150ms" in json.loads(last)["error"]
        await gone.wait()
        async with session.post(f"{url}/v1/chat/completions", json={**CHAT, "stream": True}) as answer:
            *_, event = [line for line in (await answer.read()).splitlines() if line]
        assert "no answer within 150ms" in json.loads(event.removeprefix(b"data: "))["error"]["message"]
        stats = await stats_of(session, url)
        assert (stats["errors"], stats["left"], stats["queue"]["running"]) == ({"deadline": 2}, 0, 0)


async def test_a_deadline_that_passes_before_anything_was_said_is_a_504() -> None:
    """While the host says nothing, and while the request waits behind another one."""

    async def silent(_: Seen, wire: Wire) -> None:
        await wire.gone()
        wire.close()

    async with (
        scripted_host(silent, loaded=("big:7b",)) as host,
        in_process(gateway_to(host.url, limits={"deadline": "500ms"})) as url,
        aiohttp.ClientSession() as session,
    ):

        async def ask(wait: str) -> tuple[int, str]:
            async with session.post(f"{url}/api/chat", json=CHAT, headers={"X-Hotswap-Deadline": wait}) as answer:
                return answer.status, (await answer.json())["error"]

        (first, slow), (second, quick) = await asyncio.gather(ask("1m"), ask("0.1"))
        assert (first, second) == (504, 504)
        assert "within 500ms" in slow
        assert "within 100ms" in quick
        assert (await ask("soon"))[0] == 400
        assert (await stats_of(session, url))["queue"]["waiting"] == 0


@pytest.mark.parametrize("wrong", ["", "-1s", "0", "1e3", "inf", "5 minutes", "1.2.3"])
def test_a_deadline_that_is_no_duration_is_refused(wrong: str) -> None:
    with pytest.raises(Refusal, match="how long the answer may take"):
        deadline_of({"x-hotswap-deadline": wrong}, None)


def test_the_shorter_deadline_holds() -> None:
    assert deadline_of({}, None) is None
    assert deadline_of({}, 7) == 7
    assert deadline_of({"x-hotswap-deadline": "1.5"}, None) == 1_500_000_000
    assert deadline_of({"x-hotswap-deadline": "1m30s"}, 7) == 7


async def test_a_gateway_that_is_stopped_turns_away_who_waits_and_ends_what_goes_on() -> None:
    hold, asked = asyncio.Event(), asyncio.Event()

    async def slow(_: Seen, wire: Wire) -> None:
        asked.set()
        await hold.wait()
        await wire.record(last_line())

    async with (
        scripted_host(slow, loaded=("big:7b",)) as host,
        in_process(gateway_to(host.url)) as url,
        aiohttp.ClientSession() as session,
    ):
        calls = [asyncio.create_task(session.post(f"{url}/api/chat", json={**CHAT, "stream": False}))]
        await asked.wait()
        calls.append(asyncio.create_task(session.post(f"{url}/api/chat", json=CHAT)))
        await until_waiting(session, url, 1)
        signal.raise_signal(signal.SIGTERM)
        refused = await calls[1]
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        assert "being stopped" in (await refused.json())["error"]
        hold.set()
        assert (await calls[0]).status == 200


async def test_a_session_whose_turn_does_not_come_is_a_503(tmp_path: Path) -> None:
    """Requests of one session wait for each other; those, too, only as long and as many as the queue's limits say."""
    hold, asked = asyncio.Event(), asyncio.Event()

    async def slow(_: Seen, wire: Wire) -> None:
        asked.set()
        await hold.wait()
        await wire.record(last_line())

    sessions = {"file": str(tmp_path / "s.db")}
    async with (
        scripted_host(slow, loaded=("big:7b",)) as host,
        in_process(gateway_to(host.url, sessions=sessions, queue={"size": 1, "wait": "100ms"})) as url,
        aiohttp.ClientSession() as session,
    ):

        async def ask() -> tuple[int, dict[str, Any]]:
            body = {**CHAT, "session": "s", "stream": False}
            async with session.post(f"{url}/api/chat", json=body) as answer:
                return answer.status, await answer.json()

        first = asyncio.create_task(ask())
        await asked.wait()
        late, full = await asyncio.gather(ask(), ask())
        assert (late[0], full[0]) == (503, 503)
        assert "earlier requests of this session have taken 0.1 s" in late[1]["error"]
        assert "1 requests wait for their sessions already" in full[1]["error"]
        hold.set()
        assert (await first)[0] == 200


def test_whole_lines_pass_however_the_bytes_come() -> None:
    for cut in range(1, 8):
        data = b"one\ntwo\n\nthree\nha"
        lines = WholeLines()
        passed = [lines.feed(data[at : at + cut]) for at in range(0, len(data), cut)]
        assert b"".join(passed) == b"one\ntwo\n\nthree\n"
        assert all(not piece or piece.endswith(b"\n") for piece in passed)
        assert lines.rest() == b"ha"


@pytest.mark.parametrize(
    ("data", "is_cut"),
    [(b'{"done":true}', False), (b'{"done":tr', True), (b'{"a":1}\n{"b"', True), (b'{"a":1}\n', False), (b"", False)],
)
def test_a_reader_knows_a_cut_answer(data: bytes, *, is_cut: bool) -> None:
    reader = Reader(texts=False)
    reader.feed(data)
    reader.end()
    assert reader.is_cut is is_cut
