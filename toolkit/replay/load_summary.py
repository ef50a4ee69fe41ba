"""What a load test says about one run: rates, latencies from the intended arrival and from the send, tokens.

Pure. Only requests of the phase `measure` count; the others are counted apart. Percentiles are None below the number of
samples that can carry them. Cold and warm first tokens never share a distribution.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from toolkit.replay.summary import COLD, e2e_ns, ttft_ns
from toolkit.stats.quantiles import quantile, samples_needed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from toolkit.replay.records import ClientHealth, RequestRecord, Run

NS_PER_S = 1e9


@dataclass(frozen=True, slots=True)
class Spread:
    """`count` samples of one measure; the unit is in the name of the field that holds it."""

    count: int
    mean: float
    p50: float
    p90: float | None
    p99: float | None
    max: float


@dataclass(frozen=True, slots=True)
class LoadSummary:
    """One run as a load test.

    `span_s` is how long requests of the measured phase arrived. `offered_per_s` are their arrivals over it,
    `answered_per_s` the answers that came within it. TTFT and E2E: `intended` from the moment when the request should
    have been sent, `sent` from when it was. `gap_s` is between two pieces of one stream. Tokens per second of a
    request: by the server's counters (`eval_count` over `eval_duration`) and by the client's clock (pieces after the
    first over the time from the first to the last). `tokens_per_s` is the aggregate by the server's count over
    `span_s`. `cached` of the `judged` prompts came out of the prefix cache.
    """

    strategy: str
    repetition: int
    span_s: float
    requests: int
    warmup: int
    drain: int
    outcomes: tuple[tuple[str, int], ...]
    offered_per_s: float | None
    answered_per_s: float | None
    tokens_per_s: float | None
    ttft_warm_intended_s: Spread | None
    ttft_warm_sent_s: Spread | None
    ttft_cold_intended_s: Spread | None
    ttft_cold_sent_s: Spread | None
    e2e_intended_s: Spread | None
    e2e_sent_s: Spread | None
    gap_s: Spread | None
    server_tokens_per_s: Spread | None
    client_tokens_per_s: Spread | None
    cached: int
    judged: int
    client: ClientHealth | None


def load_summary(run: Run) -> LoadSummary:
    """Sum up one run."""
    phases = Counter(record.phase for record in run.records)
    measured = [record for record in run.records if record.phase == "measure"]
    answered = [record for record in measured if record.outcome == "ok"]
    cold = [record for record in answered if record.temperature in COLD]
    warm = [record for record in answered if record.temperature == "hit"]
    begin_ns = min((record.intended_ns for record in measured), default=0)
    end_ns = max((record.intended_ns for record in measured), default=0)
    span_s = (end_ns - begin_ns) / NS_PER_S
    in_span = [record for record in run.records if record.done_ns is not None and begin_ns <= record.done_ns <= end_ns]
    judged = [record.prompt_cached for record in answered if record.prompt_cached is not None]
    return LoadSummary(
        strategy=run.strategy,
        repetition=run.repetition + 1,
        span_s=span_s,
        requests=len(measured),
        warmup=phases["warmup"],
        drain=phases["drain"],
        outcomes=tuple(sorted(Counter(record.outcome for record in measured).items())),
        offered_per_s=len(measured) / span_s if span_s else None,
        answered_per_s=len(in_span) / span_s if span_s else None,
        tokens_per_s=sum(record.output_tokens or 0 for record in in_span) / span_s if span_s else None,
        ttft_warm_intended_s=_seconds(map(ttft_ns, warm)),
        ttft_warm_sent_s=_seconds(_since_sent(record, record.first_token_ns) for record in warm),
        ttft_cold_intended_s=_seconds(map(ttft_ns, cold)),
        ttft_cold_sent_s=_seconds(_since_sent(record, record.first_token_ns) for record in cold),
        e2e_intended_s=_seconds(map(e2e_ns, answered)),
        e2e_sent_s=_seconds(_since_sent(record, record.done_ns) for record in answered),
        gap_s=_seconds(later - earlier for one in answered for earlier, later in pairwise(one.token_ns or ())),
        server_tokens_per_s=spread(_server_rate(record) for record in answered),
        client_tokens_per_s=spread(_client_rate(record) for record in answered),
        cached=sum(judged),
        judged=len(judged),
        client=run.client,
    )


def spread(samples: Iterable[float | None]) -> Spread | None:
    """Summarise; None where there is no sample."""
    ordered = sorted(sample for sample in samples if sample is not None)
    if not ordered:
        return None
    return Spread(
        count=len(ordered),
        mean=sum(ordered) / len(ordered),
        p50=quantile(ordered, 0.5),
        p90=_quantile(ordered, 0.9),
        p99=_quantile(ordered, 0.99),
        max=ordered[-1],
    )


def _seconds(samples_ns: Iterable[int | None]) -> Spread | None:
    return spread(None if sample is None else sample / NS_PER_S for sample in samples_ns)


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    return quantile(ordered, share) if len(ordered) >= samples_needed(share) else None


def _since_sent(record: RequestRecord, moment_ns: int | None) -> int | None:
    return None if moment_ns is None or record.sent_ns is None else moment_ns - record.sent_ns


def _server_rate(record: RequestRecord) -> float | None:
    if not record.decode_ns or record.output_tokens is None:
        return None
    return record.output_tokens / record.decode_ns * NS_PER_S


def _client_rate(record: RequestRecord) -> float | None:
    tokens = record.token_ns or ()
    took_ns = tokens[-1] - tokens[0] if tokens else 0
    return (len(tokens) - 1) / took_ns * NS_PER_S if took_ns > 0 else None
