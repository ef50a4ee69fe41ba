"""What is kept of one simulation: counts that can be added up, nothing that must be averaged.

Times to first token are counted in logarithmic bins, twenty to a decade, so quantiles of any number of repetitions are
exact to 6 %. Whether a promise was kept is counted exactly, request by request, from the intended arrival.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolkit.replay.summary import e2e_ns, ttft_ns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from toolkit.replay.records import RequestRecord, ResidencySpan
    from toolkit.workload.plan import Slo

NS_PER_S: Final = 1e9
BINS_PER_DECADE: Final = 20


@dataclass(frozen=True, slots=True)
class Tally:
    """One repetition.

    `kept` counts, promise by promise, the requests that saw it kept. `ttft_bins` are pairs (bin, requests) of those
    with a first token. `busy_ns` is, host by host, how long it was loading a model or working on a request. `hits`
    found their model in memory; `swaps` are loads that requests caused.
    """

    requests: int
    kept: tuple[int, ...]
    ttft_bins: tuple[tuple[int, int], ...]
    duration_ns: int
    end_ns: int
    busy_ns: tuple[int, ...]
    hits: int
    swaps: int
    longest_tokens: int


def tally_of(
    sites: Sequence[tuple[Sequence[RequestRecord], Sequence[ResidencySpan]]],
    slos: Sequence[Slo],
    duration_ns: int,
    longest_tokens: int,
) -> Tally:
    """Count one repetition: the records and the stays in memory of each host."""
    records = [record for of_site, _ in sites for record in of_site]
    bins = Counter(bin_of(ttft / NS_PER_S) for one in records if one.outcome == "ok" and (ttft := ttft_ns(one)))
    ends = [record.done_ns for record in records if record.done_ns is not None]
    return Tally(
        requests=len(records),
        kept=tuple(sum(_keeps(slo, record) for record in records) for slo in slos),
        ttft_bins=tuple(sorted(bins.items())),
        duration_ns=duration_ns,
        end_ns=max([duration_ns, *ends]),
        busy_ns=tuple(_busy_ns(of_site, spans) for of_site, spans in sites),
        hits=sum(record.outcome == "ok" and record.temperature == "hit" for record in records),
        swaps=sum(record.temperature in {"cold", "reload"} for record in records),
        longest_tokens=longest_tokens,
    )


def bin_of(seconds: float) -> int:
    """The logarithmic bin of a duration above 0."""
    return math.floor(BINS_PER_DECADE * math.log10(seconds))


def kept_share(tallies: Sequence[Tally], slo: int) -> float:
    """The share of all requests of all repetitions that saw this promise kept; 0 without any."""
    requests = sum(tally.requests for tally in tallies)
    return sum(tally.kept[slo] for tally in tallies) / requests if requests else 0.0


def slack(tallies: Sequence[Tally], slos: Sequence[Slo]) -> float:
    """How far the worst promise is from being broken, as a share of requests; negative where one is broken."""
    return min(kept_share(tallies, number) - slo.share for number, slo in enumerate(slos))


def ttft_quantile_s(tallies: Sequence[Tally], share: float) -> float | None:
    """A quantile of the time to first token in seconds; unanswered requests count as longer than any.

    None if it lies among those, or if there is no request.
    """
    bins: Counter[int] = Counter()
    for tally in tallies:
        bins.update(dict(tally.ttft_bins))
    rank, seen = share * sum(tally.requests for tally in tallies), 0
    for number, count in sorted(bins.items()):
        seen += count
        if seen >= rank:
            return float(10 ** ((number + 0.5) / BINS_PER_DECADE))
    return None


def offered_per_h(tallies: Sequence[Tally]) -> float:
    """Requests in an hour, on average over all repetitions and the whole length of the plan."""
    duration_ns = sum(tally.duration_ns for tally in tallies)
    return sum(tally.requests for tally in tallies) * 3600 * NS_PER_S / duration_ns if duration_ns else 0.0


def _keeps(slo: Slo, record: RequestRecord) -> bool:
    latency_ns = ttft_ns(record) if slo.metric == "ttft" else e2e_ns(record)
    return record.outcome == "ok" and latency_ns is not None and latency_ns <= slo.limit_ns


def _busy_ns(records: Sequence[RequestRecord], spans: Iterable[ResidencySpan]) -> int:
    """The length of the union of all loads and services."""
    working = [
        (one.ready_ns + (one.slot_ns or 0), one.done_ns)
        for one in records
        if one.ready_ns is not None and one.done_ns is not None
    ]
    loading = [(span.load_start_ns, span.ready_ns) for span in spans if span.ready_ns is not None]
    busy_ns, reached_ns = 0, 0
    for start_ns, end_ns in sorted((*working, *loading)):
        busy_ns += max(0, end_ns - max(start_ns, reached_ns))
        reached_ns = max(reached_ns, end_ns)
    return busy_ns
