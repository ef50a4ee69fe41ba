"""What is asked of the host itself, with a runner that answers from a script."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from toolkit.errors import HostError
from toolkit.measure.remote import DROP, USED, Pages, gpu_used_bytes
from toolkit.ops.settings.runner import Ran

if TYPE_CHECKING:
    from collections.abc import Sequence


class ScriptedRunner:
    """Gives one answer, and notes what was asked."""

    def __init__(self, ran: Ran) -> None:
        self.asked: list[tuple[str, ...]] = []
        self._ran = ran

    def run(self, command: Sequence[str]) -> Ran:
        self.asked.append(tuple(command))
        return self._ran


async def test_dropping_asks_for_it_once() -> None:
    runner = ScriptedRunner(Ran(0, "", ""))
    await Pages(runner).drop()
    assert runner.asked == [DROP]


async def test_a_drop_that_is_refused_says_what_it_takes() -> None:
    with pytest.raises(HostError, match=r"exit 1: sudo: a password is required.*leave --drop-caches out"):
        await Pages(ScriptedRunner(Ran(1, "", "sudo: a password is required\n"))).drop()


async def test_memory_of_all_gpus_is_added_up() -> None:
    runner = ScriptedRunner(Ran(0, "1024\n 2048 \n", ""))
    assert await gpu_used_bytes(runner) == 3 << 30
    assert runner.asked == [USED]


@pytest.mark.parametrize(
    "ran", [Ran(127, "", "bash: nvidia-smi: not found"), Ran(0, "[N/A]\n", ""), Ran(0, "", ""), Ran(9, "", "")]
)
async def test_no_memory_is_not_zero(ran: Ran) -> None:
    with pytest.raises(HostError, match="nvidia-smi says nothing of use"):
        await gpu_used_bytes(ScriptedRunner(ran))
