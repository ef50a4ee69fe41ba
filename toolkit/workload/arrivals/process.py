"""What all arrival processes have in common, and the gaps that the random ones are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator


class ArrivalProcess(Protocol):
    """A rule by which people come, whatever the host does meanwhile (an open loop)."""

    def offsets_ns(self, rng: random.Random) -> Iterator[int]:
        """Endless moments after the start in ns, never falling; all randomness comes from `rng`."""
        ...


def unit_gaps(cv: float, rng: random.Random) -> Iterator[float]:
    """Endless independent gaps of mean 1 whose standard deviation is `cv`, gamma distributed.

    `cv` 1 is the exponential gap of a Poisson process, more is bursts and lulls, less is a steadier beat. The gamma
    distribution of mean 1 and coefficient of variation c has shape 1/c² and scale c².
    """
    if cv == 1.0:
        while True:
            yield rng.expovariate(1.0)
    shape, scale = cv**-2, cv**2
    while True:
        yield rng.gammavariate(shape, scale)
