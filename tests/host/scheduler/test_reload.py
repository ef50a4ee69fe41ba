"""Which differences load a model again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from toolkit.host.scheduler import GpuSpec, ModelSpec, Request
from toolkit.host.scheduler.reload import needs_reload

if TYPE_CHECKING:
    from collections.abc import Callable

GIB = 1 << 30
CUDA = GpuSpec("GPU-0", "CUDA", 24 * GIB)


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        ({}, {}, False),
        ({}, {"num_ctx": 4096}, False),
        ({}, {"num_ctx": 8192}, True),
        ({"num_ctx": 8192}, {}, True),
        ({"num_ctx": 999_999}, {"num_ctx": 131072}, False),
        ({"num_ctx": 131072}, {"num_ctx": 999_999}, False),
        ({"num_batch": 512}, {}, False),
        ({"num_batch": 1024}, {}, True),
        ({"num_gpu": 10}, {"num_gpu": -1}, False),
        ({"num_gpu": 10}, {"num_gpu": -5}, False),
        ({}, {"num_gpu": 99}, True),
        ({"num_gpu": 99}, {"num_gpu": 99}, False),
        ({}, {"main_gpu": 0}, True),
        ({"main_gpu": 0}, {}, True),
        ({}, {"use_mmap": True}, True),
        ({"use_mmap": True}, {}, True),
        ({}, {"num_thread": 4}, True),
        ({}, {"draft_num_predict": 4}, True),
    ],
)
def test_which_differences_reload(
    desk: Callable[..., Any], first: dict[str, Any], then: dict[str, Any], expected: bool
) -> None:
    bench = desk({"OLLAMA_GPU_OVERHEAD": str(20 * GIB)})
    spec = bench.model("a")
    bench._did(bench.scheduler.submit(_request("r1", spec, bench, first), 1))
    runner = bench.up()
    assert needs_reload(runner, bench.scheduler.resolve(spec, then), bench.scheduler.profile) is expected


def _request(id_: str, spec: ModelSpec, bench: Any, asked: dict[str, Any]) -> Any:
    return Request(id_, spec, bench.scheduler.resolve(spec, asked))


def test_an_mmap_that_the_server_turned_off_agrees_with_an_open_one(desk: Callable[..., Any]) -> None:
    bench = desk(gpus=0)
    bench.load("r1", "a")
    bench.finish("r1")
    bench.ask("r2", "a")
    assert bench.served[-1] == ("r2", "fast")
    assert bench.ask("r3", "a", use_mmap=False).path == "fast"
    assert bench.ask("r4", "a", use_mmap=True).path is None


def test_v024_reloads_for_automatic_and_for_oversized_contexts(desk: Callable[..., Any]) -> None:
    bench = desk(profile_name="v0.24")
    bench.load("r1", "a", num_ctx=200_000)
    assert bench.started[-1].launch.num_ctx == 131072
    assert bench.ask("r2", "a", num_ctx=200_000).path == "fast"
    assert bench.ask("r3", "a", num_ctx=131072).path is None
