"""Comparisons made up for the report's tests, by a host of a few lines that loads one model at a time.

It is no twin: it only has to give records, spans and sums that agree with each other, small and large, so that the
renderers can be read by eye and checked by count.
"""

from __future__ import annotations

import hashlib
import os
import random
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from toolkit.replay.records import Provenance, RequestRecord, ResidencySpan, Run, Temperature
from toolkit.replay.results import Comparison, CoResidence, FittingSet, Memory, ModelMemory, Optimum
from toolkit.replay.summary import summarise
from toolkit.report.verdict import verdict
from toolkit.workload.plan import Slo

if TYPE_CHECKING:
    from collections.abc import Sequence

S = 1_000_000_000
FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "report"
SIZES = {"qwen2.5:32b": 22, "deepseek-coder-v2:16b": 11, "qwen2.5:7b": 6}
STRATEGIES = ("server-default", "ram", "ssd", "none", "lru-unload")
KEEP_S = {"server-default": 300, "ram": 1800, "ssd": 120, "none": 0, "lru-unload": 1800}


def digest(text: str) -> str:
    """Return a made-up digest; also of text that no file could hold."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass
class Loaded:
    """A model in the made-up host's memory."""

    ready_ns: int
    load_start_ns: int
    used_ns: int
    free_ns: int
    """When its last answer ends."""


@dataclass
class Host:
    """Loads one model at a time, evicts by digest or by last use, forgets after keep_alive."""

    sizes: dict[str, int]
    room: int
    strategy: str
    loaded: dict[str, Loaded] = field(default_factory=dict)
    spans: list[ResidencySpan] = field(default_factory=list)
    loader_free_ns: int = 0

    def leave(self, model: str, start_ns: int, cause: str) -> int:
        """Unload a model; return when it is gone."""
        state = self.loaded.pop(model)
        gone = start_ns + self.sizes[model] * S // 20
        size = self.sizes[model] * 10**9
        self.spans.append(ResidencySpan(model, state.load_start_ns, state.ready_ns, start_ns, gone, size, size, cause))
        return gone

    def expire(self, now_ns: int) -> None:
        """Unload what nobody used for its keep_alive."""
        keep = KEEP_S.get(self.strategy, 300) * S
        for model in sorted(self.loaded):
            if self.loaded[model].free_ns + keep < now_ns:
                self.leave(model, self.loaded[model].free_ns + keep, "expired")

    def victim(self) -> str:
        """Choose who leaves."""
        if self.strategy == "lru-unload":
            return min(self.loaded, key=lambda model: self.loaded[model].used_ns)
        return min(self.loaded, key=digest)

    def request(self, number: int, at_ns: int, model: str, work_ns: tuple[int, int]) -> RequestRecord:
        """Answer one request."""
        self.expire(at_ns)
        queue = evict = load = 0
        temperature: Temperature = "hit"
        evicted: list[str] = []
        if model in self.loaded:
            ready = max(at_ns, self.loaded[model].ready_ns)
            queue = ready - at_ns
            if queue:
                temperature = "joined"
        else:
            start = max(at_ns, self.loader_free_ns)
            queue, temperature = start - at_ns, "cold"
            room_ns = start
            while self.loaded and sum(self.sizes[one] for one in self.loaded) + self.sizes[model] > self.room:
                name = self.victim()
                evicted.append(name)
                room_ns = self.leave(name, max(room_ns, self.loaded[name].free_ns), "evicted") + S // 2
            evict, load = room_ns - start, self.sizes[model] * S
            ready = room_ns + load
            self.loaded[model] = Loaded(ready, room_ns, at_ns, ready)
            self.loader_free_ns = ready
        state = self.loaded[model]
        prefill, decode = work_ns
        slot = max(0, state.free_ns - ready)
        first = ready + slot + prefill
        state.used_ns, state.free_ns = at_ns, first + decode
        return RequestRecord(
            id=f"r{number}", session=None, intended_ns=at_ns, sent_ns=at_ns, ready_ns=ready, first_token_ns=first,
            done_ns=first + decode, model_asked=None, model=model, label=None, reason="default", rule=None,
            keep_alive_ns=None, unloaded_before=(), preloaded_after=(), temperature=temperature, queue_ns=queue,
            evict_ns=evict, load_ns=load, slot_ns=slot, prefill_ns=prefill, decode_ns=decode,
            server_load_ns=queue + evict + load, prompt_tokens=200, output_tokens=100, evicted=tuple(evicted),
            outcome="ok", error=None,
        )  # fmt: skip


def provenance(**changes: object) -> Provenance:
    """Return a provenance of the twin with everything filled in."""
    source = Provenance(
        toolkit_version="0.1.0", host="twin", server_version="0.32.15", profile="v0.32",
        models=tuple((model, digest(model)) for model in SIZES),
        options=(("num_ctx", "8192"), ("temperature", "0.7")),
        environment=(("OLLAMA_MAX_LOADED_MODELS", "3"), ("OLLAMA_NUM_PARALLEL", "1")),
        hardware="1 GPU of 24 GiB, 64 GiB RAM, NVMe disk 3.5 GB/s", plan="scenarios/working-day.yaml",
        plan_sha256=hashlib.sha256(b"plan").hexdigest(), seed=42, repeat=1, started_at=None,
        notes=("The page cache was cold at the start of every run.",),
    )  # fmt: skip
    return replace(source, **changes)  # type: ignore[arg-type] # the tests change one field at a time


