from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.report.wording import achieved, counted, duration, listed, percent, period, plain, sentence, shortened

S = 1_000_000_000


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.0, "0 s"),
        (0.0001, "<1 ms"),
        (0.0034, "3 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.0 s"),
        (8.24, "8.2 s"),
        (99.94, "99.9 s"),
        (99.96, "100 s"),
        (664.4, "664 s"),
        (999.6, "17 min"),
        (2589.0, "43 min"),
        (9000.0, "2.5 h"),
    ],
)
def test_a_duration_has_the_unit_that_suits_it(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("length_ns", "text"),
    [
        (45 * S, "45 s"),
        (15 * 60 * S, "15 minutes"),
        (90 * 60 * S, "90 minutes"),
        (int(2.5 * 3600 * S), "2.5 hours"),
        (24 * 3600 * S, "24 hours"),
        (502 * 3600 * S, "21 days"),
    ],
)
def test_a_period_is_said_in_round_words(length_ns: int, text: str) -> None:
    assert period(length_ns) == text


@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_plain_text_can_be_encoded_and_controls_nothing(text: str) -> None:
    """What is left can be written as UTF-8 and holds no control character, no line break, no change of direction."""
    shown = plain(text)
    shown.encode()
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert len(shown.splitlines()) <= 1
    assert plain(shown) == shown


@given(st.text(max_size=80), st.integers(2, 30))
def test_shortened_text_keeps_its_ends_and_fits(text: str, length: int) -> None:
    shown = shortened(text, length)
    assert len(shown) <= length
    assert shown == plain(text) or (shown[0] == plain(text)[0] or shown[0] == "…")


@pytest.mark.parametrize(
    ("share", "text"), [(None, "-"), (0.999, "99 %"), (0.29, "29 %"), (1.0, "100 %"), (0.0, "0 %")]
)
def test_a_share_of_the_optimum_is_never_rounded_up(share: float | None, text: str) -> None:
    assert achieved(share) == text


def test_percents_counts_and_lists_read_as_sentences_do() -> None:
    assert percent(0.6512) == "65.1 %"
    assert percent(None) == "-"
    assert counted(1, "swap") == "1 swap"
    assert counted(16_093, "request") == "16,093 requests"
    assert counted(2, "strategy", "strategies") == "2 strategies"
    assert [listed([]), listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


@pytest.mark.parametrize(
    ("words", "alone"), [("it broke", "It broke."), ("does it run?", "Does it run?"), ("Done.", "Done.")]
)
def test_words_that_stand_alone(words: str, alone: str) -> None:
    assert sentence(words) == alone
