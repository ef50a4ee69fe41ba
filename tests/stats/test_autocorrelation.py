"""Correlation of neighbours: against the definition, and against the known τ of an autoregressive series."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter

from toolkit.stats.autocorrelation import INDEPENDENT, autocorrelations, correlation, effective_count

SAMPLES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60)


@given(SAMPLES)
def test_lags_are_those_of_the_definition(samples: list[float]) -> None:
    found = autocorrelations(samples)
    values = np.asarray(samples) - np.mean(samples)
    scale = float(values @ values)
    if scale == 0 or np.ptp(samples) < 1e-6:
        return
    for lag in range(len(values)):
        assert found[lag] == pytest.approx(float(values[: len(values) - lag] @ values[lag:]) / scale, abs=1e-6)


@given(SAMPLES)
def test_a_series_is_never_worth_more_than_its_length(samples: list[float]) -> None:
    assert 1 <= effective_count(samples) <= len(samples)


@pytest.mark.parametrize("memory", [0.5, 0.8, 0.9])
def test_the_time_of_an_autoregressive_series_is_known(memory: float) -> None:
    """For x(t) = φ x(t - 1) + noise, τ = (1 + φ) / (1 - φ); ranks correlate a little less than values."""
    noise = np.random.default_rng(1).normal(size=50_000)
    found = correlation((np.asarray(lfilter([1], [1, -memory], noise)),))
    assert found.time == pytest.approx((1 + memory) / (1 - memory), rel=0.15)


def test_nothing_that_varies_is_independent() -> None:
    assert correlation(([1.0] * 50,)) is INDEPENDENT
    assert correlation(()) is INDEPENDENT


def test_a_step_between_two_series_is_no_correlation() -> None:
    rng = np.random.default_rng(4)
    assert correlation((rng.normal(0, 1, 100), rng.normal(50, 1, 100))) is INDEPENDENT


def test_a_drift_is_correlation() -> None:
    rng = np.random.default_rng(4)
    assert effective_count(np.arange(200) / 20 + rng.normal(size=200)) < 20
