"""Strategies that only name a duration."""

from __future__ import annotations

import pytest

from toolkit.cache.fixed import FOR_EVER_NS, FixedKeepAlive, ServerDefault
from toolkit.cache.registry import StrategyContext, build_strategy
from toolkit.cache.strategy import Access, Answer, Directive, HostView, LoadedModel

FULL = HostView(tuple(LoadedModel(name, name, 1, 1, None) for name in "abc"), (("a", 1),))
EMPTY = HostView((), ())


@pytest.mark.parametrize(("name", "keep_alive_ns"), [("ram", 1_800_000_000_000), ("ssd", 120_000_000_000), ("none", 0)])
def test_every_request_carries_the_one_duration_whatever_the_host_holds(name: str, keep_alive_ns: int) -> None:
    strategy = build_strategy(name, StrategyContext(max_models=1))
    for index, view in enumerate((EMPTY, FULL, EMPTY)):
        access = Access(str(index), "d", index)
        assert strategy.before(access, view) == Directive(keep_alive_ns=keep_alive_ns)
        strategy.after(access, Answer(index, None, ok=True))


@pytest.mark.parametrize("name", ["ram", "ssd", "none"])
def test_a_pinned_model_stays_for_ever(name: str) -> None:
    strategy = build_strategy(name, StrategyContext(pinned=("a",)))
    assert strategy.before(Access("1", "a", 0), EMPTY).keep_alive_ns == FOR_EVER_NS < 0
    assert strategy.before(Access("2", "b", 0), EMPTY).keep_alive_ns != FOR_EVER_NS


def test_server_default_sends_nothing_even_for_a_pinned_model() -> None:
    strategy = build_strategy("server-default", StrategyContext(pinned=("a",), max_models=1))
    assert strategy.before(Access("1", "a", 0), FULL) == Directive()


def test_the_same_settings_are_the_same_strategy() -> None:
    assert FixedKeepAlive("x", 5) == FixedKeepAlive("x", 5)
    assert ServerDefault() == ServerDefault()
