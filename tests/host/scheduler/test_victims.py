"""Who goes first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.host.scheduler import GpuSpec
from toolkit.host.scheduler.victims import choose_victim

if TYPE_CHECKING:
    from collections.abc import Callable

GIB = 1 << 30
CUDA = GpuSpec("GPU-0", "CUDA", 24 * GIB)


def test_victims_go_by_unsigned_duration_then_digest_and_busy_ones_last(desk: Callable[..., Any]) -> None:
    bench = desk({"OLLAMA_MAX_LOADED_MODELS": "9"}, gpus=0)
    for id_, model, keep_alive_ns in (("r1", "c", 5), ("r2", "b", -(1 << 63)), ("r3", "a", 5), ("r4", "d", 1)):
        bench.load(id_, model, keep_alive_ns)
    runners = [entry.runner for entry in bench.scheduler.runners()]
    for runner in runners:
        runner.ref_count = 0
    order = []
    while runners:
        victim = choose_victim(runners)
        assert victim is not None
        order.append(victim.model.name)
        runners.remove(victim)
    assert order == ["d", "a", "c", "b"]
    assert choose_victim([]) is None
