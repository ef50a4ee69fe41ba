"""LRFU: recency and frequency in one number; each use weighs 2^(-lambda · age in requests).

Source: D. Lee et al., "LRFU: a spectrum of policies that subsumes the least recently used and least frequently used
policies", IEEE Trans. Computers 50(12), 2001. `lambda` 1 is LRU, 0 LFU over all time. It is `AgeingLfu` by another
name of its parameter: half-life = 1 / lambda.
"""

from __future__ import annotations

from toolkit.cache.policies.lfu import AgeingLfu


class Lrfu(AgeingLfu):
    """See the module; `decay` is the paper's lambda, above 0, at most 1."""

    __slots__ = ()

    def __init__(self, decay: float = 0.05) -> None:
        super().__init__(half_life=1 / decay)
