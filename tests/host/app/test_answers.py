"""Answers beyond the recorded ones: where they end, what is cut, what two requests share, formats and errors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.http_replay import Reply, exchange
from toolkit.host.app.serve import listening
from toolkit.host.assembly import TwinOptions, assemble
from toolkit.host.clock import RealClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


async def post(url: str, path: str, body: Any, **headers: str) -> Reply:
    data = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(data)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    reply = await exchange(url, ("\r\n".join(lines) + "\r\n\r\n").encode() + data)
    assert reply is not None
    return reply


async def said(url: str, **body: Any) -> dict[str, Any]:
    reply = await post(url, "/api/generate", {"model": "loop", "prompt": "hi", "stream": False, **body})
    assert reply.status == 200, reply.body
    found: dict[str, Any] = json.loads(reply.body)
    return found


@pytest.mark.parametrize("count", [1, 2, 7, 40])
async def test_num_predict_ends_the_answer(url: str, count: int) -> None:
    answer = await said(url, options={"num_predict": count})
    assert (answer["done_reason"], answer["eval_count"]) == ("length", count)


async def test_a_full_context_ends_the_answer_without_shifting(url: str) -> None:
    answer = await said(url, shift=False, options={"num_ctx": 256, "num_predict": 5000})
    assert answer["done_reason"] == "length"
    assert answer["prompt_eval_count"] + answer["eval_count"] == 256
    assert (await said(url, options={"num_ctx": 256, "num_predict": 300}))["eval_count"] == 300


async def test_a_long_prompt_is_cut_or_refused(url: str) -> None:
    words = " fox" * 400
    cut = await said(url, prompt=words, options={"num_ctx": 256, "num_predict": 1})
    assert cut["prompt_eval_count"] < 256
    body = {"model": "loop", "prompt": words, "truncate": False, "stream": False, "options": {"num_ctx": 256}}
    refused = await post(url, "/api/generate", body)
    assert refused.status == 400
    assert "exceeds the available context size" in refused.body


async def test_a_conversation_goes_on_from_its_context(url: str) -> None:
    first = await said(url, model="tiny", options={"num_predict": 5})
    second = await said(url, model="tiny", context=first["context"], options={"num_predict": 5})
    assert second["context"][: len(first["context"])] == first["context"]
    assert second["prompt_eval_count"] > len(first["context"])


async def test_the_second_turn_reads_only_what_is_new(url: str) -> None:
    messages = [{"role": "user", "content": "a long question " * 50}]
    body = {"model": "json", "messages": messages, "stream": False}
    first = json.loads((await post(url, "/api/chat", body)).body)
    messages += [first["message"], {"role": "user", "content": "and?"}]
    second = json.loads((await post(url, "/api/chat", body)).body)
    assert second["prompt_eval_count"] > first["prompt_eval_count"]
    assert second["prompt_eval_duration"] < first["prompt_eval_duration"] / 4


async def test_logprobs_are_given_for_each_token(url: str) -> None:
    answer = await said(url, model="tiny", logprobs=True, top_logprobs=3, options={"num_predict": 4})
    assert [len(entry["top_logprobs"]) for entry in answer["logprobs"]] == [3, 3, 3, 3][: len(answer["logprobs"])]
    assert "".join(entry["token"] for entry in answer["logprobs"]) == answer["response"]


async def test_keep_alive_forms(url: str) -> None:
    for value, expected in ((-1, "2"), ("-1m", "2"), ("1h", "2"), (0.5, "2")):
        assert (await said(url, keep_alive=value, options={"num_predict": 1}))["done"], expected
    bad = await post(url, "/api/generate", {"model": "loop", "keep_alive": "soon"})
    assert (bad.status, bad.body) == (400, '{"error":"time: invalid duration \\"soon\\""}')
    unloaded = json.loads((await post(url, "/api/generate", {"model": "loop", "keep_alive": 0})).body)
    assert unloaded["done_reason"] == "unload"


async def test_a_packed_body_needs_a_codec_only_on_v1(url: str) -> None:
    packed = await post(url, "/v1/chat/completions", {"model": "tiny"}, Content_Encoding="zstd")
    assert packed.status == 400
    plain = await post(url, "/api/show", {"model": "tiny"}, Content_Encoding="zstd")
    assert plain.status == 200, "the native API does not look at it"


@pytest.fixture
async def prose(recorded: Path) -> AsyncIterator[str]:
    del recorded
    twin = assemble(TwinOptions(time_scale=0.0, voice="echo"), RealClock())
    async with listening(twin.app, "127.0.0.1", 0) as base:
        yield base


async def test_an_echo(prose: str) -> None:
    body = {"model": "qwen2.5:7b", "messages": [{"role": "user", "content": "say <this> & that"}], "stream": False}
    reply = await post(prose, "/api/chat", body)
    assert json.loads(reply.body)["message"]["content"] == "say <this> & that"
    assert "\\u003cthis\\u003e \\u0026 that" in reply.body


async def test_speeds_are_those_of_the_config(prose: str) -> None:
    body = {"model": "qwen2.5:7b", "prompt": "word " * 400, "stream": False}
    answer = json.loads((await post(prose, "/api/generate", body)).body)
    rate = answer["eval_count"] / answer["eval_duration"] * 1e9
    assert 90 < rate < 150, "140 tokens a second with an empty context"
    assert 5000 < answer["prompt_eval_count"] / answer["prompt_eval_duration"] * 1e9 < 10_000
    assert answer["load_duration"] > 1_000_000_000
    parts = answer["load_duration"] + answer["prompt_eval_duration"] + answer["eval_duration"]
    assert 0 < answer["total_duration"] - parts < 50_000_000


async def test_streams_take_the_time_of_their_tokens() -> None:
    twin = assemble(TwinOptions(time_scale=0.1, voice="echo"), RealClock())
    async with listening(twin.app, "127.0.0.1", 0) as url:
        await post(url, "/api/generate", {"model": "qwen2.5:7b"})
        body = {"model": "qwen2.5:7b", "prompt": "word " * 100, "stream": True}
        started = RealClock().now_ns()
        reply = await post(url, "/api/generate", body)
        took = RealClock().now_ns() - started
    last = json.loads(reply.body.splitlines()[-1])
    assert took > 0.09 * (last["prompt_eval_duration"] + last["eval_duration"])
    assert len(reply.chunks) > 50


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/generate", {"model": "broken"}),
        ("/v1/chat/completions", {"model": "broken", "messages": [{"role": "user", "content": "x"}]}),
        ("/api/generate", {"model": "tiny", "prompt": "x", "context": [1, 999_999]}),
    ],
)
async def test_what_ended_the_old_server_closes_the_connection(recorded: Path, path: str, body: Any) -> None:
    twin = assemble(TwinOptions(models_file=recorded, time_scale=0.0, profile="v0.24"), RealClock())
    async with listening(twin.app, "127.0.0.1", 0) as url:
        data = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n"
        assert await exchange(url, head.encode() + data) is None
        assert (await post(url, "/api/generate", {"model": "tiny"})).status == 200, "the twin itself lives on"
