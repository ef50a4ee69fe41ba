"""The whole run at a glance: which model was in memory when, who found it there, and how long people waited.

Every strategy has one lane a model and, under the lanes, the seconds waited. Time is cut into bins a few pixels wide,
so the picture of three weeks is no larger than that of an hour: a lane is as dark as the share of the time in which its
model was ready, and the bars on both sides of it count the requests that found it there and those that did not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.replay.summary import wait_ns
from toolkit.report.axis import TimeAxis, time_step_s
from toolkit.report.measures import COLD, LOST, length_ns
from toolkit.report.scene import Boxes, Columns, LegendEntry, Line, Marks, Rect, Runs, Scene, Text
from toolkit.report.timeline import (
    BAND_TOP,
    GAP,
    GUTTER,
    HEAD,
    PLOT,
    TICKS,
    WIDTH,
    Grid,
    Sheet,
    draw_heading,
    draw_lanes,
    draw_time,
    grid,
)
from toolkit.report.waitscale import WaitScale, wait_scale
from toolkit.report.wording import counted, duration, period

if TYPE_CHECKING:
    from toolkit.replay.records import RequestRecord, ResidencySpan, Run
    from toolkit.replay.results import Comparison, StrategySummary
    from toolkit.report.scene import Item

    Stay = tuple[int, int, int]
    """When a load began, when its model was in hand, when it began to leave (or the run ended)."""

_NS = 1_000_000_000
_WAITS, _WAITS_GAP = 44, 10
_SHADES = 8
_MOST_BINS = 300
_MOST_FINE_SPANS = 800
"""Above so many spans a lane is shaded bin by bin; pixel by pixel it would be a bar code that nobody can read."""
_LEAST_TICK, _MOST_TICK = 2.0, 7.5

LEGEND = (
    LegendEntry((Rect(0, 3, 24, 8, "m0"),), "in memory (paler: part of the time)"),
    LegendEntry((Rect(0, 3, 24, 8, "m0", hatched=True),), "being loaded"),
    LegendEntry(
        (Columns(((6, 7), (12, 4), (18, 7)), 11, 4, "cold"),), "above a lane: requests that had to load (cold)"
    ),
    LegendEntry((Columns(((6, 5), (12, 8), (18, 5)), 11, 4, "warm"),), "below: found it in memory (hit)"),
    LegendEntry((Columns(((6, 5), (12, 8), (18, 5)), 11, 4, "joined"),), "below: waited for another's load (joined)"),
    LegendEntry((Columns(((6, 6), (12, 12), (18, 9)), 13, 5, "m1"),), "seconds waited, in the colour of the model"),
    LegendEntry((Marks(((12, 7),), "cross", 7, "cold"),), "no answer"),
)


@dataclass(frozen=True, slots=True)
class Bins:
    """The cut of the time axis: `step_ns` and `width` pixels a bin; `most` requests of one lane at most in one.

    `fine`: lanes are shaded pixel by pixel.
    """

    step_ns: int
    width: float
    most: int
    fine: bool

    def left(self, number: int) -> float:
        """Return the left edge of a bin."""
        return GUTTER + number * self.width

    def middle(self, number: int) -> float:
        """Return the middle of a bin."""
        return GUTTER + (number + 0.5) * self.width


def overview(comparison: Comparison) -> Scene | None:
    """Return the picture of the whole run, or None if no run was kept."""
    end = length_ns(comparison)
    if not comparison.runs or end <= 0:
        return None
    frame = grid(comparison, TimeAxis(0, end, GUTTER, PLOT))
    bins = _bins(comparison, frame, end)
    waits = [_waits(run, frame, bins) for run in comparison.runs]
    scale = _scale(waits)
    summaries = {one.strategy: one for one in comparison.strategies}
    sheet = Sheet()
    y = 0.0
    for run, its_waits in zip(comparison.runs, waits, strict=True):
        draw_heading(sheet, run.strategy, _headline(summaries.get(run.strategy), run), y)
        bottom = _draw_lanes(sheet, frame, bins, run, y + HEAD) + _WAITS_GAP + _WAITS
        _draw_wait_scale(sheet, bins, scale, bottom)
        sheet.items += _wait_bars(frame, bins, scale, its_waits, bottom)
        _draw_lost(sheet, bins, run, bottom)
        draw_time(sheet, frame.axis, y + HEAD, bottom)
        y = bottom + TICKS + GAP
    return Scene(
        WIDTH,
        y - GAP,
        "Which model was in memory, and who waited",
        f"For each of {counted(len(comparison.runs), 'strategy', 'strategies')}, one lane a model over {period(end)}: "
        "when the model was in memory, which requests found it there and which had to load it; below the lanes, the "
        f"seconds waited in each {period(bins.step_ns)}.",
        tuple(sheet.items),
        LEGEND,
        tuple(sheet.gutter),
        GUTTER,
    )


def is_logarithmic(comparison: Comparison) -> bool:
    """Whether the bars of waiting are drawn by their logarithm."""
    end = length_ns(comparison)
    frame = grid(comparison, TimeAxis(0, max(end, 1), GUTTER, PLOT))
    bins = _bins(comparison, frame, max(end, 1)) if comparison.runs else None
    return bins is not None and _scale([_waits(run, frame, bins) for run in comparison.runs]).logarithmic


def bin_ns(comparison: Comparison) -> int:
    """Return how much time one bin of the picture covers."""
    return time_step_s(length_ns(comparison) / _NS, _MOST_BINS) * _NS


def _bins(comparison: Comparison, frame: Grid, end: int) -> Bins:
    step = bin_ns(comparison)
    most = 1
    for run in comparison.runs:
        numbers: dict[tuple[int, int, bool], int] = {}
        for record in run.records:
            if record.model in frame.place and record.temperature is not None:
                key = (record.intended_ns // step, frame.place[record.model], record.temperature in COLD)
                numbers[key] = numbers.get(key, 0) + 1
        most = max(most, max(numbers.values(), default=1))
    fine = max(len(run.residency) for run in comparison.runs) <= _MOST_FINE_SPANS
    return Bins(step, PLOT * step / end, most, fine)


def _headline(summary: StrategySummary | None, run: Run) -> str:
    cut = "" if run.complete else " · cut short"
    if summary is None or summary.wait is None:
        return f"{counted(len(run.records), 'request')}{cut}"
    swaps, wait = counted(summary.swaps, "swap"), summary.wait
    return f"{swaps} · mean wait {duration(wait.mean_s)} · longest {duration(wait.max_s)}{cut}"


def _draw_lanes(sheet: Sheet, frame: Grid, bins: Bins, run: Run, top: float) -> float:
    bottom = draw_lanes(sheet, frame, top)
    records: list[list[RequestRecord]] = [[] for _ in frame.rows]
    for record in run.records:
        if record.model in frame.place:
            records[frame.place[record.model]].append(record)
    stays: list[list[Stay]] = [[] for _ in frame.rows]
    for span in run.residency:
        if span.model in frame.place:
            stays[frame.place[span.model]].append(_stay(span, run.end_ns))
    for row, lane in enumerate(frame.rows):
        y = frame.lane_top(row, top) + BAND_TOP
        sheet.items += _memory(frame, bins, stays[row], lane.ink, y)
        sheet.items += _requests(frame, bins, records[row], y)
    return bottom


def _stay(span: ResidencySpan, end_ns: int) -> Stay:
    gone = end_ns if span.gone_ns is None else span.gone_ns
    in_hand = gone if span.ready_ns is None else span.ready_ns
    return span.load_start_ns, in_hand, gone if span.unload_start_ns is None else span.unload_start_ns


def _memory(frame: Grid, bins: Bins, stays: list[Stay], ink: str, y: float) -> list[Item]:
    """Draw when a lane's models were ready, in shades, and where loading took most of a column."""
    width = 1.0 if bins.fine else bins.width
    columns = math.ceil(PLOT / width)
    ready, loading = [0.0] * columns, [0.0] * columns
    for load_start, in_hand, leaving in stays:
        _cover(loading, frame.axis, width, load_start, in_hand)
        _cover(ready, frame.axis, width, in_hand, leaving)
    shades = [math.ceil(min(share, 1.0) * _SHADES - 1e-6) for share in ready]
    drawn: list[Item] = []
    for shade in range(1, _SHADES + 1):
        runs = _stretches([value == shade for value in shades], width)
        if runs:
            drawn.append(Runs(runs, y, frame.band, ink, shade / _SHADES))
    mostly = _stretches([2 * share >= 1 for share in loading], width)
    return drawn + [Rect(x, y, length, frame.band, ink, hatched=True) for x, length in mostly]


