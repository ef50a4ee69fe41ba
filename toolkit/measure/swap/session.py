"""Makes the moves on a host, one after the other, and leaves the host as it was found."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from toolkit.errors import HostError
from toolkit.measure.put_back import put_back
from toolkit.measure.swap.sample import Look, Sample
from toolkit.ollama.errors import OllamaError, UnreachableError
from toolkit.ollama.types import GenerateRequest
from toolkit.replay.hoststate import Controls, note_state
from toolkit.replay.make_room import Patience, make_room

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from toolkit.measure.swap.moves import Move
    from toolkit.ollama.answer_stream import AnswerStream
    from toolkit.ollama.types import GenerateAnswer, RunningModel

NS_PER_S = 1_000_000_000
LOOK_EVERY_S = 0.02
"""Between two looks at `/api/ps` while a move is under way."""
KEEP_ALIVE_NS = 600 * NS_PER_S
"""Longer than a move: no model expires in the middle of one, and none stays for ever if this program is killed."""
PROMPT = "Name eight things that fit into one hand."
NUM_PREDICT = 4
LISTED_WITHIN_S = 5.0


class SwapHost(Controls, Protocol):
    """The calls that a session makes; `OllamaClient` has them."""

    def stream_generate(self, request: GenerateRequest) -> AnswerStream[GenerateAnswer]:
        """Generate, with the events as they come."""
        ...


class PageCacheDropper(Protocol):
    """Makes the host forget the files that it has in its page cache."""

    async def drop(self) -> None:
        """Drop it. Raises HostError if that is not allowed or fails."""
        ...


@dataclass(frozen=True, slots=True)
class Failure:
    """A move that could not be made, and what the host said."""

    move: Move
    why: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was measured. `ended` says in a sentence why it is not all, or what is wrong with the host now."""

    samples: tuple[Sample, ...]
    failures: tuple[Failure, ...]
    ended: str | None
    interrupted: bool


