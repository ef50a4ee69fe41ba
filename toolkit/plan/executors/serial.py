"""Simulations in this process, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from toolkit.plan.case import Point
    from toolkit.plan.tally import Tally


class SerialExecutor:
    """See `Executor`."""

    def run(self, work: Callable[[Point], Tally], points: Sequence[Point]) -> Iterator[tuple[int, Tally]]:
        """In order."""
        for place, point in enumerate(points):
            yield place, work(point)

    def close(self) -> None:
        """There is nothing to end."""
