"""Bootstrap, outliers, warm-up, repeats: each against a witness from outside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kruskal, median_abs_deviation

from toolkit.stats.autocorrelation import INDEPENDENT, Correlation
from toolkit.stats.bootstrap import bootstrap_interval
from toolkit.stats.outliers import outliers, scores
from toolkit.stats.repeats import differ, kruskal_wallis
from toolkit.stats.warmup import mser_cut, warmup_length

SAMPLES = st.lists(st.floats(-1e6, 1e6), max_size=40)


def test_the_bootstrap_covers_a_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    found = [bootstrap_interval(rng.normal(5, 1, 30), np.mean, rng) for _ in range(200)]
    assert sum(one is not None and one.low <= 5 <= one.high for one in found) >= 180


@pytest.mark.parametrize("method", ["BCa", "percentile"])
def test_an_interval_needs_six_samples(method: str) -> None:
    rng = np.random.default_rng(1)
    assert bootstrap_interval([1.0] * 5, np.mean, rng) is None
    found = bootstrap_interval([2.0] * 6, np.mean, rng, method="BCa" if method == "BCa" else "percentile")
    assert found is not None
    assert (found.low, found.estimate, found.high) == (2, 2, 2)


@settings(max_examples=20)
@given(st.lists(st.floats(-1e3, 1e3), min_size=6, max_size=12), st.sampled_from([np.mean, np.median]))
def test_the_estimate_lies_in_its_interval(samples: list[float], statistic: object) -> None:
    assert callable(statistic)
    found = bootstrap_interval(samples, statistic, np.random.default_rng(1))
    assert found is not None
    assert found.low <= found.estimate <= found.high


@given(SAMPLES)
def test_scores_are_distances_in_mads(samples: list[float]) -> None:
    spread = float(median_abs_deviation(samples)) if samples else 0.0
    if spread > 1e-9:
        expected = 0.6745 * (np.asarray(samples) - np.median(samples)) / spread
        assert scores(samples) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_one_stall_among_equals_is_named() -> None:
    assert outliers([10.0, 11.0, 9.0, 10.5, 400.0, 9.5, 10.0]) == (4,)
    assert outliers([5.0] * 20 + [6.0]) == (20,)  # most are equal: the mean deviation stands in
    assert outliers([5.0] * 20) == ()
    assert outliers([]) == ()


def test_warm_up_is_cut_where_it_ends() -> None:
    rng = np.random.default_rng(1)
    series = np.concatenate([np.linspace(9, 1, 40), np.ones(260)]) + rng.normal(0, 0.1, 300)
    assert 30 <= warmup_length(series) <= 50


def test_a_series_at_rest_has_no_warm_up() -> None:
    rng = np.random.default_rng(2)
    assert sum(warmup_length(rng.normal(size=200)) > 0 for _ in range(200)) <= 4


def test_a_short_series_and_one_that_never_rests_are_not_cut() -> None:
    assert mser_cut([1.0] * 49) is None
    assert warmup_length([1.0] * 49) == 0
    assert mser_cut([float(value) for value in range(100)]) is None


def test_runs_that_differ_are_seen_and_their_samples_not_pooled() -> None:
    rng = np.random.default_rng(3)
    apart = [rng.normal(mean, 1, 50) for mean in (0, 2, 4)]
    assert differ(apart, INDEPENDENT)
    assert not differ(apart[:1], INDEPENDENT)
    assert not differ([[1.0] * 9, [1.0] * 9], INDEPENDENT)
    assert not differ([rng.normal(size=50), rng.normal(0.3, 1, 50)], Correlation(20.0, 10))


def test_runs_of_one_source_are_pooled() -> None:
    rng = np.random.default_rng(4)
    assert sum(differ([rng.normal(size=40) for _ in range(4)], INDEPENDENT) for _ in range(500)) <= 15  # 1 % expected


@given(st.lists(st.lists(st.integers(0, 5).map(float), min_size=2, max_size=12), min_size=2, max_size=4))
def test_h_is_that_of_scipy(series: list[list[float]]) -> None:
    if len({value for one in series for value in one}) > 1:
        assert kruskal_wallis(series) == pytest.approx(float(kruskal(*series).statistic), abs=1e-9)
    else:
        assert kruskal_wallis(series) == 0
