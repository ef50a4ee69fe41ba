"""The server's settings, read from its environment the way the server reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.host.scheduler.keep_alive import FOREVER_NS, parse_environment_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

MINUTE_NS = 60_000_000_000
DEFAULT_KEEP_ALIVE_NS = 5 * MINUTE_NS
UINT64_MAX = (1 << 64) - 1
MOST_DIGITS = 40
"""No count of 64 bits is written with more, leading zeros of a reasonable person included."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment decides. Field by field the variable is `OLLAMA_` and the name in the docstring."""

    max_queue: int = 512
    """MAX_QUEUE: places for waiting requests; it also sizes the scheduler's internal mailboxes."""
    max_loaded_models: int = 0
    """MAX_LOADED_MODELS; 0 means three times the number of GPUs, at least three."""
    num_parallel: int = 1
    """NUM_PARALLEL: slots of one runner."""
    keep_alive_ns: int = DEFAULT_KEEP_ALIVE_NS
    """KEEP_ALIVE for a load whose request names none."""
    context_length: int = 0
    """CONTEXT_LENGTH; 0 leaves it to the memory tier, and only then is a context automatic."""
    gpu_overhead_bytes: int = 0
    """GPU_OVERHEAD: taken off each GPU before the memory tier is chosen."""
    spread: bool = False
    """SCHED_SPREAD: never choose a single GPU."""
    flash_attention: bool | None = None
    """FLASH_ATTENTION; None leaves it to the GPUs."""
    load_timeout_ns: int = DEFAULT_KEEP_ALIVE_NS
    """LOAD_TIMEOUT: how long a load may stall."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the variables; what cannot be read falls back to its default, as in the server."""
        read = _Reader(environment)
        return cls(
            max_queue=read.unsigned("OLLAMA_MAX_QUEUE", 512),
            max_loaded_models=read.unsigned("OLLAMA_MAX_LOADED_MODELS", 0),
            num_parallel=max(read.unsigned("OLLAMA_NUM_PARALLEL", 1), 1),
            keep_alive_ns=read.keep_alive("OLLAMA_KEEP_ALIVE"),
            context_length=read.unsigned("OLLAMA_CONTEXT_LENGTH", 0),
            gpu_overhead_bytes=read.unsigned("OLLAMA_GPU_OVERHEAD", 0),
            spread=read.boolean("OLLAMA_SCHED_SPREAD") or False,
            flash_attention=read.boolean("OLLAMA_FLASH_ATTENTION"),
            load_timeout_ns=read.load_timeout("OLLAMA_LOAD_TIMEOUT"),
        )


class _Reader:
    """One environment, with the server's ways of reading a value: trimmed, unquoted, lenient."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str) -> str:
        return self._environment.get(name, "").strip().strip("\"'")

    def unsigned(self, name: str, default: int) -> int:
        text = self.text(name)
        if not (text.isascii() and text.isdigit()) or len(text) > MOST_DIGITS:
            return default
        value = int(text)
        return value if value <= UINT64_MAX else default

    def boolean(self, name: str) -> bool | None:
        """None if unset; a word that is no boolean counts as yes."""
        text = self.text(name)
        if not text:
            return None
        return text not in {"0", "f", "F", "false", "FALSE", "False"}

    def keep_alive(self, name: str) -> int:
        value = parse_environment_duration(self.text(name))
        if value is None:
            return DEFAULT_KEEP_ALIVE_NS
        return FOREVER_NS if value < 0 else value

    def load_timeout(self, name: str) -> int:
        value = parse_environment_duration(self.text(name))
        if value is None:
            return DEFAULT_KEEP_ALIVE_NS
        return FOREVER_NS if value <= 0 else value
