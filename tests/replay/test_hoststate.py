"""A host is put back as it was: what is slow to go is waited for, and what does not go is told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from toolkit.errors import HostError
from toolkit.ollama.types import LoadAnswer, ModelDetails, RunningModel, Times
from toolkit.replay.hoststate import HostState, restore

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def row(name: str) -> RunningModel:
    """A model in memory."""
    return RunningModel(name, name, 1, 1, 10**18, 4096, ModelDetails("gguf", "llama", ("llama",), "8B", "Q4_K_M"))


class SlowHost:
    """Whoever is asked to go is there for some more looks."""

    def __init__(self, names: str, looks: int) -> None:
        self.loaded = {name: row(name) for name in names}
        self.unloaded: list[str] = []
        self._looks = looks

    async def ps(self) -> tuple[RunningModel, ...]:
        """What is in memory."""
        if self.unloaded:
            self._looks -= 1
            if self._looks < 0:
                for name in self.unloaded:
                    self.loaded.pop(name, None)
        return tuple(self.loaded.values())

    async def unload(self, model: str) -> LoadAnswer:
        """Ask a model to go."""
        self.unloaded.append(model)
        return LoadAnswer(model, "unload", Times(0, 0, 0, 0))

    async def load(
        self, model: str, *, keep_alive_ns: int | None = None, options: Mapping[str, Any] | None = None
    ) -> LoadAnswer:
        """Load a model."""
        del keep_alive_ns, options
        self.loaded[model] = row(model)
        return LoadAnswer(model, "load", Times(0, 0, 0, 0))


async def test_a_model_that_is_slow_to_go_is_waited_for_and_asked_once() -> None:
    host = SlowHost("ab", looks=2)
    await restore(host, HostState((row("a"),), 0))
    assert (set(host.loaded), host.unloaded) == ({"a"}, ["b"])


async def test_a_model_that_stays_is_told_and_the_others_are_put_back_all_the_same() -> None:
    host = SlowHost("b", looks=10**9)
    with pytest.raises(HostError, match=re.escape("b did not leave memory in 0.01 s; see `ollama ps`")):
        await restore(host, HostState((row("a"),), 0), gone_within_s=0.01)
    assert (set(host.loaded), host.unloaded) == ({"a", "b"}, ["b"])
