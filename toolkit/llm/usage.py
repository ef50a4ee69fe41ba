"""What has been used of each model: requests, tokens, loads, errors. Counted under a lock, read as frozen values.

INV-USE: for each model, requests = hits + joined + loads + errors + cancelled + under way, at every moment.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from toolkit.ollama.types import Counters

End = Literal["hits", "joined", "loads", "errors", "cancelled"]


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """Counts for one model since the meter was made.

    `hits`: answered by a model in memory. `joined`: waited for a load that another request of ours had begun. `loads`:
    had the model loaded, or loaded again with other options, or waited for memory. `prompt_tokens` counts cached ones
    too, as the server does; both token counts are of answered requests only. `preloads` and `preload_errors` are those
    that the strategy asked for.
    """

    model: str
    requests: int = 0
    under_way: int = 0
    hits: int = 0
    joined: int = 0
    loads: int = 0
    errors: int = 0
    cancelled: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    preloads: int = 0
    preload_errors: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """All models at one moment, sorted by name."""

    models: tuple[ModelUsage, ...]

    @property
    def total(self) -> ModelUsage:
        """The sums over all models, under the name `total`."""
        names = [field.name for field in fields(ModelUsage) if field.name != "model"]
        return ModelUsage("total", **{name: sum(getattr(one, name) for one in self.models) for name in names})


class UsageMeter:
    """Counts. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def started(self, model: str) -> None:
        """A request for the model is under way."""
        with self._lock:
            self._counts[model].update(("requests", "under_way"))

    def ended(self, model: str, end: End, counters: Counters | None) -> None:
        """A request for the model has ended; `counters` are the answer's, None if there was none."""
        with self._lock:
            counts = self._counts[model]
            counts["under_way"] -= 1
            counts[end] += 1
            if counters is not None:  # a server leaves out a count of zero
                counts["prompt_tokens"] += counters.prompt_eval_count or 0
                counts["output_tokens"] += counters.eval_count or 0

    def preloaded(self, model: str, *, ok: bool) -> None:
        """A preload of the model has ended."""
        with self._lock:
            self._counts[model].update(("preloads",) if ok else ("preloads", "preload_errors"))

    def snapshot(self) -> Usage:
        """The counts at this moment."""
        with self._lock:
            return Usage(tuple(ModelUsage(model, **counts) for model, counts in sorted(self._counts.items())))
