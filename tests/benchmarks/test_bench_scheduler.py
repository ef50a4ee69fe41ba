"""How fast the full scheduler runs in virtual time, and how long the recorded scenarios take.

Wanted: 50,000 requests a second of warm traffic on one core (20 microseconds each), all recordings in under 10 s.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.host.machine import GpuHardware, HostHardware, LinearFootprint, LinearFootprints
from toolkit.host.scheduler import GpuSpec, ModelSpec
from toolkit.host.trace.play import play
from toolkit.host.trace.scenario import read_lines
from toolkit.host.virtual import Ask, Constant, VirtualHost

if TYPE_CHECKING:
    from collections.abc import Callable

    Benchmark = Callable[..., Any]

GIB = 1 << 30
MS_NS = 1_000_000
REQUESTS = 20_000
FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "sched"
MODELS = tuple(
    ModelSpec(name, name * 64, 2_000_000_000, "llama", 28, 3072, 24, 8, 131072) for name in ("a", "b", "c", "d")
)
GPU = GpuHardware(GpuSpec("GPU-0", "CUDA", 24 * GIB), 24 * GIB, 620 * MS_NS)


def traffic(cold_share: float) -> int:
    """One request every 10 ms, each for 10 ms; `cold_share` of them want a fourth model where three may be loaded."""
    rng = random.Random(1)
    host = VirtualHost(
        HostHardware((GPU,), 64 * GIB, 48 * GIB),
        MODELS,
        {"OLLAMA_MAX_LOADED_MODELS": "3", "OLLAMA_NUM_PARALLEL": "4"},
        timing=Constant(2000 * MS_NS + 1, 150 * MS_NS + 1, 10 * MS_NS + 1),
        footprints=LinearFootprints({model.digest: LinearFootprint(2 * GIB) for model in MODELS}),
    )
    wanted = ["d" if rng.random() < cold_share else rng.choice("abc") for _ in range(REQUESTS)]
    answered: list[int] = []

    def arrive() -> None:
        number = len(sent)
        sent.append(number)
        if number + 1 < REQUESTS:
            host.at(host.now_ns + 10 * MS_NS, arrive)
        host.submit(
            Ask(str(number), wanted[number], keep_alive="30m"), on_done=lambda record: answered.append(record.status)
        )

    sent: list[int] = []
    host.at(0, arrive)
    host.run()
    return len(answered)


def test_warm_traffic(benchmark: Benchmark) -> None:
    assert benchmark(traffic, 0.0) == REQUESTS


def test_traffic_with_swaps(benchmark: Benchmark) -> None:
    assert benchmark(traffic, 0.002) == REQUESTS


def test_recorded_rules(benchmark: Benchmark) -> None:
    scenarios = [line.scenario for line in read_lines(FIXTURES / "rules.jsonl")]
    assert len(benchmark(lambda: [play(scenario) for scenario in scenarios])) == len(scenarios)
