"""What a plan says, as values: render it as text, as JSON, as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.plan.case import Case
    from toolkit.plan.confirm import Checked
    from toolkit.plan.cost import Cost
    from toolkit.plan.host_question import HostAnswer
    from toolkit.plan.judge import Judged
    from toolkit.plan.more_question import MoreAnswer
    from toolkit.plan.settings_question import SettingsAnswer
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
    """Everything that was asked; what was not is None.

    `base_per_h` is the rate of the workload as it is written. `load` is the answer for what is in force, `best_load`
    with the best settings, `host_load` for the cheapest host that keeps the promises.
    """

    workload: str
    description: str
    host: str
    slos: tuple[Slo, ...]
    base_per_h: float
    base_users: int | None
    load: LoadAnswer | None = None
    settings: SettingsAnswer | None = None
    best_load: LoadAnswer | None = None
    hosts: HostAnswer | None = None
    host_load: LoadAnswer | None = None
    more: MoreAnswer | None = None
    costs: tuple[CostRow, ...] = ()
    assumptions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def checks(self) -> tuple[LoadAnswer, ...]:
        """Every largest load that was found and checked."""
        answers = (self.load, self.best_load, self.host_load)
        return tuple(one for one in answers if one is not None and one.checked.at is not None)


@dataclass(frozen=True, slots=True)
class CostRow:
    """What a host costs under this workload."""

    host: str
    cost: Cost
    currency: str
