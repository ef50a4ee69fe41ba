"""Options that several commands share."""

from __future__ import annotations

import click
import pytest

from toolkit.cli.options import SpanParam

HOUR_NS = 3600 * 10**9


@pytest.mark.parametrize(("text", "hours"), [("7d", 168), ("1d", 24), ("90m", 1.5), ("1h30m", 1.5), ("36h", 36)])
def test_a_time_back_is_a_duration_or_days(text: str, hours: float) -> None:
    assert SpanParam().convert(text, None, None) == hours * HOUR_NS


@pytest.mark.parametrize(
    ("text", "words"), [("0s", "leaves nothing"), ("-1h", "leaves nothing"), ("7", "as in 7d"), ("1.5d", "as in 7d")]
)
def test_other_times_are_refused_with_what_to_write(text: str, words: str) -> None:
    with pytest.raises(click.BadParameter, match=words):
        SpanParam().convert(text, None, None)
