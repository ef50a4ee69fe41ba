"""One quantity over many runs, oldest first: the median of each with its interval, so that noise looks like noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from toolkit.report.axis import linear_ticks
from toolkit.report.bars import WIDTH
from toolkit.report.scene import LegendEntry, Line, Marks, Rect, Scene, Text
from toolkit.report.wording import counted, duration, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.report.scene import Item
    from toolkit.stats.interval import Interval

_LEFT, _RIGHT, _TOP, _HEIGHT = 58, WIDTH - 14, 10, 170
_MOST_LABELS = 6
_LABEL_CHARACTERS = 12


class Moment(NamedTuple):
    """One run: its label, and the median of the quantity in seconds."""

    label: str
    median: Interval


def history(title: str, moments: Sequence[Moment], changes: Sequence[int] = ()) -> Scene | None:
    """Draw the medians in order; None for fewer than two. `changes` are places at which a new level begins."""
    if len(moments) < 2:  # noqa: PLR2004 - one run is no history
        return None
    most_s = max(moment.median.high for moment in moments)
    ticks = linear_ticks(most_s if most_s > 0 else 1.0, 4)
    items: list[Item] = []
    for value in ticks:
        y = _y(value, ticks[-1])
        items.append(Line(_LEFT, y, _RIGHT, y, "rule", 0.7))
        items.append(Text(_LEFT - 8, y + 4, duration(value), 11, "muted", "end"))
    step = (_RIGHT - _LEFT) / len(moments)
    every = -(-len(moments) // _MOST_LABELS)
    for place in changes:
        x = _LEFT + step * place
        items.append(Line(x, _TOP, x, _TOP + _HEIGHT, "accent", 1.4, dashed=True))
    for place, moment in enumerate(moments):
        x = _LEFT + step * (place + 0.5)
        low, high = _y(moment.median.low, ticks[-1]), _y(moment.median.high, ticks[-1])
        told = f"{moment.label}: {duration(moment.median.estimate)}"
        items.append(Rect(x - 2, high, 4, max(low - high, 1), "m0", 0.45, title=told))
        if place % every == 0:
            label = shortened(moment.label, _LABEL_CHARACTERS)
            items.append(Text(x, _TOP + _HEIGHT + 18, label, 11, "muted", "middle", title=moment.label))
    points = tuple(
        (_LEFT + step * (place + 0.5), _y(moment.median.estimate, ticks[-1])) for place, moment in enumerate(moments)
    )
    items.append(Marks(points, "circle", 7, "m0"))
    legend = [
        LegendEntry((Rect(10, 0, 4, 14, "m0", 0.45), Marks(((12, 7),), "circle", 7, "m0")), "median and 95 % interval")
    ]
    if changes:
        legend.append(LegendEntry((Line(12, 0, 12, 14, "accent", 1.4, dashed=True),), "a new level begins"))
    first, last = moments[0].median, moments[-1].median
    words = f"{counted(len(moments), 'run')}: from {duration(first.estimate)} to {duration(last.estimate)}."
    return Scene(WIDTH, _TOP + _HEIGHT + 26, title, words, tuple(items), tuple(legend))


def _y(seconds: float, most: float) -> float:
    return _TOP + _HEIGHT * (1 - min(max(seconds / most, 0.0), 1.0))
