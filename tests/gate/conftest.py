"""Runs and benchmark files that the tests of the gate share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from toolkit.replay.records import Provenance, RequestRecord, Run

if TYPE_CHECKING:
    from collections.abc import Callable

PROVENANCE = Provenance(
    "0.1.0", "twin", "0.32.15", "v0.32", (("m", "a" * 64),), (), (), "24 GiB", "day", "0", 1, 1, None, ()
)
RECORD = RequestRecord(
    id="0", session=None, intended_ns=0, sent_ns=0, ready_ns=1, first_token_ns=1, done_ns=2,
    model_asked=None, model="m", label=None, reason="", rule=None, keep_alive_ns=None, unloaded_before=(),
    preloaded_after=(), temperature="hit", queue_ns=0, evict_ns=0, load_ns=0, slot_ns=0, prefill_ns=1,
    decode_ns=1, server_load_ns=1, prompt_tokens=10, output_tokens=5, evicted=(), outcome="ok", error=None,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Made:
    """Makes runs of warm requests whose TTFT spreads by 6 % around 100 ms."""

    count: int = 60

    def run(self, seed: int, factor: float = 1.0, **told: object) -> Run:
        rng = np.random.default_rng(seed)
        ttfts = np.rint(1e8 * factor * np.exp(rng.normal(0, 0.06, self.count))).astype(int)
        records = tuple(
            replace(
                RECORD,
                id=str(number),
                intended_ns=number * 10**9,
                sent_ns=number * 10**9,
                first_token_ns=number * 10**9 + int(ttft),
                done_ns=number * 10**9 + int(ttft) + 4 * 10**7,
            )
            for number, ttft in enumerate(ttfts)
        )
        provenance = replace(PROVENANCE, **{"seed": seed, "plan_sha256": str(seed), **told})  # type: ignore[arg-type]  # checked by the class
        return Run("ram", 0, records, (), self.count * 10**9, complete=True, provenance=provenance)


@pytest.fixture
def made() -> Made:
    return Made()


@pytest.fixture
def go_text() -> Callable[[int, float], str]:
    """Sixty lines of one Go benchmark: 6 % around 100 ns/op."""

    def text(seed: int, factor: float) -> str:
        values = 100 * factor * np.exp(np.random.default_rng(seed).normal(0, 0.06, 60))
        lines = "".join(f"BenchmarkLoad/model=m-8 \t 10 \t {value:.4f} ns/op\n" for value in values)
        return f"goos: linux\ncpu: EPYC\n{lines}PASS\n"

    return text
