"""Sweeps: several values of a parameter, one strategy each.

    lrfu(decay=0.05|0.1|0.2)              these three
    lrfu(decay=0.01..0.3 x5)              five values from 0.01 to 0.3, equal factors apart
    lfu(half-life=10..50 x3)              whole numbers stay whole: 10, 22, 50
    steer(policy=lru|lrfu)+shadow(bound=1m..16m x3)     alternatives may stand wherever a value does

Equal factors, because rates, bounds and sizes act by their magnitude. Several sweeps in one are combined.
"""

from __future__ import annotations

import re
from itertools import product
from typing import Final

from toolkit.cache.spec import Spec, parse_spec, split_outside
from toolkit.config.durations import format_duration, parse_duration_ns
from toolkit.errors import UsageError

_RANGE: Final = re.compile(r"\s*(\S+?)\.\.(\S+?)\s+x\s*([0-9]+)\s*")
MOST: Final = 1000
"""Values of one range; more are a slip of the finger."""


def expanded(text: str) -> tuple[str, ...]:
    """The specs that a text stands for, in the order of its values; the text itself if nothing in it is swept.

    Raises:
        UsageError: a range that is none.
    """
    if "|" not in text and ".." not in text:
        return (text,)
    parts = [_versions(part.strip()) for part in split_outside(text, "+")]
    return tuple("+".join(version) for version in product(*parts))


def _versions(text: str) -> tuple[str, ...]:
    if "(" not in text:
        return (text,)
    spec = parse_spec(text)
    keys = [key for key, _ in spec.parameters]
    values = [_values(value) for _, value in spec.parameters]
    return tuple(Spec(spec.name, tuple(zip(keys, version, strict=True))).text for version in product(*values))


def _values(text: str) -> tuple[str, ...]:
    every: list[str] = []
    for one in split_outside(text, "|"):
        if not one.strip():
            raise UsageError(f"found {text!r}; write values as 1|2|3")
        if "(" in one:
            every += _versions(one.strip())
        elif ".." in one:
            every += _range(one)
        else:
            every.append(one.strip())
    return tuple(dict.fromkeys(every))


def _range(text: str) -> list[str]:
    found = _RANGE.fullmatch(text)
    count = int(found[3]) if found else 0
    if found is None or not 2 <= count <= MOST:  # noqa: PLR2004 - both ends
        raise UsageError(f"found {text.strip()!r}; a range is written FROM..TO xCOUNT, as in 0.01..0.3 x5")
    for read, write in ((_whole, _write_whole), (float, _write_number), (parse_duration_ns, _write_duration)):
        try:
            first, last = float(read(found[1])), float(read(found[2]))
        except ValueError:
            continue
        if not 0 < first < last:
            break
        steps = [first * (last / first) ** (number / (count - 1)) for number in range(count)]
        return [write(step) for step in steps]
    raise UsageError(f"found {text.strip()!r}; a range goes from a number or duration above 0 to a larger one")


def _whole(text: str) -> int:
    return int(text)


def _write_whole(value: float) -> str:
    return str(round(value))


def _write_number(value: float) -> str:
    return f"{value:.3g}"


def _write_duration(value: float) -> str:
    second = 1_000_000_000
    return format_duration(max(round(value / second), 1) * second if value >= second else round(value))
