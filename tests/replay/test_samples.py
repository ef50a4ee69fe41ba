"""One pass over records to numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.store.examples import RECORD
from toolkit.replay.samples import collect, estimates

S = 10**9
COLD = replace(RECORD, intended_ns=S, sent_ns=S, ready_ns=3 * S, first_token_ns=4 * S, done_ns=6 * S, output_tokens=5)
WARM = replace(COLD, temperature="hit", ready_ns=S, first_token_ns=2 * S, done_ns=3 * S)


def test_each_quantity_by_its_definition() -> None:
    samples = collect(iter([COLD, WARM])).samples_s
    assert {key: list(values) for key, values in samples.items()} == {
        "ttft_cold_s": [3.0],
        "ttft_warm_s": [1.0],
        "wait_s": [2.0, 0.0],
        "e2e_s": [5.0, 2.0],
        "tpot_s": [0.5, 0.25],
    }


def test_joined_requests_are_neither_cold_nor_warm() -> None:
    samples = collect([replace(COLD, temperature="joined")])
    assert not samples.samples_s["ttft_cold_s"]
    assert not samples.samples_s["ttft_warm_s"]
    assert len(samples.samples_s["wait_s"]) == 1


def test_warm_up_and_failures_are_counted_and_in_no_sample() -> None:
    samples = collect([replace(COLD, phase="warmup"), replace(COLD, outcome="failed"), replace(COLD, phase="drain")])
    assert samples.requests == 3
    assert samples.phases == {"warmup": 1, "measure": 1, "drain": 1}
    assert samples.outcomes == {"ok": 2, "failed": 1}
    assert estimates(samples) == ()


def test_one_token_has_no_time_for_each_further_one() -> None:
    assert not collect([replace(COLD, output_tokens=1)]).samples_s["tpot_s"]


def test_few_samples_bound_no_quantile() -> None:
    five, sixty = (estimates(collect([COLD] * count))[0] for count in (5, 60))
    assert (five.count, five.median) == (5, None)
    assert sixty.median is not None
    assert sixty.median.estimate == pytest.approx(3.0)
    assert sixty.p99 is None
    assert (sixty.least_s, sixty.most_s) == (3.0, 3.0)
