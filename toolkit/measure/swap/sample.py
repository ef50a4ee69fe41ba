"""One measured move, raw: what the client's clock, the server's counters and `/api/ps` said; nothing is derived."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.measure.swap.moves import Move
    from toolkit.ollama.types import Counters

NS_PER_MS = 1_000_000
CLOCK_TOLERANCE_NS = 20 * NS_PER_MS
CLOCK_TOLERANCE_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Look:
    """One answer of `/api/ps` while the request was under way; times are from its sending, names in any order.

    A server that is ending a process keeps a look waiting until the process is gone.
    """

    asked_ns: int
    answered_ns: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """A move and what was seen of it.

    Times are the client's, in nanoseconds from the sending of the request; None if that never came. `counters` are the
    server's. `listed_before` and `listed_after` are the names in `/api/ps`, `victim_vram_bytes` the GPU memory of the
    model that was there before, `vram_bytes` and `size_bytes` those of the model asked for, None if it was not listed.
    `read_since_bytes`: how much of other model files was read since this one was last read, None if this command had
    not read it yet.
    """

    move: Move
    file_bytes: int
    sent_at_unix_ns: int
    headers_ns: int | None
    first_token_ns: int | None
    done_ns: int | None
    counters: Counters
    listed_before: tuple[str, ...]
    listed_after: tuple[str, ...]
    looks: tuple[Look, ...]
    victim_vram_bytes: int | None
    vram_bytes: int | None
    size_bytes: int | None
    read_since_bytes: int | None

    @property
    def strangers(self) -> tuple[str, ...]:
        """Models that were in memory and not part of this move: somebody else uses the host."""
        seen = {*self.listed_before, *self.listed_after}.union(*(look.names for look in self.looks))
        return tuple(sorted(seen - {self.move.model, self.move.before}))

    @property
    def evicted(self) -> bool:
        """Whether the model that was there had gone in the end."""
        return self.move.kind == "swap" and self.move.before not in self.listed_after

    @property
    def clocks_agree(self) -> bool:
        """Whether the server's time is the client's: a server cannot work for longer than its client waits."""
        if self.done_ns is None or self.counters.total_ns is None:
            return True
        return self.counters.total_ns <= self.done_ns * (1 + CLOCK_TOLERANCE_SHARE) + CLOCK_TOLERANCE_NS
