"""The ceiling: the most hits, and the least loading, that a request sequence allows to whom the future is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from toolkit.cache.offline_rooms import saving_in
from toolkit.cache.offline_search import EFFORT, best_saving
from toolkit.cache.offline_slots import min_hits
from toolkit.cache.offline_stays import Limits, stays_of
from toolkit.cache.room import SizedRoom, SlotRoom

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolkit.cache.offline_search import Saved
    from toolkit.cache.strategy import Room

Method = Literal["exact", "bound"]


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most hits of a request sequence.

    `exact`: some sequence of loads and evictions reaches it. `bound`: no sequence can have more, perhaps none so many;
    `reached` is what one is known to have.
    """

    requests: int
    hits: int
    method: Method
    reached: int

    @property
    def hit_rate(self) -> float | None:
        """`hits / requests`, None without requests."""
        return self.hits / self.requests if self.requests else None

    def share(self, hits: int) -> float | None:
        """What part of the ceiling `hits` is, None if nothing could have been hit."""
        return hits / self.hits if self.hits else None


@dataclass(frozen=True, slots=True)
class Floor:
    """The least that a request sequence must load, in nanoseconds of loading.

    `exact`: some sequence of loads and evictions loads no more. `bound`: none can load less, perhaps all load more;
    `reached_ns` is what one is known to load.
    """

    load_ns: int
    method: Method
    reached_ns: int

    def share(self, load_ns: int) -> float | None:
        """The least as a part of what was loaded, None if nothing was."""
        return self.load_ns / load_ns if load_ns else None


def ceiling(
    requests: Sequence[str],
    room: Room,
    *,
    busy_until: Sequence[int] | None = None,
    effort: int = EFFORT,
) -> Ceiling:
    """The most hits for these models, in this order, in this room; starts empty, every miss loads.

    Time plays no part but by `busy_until`: for each request the position of the first one at which its model may be
    evicted again. Without it a model may leave between any two requests, as if none took long. A run is under the
    ceiling of the order in which its requests were *served*; a server that serves loaded models past a waiting load
    changes the order, and can have more hits than the ceiling of the order of arrival.

    Exact for equal slots (Belady's rule); for sizes and counts as far as `effort` goes (states looked at: some ten
    thousand requests for twenty models take seconds), else both ends are told. Any other room is asked for its sets
    (`offline_rooms`), which are known of some thirty models where three have room together: exact in most cases, else
    both ends.

    Raises:
        UsageError: a model has no room beside the busy ones.
        ValueError: busy intervals in a room that has neither slots nor sizes.
    """
    if isinstance(room, SlotRoom) and busy_until is None:
        hits = min_hits(requests, room.slots)
        return Ceiling(len(requests), hits, "exact", hits)
    saved = _search(requests, room, dict.fromkeys(requests, 1), busy_until, effort)
    return Ceiling(len(requests), saved.most, _method(saved), saved.reached)


def least_load(
    requests: Sequence[str],
    room: Room,
    load_ns: Mapping[str, int],
    *,
    busy_until: Sequence[int] | None = None,
    effort: int = EFFORT,
) -> Floor:
    """The least nanoseconds of loading that these requests need, as in `ceiling`; `load_ns` is what each model takes.

    Raises:
        UsageError: a model has no room beside the busy ones.
        ValueError: busy intervals in a room that has neither slots nor sizes.
    """
    saved = _search(requests, room, load_ns, busy_until, effort)
    everything = sum(load_ns[name] for name in requests)
    return Floor(everything - saved.most, _method(saved), everything - saved.reached)


def _limits(room: Room, models: set[str]) -> Limits | None:
    if isinstance(room, SlotRoom):
        return Limits(dict.fromkeys(models, 1), room.slots)
    if isinstance(room, SizedRoom):
        return Limits(room.size_bytes, room.capacity_bytes, room.max_models)
    return None


def _search(
    requests: Sequence[str],
    room: Room,
    worth: Mapping[str, int],
    busy_until: Sequence[int] | None,
    effort: int,
) -> Saved:
    limits = _limits(room, set(requests))
    if limits is not None:
        return best_saving(stays_of(requests, limits, worth, busy_until), effort=effort)
    if busy_until is not None:
        raise ValueError("busy intervals need a room of slots or sizes")
    return saving_in(requests, room, worth, effort=effort)


def _method(saved: Saved) -> Method:
    return "exact" if saved.most == saved.reached else "bound"
