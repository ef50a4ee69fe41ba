"""Collecting more: until decided, within the budget, and never spending more of the level than there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.gate.judge import judge
from toolkit.gate.rerun import Collector, spent
from toolkit.gate.side import Series, Side
from toolkit.stats.decide import Rule

RULE = Rule()
FEW = (1.0, 1.01, 1.02)
MINUTE_NS = 60 * 10**9


def a_side(values: tuple[float, ...]) -> Side:
    return Side("x", (), (), (Series("ttft", "ns", "size", "lower", (values,)),))


def collector(adds: tuple[float, ...], budget_minutes: int) -> Collector:
    """Each measurement takes a minute of its own clock; it adds the same to both sides, new three times as slow."""
    taken: list[int] = []

    def measure(number: int) -> tuple[Side, Side]:
        taken.append(number)
        return a_side(adds), a_side(tuple(3 * value for value in adds))

    return Collector(judge, measure, lambda: len(taken) * MINUTE_NS, budget_minutes * MINUTE_NS)


def test_it_stops_as_soon_as_it_is_decided() -> None:
    found = collector(FEW, 100).until_decided(a_side(FEW), a_side(tuple(3 * value for value in FEW)), RULE)
    assert found.judgement.verdict == "regression"
    assert 3 <= found.looks <= 5  # 2 / C(12, 6) = 0.2 % at the second look is more than its share of the level


def test_it_stops_when_the_budget_ends_and_begins_nothing_that_would_not_end() -> None:
    found = collector((), 3).until_decided(a_side(FEW), a_side(FEW), RULE)
    assert (found.judgement.verdict, found.looks) == ("inconclusive", 4)


def test_no_budget_is_one_look() -> None:
    assert collector(FEW, 0).until_decided(a_side(FEW), a_side(FEW), RULE).looks == 1


@given(st.integers(1, 500))
def test_all_looks_together_spend_less_than_the_level(looks: int) -> None:
    total = sum(spent(RULE, look).alpha for look in range(1, looks + 1))
    assert total == pytest.approx(RULE.alpha * looks / (looks + 1))
