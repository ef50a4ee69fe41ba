from __future__ import annotations

from dataclasses import replace

import pytest

from tests.measure.swap.samples import GB, MS, load, resident, swap
from toolkit.measure.swap.cache_state import State
from toolkit.measure.swap.matrix import matrix_of


def test_cold_and_warm_are_never_pooled() -> None:
    matrix = matrix_of([load(pages="dropped", load_ms=9000), load(pages="warmed", load_ms=1000)], ["b"], None)
    assert [(cell.state, cell.count) for cell in matrix.cells] == [(State.DISK, 1), (State.PAGES, 1)]
    shown = matrix.cell(None, "b")
    assert shown is not None
    assert shown.state is State.PAGES


def test_an_interval_only_where_the_samples_suffice() -> None:
    few = matrix_of([load(load_ms=1000 + n) for n in range(5)], ["b"], None).cells[0].swap
    enough = matrix_of([load(load_ms=1000 + n) for n in range(6)], ["b"], None).cells[0].swap
    assert few is not None
    assert enough is not None
    assert few.interval is None
    assert enough.interval is not None
    assert (enough.interval.low, enough.median_ns, enough.interval.high) == (1000 * MS, 1002.5 * MS, 1005 * MS)


def test_recovery_is_found_by_the_load_from_nothing_of_the_same_state() -> None:
    matrix = matrix_of([load(load_ms=1000), swap(load_ms=2000)], ["a", "b"], None)
    cell = matrix.cell("a", "b")
    assert cell is not None
    assert dict(cell.parts)["recovery"] == 900 * MS
    assert cell.bytes_per_s == pytest.approx(4 * GB)
    assert cell.bounded_by == "the bus"


def test_disturbed_samples_are_rows_but_in_no_cell() -> None:
    disturbed = replace(swap(load_ms=9000), listed_after=("b", "mine"))
    matrix = matrix_of([swap(load_ms=2000), disturbed], ["a", "b"], None)
    assert len(matrix.rows) == 2
    assert disturbed.strangers == ("mine",)
    assert [cell.count for cell in matrix.cells] == [1]


def test_models_that_live_together_do_not_swap() -> None:
    matrix = matrix_of([swap(stays=True), swap("b", "a")], ["a", "b"], None)
    beside, swapped = matrix.cell("a", "b"), matrix.cell("b", "a")
    assert beside is not None
    assert swapped is not None
    assert (beside.is_beside, swapped.is_beside) == (True, False)


def test_one_quick_twin_makes_all_clock_parts_absent() -> None:
    quick = replace(swap(), done_ns=50 * MS)
    matrix = matrix_of([swap(), quick], ["a", "b"], None)
    cell = matrix.cell("a", "b")
    assert cell is not None
    assert cell.first_token is None
    assert dict(cell.parts)["evict"] is None
    assert cell.swap is not None


def test_cells_come_pair_by_pair_nothing_first() -> None:
    matrix = matrix_of([swap("b", "a"), resident("a"), swap(), load("b"), load("a")], ["a", "b"], None)
    assert [(cell.before, cell.model) for cell in matrix.cells] == [
        (None, "a"), (None, "b"), ("a", "a"), ("a", "b"), ("b", "a"),
    ]  # fmt: skip
    assert matrix.cell("b", "b") is None
