"""Intervals of order statistics agree with the binomial distribution, and cover the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, quantile_test

from toolkit.stats.interval import Interval, median_interval, order_places, quantile_interval

SAMPLES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=80)


def test_ten_numbers_by_hand() -> None:
    """Of ten samples the second and the ninth bound the median: 1 - 2 · (1 + 10) / 1024 = 97.9 %."""
    assert median_interval(range(1, 11)) == Interval(5.5, 2, 9, 0.95, 10)


@pytest.mark.parametrize(("count", "level", "there"), [(5, 0.95, False), (6, 0.95, True), (7, 0.99, False)])
def test_a_median_needs_samples_for_its_level(count: int, level: float, there: bool) -> None:
    """Six samples miss the median on one side with 1/64, so 95 % is met; seven are not enough for 99 %."""
    assert (median_interval(range(count), level) is not None) is there


def test_no_sample_has_no_interval() -> None:
    assert median_interval([]) is None


@given(SAMPLES, st.sampled_from([0.05, 0.5, 0.9, 0.95]), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_the_estimate_lies_between_samples_of_the_sample(samples: list[float], share: float, level: float) -> None:
    found = quantile_interval(samples, share, level)
    if found is not None:
        assert {found.low, found.high} <= set(samples)
        assert found.low <= found.estimate <= found.high


@given(st.integers(1, 500), st.floats(0.01, 0.99), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_each_bound_is_the_tightest_that_the_binomial_allows(count: int, share: float, level: float) -> None:
    tail = (1 - level) / 2 * (1 + 1e-9)
    places = order_places(count, share, level)
    if places is None:
        assert binom.cdf(0, count, share) > tail or binom.cdf(0, count, 1 - share) > tail
        return
    low, high = places
    assert binom.cdf(low - 1, count, share) <= tail
    assert binom.sf(high - 1, count, share) <= tail
    assert binom.cdf(low, count, share) > tail * (1 - 1e-6)
    assert binom.sf(high - 2, count, share) > tail * (1 - 1e-6)


@given(st.lists(st.floats(-1e3, 1e3), min_size=6, max_size=60, unique=True))
def test_an_outside_witness_agrees(samples: list[float]) -> None:
    """SciPy's own interval (Conover's) may be one place wider or narrower where a tail is met exactly."""
    found, theirs = median_interval(samples), quantile_test(samples, q=0, p=0.5).confidence_interval(0.95)
    assert found is not None
    ordered = sorted(samples)
    if not np.isnan(theirs.low):
        assert abs(ordered.index(theirs.low) - ordered.index(found.low)) <= 1
    if not np.isnan(theirs.high):
        assert abs(ordered.index(theirs.high) - ordered.index(found.high)) <= 1


def test_it_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    found = [median_interval(rng.lognormal(0, 1, 25).tolist()) for _ in range(2_000)]
    covered = sum(one is not None and one.low <= 1 <= one.high for one in found) / len(found)
    assert 0.95 <= covered <= 0.97  # exactly 95.7 % for 25 samples


@pytest.mark.parametrize(("share", "level"), [(0, 0.95), (1, 0.95), (0.5, 1)])
def test_impossible_shares_and_levels_are_refused(share: float, level: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile_interval([1, 2], share, level)
