"""The question of load: how much can this host take?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolkit.plan.confirm import find_and_check
from toolkit.plan.crossing import crossing_interval
from toolkit.plan.search import HIGHEST
from toolkit.plan.tally import kept_share, offered_per_h
from toolkit.plan.workload import MOST_REQUESTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.plan.case import Case
    from toolkit.plan.confirm import Checked
    from toolkit.plan.judge import Judged
    from toolkit.plan.search import Effort
    from toolkit.plan.sweep import Sweep
    from toolkit.plan.tally import Tally
    from toolkit.stats.interval import Interval
    from toolkit.workload.plan import Slo

_DRAWS_SEED: Final = 1


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


def largest_load(sweep: Sweep, case: Case, label: str, effort: Effort) -> LoadAnswer:
    """Search and check the largest load of a case."""
    study = sweep.study

    def measure(loads: Sequence[float], repetitions: range) -> tuple[tuple[Tally, ...], ...]:
        return sweep.measure([(case, load) for load in loads], repetitions, f"the largest load {label}")

    checked = find_and_check(measure, study.slos, study.workload.snapped, effort, highest_of(sweep))
    found = checked.found
    if found.load is None:
        return LoadAnswer(label, case, checked, None, None, None, _worst(checked, study.slos))
    at = next((one for one in found.curve if one.load == found.load), checked.at)
    users = study.workload.users
    return LoadAnswer(
        label=label,
        case=case,
        checked=checked,
        interval=crossing_interval(found.curve, study.slos, found.load, _DRAWS_SEED),
        per_h=offered_per_h(checked.at.tallies if checked.at else at.tallies if at else ()),
        users=None if users is None else round(found.load * users),
        breaks_first=_worst(checked, study.slos),
    )


def highest_of(sweep: Sweep) -> float:
    """The highest load that is simulated: plans may not grow without bound."""
    workload = sweep.study.workload
    requests = max(len(workload.plan(1.0, 0).requests), 1)
    return workload.snapped(max(1.0, min(HIGHEST, MOST_REQUESTS / requests)))


def _worst(checked: Checked, slos: Sequence[Slo]) -> Slo | None:
    """The promise that is broken worst at the lowest failing load above the answer (if there is none, at the best)."""
    found = checked.found
    failing = [one for one in found.curve if not one.keeps and (found.load is None or one.load > found.load)]
    if not failing:
        return None
    best = max(failing, key=lambda one: one.slack) if found.load is None else failing[0]
    return min(enumerate(slos), key=lambda pair: kept_share(best.tallies, pair[0]) - pair[1].share)[1]
