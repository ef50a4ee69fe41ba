"""Loads under way: whom they may push out, when that is known, and who holds them up."""

from __future__ import annotations

from toolkit.gateway.loads import Load, LoadsUnderWay, Overdue, StuckLoads

NS_PER_S = 1_000_000_000


class Pairs:
    """Only these are known to fit together."""

    def __init__(self, *known: str) -> None:
        self._known = [frozenset(pair) for pair in known]

    def together(self, models: frozenset[str]) -> bool:
        return len(models) <= 1 or any(models <= known for known in self._known)


NOBODY = Pairs()


def test_what_is_idle_stays_only_if_nothing_has_to_leave() -> None:
    """The server chooses who leaves, so knowing that `b` fits beside `a` is not enough while `c` is there, too."""
    loads = LoadsUnderWay()
    assert list(loads.staying("bc", NOBODY)) == ["b", "c"]
    loads.begins(Load("a", frozenset("bc"), 10))
    assert list(loads.staying("bc", Pairs("ab", "ac"))) == []
    assert list(loads.staying("b", Pairs("ab", "ac"))) == ["b"]
    assert list(loads.staying("bc", Pairs("abc"))) == ["b", "c"]


def test_who_was_told_to_go_is_not_asked_again_though_it_may_fit() -> None:
    loads = LoadsUnderWay()
    loads.begins(Load("a", frozenset(), 10, leaving=frozenset("b")))
    assert list(loads.staying("bc", Pairs("ab", "ac"))) == ["c"]
    loads.seen("a", 11)
    assert list(loads.staying("bc", NOBODY)) == ["b", "c"]


def test_a_look_that_was_asked_for_before_the_load_says_nothing_of_it() -> None:
    loads = LoadsUnderWay()
    load = Load("a", frozenset("b"), 10)
    loads.begins(load)
    assert loads.seen("a", 9) == []
    assert loads.seen("b", 11) == []
    assert loads.seen("a", 11) == [load]
    assert not len(loads)


def test_the_end_of_one_load_is_not_the_end_of_another() -> None:
    """The answer to `a` ends while `c` is being loaded: what `c` pushes out is still not asked for."""
    loads = LoadsUnderWay()
    first, second = Load("a", frozenset("b"), 10), Load("c", frozenset("a"), 20)
    loads.begins(first)
    loads.seen("a", 15)
    loads.begins(second)
    assert not loads.ends(first, 25)
    loads.seen("b", 26)
    assert list(loads.staying("b", NOBODY)) == []


def test_a_load_that_failed_is_over_with_the_next_look() -> None:
    loads = LoadsUnderWay()
    load = Load("a", frozenset("b"), 10)
    loads.begins(load)
    assert loads.ends(load, 20)
    assert not loads.ends(load, 21)
    assert loads.seen("b", 19) == []
    assert list(loads.staying("b", NOBODY)) == []
    assert loads.seen("b", 20) == []
    assert list(loads.staying("b", NOBODY)) == ["b"]


def looks(stuck: StuckLoads, *steps: tuple[int, str, str, str], neighbours: Pairs = NOBODY) -> list[Overdue | None]:
    """Looks in seconds: when, what is waited for, what is listed, what is busy. A load takes a second."""
    return [
        stuck.look(at * NS_PER_S, dict.fromkeys(loads, NS_PER_S), frozenset(listed), busy, neighbours)
        for at, loads, listed, busy in steps
    ]


def test_what_nobody_uses_is_unloaded_if_a_load_does_not_come() -> None:
    found = looks(StuckLoads(), *((at, "a", "bc", "c") for at in range(25)))
    assert {at: each for at, each in enumerate(found) if each} == {
        10: Overdue(("b",), ("a",)),
        20: Overdue(("b",), ("a",)),
    }


def test_those_who_give_up_and_begin_anew_wait_on() -> None:
    steps = [(at, "" if at % 3 == 0 else "ab"[at % 2], "c", "") for at in range(1, 14)]
    assert [at for (at, *_), each in zip(steps, looks(StuckLoads(), *steps), strict=True) if each] == [11]


def test_what_comes_begins_the_wait_anew() -> None:
    assert not any(looks(StuckLoads(), (0, "a", "b", ""), (9, "a", "bd", ""), (18, "a", "bd", "")))
    assert not any(looks(StuckLoads(), (0, "a", "b", ""), (1, "", "b", ""), (20, "a", "b", ""), (29, "a", "b", "")))


def test_what_is_known_to_fit_is_first_doubted_and_then_unloaded() -> None:
    stuck, steps = StuckLoads(), [(at, "a", "b", "") for at in range(21)]
    found = [each for each in looks(stuck, *steps[:11], neighbours=Pairs("ab")) if each]
    assert found == [Overdue((), ("a",))]
    assert [each for each in looks(stuck, *steps[11:]) if each] == [Overdue(("b",), ("a",))]


def test_a_slow_disk_is_no_stuck_eviction() -> None:
    stuck, load_ns = StuckLoads(), 20 * NS_PER_S
    found = [stuck.look(at * NS_PER_S, {"a": load_ns}, frozenset("b"), "", NOBODY) for at in range(61)]
    assert [at for at, each in enumerate(found) if each] == [60]
