"""A histogram for Prometheus that one thread fills: what the library's own does, for a third of the time.

Its histogram takes three locks for an observation and goes through the buckets one by one; a request has six of them,
while others wait for their first token.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from math import inf
from typing import TYPE_CHECKING

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prometheus_client import CollectorRegistry, Metric


class Distribution(Collector):
    """`buckets` are the upper bounds, without infinity."""

    def __init__(
        self, registry: CollectorRegistry, name: str, text: str, labels: Sequence[str], buckets: Sequence[float]
    ) -> None:
        self._name = name
        self._text = text
        self._labels = tuple(labels)
        self._bounds = tuple(buckets)
        self._bound_names = tuple(map(floatToGoString, (*buckets, inf)))
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], float] = {}
        registry.register(self)

    def observe(self, labels: tuple[str, ...], amount: float) -> None:
        """One more value."""
        counts = self._counts.get(labels)
        if counts is None:
            counts = self._counts[labels] = [0] * len(self._bound_names)
            self._sums[labels] = 0.0
        counts[bisect_left(self._bounds, amount)] += 1
        self._sums[labels] += amount

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        for labels, counts in self._counts.items():
            upto = list(zip(self._bound_names, map(float, accumulate(counts)), strict=True))
            family.add_metric(labels, upto, self._sums[labels])
        yield family
