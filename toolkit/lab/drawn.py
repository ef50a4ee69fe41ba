"""Requests drawn at random, never stored: as many as one likes, the same ones each time they are gone through."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

import numpy as np

from toolkit.workload.streams import stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_AT_A_TIME: Final = 1 << 14
_NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Zipf:
    """`requests` independent draws, one a second: the model of rank r (from 1) in proportion to r^-`skew`.

    The same seed gives the same requests. Names are `m1` (the most popular) to `m<models>`.
    """

    requests: int
    models: int
    skew: float
    seed: int

    @property
    def names(self) -> tuple[str, ...]:
        """Every model, the most popular first."""
        return tuple(f"m{rank}" for rank in range(1, self.models + 1))

    def __len__(self) -> int:
        return self.requests

    def __iter__(self) -> Iterator[tuple[str, int]]:
        """Each request's model, and when it comes (ns)."""
        return chain.from_iterable(self.blocks())

    def blocks(self, size: int = _AT_A_TIME) -> Iterator[Iterable[tuple[str, int]]]:
        """The same, so many at a time; another size draws the same requests."""
        upto = np.cumsum(np.arange(1, self.models + 1, dtype=np.float64) ** -self.skew)
        generator = np.random.default_rng(stream(self.seed, "drawn").getrandbits(64))
        name_of = self.names.__getitem__
        for start in range(0, self.requests, size):
            count = min(size, self.requests - start)
            ranks = np.searchsorted(upto[:-1], generator.random(count) * upto[-1], side="right")
            times_ns = range(start * _NS_PER_S, (start + count) * _NS_PER_S, _NS_PER_S)
            yield zip(map(name_of, ranks.tolist()), times_ns, strict=True)
