"""Reads the first JSON value of a body as Go's decoder does, with Go's words for what is wrong.

Two ways: `read_fast` is Python's own scanner for bodies without faults; `read_exact` is a scanner that knows Go's
error texts and keeps number literals and repeated keys. The caller takes the second only when the first, or the
decoding after it, finds a fault.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

_SPACE = b" \t\r\n"
_MAX_DEPTH = 10_000
_CONTROL_END = 0x20
_ESCAPES = {0x22: '"', 0x5C: "\\", 0x2F: "/", 0x62: "\b", 0x66: "\f", 0x6E: "\n", 0x72: "\r", 0x74: "\t"}
_PLAIN = re.compile(rb'[^\x00-\x1f"\\]*')
_HEX = b"0123456789abcdefABCDEF"
_DIGITS = b"0123456789"
_SURROGATES = re.compile("[\ud800-\udfff]")
_HIGH, _LOW, _END = 0xD800, 0xDC00, 0xE000


class GoJsonError(Exception):
    """The body is not what the endpoint takes; the message is Go's."""


class EmptyBodyError(GoJsonError):
    """There is no value at all; Go says `EOF`."""


class NotPlainError(Exception):
    """`read_fast` met something that only `read_exact` can judge."""


class Number(str):
    """A number literal, as it stands in the body."""

    __slots__ = ()


class Pairs(tuple[tuple[str, Any], ...]):
    """An object as its pairs in order, repeated keys included."""

    __slots__ = ()


def _pairs_to_dict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotPlainError
    return found


def _no_constant(_text: str) -> NoReturn:
    raise NotPlainError  # NaN and Infinity are Python's own


_FAST = json.JSONDecoder(object_pairs_hook=_pairs_to_dict, parse_constant=_no_constant)


def read_fast(body: bytes) -> Any:
    """The first value of the body; objects are dicts, numbers int or float.

    Raises:
        NotPlainError: a fault, a repeated key, or something else that needs the exact scanner.
    """
    if b"\\u" in body and (b"\\ud" in body or b"\\uD" in body):
        raise NotPlainError
    try:
        value, _ = _FAST.raw_decode(body.decode("utf-8").lstrip(" \t\r\n"))
    except (ValueError, RecursionError) as error:
        raise NotPlainError from error
    if not isinstance(value, (dict, list)):
        raise NotPlainError  # Python stops at the 0 of `0.`
    return value


def read_exact(body: bytes) -> Any:
    """The first value of the body; objects are `Pairs`, numbers are `Number` literals.

    Raises:
        EmptyBodyError: there is nothing but white space.
        GoJsonError: a syntax error, in Go's words.
    """
    scanner = _Scanner(body)
    scanner.skip_space()
    if scanner.at_end:
        raise EmptyBodyError("EOF")
    try:
        return scanner.value(0)
    except RecursionError as error:
        raise GoJsonError("exceeded max depth") from error


def raw_member(body: bytes, name: str) -> str | None:
    """The text of a member of the first value, exactly as it stands in the body; None if there is none.

    Keys match without case and the last one wins, as everywhere; the body must be valid.
    """
    scanner = _Scanner(body)
    scanner.skip_space()
    found = None
    for key, text in scanner.members():
        if key.casefold() == name:
            found = text
    return found


def quote_char(byte: int) -> str:
    """A byte between single quotes, as the error messages show it."""
    if byte == ord("'"):
        return r"'\''"
    if byte == ord('"'):
        return "'\"'"
    named = {0x07: r"\a", 0x08: r"\b", 0x09: r"\t", 0x0A: r"\n", 0x0B: r"\v", 0x0C: r"\f", 0x0D: r"\r", 0x5C: r"\\"}
    if byte in named:
        return f"'{named[byte]}'"
    character = chr(byte)
    if character.isprintable():
        return f"'{character}'"
    return f"'\\x{byte:02x}'" if byte < _CONTROL_END or byte == 0x7F else f"'\\u{byte:04x}'"  # noqa: PLR2004 - DEL


