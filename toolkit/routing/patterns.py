"""Users' patterns, compiled with RE2: linear time whatever the pattern, and the meaning they have in Rust's regex.

The search is unanchored; `$` is the end of the text, not the place before a last newline; `.` is any character but a
newline; case counts. What RE2 reads differently from Rust is the business of `toolkit.routing.rust_differences`.

All patterns of a router are searched in one pass (`re2.Set`). A set can run out of memory, while it is compiled or,
by its documentation, while it searches; the Python binding then answers as if nothing had matched. So every set here
holds one more pattern that matches every text: an answer without it is a failure, never "no match", and the patterns
are then tried one by one, which RE2 does in bounded memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import re2

from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

SET_MEMORY_BYTES = 32 << 20

_MATCHES_EVERYTHING = ""

# What RE2 says, and what a user can do about it.
_HINTS = (
    ("repetition size", "RE2 repeats at most 1000 times, nested repetitions multiplied; use `*` or `+`"),
    ("invalid perl operator: (?=", "look-around is not possible in linear time (Rust's regex crate has none either)"),
    ("invalid perl operator: (?!", "look-around is not possible in linear time (Rust's regex crate has none either)"),
    ("invalid perl operator: (?<", "look-behind is not possible in linear time (Rust's regex crate has none either)"),
    ("invalid perl operator: (?x", "RE2 has no verbose mode; write the pattern without spaces and comments"),
    ("invalid perl operator", "RE2 knows the flags i, m, s and U"),
    ("invalid escape sequence: \\Z", "the end of the text is `\\z` or `$`"),
    ("invalid escape sequence: \\u", "write a code point as `\\x{1F600}`"),
    ("invalid escape sequence", "a literal backslash is `\\\\`; back-references do not exist in RE2"),
    ("invalid character class range: \\p", "RE2 knows general categories and scripts: `\\pL`, `\\p{Lu}`, `\\p{Greek}`"),
    ("bad repetition operator", "put the repeated part in a group: `(?:x*)*`"),
    ("pattern too large", "split it into several rules"),
)


class PatternError(UsageError):
    """A pattern cannot be compiled; the message names the pattern, RE2's reason and what to write instead."""


class Matcher(Protocol):
    """What `PatternList` needs of `re2.Set`: the indices of the patterns found, in any order, or None."""

    def Match(self, text: bytes) -> list[int] | None:  # noqa: N802 - re2's spelling
        """Search all patterns at once."""
        ...


def compile_pattern(pattern: str) -> Any:
    """The pattern as an RE2 object (`.search(bytes)`).

    Raises:
        PatternError: RE2 refuses the pattern.
    """
    try:
        return re2.compile(pattern, _options())
    except UnicodeEncodeError:
        raise PatternError(f"pattern {pattern!r}: half of a surrogate pair is not a character; remove it") from None
    except re2.error as error:
        said = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
        hint = next((hint for start, hint in _HINTS if start in said), "see https://github.com/google/re2/wiki/Syntax")
        raise PatternError(f"pattern {pattern!r}: {said}; {hint}") from None


def compile_set(patterns: Sequence[str], max_memory_bytes: int) -> Matcher | None:
    """All patterns, and at the end one that matches everything, as one set; None if the set needs more memory."""
    options = _options()
    options.max_mem = max_memory_bytes
    matcher = re2.Set.SearchSet(options)
    try:
        for pattern in (*patterns, _MATCHES_EVERYTHING):
            matcher.Add(pattern)
        matcher.Compile()
    except re2.error:
        return None
    return matcher  # type: ignore[no-any-return]  # re2 ships no type information


class PatternList:
    """Patterns in an order: which is the first that occurs in a text?

    `matcher` is one pass over all of them, made by `compile_set` from the same patterns; None searches one by one.
    The answer is the same either way. Safe to share between threads.

    Raises:
        PatternError: a pattern cannot be compiled.
    """

    def __init__(self, patterns: Sequence[str], matcher: Matcher | None) -> None:
        self._each = tuple(compile_pattern(pattern) for pattern in patterns)
        self._matcher = matcher
        self._everything = len(self._each)

    def first(self, text: bytes) -> int | None:
        """The index of the first pattern that occurs in the UTF-8 text, None if none does."""
        found = self._matcher.Match(text) if self._matcher is not None else None
        if found and self._everything in found:
            first = min(found)
            return None if first == self._everything else first
        return next((index for index, pattern in enumerate(self._each) if pattern.search(text) is not None), None)


def _options() -> Any:
    options = re2.Options()
    options.log_errors = False  # it would write to stderr beside the exception
    return options
