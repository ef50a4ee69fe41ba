"""A summary adds up to what a person would count by hand."""

from __future__ import annotations

from dataclasses import replace

from toolkit.replay.records import Provenance, RequestRecord, ResidencySpan, Run
from toolkit.replay.summary import summarise
from toolkit.workload.plan import Slo

S = 1_000_000_000
PROVENANCE = Provenance("1", "twin", "0.32", "v0.32", (), (), (), "gpu", "p", "0", 1, 1, None, ())
HIT = RequestRecord(
    id="1", session=None, intended_ns=0, sent_ns=0, ready_ns=0, first_token_ns=S, done_ns=2 * S, model_asked=None,
    model="a", label=None, reason="default", rule=None, keep_alive_ns=None, unloaded_before=(), preloaded_after=(),
    temperature="hit", queue_ns=0, evict_ns=0, load_ns=0, slot_ns=0, prefill_ns=S, decode_ns=S, server_load_ns=0,
    prompt_tokens=10, output_tokens=10, evicted=(), outcome="ok", error=None,
)  # fmt: skip
COLD = replace(
    HIT, id="2", model="b", temperature="cold", ready_ns=8 * S, first_token_ns=9 * S, done_ns=10 * S, evict_ns=S,
    load_ns=7 * S, evicted=("a",),
)  # fmt: skip
JOINED = replace(HIT, id="3", model="b", temperature="joined", ready_ns=5 * S, queue_ns=5 * S, first_token_ns=6 * S)
REFUSED = replace(
    HIT, id="4", temperature=None, ready_ns=None, first_token_ns=None, done_ns=None, outcome="rejected", error="busy"
)


def run(*records: RequestRecord) -> Run:
    """One run of these records, in which model `a` was in memory from 1 s to 4 s and `b` from 8 s to the end."""
    spans = (
        ResidencySpan("a", 0, S, 4 * S, 5 * S, 1, 1, "evicted"),
        ResidencySpan("b", 5 * S, 8 * S, None, None, 1, 1, None),
    )
    return Run("ram", 0, records, spans, 20 * S, complete=True, provenance=PROVENANCE)


def test_counts_are_those_of_a_hand_count() -> None:
    summary = summarise([run(HIT, COLD, JOINED, REFUSED)], ())
    assert (summary.requests, summary.answered, summary.rejected) == (4, 3, 1)
    assert (summary.hits, summary.joined, summary.swaps, summary.evictions) == (1, 1, 1, 1)
    assert summary.hit_rate == 0.25


def test_cold_warm_and_joined_never_share_a_distribution() -> None:
    summary = summarise([run(HIT, COLD, JOINED)], ())
    assert summary.ttft_cold is not None
    assert summary.ttft_warm is not None
    assert (summary.ttft_cold.count, summary.ttft_cold.mean_s) == (1, 9.0)
    assert (summary.ttft_warm.count, summary.ttft_warm.mean_s) == (1, 1.0)


def test_a_refused_request_has_no_latency_but_misses_the_slo() -> None:
    summary = summarise([run(HIT, REFUSED)], (Slo("ttft", 2 * S, 0.9),))
    assert summary.wait is not None
    assert summary.wait.count == 1
    assert (summary.slos[0].kept_share, summary.slos[0].kept) == (0.5, False)


def test_percentiles_wait_for_enough_samples() -> None:
    few, enough = summarise([run(*[HIT] * 19)], ()), summarise([run(*[HIT] * 20)], ())
    assert few.wait is not None
    assert few.wait.p95_s is None
    assert enough.wait is not None
    assert enough.wait.p95_s == 0.0


def test_residency_counts_ready_time_only() -> None:
    shares = {share.model: share for share in summarise([run(HIT, COLD)], ()).models}
    assert (shares["a"].resident_s, shares["b"].resident_s) == (3.0, 12.0)


def test_the_parts_of_the_cold_wait_add_up() -> None:
    split = summarise([run(COLD)], ()).split_cold
    assert (split.evict_s, split.load_s) == (1.0, 7.0)


def test_parts_that_the_host_did_not_tell_are_absent_not_zero() -> None:
    silent = replace(COLD, evict_ns=None, load_ns=None)
    assert summarise([run(silent)], ()).split_cold.load_s is None


def test_repetitions_are_pooled() -> None:
    summary = summarise([run(HIT, COLD), run(HIT, HIT)], ())
    assert (summary.runs, summary.requests, summary.hit_rate) == (2, 4, 0.75)
