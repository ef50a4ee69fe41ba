"""Durations against the documented behaviour of Go's `time.ParseDuration`, and against an exact second witness."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.config.durations import MAX_NS, MIN_NS, DurationError, format_duration, parse_duration_ns

US, MS, S = 1_000, 1_000_000, 1_000_000_000
M, H = 60 * S, 3600 * S
UNITS = {"ns": 1, "us": US, "µs": US, "μs": US, "ms": MS, "s": S, "m": M, "h": H}


@pytest.mark.parametrize(
    ("text", "expected_ns"),
    [
        ("0", 0),
        ("-0", 0),
        ("+0", 0),
        ("5s", 5 * S),
        ("+5s", 5 * S),
        ("-5s", -5 * S),
        ("5.s", 5 * S),
        (".5s", S // 2),
        ("1.0s", S),
        ("1.004s", S + 4 * MS),
        ("1.00s", S),
        ("100.00100s", 100 * S + MS),
        ("10ns", 10),
        ("11us", 11 * US),
        ("12µs", 12 * US),
        ("12μs", 12 * US),
        ("13ms", 13 * MS),
        ("1h30m", 90 * M),
        ("-1.5h", -90 * M),
        ("30m1h", 90 * M),
        ("39h9m14.425s", 39 * H + 9 * M + 14 * S + 425 * MS),
        ("1800000000001ns", 1_800_000_000_001),
        ("52763797000ns", 52_763_797_000),
        ("0.3333333333333333333h", 20 * M),
        ("0.100000000000000000000h", 6 * M),
        ("0.9223372036854775807h", 55 * M + 20 * S + 413_933_267),
        ("9223372036854775807ns", MAX_NS),
        ("9223372036854775.807us", MAX_NS),
        ("9223372036s854ms775us807ns", MAX_NS),
        ("-9223372036854775808ns", MIN_NS),
        ("-9223372036854775.808us", MIN_NS),
        ("-2562047h47m16.854775808s", MIN_NS),
        ("1.9999999999ns", 1),
        ("00000000000000000000000001s", S),
    ],
)
def test_reads_what_go_reads(text: str, expected_ns: int) -> None:
    assert parse_duration_ns(text) == expected_ns


@pytest.mark.parametrize(
    ("text", "go_message", "message"),
    [
        ("", 'time: invalid duration ""', "written like"),
        ("3", 'time: missing unit in duration "3"', "unit is missing"),
        ("-1", 'time: missing unit in duration "-1"', "unit is missing"),
        ("-", 'time: invalid duration "-"', "written like"),
        ("s", 'time: invalid duration "s"', "written like"),
        (".", 'time: invalid duration "."', "written like"),
        ("-.", 'time: invalid duration "-."', "written like"),
        (".s", 'time: invalid duration ".s"', "written like"),
        ("+.s", 'time: invalid duration "+.s"', "written like"),
        ("--1s", 'time: invalid duration "--1s"', "written like"),
        ("1d", 'time: unknown unit "d" in duration "1d"', "'d' is not a unit"),
        ("5 s", 'time: unknown unit " s" in duration "5 s"', "'s' is not a unit"),
        ("5S", 'time: unknown unit "S" in duration "5S"', "'S' is not a unit"),
        ("1h-5m", 'time: unknown unit "h-" in duration "1h-5m"', "is not a unit"),
        ("\u00851h", 'time: invalid duration "\\xc2\\x851h"', "written like"),
        ("1µ", 'time: unknown unit "\\xc2\\xb5" in duration "1\\xc2\\xb5"', "is not a unit"),
        ("\uffff1h", 'time: invalid duration "\\xef\\xbf\\xbf1h"', "written like"),
        ('"1h"', 'time: invalid duration "\\"1h\\""', "written like"),
        ("9223372036854775808ns", 'time: invalid duration "9223372036854775808ns"', "longest"),
        ("9223372036854775.808us", 'time: invalid duration "9223372036854775.808us"', "longest"),
        ("-9223372036854775809ns", 'time: invalid duration "-9223372036854775809ns"', "longest"),
        ("3000000h", 'time: invalid duration "3000000h"', "longest"),
        ("99999999999999999999999h", 'time: invalid duration "99999999999999999999999h"', "longest"),
        ("1x" * 3, 'time: unknown unit "x" in duration "1x1x1x"', "'x' is not a unit"),
    ],
)
def test_refuses_what_go_refuses_in_its_words_and_in_ours(text: str, go_message: str, message: str) -> None:
    with pytest.raises(DurationError, match=message) as caught:
        parse_duration_ns(text)
    assert caught.value.go_message == go_message


def test_a_number_of_a_million_digits_is_refused_and_not_computed() -> None:
    with pytest.raises(DurationError, match="longest"):
        parse_duration_ns("9" * 1_000_000 + "s")
    assert parse_duration_ns("0." + "9" * 1_000_000 + "s") == S  # digits beyond 63 bits do not count, then it rounds


@given(st.integers(MIN_NS, MAX_NS))
def test_what_is_written_is_read_back_to_the_nanosecond(duration_ns: int) -> None:
    assert parse_duration_ns(format_duration(duration_ns)) == duration_ns


@given(st.lists(st.tuples(st.integers(0, 10**7), st.sampled_from(sorted(UNITS))), min_size=1, max_size=6))
def test_terms_of_whole_numbers_add_up(terms: list[tuple[int, str]]) -> None:
    total = sum(count * UNITS[unit] for count, unit in terms)
    text = "".join(f"{count}{unit}" for count, unit in terms)
    if total <= MAX_NS:
        assert parse_duration_ns(text) == total
        assert parse_duration_ns("-" + text) == -total


@given(st.integers(0, 10**6), st.text("0123456789", min_size=1, max_size=12), st.sampled_from(sorted(UNITS)))
def test_fractions_agree_with_exact_arithmetic_to_one_nanosecond(whole: int, fraction: str, unit: str) -> None:
    """Go cuts off after an arithmetic in doubles, which may lie one below or above the exact value cut off."""
    exact = Fraction(f"{whole}.{fraction}") * UNITS[unit]
    if exact <= MAX_NS:
        assert abs(parse_duration_ns(f"{whole}.{fraction}{unit}") - int(exact)) <= 1


@given(st.text(max_size=12))
def test_any_text_is_a_duration_or_a_duration_error(text: str) -> None:
    assert _outcome(text).startswith(("time: ", "in range"))


def _outcome(text: str) -> str:
    try:
        duration_ns = parse_duration_ns(text)
    except DurationError as error:
        return error.go_message
    return "in range" if MIN_NS <= duration_ns <= MAX_NS else "out of range"


@pytest.mark.parametrize(
    ("duration_ns", "text"),
    [(0, "0s"), (90 * M, "1h30m"), (1500 * MS, "1500ms"), (-S, "-1s"), (1_800_000_000_001, "30m1ns"), (61 * S, "1m1s")],
)
def test_durations_are_written_short(duration_ns: int, text: str) -> None:
    assert format_duration(duration_ns) == text
