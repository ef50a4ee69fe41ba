"""The laws of the timing model; tests/conformance holds it against the timings of a real server."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from toolkit.host import timing

GB = 1_000_000_000
START_NS = timing.PROCESS_START_NS + timing.DEVICE_START_NS
SPEEDS = timing.HostSpeeds(2e9, 10e9, 60e9, 25e9, 900e9)


def cost(file_bytes: int = 20 * GB, layers: int = 65) -> timing.ModelCost:
    """A dense model of the given size."""
    return timing.ModelCost(file_bytes, file_bytes, 262_144, 300_000_000, layers, 1500.0, 38.0, 40.0, 2.5)


def test_a_load_from_disk_is_bound_by_the_disk() -> None:
    assert timing.load_ns(cost(), SPEEDS, cached_bytes=0, host_buffer_bytes=0, device_share=1.0) == START_NS + 10 * GB


def test_a_load_from_the_page_cache_is_bound_by_the_slower_of_ram_and_bus() -> None:
    warm = timing.load_ns(cost(), SPEEDS, cached_bytes=20 * GB, host_buffer_bytes=0, device_share=1.0)
    assert warm == START_NS + 2 * GB


def test_a_spilled_model_falls_off_the_speed_cliff() -> None:
    whole = timing.decode_ns(cost(), SPEEDS, tokens=100, context_tokens=0, device_share=1.0, busy_slots=1)
    spilled = timing.decode_ns(cost(), SPEEDS, tokens=100, context_tokens=0, device_share=0.85, busy_slots=1)
    assert spilled > 2 * whole


@given(st.integers(0, 10**11), st.integers(0, 2**31))
def test_a_polled_load_is_never_shorter_and_at_most_one_poll_longer(raw_ns: int, seed: int) -> None:
    polled = timing.polled_ns(raw_ns, timing.look_period_ns(random.Random(seed)))
    assert raw_ns <= polled - timing.LOAD_ANSWER_NS
    assert polled <= max(raw_ns, 1) + timing.HEALTH_PAUSE_NS + timing.HEALTH_LOOK_NS[1] + timing.LOAD_ANSWER_NS


@given(st.integers(1, 10**12), st.integers(0, 2**31))
def test_without_jitter_a_duration_is_exact(duration_ns: int, seed: int) -> None:
    assert timing.jittered_ns(duration_ns, 0.0, random.Random(seed)) == duration_ns


def test_filling_a_cache_in_host_memory_costs_as_much_as_reading_its_bytes() -> None:
    without = timing.load_ns(cost(), SPEEDS, cached_bytes=20 * GB, host_buffer_bytes=0, device_share=0.0)
    with_cache = timing.load_ns(cost(), SPEEDS, cached_bytes=20 * GB, host_buffer_bytes=5 * GB, device_share=0.0)
    assert with_cache - without == GB // 2


def test_a_stop_takes_as_long_as_its_host_memory_is_large() -> None:
    small, large = timing.unload_ns(GB, 0, SPEEDS), timing.unload_ns(3 * GB, 0, SPEEDS)
    assert large - small == 2 * 117_000_000
    assert timing.unload_ns(GB, 20 * GB, SPEEDS) - small == timing.DEVICE_STOP_NS


def test_a_long_prompt_of_a_spilled_model_is_read_on_the_gpu() -> None:
    """Copying the host's layers over the bus once a batch beats computing them on the CPU."""
    on_cpu = timing.prefill_ns(cost(), SPEEDS, 31, 0.85) / 31
    on_gpu = timing.prefill_ns(cost(), SPEEDS, 3100, 0.85) / 3100
    assert on_gpu < on_cpu / 3
    assert on_gpu > timing.prefill_ns(cost(), SPEEDS, 3100, 1.0) / 3100


def test_without_a_gpu_prompts_are_read_on_the_cpu() -> None:
    assert timing.prefill_ns(cost(), SPEEDS, 4000, 0.0) == 100 * GB
