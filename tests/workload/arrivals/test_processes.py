"""What holds for every arrival process, and what each promises on its own."""

from __future__ import annotations

import random
import statistics
from fractions import Fraction
from itertools import islice, pairwise, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.config.durations import NS_PER_S
from toolkit.workload.arrivals import CURVES, ArrivalProcess, Constant, Day, Gamma, Poisson, parse_rate

HOUR_NS = 3600 * NS_PER_S
DAY_NS = 24 * HOUR_NS

rates = st.fractions(min_value=Fraction(1, 100_000), max_value=Fraction(1000), max_denominator=100_000)
cvs = st.floats(min_value=0.05, max_value=10)
weights = st.lists(st.floats(0, 100), min_size=24, max_size=24).filter(lambda each: max(each) > 0.01).map(tuple)
processes = st.one_of(
    st.builds(Constant, rates),
    st.builds(Poisson, rates),
    st.builds(Gamma, rates, cvs),
    st.builds(Day, weights, rates.map(lambda rate: rate * 86_400), st.integers(0, DAY_NS - 1), cvs),
)


def within(process: ArrivalProcess, duration_ns: int, seed: int) -> list[int]:
    return list(takewhile(lambda moment: moment < duration_ns, process.offsets_ns(random.Random(seed))))


@given(process=processes, seed=st.integers(0, 2**32))
def test_moments_are_whole_nanoseconds_from_zero_on_and_never_fall(process: ArrivalProcess, seed: int) -> None:
    moments = list(islice(process.offsets_ns(random.Random(seed)), 200))
    assert all(isinstance(moment, int) for moment in moments)
    assert moments[0] >= 0
    assert all(early <= late for early, late in pairwise(moments))


@given(process=processes, seed=st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_moments(process: ArrivalProcess, seed: int) -> None:
    one, other = (list(islice(process.offsets_ns(random.Random(seed)), 50)) for _ in range(2))
    assert one == other


@pytest.mark.parametrize(
    "process", [Poisson(Fraction(1)), Gamma(Fraction(1), 3.0), Day(CURVES["office"], Fraction(86_400), 0, 1.0)]
)
def test_other_seeds_give_other_moments(process: ArrivalProcess) -> None:
    firsts = {tuple(islice(process.offsets_ns(random.Random(seed)), 3)) for seed in range(20)}
    assert len(firsts) == 20


@given(rate=rates, index=st.integers(0, 10**6))
def test_constant_arrivals_do_not_drift(rate: Fraction, index: int) -> None:
    period_ns = NS_PER_S / rate
    moment = next(islice(Constant(rate).offsets_ns(random.Random(0)), index % 1000, None))
    assert moment == int((index % 1000) * period_ns)


def test_constant_arrivals_fill_a_duration_exactly() -> None:
    assert within(Constant(parse_rate("4/h")), HOUR_NS, seed=0) == [0, HOUR_NS // 4, HOUR_NS // 2, 3 * HOUR_NS // 4]


@pytest.mark.parametrize("cv", [0.3, 1.0, 1.1, 2.8])
def test_gamma_gaps_have_the_mean_and_the_burstiness_asked_for(cv: float) -> None:
    moments = list(islice(Gamma(Fraction(1, 20), cv).offsets_ns(random.Random(5)), 40_000))
    gaps_s = [(late - early) / NS_PER_S for early, late in pairwise(moments)]
    assert statistics.fmean(gaps_s) == pytest.approx(20.0, rel=0.03)
    assert statistics.pstdev(gaps_s) / statistics.fmean(gaps_s) == pytest.approx(cv, rel=0.05)


def test_poisson_counts_vary_as_much_as_their_mean() -> None:
    moments = within(Poisson(Fraction(1)), 4000 * 10 * NS_PER_S, seed=2)
    counts = [0] * 4000
    for moment in moments:
        counts[moment // (10 * NS_PER_S)] += 1
    assert statistics.fmean(counts) == pytest.approx(10.0, rel=0.02)
    assert statistics.pvariance(counts) == pytest.approx(10.0, rel=0.08)


@pytest.mark.parametrize("start_h", [0.0, 8.5, 23.0])
@pytest.mark.parametrize("cv", [1.0, 1.6])
def test_a_day_follows_its_curve_at_every_hour_wherever_it_starts(start_h: float, cv: float) -> None:
    """400 days of 1,000 arrivals; each hour's count is compared with its share of the curve."""
    days, start_ns = 400, int(start_h * HOUR_NS)
    moments = within(Day(CURVES["office"], Fraction(1000), start_ns, cv), days * DAY_NS, seed=9)
    hours = [0] * 24
    for moment in moments:
        hours[(moment + start_ns) // HOUR_NS % 24] += 1
    total = sum(CURVES["office"])
    assert len(moments) == pytest.approx(days * 1000, rel=0.01)
    for hour, weight in enumerate(CURVES["office"]):
        expected = days * 1000 * weight / total
        assert abs(hours[hour] - expected) <= 5 * cv * (expected + 1) ** 0.5


@given(start_h=st.integers(0, 23), seed=st.integers(0, 1000))
def test_nobody_comes_in_an_hour_of_weight_zero(start_h: int, seed: int) -> None:
    only_nine = tuple(1.0 if hour == 9 else 0.0 for hour in range(24))
    moments = islice(Day(only_nine, Fraction(50), start_h * HOUR_NS, 2.0).offsets_ns(random.Random(seed)), 200)
    assert {(moment + start_h * HOUR_NS) // HOUR_NS % 24 for moment in moments} <= {9, 10}  # 10 h 00 min 0 s is its end


def test_a_flat_day_is_a_poisson_process() -> None:
    flat = list(islice(Day(CURVES["flat"], Fraction(86_400), 0, 1.0).offsets_ns(random.Random(4)), 1000))
    poisson = list(islice(Poisson(Fraction(1)).offsets_ns(random.Random(4)), 1000))
    assert all(abs(one - other) < 1000 for one, other in zip(flat, poisson, strict=True))
