"""What a sweep asks of the place where its simulations run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from toolkit.plan.case import Point
    from toolkit.plan.tally import Tally


class Executor(Protocol):
    """Runs points. The answer to a point never depends on where or in which order it runs."""

    def run(self, work: Callable[[Point], Tally], points: Sequence[Point]) -> Iterator[tuple[int, Tally]]:
        """Yield (place in `points`, tally) as they are finished: each place exactly once, in any order.

        Errors of the work are raised. A worker that dies is replaced and its points run again.

        Raises:
            HostError: workers keep dying.
        """
        ...

    def close(self) -> None:
        """End the workers; what has not been finished is given up."""
        ...
