"""The swap storm of `scenarios/swap-storm.yaml`, played in scaled time; what each answer said of its times is kept."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING

import aiohttp
import yaml

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Sequence

SCENARIO = Path(__file__).resolve().parents[3] / "scenarios" / "swap-storm.yaml"
MODELS = {"primary": "qwen2.5:32b", "code": "deepseek-coder-v2:16b", "fast": "qwen2.5:7b"}
NS_PER_S = 1_000_000_000
CONFIG = """\
llm:
  models: {primary: "qwen2.5:32b", code: "deepseek-coder-v2:16b", fast: "qwen2.5:7b"}
twin:
  env: {OLLAMA_MAX_LOADED_MODELS: 1}
  gpus: []
  ram_bandwidth: 1000GB/s
  disk: {read: 400GB/s, cached: 400GB/s}
  process: {start: 10ms, stop: 1ms, stop_per_gb: 1ms}
  models:
    - {name: "qwen2.5:32b", size: 20GB, architecture: qwen2, blocks: 64, embedding_length: 5120, head_count: 40,
       head_count_kv: 8, context_length: 32768, cpu_prefill_tok_per_s: 40000, cpu_decode_tok_per_s: 800}
    - {name: "deepseek-coder-v2:16b", size: 8.9GB, architecture: deepseek2, blocks: 27, embedding_length: 2048,
       head_count: 16, head_count_kv: 16, context_length: 163840, cpu_prefill_tok_per_s: 60000,
       cpu_decode_tok_per_s: 2000}
    - {name: "qwen2.5:7b", size: 4.7GB, architecture: qwen2, blocks: 28, embedding_length: 3584, head_count: 28,
       head_count_kv: 4, context_length: 32768, cpu_prefill_tok_per_s: 90000, cpu_decode_tok_per_s: 2400}
"""
"""A host like the embedded one, with room for one model, and about twenty times as fast.

It is not the twin's clock that is scaled: answers would then tell of times that nobody has measured, and the gateway
learns from what they tell.
"""


@dataclass(frozen=True, slots=True)
class Due:
    """One request of the storm, and when it is to be sent."""

    at_s: float
    model: str
    text: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Gone:
    """How it went: when it was sent, when its answer was complete, and what the host says of its times."""

    model: str
    sent_s: float
    done_s: float
    is_cold: bool
    load_s: float
    service_s: float

    @property
    def start_s(self) -> float:
        """When its model was in hand and the work on it began."""
        return self.done_s - self.service_s


def storm(count: int, beat_s: float, rng: random.Random | None = None) -> list[Due]:
    """The scenario's first requests at this beat; with `rng` at random moments (Poisson) of the same rate."""
    scenario = yaml.safe_load(SCENARIO.read_text(encoding="utf-8"))
    prompts = {prompt["id"]: prompt for prompt in scenario["prompts"]}
    due, at_s = [], 0.0
    for number in range(count):
        prompt = prompts[scenario["sequence"][number % len(scenario["sequence"])]]
        tokens = prompt.get("output_tokens", scenario["output_tokens"])
        due.append(Due(at_s, MODELS[prompt["label"]], prompt["text"], tokens))
        at_s += beat_s if rng is None else beat_s * rng.expovariate(1)
    return due


async def play(url: str, requests: Iterable[Due]) -> list[Gone]:
    """Send each when it is due, whatever the host does; in order of arrival. An answer that fails fails the test."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), trust_env=False) as http:
        begin_s = time.monotonic()
        return await asyncio.gather(*(_one(http, url, due, begin_s) for due in requests))


async def _one(http: aiohttp.ClientSession, url: str, due: Due, begin_s: float) -> Gone:
    await asyncio.sleep(begin_s + due.at_s - time.monotonic())
    body = {
        "model": due.model,
        "messages": [{"role": "user", "content": due.text}],
        "options": {"num_predict": due.tokens},
    }
    sent_s = time.monotonic()
    async with http.post(f"{url}/api/chat", json=body) as answer:
        document = await answer.read()
        done_s = time.monotonic()
        assert answer.status == 200, document
        last = json.loads(document.splitlines()[-1])
        is_cold = answer.headers.get("x-hotswap-cache") == "cold"
    service_s = (last["prompt_eval_duration"] + last["eval_duration"]) / NS_PER_S
    return Gone(due.model, sent_s, done_s, is_cold, last["load_duration"] / NS_PER_S, service_s)


async def loads_of(url: str) -> int:
    """How many loads the twin has begun."""
    async with aiohttp.ClientSession(trust_env=False) as http, http.get(f"{url}/twin/events") as answer:
        return sum(event["event"] == "load_start" for event in (await answer.json())["events"])


@dataclass(frozen=True, slots=True)
class Promise:
    """By how much each request started later than first come, first served would have let it, and how sure that is.

    First come, first served is worked out on the times that were measured: each answer's own service time, and for
    each change of model (no two of these fit together) the median load of that model. `error_s` is what the estimates
    can have been wrong by in all: how far each service time was from its model's mean, and each load from its median.
    `overhead_s` is what neither loads nor answers explain of the whole time, on the way and in busy event loops.
    """

    late_s: tuple[float, ...]
    error_s: float
    overhead_s: float


def promise_of(gone: Sequence[Gone]) -> Promise:
    """See `Promise`."""
    loads: defaultdict[str, list[float]] = defaultdict(list)
    services: defaultdict[str, list[float]] = defaultdict(list)
    for each in gone:
        services[each.model].append(each.service_s)
        if each.is_cold:
            loads[each.model].append(each.load_s)
    free_s, memory, late_s = 0.0, "", []
    for each in gone:
        start_s = max(free_s, each.sent_s) + (0.0 if each.model == memory else median(loads[each.model] or [0.0]))
        late_s.append(each.start_s - start_s)
        free_s, memory = start_s + each.service_s, each.model
    error_s = sum(abs(each.service_s - fmean(services[each.model])) for each in gone)
    error_s += sum(abs(load_s - median(known)) for known in loads.values() for load_s in known)
    spent_s = sum(each.service_s for each in gone) + sum(map(sum, loads.values()))
    whole_s = max(each.done_s for each in gone) - gone[0].sent_s
    return Promise(tuple(late_s), error_s, max(0.0, whole_s - spent_s))
