"""Durations as Go writes and reads them, because that is how Ollama and its users write them.

    "30m"  "1h30m"  "1500ms"  "-1s"  "1800000000001ns"  ".5s"

Grammar (Go's documentation of `time.ParseDuration`): an optional sign, then one or more decimal numbers, each with an
optional fraction and a unit out of ns, us (or µs), ms, s, m, h; the bare number `0` needs no unit. Everything is an
exact integer of nanoseconds; what is finer is cut off, and the range is that of a signed 64-bit integer.
"""

from __future__ import annotations

import re

NS_PER_S = 1_000_000_000
MAX_NS = (1 << 63) - 1
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
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)")


class DurationError(ValueError):
    """The text is not a duration; the message says why in a few words, without the text itself."""


def parse_duration_ns(text: str) -> int:
    """Read a Go duration; nanoseconds, negative ones included.

    Raises:
        DurationError: not a duration, a number without unit, an unknown unit, or out of the 64-bit range.
    """
    sign, body = (-1, text[1:]) if text[:1] == "-" else (1, text[1:] if text[:1] == "+" else text)
    if body == "0":
        return 0
    total, position = 0, 0
    while position < len(body):
        part = _PART.match(body, position)
        if part is None or not (part[1] or part[2]):
            raise DurationError("a duration is written like 30m, 1h30m or 1500ms")
        unit_ns, fraction = _UNIT_NS[part[3]], part[2] or ""
        total += int(part[1] or "0") * unit_ns
        if fraction:
            total += int(fraction) * unit_ns // 10 ** len(fraction)
        position = part.end()
    if position == 0:
        raise DurationError("a duration is written like 30m, 1h30m or 1500ms")
    if total > MAX_NS + (sign < 0):
        raise DurationError("longer than 2562047h47m16s, the longest duration there is")
    return sign * total


def format_duration(duration_ns: int) -> str:
    """Write nanoseconds exactly, as a sum of hours, minutes and one finer unit: `1h30m`, `1500ms`, `-1s`."""
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
