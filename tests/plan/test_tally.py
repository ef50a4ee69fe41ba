"""What is kept of a simulation, against the records it was counted from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from toolkit.experiment.setup import setup_from_config
from toolkit.experiment.simulate import simulate
from toolkit.plan.case import Case, Point
from toolkit.plan.evaluate import Evaluate
from toolkit.plan.tally import kept_share, offered_per_h, slack, ttft_quantile_s
from toolkit.replay.summary import summarise, ttft_ns
from toolkit.stats.quantiles import quantile

if TYPE_CHECKING:
    from toolkit.plan.evaluate import Study


def test_a_point_counts_what_a_whole_replay_counts(study: Study) -> None:
    """The very runs that `hotswap compare` makes, judged by their own summary."""
    point = Point(Case("server-default"), 2.0, 0)
    plan = study.workload.plan(2.0, 0)
    run = next(simulate(setup_from_config(study.config, None), [plan], ["server-default"]))
    summary = summarise([run], study.slos)
    counted = Evaluate(study)(point)
    assert counted.requests == summary.requests
    assert kept_share([counted], 0) == pytest.approx(summary.slos[0].kept_share)
    assert (counted.hits, counted.swaps) == (summary.hits, summary.swaps)
    assert slack([counted], study.slos) == pytest.approx(summary.slos[0].kept_share - 0.9)
    ttfts = sorted(ttft / 1e9 for record in run.records if (ttft := ttft_ns(record)))
    told = ttft_quantile_s([counted], 0.5)
    assert told == pytest.approx(quantile(ttfts, 0.5), rel=0.15)
    assert 0 < counted.busy_ns[0] <= counted.end_ns
    assert offered_per_h([counted]) == pytest.approx(3 * counted.requests)


def test_requests_without_an_answer_count_as_the_slowest(study: Study) -> None:
    counted = Evaluate(study)(Point(Case("server-default"), 1.0, 0))
    assert ttft_quantile_s([], 0.5) is None or not counted.requests
    assert ttft_quantile_s([counted], 1.0) is not None
