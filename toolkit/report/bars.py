"""The charts that compare row by row: hit rates against the optimum, where a swap's time goes, models and loads.

A row has its name and its number above its bar, so that the chart still reads on a phone.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from toolkit.report.axis import linear_ticks
from toolkit.report.lanes import lane_of, lanes
from toolkit.report.measures import share_of_optimum
from toolkit.report.palette import PARTS
from toolkit.report.scene import LegendEntry, Line, Rect, Scene, Text
from toolkit.report.wording import achieved, count, counted, duration, percent, shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolkit.replay.results import Comparison, StrategySummary, TimeSplit
    from toolkit.report.scene import Anchor, Item

WIDTH = 440
_LEFT, _RIGHT = 4, WIDTH - 12
_SPAN = _RIGHT - _LEFT
ROW, _BAR_TOP, _BAR = 42, 20, 14
_FOOT = 24
_NAME_CHARACTERS = 26
_DIGIT, _LETTER, _FEWEST_CHARACTERS = 6.2, 8.2, 8

PART_WORDS = {
    "queue": "waiting for others",
    "evict": "unloading, and waiting for memory",
    "load": "loading",
    "slot": "waiting for a slot",
    "prefill": "reading the prompt",
    "decode": "writing the answer",
}
"""The parts of a request's time in the order in which they pass, as a reader would call them."""


def row_label(y: float, name: str, value: str) -> list[Item]:
    """Return the line above a bar: the name at the left, as far as there is room, the number at the right."""
    room = int((_SPAN - len(value) * _DIGIT) / _LETTER)
    return [
        Text(_LEFT, y + 13, shortened(name, max(room, _FEWEST_CHARACTERS)), 13, bold=True, title=name),
        Text(_RIGHT, y + 13, value, 12, "muted", "end"),
    ]


def hit_rates(comparison: Comparison) -> Scene:
    """Return one bar a strategy: the share of requests that found their model, and the optimum as a line across."""
    optimum = comparison.optimum
    head = 22 if optimum is not None else 4
    bottom = head + len(comparison.strategies) * ROW
    items = _linear_axis((0.0, 0.25, 0.5, 0.75, 1.0), 1.0, head, bottom, lambda value: percent(value, 0))
    for row, one in enumerate(comparison.strategies):
        y = head + row * ROW
        share = share_of_optimum(one, optimum)
        of = "" if share is None else f" · {achieved(share)} of the optimum"
        items += row_label(y, one.strategy, f"{percent(one.hit_rate)}{of}")
        items.append(Rect(_LEFT, y + _BAR_TOP, _SPAN, _BAR, "wash"))
        joined = one.joined / one.requests if one.requests else 0.0
        items.append(Rect(_LEFT, y + _BAR_TOP, _SPAN * one.hit_rate, _BAR, "accent"))
        items.append(Rect(_LEFT + _SPAN * one.hit_rate, y + _BAR_TOP, _SPAN * joined, _BAR, "joined", hatched=True))
    if optimum is not None:
        x = _LEFT + _SPAN * optimum.hit_rate
        at_most = "at most " if optimum.method == "bound" else ""
        for y in (head + row * ROW + _BAR_TOP for row in range(len(comparison.strategies))):
            items.append(Line(x, y - 4, x, y + _BAR + 4, "best", 3))
        words = f"optimum: {at_most}{percent(optimum.hit_rate)}"
        room_left = x - _LEFT > len(words) * _DIGIT
        items.append(Text(x - 4 if room_left else x + 4, 13, words, 12, "best", "end" if room_left else "start"))
    legend = (
        LegendEntry((Rect(0, 3, 24, 8, "accent"),), "found in memory"),
        LegendEntry((Rect(0, 3, 24, 8, "joined", hatched=True),), "waited for another's load (joined)"),
        LegendEntry((Line(12, 0, 12, 14, "best", 3),), "the optimum, which knows the future"),
    )
    words = "; ".join(f"{one.strategy} {percent(one.hit_rate)}" for one in comparison.strategies)
    return Scene(WIDTH, bottom + _FOOT, "Hit rates against the optimum", f"Hit rates: {words}.", tuple(items), legend)


def swap_parts(comparison: Comparison) -> Scene | None:
    """Return one bar a strategy, cut by the mean seconds of each part of a cold request; None if nothing was cold."""
    rows = [(one, _mean_parts(one.split_cold, _colds(one))) for one in comparison.strategies]
    most = max((sum(seconds for _, seconds in parts) for _, parts in rows), default=0.0)
    if most <= 0:
        return None
    bottom = 4 + len(rows) * ROW
    items = _linear_axis((0.0, 0.25, 0.5, 0.75, 1.0), 1.0, 4, bottom, lambda value: percent(value, 0))
    for row, (one, parts) in enumerate(rows):
        y = 4 + row * ROW
        total = sum(seconds for _, seconds in parts)
        items += row_label(y, one.strategy, f"{duration(total)}, mean of {counted(_colds(one), 'cold request')}")
        # Each bar is a whole: one strategy that stalls for an hour must not squeeze the others out of sight.
        shown = [(ink, seconds, duration(seconds), PART_WORDS[ink]) for ink, seconds in parts]
        items += _stack(shown, total, y)
    used = {ink for _, parts in rows for ink, seconds in parts if seconds > 0}
    legend = tuple(
        LegendEntry((Rect(0, 2, 24, 10, ink.name),), PART_WORDS[ink.name]) for ink in PARTS if ink.name in used
    )
    words = "; ".join(
        f"{one.strategy}: " + ", ".join(f"{PART_WORDS[ink]} {duration(seconds)}" for ink, seconds in parts)
        for one, parts in rows
        if parts
    )
    return Scene(WIDTH, bottom + _FOOT, "Where the time of a cold request goes", f"{words}.", tuple(items), legend)


