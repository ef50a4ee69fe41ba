"""A sweep on a real local cluster: several worker processes on loopback, one of them killed in the middle."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.plan.tallies import tally
from tests.plan.works import DiesOnce
from toolkit.errors import HostError, UsageError
from toolkit.plan.case import Case, Point
from toolkit.plan.evaluate import Evaluate
from toolkit.plan.executors.dask import DaskExecutor
from toolkit.plan.executors.serial import SerialExecutor
from toolkit.plan.points import KnownPoints
from toolkit.plan.sweep import Sweep, Unwatched

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from toolkit.plan.evaluate import Study

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # the cluster's own warnings are not ours
CASE = Case("server-default")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The scheduler of two worker processes."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address.replace("tcp://", "dask://")


def test_a_sweep_says_the_same_as_in_this_process(address: str, study: Study) -> None:
    wanted, here = [(CASE, 1.0), (CASE, 2.0)], SerialExecutor()
    expected = Sweep(study, here, KnownPoints(), Unwatched()).measure(wanted, range(3), "")
    with closing(DaskExecutor(address)) as executor:
        found = Sweep(study, executor, KnownPoints(), Unwatched()).measure(wanted, range(3), "")
    assert found == expected


def test_a_worker_killed_in_mid_sweep_loses_nothing_and_nothing_is_counted_twice(address: str, tmp_path: Path) -> None:
    points = [Point(CASE, 1.0, number) for number in range(12)]
    with closing(DaskExecutor(address)) as executor:
        found = list(executor.run(DiesOnce(tmp_path / "died"), points))
    assert (tmp_path / "died").exists()
    assert sorted(place for place, _ in found) == list(range(12))
    assert all(counted == tally(place) for place, counted in found)


def test_an_error_of_a_point_is_raised_here(address: str, study: Study) -> None:
    unknown = Point(Case("no such strategy"), 1.0, 0)
    with closing(DaskExecutor(address)) as executor, pytest.raises(UsageError, match="no such strategy"):
        list(executor.run(Evaluate(study), [unknown]))


@pytest.mark.parametrize("wrong", ["dask://", "dask://nowhere"])
def test_an_address_without_a_port_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError, match="as in dask://"):
        DaskExecutor(wrong)


def test_where_no_scheduler_answers_it_is_said() -> None:
    pytest.importorskip("distributed")
    with pytest.raises(HostError, match="no Dask scheduler answers"):
        DaskExecutor("dask://127.0.0.1:9", timeout_s=0.5)
