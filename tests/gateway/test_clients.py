"""The official `ollama` and `openai` packages, unmodified, through the gateway to the twin."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import ollama
import openai
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.gateway.conftest import Served

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a place",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["C", "F"]}},
            "required": ["city"],
        },
    },
}
HELLO = [{"role": "user", "content": "Say something about swaps."}]
LONG = [{"role": "user", "content": "word " * 200}]
PATIENCE_S = 20.0


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that other processes do."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def get(served: Served, path: str) -> httpx.Response:
    return httpx.get(f"{served.url}{path}", trust_env=False)


def stats(served: Served) -> dict[str, Any]:
    found: dict[str, Any] = get(served, "/api/llm/stats").json()
    return found


# The ollama package --------------------------------------------------------------------------------------------------


def test_without_a_model_the_last_user_message_chooses(client: ollama.Client, served: Served) -> None:
    """The client itself wants a name, so what it cannot send is sent without it."""
    assert client.chat("auto", [{"role": "user", "content": "fix this function"}]).model == "coder:16b"
    assert client.chat("auto", LONG).model == "talker:7b"
    for unnamed in ({}, {"model": ""}, {"model": None}):
        body = {**unnamed, "messages": HELLO, "stream": False}
        assert httpx.post(f"{served.url}/api/chat", json=body, trust_env=False).json()["model"] == "quick:1b"
    body = {"prompt": "a short one", "stream": False}
    assert httpx.post(f"{served.url}/api/generate", json=body, trust_env=False).json()["model"] == "quick:1b"


def test_a_model_is_known_in_whatever_spelling(client: ollama.Client, served: Served) -> None:
    """The host finds it, so the gateway has to know what is loaded. Only the answer has the client's spelling."""
    client.generate("talker:7b", keep_alive=0)
    until(lambda: "talker:7b" not in {row.model for row in client.ps().models})
    before = stats(served)
    for spelling, found in (("TALKER:7B", "cold"), ("Library/Talker:7b", "hit")):
        body = {"model": spelling, "messages": HELLO, "stream": False}
        answer = httpx.post(f"{served.url}/api/chat", json=body, trust_env=False)
        assert (answer.headers["x-hotswap-cache"], answer.json()["model"]) == (found, spelling)
    until(lambda: stats(served)["requests"] - before["requests"] == 2)
    after = stats(served)
    assert (after["swaps"] - before["swaps"], after["hits"] - before["hits"]) == (1, 1)
    assert "(unknown)" not in after["models"].keys() - before["models"].keys()
    asked = [each["models"].get("talker:7b", {"requests": 0})["requests"] for each in (before, after)]
    assert asked[1] - asked[0] == 2
    lines = [json.loads(line) for line in served.trace.read_text(encoding="utf-8").splitlines()[-2:]]
    assert [(line["model"], line["cold"]) for line in lines] == [("talker:7b", True), ("talker:7b", False)]
    assert client.chat("AUTO", LONG).model == "talker:7b"
    assert get(served, "/v1/models/TALKER:7b").json()["id"] == "TALKER:7b"


def test_a_stream_is_the_whole_answer(client: ollama.Client) -> None:
    whole = client.chat("talker:7b", HELLO).message.content
    parts = [part.message.content or "" for part in client.chat("talker:7b", HELLO, stream=True)]
    assert len(parts) > 2
    assert "".join(parts) == whole != ""


def test_tools(client: ollama.Client) -> None:
    messages: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
    reply = client.chat("talker:7b", messages, tools=[WEATHER])
    assert reply.message.tool_calls
    assert reply.message.tool_calls[0].function.name == "get_weather"
    messages += [reply.message, {"role": "tool", "content": "11 degrees", "tool_name": "get_weather"}]
    assert client.chat("talker:7b", messages).message.content


def test_generate_embed_show_list_and_ps(client: ollama.Client) -> None:
    assert client.generate("talker:7b", "Why?").response
    assert len(client.embed("vectors", ["one", "two"]).embeddings) == 2
    assert client.embeddings("vectors", "one").embedding
    assert {model.model for model in client.list().models} >= {"talker:7b", "coder:16b", "vectors:latest"}
    shown = client.show("talker:7b")
    assert shown.details is not None
    assert shown.details.parameter_size == "7.6B"
    assert "vectors:latest" in {model.model for model in client.ps().models}


def test_an_embedding_model_can_be_loaded_without_a_text(served: Served) -> None:
    """As the host does it: `POST /api/embed` with the model's name alone."""
    answer = httpx.post(f"{served.url}/api/embed", json={"model": "vectors"}, trust_env=False)
    assert (answer.status_code, answer.json()["embeddings"]) == (200, [])
    loaded = [row["name"] for row in get(served, "/api/ps").json()["models"]]
    assert "vectors:latest" in loaded


