"""What comes out: tokens a second, requests that were answered, found their model, or kept their promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.metrics.latency import answered, tpot_ns
from toolkit.metrics.metric import RequestMetric, RunMetric, measured
from toolkit.replay.summary import COLD, e2e_ns, ttft_ns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.metrics.metric import Window
    from toolkit.replay.records import RequestRecord
    from toolkit.workload.plan import Slo

_NS_PER_S = 1e9
_S_PER_H = 3600


def _server_rate(record: RequestRecord) -> float | None:
    return record.output_tokens * _NS_PER_S / record.decode_ns if record.output_tokens and record.decode_ns else None


def _client_rate(record: RequestRecord) -> float | None:
    gap_ns = tpot_ns(record)
    return _NS_PER_S / gap_ns if gap_ns else None


def _everyone(_record: RequestRecord) -> bool:
    return True


def _tokens_per_s(window: Window) -> float | None:
    done = [record for record in measured(window.run) if window.holds(record.done_ns)]
    if any(record.output_tokens is None for record in done if record.outcome == "ok"):
        return None  # an unknown count would pass for none at all
    return sum(record.output_tokens or 0 for record in done) / window.seconds


def _requests_per_s(window: Window) -> float:
    done = (answered(record) and window.holds(record.done_ns) for record in measured(window.run))
    return sum(done) / window.seconds


def _swaps_per_h(window: Window) -> float:
    """Every load that a request caused, answered or not, counted when it was asked for."""
    caused = (record.temperature in COLD and window.holds(record.intended_ns) for record in measured(window.run))
    return sum(caused) * _S_PER_H / window.seconds


TOKENS_SERVER = RequestMetric(
    "tok_per_s_server", "token/s", "higher", "size", ("output_tokens", "decode_ns"),
    "output_tokens / decode_ns, the server's own counters (eval_count, eval_duration)",
    "`ollama run --verbose` calls it eval rate", answered, _server_rate,
)  # fmt: skip
TOKENS_CLIENT = RequestMetric(
    "tok_per_s_client", "token/s", "higher", "size", ("output_tokens", "first_token_ns", "done_ns"),
    "(output_tokens - 1) / (done_ns - first_token_ns), by the client's clock",
    "others divide all tokens by the end-to-end time, which mixes the wait into the speed", answered, _client_rate,
)  # fmt: skip
ANSWERED = RequestMetric(
    "answered", "share", "higher", "share", (), "1 for a request with its whole answer, 0 for any other outcome",
    "error rate, turned round", _everyone, lambda record: float(record.outcome == "ok"),
)  # fmt: skip
HIT_RATE = RequestMetric(
    "hit_rate", "share", "higher", "share", (), "1 for an answered request whose model was ready, 0 for any other",
    "caches usually leave failed requests out", _everyone,
    lambda record: float(record.outcome == "ok" and record.temperature == "hit"),
)  # fmt: skip
THROUGHPUT = RunMetric(
    "tok_per_s", "token/s", "higher", "rate", ("output_tokens", "done_ns"),
    "tokens of the answers that ended in a block / its length; an answer counts where it ends",
    "vLLM's bench divides by the time to the last answer, drain included", _tokens_per_s,
)  # fmt: skip
REQUEST_RATE = RunMetric(
    "requests_per_s", "request/s", "higher", "rate", ("done_ns",),
    "answers that ended in a block / its length", "under an open loop it only shows the arrivals", _requests_per_s,
)  # fmt: skip
SWAPS = RunMetric(
    "swaps_per_h", "1/h", "lower", "rate", ("temperature",),
    "loads that requests of a block caused / its length", "nobody else counts them", _swaps_per_h,
)  # fmt: skip


def goodput(slos: Sequence[Slo]) -> RequestMetric:
    """Return the share of requests that kept every limit; unanswered ones kept none.

    Others (DistServe, vLLM's bench) give good requests a second: this share times the rate of arrivals.
    """

    def kept(record: RequestRecord) -> float:
        return float(record.outcome == "ok" and all(_within(record, slo) for slo in slos))

    limits = " and ".join(f"{slo.metric} <= {slo.limit_ns / _NS_PER_S:g} s" for slo in slos)
    return RequestMetric(
        "goodput", "share", "higher", "share", (), f"1 for an answered request with {limits}, else 0",
        "DistServe and vLLM's bench: good requests a second", _everyone, kept,
    )  # fmt: skip


def _within(record: RequestRecord, slo: Slo) -> bool:
    latency_ns = (ttft_ns if slo.metric == "ttft" else e2e_ns)(record)
    return latency_ns is not None and latency_ns <= slo.limit_ns
