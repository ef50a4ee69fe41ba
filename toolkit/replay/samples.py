"""One run by its numbers: the samples of each quantity, and their summary with intervals. Pure, one pass.

Records may come one by one (from the store, a million of them): of each only a few numbers are kept. Definitions as in
`toolkit.replay.summary`: latencies count from the intended arrival; cold (the request had a model loaded) and warm (it
was in memory) never share a distribution. TPOT is the time from the first to the last token over the tokens after the
first (vLLM's `benchmark_serving` and GenAI-Perf define it so). Only answered requests of the measured phase are
samples; those of warm-up and drain are counted.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from toolkit.replay.summary import COLD, NS_PER_S, e2e_ns, ttft_ns, wait_ns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from toolkit.replay.records import RequestRecord
    from toolkit.stats.interval import Interval


class Quantity(NamedTuple):
    """Something that is measured once a request, in seconds. `value_ns` gives None where a record has no sample."""

    key: str
    title: str
    meaning: str
    value_ns: Callable[[RequestRecord], float | None]


def _cold_ttft_ns(record: RequestRecord) -> int | None:
    return ttft_ns(record) if record.temperature in COLD else None


def _warm_ttft_ns(record: RequestRecord) -> int | None:
    return ttft_ns(record) if record.temperature == "hit" else None


def _tpot_ns(record: RequestRecord) -> float | None:
    first_ns, done_ns, tokens = record.first_token_ns, record.done_ns, record.output_tokens
    if first_ns is None or done_ns is None or tokens is None or tokens <= 1:
        return None
    return (done_ns - first_ns) / (tokens - 1)


QUANTITIES = (
    Quantity("ttft_cold_s", "TTFT, cold", "arrival to first token, a model was loaded for the request", _cold_ttft_ns),
    Quantity("ttft_warm_s", "TTFT, warm", "arrival to first token, the model was in memory", _warm_ttft_ns),
    Quantity("wait_s", "Wait", "arrival until a loaded model was in hand", wait_ns),
    Quantity("e2e_s", "End to end", "arrival to last token", e2e_ns),
    Quantity("tpot_s", "TPOT", "time for each token after the first", _tpot_ns),
)


@dataclass(frozen=True, slots=True)
class RunSamples:
    """What one pass over a run keeps.

    `outcomes`, `phases`, `temperatures` and `models` count requests; `samples_s` has the samples of each quantity by
    its key, in seconds and in the order of the records.
    """

    outcomes: Counter[str]
    phases: Counter[str]
    temperatures: Counter[str]
    models: Counter[str]
    samples_s: dict[str, array[float]]

    @property
    def requests(self) -> int:
        """All requests, those of warm-up and drain included."""
        return sum(self.outcomes.values())


@dataclass(frozen=True, slots=True)
class Estimate:
    """A quantity of a run: `count` samples; the quantiles are None where the samples are too few to bound them."""

    key: str
    title: str
    count: int
    median: Interval | None
    p95: Interval | None
    p99: Interval | None
    least_s: float
    most_s: float


def collect(records: Iterable[RequestRecord]) -> RunSamples:
    """Take the numbers out of records, which may come one at a time."""
    outcomes: Counter[str] = Counter()
    phases: Counter[str] = Counter()
    temperatures: Counter[str] = Counter()
    models: Counter[str] = Counter()
    samples: dict[str, array[float]] = {quantity.key: array("d") for quantity in QUANTITIES}
    kept = [(quantity.value_ns, samples[quantity.key].append) for quantity in QUANTITIES]
    for record in records:
        outcomes[record.outcome] += 1
        phases[record.phase] += 1
        models[record.model] += 1
        if record.outcome != "ok":
            continue
        temperatures[record.temperature or "unknown"] += 1
        if record.phase != "measure":
            continue
        for value_ns, append in kept:
            value = value_ns(record)
            if value is not None:
                append(value / NS_PER_S)
    return RunSamples(outcomes, phases, temperatures, models, samples)


def estimates(samples: RunSamples, level: float = 0.95) -> tuple[Estimate, ...]:
    """Every quantity that has a sample, with intervals of the order statistics."""
    return tuple(
        _estimate(quantity, sorted(values), level)
        for quantity in QUANTITIES
        if (values := samples.samples_s[quantity.key])
    )


def _estimate(quantity: Quantity, ordered: list[float], level: float) -> Estimate:
    from toolkit.stats.interval import median_interval, quantile_interval  # noqa: PLC0415 - scipy takes a moment

    return Estimate(
        quantity.key,
        quantity.title,
        len(ordered),
        median_interval(ordered, level),
        quantile_interval(ordered, 0.95, level),
        quantile_interval(ordered, 0.99, level),
        ordered[0],
        ordered[-1],
    )
