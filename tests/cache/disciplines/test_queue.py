"""The queue that disciplines share, against a list of those who wait."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from toolkit.cache.disciplines.base import Waiting
from toolkit.cache.disciplines.queue import Queue

MODELS = "abcdef"


@given(
    st.lists(st.sampled_from(MODELS), min_size=1, max_size=20),
    st.sets(st.sampled_from(MODELS)),
    st.sets(st.integers(0, 19)),
)
def test_the_fullest_is_what_a_look_at_all_who_wait_finds(
    models: list[str], resident: set[str], gone: set[int]
) -> None:
    """With more models in memory than waited for, and with fewer."""
    queue = Queue()
    for number, model in enumerate(models):
        queue.add(Waiting(number, model, number))
    for number in gone:
        queue.take(number)
    left = [(number, model) for number, model in enumerate(models) if number not in gone]
    assert len(queue) == len(left)
    here = [(number, model) for number, model in left if model in resident] or left
    many = Counter(model for _, model in left)
    if here:
        expected = min(here, key=lambda each: (-many[each[1]], each[0]))
        for among in (resident, sorted(resident), dict.fromkeys(resident)):
            assert queue.fullest(among).number == expected[0]
