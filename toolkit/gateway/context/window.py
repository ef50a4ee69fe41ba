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
from typing import TYPE_CHECKING, Self

from toolkit.gateway.sessions.rows import text_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    units: list[Unit] = []
    before_bytes: int | None = None  # how much was said up to the message; of the first one only its own text tells
    for each in messages:
        role = each.message.role
        if role == "tool" and units:
            last = units[-1]
            units[-1] = Unit((*last.messages, each), last.weight + each.weight, last.start_bytes)
        elif role != "system":
            said_bytes = each.end_bytes - text_bytes(each.message) if before_bytes is None else before_bytes
            units.append(Unit((each,), each.weight, max(said_bytes + _MESSAGE_BYTES * each.position, 0)))
        before_bytes = each.end_bytes
    return tuple(units)


def block_bytes(weight: float) -> int:
    """The block for a window of this weight: a quarter to a half of it in English; a power of two.

    Powers of two, so that the places of a small context are also those of a large one, and summaries serve both.
    """
    return max(_LEAST_BLOCK_BYTES, 1 << max(int(weight * 2).bit_length() - 1, 0))


@dataclass(frozen=True, slots=True)
class Places:
    """Where a window may begin, by index, and what it would then hold; the limit of the weight may vary."""

    units: Sequence[Unit]
    by_text: tuple[int, ...]
    by_number: tuple[int, ...]
    heavy: Sequence[float]
    many: Sequence[float]

    @classmethod
    def of(cls, units: Sequence[Unit], limits: Limits) -> Self:
        """Those of these units; of the limits, the weight plays no part."""
        opening = [index for index, unit in enumerate(units) if unit.opens]
        blocks = [units[index].start_bytes // limits.block_bytes for index in opening]
        halves = [units[index].position // max(limits.messages // 2, 1) for index in opening]
        heavy = _suffix([unit.weight for unit in units])
        many = _suffix([len(unit.messages) for unit in units])
        return cls(units, _crossings(opening, blocks), _crossings(opening, halves), heavy, many)

    def start(self, limits: Limits, *, omitted: bool) -> int:
        """The index of the first unit of the window; the number of units if there is room for none.

        `omitted`: there were messages before the first unit, so that it is not the beginning of the conversation.
        """
        heavy, many = self.heavy, self.many
        beginning: tuple[int, ...] = (
            () if omitted else (0,)
        )  # of a history that was cut off, the first message is another one each time
        first = next((index for index in (*beginning, *self.by_text) if heavy[index] <= limits.weight), None)
        second = next((index for index in (*beginning, *self.by_number) if many[index] <= limits.messages), None)
        if first is not None and second is not None:
            return max(first, second)
        fitting = [
            index
            for index in range(len(self.units))
            if heavy[index] <= limits.weight and many[index] <= limits.messages
        ]
        opening = [index for index in fitting if self.units[index].opens]
        return (opening or fitting or [len(self.units)])[0]

    def after(self, start: int) -> int | None:
        """Where the window will begin when it is full: the next place behind `start`, None if there is none yet."""
        return min((index for index in (*self.by_text, *self.by_number) if index > start), default=None)


def _crossings(opening: Sequence[int], numbers: Sequence[int]) -> tuple[int, ...]:
    """The opening units whose number differs from that of the opening unit before."""
    return tuple(
        index for index, (before, number) in zip(opening[1:], pairwise(numbers), strict=True) if before != number
    )


def _suffix(values: Sequence[float]) -> list[float]:
    """At each index the sum from there to the end; one more at the end, 0."""
    return [0, *accumulate(reversed(values))][::-1]
