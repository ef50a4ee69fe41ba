"""The rules by which results share memory: overwriting, views, outputs, copies between devices."""

from __future__ import annotations

import pytest

from toolkit.fit.graph import Graph
from toolkit.fit.plan import peaks

ONE, TWO = (1,), (1, 1)


def test_an_element_wise_step_overwrites_a_source_that_nobody_else_needs() -> None:
    graph = Graph()
    x = graph.new((100,), graph.feed(0))
    graph.run(graph.over(graph.over(x)))
    assert peaks(graph, ONE) == (400,)


def test_it_does_not_overwrite_what_is_read_again() -> None:
    graph = Graph()
    x = graph.new((100,), graph.feed(0))
    graph.run(graph.over(graph.over(x), x))
    assert peaks(graph, ONE) == (800,)


def test_nothing_overwrites_a_view_or_another_shape() -> None:
    graph = Graph()
    x = graph.new((100,), graph.feed(0))
    graph.run(graph.over(graph.view(x, (10, 10))))
    assert peaks(graph, ONE) == (800,)
    other = Graph()
    y = other.new((100,), other.feed(0))
    result = other.new((50, 2), y)
    result.may_overwrite = True
    other.run(result)
    assert peaks(other, ONE) == (800,)


def test_memory_comes_back_when_the_last_reader_has_run() -> None:
    graph = Graph()
    x = graph.new((100,), graph.feed(0))
    for _ in range(5):
        x = graph.new((100,), x)
    graph.run(x)
    assert peaks(graph, ONE) == (800,)


def test_a_view_keeps_the_whole_alive() -> None:
    graph = Graph()
    whole = graph.new((100,), graph.feed(0))
    part = graph.part(whole, (10,))
    small = graph.new((1,), whole)
    graph.run(small, graph.new((100,), small), graph.new((1,), part))
    assert peaks(graph, ONE)[0] == 400 + 4 + 400


def test_an_output_is_never_given_back() -> None:
    graph = Graph()
    x = graph.new((100,), graph.feed(0))
    x.is_output = True
    graph.run(graph.new((100,), graph.over(x)))
    assert peaks(graph, ONE) == (1200,)


def test_inputs_are_placed_first_and_live_until_they_are_read() -> None:
    graph = Graph()
    early, late = graph.feed(64), graph.feed(64)
    graph.run(graph.new((16,), early), graph.new((16,), late))
    assert peaks(graph, ONE) == (192,)


def test_what_another_device_has_is_copied_once() -> None:
    graph = Graph(device=0, host=1)
    mask = graph.feed(1000)
    first = graph.new((25,), mask)
    graph.run(graph.new((25,), first, mask))
    gpu, host = peaks(graph, TWO)
    assert host == 1000
    assert gpu == 1000 + 100 + 100


def test_a_pipeline_keeps_four_of_each_crossing_and_of_each_input() -> None:
    graph = Graph(device=0, host=1)
    graph.run(graph.new((25,), graph.feed(1000)))
    assert peaks(graph, TWO, copies=4) == (4000 + 100, 4000)


def test_brought_weights_live_for_one_step_each() -> None:
    graph = Graph(device=0, host=1)
    x = graph.new((25,), graph.feed(100))
    for _ in range(6):
        weight = graph.kept(5000, device=1)
        weight.is_weight = True
        x = graph.new((25,), weight, x)
    graph.run(x)
    gpu, _ = peaks(graph, TWO)
    assert 5000 < gpu < 2 * 5000


@pytest.mark.parametrize("depth", [1, 50, 400])
def test_deep_chains_are_scheduled_in_order(depth: int) -> None:
    graph = Graph()
    x = graph.feed(4)
    made = []
    for _ in range(depth):
        x = graph.new((1,), x)
        made.append(x)
    graph.run(x)
    assert graph.order == made
