"""Amounts in words a person reads at a glance: times, durations, sizes, lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

NS_PER_S = 1_000_000_000
FOREVER_NS = (1 << 63) - 1
MIB = 1 << 20
GIB = 1 << 30
_UNITS = (("h", 3600 * NS_PER_S), ("m", 60 * NS_PER_S), ("s", NS_PER_S), ("ms", 1_000_000), ("µs", 1_000))


def clock(t_ns: int) -> str:
    """A time of the scenario: `12.345 s`."""
    return f"{t_ns / NS_PER_S:.3f} s"


def duration(value_ns: int) -> str:
    """A keep-alive duration as one would set it: `5m`, `1h30m`, `1.5s`, `for ever`."""
    if value_ns >= FOREVER_NS:
        return "for ever"
    if value_ns < 0:
        return "an overflowed duration (sorts as the longest, unloads when idle)"
    if value_ns == 0:
        return "0"
    hours, rest = divmod(value_ns, _UNITS[0][1])
    minutes, rest = divmod(rest, _UNITS[1][1])
    parts = [f"{count}{unit}" for count, unit in ((hours, "h"), (minutes, "m")) if count]
    if rest:
        parts.append(f"{rest / NS_PER_S:.9f}".rstrip("0").rstrip(".") + "s")
    return "".join(parts)


def span(value_ns: int) -> str:
    """How long something took: three significant figures or so."""
    if value_ns == 0:
        return "no time"
    for unit, unit_ns in _UNITS[2:]:
        if value_ns >= unit_ns:
            return (
                f"{value_ns / unit_ns:.3g} {unit}" if value_ns < 1000 * unit_ns else f"{value_ns / unit_ns:.0f} {unit}"
            )
    return f"{value_ns} ns"


def size(value_bytes: int) -> str:
    """Bytes in GiB or MiB."""
    if value_bytes >= GIB:
        return f"{value_bytes / GIB:.2f} GiB"
    return f"{value_bytes / MIB:.0f} MiB"


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`, `none`."""
    if not names:
        return "none"
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} and {names[-1]}"
