"""Strategies by name."""

from __future__ import annotations

import pytest

from toolkit.cache.fixed import RAM_NS, SSD_NS
from toolkit.cache.registry import CACHE_TYPES, STRATEGIES, StrategyContext, build_strategy
from toolkit.cache.strategy import Access, HostView
from toolkit.errors import UsageError


def test_names_are_unique_and_each_builds_a_strategy_of_that_name() -> None:
    names = [entry.name for entry in STRATEGIES]
    assert names == ["ram", "ssd", "none", "server-default", "lru-unload"]
    assert set(CACHE_TYPES) <= set(names)
    for entry in STRATEGIES:
        assert build_strategy(entry.name, StrategyContext()).name == entry.name
        assert entry.summary.strip()
        assert "\n" not in entry.summary


def test_strategies_with_a_memory_are_made_afresh() -> None:
    context = StrategyContext(max_models=1)
    assert build_strategy("lru-unload", context) is not build_strategy("lru-unload", context)


def test_an_unknown_name_is_answered_with_the_nearest_and_all() -> None:
    with pytest.raises(UsageError) as caught:
        build_strategy("LRU_unload", StrategyContext())
    assert str(caught.value) == (
        "there is no strategy 'LRU_unload'. Did you mean 'lru-unload'? "
        "The strategies are ram, ssd, none, server-default, lru-unload"
    )
    with pytest.raises(UsageError, match=r"^there is no strategy 'zzz'\. The strategies are ram, "):
        build_strategy("zzz", StrategyContext())


def test_a_duration_from_the_config_replaces_that_of_the_strategy_it_names() -> None:
    context = StrategyContext(keep_alive_ns=(("ram", 7), ("lru-unload", -1)))

    def sent(name: str) -> int | None:
        return build_strategy(name, context).before(Access("1", "m", 0), HostView((), ())).keep_alive_ns

    assert [sent(name) for name in ("ram", "lru-unload", "ssd", "server-default")] == [7, -1, SSD_NS, None]
    assert StrategyContext().duration_ns("ram", RAM_NS) == RAM_NS
