"""What is known of a host beside the runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.cache.policies.base import Item
    from toolkit.cache.strategy import Room
    from toolkit.replay.results import Memory


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What is known of the host beside the runs.

    The memory rule, the largest sets, the contexts, what would change them, what each model takes, and what is known
    of each model's room and load.
    """

    room: Room | None
    together: tuple[tuple[str, ...], ...]
    contexts: tuple[tuple[str, int], ...]
    hints: tuple[str, ...] = ()
    memory: Memory | None = None
    items: Mapping[str, Item] = field(default_factory=dict)
