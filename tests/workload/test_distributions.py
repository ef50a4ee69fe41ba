from __future__ import annotations

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.workload.distributions import Clipped, Distribution, Empirical, Exponential, Fixed, LogNormal, Uniform

ALL = (
    Fixed(7.0),
    Uniform(2.0, 9.0),
    Exponential(30.0),
    LogNormal(151.0, 0.86),
    LogNormal(0.0, 1.0),
    Empirical(((0.0, 7.0), (0.5, 129.0), (0.9, 129.0), (1.0, 1000.0))),
    Clipped(LogNormal(151.0, 0.86), 10.0, 600.0),
)
shares = st.floats(min_value=0.0, max_value=1.0, exclude_max=True)


@pytest.mark.parametrize("distribution", ALL)
@given(one=shares, other=shares)
def test_quantiles_are_finite_never_negative_and_never_fall(
    distribution: Distribution, one: float, other: float
) -> None:
    low, high = distribution.at(min(one, other)), distribution.at(max(one, other))
    assert 0.0 <= low <= high < math.inf


def test_known_quantiles() -> None:
    assert Uniform(2.0, 9.0).at(0.5) == 5.5
    assert Exponential(30.0).at(0.5) == pytest.approx(30.0 * math.log(2))
    assert LogNormal(151.0, 0.86).at(0.5) == 151.0
    assert LogNormal(100.0, 0.5).at(0.8413447460685429) == pytest.approx(100.0 * math.exp(0.5))
    measured = Empirical(((0.0, 7.0), (0.5, 129.0), (1.0, 1000.0)))
    assert [measured.at(u) for u in (0.0, 0.25, 0.5, 0.75)] == [7.0, 68.0, 129.0, 564.5]
    assert Clipped(Fixed(5.0), 6.0, 8.0).at(0.3) == 6.0


@given(
    points=st.lists(st.tuples(st.floats(0.01, 0.99), st.floats(0, 1e6)), max_size=8, unique_by=lambda point: point[0])
)
def test_an_empirical_distribution_passes_through_its_points(points: list[tuple[float, float]]) -> None:
    inner = zip(sorted(share for share, _ in points), sorted(value for _, value in points), strict=True)
    measured = Empirical(((0.0, 0.0), *inner, (1.0, 1e6)))
    for share, value in measured.points[:-1]:
        assert measured.at(share) == pytest.approx(value)


def test_draws_have_the_moments_that_were_asked_for() -> None:
    rng = random.Random(3)
    logs = [math.log(LogNormal(151.0, 0.86).at(rng.random())) for _ in range(20_000)]
    assert statistics.fmean(logs) == pytest.approx(math.log(151.0), abs=0.02)
    assert statistics.pstdev(logs) == pytest.approx(0.86, abs=0.02)
    assert statistics.fmean(Exponential(30.0).at(rng.random()) for _ in range(20_000)) == pytest.approx(30.0, rel=0.03)
