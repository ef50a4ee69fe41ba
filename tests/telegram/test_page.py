"""How an answer is cut into messages, and when a message may be changed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from toolkit.telegram.page import MOST_UNITS, Pace, pages
from toolkit.telegram.words import chosen_text, stats_text


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@given(st.text(alphabet="ab \n😀", max_size=200), st.integers(2, 30))
def test_every_message_fits_and_nothing_but_white_space_is_lost(text: str, most: int) -> None:
    found = pages(text, most)
    assert all(0 < units(page) <= most for page in found)
    assert "".join("".join(found).split()) == "".join(text.split())


def test_a_cut_is_at_the_end_of_a_line_before_that_of_a_word() -> None:
    assert pages("one two\nthree four", 12) == ["one two", "three four"]
    assert pages("one two three", 9) == ["one two", "three"]
    assert pages("x" * (MOST_UNITS + 1)) == ["x" * MOST_UNITS, "x"]


def test_the_first_change_may_come_at_once_and_the_next_only_after_the_interval() -> None:
    pace = Pace(100)
    assert pace.may(5)
    pace.sent(5)
    assert not pace.may(104)
    assert pace.left_ns(65) == 40
    assert pace.may(105)


def test_whoever_is_told_to_wait_waits_and_is_slower_from_then_on() -> None:
    pace = Pace(100)
    pace.told_to_wait(0, 1000)
    assert not pace.may(999)
    assert pace.may(1000)
    pace.sent(1000)
    assert pace.left_ns(1000) == 200


def test_figures_that_are_not_known_are_dashes() -> None:
    text = stats_text(
        {"requests": 0, "hit_rate": None, "swap_s": {"mean": None, "p95": None}, "queue": {"hosts": {"h": {}}}}
    )
    assert "Hit rate: –" in text
    assert "In memory on h: nothing" in text


def test_only_a_model_that_is_there_can_be_chosen() -> None:
    assert chosen_text("a", ["a"]) == "a answers from now on."
    assert chosen_text("b", ["a"]) is None
