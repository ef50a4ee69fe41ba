"""JSON as Go's encoding/json writes it: key order as given, HTML characters escaped, Go's own way with floats.

Source of the rules: the documentation of `json.Marshal` and `strconv.FormatFloat`. Sizes and times are plain ints.
"""

from __future__ import annotations

import struct
from json.encoder import encode_basestring
from typing import Any

_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})
_EXPONENT_BELOW = -6
_EXPONENT_FROM = 21
_MIN_FLOAT32_DIGITS = 6
_MAX_FLOAT32_DIGITS = 9


class Float32(float):
    """A number that Go holds as float32, so that it prints with as few digits as that type needs."""

    __slots__ = ()


class RawJson(str):
    """Text that is JSON already and goes out unchanged."""

    __slots__ = ()


def quote(text: str) -> str:
    """A string literal, with Go's escapes."""
    return encode_basestring(text).translate(_HTML)


def dumps(value: Any) -> str:  # noqa: PLR0911 - one line a type, the most frequent first
    """Encode `value`: dicts keep their order, tuples are arrays, `Float32` and `RawJson` as they say."""
    kind = type(value)
    if kind is str:
        return encode_basestring(value).translate(_HTML)
    if kind is dict:
        return "{" + ",".join([f"{quote(key)}:{dumps(item)}" for key, item in value.items()]) + "}"
    if kind is list or kind is tuple:
        return "[" + ",".join([dumps(item) for item in value]) + "]"
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value)
    if kind is RawJson:
        return str(value)
    if isinstance(value, float):
        return float32_text(value) if kind is Float32 else float64_text(value)
    raise TypeError(f"not a JSON value: {kind.__name__}")


def encode(value: Any) -> bytes:
    """`dumps` as UTF-8, what cannot be encoded replaced as Go replaces it."""
    return dumps(value).encode("utf-8", "replace")


def float64_text(number: float) -> str:
    """A float64 as Go writes it in JSON: no exponent between 1e-6 and 1e21, otherwise `1e-7`, `1e+21`."""
    return _plain(repr(float(number)))


def float32_text(number: float) -> str:
    """A float32 with the fewest digits that read back as the same float32."""
    packed = struct.pack("f", number)
    (number,) = struct.unpack("f", packed)
    for digits in range(_MIN_FLOAT32_DIGITS, _MAX_FLOAT32_DIGITS):
        text = f"{number:.{digits}g}"
        if struct.pack("f", float(text)) == packed:
            return _plain(repr(float(text)))
    return _plain(repr(float(f"{number:.{_MAX_FLOAT32_DIGITS}g}")))


def _plain(shortest: str) -> str:
    """Turn Python's shortest repr into Go's layout of the same digits."""
    sign, body = ("-", shortest[1:]) if shortest[0] == "-" else ("", shortest)
    mantissa, _, exponent_text = body.partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return sign + "0"
    # The decimal point stands `point` places right of the first digit.
    point = len(whole) + int(exponent_text or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if point - 1 < _EXPONENT_BELOW or point - 1 >= _EXPONENT_FROM:
        tail = "." + digits[1:] if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{tail}e{point - 1:+d}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if point >= len(digits):
        return f"{sign}{digits}{'0' * (point - len(digits))}"
    return f"{sign}{digits[:point]}.{digits[point:]}"
