"""The tables of states."""

from __future__ import annotations

import pytest

from toolkit.errors import SimulationError
from toolkit.host.scheduler import GpuSpec
from toolkit.host.scheduler.transitions import PENDING_TRANSITIONS, Table

GIB = 1 << 30
CUDA = GpuSpec("GPU-0", "CUDA", 24 * GIB)


def test_a_step_that_is_not_in_the_table_is_a_bug() -> None:
    with pytest.raises(SimulationError, match="cannot do 'fly' while it is 'idle'"):
        Table(PENDING_TRANSITIONS).target("idle", "fly")
