"""What a plan says, as values: render it as text, as JSON, as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.plan.cost import Cost
    from toolkit.plan.host_question import HostAnswer
    from toolkit.plan.load_question import LoadAnswer
    from toolkit.plan.more_question import MoreAnswer
    from toolkit.plan.settings_question import SettingsAnswer
    from toolkit.workload.plan import Slo


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
