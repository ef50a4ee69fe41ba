"""The summary of a comparison: what the table, the page and `results.json` are made from.

Pure values, no arithmetic here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.replay.records import Provenance, Run
    from toolkit.stats.decide import Verdict
    from toolkit.stats.interval import Interval


@dataclass(frozen=True, slots=True)
class Distribution:
    """A summary of `count` samples in seconds.

    Percentiles are None below the number of samples that can carry them.
    """

    count: int
    mean_s: float
    p50_s: float
    p95_s: float | None
    max_s: float


@dataclass(frozen=True, slots=True)
class ModelShare:
    """What one model got, over all repetitions.

    `hits` of the `requests` routed to it found it in memory and ready, and were answered. `loads` are all loads of it,
    preloads included; `resident_s` is how long it was ready in memory.
    """

    model: str
    requests: int
    hits: int
    loads: int
    resident_s: float


@dataclass(frozen=True, slots=True)
class TimeSplit:
    """Where the seconds of a group of answered requests went, summed; the parts a host cannot tell are None."""

    queue_s: float | None
    evict_s: float | None
    load_s: float | None
    slot_s: float | None
    prefill_s: float | None
    decode_s: float | None


@dataclass(frozen=True, slots=True)
class SloResult:
    """One SLO judged.

    `kept_share` of the requests were within the limit (an unanswered one misses it).
    """

    metric: str
    limit_s: float
    promised_share: float
    kept_share: float
    kept: bool


@dataclass(frozen=True, slots=True)
class StrategySummary:
    """One strategy over all its repetitions.

    Each request ends in one way: requests = answered + rejected + failed + cancelled + unanswered. Each answered one
    found its model in one way: answered = hits + joined + those that had it loaded. `hits` found it in memory and
    ready; `joined` had no load of their own, but waited for somebody else's. `swaps` are the loads that requests
    caused, reloads included, whether or not the request was answered, as far as the host tells; preloads are none. So
    `swaps` ≥ answered - hits - joined, and what is more are loads for nothing.

    `wait` is intended arrival → model in hand, over all answered requests; `wait_means_s` is its mean in seconds in
    each repetition, in the order of repetitions, None where no request was answered. TTFT is from the intended arrival;
    `ttft_warm` is that of hits.
    """

    strategy: str
    runs: int
    requests: int
    answered: int
    rejected: int
    failed: int
    cancelled: int
    unanswered: int
    hits: int
    joined: int
    hit_rate: float
    swaps: int
    reloads: int
    evictions: int
    wait: Distribution | None
    wait_means_s: tuple[float | None, ...]
    wait_cold: Distribution | None
    ttft_cold: Distribution | None
    ttft_warm: Distribution | None
    e2e: Distribution | None
    split_cold: TimeSplit
    split_all: TimeSplit
    models: tuple[ModelShare, ...]
    slos: tuple[SloResult, ...]


@dataclass(frozen=True, slots=True)
class Optimum:
    """The ceiling: the hits of an offline optimum that knows the future.

    It takes requests one at a time in order of arrival, under the same memory rule. Hits are strict there, too: a
    request that has its model loaded or waits for a load is none. A host that serves resident models past a waiting
    load changes the order and can, rarely, have more.

    `method` is `exact` (some sequence of loads reaches it) or `bound` (no strategy can have more; `reached` is what a
    sequence is known to have). `of` is how the ceiling was made, for the reader. `loading` is the other optimum.
    """

    requests: int
    hits: int
    hit_rate: float
    method: str
    of: str
    reached: int | None = None
    loading: LeastLoading | None = None


@dataclass(frozen=True, slots=True)
class LeastLoading:
    """The least seconds of loading that the same requests need, by what each model's load takes on the quiet host.

    `method` is `exact`, or `bound`: none can do with less, and `reached_s` are known to be enough. `load_s` has one
    load of each model. The most hits and the least loading are two optima; no one sequence of loads need have both.
    """

    seconds: float
    method: str
    reached_s: float
    load_s: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class CoResidence:
    """A largest set of models that the server's own rule lets live together, for the page's first explanation."""

    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Contrast:
    """One figure of one strategy over its repetitions, and what it is against that of the strategy `against`.

    `unit` is `s` or `share`. `median` and its 95 % `interval` are over repetitions (None: too few). `change` is the
    median of the differences within repetitions, `p` their sign test's, corrected for all contrasts of the comparison.
    `verdict` is None for the strategy that others are held against.
    """

    strategy: str
    against: str
    figure: str
    unit: str
    repetitions: int
    median: float | None
    interval: Interval | None
    change: Interval | None
    p: float | None
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class ModelMemory:
    """What one model takes of the GPUs if everything goes there, and what the server counts for it.

    `left_layers` stay on the host because the GPUs do not hold them, even alone. `estimated` says what of it is a
    guess; empty if nothing is.
    """

    model: str
    num_ctx: int
    taken_bytes: int
    predicted_bytes: int
    left_layers: int
    estimated: str = ""


@dataclass(frozen=True, slots=True)
class FittingSet:
    """A largest set of models, by memory or by the server's rule, and what becomes of it in words."""

    models: tuple[str, ...]
    verdict: str


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of all GPUs, what each model takes of it, and which sets it or the server would hold."""

    gpu_bytes: int
    models: tuple[ModelMemory, ...]
    sets: tuple[FittingSet, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything the renderers need.

    `runs` holds the first repetition of each strategy, for the timeline; strategies stand in the order asked for.
    """

    title: str
    description: str
    verdict: str
    strategies: tuple[StrategySummary, ...]
    optimum: Optimum | None
    co_residence: tuple[CoResidence, ...]
    context_tokens: tuple[tuple[str, int], ...]
    runs: tuple[Run, ...]
    provenance: Provenance
    notes: tuple[str, ...]
    contrasts: tuple[Contrast, ...] = ()
    memory: Memory | None = None
    """None: not known, or a host without GPUs."""