def untold_parts(comparison: Comparison) -> tuple[str, ...]:
    """Return the parts that no strategy's summary tells, for the note under the figure."""
    splits = [one.split_cold for one in comparison.strategies if _colds(one)]
    return tuple(
        ink.name for ink in PARTS if splits and all(getattr(split, f"{ink.name}_s") is None for split in splits)
    )


def _colds(one: StrategySummary) -> int:
    return one.wait_cold.count if one.wait_cold is not None else 0


def _mean_parts(split: TimeSplit, number: int) -> list[tuple[str, float]]:
    if number == 0:
        return []
    told = [(part.name.removesuffix("_s"), getattr(split, part.name)) for part in fields(split)]
    return [(name, seconds / number) for name, seconds in told if seconds is not None]


def requests_by_model(comparison: Comparison) -> Scene | None:
    """Return one bar a model: how many requests were routed to it; None if there were none."""
    rows = lanes(comparison)
    place = lane_of(rows)
    requests = [0] * len(rows)
    if not comparison.strategies:
        return None
    # Routing does not depend on the strategy: any of them tells it, the one with the most requests best.
    fullest = max(comparison.strategies, key=lambda one: sum(share.requests for share in one.models))
    for share in fullest.models:
        if share.model in place:
            requests[place[share.model]] += share.requests
    total = sum(requests)
    if total == 0:
        return None
    bottom = 4 + len(rows) * ROW
    items = _linear_axis((0.0, 0.25, 0.5, 0.75, 1.0), 1.0, 4, bottom, lambda value: percent(value, 0))
    for row, lane in enumerate(rows):
        y = 4 + row * ROW
        part = requests[row] / total
        items += row_label(y, lane.label, f"{counted(requests[row], 'request')} · {percent(part)}")
        items.append(Rect(_LEFT, y + _BAR_TOP, _SPAN, _BAR, "wash"))
        items.append(Rect(_LEFT, y + _BAR_TOP, _SPAN * part, _BAR, lane.ink))
    words = "; ".join(f"{lane.label} {percent(number / total)}" for lane, number in zip(rows, requests, strict=True))
    return Scene(WIDTH, bottom + _FOOT, "Requests by model", f"Requests: {words}.", tuple(items))


def loads_by_model(comparison: Comparison) -> Scene | None:
    """Return one stacked bar a strategy: how often each model was loaded; None if nothing was."""
    rows = lanes(comparison)
    place = lane_of(rows)
    loads = [[0] * len(rows) for _ in comparison.strategies]
    for numbers, one in zip(loads, comparison.strategies, strict=True):
        for share in one.models:
            if share.model in place:
                numbers[place[share.model]] += share.loads
    most = max((sum(numbers) for numbers in loads), default=0)
    if most == 0:
        return None
    ticks = [value for value in linear_ticks(most, 5) if value == int(value)]
    end = max(ticks[-1], most)
    bottom = 4 + len(loads) * ROW
    items = _linear_axis(ticks, end, 4, bottom, lambda value: count(int(value)))
    for row, (one, numbers) in enumerate(zip(comparison.strategies, loads, strict=True)):
        y = 4 + row * ROW
        items += row_label(y, one.strategy, counted(sum(numbers), "load"))
        parts = [(lane.ink, float(n), count(n), lane.label) for lane, n in zip(rows, numbers, strict=True)]
        items += _stack(parts, end, y)
    legend = tuple(
        LegendEntry((Rect(0, 2, 24, 10, lane.ink),), shortened(lane.label, _NAME_CHARACTERS)) for lane in rows
    )
    words = "; ".join(
        f"{one.strategy} {counted(sum(numbers), 'load')}"
        for one, numbers in zip(comparison.strategies, loads, strict=True)
    )
    return Scene(WIDTH, bottom + _FOOT, "Loads by model", f"{words}.", tuple(items), legend)


def _stack(parts: Sequence[tuple[str, float, str, str]], end: float, y: float) -> list[Item]:
    """Draw (ink, value, label, meaning) side by side; a label stands in its segment if it fits."""
    items: list[Item] = []
    x = float(_LEFT)
    for ink, value, label, meaning in parts:
        width = _SPAN * value / end
        if width <= 0:
            continue
        # A hair of paper between segments tells neighbours apart without their colours.
        items.append(Rect(x, y + _BAR_TOP, max(width - 1, 0.4), _BAR, ink, title=f"{meaning}: {label}"))
        if width > (len(label) + 1) * _DIGIT:
            items.append(Text(x + width / 2, y + _BAR_TOP + 11, label, 10.5, "card", "middle", bold=True))
        x += width
    return items


def _linear_axis(
    ticks: Sequence[float], end: float, top: float, bottom: float, write: Callable[[float], str]
) -> list[Item]:
    items: list[Item] = []
    for value in ticks:
        x = _LEFT + _SPAN * value / end
        # Only beside the bars: a line through the words above them would strike them out.
        bars = [top + row * ROW + _BAR_TOP for row in range(round((bottom - top) / ROW))]
        items += [Line(x, y - 2, x, y + _BAR + 2, "rule", 0.7) for y in bars]
        items.append(Text(x, bottom + 16, write(value), 11, "muted", _anchor_at(x)))
    return items


def _anchor_at(x: float) -> Anchor:
    return "start" if x <= _LEFT + 1 else "end" if x >= _RIGHT - 1 else "middle"
