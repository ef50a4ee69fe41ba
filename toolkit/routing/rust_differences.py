"""Where RE2 reads a pattern differently from Rust's regex crate without saying so.

A pattern that RE2 refuses is `compile_pattern`'s business; here are those that both accept, with another meaning, and
the limit on repetitions, so that a checker has all it must tell the user in one list.
Sources: RE2's syntax page, and the syntax section of the regex crate's documentation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

MOST_REPETITIONS = 1000

_ASCII_ONLY = {
    "w": r"[\pL\pM\p{Nd}_]",
    "W": r"[^\pL\pM\p{Nd}_]",
    "d": r"\p{Nd}",
    "D": r"\P{Nd}",
    "s": r"[\s\pZ]",
    "S": r"[^\s\pZ]",
}
_CLASS_OPERATORS = ("&&", "--", "~~")
_REPETITION = re.compile(r"\{(?:[0-9]+(?:,[0-9]*)?|,[0-9]+)\}")
_POSIX_CLASS = re.compile(r"\[:\^?[a-z]+:\]")
_ESCAPE = re.compile(r"\\(?:[pPxb]\{[^}]*\}|[pP].|.|$)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Token:
    """A piece of a pattern: `escape`, `braces` (what looks like a repetition), `operator` or `nested` (in a class)."""

    kind: str
    text: str
    in_class: bool


def pattern_warnings(pattern: str) -> tuple[str, ...]:
    """What a person who knows Rust's regex crate must know about this pattern; one sentence each, in pattern order."""
    said = (_warning(token) for token in _tokens(pattern))
    return tuple(dict.fromkeys(sentence for sentence in said if sentence))


def _warning(token: _Token) -> str | None:
    if token.kind == "escape":
        return _escape_warning(token)
    if token.kind == "braces":
        return _braces_warning(token.text)
    if token.kind == "operator":
        return f"`{token.text}` in a character class is two literal characters in RE2, set arithmetic in Rust's regex"
    return "`[` in a character class is a literal in RE2, a nested class in Rust's regex; write `\\[` if it is meant"


def _escape_warning(token: _Token) -> str | None:
    letter, rest = token.text[1:2], token.text[2:]
    if letter in _ASCII_ONLY:
        instead = _ASCII_ONLY[letter]
        if token.in_class and instead.startswith("["):
            instead = f"what {instead} stands for"
        return f"`\\{letter}` knows ASCII only in RE2, all of Unicode in Rust's regex; for the latter write {instead}"
    if token.in_class:
        return None
    if letter == "b" and rest:
        return f"`\\b{rest}` is `\\b` and then the literal `{rest}` in RE2, half a word boundary in Rust's regex"
    if letter in {"b", "B"}:
        return (
            f"`\\{letter}` sees ASCII letters only in RE2 (`\\bcode` occurs in `écode`), all of Unicode in Rust's regex"
        )
    if letter in {"<", ">"}:
        return f"`\\{letter}` is the literal `{letter}` in RE2, an edge of a word in Rust's regex"
    return None


def _braces_warning(braces: str) -> str | None:
    least, comma, most = braces[1:-1].partition(",")
    least, most = least.lstrip("0") or least[:1], most.lstrip("0") or most[:1]
    if comma and not least:
        return f"`{braces}` is literal text in RE2; for a repetition write `{{0,{most}}}`"
    # Compared as text first: a number of thousands of digits is not worth converting, nor would Python.
    if any(len(count) > len(str(MOST_REPETITIONS)) or int(count or 0) > MOST_REPETITIONS for count in (least, most)):
        return f"`{braces}` is refused: RE2 repeats at most {MOST_REPETITIONS} times"
    return None


def _tokens(pattern: str) -> Iterator[_Token]:
    at = 0
    while at < len(pattern):
        if pattern.startswith("\\Q", at):
            end = pattern.find("\\E", at)
            at = len(pattern) if end < 0 else end + 2
        elif pattern[at] == "\\":
            token = _Token("escape", _escape_at(pattern, at), in_class=False)
            yield token
            at += len(token.text)
        elif pattern[at] == "[":
            at = yield from _class_tokens(pattern, at)
        elif braces := _REPETITION.match(pattern, at):
            yield _Token("braces", braces.group(), in_class=False)
            at = braces.end()
        else:
            at += 1


def _class_tokens(pattern: str, start: int) -> Generator[_Token, None, int]:
    """The tokens of the class that begins at `start`; returns where it ends."""
    at = start + 1
    at += pattern.startswith("^", at)
    at += pattern.startswith("]", at)  # a first `]` is a literal
    while at < len(pattern) and pattern[at] != "]":
        if pattern[at] == "\\":
            token = _Token("escape", _escape_at(pattern, at), in_class=True)
            yield token
            at += len(token.text)
        elif posix := _POSIX_CLASS.match(pattern, at):
            at = posix.end()
        elif pattern[at] == "[":
            yield _Token("nested", "[", in_class=True)
            at += 1
        elif pattern[at : at + 2] in _CLASS_OPERATORS:
            yield _Token("operator", pattern[at : at + 2], in_class=True)
            at += 2
        else:
            at += 1
    return at + 1


def _escape_at(pattern: str, at: int) -> str:
    r"""The escape at `at` with what belongs to it: `\w`, `\pL`, `\p{Greek}`, `\x{41}`, `\b{start}`, but not `\b{2}`."""
    found = _ESCAPE.match(pattern, at)
    text = found.group() if found else pattern[at:]
    return text[:2] if text.startswith("\\b") and _REPETITION.match(text, 2) else text
