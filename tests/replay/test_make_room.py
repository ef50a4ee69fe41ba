"""Making room: unload in order, wait for the memory, and not for ever."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from toolkit.ollama.types import LoadAnswer, ModelDetails, RunningModel, Times
from toolkit.replay.make_room import Patience, make_room

if TYPE_CHECKING:
    from collections.abc import Mapping

DETAILS = ModelDetails("gguf", "llama", (), "", "")


class Memory:
    """A host that loses an unloaded model only after it was listed `lag` more times."""

    def __init__(self, lag: int, vram_bytes: int, *models: str) -> None:
        self.left = dict.fromkeys(models, lag)
        self.leaving: list[str] = []
        self.looks = 0
        self._vram_bytes = vram_bytes

    async def ps(self) -> tuple[RunningModel, ...]:
        self.looks += 1
        for model in self.leaving:
            self.left[model] = self.left.get(model, 0) - 1
            if self.left[model] < 0:
                del self.left[model]
        return tuple(RunningModel(model, "", 1, self._vram_bytes, None, None, DETAILS) for model in self.left)

    async def unload(self, model: str) -> LoadAnswer:
        self.leaving.append(model)
        return LoadAnswer(model, "unload", Times(0))

    async def load(
        self, model: str, *, keep_alive_ns: int | None = None, options: Mapping[str, Any] | None = None
    ) -> LoadAnswer:
        raise AssertionError((model, keep_alive_ns, options))


def patience(settle_ns: int, limit_ns: int = 10_000_000_000) -> Patience:
    return Patience(poll_ns=0, settle_ns=settle_ns, limit_ns=limit_ns)


async def test_victims_go_in_order_and_are_waited_for() -> None:
    memory = Memory(3, 1, "b", "a", "stays")
    await make_room(memory, ("b", "a"), patience(0))
    assert memory.leaving == ["b", "a"]
    assert list(memory.left) == ["stays"]
    assert memory.looks == 5


async def test_nothing_to_unload_asks_nothing() -> None:
    memory = Memory(0, 1, "a")
    await make_room(memory, (), patience(0))
    assert memory.looks == 0


async def test_a_victim_that_is_not_there_is_not_unloaded() -> None:
    memory = Memory(0, 1, "a")
    await make_room(memory, ("gone", "a"), patience(0))
    assert memory.leaving == ["a"]
    memory = Memory(0, 1, "a")
    await make_room(memory, ("gone",), patience(10**18))
    assert (memory.leaving, memory.looks) == ([], 1)


async def test_a_busy_victim_is_waited_for_only_so_long() -> None:
    memory = Memory(10**9, 1, "a")
    await make_room(memory, ("a",), patience(10**18, limit_ns=0))
    assert memory.leaving == ["a"]


@pytest.mark.parametrize("vram_bytes", [0, 1])
async def test_only_gpu_memory_has_to_settle(vram_bytes: int) -> None:
    """The settling time is for ever here: it is entered exactly if the victim held GPU memory."""
    waiting = asyncio.create_task(make_room(Memory(0, vram_bytes, "a"), ("a",), patience(10**18)))
    done, _ = await asyncio.wait({waiting}, timeout=0.05)
    assert bool(done) == (vram_bytes == 0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
