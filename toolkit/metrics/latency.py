"""Times of a request. All in nanoseconds; lower is better. Cold and warm never share a sample."""

from __future__ import annotations

from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from toolkit.metrics.metric import RequestMetric
from toolkit.replay.summary import COLD, e2e_ns, ttft_ns, wait_ns

if TYPE_CHECKING:
    from toolkit.replay.records import RequestRecord


def answered(record: RequestRecord) -> bool:
    """Only a request that got its whole answer has latencies."""
    return record.outcome == "ok"


def is_cold(record: RequestRecord) -> bool:
    """Answered, and this request had its model loaded."""
    return record.outcome == "ok" and record.temperature in COLD


def is_warm(record: RequestRecord) -> bool:
    """Answered, and its model was in memory and ready."""
    return record.outcome == "ok" and record.temperature == "hit"


def _since_sent(record: RequestRecord) -> float | None:
    return _span(record.sent_ns, record.first_token_ns)


def _span(start_ns: int | None, end_ns: int | None) -> float | None:
    return None if start_ns is None or end_ns is None else end_ns - start_ns


def tpot_ns(record: RequestRecord) -> float | None:
    """(last token - first token) / (tokens - 1); None for a single token, which has no time between tokens."""
    tokens, span_ns = record.output_tokens, _span(record.first_token_ns, record.done_ns)
    return None if span_ns is None or tokens is None or tokens < 2 else span_ns / (tokens - 1)  # noqa: PLR2004 - a pair


def _gap_ns(record: RequestRecord) -> float | None:
    moments = record.token_ns or ()
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    return median(gaps) if gaps else None


_TTFT_FORMULA = "first_token_ns - intended_ns"
_TTFT_ELSEWHERE = (
    "vLLM's bench, guidellm and AIPerf count from the sending, so that a client that falls behind hides the queue, "
    "and pool cold with warm or throw the cold ones away"
)

TTFT_COLD = RequestMetric(
    "ttft_cold", "ns", "lower", "size", ("first_token_ns",),
    f"{_TTFT_FORMULA}, of requests that had their model loaded", _TTFT_ELSEWHERE, is_cold, ttft_ns,
)  # fmt: skip
TTFT_WARM = RequestMetric(
    "ttft_warm", "ns", "lower", "size", ("first_token_ns",),
    f"{_TTFT_FORMULA}, of requests whose model was ready", _TTFT_ELSEWHERE, is_warm, ttft_ns,
)  # fmt: skip
TTFT_COLD_SENT = RequestMetric(
    "ttft_cold_sent", "ns", "lower", "size", ("first_token_ns", "sent_ns"),
    "first_token_ns - sent_ns, of requests that had their model loaded", "this is what others call TTFT",
    is_cold, _since_sent,
)  # fmt: skip
TTFT_WARM_SENT = RequestMetric(
    "ttft_warm_sent", "ns", "lower", "size", ("first_token_ns", "sent_ns"),
    "first_token_ns - sent_ns, of requests whose model was ready", "this is what others call TTFT",
    is_warm, _since_sent,
)  # fmt: skip
E2E = RequestMetric(
    "e2e", "ns", "lower", "size", ("done_ns",),
    "done_ns - intended_ns, of answered requests", "AIPerf: request latency, from the sending", answered, e2e_ns,
)  # fmt: skip
TPOT = RequestMetric(
    "tpot", "ns", "lower", "size", ("first_token_ns", "done_ns", "output_tokens"),
    "(done_ns - first_token_ns) / (output_tokens - 1)",
    "vLLM's TPOT is the same; AIPerf calls this inter-token latency; genai-perf 1 divided by all tokens",
    answered, tpot_ns,
)  # fmt: skip
ITL = RequestMetric(
    "itl", "ns", "lower", "size", ("token_ns",),
    "median of a request's gaps between streamed pieces",
    "vLLM pools the gaps of all requests, which counts long answers more and takes neighbours for independent",
    answered, _gap_ns,
)  # fmt: skip
WAIT = RequestMetric(
    "wait", "ns", "lower", "size", ("ready_ns",), "ready_ns - intended_ns: until a loaded model is in hand",
    "no other tool tells it from TTFT", answered, wait_ns,
)  # fmt: skip
QUEUE = RequestMetric(
    "queue", "ns", "lower", "rate", ("queue_ns",), "queue_ns: waiting for others before its own load or slot",
    "Ollama's load_duration contains it", answered, lambda record: record.queue_ns,
)  # fmt: skip
EVICT = RequestMetric(
    "evict", "ns", "lower", "rate", ("evict_ns",), "evict_ns: unloads and the wait for memory, of cold requests",
    "Ollama's load_duration contains it", is_cold, lambda record: record.evict_ns,
)  # fmt: skip
LOAD = RequestMetric(
    "load", "ns", "lower", "size", ("load_ns",), "load_ns: its own load, of cold requests",
    "Ollama's load_duration also contains queue and eviction", is_cold, lambda record: record.load_ns,
)  # fmt: skip
SLOT = RequestMetric(
    "slot", "ns", "lower", "rate", ("slot_ns",), "slot_ns: waiting for a slot of the runner",
    "seen only in Ollama's total_duration", answered, lambda record: record.slot_ns,
)  # fmt: skip