def _cover(columns: list[float], axis: TimeAxis, width: float, start_ns: int, end_ns: int) -> None:
    """Add to each column the share of it that lies between two times."""
    if end_ns <= start_ns:
        return
    first, last = (axis.at(start_ns) - axis.x) / width, (axis.at(end_ns) - axis.x) / width
    if last <= first:
        return
    for column in range(int(first), min(math.ceil(last), len(columns))):
        columns[column] += min(last, column + 1) - max(first, column)


def _stretches(wanted: list[bool], width: float) -> tuple[tuple[float, float], ...]:
    """Return the runs of true columns as (x, width), not beyond the plot."""
    found: list[tuple[float, float]] = []
    start: int | None = None
    for column, value in enumerate([*wanted, False]):
        if value and start is None:
            start = column
        elif not value and start is not None:
            found.append((GUTTER + start * width, min(column * width, PLOT) - start * width))
            start = None
    return tuple(found)


def _requests(frame: Grid, bins: Bins, records: list[RequestRecord], y: float) -> list[Item]:
    """Draw for each bin how many requests were cold (above the band), and how many hit or joined (below it)."""
    numbers: dict[str, dict[int, int]] = {"cold": {}, "warm": {}, "joined": {}}
    for record in records:
        if record.temperature is not None:
            kind = "cold" if record.temperature in COLD else "warm" if record.temperature == "hit" else "joined"
            number = record.intended_ns // bins.step_ns
            numbers[kind][number] = numbers[kind].get(number, 0) + 1
    foot = y + frame.band + 1
    joined = {number: _tick(how_many, bins) for number, how_many in numbers["joined"].items()}
    warm = {number: _tick(how_many, bins) for number, how_many in numbers["warm"].items()}
    # Hanging bars: they grow downwards from the foot. A bin with both shows the joined ones: they had to wait.
    only_warm = {number: height for number, height in warm.items() if number not in joined}
    below: list[Item] = [_hanging(bins, only_warm, foot, "warm"), _hanging(bins, joined, foot, "joined")]
    above = {number: _tick(how_many, bins) for number, how_many in numbers["cold"].items()}
    bars = tuple((bins.middle(number), height) for number, height in sorted(above.items()))
    return [*below, Columns(bars, y - 1, _bar_width(bins), "cold")]


