"""Usage: counts that add up, at every moment and from every thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from toolkit.llm.usage import End, ModelUsage, Usage, UsageMeter
from toolkit.ollama.types import Counters

ENDS: tuple[End, ...] = get_args(End)
MODELS = st.sampled_from(["a:1b", "b:7b", "c:32b"])


def adds_up(one: ModelUsage) -> bool:
    return one.requests == one.hits + one.joined + one.loads + one.errors + one.cancelled + one.under_way


@given(st.lists(st.tuples(MODELS, st.one_of(st.none(), st.sampled_from(ENDS)))))
def test_inv_use_every_request_is_in_one_place(history: list[tuple[str, End | None]]) -> None:
    """Each item starts a request; with an end, it ends as well."""
    meter = UsageMeter()
    for model, end in history:
        meter.started(model)
        assert all(map(adds_up, meter.snapshot().models))
        if end is not None:
            meter.ended(model, end, Counters(prompt_eval_count=3, eval_count=2))
            assert all(map(adds_up, meter.snapshot().models))
    usage = meter.snapshot()
    assert adds_up(usage.total)
    assert usage.total.requests == len(history)
    assert usage.total.under_way == sum(end is None for _, end in history)
    assert usage.total.prompt_tokens == 3 * sum(end is not None for _, end in history)
    assert [one.model for one in usage.models] == sorted({model for model, _ in history})


def test_a_zero_that_the_server_left_out_counts_as_none_of_anything() -> None:
    meter = UsageMeter()
    for counters in (Counters(prompt_eval_count=5), Counters(eval_count=2), Counters(), None):
        meter.started("m")
        meter.ended("m", "hits", counters)
    (one,) = meter.snapshot().models
    assert (one.prompt_tokens, one.output_tokens, one.hits) == (5, 2, 4)


def test_preloads_are_counted_apart() -> None:
    meter = UsageMeter()
    meter.preloaded("m", ok=True)
    meter.preloaded("m", ok=False)
    assert meter.snapshot().models == (ModelUsage("m", preloads=2, preload_errors=1),)


def test_nothing_used_is_an_empty_usage() -> None:
    assert UsageMeter().snapshot() == Usage(())
    assert Usage(()).total == ModelUsage("total")


def test_32_threads_lose_no_count() -> None:
    meter = UsageMeter()

    def use(number: int) -> None:
        for _ in range(500):
            meter.started("m")
            assert all(map(adds_up, meter.snapshot().models))
            meter.ended("m", ENDS[number % len(ENDS)], Counters(eval_count=1))

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(use, range(32)))
    total = meter.snapshot().total
    assert (total.requests, total.output_tokens, total.under_way) == (16_000, 16_000, 0)
