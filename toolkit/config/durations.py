"""Durations as Go writes and reads them, because that is how Ollama and its users write them.

    "30m"  "1h30m"  "1500ms"  "-1s"  "1800000000001ns"  ".5s"

Grammar (Go's documentation of `time.ParseDuration`): an optional sign, then one or more decimal numbers, each with an
optional fraction and a unit out of ns, us (or µs), ms, s, m, h; the bare number `0` needs no unit. A duration is an
exact integer of nanoseconds in the range of a signed 64-bit integer; of a fraction, what is finer is cut off, after
an arithmetic in double precision as Go's own (`0.3333333333333333333h` is 20 minutes, not a nanosecond less).
"""

from __future__ import annotations

import re

NS_PER_S = 1_000_000_000
MAX_NS = (1 << 63) - 1
MIN_NS = -(1 << 63)
FOREVER_NS = -1
"""How this toolkit writes "never unload"; Ollama takes any negative keep_alive so."""

_UNIT_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5
    "μs": 1_000,  # U+03BC
    "ms": 1_000_000,
    "s": NS_PER_S,
    "m": 60 * NS_PER_S,
    "h": 3600 * NS_PER_S,
}
_TERM = re.compile(r"([0-9]*)(\.[0-9]*)?([^0-9.]*)", re.DOTALL)
_MOST_DIGITS = 19  # of a 64-bit number
_LIMIT = 1 << 63
_SHAPE = "a duration is written like 30m, 1h30m or 1500ms"
_RANGE = "longer than 2562047h47m16s, the longest duration there is"


class DurationError(ValueError):
    """The text is not a duration.

    The message says what is wrong in a few words, without the text itself, for a person who writes a file.
    `go_message` is the sentence of Go's own `time.ParseDuration`, text included, which Ollama hands to its clients.
    """

    def __init__(self, message: str, go_message: str) -> None:
        super().__init__(message)
        self.go_message = go_message


def parse_duration_ns(text: str) -> int:
    """Read a Go duration; nanoseconds, negative ones included.

    Raises:
        DurationError: not a duration, a number without unit, an unknown unit, or out of the 64-bit range.
    """
    negative, body = text[:1] == "-", text[1:] if text[:1] in {"-", "+"} else text
    if body == "0":
        return 0
    if not body:
        raise _invalid(text, _SHAPE)
    total, position = 0, 0
    while position < len(body):
        term = _TERM.match(body, position)
        if term is None or not (term[1] or (term[2] or ".")[1:]):
            raise _invalid(text, _SHAPE)
        total += _term_ns(term, text)
        if total > _LIMIT:
            raise _invalid(text, _RANGE)
        position = term.end()
    if total == _LIMIT and not negative:
        raise _invalid(text, _RANGE)
    return -total if negative else total


def format_duration(duration_ns: int) -> str:
    """The shortest exact sum of hours, minutes, seconds and one finer unit: `1h30m`, `1500ms`, `-1s`."""
    if duration_ns == 0:
        return "0s"
    sign, rest = ("-", -duration_ns) if duration_ns < 0 else ("", duration_ns)
    parts: list[str] = []
    for unit in ("h", "m"):
        count, rest = divmod(rest, _UNIT_NS[unit])
        if count:
            parts.append(f"{count}{unit}")
    for unit in ("s", "ms", "us", "ns"):
        if rest and rest % _UNIT_NS[unit] == 0:
            parts.append(f"{rest // _UNIT_NS[unit]}{unit}")
            break
    return sign + "".join(parts)


def _term_ns(term: re.Match[str], text: str) -> int:
    """One number with its unit, checked in the order in which Go checks."""
    whole, fraction, unit = term[1].lstrip("0"), (term[2] or "")[1:], term[3]
    if len(whole) > _MOST_DIGITS or int(whole or "0") > _LIMIT:
        raise _invalid(text, _RANGE)
    if not unit:
        raise DurationError("the unit is missing: ns, us, ms, s, m or h", f"time: missing unit in duration {_go(text)}")
    if unit not in _UNIT_NS:
        raise DurationError(
            f"'{unit.strip()}' is not a unit: ns, us, ms, s, m, h are",
            f"time: unknown unit {_go(unit)} in duration {_go(text)}",
        )
    unit_ns = _UNIT_NS[unit]
    count = int(whole or "0")
    if count > _LIMIT // unit_ns:
        raise _invalid(text, _RANGE)
    digits, scale = _fraction(fraction)
    return count * unit_ns + int(float(digits) * (unit_ns / scale))


def _fraction(digits: str) -> tuple[int, float]:
    """The digits after the point as an integer and its scale; what 63 bits cannot hold is ignored."""
    value, scale = 0, 1.0
    for digit in digits:
        longer = value * 10 + int(digit)
        if longer > MAX_NS:
            break
        value, scale = longer, scale * 10
    return value, scale


def _invalid(text: str, message: str) -> DurationError:
    return DurationError(message, f"time: invalid duration {_go(text)}")


def _go(text: str) -> str:
    """Quoted as Go's time package quotes: what is not printable ASCII as the bytes of its UTF-8."""
    quoted = []
    for char in text:
        if char in {'"', "\\"}:
            quoted.append("\\" + char)
        elif " " <= char <= "\x7f":  # the package leaves DEL as it is
            quoted.append(char)
        else:
            quoted.extend(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogatepass"))
    return '"' + "".join(quoted) + '"'
