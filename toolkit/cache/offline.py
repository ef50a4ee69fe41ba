"""The ceiling: how many requests could have found their model in memory, had the future been known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from toolkit.cache.offline_sets import exact_hits
from toolkit.cache.offline_slots import min_hits
from toolkit.cache.room import CountingRoom, SlotRoom

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.cache.strategy import Room

EXACT_UP_TO_MODELS = 12


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most hits of a request sequence.

    `exact`: some sequence of loads and evictions reaches it. `bound`: no sequence can have more, perhaps none so many.
    """

    requests: int
    hits: int
    method: Literal["exact", "bound"]

    @property
    def hit_rate(self) -> float | None:
        """`hits / requests`, None without requests."""
        return self.hits / self.requests if self.requests else None

    def share(self, hits: int) -> float | None:
        """What part of the ceiling `hits` is, None if nothing could have been hit."""
        return hits / self.hits if self.hits else None


def ceiling(requests: Sequence[str], room: Room, *, exact_up_to_models: int = EXACT_UP_TO_MODELS) -> Ceiling:
    """The most hits for these models, in this order, in this room; starts empty, every miss loads.

    Time plays no part: a model may be evicted between any two requests, as if none took long. A run is under the
    ceiling of the order in which its requests were *served*; a server that serves loaded models past a waiting load
    changes the order, and can have more hits than the ceiling of the order of arrival. Exact for equal slots
    and for up to `exact_up_to_models` distinct models. Beyond, the bound lets any set live together that is no larger
    than the largest that can; a room that cannot say how large that is (`CountingRoom`) bounds nothing but first uses.
    """
    models = set(requests)
    if isinstance(room, SlotRoom):
        return Ceiling(len(requests), min_hits(requests, room.slots), "exact")
    if len(models) <= exact_up_to_models:
        return Ceiling(len(requests), exact_hits(requests, room), "exact")
    most = room.most_together(models) if isinstance(room, CountingRoom) else len(models)
    return Ceiling(len(requests), min_hits(requests, most), "bound")