def _tick(how_many: int, bins: Bins) -> float:
    """Return the height of a bar; by the square root, so that one request among bins of dozens still shows."""
    return max(_LEAST_TICK, _MOST_TICK * math.sqrt(how_many / bins.most))


def _hanging(bins: Bins, heights: dict[int, float], foot: float, ink: str) -> Columns:
    bars = tuple((bins.middle(number), -height) for number, height in sorted(heights.items()))
    return Columns(bars, foot, _bar_width(bins), ink)


def _bar_width(bins: Bins) -> float:
    return max(bins.width - 0.7, 1.0)


def _waits(run: Run, frame: Grid, bins: Bins) -> dict[int, list[float]]:
    """Return the seconds waited by the requests that arrived in each bin, lane by lane."""
    found: dict[int, list[float]] = {}
    for record in run.records:
        wait = wait_ns(record)
        if wait is not None and wait > 0 and record.model in frame.place:
            parts = found.setdefault(record.intended_ns // bins.step_ns, [0.0] * len(frame.rows))
            parts[frame.place[record.model]] += wait / _NS
    return found


def _scale(waits: list[dict[int, list[float]]]) -> WaitScale:
    return wait_scale([max((sum(parts) for parts in one.values()), default=0.0) for one in waits], _WAITS)


def _draw_wait_scale(sheet: Sheet, bins: Bins, scale: WaitScale, base: float) -> None:
    sheet.gutter.append(Text(0, base - _WAITS + 4, "waited", 11, "muted"))
    sheet.gutter.append(Text(0, base - _WAITS + 17, f"per {period(bins.step_ns)}", 11, "muted"))
    for value, label in scale.ticks():
        y = base - scale.at(value)
        sheet.gutter.append(Text(GUTTER - 6, y + 4, label, 10, "muted", "end"))
        sheet.items.append(Line(GUTTER, y, GUTTER + PLOT, y, "rule", 0.5))


def _wait_bars(frame: Grid, bins: Bins, scale: WaitScale, waits: dict[int, list[float]], base: float) -> list[Item]:
    """Draw the seconds waited in each bin as a bar, cut by the lanes' shares; all strategies have one `scale`."""
    per_second = {number: scale.at(sum(parts)) / sum(parts) for number, parts in waits.items()}
    bottoms = dict.fromkeys(waits, base)
    drawn: list[Item] = []
    for row, lane in enumerate(frame.rows):
        boxes = []
        for number, parts in sorted(waits.items()):
            height = parts[row] * per_second[number]
            if height > 0:
                bottoms[number] -= height
                boxes.append((bins.left(number), bottoms[number], _bar_width(bins), height))
        drawn.append(Boxes(tuple(boxes), lane.ink))
    return drawn


def _draw_lost(sheet: Sheet, bins: Bins, run: Run, base: float) -> None:
    lost = sorted({one.intended_ns // bins.step_ns for one in run.records if one.outcome in LOST})
    sheet.items.append(Marks(tuple((bins.middle(number), base - _WAITS - 4) for number in lost), "cross", 5, "cold"))