class SwapSession:
    """One measurement of a host.

    `file_bytes` has the size of each model's file. `options` are runner options of every request. `dropper` is needed
    by moves that want a dropped page cache. `patience` is how long models may take to leave. `on_sample` gets each
    sample the moment it is there.
    """

    def __init__(
        self,
        host: SwapHost,
        file_bytes: Mapping[str, int],
        *,
        options: Mapping[str, Any] | None = None,
        dropper: PageCacheDropper | None = None,
        patience: Patience | None = None,
        on_sample: Callable[[Sample], None] = lambda _sample: None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        unix_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._host = host
        self._file_bytes = file_bytes
        self._options = dict(options or {})
        self._dropper = dropper
        self._patience = patience or Patience()
        self._on_sample = on_sample
        self._clock_ns = clock_ns
        self._unix_ns = unix_ns
        self._reads: list[str] = []
        self._samples: list[Sample] = []
        self._failures: list[Failure] = []

    async def run(self, moves: Sequence[Move]) -> Outcome:
        """Make all moves; whatever happens, what was measured comes back and the host is put back as it was.

        Raises:
            OllamaError: the host does not answer at all; nothing was changed.
        """
        before = await note_state(self._host, self._unix_ns)
        ended: str | None = None
        interrupted = False
        try:
            for move in moves:
                await self._attempt(move)
        except asyncio.CancelledError:
            ended, interrupted = "interrupted; what was measured is kept", True
        except HostError as error:
            ended = f"stopped after {len(self._samples)} of {len(moves)} moves: {error}"
        ended = await put_back(self._host, before, ended)
        return Outcome(tuple(self._samples), tuple(self._failures), ended, interrupted)

    async def _attempt(self, move: Move) -> None:
        """One move. A model that cannot be loaded is noted; a host that has gone away ends the session."""
        try:
            await self._prepare(move)
            sample = await self._measure(move)
        except UnreachableError:
            raise
        except OllamaError as error:
            await self._host.ps()  # raises if it is the host that is ill, not the model
            self._failures.append(Failure(move, str(error)))
            return
        self._samples.append(sample)
        self._on_sample(sample)

    async def _prepare(self, move: Move) -> None:
        """Bring the host into the state that the move begins in: memory first, then the page cache."""
        if move.pages == "warmed":
            await self._only(move.model)
        await self._only(move.before)
        if move.pages == "dropped":
            if self._dropper is None:
                raise HostError("the page cache cannot be dropped without a way to the host")
            await self._dropper.drop()
            self._reads.clear()

    async def _only(self, model: str | None) -> None:
        """Have exactly this model in memory, idle, or nothing."""
        wanted = set() if model is None else {model}
        loaded = {row.name for row in await self._host.ps()}
        if loaded == wanted:
            return
        await make_room(self._host, tuple(sorted(loaded)), self._patience)
        left = sorted(row.name for row in await self._host.ps())
        if left:
            raise HostError(
                f"{', '.join(left)} does not leave memory; somebody else seems to use the host: measure later"
            )
        if model is None:
            return
        await self._host.load(model, keep_alive_ns=KEEP_ALIVE_NS, options=self._options or None)
        self._reads.append(model)
        deadline_ns = self._clock_ns() + round(LISTED_WITHIN_S * NS_PER_S)
        while not any(row.name == model for row in await self._host.ps()):
            if self._clock_ns() > deadline_ns:
                raise HostError(f"{model} was loaded, but /api/ps does not list it; does somebody else use the host?")
            await asyncio.sleep(LOOK_EVERY_S)

    async def _measure(self, move: Move) -> Sample:
        """Send the request, look meanwhile, and put down what was seen."""
        rows_before = await self._host.ps()
        read_since_bytes = self._read_since(move.model)
        looks: list[Look] = []
        sent_at_unix_ns = self._unix_ns()
        started_ns = self._clock_ns()
        watcher = asyncio.create_task(self._watch(looks, started_ns))
        try:
            answer = await self._ask(move.model)
        finally:
            watcher.cancel()
            with suppress(asyncio.CancelledError):
                await watcher
        self._reads.append(move.model)
        rows_after = await self._host.ps()
        times = answer.times
        row = _row(rows_after, move.model)
        victim = None if move.before is None else _row(rows_before, move.before)
        shift_ns = times.sent_ns - started_ns
        return Sample(
            move=move,
            file_bytes=self._file_bytes[move.model],
            sent_at_unix_ns=sent_at_unix_ns,
            headers_ns=_since(times.sent_ns, times.headers_ns),
            first_token_ns=_since(times.sent_ns, times.first_token_ns),
            done_ns=_since(times.sent_ns, times.done_ns),
            counters=answer.counters,
            listed_before=tuple(one.name for one in rows_before),
            listed_after=tuple(one.name for one in rows_after),
            looks=tuple(Look(one.asked_ns - shift_ns, one.answered_ns - shift_ns, one.names) for one in looks),
            victim_vram_bytes=None if victim is None else victim.vram_bytes,
            vram_bytes=None if row is None else row.vram_bytes,
            size_bytes=None if row is None else row.size_bytes,
            read_since_bytes=read_since_bytes,
        )

    async def _ask(self, model: str) -> GenerateAnswer:
        options = {**self._options, "num_predict": NUM_PREDICT, "temperature": 0}
        request = GenerateRequest(model, PROMPT, keep_alive_ns=KEEP_ALIVE_NS, options=options)
        async with self._host.stream_generate(request) as stream:
            return await stream.finish()

    async def _watch(self, looks: list[Look], started_ns: int) -> None:
        """Look until cancelled; a look that fails tells nothing, the request itself will say what is wrong."""
        while True:
            asked_ns = self._clock_ns() - started_ns
            with suppress(OllamaError):
                rows = await self._host.ps()
                looks.append(Look(asked_ns, self._clock_ns() - started_ns, tuple(row.name for row in rows)))
            await asyncio.sleep(LOOK_EVERY_S)

    def _read_since(self, model: str) -> int | None:
        """Bytes of other models read since this one was last read; None if it was not, as far as is known."""
        if model not in self._reads:
            return None
        last = len(self._reads) - 1 - self._reads[::-1].index(model)
        return sum(self._file_bytes[name] for name in set(self._reads[last + 1 :]))


def _row(rows: Sequence[RunningModel], name: str) -> RunningModel | None:
    return next((row for row in rows if row.name == name), None)


def _since(start_ns: int, moment_ns: int | None) -> int | None:
    return None if moment_ns is None else moment_ns - start_ns
