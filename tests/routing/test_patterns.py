"""Patterns mean what they mean in Rust's regex, in one pass or one by one."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import UsageError
from toolkit.routing.patterns import SET_MEMORY_BYTES, PatternError, PatternList, compile_pattern, compile_set

PATTERNS = ("bug", "^.{0,5}$", "a+b", "(?i)CODE", "[^x]$", "é", "x*y")


def occurs(pattern: str, text: str) -> bool:
    return compile_pattern(pattern).search(text.encode()) is not None


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("bug", "a bug here", True),  # unanchored
        ("Bug", "a bug here", False),  # case counts
        ("end$", "the end", True),
        ("end$", "the end\n", False),  # unlike Python's re
        ("^start", "line\nstart", False),  # no multi-line mode unless asked for
        ("(?m)^start", "line\nstart", True),
        ("a.b", "a\nb", False),
        ("a.b", "a\rb", True),
        ("^.{0,100}$", "é" * 100, True),  # code points, not bytes
        ("^.{0,100}$", "é" * 101, False),
        ("^.{0,100}$", "\N{GRINNING FACE}" * 100, True),
        ("^.{0,100}$", "two\nlines", False),
        ("^.{0,100}$", "", True),
    ],
)
def test_a_pattern_means_what_it_means_in_rust(pattern: str, text: str, expected: bool) -> None:
    assert occurs(pattern, text) is expected


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        ("a{1001}", "at most 1000 times"),
        ("((a{100}){100}){100}", "nested repetitions multiplied"),
        ("(?=a)", "look-around is not possible"),
        ("(?<!a)b", "look-behind is not possible"),
        ("(?x) a", "no verbose mode"),
        (r"a\Z", r"`\z` or `$`"),
        (r"(a)\1", "back-references do not exist"),
        (r"\u0041", r"\x{1F600}"),
        ("(a", "missing )"),
        ("\ud800", "half of a surrogate pair"),
    ],
)
def test_a_refused_pattern_is_named_with_the_reason_and_what_to_write(
    pattern: str, hint: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(PatternError) as caught:
        compile_pattern(pattern)
    assert isinstance(caught.value, UsageError)
    assert str(caught.value).startswith(f"pattern {pattern!r}: ")
    assert hint in str(caught.value)
    assert capfd.readouterr().err == ""  # RE2's own log stays quiet


def test_a_set_that_fails_to_compile_is_replaced_by_one_pattern_at_a_time() -> None:
    patterns = ["bug", "^.{0,100}$"]
    assert compile_set(patterns, 20_000) is None
    slow = PatternList(patterns, compile_set(patterns, 20_000))
    assert [slow.first(text) for text in (b"a bug", b"hello", b"x" * 101)] == [0, 1, None]


class ExhaustedSet:
    """A set whose memory has run out in the middle of a search, as the binding shows it: no match at all."""

    def __init__(self, answer: list[int] | None) -> None:
        self.answer = answer
        self.asked = 0

    def Match(self, _text: bytes) -> list[int] | None:  # noqa: N802 - re2's spelling
        """Fail as the binding does."""
        self.asked += 1
        return self.answer


@pytest.mark.parametrize("answer", [None, []])
def test_a_set_that_runs_out_of_memory_while_searching_never_turns_a_match_into_silence(
    answer: list[int] | None,
) -> None:
    exhausted = ExhaustedSet(answer)
    patterns = PatternList(["bug", "code"], exhausted)
    assert [patterns.first(text) for text in (b"some code", b"bug in code", b"neither")] == [1, 0, None]
    assert exhausted.asked == 3


def test_an_answer_without_the_pattern_that_always_matches_is_not_believed() -> None:
    assert PatternList(["bug", "code"], ExhaustedSet([1])).first(b"bug in code") == 0


def test_a_real_set_reports_the_pattern_that_always_matches() -> None:
    matcher = compile_set(["bug"], SET_MEMORY_BYTES)
    assert matcher is not None
    assert sorted(matcher.Match(b"a bug") or []) == [0, 1]
    assert matcher.Match(b"") == [1]


@given(st.lists(st.sampled_from(PATTERNS), max_size=6), st.text(alphabet="abugcodeCODExyé\n ", max_size=12))
def test_one_pass_finds_what_one_by_one_finds(patterns: list[str], text: str) -> None:
    matcher = compile_set(patterns, SET_MEMORY_BYTES)
    assert matcher is not None
    data = text.encode()
    one_by_one = next((index for index, pattern in enumerate(patterns) if occurs(pattern, text)), None)
    assert PatternList(patterns, matcher).first(data) == one_by_one
    assert PatternList(patterns, None).first(data) == one_by_one


def test_a_pattern_that_backtracks_elsewhere_takes_linear_time() -> None:
    patterns = PatternList(["^(a+)+$"], compile_set(["^(a+)+$"], SET_MEMORY_BYTES))
    assert (
        patterns.first(b"a" * 200_000 + b"!") is None
    )  # a backtracking engine would need longer than the universe has


def test_a_set_whose_automaton_explodes_still_finds_everything() -> None:
    """20 places back there is an `a`: two to the twentieth states, far more than a small budget holds."""
    patterns = ["a[ab]{20}c", "zz$"]
    matcher = compile_set(patterns, 40_000)
    assert matcher is not None
    draw = random.Random(7)
    noise = "".join(draw.choice("ab") for _ in range(20_000)).encode()
    together = PatternList(patterns, matcher)
    assert together.first(noise + b"zz") == 1
    assert together.first(noise + b"a" + b"b" * 20 + b"c" + b"zz") == 0
    assert together.first(noise) is None


def test_threads_share_a_list() -> None:
    patterns = PatternList(PATTERNS, compile_set(PATTERNS, SET_MEMORY_BYTES))
    texts = [f"{index} bug" if index % 2 else f"{index} nothing here, long enough to be x" for index in range(2_000)]
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda text: patterns.first(text.encode()), texts))
    assert found == [0 if index % 2 else None for index in range(2_000)]
