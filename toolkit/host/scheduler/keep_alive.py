"""keep_alive values as the API takes them: numbers of seconds and Go durations, to nanoseconds.

Source of the rules: `behaviour.md` section 3 and the recorded answers; of the duration grammar: the Go language's
documentation of `time.ParseDuration`, whose error sentences the server passes on to the client.
"""

from __future__ import annotations

import re
from typing import Any

from toolkit.errors import UsageError

FOREVER_NS = (1 << 63) - 1
"""The longest duration there is; what every negative keep_alive means."""

_INT64_SPAN = 1 << 64
_INT64_MIN = -(1 << 63)
_MOST_DIGITS = 19
_UNIT_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # micro sign
    "μs": 1_000,  # Greek mu
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_TERM = re.compile(r"(?P<whole>[0-9]*)(?P<fraction>\.[0-9]*)?(?P<unit>[^0-9.]*)", re.DOTALL)


class KeepAliveError(UsageError):
    """A keep_alive that the server answers with status 400; the message is the server's own sentence."""


class GoDurationError(KeepAliveError):
    """A string that is no Go duration."""


def wrap_int64(value: int) -> int:
    """The value a signed 64-bit integer has after overflow."""
    return (value - _INT64_MIN) % _INT64_SPAN + _INT64_MIN


def parse_keep_alive(value: Any) -> int | None:
    """The duration in nanoseconds that a JSON `keep_alive` means; None if it is null, that is, not given.

    Negative values mean for ever. A number too large for a 64-bit count of nanoseconds becomes the most negative
    one, which unloads as soon as the runner is idle and yet sorts as the longest duration of all.
    Raises KeepAliveError for everything that is neither a number nor a duration.
    """
    if value is None:
        return None
    if isinstance(value, bool):
        raise KeepAliveError("Unsupported type: 'bool'")
    if isinstance(value, int | float):
        return _seconds(value)
    if isinstance(value, str):
        duration_ns = parse_go_duration(value)
        return FOREVER_NS if duration_ns < 0 else duration_ns
    kind = "[]interface {}" if isinstance(value, list | tuple) else "map[string]interface {}"
    raise KeepAliveError(f"Unsupported type: '{kind}'")


def _seconds(value: float) -> int:
    if value < 0:
        return FOREVER_NS
    nanoseconds = float(value) * 1e9
    return int(nanoseconds) if nanoseconds < float(1 << 63) else _INT64_MIN


def parse_go_duration(text: str) -> int:
    """Nanoseconds of a Go duration such as `1h30m`, `-1.5s` or `0`. Raises GoDurationError with Go's sentence."""
    negative = text[:1] == "-"
    rest = text[1:] if text[:1] in {"+", "-"} else text
    if rest == "0":
        return 0
    if not rest:
        raise _invalid(text)
    total = 0
    position = 0
    while position < len(rest):
        match = _TERM.match(rest, position)
        if match is None or match.end() == position:
            raise _invalid(text)
        total += _term_ns(match, text)
        if total > 1 << 63:
            raise _invalid(text)
        position = match.end()
    if negative:
        return -total
    if total > FOREVER_NS:
        raise _invalid(text)
    return total


def _term_ns(match: re.Match[str], text: str) -> int:
    """One number with its unit. The fraction goes through a double, as Go's does."""
    whole, fraction, unit = match["whole"], (match["fraction"] or "")[1:], match["unit"]
    if not whole and not fraction:
        raise _invalid(text)
    count = _leading(whole)
    if count is None:
        raise _invalid(text)
    if not unit:
        raise GoDurationError(f"time: missing unit in duration {_quoted(text)}")
    if unit not in _UNIT_NS:
        raise GoDurationError(f"time: unknown unit {_quoted(unit)} in duration {_quoted(text)}")
    unit_ns = _UNIT_NS[unit]
    if count > (1 << 63) // unit_ns:
        raise _invalid(text)
    part, scale = _fraction(fraction)
    return count * unit_ns + int(float(part) * (unit_ns / scale))


def _leading(digits: str) -> int | None:
    """Digits before the point; None beyond 63 bits. Length first: a client may send any number of them."""
    significant = digits.lstrip("0")
    if len(significant) > _MOST_DIGITS:
        return None
    value = int(significant or "0")
    return value if value <= 1 << 63 else None


def _fraction(digits: str) -> tuple[int, float]:
    """Digits after the point as an integer and its scale; digits beyond 63 bits are ignored, as in Go."""
    value, scale = 0, 1.0
    for digit in digits:
        longer = value * 10 + int(digit)
        if longer > FOREVER_NS:
            break
        value, scale = longer, scale * 10
    return value, scale


def _invalid(text: str) -> GoDurationError:
    return GoDurationError(f"time: invalid duration {_quoted(text)}")


def _quoted(text: str) -> str:
    """Quoted as Go's time package does: bytes that are not printable ASCII in hexadecimal."""
    out = []
    for char in text:
        if " " <= char <= "~":
            out.append("\\" + char if char in {'"', "\\"} else char)
        elif char == "\x7f":
            out.append(char)
        else:
            out.extend(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogatepass"))
    return '"' + "".join(out) + '"'