def test_the_hosts_own_errors_come_through(client: ollama.Client, served: Served) -> None:
    with ollama.Client(host=served.host_url, trust_env=False) as direct:
        for model, messages in (("nobody:1b", HELLO), ("vectors", HELLO)):
            with pytest.raises(ollama.ResponseError) as ours:
                client.chat(model, messages)
            with pytest.raises(ollama.ResponseError) as theirs:
                direct.chat(model, messages)
            assert (ours.value.status_code, ours.value.error) == (theirs.value.status_code, theirs.value.error)


def test_pull_and_its_progress(client: ollama.Client) -> None:
    assert client.pull("talker:7b").status == "success"
    assert [line.status for line in client.pull("talker:7b", stream=True)][-1] == "success"
    for write in (client.delete, client.push):
        with pytest.raises(ollama.ResponseError) as refused:
            write("talker:7b")
        assert refused.value.status_code == 403


def test_a_clients_own_keep_alive_wins(client: ollama.Client, served: Served) -> None:
    client.chat("talker:7b", HELLO, keep_alive=0)
    until(lambda: "talker:7b" not in {model.model for model in client.ps().models})
    client.generate("talker:7b", keep_alive="10m")
    assert "talker:7b" in {model.model for model in client.ps().models}
    client.generate("talker:7b", keep_alive=0)
    until(lambda: "talker:7b" not in {model.model for model in client.ps().models})
    assert get(served, "/api/llm/stats").json()["queue"]["waiting"] == 0


def test_headers_say_why_and_how_the_model_was_found(served: Served) -> None:
    httpx.post(f"{served.url}/api/generate", json={"model": "quick:1b", "keep_alive": 0}, trust_env=False)
    until(lambda: "quick:1b" not in str(get(served, "/api/ps").json()))
    body = {"messages": HELLO, "stream": False}
    first = httpx.post(f"{served.url}/api/chat", json=body, trust_env=False)
    assert first.json()["model"] == "quick:1b"
    assert first.headers["x-hotswap-reason"] == "shorter than 100 characters"
    assert first.headers["x-hotswap-cache"] == "cold"
    again = httpx.post(f"{served.url}/api/chat", json=body, trust_env=False)
    assert again.headers["x-hotswap-cache"] == "hit"
    other = httpx.post(f"{served.url}/api/chat", json={**body, "options": {"num_ctx": 2048}}, trust_env=False)
    assert other.headers["x-hotswap-cache"] == "reload"


# The openai package --------------------------------------------------------------------------------------------------


