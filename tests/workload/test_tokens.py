from __future__ import annotations

import pytest

from toolkit.workload.tokens import estimate_message_tokens


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 4), ("a", 5), ("abcd", 5), ("abcde", 6), ("é" * 8, 6), ("x" * 400, 104)]
)
def test_a_quarter_of_the_code_points_rounded_up_plus_the_template(text: str, tokens: int) -> None:
    assert estimate_message_tokens(text) == tokens
