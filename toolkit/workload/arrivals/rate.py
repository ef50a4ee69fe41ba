"""Rates as people say them: `40/h`, `1500/day`, `1/17s` (one every 17 seconds)."""

from __future__ import annotations

import re
from fractions import Fraction

_UNIT_S = {"s": 1, "min": 60, "h": 3600, "day": 86_400}
_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*/\s*([1-9][0-9]{0,5})?(s|min|h|day)")
_HIGHEST_PER_S = 100_000


class RateError(ValueError):
    """The text is not a rate; the message says how one is written."""


def parse_rate(text: str) -> Fraction:
    """Read a rate; exactly so many a second, above 0.

    Raises:
        RateError: another form, zero, or above 100,000/s, which no host of this kind could be asked for.
    """
    found = _RATE.fullmatch(text.strip())
    if found is None:
        raise RateError("a rate is written like 40/h, 1500/day or 1/17s")
    per_s = Fraction(found[1]) / (int(found[2] or 1) * _UNIT_S[found[3]])
    if not 0 < per_s <= _HIGHEST_PER_S:
        raise RateError(f"a rate is more than 0 and at most {_HIGHEST_PER_S}/s")
    return per_s
