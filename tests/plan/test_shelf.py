"""Plans that were made before are not made again, as long as there is room for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.plan.shelf import PlanShelf

if TYPE_CHECKING:
    from toolkit.plan.workload import ScenarioLoad


def test_a_plan_is_made_once(workload: ScenarioLoad) -> None:
    kept = PlanShelf(workload, most_requests=1_000)
    first = kept.plan(1.0, 0)
    assert first == workload.plan(1.0, 0)
    assert kept.plan(1.0, 0) is first
    assert kept.plan(1.0, 1) != first


def test_what_was_asked_for_least_recently_goes_when_there_is_no_room(workload: ScenarioLoad) -> None:
    size = len(workload.plan(1.0, 0).requests)
    kept = PlanShelf(workload, most_requests=3 * size)
    old, used = kept.plan(1.0, 0), kept.plan(1.0, 1)
    assert kept.plan(1.0, 0) is old
    kept.plan(2.0, 0)
    assert kept.plan(1.0, 1) is not used
