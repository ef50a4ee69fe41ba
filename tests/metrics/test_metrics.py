"""Every metric against numbers done by hand; absent is never 0."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import UsageError
from toolkit.metrics import latency, memory, yields
from toolkit.metrics.catalogue import DEFAULT, METRICS, chosen
from toolkit.metrics.metric import BLOCKS, RequestMetric, RunMetric, blocks
from toolkit.replay.records import Provenance, RequestRecord, ResidencySpan, Run
from toolkit.workload.plan import Slo

PROVENANCE = Provenance("1", "twin", "0.32.15", "v0.32", (), (), (), "24 GiB", "p", "0", 1, 1, None, ())
S = 1_000_000_000
RECORD = RequestRecord(
    id="1", session=None, intended_ns=100, sent_ns=110, ready_ns=300, first_token_ns=400, done_ns=1_000,
    model_asked=None, model="m", label=None, reason="", rule=None, keep_alive_ns=None, unloaded_before=(),
    preloaded_after=(), temperature="cold", queue_ns=50, evict_ns=30, load_ns=120, slot_ns=0, prefill_ns=90,
    decode_ns=500, server_load_ns=200, prompt_tokens=10, output_tokens=4, evicted=(), outcome="ok", error=None,
    token_ns=(400, 500, 750, 1_000),
)  # fmt: skip
BY_HAND = {
    "ttft_cold": 300.0,
    "ttft_cold_sent": 290.0,
    "e2e": 900.0,
    "tpot": 200.0,
    "itl": 250.0,
    "wait": 200.0,
    "queue": 50.0,
    "evict": 30.0,
    "load": 120.0,
    "slot": 0.0,
    "tok_per_s_server": 4 / 500e-9,
    "tok_per_s_client": 3 / 600e-9,
    "answered": 1.0,
    "hit_rate": 0.0,
}


def run_of(*records: RequestRecord, residency: tuple[ResidencySpan, ...] = ()) -> Run:
    return Run("ram", 0, records, residency, 10_000, complete=True, provenance=PROVENANCE)


@pytest.mark.parametrize("metric", [one for one in METRICS if isinstance(one, RequestMetric)], ids=lambda one: one.name)
def test_one_cold_request_by_hand(metric: RequestMetric) -> None:
    expected = BY_HAND.get(metric.name)
    assert metric.samples(run_of(RECORD)) == pytest.approx(() if expected is None else (expected,))


def test_a_warm_request_is_in_no_cold_sample_and_a_joined_one_in_neither() -> None:
    warm, joined = replace(RECORD, temperature="hit"), replace(RECORD, temperature="joined")
    assert latency.TTFT_WARM.samples(run_of(warm)) == (300,)
    assert latency.TTFT_COLD.samples(run_of(warm, joined)) == ()
    assert latency.TTFT_WARM.samples(run_of(joined)) == ()
    assert yields.HIT_RATE.samples(run_of(warm, joined)) == (1.0, 0.0)


def test_only_the_measured_phase_counts() -> None:
    run = run_of(replace(RECORD, phase="warmup"), RECORD, replace(RECORD, phase="drain"))
    assert len(yields.ANSWERED.samples(run)) == 1


@pytest.mark.parametrize("metric", METRICS, ids=lambda one: one.name)
def test_what_is_absent_makes_no_sample(metric: RequestMetric | RunMetric) -> None:
    """A request without an answer has no latency; only the shares know of it."""
    failed = replace(
        RECORD, outcome="failed", first_token_ns=None, done_ns=None, ready_ns=None, token_ns=None, queue_ns=None,
        evict_ns=None, load_ns=None, slot_ns=None, decode_ns=None, output_tokens=None,
    )  # fmt: skip
    expected = (0.0,) if metric.name in {"answered", "hit_rate"} else ()
    assert metric.samples(run_of(failed)) == expected


def test_a_single_token_has_no_time_between_tokens() -> None:
    one = replace(RECORD, output_tokens=1, token_ns=(400,))
    assert latency.TPOT.samples(run_of(one)) == ()
    assert latency.ITL.samples(run_of(one)) == ()


def test_samples_come_in_the_order_of_arrival() -> None:
    late = replace(RECORD, id="2", intended_ns=200, first_token_ns=900)
    assert latency.TTFT_COLD.samples(run_of(late, RECORD)) == (300, 700)


def test_goodput_needs_every_limit_and_an_answer() -> None:
    metric = yields.goodput((Slo("ttft", 300, 1.0), Slo("e2e", 900, 1.0)))
    slow, failed = replace(RECORD, done_ns=1_001), replace(RECORD, outcome="rejected")
    assert metric.samples(run_of(RECORD, slow, failed)) == (1.0, 0.0, 0.0)
    assert "ttft <= 3e-07 s and e2e" in metric.formula


def test_rates_by_hand() -> None:
    """Arrivals at 0, 10 and 20 s, 4 tokens each: 12 tokens, three answers and three loads in 20 s."""
    records = [
        replace(RECORD, id=str(at), intended_ns=at * S, done_ns=at * S if at else S, first_token_ns=at * S)
        for at in (0, 10, 20)
    ]
    run = run_of(*records)
    assert yields.THROUGHPUT.whole(run) == pytest.approx(12 / 20)
    assert yields.REQUEST_RATE.whole(run) == pytest.approx(3 / 20)
    assert yields.SWAPS.whole(run) == pytest.approx(3 / 20 * 3600)
    assert yields.SWAPS.samples(run) == pytest.approx((3600, *[0] * 9, 3600, *[0] * 8, 3600))


def test_an_unknown_number_of_tokens_is_no_rate() -> None:
    run = run_of(replace(RECORD, intended_ns=0), replace(RECORD, id="2", intended_ns=2_000, output_tokens=None))
    assert yields.THROUGHPUT.whole(run) is None


def test_memory_is_weighted_with_time() -> None:
    """100 bytes over the whole second half, and another 50 over its last half: 62.5 in the mean."""
    spans = (
        ResidencySpan("m", 0, 500, None, None, 100, 100, None),
        ResidencySpan("n", 0, 750, 1_000, None, 50, 50, None),
    )
    run = run_of(replace(RECORD, intended_ns=0), replace(RECORD, id="2", intended_ns=999), residency=spans)
    assert memory.VRAM.whole(run) == pytest.approx(62.5)
    assert memory.VRAM.samples(run_of(RECORD)) == ()


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=50, unique=True), st.integers(1, 30))
def test_blocks_tile_the_measured_part(moments: list[int], count: int) -> None:
    run = run_of(*(replace(RECORD, id=str(at), intended_ns=at) for at in moments))
    cut = blocks(run, count)
    assert (cut[0].start_ns, cut[-1].end_ns) == (min(moments), max(moments) + 1)
    assert all(left.end_ns == right.start_ns for left, right in itertools.pairwise(cut))
    assert all(sum(window.holds(at) for window in cut) == 1 for at in moments)
    assert len(cut) <= count


def test_a_run_of_one_moment_has_no_blocks() -> None:
    assert blocks(run_of(RECORD), BLOCKS) == ()


def test_metrics_are_chosen_by_name_and_pattern() -> None:
    assert chosen(()) == DEFAULT
    assert [metric.name for metric in chosen(("ttft_*",))] == [
        "ttft_cold",
        "ttft_warm",
        "ttft_cold_sent",
        "ttft_warm_sent",
    ]
    with pytest.raises(UsageError, match="did you mean ttft_warm"):
        chosen(("ttft_wram",))


def test_names_are_unique_and_every_metric_says_what_it_is() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert all(metric.formula and metric.elsewhere for metric in METRICS)
