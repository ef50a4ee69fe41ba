"""Quantiles agree with NumPy's, an independent witness."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.stats.quantiles import quantile, samples_needed


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.floats(0, 1))
def test_a_quantile_is_that_of_numpy(samples: list[float], share: float) -> None:
    ordered = sorted(samples)
    assert quantile(ordered, share) == pytest.approx(float(np.quantile(ordered, share)), rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_outside_its_range_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        quantile([1.0], share)


def test_no_samples_have_no_quantile() -> None:
    with pytest.raises(ValueError, match="samples"):
        quantile([], 0.5)


def test_a_percentile_needs_samples_beyond_it() -> None:
    assert (samples_needed(0.5), samples_needed(0.95), samples_needed(0.99)) == (2, 20, 100)
