"""What was in memory when, from looks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from toolkit.gateway.residency import Residency, Stay

LOOKS = st.lists(st.dictionaries(st.sampled_from("abcd"), st.integers(0, 9)), max_size=30)


def test_a_stay_lasts_from_the_first_look_to_the_first_that_misses_it() -> None:
    seen = Residency()
    seen.saw({"a": 5}, 10)
    seen.saw({"a": 5, "b": 3}, 20)
    seen.saw({"b": 3}, 30)
    assert seen.since(0) == [Stay("a", 10, 30), Stay("b", 20, None)]
    assert seen.most_vram_bytes == 8


def test_what_was_over_before_the_time_in_question_is_left_out() -> None:
    seen = Residency()
    seen.saw({"a": 5}, 10)
    seen.saw({}, 30)
    assert seen.since(30) == []
    assert seen.since(29) == [Stay("a", 10, 30)]


@given(LOOKS)
def test_the_stays_say_at_every_look_what_it_saw(looks: list[dict[str, int]]) -> None:
    seen = Residency()
    for moment, look in enumerate(looks):
        seen.saw(look, moment)
    stays = seen.since(-1)
    for moment, look in enumerate(looks):
        there = [s.model for s in stays if s.began_ns <= moment and (s.ended_ns is None or moment < s.ended_ns)]
        assert sorted(there) == sorted(look)
    assert seen.most_vram_bytes == max((sum(look.values()) for look in looks), default=0)
