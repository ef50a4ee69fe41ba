from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from toolkit.measure.swap.outliers import LIMIT, scores, warning
from toolkit.measure.swap.split import SERVER_POLL_NS

MS = 1_000_000


def test_scores_are_distances_in_mads() -> None:
    """By hand: median 300, deviations 200 100 0 100 1000, their median 100."""
    assert scores([100 * MS, 200 * MS, 300 * MS, 400 * MS, 1300 * MS]) == [-2.0, -1.0, 0.0, 1.0, 10.0]


@given(st.integers(1, 20), st.lists(st.integers(0, 1), min_size=3, max_size=20))
def test_one_tick_of_the_server_is_no_outlier(ticks: int, late: list[int]) -> None:
    samples = [(ticks + one) * SERVER_POLL_NS for one in late]
    assert all(abs(score) <= LIMIT for score in scores(samples))
    assert warning(samples, cold_known=False) is None


def test_too_few_have_no_middle() -> None:
    assert scores([1, 10**12]) == []
    assert warning([1, 10**12], cold_known=False) is None


def test_a_slow_first_sample_is_told_with_what_helps() -> None:
    said = warning([6000 * MS, 1000 * MS, 1003 * MS, 1001 * MS], cold_known=False)
    assert said is not None
    assert "first was much slower" in said
    assert "--drop-caches" in said


def test_later_ones_are_counted() -> None:
    said = warning([1000 * MS, 1003 * MS, 9000 * MS, 1001 * MS, 1002 * MS], cold_known=True)
    assert said == "1 outlier of 5: something else ran meanwhile; repeat on a quiet host"
