"""What the endpoints need of the thing that loads and runs models.

The real implementation drives the scheduler core (`toolkit.host.realtime`); tests use small fakes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.host.library.models import InstalledModel


STOPPED = (
    "model runner has unexpectedly stopped, this may be due to resource limitations or an internal error, "
    "check ollama server logs for details"
)
BROKE_OFF = "an error was encountered while running the model: unexpected EOF"


class EngineRefusedError(Exception):
    """A model cannot be had; `status` and the message are the server's. `aborted`: its file broke the loader."""

    def __init__(self, status: int, message: str, *, aborted: bool = False) -> None:
        super().__init__(message)
        self.status, self.aborted = status, aborted


class RunnerDiedError(Exception):
    """The process behind a lease has ended: STOPPED before the first token, BROKE_OFF after it."""


@dataclass(frozen=True, slots=True)
class LoadedView:
    """A line of `/api/ps`."""

    model: InstalledModel
    size_bytes: int
    vram_bytes: int
    context_length: int
    expires_wall_ns: int


class Lease(Protocol):
    """A model in hand. Give it back with `release`, once, whatever happens."""

    load_ns: int
    """What the answer reports as `load_duration`: queueing, eviction, recovery and load, unscaled."""
    num_ctx: int
    """The context that this runner has for one request."""
    context_shift: bool
    """Whether a full context is shifted instead of ending the answer."""

    async def enter(self) -> int:
        """Wait for a free slot of the runner; returns how long that took, unscaled."""

    def read_ns(self, tokens: Sequence[int]) -> int:
        """Time to read a prompt; what the slot still holds of it costs nothing."""

    def write_ns(self, context_tokens: int) -> int:
        """Time to write the next token after so many."""

    def wrote(self, tokens: Sequence[int]) -> None:
        """What the slot now holds: prompt and answer."""

    async def pause(self, duration_ns: int) -> None:
        """Let an invented duration pass, at the twin's time scale."""

    def release(self) -> None:
        """The request is over."""


class Engine(Protocol):
    """Loads models and hands them out."""

    async def acquire(
        self, model: InstalledModel, options: dict[str, Any], keep_alive_ns: int | None, *, shift: bool | None = None
    ) -> Lease:
        """A lease on the model with these options of the request; cancelling the wait cancels the request.

        Raises:
            EngineRefusedError: the queue is full (503), the load failed (500), it was cancelled (499).
        """

    def unload(self, model: InstalledModel) -> None:
        """Let the model go as soon as it is idle."""

    async def loaded(self) -> list[LoadedView]:
        """The loaded models, in no particular order; waits while a process is just ending."""
