"""A workload at any load: the same people with the same prompts, only more of them, or fewer.

Equal seeds mean equal random numbers at every load, so that two loads differ by their load and by nothing else:

- A scenario of independent people keeps its length and its hours. Its arrivals are the same unit gaps on a clock that
  runs faster (exactly the process of the higher rate), prompts are dealt in the same order. Pauses within
  conversations stay: somebody who reads an answer does not read faster because there are more of them.
- A closed loop has more users, each with as many prompts; its load is a whole number of users.
- A trace is one recording: its gaps are divided by the load. Another seed changes the host's luck alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from toolkit.errors import InputError
from toolkit.workload.scenario.build import MAX_REQUESTS, PlanTooLongError, build_plan
from toolkit.workload.scenario.schema import ClosedArrivals
from toolkit.workload.shorten import sped_up

if TYPE_CHECKING:
    from toolkit.workload.plan import Plan, Slo
    from toolkit.workload.scenario.schema import Scenario

_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class ScenarioLoad:
    """A scenario file at a load; 1 is as it is written. `seed` is that of the first repetition."""

    scenario: Scenario
    source: str
    sha256: str
    seed: int

    @property
    def slos(self) -> tuple[Slo, ...]:
        """What the scenario promises."""
        return self.plan(1.0, 0).slos

    @property
    def users(self) -> int | None:
        """Users of a closed loop; None where people come on their own."""
        arrivals = self.scenario.arrivals
        return arrivals.users if isinstance(arrivals, ClosedArrivals) else None

    @property
    def digest(self) -> str:
        """What decides every plan of this workload, beside load and repetition."""
        return hashlib.sha256(f"{self.scenario!r} {self.seed}".encode()).hexdigest()

    def snapped(self, load: float) -> float:
        """The nearest load that there is: to four digits; a closed loop has whole users, at least one."""
        users = self.users
        return rounded(load) if users is None else max(1, round(load * users)) / users

    def plan(self, load: float, repetition: int) -> Plan:
        """All requests at this load. Raises InputError if they are more than a plan may hold, or none."""
        scenario, seed = self._at(load), self.seed + repetition
        try:
            plan = build_plan(scenario, seed=seed, source=self.source, source_sha256=self.sha256)
        except PlanTooLongError as error:
            raise InputError(f"{self.source}: at {load:g} times its load, {error}") from None
        return plan

    def _at(self, load: float) -> Scenario:
        arrivals = self.scenario.arrivals
        users = self.users
        factor = Fraction(round(load * _MILLION), _MILLION)
        if users is not None:
            changed = arrivals.model_copy(update={"users": round(load * users)})
        else:
            rates = {name: rate * factor for name in ("rate", "peak") if (rate := getattr(arrivals, name, None))}
            changed = arrivals.model_copy(update=rates)
        return self.scenario.model_copy(update={"arrivals": changed})


@dataclass(frozen=True, slots=True)
class TraceLoad:
    """A recorded trace at a load; 1 is as it was recorded."""

    recorded: Plan

    @property
    def slos(self) -> tuple[Slo, ...]:
        """A trace promises nothing."""
        return self.recorded.slos

    @property
    def users(self) -> int | None:
        """None: people came when they came."""
        return None

    @property
    def digest(self) -> str:
        """What decides every plan of this workload, beside load and repetition."""
        return hashlib.sha256(repr((self.recorded.requests, self.recorded.seed)).encode()).hexdigest()

    def snapped(self, load: float) -> float:
        """Any load is possible, to four digits."""
        return rounded(load)

    def plan(self, load: float, repetition: int) -> Plan:
        """The trace, faster or slower; repetitions differ in their seed, which the host draws from."""
        return replace(sped_up(self.recorded, load), seed=self.recorded.seed + repetition)


Workload = ScenarioLoad | TraceLoad


def rounded(load: float) -> float:
    """A load to four digits, so that one that is reached in two ways is one load."""
    return float(f"{load:.4g}")


MOST_REQUESTS: Final = MAX_REQUESTS // 5
"""More requests than this in one plan are not simulated: a search would take minutes for each step."""
