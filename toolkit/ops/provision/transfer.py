"""One pull or creation to its end: watched for stalls, tried again after what may pass, given up after what will not.

What the server has fetched stays with it, so each try goes on where the one before stopped.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from toolkit.config.durations import format_duration
from toolkit.errors import HostError
from toolkit.ops.provision.backoff import Backoff, Fate, fate_of
from toolkit.ops.provision.meter import Meter

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable

    from toolkit.ollama.answer_stream import TransferStream
    from toolkit.ollama.types import TransferLine

NS_PER_S = 1_000_000_000
OWN_WORK_NS = 3600 * NS_PER_S
"""How long a server may be silent over its own work: a digest of 500 GB on a slow disk takes less."""


class StalledError(HostError):
    """A transfer whose numbers did not move for too long."""


@dataclass(frozen=True, slots=True)
class Retry:
    """A failed try: which it was (from 1), why, and how long to wait before the next."""

    number: int
    error: HostError
    delay_s: float


class Watcher(Protocol):
    """Sees what happens with each model; called from one thread, must not wait."""

    def line(self, name: str, line: TransferLine) -> None:
        """Progress."""

    def retry(self, name: str, retry: Retry) -> None:
        """A try has failed, another follows."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Limits of one transfer. `stall_ns`: without progress while bytes should arrive (None: no limit)."""

    backoff: Backoff = field(default_factory=Backoff)
    stall_ns: int | None = 120 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a transfer ended: `error` is None if well. `fetched_bytes` over all tries; `blob_bytes` those with lines."""

    tries: int
    fetched_bytes: int
    blob_bytes: tuple[tuple[str, int], ...] = ()
    error: HostError | None = None
    fate: Fate | None = None


@dataclass(frozen=True, slots=True)
class Transfers:
    """Runs transfers. `sleep` takes seconds, `clock` is monotonic in nanoseconds, `rng` draws the jitter."""

    patience: Patience
    watcher: Watcher
    rng: random.Random
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], int] = time.monotonic_ns

    async def run(self, name: str, open_stream: Callable[[], TransferStream]) -> Outcome:
        """Try until it ends well or for good; only a cancellation is raised."""
        backoff, fetched_bytes, number = self.patience.backoff, 0, 0
        blobs: dict[str, int] = {}
        while True:
            number += 1
            meter = Meter()
            try:
                await self._try(name, open_stream(), meter)
            except HostError as error:
                failure = error
            else:
                blobs.update(meter.blob_bytes)
                return Outcome(number, fetched_bytes + meter.fetched_bytes, tuple(blobs.items()))
            fetched_bytes += meter.fetched_bytes
            blobs.update(meter.blob_bytes)
            fate = fate_of(failure)
            if not backoff.allows(fate, number):
                return Outcome(number, fetched_bytes, tuple(blobs.items()), failure, fate)
            delay_s = backoff.delay_s(number, self.rng)
            self.watcher.retry(name, Retry(number, failure, delay_s))
            await self.sleep(delay_s)

    async def _try(self, name: str, stream: TransferStream, meter: Meter) -> None:
        stall_ns = self.patience.stall_ns
        moved_ns = self.clock()
        try:
            async with asyncio.timeout(_seconds(stall_ns)):
                await stream.__aenter__()
            while True:
                async with asyncio.timeout(_seconds(stall_ns if meter.waits_for_others else OWN_WORK_NS)):
                    line = await anext(stream, None)
                if line is None:
                    return
                now_ns = self.clock()
                if meter.feed(line):
                    moved_ns = now_ns
                self.watcher.line(name, line)
                if stall_ns is not None and meter.waits_for_others and now_ns - moved_ns > stall_ns:
                    raise self._stalled(name)
        except TimeoutError:
            raise self._stalled(name) from None
        finally:
            await stream.aclose()

    def _stalled(self, name: str) -> StalledError:
        return StalledError(
            f"{name}: no progress for {format_duration(self.patience.stall_ns or OWN_WORK_NS)}; "
            "look at the host's connection to the registry, or allow longer pauses (host.timeouts.idle)"
        )


def _seconds(duration_ns: int | None) -> float | None:
    return None if duration_ns is None else duration_ns / NS_PER_S
