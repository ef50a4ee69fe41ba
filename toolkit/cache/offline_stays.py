"""A request sequence as stays: for each request, whether its model is kept in memory until it is asked for again.

An optimum that knows the future decides nothing else. What is loaded is loaded by a request (an earlier load can be put
off to it), and a model that leaves before its next use might as well have left at once. So a strategy is a set of
stays that fit together, and what it saves is the sum of the loads that they spare. Requests that follow one for the
same model are hits in any case and are counted once, at the start.

Row j is the moment of the j-th change of model. Its model is in memory, and so is whoever is busy; what is left of
the room is shared by the stays that reach over it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Limits:
    """Room for `capacity` (bytes, or any other unit of `sizes`) and at most `models` (None: any number).

    A model alone always has room. A model that `sizes` does not list takes none.
    """

    sizes: Mapping[str, int]
    capacity: int
    models: int | None = None


@dataclass(frozen=True, slots=True)
class Stays:
    """One entry a row, in order; `worth` is what a hit on the row's model saves. Models are numbers, sets bit masks.

    `following` is the row that asks for the same model next, None if none does. `first` is the first row at which
    keeping the model takes room that it would not have anyway: the next one, or that after its last busy one. A stay
    with `first >= following` costs nothing and is `free`; one that does not fit beside every row it reaches over is
    `possible` no more. `room` and `places` are left for stays at each row (`room` is -1 where a model is larger than
    all the room); `busy` are the models that are in memory at a row because they are answering.
    """

    models: tuple[str, ...]
    sizes: tuple[int, ...]
    model: tuple[int, ...]
    worth: tuple[int, ...]
    following: tuple[int | None, ...]
    first: tuple[int, ...]
    free: tuple[bool, ...]
    possible: tuple[bool, ...]
    room: tuple[int, ...]
    places: tuple[int, ...] | None
    busy: tuple[int, ...]
    sure: int
    """What is saved in any case."""


def stays_of(
    requests: Sequence[str], limits: Limits, worth: Mapping[str, int], busy_until: Sequence[int] | None = None
) -> Stays:
    """Prepare a sequence. `worth` says what a hit on each model saves: 1 each, or its load in nanoseconds.

    `busy_until` gives for each request the position of the first request at which its model may be evicted again;
    without it models are idle at once.

    Raises:
        UsageError: a request's model has no room beside the busy ones, so the sequence cannot have been served so.
    """
    starts = [at for at, name in enumerate(requests) if not at or requests[at - 1] != name]
    names = [requests[at] for at in starts]
    models = tuple(dict.fromkeys(names))
    number = {name: at for at, name in enumerate(models)}
    model = tuple(number[name] for name in names)
    sizes = tuple(limits.sizes.get(name, 0) for name in models)
    sure = sum(worth[name] for name in requests) - sum(worth[name] for name in names)
    following = _following(model)
    until = _rows_until(starts, busy_until, len(requests))
    busy = _busy(model, until)
    first = tuple(max(at + 1, end) for at, end in enumerate(until))
    room, places = _left([(at + 1, requests[at]) for at in starts], model, sizes, limits, busy)
    free = tuple(after is not None and begin >= after for begin, after in zip(first, following, strict=True))
    possible = _possible([sizes[each] for each in model], following, first, room, places)
    return Stays(
        models, sizes, model, tuple(worth[name] for name in names), following, first, free, possible, room, places,
        busy, sure,
    )  # fmt: skip


def bits(mask: int) -> list[int]:
    """The numbers in a set."""
    found = []
    while mask:
        lowest = mask & -mask
        found.append(lowest.bit_length() - 1)
        mask ^= lowest
    return found


def _following(model: Sequence[int]) -> tuple[int | None, ...]:
    after: dict[int, int] = {}
    found: list[int | None] = [None] * len(model)
    for row in range(len(model) - 1, -1, -1):
        found[row] = after.get(model[row])
        after[model[row]] = row
    return tuple(found)


def _rows_until(starts: Sequence[int], busy_until: Sequence[int] | None, requests: int) -> tuple[int, ...]:
    """For each row the first row at which its model is idle again."""
    rows = len(starts)
    if busy_until is None:
        return tuple(range(1, rows + 1))
    row_from = [0] * (requests + 1)  # the first row that starts at this position or later
    at = rows
    for position in range(requests, -1, -1):
        if at and starts[at - 1] == position:
            at -= 1
        row_from[position] = at
    bounds = [*starts, requests]
    ends = []
    for row in range(rows):
        latest = max(busy_until[bounds[row] : bounds[row + 1]])
        ends.append(max(row + 1, row_from[min(latest, requests)] if latest < requests else rows))
    return tuple(ends)


def _busy(model: Sequence[int], until: Sequence[int]) -> tuple[int, ...]:
    """At each row, who else is busy."""
    rows = len(model)
    ending: dict[int, list[int]] = {}
    last = [0] * (max(model, default=-1) + 1)  # until when each model is busy
    now, found = 0, []
    for row in range(rows):
        for gone in ending.pop(row, ()):
            if last[gone] <= row:
                now &= ~(1 << gone)
        found.append(now & ~(1 << model[row]))
        if until[row] > row + 1:
            now |= 1 << model[row]
            last[model[row]] = max(last[model[row]], until[row])
            ending.setdefault(until[row], []).append(model[row])
    return tuple(found)


def _left(
    where: Sequence[tuple[int, str]], model: Sequence[int], sizes: Sequence[int], limits: Limits, busy: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
    """Room and places for stays at each row."""
    room, places = [], []
    for row, wanted in enumerate(model):
        others = bits(busy[row]) if busy[row] else []
        left = limits.capacity - sizes[wanted] - sum(sizes[other] for other in others)
        seats = None if limits.models is None else limits.models - 1 - len(others)
        if others and (left < 0 or (seats is not None and seats < 0)):
            raise UsageError(
                f"request {where[row][0]} ({where[row][1]}) has no room beside the models that are busy "
                "then; check the busy intervals, or give more room"
            )
        room.append(max(left, -1))
        places.append(0 if seats is None or left < 0 else max(seats, 0))
    return tuple(room), None if limits.models is None else tuple(places)


def _possible(
    size: Sequence[int],
    following: Sequence[int | None],
    first: Sequence[int],
    room: Sequence[int],
    places: Sequence[int] | None,
) -> tuple[bool, ...]:
    """Whether a stay has room at every row that it reaches over."""
    found = [after is not None for after in following]
    reaching = [row for row, after in enumerate(following) if after is not None and first[row] < after]
    if not reaching:
        return tuple(found)
    # reduceat takes the minimum from each even index up to the odd one after it.
    spans = np.array([(first[row], following[row]) for row in reaching], dtype=np.intp).ravel()
    least_room = np.minimum.reduceat(np.array(room, dtype=np.int64), spans)[::2]
    least_places = None if places is None else np.minimum.reduceat(np.array(places, dtype=np.int64), spans)[::2]
    for at, row in enumerate(reaching):
        fits = int(least_room[at]) >= size[row]
        found[row] = fits and (least_places is None or int(least_places[at]) >= 1)
    return tuple(found)


def reach(values: Sequence[float]) -> list[float]:
    """Running sums, so that the sum over rows a to b - 1 is `reach[b] - reach[a]`."""
    return [0.0, *accumulate(values)]
