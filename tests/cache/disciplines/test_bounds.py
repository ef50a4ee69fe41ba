"""Each discipline keeps the bound that it states, on random arrivals; everybody is served once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.cache.disciplines.estimates import ServiceEstimates
from toolkit.cache.disciplines.fcfs import FirstCome
from toolkit.cache.disciplines.least_wait import LeastWait
from toolkit.cache.disciplines.places import Places, Sheet
from toolkit.cache.disciplines.priority import Ageing
from toolkit.cache.disciplines.resident_first import ResidentFirst
from toolkit.cache.disciplines.shadow import ShadowBounded
from toolkit.cache.policies.base import Item
from toolkit.cache.policies.lru import Lru
from toolkit.lab.cache import Capacity
from toolkit.lab.queue import Job, Residents, Start, serve

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.cache.disciplines.base import Discipline

NAMES = "abcdef"
SERVICE_NS = {name: 3 + 4 * at for at, name in enumerate(NAMES)}
ITEMS = {name: Item(name, 1 + at % 2, 20 + 5 * at) for at, name in enumerate(NAMES)}
ROOM = Capacity(4, 3)
PATIENCE_NS = 60


class Known(ServiceEstimates):
    """Service times that are known beforehand: each model always takes the same."""

    def guess_ns(self, model: str) -> int:
        return SERVICE_NS[model]


def places() -> Places:
    return Places(ITEMS, ROOM.size_bytes, ROOM.models)


DISCIPLINES: dict[str, Callable[[], Discipline]] = {
    "first come": FirstCome,
    "resident first": lambda: ResidentFirst(PATIENCE_NS),
    "shadow": lambda: ShadowBounded(PATIENCE_NS, places(), Known()),
    "least wait": lambda: LeastWait(PATIENCE_NS, places(), Known()),
    "ageing": lambda: Ageing(PATIENCE_NS),
}


@st.composite
def arrivals(draw: st.DrawFn) -> list[Job]:
    jobs, now_ns = [], 0
    for gap_ns, name, priority in draw(
        st.lists(st.tuples(st.integers(0, 30), st.sampled_from(NAMES), st.integers(0, 3)), max_size=50)
    ):
        now_ns += gap_ns
        jobs.append(Job(now_ns, name, SERVICE_NS[name], priority))
    return jobs


def play(jobs: list[Job], discipline: Discipline) -> list[Start]:
    return list(serve(jobs, Residents(ITEMS, Lru(), ROOM), discipline))


@pytest.mark.parametrize("name", DISCIPLINES)
@given(jobs=arrivals())
def test_inv_queue(name: str, jobs: list[Job]) -> None:
    """Everybody starts once, after arriving; one at a time; never idle while somebody waits."""
    starts = play(jobs, DISCIPLINES[name]())
    assert sorted(start.number for start in starts) == list(range(len(jobs)))
    free_ns = 0
    for start in starts:
        load_ns = ITEMS[start.model].load_ns if start.loaded else 0
        assert start.start_ns >= start.arrived_ns + load_ns
        assert start.start_ns >= free_ns + load_ns
        assert start.start_ns == max(free_ns, start.arrived_ns) + load_ns or start.start_ns - load_ns == free_ns
        free_ns = start.done_ns


@settings(max_examples=400)
@given(jobs=arrivals(), bound_ns=st.integers(0, 200))
def test_shadow_keeps_its_promise(jobs: list[Job], bound_ns: int) -> None:
    """Nobody starts more than the bound later than first come first served: exactly, if service times are known."""
    plain = {start.number: start.start_ns for start in play(jobs, FirstCome())}
    for start in play(jobs, ShadowBounded(bound_ns, places(), Known())):
        assert start.start_ns <= plain[start.number] + bound_ns


USES = st.lists(st.sampled_from(NAMES), max_size=20)


@given(ours=USES, theirs=USES, both=USES)
def test_the_debt_covers_whatever_comes(ours: list[str], theirs: list[str], both: list[str]) -> None:
    """Two hosts with different pasts and one future: ours pays no more for loads than the other plus the debt."""
    mine, other = places(), places()
    for name in ours:
        mine.use(name)
    for name in theirs:
        other.use(name)
    debt_ns = mine.debt_ns(other)
    assert (debt_ns == 0) == (list(other) == list(mine)[len(list(mine)) - len(list(other)) :])
    assert sum(map(mine.use, both)) <= sum(map(other.use, both)) + debt_ns


@given(before=USES, then=USES, other=USES)
def test_a_sheet_is_the_host_without_a_copy(before: list[str], then: list[str], other: list[str]) -> None:
    """The same loads, the same order, the same debts as of a copy; and the host beneath stays as it was."""
    host, held, against = places(), Residents(ITEMS, Lru(), ROOM), places()
    for at, name in enumerate(before):
        host.use(name)
        held.use(name, at, at)
    for name in other:
        against.use(name)
    copied, sheets = host.copy(), (host.sheet(), places().sheet_holding(held.order))
    assert all(isinstance(sheet, Sheet) for sheet in sheets)
    loads_ns = [copied.use(name) for name in then]
    for sheet in sheets:
        assert [sheet.use(name) for name in then] == loads_ns
        for one in (sheet, sheet.copy(), sheet.sheet()):
            assert list(one) == list(reversed(list(one.newest()))) == list(copied)
            assert [name in one for name in NAMES] == [name in copied for name in NAMES]
            assert (one.loads_ns, one.debt_ns(against), against.debt_ns(one)) == (
                sum(ITEMS[name].load_ns for name in copied), copied.debt_ns(against), against.debt_ns(copied),
            )  # fmt: skip
    assert list(host) == list(held.order)


@given(jobs=arrivals())
def test_a_promise_of_nothing_gives_nobody_a_later_start(jobs: list[Job]) -> None:
    plain = {start.number: start.start_ns for start in play(jobs, FirstCome())}
    assert all(start.start_ns <= plain[start.number] for start in play(jobs, ShadowBounded(0, places(), Known())))


@pytest.mark.parametrize("name", ["resident first", "least wait"])
@given(jobs=arrivals())
def test_nobody_overtakes_the_impatient(name: str, jobs: list[Job]) -> None:
    starts = play(jobs, DISCIPLINES[name]())
    begun = [(start.start_ns - (ITEMS[start.model].load_ns if start.loaded else 0), start) for start in starts]
    for place, (chosen_ns, start) in enumerate(begun):
        for _, later in begun[place + 1 :]:
            if later.number < start.number:
                assert chosen_ns - later.arrived_ns < PATIENCE_NS


@given(jobs=arrivals())
def test_ageing_is_bounded_by_the_difference_of_priorities(jobs: list[Job]) -> None:
    starts = play(jobs, Ageing(PATIENCE_NS))
    for place, start in enumerate(starts):
        for later in starts[place + 1 :]:
            if later.number < start.number:
                ahead = jobs[start.number].priority - jobs[later.number].priority
                assert start.arrived_ns - later.arrived_ns < ahead * PATIENCE_NS


@pytest.mark.parametrize("name", DISCIPLINES)
def test_who_leaves_is_not_served(name: str) -> None:
    from toolkit.cache.disciplines.base import Waiting  # noqa: PLC0415 - only here

    discipline = DISCIPLINES[name]()
    for number, model in enumerate("abab"):
        discipline.arrived(Waiting(number, model, number))
    discipline.left(0)
    discipline.left(9)
    served = [one.number for _ in range(3) if (one := discipline.next(10, ())) is not None]
    assert sorted(served) == [1, 2, 3]
    assert discipline.next(10, ()) is None
