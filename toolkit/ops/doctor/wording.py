"""Numbers as the doctor says them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from toolkit.ops.doctor.evidence import Look

NS_PER_S: Final = 1_000_000_000
_GIB: Final = 1 << 30
_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_SHORT_S: Final = 10


def gib(size_bytes: int) -> str:
    """`19.8 GiB`."""
    return f"{size_bytes / _GIB:.1f} GiB"


def span(duration_ns: int) -> str:
    """`320 ms`, `2.4 s`, `45 s`, `29 min`, `3.5 h`; the sign is kept."""
    seconds = abs(duration_ns) / NS_PER_S
    sign = "-" if duration_ns < 0 else ""
    if seconds < 1:
        return f"{sign}{seconds * 1000:.0f} ms"
    if seconds < _SHORT_S:
        return f"{sign}{seconds:.1f} s"
    if seconds < 2 * _MINUTE_S:
        return f"{sign}{seconds:.0f} s"
    if seconds < 2 * _HOUR_S:
        return f"{sign}{seconds / _MINUTE_S:.0f} min"
    return f"{sign}{seconds / _HOUR_S:.1f} h"


def looked(looks: Sequence[Look]) -> str:
    """`7 looks in 3.0 s`."""
    if len(looks) <= 1:
        return "one look"
    return f"{len(looks)} looks in {span(looks[-1].at_ns - looks[0].at_ns)}"


def listed(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *some, last = words
    return f"{', '.join(some)} and {last}" if some else last
