"""How often one caller may ask: a token bucket each. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

_MINUTE_NS: Final = 60_000_000_000
_MOST_CALLERS: Final = 10_000
"""Callers without a key are told apart by their address, of which there are many."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_ns: int


class RateLimit:
    """So many requests a minute for each caller, of which `burst` may come at once. `per_minute` None: no limit."""

    def __init__(self, per_minute: int | None, burst: int) -> None:
        self._per_minute = per_minute
        self._burst = burst
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, caller: str, now_ns: int) -> int | None:
        """None if the caller may go on, else the nanoseconds after which it may ask again. Times do not go back."""
        if self._per_minute is None:
            return None
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = self._buckets[caller] = _Bucket(float(self._burst), now_ns)
            if len(self._buckets) > _MOST_CALLERS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(caller)
        rate = self._per_minute / _MINUTE_NS
        bucket.tokens = min(float(self._burst), bucket.tokens + (now_ns - bucket.at_ns) * rate)
        bucket.at_ns = now_ns
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return None
        return max(1, round((1 - bucket.tokens) / rate))
