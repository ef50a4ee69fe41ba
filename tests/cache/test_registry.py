"""Strategies by name."""

from __future__ import annotations

import pytest

from toolkit.cache.fixed import RAM_NS, SSD_NS, FixedKeepAlive
from toolkit.cache.registry import CACHE_TYPES, STRATEGIES, StrategyContext, build_strategy
from toolkit.cache.steering.by_both import ByBoth
from toolkit.cache.steering.by_keep_alive import ByKeepAlive
from toolkit.cache.steering.by_unloads import ByUnloads
from toolkit.cache.strategy import Access, HostView
from toolkit.errors import UsageError


def test_names_are_unique_and_each_builds_a_strategy_of_that_name() -> None:
    names = [entry.name for entry in STRATEGIES]
    assert names == ["ram", "ssd", "none", "server-default", "lru-unload", "unload", "keepalive", "steer"]
    assert [entry.name for entry in STRATEGIES if entry.by_default] == names[:5]
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
        "The strategies are ram, ssd, none, server-default, lru-unload, unload, keepalive, steer; "
        "a policy is one, too: lru, lfu, gdsf, landlord, lru-k, lrfu, s3fifo, arc, next-use, ttl, "
        "histogram, classes, markov, server"
    )
    with pytest.raises(UsageError, match=r"^there is no strategy 'zzz'\. The strategies are ram, "):
        build_strategy("zzz", StrategyContext())


def test_a_duration_from_the_config_replaces_that_of_the_strategy_it_names() -> None:
    context = StrategyContext(keep_alive_ns=(("ram", 7), ("lru-unload", -1)))

    def sent(name: str) -> int | None:
        return build_strategy(name, context).before(Access("1", "m", 0), HostView((), ())).keep_alive_ns

    assert [sent(name) for name in ("ram", "lru-unload", "ssd", "server-default")] == [7, -1, SSD_NS, None]
    assert StrategyContext().duration_ns("ram", RAM_NS) == RAM_NS


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("lru", ByKeepAlive),
        ("lrfu(decay=0.1)", ByKeepAlive),
        ("gdsf(cost=load)", ByKeepAlive),
        ("next-use(horizon=5)", ByBoth),
        ("markov(evict=lfu)", ByBoth),
        ("unload(policy=gdsf(cost=one), keep-alive=10m)", ByUnloads),
        ("keepalive(policy=lru-k(k=3))", ByKeepAlive),
        ("steer(policy=markov(evict=lrfu(decay=0.1)))", ByBoth),
        ("ram(keep-alive=10m)", FixedKeepAlive),
    ],
)
def test_a_strategy_with_parameters_keeps_the_name_it_was_given(text: str, kind: type) -> None:
    """A policy alone stands for the cheapest way of steering that follows it."""
    strategy = build_strategy(text, StrategyContext())
    assert isinstance(strategy, kind)
    assert strategy.name == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("unload(policy=lrfu(decay=7))", "lrfu: decay is '7'; give a number above 0, at most 1"),
        ("unload(polici=lru)", "unload has no parameter 'polici'; did you mean 'policy'? It has policy, keep-alive"),
        ("keepalive(policy=next-use)", "durations can carry the order of lru, lfu, gdsf, landlord, lru-k, lrfu;"),
        ("keepalive(policy=markov)", "write unload"),
        ("unload(policy=gdsf(newcomers=compete))", "cannot answer without the model"),
        ("steer(policy=ram)", "ram is a rule of the server's own"),
        ("ttl", "ttl is a rule of the server's own"),
        ("steer(keep-alive=0s)", "keep-alive must be longer than 0"),
        ("steer(policy=lru", "write a name, or a name with parameters"),
        ("steer(policy=lru))", "write a name, or a name with parameters"),
    ],
)
def test_what_cannot_be_steered_is_refused_with_a_reason(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        build_strategy(text, StrategyContext())
    assert says in str(caught.value)
