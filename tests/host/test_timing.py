"""The timing model against figures of a real server, and its laws."""

from __future__ import annotations

import csv
import random
import statistics
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.host import timing

if TYPE_CHECKING:
    from pathlib import Path

GB = 1_000_000_000
START_NS = timing.PROCESS_START_NS + timing.DEVICE_START_NS
SPEEDS = timing.HostSpeeds(2e9, 10e9, 60e9, 25e9, 900e9)


def cost(file_bytes: int = 20 * GB, layers: int = 65) -> timing.ModelCost:
    """A dense model of the given size."""
    return timing.ModelCost(file_bytes, file_bytes, 262_144, 300_000_000, layers, 1500.0, 38.0, 40.0, 2.5)


def test_a_load_from_disk_is_bound_by_the_disk() -> None:
    assert timing.load_ns(cost(), SPEEDS, cached_bytes=0, device_share=1.0) == START_NS + 10 * GB


def test_a_load_from_the_page_cache_is_bound_by_the_slower_of_ram_and_bus() -> None:
    warm = timing.load_ns(cost(), SPEEDS, cached_bytes=20 * GB, device_share=1.0)
    assert warm == START_NS + 2 * GB


def test_layers_spill_when_the_device_is_too_small() -> None:
    big = cost()
    assert timing.offloaded_layers(big, 4096, 24 << 30) == 65
    spilled = timing.offloaded_layers(big, 32768, 24 << 30)
    assert 0 < spilled < 65
    assert timing.offloaded_layers(big, 32768, 0) == 0


def test_a_spilled_model_falls_off_the_speed_cliff() -> None:
    whole = timing.decode_ns(cost(), SPEEDS, tokens=100, context_tokens=0, device_share=1.0, busy_slots=1)
    spilled = timing.decode_ns(cost(), SPEEDS, tokens=100, context_tokens=0, device_share=0.85, busy_slots=1)
    assert spilled > 2 * whole


@given(st.integers(0, 10**11), st.integers(0, 2**31))
def test_a_polled_load_is_never_shorter_and_at_most_one_poll_longer(raw_ns: int, seed: int) -> None:
    polled = timing.polled_ns(raw_ns, random.Random(seed))
    assert raw_ns <= polled
    assert polled <= max(raw_ns, 1) + timing.HEALTH_POLL_NS + timing.POLL_OVERHEAD_NS[1]


@given(st.integers(1, 10**12), st.integers(0, 2**31))
def test_without_jitter_a_duration_is_exact(duration_ns: int, seed: int) -> None:
    assert timing.jittered_ns(duration_ns, 0.0, random.Random(seed)) == duration_ns


@given(st.integers(0, 2**36), st.integers(0, 2**36), st.integers(1, 2**18))
def test_more_memory_never_offloads_fewer_layers(less: int, more: int, context: int) -> None:
    low, high = sorted((less, more))
    assert timing.offloaded_layers(cost(), context, low) <= timing.offloaded_layers(cost(), context, high)


@pytest.mark.shared
def test_loads_of_a_real_server_are_met_within_a_poll(shared_dir: Path) -> None:
    """Models up to 1.5 GB on a CPU host: medians of cold and page-cache loads, with one disk and one RAM speed."""
    speeds = timing.HostSpeeds(0.62e9, 1.05e9, 1.0, 1.0, 1.0)
    with (shared_dir / "ollama/golden/timing/swap_matrix.csv").open() as file:
        rows = list(csv.DictReader(file))
    sizes = {"m1": 750_000, "b50": 52_000_000, "b150": 157_000_000, "b400": 412_000_000, "b800": 795_000_000}
    sizes["b1500"] = 1_544_000_000
    for kind, cached_share in (("load_cold", 0), ("load_warm", 1)):
        for model, size in sizes.items():
            seen = [float(row["load_duration_s"]) for row in rows if row["kind"] == kind and row["to"] == model]
            if not seen:
                continue
            raw = timing.load_ns(cost(size), speeds, cached_bytes=size * cached_share, device_share=0.0)
            told = timing.polled_ns(raw, random.Random(1)) / 1e9
            assert told == pytest.approx(statistics.median(seen), abs=0.27), (kind, model)
