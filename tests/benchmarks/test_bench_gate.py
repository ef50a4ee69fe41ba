"""The cost of a gate: 100,000 samples a side, beside sorting them, which is the least that any rank test must do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from toolkit.stats.decide import Question, Rule, decide

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

SAMPLES = 100_000
RNG = np.random.default_rng(1)
BASE, NEW = (tuple(RNG.lognormal(0, 0.5, SAMPLES).tolist()) for _ in range(2))


def test_a_gate_of_a_hundred_thousand_samples_a_side(benchmark: BenchmarkFixture) -> None:
    question = Question("ttft", "size", "lower", (BASE,), (NEW,))
    (finding,) = benchmark.pedantic(decide, ([question], Rule()), rounds=3)
    assert finding.verdict == "same"


def test_sorting_the_same_for_comparison(benchmark: BenchmarkFixture) -> None:
    assert len(benchmark(sorted, BASE + NEW)) == 2 * SAMPLES
