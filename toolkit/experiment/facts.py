"""What is known of a host beside the runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.cache.strategy import Room
    from toolkit.replay.results import Memory


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What is known of the host beside the runs.

    The memory rule, the largest sets, the contexts, what would change them, and what each model takes.
    """

    room: Room | None
    together: tuple[tuple[str, ...], ...]
    contexts: tuple[tuple[str, int], ...]
    hints: tuple[str, ...] = ()
    memory: Memory | None = None
