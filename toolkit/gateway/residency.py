"""What was in a host's memory, and when, as the looks at `/api/ps` have shown it. Pure.

A look sees what is there at one moment; what came and went between two looks is not known, and is not made up.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT: Final = 2000
"""So many stays that are over are remembered."""


@dataclass(frozen=True, slots=True)
class Stay:
    """A model in memory, from the first look that saw it to the first that did not; None: it is still there."""

    model: str
    began_ns: int
    ended_ns: int | None


class Residency:
    """One host's stays. `most_vram_bytes` is the most that was ever seen in use at once."""

    def __init__(self) -> None:
        self._here: dict[str, int] = {}
        self._over: deque[Stay] = deque(maxlen=KEPT)
        self.most_vram_bytes = 0

    def saw(self, vram_bytes: Mapping[str, int], now_ns: int) -> None:
        """A look found these models, with what they hold of the GPUs' memory."""
        for model in [model for model in self._here if model not in vram_bytes]:
            self._over.append(Stay(model, self._here.pop(model), now_ns))
        for model in vram_bytes:
            self._here.setdefault(model, now_ns)
        self.most_vram_bytes = max(self.most_vram_bytes, sum(vram_bytes.values()))

    def since(self, begin_ns: int) -> list[Stay]:
        """The stays that reach into the time after `begin_ns`, in the order in which they began."""
        over = [stay for stay in self._over if stay.ended_ns is not None and stay.ended_ns > begin_ns]
        here = [Stay(model, began_ns, None) for model, began_ns in self._here.items()]
        return sorted([*over, *here], key=lambda stay: (stay.began_ns, stay.model))
