"""The rules by which results share memory: overwriting, views, outputs, copies between devices."""

from __future__ import annotations

import pytest

from toolkit.fit.graph import Graph, Tensor
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


def on_gpu(graph: Graph, *sources: Tensor) -> Tensor:
    """A result of 100 bytes by weights of the GPU."""
    return graph.new((25,), *sources, graph.weight(1, 0))


def test_what_another_device_has_is_copied_once() -> None:
    graph = Graph(host=1)
    mask = graph.feed(1000)
    first = on_gpu(graph, mask)
    graph.run(on_gpu(graph, first, mask))
    gpu, host = peaks(graph, TWO)
    assert host == 1000
    assert gpu == 1000 + 100 + 100


def test_a_pipeline_keeps_four_of_each_crossing_and_of_each_input() -> None:
    graph = Graph(host=1)
    graph.run(on_gpu(graph, graph.feed(1000)))
    assert peaks(graph, TWO, copies=4) == (4000 + 100, 4000)


def test_brought_weights_live_for_one_step_each() -> None:
    graph = Graph(host=1)
    x = graph.new((1, 100), graph.feed(400))
    for _ in range(6):
        x = graph.new((1, 100), graph.weight(5000, device=1), x)
    graph.run(x)
    gpu, _ = peaks(graph, TWO)
    assert 5000 < gpu < 2 * 5000


def test_a_copy_in_a_gpus_buffer_has_the_padding_of_the_original() -> None:
    graph = Graph(host=1)
    graph.run(graph.new((1, 100), graph.weight(5000, 1, gpu_extra_bytes=300), graph.feed(0)))
    assert peaks(graph, TWO)[0] == 5000 + 300 + 400


def test_room_that_only_a_gpu_needs_is_not_taken_on_the_host() -> None:
    sizes = []
    for device in (0, 1):
        graph = Graph(host=1)
        out = graph.new((25,), graph.weight(1, device))
        out.gpu_extra_bytes = 900
        graph.run(out)
        sizes.append(peaks(graph, TWO))
    assert sizes == [(1000, 0), (0, 100)]


def test_a_run_that_has_fetched_thirty_ends_before_the_next_copy() -> None:
    """The copies of the second run come later, so that those of the first may be gone by then."""
    graph = Graph(host=1)
    x = graph.new((25,), graph.weight(1, 1))
    graph.run(x)
    y = on_gpu(graph, graph.part(x, (25,)))
    for _ in range(39):
        y = on_gpu(graph, graph.part(x, (25,)), y)
    graph.run(y)
    gpu, _ = peaks(graph, TWO)
    assert gpu == 30 * 100 + 100


def test_what_is_written_into_its_source_takes_no_room() -> None:
    graph = Graph()
    x = graph.new((100,), graph.feed(0))
    graph.run(graph.new((1,), graph.inside(x), x))
    assert peaks(graph, ONE) == (404,)


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
