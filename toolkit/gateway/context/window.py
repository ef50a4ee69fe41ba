"""Which of the recent messages are sent as they were. Pure.

A server's prefix cache holds the last prompt; whatever of the next one begins the same need not be read again. A window
that drops its oldest message with every new one begins differently each time, so that nothing but the head is ever
found again. This window stays where it is while the conversation grows, until it is full, and then leaves a large piece
behind at once. Where it may begin depends on the text alone (where a question crosses a multiple of a block of bytes,
or of half the most messages), not on anything learned, so that it comes out the same each time.

The history is cut between *units*: an answer that calls tools and the results of these calls are one unit. A window
begins with a question where it can.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from toolkit.gateway.sessions.rows import text_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolkit.gateway.sessions.records import StoredMessage

_LEAST_BLOCK_BYTES = 256
_MESSAGE_BYTES = 24
"""A message counts as so much text more: what the template puts around it."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Messages that are sent together or not at all. `start_bytes`: how far into the conversation they begin."""

    messages: tuple[StoredMessage, ...]
    weight: float
    start_bytes: int

    @property
    def position(self) -> int:
        """The position of the first message."""
        return self.messages[0].position

    @property
    def opens(self) -> bool:
        """Whether a window may begin here without a loose end: the user speaks."""
        return self.messages[0].message.role == "user"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a window may hold. `block_bytes`: how much text it leaves behind at once, about."""

    weight: float
    messages: int
    block_bytes: int


def units_of(messages: Sequence[StoredMessage]) -> tuple[Unit, ...]:
    """The history as units; system messages are left out, they are told in the head."""
    groups: list[list[StoredMessage]] = []
    for each in messages:
        if each.message.role == "system":
            continue
        if each.message.role == "tool" and groups:
            groups[-1].append(each)
        else:
            groups.append([each])
    return tuple(map(_unit, groups))


def block_bytes(weight: float) -> int:
    """The block for a window of this weight: a quarter to a half of it in English; a power of two.

    Powers of two, so that the places of a small context are also those of a large one, and summaries serve both.
    """
    return max(_LEAST_BLOCK_BYTES, 1 << max(int(weight * 2).bit_length() - 1, 0))


def window_start(units: Sequence[Unit], limits: Limits, *, omitted: bool) -> int:
    """The index of the first unit of the window; `len(units)` if there is room for none.

    `omitted`: there were messages before the first unit, so that it is not the beginning of the conversation.
    """
    heavy = _suffix([unit.weight for unit in units])
    many = _suffix([len(unit.messages) for unit in units])

    def fits(index: int) -> bool:
        return heavy[index] <= limits.weight and many[index] <= limits.messages

    beginning = () if omitted else (0,)  # of a history that was cut off, the first message is another one each time
    by_text: tuple[int, ...] = (*beginning, *_by_text(units, limits))
    by_number: tuple[int, ...] = (*beginning, *_by_number(units, limits))
    first = next((index for index in by_text if heavy[index] <= limits.weight), None)
    second = next((index for index in by_number if many[index] <= limits.messages), None)
    if first is not None and second is not None:
        return max(first, second)
    opening = (index for index, unit in enumerate(units) if unit.opens and fits(index))
    any_place = next((index for index in range(len(units)) if fits(index)), len(units))
    return next(opening, any_place)


def next_start(units: Sequence[Unit], start: int, limits: Limits) -> int | None:
    """Where the window will begin when it is full: the next place behind `start`, None if there is none yet."""
    places = (*_by_text(units, limits), *_by_number(units, limits))
    return min((index for index in places if index > start), default=None)


def _by_text(units: Sequence[Unit], limits: Limits) -> list[int]:
    return _crossings(units, lambda unit: unit.start_bytes // limits.block_bytes)


def _by_number(units: Sequence[Unit], limits: Limits) -> list[int]:
    return _crossings(units, lambda unit: unit.position // max(limits.messages // 2, 1))


def _crossings(units: Sequence[Unit], number: Callable[[Unit], int]) -> list[int]:
    """The opening units whose number differs from that of the opening unit before."""
    opening = [index for index, unit in enumerate(units) if unit.opens]
    return [index for before, index in pairwise(opening) if number(units[before]) != number(units[index])]


def _suffix(values: Sequence[float]) -> list[float]:
    """At each index the sum from there to the end; one more at the end, 0."""
    return [0, *accumulate(reversed(values))][::-1]


def _unit(messages: list[StoredMessage]) -> Unit:
    first = messages[0]
    weight = sum(each.weight for each in messages)
    before_bytes = first.end_bytes - text_bytes(first.message) + _MESSAGE_BYTES * first.position
    return Unit(tuple(messages), weight, max(before_bytes, 0))
