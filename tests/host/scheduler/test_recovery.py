"""The wait for memory."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.host.scheduler import GpuSpec
from toolkit.host.scheduler.recovery import RecoveryWait, float32, has_recovered

GIB = 1 << 30
CUDA = GpuSpec("GPU-0", "CUDA", 24 * GIB)
MS_NS = 1_000_000


@given(st.integers(0, (1 << 64) - 1))
def test_float32_rounds_as_the_machine_does(value: int) -> None:
    """Against the C conversion; values that a double holds exactly, or the conversion would round twice."""
    exact = value >> 11 << 11 if value.bit_length() > 53 else value
    assert float32(exact) == int(struct.unpack("f", struct.pack("f", float(exact)))[0])


@pytest.mark.parametrize(
    ("before", "now", "vram", "expected"),
    [
        (0, 750, 1000, False),
        (0, 751, 1000, True),
        (1000, 999, 1 << 40, True),
        (1000, 1000, 0, False),
        (1000, 1001, 0, True),
        (0, 3 * GIB, 4 * GIB, False),
        (0, 3 * GIB + 1, 4 * GIB, False),
        (0, 3 * GIB + 256, 4 * GIB, True),
    ],
)
def test_recovered_is_more_than_three_quarters_in_single_precision(
    before: int, now: int, vram: int, expected: bool
) -> None:
    assert has_recovered(before, now, vram) is expected


def test_polls_stand_on_the_grid_from_the_start_and_end_at_the_limit() -> None:
    wait = RecoveryWait(7, 0, 1000, 250 * MS_NS, 5000 * MS_NS)
    assert wait.next_poll_ns(7) == 7 + 250 * MS_NS
    assert wait.next_poll_ns(7 + 250 * MS_NS) == 7 + 500 * MS_NS
    assert wait.next_poll_ns(7 + 4999 * MS_NS) == 7 + 5000 * MS_NS
    assert not wait.poll(0, 7 + 250 * MS_NS)
    assert wait.poll(0, 7 + 5000 * MS_NS)
