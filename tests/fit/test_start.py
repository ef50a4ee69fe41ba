"""How many layers a process puts on the GPUs it was given, and what it then holds and logs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.fit.setting import Setting
from toolkit.fit.start import Reserve, start
from toolkit.fit.takes import ByFigures, ByHeader, Said

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.fit.spec import Spec

GIB = 1 << 30
RESERVE = Reserve(450 << 20, GIB)
FIGURES = ByFigures(Said(20 * 10**9, 262_144, 300_000_000), 65)


def test_everything_goes_to_a_gpu_that_keeps_its_reserve(spec: Callable[[str], Spec]) -> None:
    takes = ByHeader(spec("qwen2.5:7b"))
    needed = takes.estimate(Setting(8192)).gpu_total_bytes
    enough = needed + RESERVE.bytes
    whole = start(takes, Setting(8192), [enough], RESERVE)
    assert (whole.left_layers, whole.held_bytes) == (0, (needed + RESERVE.overhead_bytes,))
    assert whole.size_bytes == whole.logged_bytes[0] == pytest.approx(needed, abs=20_000)
    spilled = start(takes, Setting(8192), [enough - 1], RESERVE)
    assert spilled.left_layers == 1
    assert spilled.size_bytes > spilled.logged_bytes[0]


def test_a_model_with_windows_logs_less_than_it_holds(spec: Callable[[str], Spec]) -> None:
    takes = ByHeader(spec("gemma3:12b"))
    found = start(takes, Setting(32768), [80 * GIB], RESERVE)
    lost = takes.estimate(Setting(32768)).cache.full_bytes
    assert found.held_bytes[0] - found.logged_bytes[0] == pytest.approx(lost + RESERVE.overhead_bytes, abs=20_000)
    ((gpu, said),), ((same, unsaid),) = (found.report((3,)).vram_by_gpu, found.report((3,)).unsaid_by_gpu)
    assert (gpu, same, said + unsaid) == (3, 3, found.held_bytes[0])


def test_without_a_gpu_everything_is_the_hosts(spec: Callable[[str], Spec]) -> None:
    found = start(ByHeader(spec("qwen2.5:7b")), Setting(4096), [], RESERVE)
    assert (found.held_bytes, found.left_layers, found.size_bytes) == ((), 29, found.host_bytes)


def test_an_explicit_number_of_layers_is_a_limit() -> None:
    some = start(FIGURES, Setting(4096, n_gpu_layers=10), [24 * GIB], RESERVE)
    assert some.left_layers == 55
    none = start(FIGURES, Setting(4096, n_gpu_layers=10), [2 * GIB], RESERVE)
    assert none.left_layers > 55


def test_what_a_host_has_taught_counts() -> None:
    plain, taught = (start(FIGURES, Setting(4096), [24 * GIB], RESERVE, learned) for learned in (0, GIB))
    assert taught.held_bytes[0] - plain.held_bytes[0] == taught.logged_bytes[0] - plain.logged_bytes[0] == GIB


@given(st.integers(0, 2**36), st.integers(0, 2**36), st.integers(1, 2**18), st.integers(1, 3))
def test_more_memory_never_leaves_more_layers_and_nothing_is_held_that_is_not_free(
    less: int, more: int, num_ctx: int, gpus: int
) -> None:
    low, high = (start(FIGURES, Setting(num_ctx), [free] * gpus, RESERVE) for free in sorted((less, more)))
    assert high.left_layers <= low.left_layers
    assert all(held <= min(less, more) for held in low.held_bytes)
    assert all(logged <= held for logged, held in zip(low.logged_bytes, low.held_bytes, strict=True))


def test_figures_are_shared_out_by_layers() -> None:
    setting = Setting(1000, kv_type="q8_0")
    whole = FIGURES.estimate(setting)
    assert whole.gpu_total_bytes == 20 * 10**9 + 262_144 * 1000 * 34 // 64 + 300_000_000
    half = FIGURES.estimate(replace(setting, n_gpu_layers=13))
    assert half.gpus[0].weights_bytes == 20 * 10**9 * 13 // 65
    assert half.total_bytes == pytest.approx(whole.total_bytes + 300_000_000, abs=8)
