"""A gateway as its users start it, in front of a twin, over loopback: two processes."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ollama
import openai
import pytest

from tests.ollama.fake_host import FakeHost, Seen, Wire
from toolkit.config.models import Config
from toolkit.gateway.from_config import Gateway, gateway_from_config
from toolkit.gateway.serve import base_url, listen, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from pathlib import Path

    from tests.ollama.fake_host import Script
    from toolkit.gateway.course import Course

READY_S = 30.0
HOTSWAP = (sys.executable, "-c", "from toolkit.cli.main import main; main()")
MODELS = """\
llm:
  base_url: http://127.0.0.1:11434
  models: {primary: "talker:7b", code: "coder:16b", fast: "quick:1b"}
host:
  settings: {OLLAMA_NUM_PARALLEL: 4}
twin:
  env: {OLLAMA_NUM_PARALLEL: 4}
  # The server waits by the clock for the memory of other GPUs, 0.8 s a swap.
  gpus: [{name: RTX 4090, memory: 24GiB, library: CUDA, compute: 8.9, integrated: true, recovery: 1ms,
          bandwidth: 1008GB/s, bus: 12GB/s}]
  models:
    - {name: "talker:7b", size: 4.7GB, architecture: qwen2, blocks: 28, embedding_length: 3584, head_count: 28,
       head_count_kv: 4, context_length: 32768, details: {parameters: 7.6B, quantization: Q4_K_M}}
    - {name: "coder:16b", size: 8.9GB, architecture: deepseek2, blocks: 27, embedding_length: 2048, head_count: 16,
       head_count_kv: 16, context_length: 163840}
    - {name: "quick:1b", size: 1GB, architecture: qwen2, blocks: 28, embedding_length: 1536, head_count: 12,
       head_count_kv: 2, context_length: 32768}
    - {name: "vectors", size: 0.3GB, architecture: bert, blocks: 12, embedding_length: 768, head_count: 12,
       head_count_kv: 12, context_length: 2048, embedding: true}
"""


@dataclass(frozen=True)
class Served:
    """A gateway and the host behind it."""

    url: str
    host_url: str
    trace: Path


@contextmanager
def running(ready: Path, *arguments: str) -> Iterator[str]:
    """A command that serves until it is told to stop; gives its base URL."""
    process = subprocess.Popen([*HOTSWAP, *arguments, "--port", "0", "--ready-file", str(ready), "--quiet"])
    try:
        until = time.monotonic() + READY_S
        while not ready.exists():
            assert process.poll() is None, f"{arguments[0]} has ended"
            assert time.monotonic() < until, f"{arguments[0]} did not get ready"
            time.sleep(0.02)
        yield ready.read_text(encoding="utf-8").splitlines()[0]
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=READY_S) == 0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway in front of a twin with four models, a thousand times as fast as a host would be."""
    folder = tmp_path_factory.mktemp("gateway")
    config = folder / "config.yaml"
    trace = folder / "trace.jsonl"
    config.write_text(
        f"{MODELS}gateway:\n  trace: {{file: {trace}}}\n  sessions: {{file: {folder}/s.db}}\n", encoding="utf-8"
    )
    twin = ("twin", "serve", "--config", str(config), "--time-scale", "0.001")
    with (
        running(folder / "twin", *twin) as host_url,
        running(folder / "ready", "serve", "--config", str(config), "--host", host_url) as url,
    ):
        yield Served(url, host_url, trace)


@pytest.fixture
def client(served: Served) -> Iterator[ollama.Client]:
    """The official client of Ollama, pointed at the gateway and otherwise as it is."""
    with ollama.Client(host=served.url, trust_env=False) as made:
        yield made


@pytest.fixture
def gpt(served: Served) -> Iterator[openai.OpenAI]:
    """The official client of OpenAI, pointed at the gateway and otherwise as it is."""
    transport = openai.DefaultHttpxClient(trust_env=False)
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0, http_client=transport) as made:
        yield made


@asynccontextmanager
async def in_process(gateway: Gateway) -> AsyncIterator[str]:
    """The gateway in the test's own loop, on a real socket; gives its base URL."""
    listening = listen("127.0.0.1", 0)
    ready = asyncio.Event()
    serving = asyncio.create_task(serve(gateway, listening, ready.set))
    try:
        await asyncio.wait({serving, asyncio.ensure_future(ready.wait())}, return_when=asyncio.FIRST_COMPLETED)
        yield base_url("127.0.0.1", listening)
    finally:
        stop(serving)
        await serving
        listening.close()


def stop(serving: asyncio.Task[None]) -> None:
    """As Ctrl-C would."""
    if not serving.done():
        signal.raise_signal(signal.SIGTERM)


def gateway_to(
    *urls: str,
    environment: dict[str, str] | None = None,
    write_trace: Callable[[Course], None] | None = None,
    **section: Any,
) -> Gateway:
    """A gateway to these hosts; the rest is its section of the config."""
    hosts = [{"name": f"host-{number}", "url": url} for number, url in enumerate(urls)]
    models = {"primary": "big:7b", "fast": "small:1b"}
    config = Config.model_validate(
        {"llm": {"models": models}, "gateway": {"hosts": hosts, "trace": {"file": None}, **section}}
    )
    return gateway_from_config(config, environment or {}, write_trace=write_trace)


def scripted_host(chat: Script, models: Sequence[str] = ("big:7b", "small:1b"), loaded: Sequence[str] = ()) -> FakeHost:
    """A host with these models that answers each chat, generate and embed by the script."""
    digest = "0" * 64

    async def script(seen: Seen, wire: Wire) -> None:
        if seen.path == "/api/tags":
            rows = [
                {"name": name, "model": name, "modified_at": "2026-11-22T20:48:51Z", "size": 10, "digest": digest}
                for name in models
            ]
            await wire.record({"models": [{**row, "details": {}} for row in rows]})
        elif seen.path == "/api/ps":
            rows = [
                {"name": name, "model": name, "size": 10, "size_vram": 10, "digest": digest, "context_length": 4096}
                for name in loaded
            ]
            await wire.record({"models": [{**row, "details": {}} for row in rows]})
        else:
            await chat(seen, wire)

    return FakeHost(script)
