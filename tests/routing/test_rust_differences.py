"""The warnings name what RE2 reads otherwise than Rust's regex, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.routing.patterns import PatternError, compile_pattern
from toolkit.routing.rust_differences import pattern_warnings


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        (r"\w+", [r"`\w`"]),
        (r"[\d-]", [r"`\d`"]),
        (r"[^\w]", [r"`\w`"]),
        (r"[]\d]", [r"`\d`"]),  # a first bracket is a literal, the class goes on
        (r"\\\w", [r"`\w`"]),  # a literal backslash, then the class
        (r"\Q\w\E\s", [r"`\s`"]),
        (r"\bword\b", [r"`\b`"]),  # said once
        (r"\W\D\S\B", [r"`\W`", r"`\D`", r"`\S`", r"`\B`"]),
        (r"\b{2}", [r"`\b`"]),
        (r"\b{start}x", [r"`\b{start}`"]),
        (r"\<x\>", [r"`\<`", r"`\>`"]),
        ("a{1001}", ["`{1001}`"]),
        ("a{2,1001}", ["`{2,1001}`"]),
        ("a{1001,}", ["`{1001,}`"]),
        ("a{,3}", ["`{,3}`"]),
        ("[a&&b]", ["`&&`"]),
        ("[a-z--q]", ["`--`"]),
        ("[a[bc]]", ["`[`"]),
    ],
)
def test_differences_are_named(pattern: str, named: list[str]) -> None:
    warnings = pattern_warnings(pattern)
    assert len(warnings) == len(named)
    for warning, start in zip(warnings, named, strict=True):
        assert warning.startswith(start)


@pytest.mark.parametrize(
    "pattern",
    [
        "(code|function|implement|debug|class|def |fn )",
        "^.{0,100}$",
        r"\\w",  # a backslash and a w
        r"\\\\d",
        r"\Q\w\d[&&]",
        "[[:alpha:]_]",
        "[[:^digit:]]",
        r"\p{Greek}{2}\pL\x{1F600}{3}",
        "a{1000}",
        "a{0001000}",
        "{word}",
        "a&&b--c",
        r"\.\[\n",
        "",
    ],
)
def test_patterns_that_mean_the_same_pass_in_silence(pattern: str) -> None:
    assert pattern_warnings(pattern) == ()


@given(st.text(alphabet=r"\wdbpxQE[]{}^:,&-019aL(", max_size=14))
def test_any_text_is_read_to_its_end(pattern: str) -> None:
    assert all(warning.startswith("`") for warning in pattern_warnings(pattern))


@given(st.text(alphabet=r"\[]^:ab&-{}12,|", max_size=10), st.sampled_from("wdsWDS"))
def test_a_class_behind_a_whole_pattern_is_seen(pattern: str, letter: str) -> None:
    """Where RE2 accepts both halves, the scanner must agree with it on where an escape begins."""
    try:
        compile_pattern(pattern)
        compile_pattern(f"{pattern}\\{letter}")
    except PatternError:
        return
    if not pattern.endswith("\\"):
        assert any(f"`\\{letter}`" in warning for warning in pattern_warnings(f"{pattern}\\{letter}"))


def test_the_claims_about_re2_are_true() -> None:
    assert compile_pattern(r"\bcode").search("écode".encode()) is not None
    assert compile_pattern(r"\w").search("é".encode()) is None
    assert compile_pattern("^a{,3}$").search(b"a{,3}") is not None
    assert compile_pattern("^[a&&b]$").search(b"&") is not None
    assert compile_pattern(r"^\<$").search(b"<") is not None
    assert compile_pattern(r"x\b{start}").search(b"x{start}") is not None


@pytest.mark.parametrize(
    ("letter", "instead", "yes", "no"),
    [
        ("w", r"[\pL\pM\p{Nd}_]", "é٣_a", " -"),
        ("d", r"\p{Nd}", "3٣", "a"),
        ("s", r"[\s\pZ]", " \t\u00a0\u3000", "a"),
    ],
)
def test_what_the_warnings_advise_is_unicode_aware(letter: str, instead: str, yes: str, no: str) -> None:
    assert pattern_warnings(f"\\{letter}")[0].endswith(instead)
    found = compile_pattern(f"^{instead}$")
    assert all(found.search(character.encode()) for character in yes)
    assert not any(found.search(character.encode()) for character in no)
