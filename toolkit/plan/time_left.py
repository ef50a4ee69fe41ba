"""How long it still takes, from what has been done: pure arithmetic over the weights of points."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class TimeLeft:
    """Weights in points of load 1. A search does not know its own length, so only what is known to come is counted.

    That makes the time left an underestimate between two steps of a search, and it is shown as "at least".
    """

    done: float = 0.0
    expected: float = 0.0

    def expects(self, weight: float) -> None:
        """More is to come."""
        self.expected += weight

    def finished(self, weight: float) -> None:
        """Something is done."""
        self.done += weight

    def left_s(self, elapsed_s: float) -> float | None:
        """Seconds for what is known to come at the pace so far; None before anything is done."""
        return None if self.done <= 0 else max(self.expected - self.done, 0.0) * elapsed_s / self.done
