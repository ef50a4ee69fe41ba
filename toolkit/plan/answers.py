"""What a plan says, as values: render it as text, as JSON, as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.plan.case import Case
    from toolkit.plan.confirm import Checked
    from toolkit.plan.search import Judged
    from toolkit.stats.interval import Interval
    from toolkit.workload.plan import Slo


@dataclass(frozen=True, slots=True)
class LoadAnswer:
    """The largest load that keeps the promises in one case.

    Loads are multiples of the workload as it is written. `per_h` is the mean rate of requests at the answer, `users`
    the number of users of a closed loop. `breaks_first` is the promise that is broken above the answer, or always.
    """

    label: str
    case: Case
    checked: Checked
    interval: Interval | None
    per_h: float | None
    users: int | None
    breaks_first: Slo | None

    @property
    def load(self) -> float | None:
        """The answer; None if no load keeps the promises."""
        return self.checked.found.load

    @property
    def curve(self) -> tuple[Judged, ...]:
        """Every load that was judged, lowest first."""
        return self.checked.found.curve


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was asked. `base_per_h` is the rate of the workload as it is written."""

    workload: str
    description: str
    host: str
    slos: tuple[Slo, ...]
    base_per_h: float
    base_users: int | None
    load: LoadAnswer
    notes: tuple[str, ...] = ()
