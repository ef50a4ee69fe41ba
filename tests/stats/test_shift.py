"""Changes: against writing out all pairs, against SciPy, against hand sums."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from toolkit.stats import shift
from toolkit.stats.autocorrelation import INDEPENDENT, Correlation
from toolkit.stats.ranktest import rank_test
from toolkit.stats.shift import mean_shift, quantile_of, ratio_shift, share_shift

POSITIVE = st.lists(st.floats(0.01, 1e6), min_size=6, max_size=40)


@settings(max_examples=40)
@given(POSITIVE, POSITIVE)
def test_the_estimate_is_the_median_of_all_ratios(base: list[float], new: list[float]) -> None:
    found = ratio_shift(base, new, INDEPENDENT)
    assert found is not None
    ratios = np.log(np.divide.outer(new, base)).ravel()
    assert found.change.estimate == pytest.approx(math.expm1(float(np.median(ratios))), rel=1e-9, abs=1e-12)
    assert found.change.low <= found.change.estimate <= found.change.high


@settings(max_examples=60)
@given(st.lists(st.floats(0.1, 10), min_size=6, max_size=14, unique=True), st.floats(0.5, 2))
def test_interval_and_test_agree(base: list[float], factor: float) -> None:
    """A factor outside the 95 % interval is one that the rank test rejects at 5 %, and the other way round."""
    new = [value**1.1 for value in base]
    found = ratio_shift(base, new, INDEPENDENT)
    assert found is not None
    p = rank_test([math.log(value * factor) for value in base], [math.log(value) for value in new]).p
    if not found.change.low - 1e-9 <= factor - 1 <= found.change.high + 1e-9:
        assert p <= 0.05 + 1e-9
    elif found.change.low + 1e-9 < factor - 1 < found.change.high - 1e-9:
        assert p > 0.05 - 1e-9


def test_many_pairs_are_searched_not_written_out() -> None:
    """The bisection finds the very pair that sorting would."""
    rng = np.random.default_rng(1)
    lower, upper = np.sort(rng.normal(size=700)), np.sort(rng.normal(size=900))
    every = np.sort(np.subtract.outer(upper, lower).ravel())
    for place in (1, 1_000, 315_000, 629_999, 630_000):
        assert shift._difference_at(lower, upper, place) == pytest.approx(every[place - 1], abs=1e-10)


def test_a_factor_of_two_is_found_exactly() -> None:
    base = [float(value) for value in range(10, 40)]
    found = ratio_shift(base, [2 * value for value in base], INDEPENDENT)
    assert found is not None
    assert found.change.estimate == pytest.approx(1.0)


@pytest.mark.parametrize(("count", "there"), [(3, False), (4, True)])
def test_too_few_samples_have_no_interval(count: int, there: bool) -> None:
    """Three a side: the farthest of 9 pairs errs with 1/20 on each side; four a side: 1/70."""
    values = [float(value) for value in range(1, count + 1)]
    assert (ratio_shift(values, values, INDEPENDENT) is not None) is there


@pytest.mark.parametrize("base", [[], [0.0, 1.0], [-1.0]])
def test_a_ratio_of_what_is_not_positive_is_refused(base: list[float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        ratio_shift(base, [1.0], INDEPENDENT)


def test_correlation_widens_every_interval() -> None:
    rng = np.random.default_rng(2)
    base, new = rng.lognormal(0, 0.1, 100), rng.lognormal(0, 0.1, 100)
    for estimator in (ratio_shift, mean_shift):
        narrow, wide = estimator(base, new, INDEPENDENT), estimator(base, new, Correlation(4.0, 30))
        assert narrow is not None
        assert wide is not None
        assert (wide.change.high - wide.change.low) / (narrow.change.high - narrow.change.low) == pytest.approx(
            2.07, rel=0.05
        )


def test_means_agree_with_welch_where_the_base_is_exact() -> None:
    """With a base that hardly varies, the delta method is the t interval of the new mean."""
    rng = np.random.default_rng(3)
    base, new = np.full(500, 10.0) + rng.normal(0, 1e-6, 500), rng.normal(11, 1, 500)
    found, theirs = mean_shift(base, new, INDEPENDENT), ttest_ind(new, base, equal_var=True).confidence_interval(0.95)
    assert found is not None
    assert found.change.low * 10 == pytest.approx(theirs.low, rel=1e-2)
    assert found.change.high * 10 == pytest.approx(theirs.high, rel=1e-2)


def test_a_base_of_zero_has_no_relative_change() -> None:
    assert mean_shift([0.0, 0.0], [1.0, 2.0], INDEPENDENT) is None


def test_shares_by_newcombes_own_example() -> None:
    """Newcombe (1998), table II, contrast (a): 56/70 against 48/80, method 10: 0.2 [0.0524, 0.3339]."""
    found = share_shift([1.0] * 48 + [0.0] * 32, [1.0] * 56 + [0.0] * 14, INDEPENDENT)
    assert found is not None
    assert (found.change.estimate, found.change.low, found.change.high) == pytest.approx(
        (0.2, 0.0524, 0.3339), abs=1e-4
    )


@given(st.lists(st.booleans(), min_size=1, max_size=80), st.lists(st.booleans(), min_size=1, max_size=80))
def test_a_difference_of_shares_lies_in_its_interval(base: list[bool], new: list[bool]) -> None:
    found = share_shift([float(one) for one in base], [float(one) for one in new], INDEPENDENT)
    assert found is not None
    assert -1 <= found.change.low <= found.change.estimate <= found.change.high <= 1


def test_a_95_percent_interval_reaches_1_96_errors() -> None:
    assert quantile_of(0.95, math.inf) == pytest.approx(1.959964, abs=1e-6)
    assert quantile_of(0.95, 10) == pytest.approx(2.228, abs=1e-3)
