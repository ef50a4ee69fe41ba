"""The question of settings: what should this host be told to do?

Candidates race: all are played at a load that is hard for what is in force, the better half goes on with more
repetitions, and with twice the load if the best of them keeps its promises. All meet the same arrivals, so differences
are the settings' own. First the server's settings race under the strategy in force, then the strategies under the best
two of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from toolkit.plan.memory import Wanted
from toolkit.plan.tally import slack, ttft_quantile_s

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.config.twin_parts import GpuSection
    from toolkit.plan.case import Case
    from toolkit.plan.memory import Memory
    from toolkit.plan.sweep import Sweep
    from toolkit.plan.tally import Tally

CONTEXTS: Final = (4096, 8192, 16384, 32768)
SPARE: Final = 1.25
"""A context must hold this many times the longest request that was seen: the server cuts off the rest in silence."""
PARALLEL: Final = (1, 2, 4)
KV_TYPES: Final = ("f16", "q8_0")
STRATEGIES: Final = ("server-default", "ram", "lru-unload", "lru", "steer(policy=next-use)", "lru+shadow")
NUM_PARALLEL: Final = "OLLAMA_NUM_PARALLEL"
KV_CACHE_TYPE: Final = "OLLAMA_KV_CACHE_TYPE"
MAX_LOADED: Final = "OLLAMA_MAX_LOADED_MODELS"
_MOST_ROUNDS: Final = 4
_FINALISTS: Final = 2
_MOST_REQUESTS: Final = 2_500
"""The load of a race grows no further than this many requests in a plan."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A candidate and how it did in the last round that it was in."""

    case: Case
    load: float
    tallies: tuple[Tally, ...]
    slack: float


@dataclass(frozen=True, slots=True)
class SettingsAnswer:
    """The best case that was found, and how the finalists did, best first. `needed_tokens`: the longest request.

    `left_out` candidates were not played: by `toolkit.fit` a model would spill that fits otherwise.
    """

    best: Case
    finalists: tuple[Entry, ...]
    tried: int
    left_out: int
    needed_tokens: int
    together: tuple[tuple[str, ...], ...]


def best_settings(
    sweep: Sweep, base: Case, memory: Memory, *, gpus: tuple[GpuSection, ...], load: float, needed_tokens: int
) -> SettingsAnswer:
    """Race at `load` and above; `base` is what is in force, and always among the candidates."""
    cases, left_out = candidates(base, memory, gpus, needed_tokens)
    first = _race(sweep, cases, load, "settings")
    under = {
        replace(entry.case, strategy=strategy)
        for entry in first[:_FINALISTS]
        for strategy in dict.fromkeys((base.strategy, *STRATEGIES))
    }
    ordered = sorted(under, key=lambda case: (case.strategy, repr(case)))
    finalists = _race(sweep, ordered, first[0].load, "strategies")
    best = finalists[0].case
    together = memory.together(gpus, wanted_of(best)) if gpus else ()
    return SettingsAnswer(best, finalists, len(cases) + len(ordered), left_out, needed_tokens, together)


def candidates(
    base: Case, memory: Memory, gpus: tuple[GpuSection, ...], needed_tokens: int
) -> tuple[tuple[Case, ...], int]:
    """Contexts that hold the longest request, cache types and slots; without those that spill for no reason."""
    contexts = (base.num_ctx, *(tokens for tokens in CONTEXTS if tokens >= needed_tokens * SPARE))
    cases = [
        with_settings(base, context, kv_type, parallel)
        for context in dict.fromkeys(contexts)
        for kv_type in KV_TYPES
        for parallel in PARALLEL
    ]
    if not gpus:
        return (base, *(case for case in cases if case != base)), 0
    least = min(len(memory.spilling(gpus, wanted_of(case))) for case in cases)
    holding = [case for case in cases if len(memory.spilling(gpus, wanted_of(case))) == least]
    return (base, *(case for case in holding if case != base)), len(cases) - len(holding)


def with_settings(base: Case, num_ctx: int | None, kv_type: str, parallel: int) -> Case:
    """The case with these settings; what is the server's default is not set."""
    variables = {**dict(base.environment), NUM_PARALLEL: str(parallel), KV_CACHE_TYPE: kv_type}
    defaults = {NUM_PARALLEL: "1", KV_CACHE_TYPE: "f16"}
    kept = {name: value for name, value in variables.items() if defaults.get(name) != value}
    return replace(base, num_ctx=num_ctx, environment=tuple(sorted(kept.items())))


def wanted_of(case: Case) -> Wanted:
    """The settings of a case as `toolkit.fit` takes them."""
    variables = dict(case.environment)
    return Wanted(case.num_ctx, variables.get(KV_CACHE_TYPE, "f16"), int(variables.get(NUM_PARALLEL, "1")))


def _race(sweep: Sweep, cases: Sequence[Case], load: float, name: str) -> tuple[Entry, ...]:
    """The finalists, best first."""
    workload, running = sweep.study.workload, list(cases)
    highest = load * max(1.0, _MOST_REQUESTS / max(len(workload.plan(load, 0).requests), 1))
    entries: list[Entry] = []
    for number in range(1, _MOST_ROUNDS + 1):
        measured = sweep.measure([(case, load) for case in running], range(number), f"a race of {name}")
        entries = [
            Entry(case, load, tallies, slack(tallies, sweep.study.slos))
            for case, tallies in zip(running, measured, strict=True)
        ]
        entries.sort(key=_merit)
        if len(entries) <= _FINALISTS:
            break
        running = [entry.case for entry in entries[: max(_FINALISTS, math.ceil(len(entries) / 2))]]
        if entries[0].slack >= 0:
            load = workload.snapped(min(load * 2, highest))
    return tuple(entries)


def _merit(entry: Entry) -> tuple[float, float, int]:
    """More slack first; among equals the shorter wait, then the plainer setting."""
    tail_s = ttft_quantile_s(entry.tallies, 0.95)
    return -entry.slack, math.inf if tail_s is None else tail_s, len(entry.case.environment)
