"""A load is judged by as many repetitions as it takes to be clear, and by no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plan.tallies import tally
from toolkit.plan.judge import is_clear, judge
from toolkit.workload.plan import Slo

if TYPE_CHECKING:
    from toolkit.plan.tally import Tally

SLOS = (Slo("ttft", 10**9, 0.9),)


def kept(*counts: int, requests: int = 100) -> list[Tally]:
    return [tally(count, requests) for count in counts]


@pytest.mark.parametrize(
    ("tallies", "clear"),
    [
        (kept(96, 97), True),  # half of the allowed ten misses at most, in each
        (kept(40, 80), True),  # twice the allowed at least, in each
        (kept(96, 92), False),
        (kept(91, 89, 90, 92), False),
        (kept(88, 87, 88, 87), True),  # close to the limit, but always on the same side of it: the t test
        (kept(92, 93, 92, 93), True),
        (kept(100, 100, requests=5), False),  # one of ten requests may miss: chance
        (kept(95, 96, 60, 97), False),  # one repetition that broke down decides nothing
    ],
)
def test_clear_is_what_every_repetition_says(tallies: list[Tally], clear: bool) -> None:
    assert is_clear(tallies, SLOS) is clear


def test_all_promises_must_be_clearly_kept_and_one_clearly_broken_is_enough() -> None:
    strict = (*SLOS, Slo("ttft", 2 * 10**9, 0.99))
    fine = [tally(96, 100, kept_too=(99,)) for _ in range(2)]
    assert is_clear(fine, SLOS)
    assert not is_clear(fine, strict)
    assert is_clear([tally(91, 100, kept_too=(70,)) for _ in range(2)], strict)


def test_repetitions_double_until_it_is_clear() -> None:
    asked: list[int] = []

    def measure(repetitions: range) -> list[Tally]:
        asked.append(len(repetitions))
        return kept(*(85 if number % 2 else 93 for number in repetitions))

    found = judge(1.0, measure, range(10, 22), 2, SLOS)
    assert asked == [2, 4, 8, 12]
    assert len(found.tallies) == 12
    assert not found.keeps


@given(st.lists(st.integers(0, 100), min_size=8, max_size=8), st.sampled_from([2, 4, 8]))
def test_what_is_judged_is_a_beginning_of_the_repetitions(counts: list[int], first: int) -> None:
    """So two searches that come to one load say the same of it."""
    found = judge(1.0, lambda some: kept(*(counts[number] for number in some)), range(8), first, SLOS)
    assert list(found.tallies) == kept(*counts)[: len(found.tallies)]
    assert len(found.tallies) == 8 or is_clear(found.tallies, SLOS)
