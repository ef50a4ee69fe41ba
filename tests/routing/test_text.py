"""Texts that UTF-8 cannot hold are repaired, all others left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.routing.text import encoded, scalar_text

ANY_TEXT = st.text(st.characters(codec=None) | st.characters(categories=["Cs"]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain é 日本 \N{GRINNING FACE}", "plain é 日本 \N{GRINNING FACE}"),
        ("\ud800", "\ufffd"),
        ("a\udcffb", "a\ufffdb"),
        ("\ud83d\ude00", "\N{GRINNING FACE}"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("\ud83dx", "\ufffdx"),
    ],
)
def test_surrogates_become_characters(text: str, expected: str) -> None:
    assert scalar_text(text) == expected


@given(ANY_TEXT)
def test_the_result_is_valid_and_counted_in_code_points(text: str) -> None:
    data, code_points = encoded(text)
    assert len(data.decode()) == code_points <= len(text)
    assert scalar_text(scalar_text(text)) == scalar_text(text) == data.decode()


@given(st.text())
def test_text_without_surrogates_is_itself(text: str) -> None:
    assert scalar_text(text) == text
