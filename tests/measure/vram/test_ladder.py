from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from toolkit.measure.vram.ladder import HIGHEST, STEP, next_context, rungs


def climbed(ladder: tuple[int, ...], cliff: int) -> dict[int, bool]:
    """What is tried of a model that is whole below `cliff` tokens."""
    seen: dict[int, bool] = {}
    while (context := next_context(ladder, seen)) is not None:
        assert context not in seen
        seen[context] = context < cliff
    return seen


def test_rungs_double_up_to_the_trained_context() -> None:
    assert rungs(32_768) == (4096, 8192, 16_384, 32_768)
    assert rungs(10_000) == (4096, 8192, 10_000)
    assert rungs(2048) == (2048,)
    assert rungs(None)[-1] == HIGHEST
    assert rungs(1 << 20)[-1] == HIGHEST


@given(st.integers(1, 1 << 20), st.integers(1, 1 << 18))
def test_the_cliff_is_found_to_a_step(trained: int, cliff: int) -> None:
    """INV-CLIFF: of a cliff within the ladder, the two contexts around it are at most a step apart."""
    seen = climbed(rungs(trained), cliff)
    whole = [context for context, is_whole in seen.items() if is_whole]
    spilled = [context for context, is_whole in seen.items() if not is_whole]
    assert len(seen) <= 6 + 17
    if whole and spilled:
        assert max(whole) < cliff <= min(spilled)
        assert min(spilled) - max(whole) <= STEP


def test_nothing_larger_than_a_spill_is_tried() -> None:
    seen = climbed((4096, 8192, 16_384, 32_768), 5000)
    assert max(seen) == 8192


def test_a_cliff_below_the_first_rung_is_left_alone() -> None:
    assert climbed((4096, 8192), 1) == {4096: False}


def test_answers_that_contradict_each_other_end_the_search() -> None:
    assert next_context((4096, 8192), {4096: False, 8192: True}) is None
