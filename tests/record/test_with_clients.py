"""The official clients, unmodified, through the relay to a twin; and what is recorded of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import ollama
import openai
import pytest

from toolkit.config.durations import NS_PER_S
from toolkit.host.app.serve import listening
from toolkit.host.assembly import TwinOptions, assemble
from toolkit.host.clock import RealClock
from toolkit.host.faults.doors import PortDoors
from toolkit.host.faults.faulty_host import assemble_faulty
from toolkit.host.faults.plan import FaultPlan, RequestWhen, Reset

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.record.conftest import Recording

    Record = Callable[..., AbstractAsyncContextManager[Recording]]

MODEL = "loop"
TURN: Any = [{"role": "user", "content": "hello"}]


@pytest.fixture
def options(project_dir: Path) -> TwinOptions:
    return TwinOptions(models_file=project_dir / "tests" / "fixtures" / "http_twin" / "models.json", time_scale=0.0)


async def test_ollama(recording: Record, options: TwinOptions) -> None:
    twin = assemble(options, RealClock())
    async with listening(twin.app, "127.0.0.1", 0) as url, recording(url) as recorded:
        client = ollama.AsyncClient(host=recorded.url)
        said = [
            part.message.content or ""
            async for part in await client.chat(
                MODEL, TURN, stream=True, keep_alive="10m", options={"num_predict": 5, "num_ctx": 4096}
            )
        ]
        assert len(said) > 1
        await client.chat(
            MODEL, [*TURN, {"role": "assistant", "content": "".join(said)}, *TURN], options={"num_predict": 3}
        )
        await client.generate(MODEL, keep_alive=0)
        assert [model.model for model in (await client.list()).models]
        await client.create("mine", from_=MODEL)
        with pytest.raises(ollama.ResponseError, match="not found"):
            await client.chat("nope", TURN)
        await client._client.aclose()
    first, second, unload, wrong = recorded.rows
    assert (first.model, first.output_tokens, first.keep_alive, first.estimated) == (MODEL, 5, "10m", None)
    assert first.options == {"num_predict": 5, "num_ctx": 4096}
    assert (second.session, second.output_tokens, second.stream) == (first.session, 3, False)
    assert second.shared_prefix_tokens == (first.prompt_tokens or 0) + 5
    assert (unload.kind, unload.prompt_tokens) == ("unload", None)
    assert (wrong.outcome, wrong.status, wrong.model) == ("error", 404, "nope")
    assert recorded.others == 2
    assert not any(text in repr(recorded.rows) for text in ("hello", "".join(said)))


async def test_openai(recording: Record, options: TwinOptions) -> None:
    twin = assemble(options, RealClock())
    async with listening(twin.app, "127.0.0.1", 0) as url, recording(url) as recorded:
        client = openai.AsyncOpenAI(base_url=f"{recorded.url}/v1", api_key="x")
        whole = await client.chat.completions.create(model=MODEL, messages=TURN, max_tokens=4)
        assert whole.usage is not None
        assert whole.usage.completion_tokens == 4
        stream = await client.chat.completions.create(
            model=MODEL, messages=TURN, max_tokens=4, stream=True, stream_options={"include_usage": True}
        )
        assert [part async for part in stream]
        await client.embeddings.create(model="embed", input="hello")
        await client.close()
    counted, streamed, embedded = recorded.rows
    assert (counted.endpoint, counted.output_tokens, counted.stream, counted.options) == (
        *("/v1/chat/completions", 4, False, None),
    )
    assert (streamed.prompt_tokens, streamed.output_tokens) == (counted.prompt_tokens, 4)
    assert streamed.ttft_ns is not None
    assert (embedded.kind, embedded.endpoint) == ("embed", "/v1/embeddings")


async def test_a_reset_in_mid_stream_reaches_the_client(recording: Record, options: TwinOptions) -> None:
    plan = FaultPlan((Reset(after_pieces=2, when=RequestWhen(path="/api/chat")),), seed=1)
    doors = PortDoors(plan)
    faulty = assemble_faulty(options, RealClock(), plan, doors)
    async with listening(faulty.app, "127.0.0.1", 0, doors) as url, recording(url) as recorded:
        client = ollama.AsyncClient(host=recorded.url)
        with pytest.raises(Exception, match=r"(?i)peer closed|read ?error|reset|^$"):
            async for _ in await client.chat(MODEL, TURN, stream=True, options={"num_predict": 9}):
                pass
        await client._client.aclose()
    assert [row.outcome for row in recorded.rows] == ["lost"]


async def test_a_client_that_leaves_frees_the_model(recording: Record, options: TwinOptions) -> None:
    twin = assemble(options, RealClock())
    async with listening(twin.app, "127.0.0.1", 0) as url, recording(url) as recorded:
        client = ollama.AsyncClient(host=recorded.url)
        stream = await client.chat(MODEL, TURN, stream=True, options={"num_predict": 10_000_000})
        async for _ in stream:
            break
        await client._client.aclose()
        for _ in range(1000):
            if recorded.rows and not any(each["ref_count"] for each in twin.host.state()["loaded"]):
                break
            await asyncio.sleep(0.005)
    (row,) = recorded.rows
    assert row.outcome == "left"
    assert (row.e2e_ns or 0) < 60 * NS_PER_S
    assert not any(each["ref_count"] for each in twin.host.state()["loaded"])