def play(host: Host, arrivals: Sequence[tuple[int, str]], seed: int, source: Provenance) -> Run:
    """Play arrivals on the made-up host."""
    rng = random.Random(seed)
    records = []
    for number, (at_ns, model) in enumerate(arrivals):
        work = (int(rng.uniform(0.05, 0.4) * S), int(rng.lognormvariate(1.2, 0.7) * S))
        records.append(host.request(number, at_ns, model, work))
    end = max((one.done_ns or 0 for one in records), default=0)
    host.expire(end)
    for model in sorted(host.loaded):
        state = host.loaded[model]
        size = host.sizes[model] * 10**9
        host.spans.append(ResidencySpan(model, state.load_start_ns, state.ready_ns, None, None, size, size, None))
    return Run(host.strategy, 0, tuple(records), tuple(host.spans), end, True, source)


class Build(Protocol):
    """How a test asks for a comparison."""

    def __call__(
        self,
        *,
        requests: int = 24,
        hours: float = 1.0,
        strategies: Sequence[str] = STRATEGIES,
        sizes: dict[str, int] | None = None,
        room: int = 26,
        seed: int = 1,
    ) -> Comparison: ...


def build(
    *,
    requests: int = 24,
    hours: float = 1.0,
    strategies: Sequence[str] = STRATEGIES,
    sizes: dict[str, int] | None = None,
    room: int = 26,
    seed: int = 1,
) -> Comparison:
    """Build a comparison of some strategies on random arrivals; its verdict is the real one."""
    sizes = SIZES if sizes is None else sizes
    rng = random.Random(seed)
    models = list(sizes)
    weights = [1 / (rank + 1) for rank in range(len(models))]
    times = sorted(int(rng.betavariate(2, 2) * hours * 3600 * S) for _ in range(requests))
    model = models[0]
    arrivals = []
    for at_ns in times:
        if rng.random() < 0.35:
            model = rng.choices(models, weights)[0]
        arrivals.append((at_ns, model))
    source = provenance(models=tuple((name, digest(name)) for name in sizes))
    runs = tuple(play(Host(sizes, room, strategy), arrivals, seed, source) for strategy in strategies)
    slos = (Slo("ttft", 10 * S, 0.9), Slo("e2e", 60 * S, 0.95))
    most = max((one.hits for one in (summarise([run], slos) for run in runs)), default=0)
    hits = min(requests, round(most * 1.15) + 1)
    made = Comparison(
        title="Working day",
        description="An assistant's day: short questions, some code, a few long texts.\n\nMade up for the tests.",
        verdict="",
        strategies=tuple(summarise([run], slos) for run in runs),
        optimum=Optimum(requests, hits, hits / requests, "bound", "every request taken alone, with the future known."),
        co_residence=tuple(CoResidence(pair) for pair in pairs(sizes, room)),
        context_tokens=tuple((name, 8192) for name in sizes),
        runs=runs,
        provenance=source,
        notes=("The models are assigned by rank.",),
        memory=memory_of(sizes, room),
    )
    return replace(made, verdict=verdict(made))


def memory_of(sizes: dict[str, int], room: int) -> Memory:
    """What the models of these sizes, in GB, take of GPUs that have so many."""
    models = tuple(ModelMemory(name, 8192, size * 10**9, size * 9 * 10**8, 0) for name, size in sizes.items())
    sets = tuple(FittingSet(pair, "stay together") for pair in pairs(sizes, room) if len(pair) > 1)
    return Memory(room * 10**9, models, sets)


def pairs(sizes: dict[str, int], room: int) -> list[tuple[str, ...]]:
    """Return the pairs that fit, and alone what fits with nobody."""
    names = list(sizes)
    fitting = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :] if sizes[a] + sizes[b] <= room]
    paired = {name for pair in fitting for name in pair}
    return [*fitting, *((name,) for name in names if name not in paired)]


@pytest.fixture(scope="session")
def make() -> Build:
    """Give tests the builder."""
    return build


@pytest.fixture(scope="session")
def small() -> Comparison:
    """Twenty-four requests in an hour under five strategies."""
    return build()


@pytest.fixture(scope="session")
def large() -> Comparison:
    """As many requests as a real trace of three weeks has, under six strategies and a dozen models."""
    sizes = {f"model-{number:02}:{number + 3}b": 4 + number % 5 for number in range(12)}
    strategies = (*STRATEGIES, "lru-steered")
    return build(requests=16_093, hours=21 * 24, strategies=strategies, sizes=sizes, room=24)


@pytest.fixture(scope="session")
def hostile() -> Comparison:
    """A comparison whose every free text tries to break out of its place."""
    bad = "</style><script>alert(1)</script>\"'&|`*[x](http://evil.example)\u202e\x1b[31m$\\frac{\ud800\n# "
    sizes = {f"a{bad}": 22, f"b{bad}": 11, "模型-ü:7b": 6}
    made = build(sizes=sizes, strategies=(f"ram{bad}", "none"))
    return replace(
        made,
        title=bad,
        description=f"{bad}\n\n{bad}",
        notes=(bad,),
        optimum=Optimum(24, 20, 20 / 24, "exact", bad),
        provenance=provenance(
            host=bad, server_version=bad, profile=bad, hardware=bad, plan=bad, plan_sha256=bad, started_at=bad,
            notes=(bad,), options=((bad, bad),), environment=((bad, bad),), models=((bad, bad),), toolkit_version=bad,
        ),
    )  # fmt: skip


class Golden(Protocol):
    """How a test compares a text with the one kept in the repository."""

    def __call__(self, name: str, text: str) -> None: ...


@pytest.fixture(scope="session")
def golden() -> Golden:
    """Compare with a kept file; `HOTSWAP_UPDATE_GOLDEN=1 pytest tests/report` writes it anew; read the diff."""

    def check(name: str, text: str) -> None:
        path = FIXTURES / name
        if os.environ.get("HOTSWAP_UPDATE_GOLDEN"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return check
