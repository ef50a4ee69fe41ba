"""From records to the summary of a strategy. Pure arithmetic over immutable records.

Definitions, once: the *wait* of a request is the time from its intended arrival until it has a loaded model in hand.
*TTFT* is from the intended arrival to the first token, *E2E* to the last. Cold requests (cold, reload) and warm ones
(hit) never share a distribution; joined ones waited for somebody else's load: they are no hits, and stand in neither.
Requests that got no answer have no latency; they are counted, and they miss every SLO.

INV-HIT: answered = hits + joined + answered requests that had their model loaded; every load that a request caused is
one of `swaps`, whether or not that request was answered.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from toolkit.replay.results import Distribution, ModelShare, SloResult, StrategySummary, TimeSplit
from toolkit.stats.quantiles import quantile, samples_needed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from toolkit.replay.records import RequestRecord, ResidencySpan, Run
    from toolkit.workload.plan import Slo

NS_PER_S = 1e9
COLD = frozenset({"cold", "reload"})


def summarise(runs: Sequence[Run], slos: Sequence[Slo]) -> StrategySummary:
    """Summarise all repetitions of one strategy (at least one run), pooled request by request.

    Requests of the warm-up and of the drain are kept in the runs, and stand in no figure.
    """
    records = [record for run in runs for record in run.records if record.phase == "measure"]
    answered = [record for record in records if record.outcome == "ok"]
    cold = [record for record in answered if record.temperature in COLD]
    hits = [record for record in answered if record.temperature == "hit"]
    return StrategySummary(
        strategy=runs[0].strategy,
        runs=len(runs),
        requests=len(records),
        answered=len(answered),
        rejected=_count(records, "rejected"),
        failed=_count(records, "failed"),
        cancelled=_count(records, "cancelled"),
        unanswered=_count(records, "unanswered"),
        hits=len(hits),
        joined=sum(record.temperature == "joined" for record in answered),
        hit_rate=len(hits) / len(records) if records else 0.0,
        swaps=sum(record.temperature in COLD for record in records),
        reloads=sum(record.temperature == "reload" for record in records),
        evictions=sum(len(record.evicted) + len(record.unloaded_before) for record in records),
        wait=distribution(map(wait_ns, answered)),
        wait_means_s=tuple(_mean_wait_s(run) for run in runs),
        wait_cold=distribution(map(wait_ns, cold)),
        ttft_cold=distribution(map(ttft_ns, cold)),
        ttft_warm=distribution(map(ttft_ns, hits)),
        e2e=distribution(map(e2e_ns, answered)),
        split_cold=_split(cold),
        split_all=_split(answered),
        models=_shares(runs, records),
        slos=tuple(_judge(slo, records) for slo in slos),
    )


def distribution(samples_ns: Iterable[int | None]) -> Distribution | None:
    """Summarise nanoseconds in seconds; None where there is no sample. Absent samples are left out."""
    ordered = sorted(sample / NS_PER_S for sample in samples_ns if sample is not None)
    if not ordered:
        return None
    return Distribution(
        count=len(ordered),
        mean_s=sum(ordered) / len(ordered),
        p50_s=quantile(ordered, 0.5),
        p95_s=quantile(ordered, 0.95) if len(ordered) >= samples_needed(0.95) else None,
        max_s=ordered[-1],
    )


def wait_ns(record: RequestRecord) -> int | None:
    """Intended arrival → a loaded model in hand."""
    return None if record.ready_ns is None else record.ready_ns - record.intended_ns


def ttft_ns(record: RequestRecord) -> int | None:
    """Intended arrival → first token."""
    return None if record.first_token_ns is None else record.first_token_ns - record.intended_ns


def e2e_ns(record: RequestRecord) -> int | None:
    """Intended arrival → last token."""
    return None if record.done_ns is None else record.done_ns - record.intended_ns


def _mean_wait_s(run: Run) -> float | None:
    counted = (record for record in run.records if record.outcome == "ok" and record.phase == "measure")
    waits = distribution(map(wait_ns, counted))
    return None if waits is None else waits.mean_s


def _count(records: Iterable[RequestRecord], outcome: str) -> int:
    return sum(record.outcome == outcome for record in records)


def _total_s(parts_ns: Iterable[int | None]) -> float | None:
    known = [part for part in parts_ns if part is not None]
    return sum(known) / NS_PER_S if known else None


def _split(records: Sequence[RequestRecord]) -> TimeSplit:
    return TimeSplit(
        queue_s=_total_s(record.queue_ns for record in records),
        evict_s=_total_s(record.evict_ns for record in records),
        load_s=_total_s(record.load_ns for record in records),
        slot_s=_total_s(record.slot_ns for record in records),
        prefill_s=_total_s(record.prefill_ns for record in records),
        decode_s=_total_s(record.decode_ns for record in records),
    )


def _shares(runs: Sequence[Run], records: Sequence[RequestRecord]) -> tuple[ModelShare, ...]:
    """One pass over the records and one over the spans, however many models there are."""
    requests: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    loads: Counter[str] = Counter()
    resident_ns: Counter[str] = Counter()
    for record in records:
        requests[record.model] += 1
        if record.outcome == "ok" and record.temperature == "hit":
            hits[record.model] += 1
    for run in runs:
        for span in run.residency:
            loads[span.model] += 1
            resident_ns[span.model] += _ready_ns(span, run.end_ns)
    return tuple(
        ModelShare(name, requests[name], hits[name], loads[name], resident_ns[name] / NS_PER_S)
        for name in sorted(requests.keys() | loads.keys())
    )


def _ready_ns(span: ResidencySpan, end_ns: int) -> int:
    """How long the model was ready: from the end of its load to the start of its unload, or the end of the run."""
    if span.ready_ns is None:
        return 0
    until_ns = end_ns if span.unload_start_ns is None else min(span.unload_start_ns, end_ns)
    return max(0, until_ns - span.ready_ns)


def _judge(slo: Slo, records: Sequence[RequestRecord]) -> SloResult:
    measure = ttft_ns if slo.metric == "ttft" else e2e_ns
    within = sum(
        record.outcome == "ok" and (latency := measure(record)) is not None and latency <= slo.limit_ns
        for record in records
    )
    kept_share = within / len(records) if records else 0.0
    return SloResult(slo.metric, slo.limit_ns / NS_PER_S, slo.share, kept_share, kept_share >= slo.share)
