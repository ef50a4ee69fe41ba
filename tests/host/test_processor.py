"""Work that shares cores: alone at full speed, together more slowly, and every piece is done in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from toolkit.host.virtual import Cores
from toolkit.host.virtual.processor import Processor, Task

if TYPE_CHECKING:
    from collections.abc import Sequence

S = 1_000_000_000


def ends(cores: Cores, arrivals: Sequence[tuple[int, int]]) -> dict[int, int]:
    """When each piece of work (arrival, length) is done, by its place; driven as a host drives it."""
    processor, done = Processor(cores), {}
    waiting = sorted(enumerate(arrivals), key=lambda item: item[1][0])
    now = 0
    while True:
        due = processor.due_ns()
        if waiting and (due is None or waiting[0][1][0] <= due):
            place, (now, work) = waiting.pop(0)
            processor.start(Task(place, work, 1.0, lambda _: None, place), now)
        elif due is not None:
            now = due
            task = processor.work(now)
            if task is not None:
                done[task.argument] = now
        else:
            return done


def test_alone_work_takes_its_own_time() -> None:
    assert ends(Cores(2), [(S, 3 * S)]) == {0: 4 * S}


def test_as_many_as_there_are_cores_do_not_disturb_each_other() -> None:
    assert ends(Cores(2), [(0, 3 * S), (S, S)]) == {0: 3 * S, 1: 2 * S}


def test_three_on_two_cores_get_two_thirds_each() -> None:
    assert ends(Cores(2), [(0, 2 * S)] * 3) == {0: 3 * S, 1: 3 * S, 2: 3 * S}


def test_who_comes_later_slows_down_only_what_is_left() -> None:
    # One second alone, then two share one core: the first needs two more seconds for its last one.
    assert ends(Cores(1), [(0, 2 * S), (S, 2 * S)]) == {0: 3 * S, 1: 4 * S}


def test_other_programs_take_half_of_the_cores_at_most() -> None:
    busy = Cores(2, background=((0, 5.0),))
    assert ends(busy, [(0, S)]) == {0: S}
    assert ends(busy, [(0, S), (0, S)]) == {0: 2 * S, 1: 2 * S}


def test_other_programs_that_stop_leave_the_rest_at_full_speed() -> None:
    cores = Cores(2, background=((0, 2.0), (S, 0.0)))
    assert ends(cores, [(0, S), (0, S)]) == {0: 3 * S // 2, 1: 3 * S // 2}


def test_even_a_core_of_its_own_is_slower_beside_other_programs() -> None:
    assert ends(Cores(2, background=((0, 1.0),), drag=0.2), [(0, 4 * S)]) == {0: 5 * S}


def test_a_mark_takes_nothing_away_and_comes_when_its_progress_is_made() -> None:
    processor = Processor(Cores(1))
    processor.start(Task("work", 2 * S, 1.0, lambda _: None, "work"), 0)
    processor.start(Task("other", 2 * S, 1.0, lambda _: None, "other"), 0)
    processor.start(Task("mark", S, 0.0, lambda _: None, "mark"), 0)
    assert processor.due_ns() == 2 * S
    first = processor.work(2 * S)
    assert first is not None
    assert first.argument == "mark"
    assert processor.due_ns() == 4 * S


def test_work_that_is_given_up_gives_its_share_back() -> None:
    processor = Processor(Cores(1))
    processor.start(Task("kept", 2 * S, 1.0, lambda _: None, None), 0)
    processor.start(Task("left", 2 * S, 1.0, lambda _: None, None), 0)
    processor.stop("left", 2 * S)
    processor.stop("unknown", 2 * S)
    assert processor.due_ns() == 3 * S


WORK = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 20)), min_size=1, max_size=8)


@given(WORK, st.integers(1, 4))
def test_all_work_is_done_and_none_of_it_faster_than_alone(arrivals: list[tuple[int, int]], count: int) -> None:
    scaled = [(at * S, work * S) for at, work in arrivals]
    done = ends(Cores(count), scaled)
    assert set(done) == set(range(len(arrivals)))
    for place, (at, work) in enumerate(scaled):
        assert done[place] >= at + work - 1


@given(WORK)
def test_one_core_is_never_idle_while_there_is_work(arrivals: list[tuple[int, int]]) -> None:
    """The last end is that of a single queue, whatever the order: work is conserved."""
    scaled = [(at * S, work * S) for at, work in arrivals]
    free = 0
    for at, work in sorted(scaled):
        free = max(free, at) + work
    assert abs(max(ends(Cores(1), scaled).values()) - free) <= len(arrivals)