def test_openai_chat_and_stream(gpt: openai.OpenAI) -> None:
    whole = gpt.chat.completions.create(model="auto", messages=[{"role": "user", "content": "Say hello."}])
    assert whole.model == "quick:1b"
    assert whole.choices[0].finish_reason == "stop"
    assert whole.usage is not None
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens > 0
    stream = gpt.chat.completions.create(
        model="auto",
        messages=[{"role": "user", "content": "Say hello."}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].usage == whole.usage
    assert {chunk.id for chunk in chunks} == {chunks[0].id}


def test_openai_completions_are_those_of_the_host(gpt: openai.OpenAI, served: Served) -> None:
    """Whole and in pieces, cut, with and without token counts: but for ids and times the same as Ollama's own."""

    def told(answer: Any) -> dict[str, Any]:
        found: dict[str, Any] = answer.model_dump(exclude={"id", "created"}, exclude_unset=True)
        assert answer.id.startswith("cmpl-")
        return found

    transport = openai.DefaultHttpxClient(trust_env=False)
    with openai.OpenAI(base_url=f"{served.host_url}/v1", api_key="-", max_retries=0, http_client=transport) as direct:
        for more in ({}, {"max_tokens": 2}, {"stop": [" a"], "seed": 7, "temperature": 0.5, "top_p": 0.9}):
            wanted: dict[str, Any] = {"model": "talker:7b", "prompt": "def add(", **more}
            ours, theirs = (told(each.completions.create(**wanted)) for each in (gpt, direct))
            assert ours == theirs
            for options in ({}, {"stream_options": {"include_usage": True}}):
                streamed: dict[str, Any] = {**wanted, **options, "stream": True}
                ours_in_pieces, theirs_in_pieces = (
                    [told(chunk) for chunk in each.completions.create(**streamed)] for each in (gpt, direct)
                )
                assert ours_in_pieces == theirs_in_pieces
                text = "".join(choice["text"] for chunk in ours_in_pieces for choice in chunk["choices"])
                assert text == ours["choices"][0]["text"] != ""
        empty = [told(each.completions.create(model="talker:7b", prompt="")) for each in (gpt, direct)]
        assert empty[0] == empty[1]
        assert empty[0]["choices"][0]["finish_reason"] == "load"
        for wrong in ({"suffix": "b"}, {"model": "nobody:1b"}, {"model": "vectors"}):
            asked: dict[str, Any] = {"model": "talker:7b", "prompt": "a", **wrong}
            said = []
            for each in (gpt, direct):
                with pytest.raises(openai.APIStatusError) as error:
                    each.completions.create(**asked)
                said.append((error.value.status_code, error.value.message))
            assert said[0] == said[1]


def test_openai_completions_are_routed_and_take_what_ollamas_drop(gpt: openai.OpenAI) -> None:
    answer = gpt.completions.with_raw_response.create(
        model="auto", prompt="fix this function", extra_body={"keep_alive": "7m", "options": {"num_ctx": 4096}}
    )
    assert answer.parse().model == "coder:16b"
    assert answer.headers["x-hotswap-host"]
    with pytest.raises(openai.BadRequestError, match="one choice"):
        gpt.completions.create(model="talker:7b", prompt="a", n=2)
    with pytest.raises(openai.BadRequestError, match="prompt"):
        gpt.completions.create(model="talker:7b", prompt=["a", "b"])


def test_openai_tools(gpt: openai.OpenAI) -> None:
    messages: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
    reply = gpt.chat.completions.create(model="talker:7b", messages=messages, tools=[WEATHER])  # type: ignore[list-item]  # a plain dict
    choice = reply.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls
    call = choice.message.tool_calls[0]
    assert call.type == "function"
    assert set(json.loads(call.function.arguments)) == {"city", "unit"}
    messages += [choice.message, {"role": "tool", "content": "11 degrees", "tool_call_id": call.id}]
    assert gpt.chat.completions.create(model="talker:7b", messages=messages).choices[0].message.content


def test_openai_logprobs(gpt: openai.OpenAI) -> None:
    """They come with the whole answer and with each piece of a stream, and only when they were asked for."""
    said: list[Any] = [{"role": "user", "content": "hello"}]
    whole = gpt.chat.completions.create(model="auto", messages=said, logprobs=True, top_logprobs=2, max_tokens=3)
    told = whole.choices[0].logprobs
    assert told is not None
    assert told.content is not None
    assert "".join(each.token for each in told.content) == whole.choices[0].message.content
    assert [len(each.top_logprobs) for each in told.content] == [2, 2, 2]
    pieces = gpt.chat.completions.create(model="auto", messages=said, logprobs=True, max_tokens=3, stream=True)
    chances = [chunk.choices[0].logprobs for chunk in pieces]
    assert [len(each.content or ()) if each else None for each in chances] == [1, 1, 1, None]
    plain = gpt.chat.completions.create(model="auto", messages=said, max_tokens=3)
    assert plain.choices[0].logprobs is None


def test_openai_sets_what_ollamas_v1_drops(gpt: openai.OpenAI, served: Served) -> None:
    gpt.chat.completions.create(
        model="quick:1b",
        messages=[{"role": "user", "content": "Hi."}],
        extra_body={"keep_alive": "77m", "options": {"num_ctx": 8192}},
    )
    (row,) = [row for row in get(served, "/api/ps").json()["models"] if row["name"] == "quick:1b"]
    assert row["context_length"] == 8192


def test_openai_embeddings_models_and_errors(gpt: openai.OpenAI) -> None:
    made = gpt.embeddings.create(model="vectors", input=["one", "two"])
    plain = gpt.embeddings.create(model="vectors", input="one", encoding_format="float")
    assert len(made.data) == 2
    assert made.data[0].embedding == pytest.approx(plain.data[0].embedding, abs=1e-6)
    assert "coder:16b" in {model.id for model in gpt.models.list()}
    assert gpt.models.retrieve("coder:16b").owned_by == "library"
    with pytest.raises(openai.NotFoundError, match="nobody"):
        gpt.chat.completions.create(model="nobody:1b", messages=[{"role": "user", "content": "Hi."}])
    with pytest.raises(openai.BadRequestError, match="one choice"):
        gpt.chat.completions.create(model="auto", messages=[{"role": "user", "content": "Hi."}], n=2)


# What the gateway says of itself -------------------------------------------------------------------------------------


def test_statistics_and_metrics(client: ollama.Client, served: Served) -> None:
    client.chat("talker:7b", HELLO)
    client.chat("talker:7b", HELLO)
    stats = get(served, "/api/llm/stats").json()
    assert stats["requests"] >= 2
    assert 0 < stats["hit_rate"] <= 1
    assert stats["swaps"] >= 1
    assert stats["swap_s"]["p95"] > 0
    assert stats["models"]["talker:7b"]["answer_tokens"] > 0
    assert sum(row["share"] for row in stats["models"].values()) == pytest.approx(1)
    assert "asked for by name" in stats["routing"]
    assert stats["windows"]["1h"]["requests"] == stats["requests"]
    page = get(served, "/metrics")
    assert page.headers["content-type"].startswith("text/plain")
    assert "gen_ai_server_request_duration_seconds_count{" in page.text
    assert 'hotswap_host_ready{host="host"} 1.0' in page.text
    assert (get(served, "/healthz").status_code, get(served, "/readyz").status_code) == (200, 200)
