"""The simulated machine: who holds what, and when it is free again."""

from __future__ import annotations

import pytest

from toolkit.errors import SimulationError
from toolkit.host.machine import GpuHardware, HostHardware, LinearFootprint, LinearFootprints, Machine
from toolkit.host.scheduler import GpuSpec, Launch, ModelSpec, Runner, resolve_demand

MODEL = ModelSpec("m", "d", 10**9, "llama", 9, 4096, 32, 8, 8192)


def machine(*free_bytes: int, delay_ns: int = 100, integrated: bool = False, need: int = 1000) -> Machine:
    gpus = tuple(
        GpuHardware(GpuSpec(f"GPU-{n}", "CUDA", free, integrated), free, delay_ns) for n, free in enumerate(free_bytes)
    )
    return Machine(HostHardware(gpus, 10_000, 5_000), LinearFootprints({"d": LinearFootprint(need, 1, 50)}))


def runner(number: int, *gpus: int, num_gpu: int = -1, num_ctx: int = 1) -> Runner:
    launch = Launch(MODEL, gpus, num_ctx, num_ctx, 512, num_gpu, None, None, 1, 0, 0, require_full=False)
    return Runner(number, launch, resolve_demand(MODEL, {}, 4096), use_mmap_auto=False)


def test_a_need_is_shared_evenly_and_the_first_takes_the_remainder() -> None:
    host = machine(5000, 5000, 5000)
    process = runner(1, 0, 1, 2)
    report = host.start(process, process.launch, 0)
    assert report.vram_by_gpu == ((0, 335), (1, 333), (2, 333))
    assert (report.vram_bytes, report.total_bytes) == (1001, 1051)
    assert host.system_free_bytes(0) == 5000 - 50


def test_a_share_is_cut_to_what_is_free_and_the_rest_goes_to_system_memory() -> None:
    host = machine(100, 5000)
    process = runner(1, 0, 1)
    assert host.start(process, process.launch, 0).vram_by_gpu == ((0, 100), (1, 500))
    assert host.system_free_bytes(0) == 5000 - (1051 - 600)


@pytest.mark.parametrize(("num_gpu", "vram"), [(0, 0), (5, 500), (9, 900), (10, 1001), (-1, 1001)])
def test_a_partial_num_gpu_takes_its_layers(num_gpu: int, vram: int) -> None:
    """1001 bytes over 10 layers: integer division first."""
    host = machine(5000)
    process = runner(1, 0, num_gpu=num_gpu)
    assert host.start(process, process.launch, 0).vram_bytes == vram


def test_memory_comes_back_after_the_delay_and_reading_changes_nothing() -> None:
    host = machine(2000, delay_ns=100)
    process = runner(1, 0)
    host.start(process, process.launch, 0)
    host.end(process, 50)
    assert [list(host.gpu_free_bytes(t)) for t in (149, 150, 149)] == [[999], [2000], [999]]
    assert host.system_free_bytes(50) == 5000
    assert host.held_bytes(149) == (1001,)
    assert host.held_bytes(150) == (0,)


def test_without_delay_it_is_back_at_once() -> None:
    host = machine(2000, delay_ns=0)
    process = runner(1, 0)
    host.start(process, process.launch, 0)
    host.end(process, 5)
    assert list(host.gpu_free_bytes(5)) == [2000]


def test_memory_on_an_integrated_gpu_is_system_memory_too() -> None:
    host = machine(2000, integrated=True)
    process = runner(1, 0)
    host.start(process, process.launch, 0)
    assert host.system_free_bytes(0) == 5000 - 1051


def test_another_program_may_take_more_than_there_is() -> None:
    host = machine(2000)
    host.take(0, 3000)
    assert list(host.gpu_free_bytes(0)) == [0]
    host.take(0, -3000)
    assert list(host.gpu_free_bytes(0)) == [2000]


def test_a_process_ends_once() -> None:
    host = machine(2000)
    process = runner(1, 0)
    host.start(process, process.launch, 0)
    assert host.processes == (process,)
    host.end(process, 1)
    with pytest.raises(SimulationError, match="has ended before"):
        host.end(process, 2)
