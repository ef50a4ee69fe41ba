"""A load test summed up from records with known times, and told in a terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.replay.load_parts import MS, PROVENANCE, S
from toolkit.errors import UsageError
from toolkit.replay.load_summary import load_summary, spread
from toolkit.replay.records import ClientHealth, RequestRecord, Run
from toolkit.replay.terms import LoadTerms
from toolkit.report.load_text import load_text

HEALTH = ClientHealth(MS, 2 * MS, 0, 0, 0.25, 3 * MS, ())
RECORD = RequestRecord(
    id="r", session=None, intended_ns=0, sent_ns=10 * MS, ready_ns=12 * MS, first_token_ns=30 * MS, done_ns=90 * MS,
    model_asked=None, model="m", label=None, reason="", rule=None, keep_alive_ns=None, unloaded_before=(),
    preloaded_after=(), temperature="hit", queue_ns=None, evict_ns=None, load_ns=None, slot_ns=None, prefill_ns=15 * MS,
    decode_ns=60 * MS, server_load_ns=2 * MS, prompt_tokens=40, output_tokens=3, evicted=(), outcome="ok", error=None,
    token_ns=(30 * MS, 50 * MS, 90 * MS),
)  # fmt: skip


def later(record: RequestRecord, by_ns: int) -> RequestRecord:
    """The same request at another time."""
    return replace(
        record,
        id=str(by_ns),
        intended_ns=record.intended_ns + by_ns,
        sent_ns=(record.sent_ns or 0) + by_ns,
        first_token_ns=(record.first_token_ns or 0) + by_ns,
        done_ns=(record.done_ns or 0) + by_ns,
        token_ns=tuple(at_ns + by_ns for at_ns in record.token_ns or ()),
    )


def run(*records: RequestRecord, health: ClientHealth = HEALTH) -> Run:
    return Run("ram", 0, records, (), 10 * S, complete=True, provenance=PROVENANCE, client=health)


def test_latencies_from_the_intention_and_from_the_send() -> None:
    load = load_summary(run(*(later(RECORD, number * 100 * MS) for number in range(11))))
    assert load.ttft_warm_intended_s is not None
    assert load.ttft_warm_sent_s is not None
    assert load.e2e_sent_s is not None
    assert load.gap_s is not None
    assert load.client_tokens_per_s is not None
    assert load.server_tokens_per_s is not None
    assert load.ttft_warm_intended_s.p50 == pytest.approx(0.030)
    assert load.ttft_warm_sent_s.p50 == pytest.approx(0.020)
    assert load.e2e_sent_s.max == pytest.approx(0.080)
    assert load.gap_s.count == 22
    assert load.gap_s.p50 == pytest.approx(0.030)
    assert load.client_tokens_per_s.p50 == pytest.approx(2 / 0.060)
    assert load.server_tokens_per_s.p50 == pytest.approx(3 / 0.060)
    assert load.offered_per_s == pytest.approx(11)
    assert load.answered_per_s == pytest.approx(10)  # the last one came after the last arrival
    assert load.tokens_per_s == pytest.approx(30)
    assert load.ttft_cold_intended_s is None


def test_warm_up_and_drain_are_counted_and_stand_in_no_figure() -> None:
    slow = replace(RECORD, first_token_ns=9 * S, phase="warmup")
    load = load_summary(run(slow, later(RECORD, S), replace(later(slow, 2 * S), phase="drain")))
    assert (load.requests, load.warmup, load.drain) == (1, 1, 1)
    assert load.ttft_warm_intended_s is not None
    assert load.ttft_warm_intended_s.max == pytest.approx(0.030)


def test_cold_and_warm_never_share_a_distribution_and_failures_have_no_latency() -> None:
    cold = replace(RECORD, temperature="cold", first_token_ns=5 * S)
    joined = replace(RECORD, temperature="joined")
    failed = replace(RECORD, outcome="failed", temperature=None, done_ns=None)
    load = load_summary(run(RECORD, cold, joined, failed))
    assert load.ttft_cold_intended_s is not None
    assert load.ttft_warm_intended_s is not None
    assert (load.ttft_cold_intended_s.count, load.ttft_warm_intended_s.count) == (1, 1)
    assert load.outcomes == (("failed", 1), ("ok", 3))


def test_a_percentile_needs_its_samples() -> None:
    few, many = spread([1.0] * 99), spread([1.0] * 100)
    assert few is not None
    assert many is not None
    assert (few.p90, few.p99, many.p99) == (1.0, None, 1.0)
    assert spread([None]) is None


def test_the_text_says_what_matters_and_a_void_run_says_so_loudly() -> None:
    told = load_text(load_summary(run(*(later(RECORD, number * 100 * MS) for number in range(11)))))
    assert "TTFT warm, from the intention" in told
    assert "30.00 ms" in told
    assert "VOID" not in told
    void = replace(HEALTH, void=("1 % of the requests were sent 9.0 ms late or more (allowed 5.0 ms)",))
    told = load_text(load_summary(run(RECORD, health=void)))
    assert "VOID: the client was the bottleneck" in told
    assert "sent 9.0 ms late" in told


def test_nothing_measured_is_told_without_an_error() -> None:
    load = load_summary(run(replace(RECORD, phase="warmup")))
    assert (load.requests, load.offered_per_s, load.e2e_intended_s) == (0, None, None)
    assert "0 requests measured" in load_text(load)


def test_terms_tell_the_phase_and_refuse_a_warm_up_of_everything() -> None:
    terms = LoadTerms(warmup_ns=10, stop_ns=20)
    assert [terms.phase_at(at_ns) for at_ns in (0, 9, 10, 19, 20)] == ["warmup"] * 2 + ["measure"] * 2 + ["drain"]
    with pytest.raises(UsageError, match="nothing would be measured"):
        LoadTerms(warmup_ns=20, stop_ns=20)
