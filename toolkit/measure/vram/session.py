"""Loads models at rising contexts on a host, notes what they take, and leaves the host as it was found."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from toolkit.errors import HostError
from toolkit.measure.put_back import put_back
from toolkit.measure.remote import gpu_used_bytes
from toolkit.measure.vram.ladder import next_context
from toolkit.ollama.errors import OllamaError, UnreachableError
from toolkit.ollama.types import GenerateRequest
from toolkit.replay.hoststate import Controls, note_state
from toolkit.replay.make_room import Patience, make_room

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolkit.measure.remote import Runner
    from toolkit.ollama.types import GenerateAnswer, RunningModel

NS_PER_S = 1_000_000_000
KEEP_ALIVE_NS = 600 * NS_PER_S
NUM_PREDICT = 48
"""Enough tokens for a speed: a spilled model writes them in some ten seconds."""
PROMPT = "Count slowly from one to one hundred, in words."


class VramHost(Controls, Protocol):
    """The calls that a session makes; `OllamaClient` has them."""

    async def generate(self, request: GenerateRequest) -> GenerateAnswer:
        """Generate to the end."""
        ...


@dataclass(frozen=True, slots=True)
class Rung:
    """One model at one context, as the host showed it.

    `num_ctx` was asked for, `context_length` is what `/api/ps` says. `tok_per_s` is by the server's counters.
    `driver_bytes` is by how much the driver's count rose, everything included; None where nobody could ask it.
    """

    model: str
    num_ctx: int
    size_bytes: int
    vram_bytes: int
    context_length: int | None
    tok_per_s: float | None
    driver_bytes: int | None
    observed_at: str

    @property
    def is_whole(self) -> bool:
        """Whether all of it was on the GPUs."""
        return self.vram_bytes == self.size_bytes > 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A context at which the model did not load, and what the host said."""

    model: str
    num_ctx: int
    why: str


@dataclass(frozen=True, slots=True)
class VramOutcome:
    """What was seen. `ended` says in a sentence why it is not all, or what is wrong with the host now."""

    rungs: tuple[Rung, ...]
    refusals: tuple[Refusal, ...]
    ended: str | None
    interrupted: bool


class VramSession:
    """One observation of a host.

    `runner` reaches its driver, None if it must not; `on_rung` gets each rung the moment it is seen.
    """

    def __init__(
        self,
        host: VramHost,
        *,
        runner: Runner | None = None,
        patience: Patience | None = None,
        on_rung: Callable[[Rung], None] = lambda _rung: None,
        unix_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._host = host
        self._runner = runner
        self._patience = patience or Patience()
        self._on_rung = on_rung
        self._unix_ns = unix_ns
        self._rungs: list[Rung] = []
        self._refusals: list[Refusal] = []

    async def run(self, ladders: Sequence[tuple[str, Sequence[int]]]) -> VramOutcome:
        """Climb each model's ladder; whatever happens, what was seen comes back and the host is put back as it was.

        Raises:
            OllamaError: the host does not answer at all; nothing was changed.
        """
        before = await note_state(self._host, self._unix_ns)
        ended: str | None = None
        interrupted = False
        try:
            for model, ladder in ladders:
                await self._climb(model, ladder)
        except asyncio.CancelledError:
            ended, interrupted = "interrupted; what was seen is kept", True
        except HostError as error:
            ended = f"stopped after {len(self._rungs)} loads: {error}"
        ended = await put_back(self._host, before, ended)
        return VramOutcome(tuple(self._rungs), tuple(self._refusals), ended, interrupted)

    async def _climb(self, model: str, ladder: Sequence[int]) -> None:
        """All contexts of one model; one that does not load counts as spilled."""
        seen: dict[int, bool] = {}
        while (context := next_context(ladder, seen)) is not None:
            try:
                rung = await self._observe(model, context)
            except UnreachableError:
                raise
            except OllamaError as error:
                await self._host.ps()  # raises if it is the host that is ill, not the model
                self._refusals.append(Refusal(model, context, str(error)))
                seen[context] = False
                continue
            seen[context] = rung.is_whole or rung.vram_bytes == 0  # all in RAM: a host without GPU has no cliff
            self._rungs.append(rung)
            self._on_rung(rung)

    async def _observe(self, model: str, num_ctx: int) -> Rung:
        """Load it alone, look, and have it write a little."""
        await make_room(self._host, tuple(row.name for row in await self._host.ps()), self._patience)
        used_bytes = None if self._runner is None else await gpu_used_bytes(self._runner)
        options = {"num_ctx": num_ctx}
        await self._host.load(model, keep_alive_ns=KEEP_ALIVE_NS, options=options)
        rows = await self._host.ps()
        row = _only(rows, model)
        driver_bytes = None
        if self._runner is not None and used_bytes is not None:
            driver_bytes = max(await gpu_used_bytes(self._runner) - used_bytes, 0)
        request = GenerateRequest(
            model, PROMPT, keep_alive_ns=KEEP_ALIVE_NS, options={**options, "num_predict": NUM_PREDICT}
        )
        counters = (await self._host.generate(request)).counters
        speed = counters.eval_count * NS_PER_S / counters.eval_ns if counters.eval_count and counters.eval_ns else None
        at = datetime.fromtimestamp(self._unix_ns() // NS_PER_S, UTC).isoformat().replace("+00:00", "Z")
        return Rung(model, num_ctx, row.size_bytes, row.vram_bytes, row.context_length, speed, driver_bytes, at)


def _only(rows: Sequence[RunningModel], model: str) -> RunningModel:
    """The model's row, if it is alone. Raises HostError if it is not: then nothing can be told of its memory."""
    names = [row.name for row in rows]
    if names != [model]:
        shown = ", ".join(names) or "nothing"
        raise HostError(f"{model} was loaded alone, and /api/ps lists {shown}; somebody else seems to use the host")
    return rows[0]
