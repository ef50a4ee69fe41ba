"""Money and energy for a thousand requests, from how long a host was at work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.plan.tally import offered_per_h

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.plan.gpu_table import Costs
    from toolkit.plan.tally import Tally


@dataclass(frozen=True, slots=True)
class Cost:
    """For a thousand requests at a rate; `busy_share` is the share of the time in which the host loads or works."""

    money: float
    energy_wh: float
    busy_share: float
    per_h: float


def cost_of(costs: Costs, tallies: Sequence[Tally]) -> Cost | None:
    """The cost of what was simulated, all hours of the plan counted, quiet ones too; None without a request."""
    rate_per_h = offered_per_h(tallies)
    end_ns = sum(tally.end_ns for tally in tallies)
    if rate_per_h == 0 or end_ns == 0:
        return None
    busy_share = sum(sum(tally.busy_ns) / len(tally.busy_ns) for tally in tallies) / end_ns
    hours = 1000 / rate_per_h
    return Cost(costs.per_h(busy_share) * hours, costs.watts(busy_share) * hours, busy_share, rate_per_h)
