"""The frame of both timelines: a gutter of names, a block of lanes for each strategy, a time axis under each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolkit.report.lanes import Lane, lane_of, lanes
from toolkit.report.scene import Line, Rect, Text
from toolkit.report.wording import shortened

if TYPE_CHECKING:
    from toolkit.replay.results import Comparison
    from toolkit.report.axis import TimeAxis
    from toolkit.report.scene import Anchor, Item

GUTTER, PLOT, MARGIN = 168, 880, 14
WIDTH = GUTTER + PLOT + MARGIN
HEAD, TICKS, GAP = 26, 24, 20
BAND_TOP, BAND_LESS = 9, 18
"""How far below the top of its lane a band begins, and how much less high it is: room for signs on both sides."""

_LANE, _LANE_SMALL, _MANY_LANES = 30, 26, 4
_LABEL_CHARACTERS, _HEADING_CHARACTERS = 22, 18
_MOST_TICKS = 12
_HALF_DIGIT = 3.2


@dataclass(frozen=True, slots=True)
class Grid:
    """Where things go: time from left to right, a row for each lane, `lane_height` pixels high."""

    axis: TimeAxis
    rows: tuple[Lane, ...]
    place: dict[str, int]
    lane_height: int

    @property
    def band(self) -> int:
        """The height of the band in the middle of a lane."""
        return self.lane_height - BAND_LESS

    def lane_top(self, row: int, top: float) -> float:
        """Return the upper edge of a lane in a block that begins at `top`."""
        return top + row * self.lane_height


@dataclass(slots=True)
class Sheet:
    """The items drawn so far; `gutter` stays in sight where the rest scrolls."""

    gutter: list[Item] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)


def grid(comparison: Comparison, axis: TimeAxis) -> Grid:
    """Return the grid of a comparison; lanes are narrower when there are many."""
    rows = lanes(comparison)
    return Grid(axis, rows, lane_of(rows), _LANE if len(rows) <= _MANY_LANES else _LANE_SMALL)


def draw_heading(sheet: Sheet, strategy: str, words: str, top: float) -> None:
    """Write the name of a strategy and what its block comes to."""
    sheet.gutter.append(Text(0, top + 17, shortened(strategy, _HEADING_CHARACTERS), 14, bold=True, title=strategy))
    sheet.items.append(Text(GUTTER, top + 17, words, 12, "muted"))


def draw_lanes(sheet: Sheet, grid: Grid, top: float) -> float:
    """Draw empty lanes with their names; return their lower edge."""
    for row, lane in enumerate(grid.rows):
        y = grid.lane_top(row, top)
        middle = y + grid.lane_height / 2
        title = lane.label if len(lane.label) > _LABEL_CHARACTERS else None
        sheet.gutter += [
            Rect(GUTTER - 12, middle - 5, 6, 10, lane.ink),
            Text(GUTTER - 17, middle + 4, shortened(lane.label, _LABEL_CHARACTERS), 11.5, "ink", "end", title=title),
        ]
        sheet.items.append(Rect(GUTTER, y + BAND_TOP, PLOT, grid.band, "wash"))
    return grid.lane_top(len(grid.rows), top)


def draw_time(sheet: Sheet, axis: TimeAxis, top: float, bottom: float) -> None:
    """Draw the time axis at `bottom`, with faint lines up to `top`."""
    sheet.items.append(Line(axis.x, bottom, axis.x + axis.width, bottom, "rule"))
    for time_ns, label in axis.ticks(_MOST_TICKS):
        x = axis.at(time_ns)
        sheet.items += [
            Line(x, top, x, bottom, "rule", 0.5),
            Line(x, bottom, x, bottom + 4, "muted"),
            Text(x, bottom + 16, label, 11, "muted", _anchor(x, label, axis)),
        ]


def _anchor(x: float, label: str, axis: TimeAxis) -> Anchor:
    """Keep a label out of the gutter and on the sheet."""
    half = len(label) * _HALF_DIGIT
    return "end" if x + half > axis.x + axis.width + MARGIN else "start" if x - half < axis.x else "middle"
