"""Least expected wait: the model whose queue is emptied at the best rate goes next.

Serving all n requests for a model takes its load (none if it is resident) and n answers; the rate n / (load + n
answers) is the weighted shortest processing time of the batch, which for a fixed set of batches gives the least mean
wait (W. E. Smith, "Various optimizers for single-stage production", 1956). The batch is not held together: the rates
are compared anew for each request.

Bound: as with `ResidentFirst`, who has waited `patience_ns` is not overtaken any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.cache.disciplines.queue import Queue

if TYPE_CHECKING:
    from collections.abc import Collection

    from toolkit.cache.disciplines.base import Waiting
    from toolkit.cache.disciplines.estimates import ServiceEstimates
    from toolkit.cache.disciplines.places import Places


class LeastWait:
    """See the module."""

    __slots__ = ("_estimates", "_patience_ns", "_places", "_queue")

    def __init__(self, patience_ns: int, places: Places, estimates: ServiceEstimates) -> None:
        self._patience_ns = patience_ns
        self._places = places
        self._estimates = estimates
        self._queue = Queue()

    def arrived(self, request: Waiting) -> None:
        """See `Discipline`."""
        self._queue.add(request)

    def next(self, now_ns: int, resident: Collection[str]) -> Waiting | None:
        """The oldest request of the best batch."""
        if not self._queue:
            return None
        oldest = self._queue.oldest()
        if now_ns - oldest.arrived_ns >= self._patience_ns:
            return self._queue.take(oldest.number)
        chosen = min(
            (self._cost_ns(model, len(same), resident), next(iter(same))) for model, same in self._queue.by_model()
        )
        return self._queue.take(chosen[1])

    def done(self, request: Waiting, service_ns: int) -> None:
        """See `Discipline`."""
        self._estimates.learn(request.model, service_ns)

    def left(self, number: int) -> None:
        """See `Discipline`."""
        self._queue.take(number)

    def _cost_ns(self, model: str, waiting: int, resident: Collection[str]) -> float:
        """Time for each request of the batch."""
        load_ns = 0 if model in resident else self._places.load_ns(model)
        return load_ns / waiting + self._estimates.guess_ns(model)