class _Scanner:
    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._body)

    def skip_space(self) -> None:
        body, at = self._body, self._at
        while at < len(body) and body[at] in _SPACE:
            at += 1
        self._at = at

    def _peek(self) -> int:
        if self._at >= len(self._body):
            raise GoJsonError("unexpected EOF")
        return self._body[self._at]

    def _fault(self, context: str) -> NoReturn:
        raise GoJsonError(f"invalid character {quote_char(self._peek())} {context}")

    def value(self, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise GoJsonError("exceeded max depth")
        byte = self._peek()
        if byte == ord("{"):
            return self._object(depth + 1)
        if byte == ord("["):
            return self._array(depth + 1)
        if byte == ord('"'):
            return self._string()
        if byte == ord("-") or byte in _DIGITS:
            return self._number()
        for word, meaning in ((b"true", True), (b"false", False), (b"null", None)):
            if byte == word[0]:
                self._word(word)
                return meaning
        return self._fault("looking for beginning of value")

    def _word(self, word: bytes) -> None:
        self._at += 1
        for expected in word[1:]:
            if self._peek() != expected:
                self._fault(f"in literal {word.decode()} (expecting {quote_char(expected)})")
            self._at += 1

    def _object(self, depth: int) -> Pairs:
        self._at += 1
        pairs: list[tuple[str, Any]] = []
        self.skip_space()
        if self._peek() == ord("}"):
            self._at += 1
            return Pairs()
        while True:
            self.skip_space()
            if self._peek() != ord('"'):
                self._fault("looking for beginning of object key string")
            key = self._string()
            self.skip_space()
            if self._peek() != ord(":"):
                self._fault("after object key")
            self._at += 1
            self.skip_space()
            pairs.append((key, self.value(depth)))
            self.skip_space()
            byte = self._peek()
            if byte == ord("}"):
                self._at += 1
                return Pairs(pairs)
            if byte != ord(","):
                self._fault("after object key:value pair")
            self._at += 1

    def members(self) -> list[tuple[str, str]]:
        """Keys of an object with the untouched text of their values."""
        found: list[tuple[str, str]] = []
        if self._peek() != ord("{"):
            return found
        self._at += 1
        self.skip_space()
        while self._peek() == ord('"'):
            key = self._string()
            self.skip_space()
            self._at += 1  # the colon
            self.skip_space()
            start = self._at
            self.value(1)
            found.append((key, self._body[start : self._at].decode("utf-8", "replace")))
            self.skip_space()
            self._at += 1  # the comma, or the closing brace
            self.skip_space()
            if self.at_end:
                break
        return found

    def _array(self, depth: int) -> list[Any]:
        self._at += 1
        items: list[Any] = []
        self.skip_space()
        if self._peek() == ord("]"):
            self._at += 1
            return items
        while True:
            self.skip_space()
            items.append(self.value(depth))
            self.skip_space()
            byte = self._peek()
            if byte == ord("]"):
                self._at += 1
                return items
            if byte != ord(","):
                self._fault("after array element")
            self._at += 1

    def _number(self) -> Number:
        start = self._at
        if self._peek() == ord("-"):
            self._at += 1
            if self._peek() not in _DIGITS:
                self._fault("in numeric literal")
        if self._peek() == ord("0"):
            self._at += 1
        else:
            self._digits()
        if self._next_is(b"."):
            self._at += 1
            if self._peek() not in _DIGITS:
                self._fault("after decimal point in numeric literal")
            self._digits()
        if self._next_is(b"eE"):
            self._at += 1
            if self._peek() in b"+-":
                self._at += 1
            if self._peek() not in _DIGITS:
                self._fault("in exponent of numeric literal")
            self._digits()
        return Number(self._body[start : self._at].decode("ascii"))

    def _next_is(self, accepted: bytes) -> bool:
        return not self.at_end and self._body[self._at] in accepted

    def _digits(self) -> None:
        while self._next_is(_DIGITS):
            self._at += 1

    def _string(self) -> str:
        self._at += 1
        parts: list[str] = []
        while True:
            plain = _PLAIN.match(self._body, self._at)
            if plain is not None:
                parts.append(plain[0].decode("utf-8", "replace"))
                self._at = plain.end()
            byte = self._peek()
            if byte == ord('"'):
                self._at += 1
                return _join_surrogates("".join(parts))
            if byte != ord("\\"):
                self._fault("in string literal")
            self._at += 1
            parts.append(self._escape())

    def _escape(self) -> str:
        byte = self._peek()
        if byte in _ESCAPES:
            self._at += 1
            return _ESCAPES[byte]
        if byte != ord("u"):
            self._fault("in string escape code")
        self._at += 1
        start = self._at
        for _ in range(4):
            if self._peek() not in _HEX:
                self._fault("in \\u hexadecimal character escape")
            self._at += 1
        return chr(int(self._body[start : self._at], 16))


def _join_surrogates(text: str) -> str:
    """Pair up surrogates; a lone one becomes U+FFFD."""
    if _SURROGATES.search(text) is None:
        return text
    out: list[str] = []
    at = 0
    while at < len(text):
        code = ord(text[at])
        if _HIGH <= code < _LOW and at + 1 < len(text) and _LOW <= ord(text[at + 1]) < _END:
            out.append(chr(0x10000 + ((code - _HIGH) << 10) + ord(text[at + 1]) - _LOW))
            at += 2
            continue
        out.append("\ufffd" if _HIGH <= code < _END else text[at])
        at += 1
    return "".join(out)
