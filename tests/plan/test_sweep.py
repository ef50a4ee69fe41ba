"""A sweep: nothing computed twice, nothing lost, wherever it runs."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.plan.tallies import tally
from tests.plan.works import AlwaysDies, DiesOnce
from toolkit.errors import HostError
from toolkit.plan.case import Case, Point
from toolkit.plan.evaluate import key_of
from toolkit.plan.executors.pool import PoolExecutor
from toolkit.plan.executors.serial import SerialExecutor
from toolkit.plan.points import KnownPoints
from toolkit.plan.sweep import Sweep, Unwatched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from toolkit.plan.evaluate import Study
    from toolkit.plan.tally import Tally

CASE = Case("server-default")


class Counting:
    """Runs here, and remembers what it ran; stops after `most` points as if Ctrl-C had been pressed."""

    def __init__(self, most: int | None = None) -> None:
        self.ran: list[Point] = []
        self._most = most

    def run(self, work: Callable[[Point], Tally], points: Sequence[Point]) -> Iterator[tuple[int, Tally]]:
        for place, found in SerialExecutor().run(work, points):
            self.ran.append(points[place])
            yield place, found
            if len(self.ran) == self._most:
                raise KeyboardInterrupt

    def close(self) -> None:
        pass


def test_what_was_finished_before_an_interruption_is_not_computed_again(study: Study) -> None:
    points = KnownPoints()
    interrupted = Counting(most=2)
    with pytest.raises(KeyboardInterrupt):
        Sweep(study, interrupted, points, Unwatched()).measure([(CASE, 1.0), (CASE, 2.0)], range(2), "")
    after = Counting()
    found = Sweep(study, after, points, Unwatched()).measure([(CASE, 1.0), (CASE, 2.0)], range(2), "")
    assert len(interrupted.ran) == 2
    assert len(after.ran) == 2
    assert not set(after.ran) & set(interrupted.ran)
    assert [len(of_one) for of_one in found] == [2, 2]
    assert found[1][0].requests > found[0][0].requests


def test_a_point_of_another_study_is_another_point(study: Study) -> None:
    from dataclasses import replace  # noqa: PLC0415

    point = Point(CASE, 1.0, 0)
    other = replace(study, sources="other code")
    keys = {
        key_of(study.digest, point),
        key_of(other.digest, point),
        key_of(study.digest, Point(CASE, 1.0, 1)),
        key_of(study.digest, Point(CASE, 2.0, 0)),
    }
    assert len(keys) == 4
    assert key_of(study.digest, point) == key_of(study.digest, Point(Case("server-default"), 1.0, 0))


@pytest.mark.slow
def test_a_killed_worker_loses_nothing_and_nothing_is_counted_twice(tmp_path: Path) -> None:
    points = [Point(CASE, 1.0, number) for number in range(5)]
    with closing(PoolExecutor(2)) as executor:
        found = list(executor.run(DiesOnce(tmp_path / "died"), points))
    assert sorted(place for place, _ in found) == [0, 1, 2, 3, 4]
    assert all(counted == tally(place) for place, counted in found)


@pytest.mark.slow
def test_workers_that_keep_dying_are_an_error_with_a_way_out() -> None:
    with closing(PoolExecutor(1)) as executor, pytest.raises(HostError, match="--workers 1"):
        list(executor.run(AlwaysDies(), [Point(CASE, 1.0, 0)]))
