"""BM25 within one session, told from the texts alone."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from toolkit.gateway.sessions.ranking import scores, words_in


def test_rare_words_count_more_than_frequent_ones_and_short_texts_more_than_long_ones() -> None:
    texts = ["green river", "green letter", "green window", "green green", "river stones", "a long text on a green one"]
    got = scores(texts, ["green", "river"], 20)
    assert got[0] == max(got)
    assert got[4] > got[1] == got[2]
    assert got[3] > got[1] > got[5]
    assert scores([], ["green"], 0) == []
    assert scores(["", "green"], ["green"], 2)[0] == 0


def test_a_text_of_one_word_among_one_is_what_the_formula_says() -> None:
    (got,) = scores(["green"], ["green"], 1)
    assert round(got, 4) == 0.2877  # ln(1 + 0.5 / 1.5), as both the count and the length are the mean ones


def test_words_are_told_apart_as_the_index_does() -> None:
    assert words_in("The Café, snake_case & x=7!") == ["the", "cafe", "snake", "case", "x", "7"]
    assert words_in("the snake_case, X-ray") == ["the", "snake", "case", "x", "ray"]
    assert scores(["im Café"], ["CAFE"], 1)[0] > 0


@given(st.text(st.characters(max_codepoint=127)))
def test_the_short_way_for_ascii_is_the_long_way(text: str) -> None:
    assert words_in(text) == re.findall(r"[^\W_]+", text.lower())
