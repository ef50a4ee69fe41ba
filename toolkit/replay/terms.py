"""The terms of a load: which part of it counts, when it stops, and how long anybody waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.errors import UsageError

if TYPE_CHECKING:
    from toolkit.replay.records import Phase


@dataclass(frozen=True, slots=True)
class LoadTerms:
    """How a plan is played on a real host. All durations in nanoseconds; None is without limit.

    A request that is due before `warmup_ns` is warm-up: kept and labelled, in no figure. After `stop_ns` nobody new
    comes; conversations that have begun go on (labelled drain), and `drain_ns` later whatever is under way is given up
    as unanswered. Without `stop_ns` the plan is played to its end, and the drain begins with its last request.
    `deadline_ns` is how long after its intended moment a whole answer may take; then it is given up and has failed.

    Raises:
        UsageError: the warm-up leaves nothing to measure.
    """

    warmup_ns: int = 0
    stop_ns: int | None = None
    drain_ns: int | None = None
    deadline_ns: int | None = None

    def __post_init__(self) -> None:
        if self.stop_ns is not None and self.warmup_ns >= self.stop_ns:
            raise UsageError("the warm-up is as long as the whole load, so nothing would be measured; shorten --warmup")

    def phase_at(self, due_ns: int) -> Phase:
        """The part of the run to which a request belongs."""
        if due_ns < self.warmup_ns:
            return "warmup"
        return "measure" if self.stop_ns is None or due_ns < self.stop_ns else "drain"


WHOLE_PLAN = LoadTerms()
"""Everything counts, nobody is given up."""
