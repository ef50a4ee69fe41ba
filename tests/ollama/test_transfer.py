"""Pulls, creations and deletions: what is sent, what each line means, how they end."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ollama.fake_host import FakeHost, Seen, Wire
from toolkit.ollama.address import parse_address
from toolkit.ollama.calls import Calls
from toolkit.ollama.client import OllamaClient
from toolkit.ollama.errors import ErrorLineError, ModelMissingError, ProtocolError, StreamBrokeError
from toolkit.ollama.parsing import parse_show
from toolkit.ollama.sync_client import SyncOllamaClient
from toolkit.ollama.types import CreateRequest, TransferLine

if TYPE_CHECKING:
    from toolkit.ollama.transfer import TransferExchange

CALLS = Calls(parse_address("http://gpu-a", "a"), ())
NDJSON = {"content-type": "application/x-ndjson"}
DIGEST = "sha256:" + "ab" * 32
LINES: tuple[dict[str, Any], ...] = (
    {"status": "pulling manifest"},
    {"status": "pulling abababababab", "digest": DIGEST, "total": 100},
    {"status": "pulling abababababab", "digest": DIGEST, "total": 100, "completed": 60},
    {"status": "verifying sha256 digest"},
    {"status": "success"},
)


def started() -> TransferExchange:
    exchange = CALLS.pull("m:1b")
    exchange.begin(10)
    exchange.head(200, NDJSON, 20)
    return exchange


def encoded(*records: object) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


@given(st.lists(st.integers(0, len(encoded(*LINES))), max_size=6))
def test_lines_are_read_however_the_network_cut_them(cuts: list[int]) -> None:
    data, exchange, seen = encoded(*LINES), started(), []
    places = [0, *sorted(cuts), len(data)]
    for first, last in itertools.pairwise(places):
        seen += list(exchange.data(data[first:last], 30))
    seen += list(exchange.end(40))
    assert [line.status for line in seen] == [record["status"] for record in LINES]
    assert seen[1] == TransferLine(30, "pulling abababababab", DIGEST, 100, 0)
    assert (exchange.answer.model, exchange.answer.blob_bytes) == ("m:1b", ((DIGEST, 100),))


def test_an_error_under_status_200_says_what_was_being_done() -> None:
    exchange = started()
    error = {"error": "pull model manifest: file does not exist"}
    with pytest.raises(ErrorLineError, match="failed at 'pulling manifest': the server says 'pull model") as caught:
        list(exchange.data(encoded(LINES[0], error), 30))
    assert caught.value.server_message == error["error"]
    assert caught.value.progress is not None
    assert caught.value.progress.doing == "pulling manifest"


@pytest.mark.parametrize("rest", [b"", b'{"status": "suc'])
def test_a_pull_without_success_is_broken(rest: bytes) -> None:
    exchange = started()
    list(exchange.data(encoded(*LINES[:3]) + rest, 30))
    with pytest.raises(StreamBrokeError, match="at 'pulling abababababab'"):
        list(exchange.end(40))


@pytest.mark.parametrize("line", [{}, {"status": ""}, {"status": 3}, {"status": "x", "total": -1}, []])
def test_what_is_no_line_of_progress_is_not_the_api(line: object) -> None:
    exchange = started()
    with pytest.raises(ProtocolError):
        list(exchange.data(encoded(line), 30))


async def test_what_is_sent() -> None:
    async def script(seen: Seen, wire: Wire) -> None:
        if seen.method == "DELETE":
            await wire.whole(200, b"", None)
            return
        await wire.head()
        await wire.line({"status": "success"})
        await wire.end()

    async with FakeHost(script) as host, OllamaClient(host.url) as client:
        await client.pull("m:1b")
        await client.create(CreateRequest("n", "m:1b", {"num_ctx": 4096, "stop": ("a", "b")}, "Be short."))
        await client.create(CreateRequest("n", "m:1b", template="{{ .Prompt }}"))
        assert (await client.delete("m:1b")).model == "m:1b"
    assert [(seen.method, seen.path, seen.json) for seen in host.seen] == [
        ("POST", "/api/pull", {"model": "m:1b", "stream": True}),
        (
            "POST",
            "/api/create",
            {
                "model": "n",
                "from": "m:1b",
                "stream": True,
                "parameters": {"num_ctx": 4096, "stop": ["a", "b"]},
                "system": "Be short.",
            },
        ),
        ("POST", "/api/create", {"model": "n", "from": "m:1b", "stream": True, "template": "{{ .Prompt }}"}),
        ("DELETE", "/api/delete", {"model": "m:1b"}),
    ]


async def test_deleting_what_is_not_there_and_an_answer_that_says_too_much() -> None:
    async def script(seen: Seen, wire: Wire) -> None:
        if seen.json["model"] == "gone":
            await wire.record({"error": "model 'gone' not found"}, 404)
        else:
            await wire.record({"hello": 1})

    async with FakeHost(script) as host, OllamaClient(host.url) as client:
        with pytest.raises(ModelMissingError):
            await client.delete("gone")
        with pytest.raises(ProtocolError, match="has a body"):
            await client.delete("odd")


async def test_threads_see_the_same_lines() -> None:
    async def script(_: Seen, wire: Wire) -> None:
        await wire.head()
        for record in LINES:
            await wire.line(record)
        await wire.end()

    def calls(url: str) -> list[str]:
        with SyncOllamaClient(url) as client, client.stream_pull("m:1b") as stream:
            return [line.status for line in stream]

    async with FakeHost(script) as host:
        assert await asyncio.to_thread(calls, host.url) == [record["status"] for record in LINES]


@pytest.mark.parametrize(
    ("shown", "value"),
    [('"a\\nb"', "a\nb"), ('"a\\\\nb"', "a\\nb"), ('"say \\"hi\\""', 'say "hi"'), ("0.7", "0.7")],
)
def test_quoted_parameters_are_read_as_go_wrote_them(shown: str, value: str) -> None:
    info = parse_show({"details": {}, "parameters": f"stop                           {shown}"})
    assert info.parameters == (("stop", value),)
