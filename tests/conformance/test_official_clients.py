"""The official `ollama` and `openai` packages against the twin as its users start it, over loopback."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import ollama
import openai
import pytest
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = """\
llm:
  provider: ollama
  base_url: http://127.0.0.1:11434
  models: {primary: "talker:7b"}
twin:
  models:
    - {name: "talker:7b", size: 4.7GB, architecture: qwen2, blocks: 28, embedding_length: 3584, head_count: 28,
       head_count_kv: 4, context_length: 32768, details: {parameters: 7.6B, quantization: Q4_K_M}}
    - {name: "coder:16b", size: 8.9GB, architecture: deepseek2, blocks: 27, embedding_length: 2048, head_count: 16,
       head_count_kv: 16, context_length: 163840}
    - {name: "vectors", size: 0.3GB, architecture: bert, blocks: 12, embedding_length: 768, head_count: 12,
       head_count_kv: 12, context_length: 2048, embedding: true}
"""
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
READY_S = 20.0


@dataclass(frozen=True)
class Served:
    """A twin in a process of its own."""

    url: str
    process: subprocess.Popen[bytes]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("twin")
    config, ready = folder / "config.yaml", folder / "ready"
    config.write_text(CONFIG, encoding="utf-8")
    command = [sys.executable, "-c", "from toolkit.cli.main import main; main()", "twin", "serve"]
    options = ["--config", config, "--port", "0", "--ready-file", ready, "--time-scale", "0.001", "--quiet"]
    process = subprocess.Popen([*command, *map(str, options)])
    try:
        yield Served(wait_for(ready, process), process)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=READY_S) == 0


def wait_for(ready: Path, process: subprocess.Popen[bytes]) -> str:
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        assert process.poll() is None, "the twin has ended"
        if ready.exists():
            return ready.read_text(encoding="utf-8").splitlines()[0]
        time.sleep(0.02)
    raise AssertionError("the twin did not get ready")


@pytest.fixture
def client(served: Served) -> Iterator[ollama.Client]:
    with ollama.Client(host=served.url, trust_env=False) as made:
        yield made


@pytest.fixture
def gpt(served: Served) -> Iterator[openai.OpenAI]:
    transport = openai.DefaultHttpxClient(trust_env=False)
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0, http_client=transport) as made:
        yield made


# The ollama package --------------------------------------------------------------------------------------------------


def test_list_show_and_ps(client: ollama.Client) -> None:
    assert {model.model for model in client.list().models} >= {"talker:7b", "coder:16b", "vectors:latest"}
    shown = client.show("talker:7b")
    assert shown.details is not None
    assert shown.details.parameter_size == "7.6B"
    assert shown.capabilities == ["completion", "tools"]
    assert shown.modelinfo is not None
    assert shown.modelinfo["qwen2.block_count"] == 28
    client.generate("talker:7b", keep_alive=60)
    (line,) = [model for model in client.ps().models if model.model == "talker:7b"]
    assert line.size is not None
    assert line.size_vram == line.size
    assert line.expires_at is not None


def test_generate_and_its_counters(client: ollama.Client) -> None:
    answer = client.generate("talker:7b", "Why is the sky blue?", options={"seed": 7})
    again = client.generate("talker:7b", "Why is the sky blue?", options={"seed": 7})
    assert answer.done
    assert answer.response == again.response != ""
    assert answer.prompt_eval_count == again.prompt_eval_count
    assert answer.eval_count is not None
    assert answer.eval_duration is not None
    assert again.prompt_eval_duration is not None
    assert answer.prompt_eval_duration is not None
    assert again.prompt_eval_duration < answer.prompt_eval_duration, "the second prompt was in the cache"
    assert 50 < answer.eval_count / answer.eval_duration * 1e9 < 400, "unscaled speed of the model"


def test_chat_stream_is_the_whole_answer(client: ollama.Client) -> None:
    messages = [{"role": "user", "content": "Tell me about swaps."}]
    whole = client.chat("talker:7b", messages).message.content
    parts = [part.message.content or "" for part in client.chat("talker:7b", messages, stream=True)]
    assert len(parts) > 5
    assert "".join(parts) == whole


def test_a_tool_call_and_its_answer(client: ollama.Client) -> None:
    messages: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
    reply = client.chat("talker:7b", messages, tools=[WEATHER])
    assert reply.message.tool_calls
    function = reply.message.tool_calls[0].function
    assert function.name == "get_weather"
    assert set(function.arguments) == {"city", "unit"}
    messages += [reply.message, {"role": "tool", "content": "11 degrees", "tool_name": "get_weather"}]
    assert client.chat("talker:7b", messages).message.content


class Animal(BaseModel):
    name: str
    legs: int
    tame: bool


def test_structured_answers(client: ollama.Client) -> None:
    reply = client.chat("talker:7b", [{"role": "user", "content": "An animal"}], format=Animal.model_json_schema())
    Animal.model_validate_json(reply.message.content or "")
    free = client.generate("talker:7b", "As JSON", format="json")
    assert isinstance(json.loads(free.response or ""), dict)


def test_stop_and_num_predict(client: ollama.Client) -> None:
    cut = client.generate("talker:7b", "Speak", options={"num_predict": 3})
    assert cut.done_reason == "length"
    assert cut.eval_count == 3
    stopped = client.generate("talker:7b", "Speak", options={"stop": [" "]})
    assert " " not in (stopped.response or "")
    assert stopped.done_reason == "stop"


def test_embeddings(client: ollama.Client) -> None:
    both = client.embed("vectors", ["a red cat", "a red dog"])
    alone = client.embed("vectors", "a red cat")
    assert len(both.embeddings) == 2
    assert both.embeddings[0] == alone.embeddings[0]
    assert sum(value * value for value in alone.embeddings[0]) == pytest.approx(1.0, abs=1e-5)
    assert len(client.embed("vectors", "x", dimensions=16).embeddings[0]) == 16
    assert len(client.embeddings("vectors", "a red cat").embedding) == 768


def test_errors_carry_the_servers_words(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError, match="model 'nosuch' not found") as failure:
        client.chat("nosuch", [{"role": "user", "content": "x"}])
    assert failure.value.status_code == 404
    with pytest.raises(ollama.ResponseError, match="does not support generate"):
        client.generate("vectors", "x")
    with pytest.raises(ollama.ResponseError, match="does not support thinking"):
        client.chat("talker:7b", [{"role": "user", "content": "x"}], think=True)


def test_copy_create_delete_and_pull_again(client: ollama.Client) -> None:
    client.copy("coder:16b", "mine")
    client.create(model="poet", from_="talker:7b", system="You are a poet.", parameters={"temperature": 0.1})
    assert {"mine:latest", "poet:latest"} <= {model.model for model in client.list().models}
    assert "You are a poet." in (client.show("poet").modelfile or "")
    for name in ("mine", "poet", "coder:16b"):
        client.delete(name)
    with pytest.raises(ollama.ResponseError, match="not found"):
        client.show("coder:16b")
    steps = list(client.pull("coder:16b", stream=True))
    assert steps[0].status == "pulling manifest"
    assert steps[-1].status == "success"
    moving = [step for step in steps if step.total]
    assert len(moving) > 10
    assert all((step.completed or 0) <= (step.total or 0) for step in moving)
    assert "coder:16b" in {model.model for model in client.list().models}


async def test_asynchronous_chat(served: Served) -> None:
    async with httpx.AsyncClient(trust_env=False) as plain:
        assert (await plain.get(served.url)).text == "Ollama is running"
    messages = [{"role": "user", "content": "Hi"}]
    async with ollama.AsyncClient(host=served.url, trust_env=False) as client:
        parts = [part async for part in await client.chat("talker:7b", messages, stream=True)]
        assert parts[-1].done
        assert (await client.generate("talker:7b", "Hi")).response


# The openai package --------------------------------------------------------------------------------------------------


def test_models(gpt: openai.OpenAI) -> None:
    assert {"talker:7b", "vectors:latest"} <= {model.id for model in gpt.models.list()}
    assert gpt.models.retrieve("talker:7b").owned_by == "library"


def test_completion_whole_and_streamed(gpt: openai.OpenAI) -> None:
    whole = gpt.chat.completions.create(model="talker:7b", messages=[{"role": "user", "content": "Hi"}], seed=3)
    assert whole.choices[0].finish_reason == "stop"
    assert whole.usage is not None
    stream = gpt.chat.completions.create(
        model="talker:7b",
        messages=[{"role": "user", "content": "Hi"}],
        seed=3,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage == whole.usage
    legacy = gpt.completions.create(model="talker:7b", prompt="Once", max_tokens=4)
    assert legacy.choices[0].finish_reason == "length"


def test_tool_calls_and_schemas(gpt: openai.OpenAI) -> None:
    reply = gpt.chat.completions.create(
        model="talker:7b",
        messages=[{"role": "user", "content": "The weather in Rome?"}],
        tools=[WEATHER],  # type: ignore[list-item]
    )
    calls = reply.choices[0].message.tool_calls or []
    assert len(calls) == 1
    (call,) = calls
    assert call.type == "function"
    assert call.function.name == "get_weather"
    assert "city" in json.loads(call.function.arguments)
    assert reply.choices[0].finish_reason == "tool_calls"
    parsed = gpt.chat.completions.parse(
        model="talker:7b", messages=[{"role": "user", "content": "An animal"}], response_format=Animal
    )
    assert isinstance(parsed.choices[0].message.parsed, Animal)


def test_embeddings_as_base64(gpt: openai.OpenAI) -> None:
    reply = gpt.embeddings.create(model="vectors", input=["a red cat", "a dog"])
    assert [len(item.embedding) for item in reply.data] == [768, 768]
    assert reply.usage.prompt_tokens > 0


def test_responses(gpt: openai.OpenAI) -> None:
    whole = gpt.responses.create(model="talker:7b", input="Hi")
    assert whole.status == "completed"
    assert whole.output_text
    kinds = [event.type for event in gpt.responses.create(model="talker:7b", input="Hi", stream=True)]
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert kinds.count("response.output_text.delta") > 5


def test_failures_become_the_packages_own(gpt: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="nosuch"):
        gpt.chat.completions.create(model="nosuch", messages=[{"role": "user", "content": "x"}])
    with pytest.raises(openai.BadRequestError):
        gpt.embeddings.create(model="vectors", input=[1, 2, 3])


async def test_asynchronous_completion(served: Served) -> None:
    async with openai.AsyncOpenAI(
        base_url=f"{served.url}/v1", api_key="none", http_client=openai.DefaultAsyncHttpxClient(trust_env=False)
    ) as client:
        stream = await client.chat.completions.create(
            model="talker:7b", messages=[{"role": "user", "content": "Hi"}], stream=True
        )
        assert [chunk async for chunk in stream][-1].choices[0].finish_reason == "stop"
