"""Which device computes a result: weights, rows, neighbours, and what a GPU cannot do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.fit.devices import OFFLOAD_ROWS, assign
from toolkit.fit.graph import NOWHERE, Graph, Tensor

GPU, HOST = 0, 1


def by(graph: Graph, device: int, rows: int = 1, *sources: Tensor) -> Tensor:
    """A step with weights of a device."""
    return graph.new((8, rows), graph.weight(64, device), *(sources or (graph.feed(32),)))


@pytest.mark.parametrize(("rows", "device"), [(OFFLOAD_ROWS - 1, HOST), (OFFLOAD_ROWS, GPU)])
def test_enough_rows_take_the_hosts_work_to_the_gpu(rows: int, device: int) -> None:
    graph = Graph(HOST)
    step = by(graph, HOST, rows)
    graph.run(step)
    assign(graph.order, HOST)
    assert step.device == device


def test_rows_of_a_product_are_those_of_one_matrix() -> None:
    graph = Graph(HOST)
    step = graph.product((8, 16, 4), graph.weight(64, HOST), graph.feed(32))
    graph.run(step)
    assign(graph.order, HOST)
    assert step.device == HOST


def test_what_a_gpu_has_no_kernel_for_is_the_hosts() -> None:
    graph = Graph(HOST)
    before = by(graph, GPU)
    step = graph.new((8, 64), before)
    step.host_only = True
    after = by(graph, GPU, 1, step)
    graph.run(after)
    assign(graph.order, HOST)
    assert [before.device, step.device, after.device] == [GPU, HOST, GPU]


def test_a_step_that_does_not_follow_its_weights_joins_its_neighbours() -> None:
    graph = Graph(HOST)
    turned = graph.over(by(graph, HOST, 64), graph.weight(4, HOST))
    turned.follows = False
    graph.run(turned)
    assign(graph.order, HOST)
    assert turned.device == GPU


def test_gpus_spread_both_ways_until_the_host_is_in_the_way() -> None:
    graph = Graph(HOST)
    first = by(graph, HOST)
    above = graph.over(first)
    gpu = by(graph, GPU, 1, above)
    below = graph.over(gpu)
    last = by(graph, HOST, 1, below)
    behind = graph.over(last)
    graph.run(behind)
    assign(graph.order, HOST)
    assert [step.device for step in (first, above, gpu, below, last, behind)] == [HOST, GPU, GPU, GPU, HOST, HOST]


def test_what_writes_into_a_cache_runs_there_and_views_lie_where_their_root_does() -> None:
    graph = Graph(HOST)
    x = by(graph, GPU)
    looked_at = graph.view(x, (8,))
    stored = graph.store(graph.kept(0, HOST), looked_at)
    graph.run(stored)
    assign(graph.order, HOST)
    assert (stored.device, looked_at.device) == (HOST, GPU)


def test_without_any_weights_a_step_goes_where_its_sources_are() -> None:
    graph = Graph(HOST)
    step = graph.new((8, 64), graph.feed(32), graph.feed(32))
    graph.run(step)
    assign(graph.order, HOST)
    assert step.device == HOST


@given(
    st.lists(
        st.tuples(st.sampled_from([None, 0, 1, 2]), st.integers(1, 64), st.booleans(), st.booleans()),
        min_size=1,
        max_size=12,
    )
)
def test_every_step_has_a_device_that_can_do_it(plan: list[tuple[int | None, int, bool, bool]]) -> None:
    """Whatever the weights: nothing stays open, and no GPU gets what it cannot do."""
    graph, host = Graph(2), 2
    x = graph.feed(32)
    for device, rows, follows, host_only in plan:
        weights = () if device is None else (graph.weight(8, device),)
        x = graph.new((8, rows), x, *weights)
        x.follows, x.host_only = follows, host_only
    graph.run(x)
    assign(graph.order, host)
    for step in graph.order:
        assert step.device != NOWHERE
        assert step.device == host or not step.host_only
