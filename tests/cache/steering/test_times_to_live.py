"""When a model that is expected back is preloaded: after an answer, in its window, on a quiet host that has room."""

from __future__ import annotations

import pytest

from toolkit.cache.registry import StrategyContext, build_strategy
from toolkit.cache.room import SlotRoom
from toolkit.cache.strategy import Access, Answer, HostView, LoadedModel

MINUTE_NS = 60 * 10**9


def preloads(at_minute: float, *, loaded: tuple[str, ...], in_flight: tuple[str, ...] = (), slots: int = 2) -> object:
    """What is preloaded after a request for `b`, when `a` was used every ten minutes up to the sixtieth."""
    strategy = build_strategy("histogram", StrategyContext(room=SlotRoom(slots)))
    times_ns = [at * 10 * MINUTE_NS for at in range(7)]
    for number, now_ns in enumerate(times_ns):
        access = Access(str(number), "a", now_ns)
        strategy.before(access, view(("a",) if number else ()))
        strategy.after(access, Answer(now_ns + 1, None, ok=True))
    access = Access("b", "b", round(at_minute * MINUTE_NS))
    return strategy.before(access, view(loaded, in_flight)).preload_after


def view(loaded: tuple[str, ...], in_flight: tuple[str, ...] = ()) -> HostView:
    return HostView(
        tuple(LoadedModel(name, name, 1, 1, None) for name in loaded), tuple((each, 1) for each in in_flight)
    )


@pytest.mark.parametrize(
    ("at_minute", "loaded", "in_flight", "slots", "expected"),
    [
        (69, ("b",), (), 2, ("a",)),
        (68.9, ("b",), (), 2, ()),
        (72, ("b",), (), 2, ("a",)),
        (72.2, ("b",), (), 2, ()),
        (69, ("a", "b"), (), 2, ()),
        (69, ("b", "c"), ("c",), 3, ()),
        (69, ("b", "c"), (), 2, ()),
        (69, (), (), 2, ("a",)),
    ],
    ids=["opens", "too early", "open", "too late", "there already", "somebody is busy", "no room", "after a load"],
)
def test_when(
    at_minute: float, loaded: tuple[str, ...], in_flight: tuple[str, ...], slots: int, expected: tuple[str, ...]
) -> None:
    assert preloads(at_minute, loaded=loaded, in_flight=in_flight, slots=slots) == expected
