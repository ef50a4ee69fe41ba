from __future__ import annotations

from fractions import Fraction

import pytest

from toolkit.workload.arrivals.rate import RateError, parse_rate


@pytest.mark.parametrize(
    ("text", "per_s"),
    [
        ("2/s", Fraction(2)),
        ("40/h", Fraction(1, 90)),
        ("0.5 / min", Fraction(1, 120)),
        ("1500/day", Fraction(5, 288)),
        ("1/17s", Fraction(1, 17)),
    ],
)
def test_a_rate_is_exact(text: str, per_s: Fraction) -> None:
    assert parse_rate(text) == per_s


@pytest.mark.parametrize("text", ["40", "40/hour", "-1/s", "0/h", "1e3/s", "", "/s", "1/0s", "100001/s", "\u0661/s"])
def test_what_is_not_a_rate_is_refused(text: str) -> None:
    with pytest.raises(RateError, match="a rate is"):
        parse_rate(text)
