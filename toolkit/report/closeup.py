"""A few minutes of the run in full: every load, every request, every wait as a bar from arrival to model in hand.

The window is the one with the most loads, all strategies added up, so that nobody can choose a flattering one.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from toolkit.replay.summary import wait_ns
from toolkit.report.axis import TimeAxis
from toolkit.report.measures import COLD, LOST, length_ns
from toolkit.report.scene import LegendEntry, Marks, Rect, Scene, Text
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
from toolkit.report.wording import count, counted, duration, period, plain

if TYPE_CHECKING:
    from toolkit.replay.records import RequestRecord, ResidencySpan, Run
    from toolkit.replay.results import Comparison
    from toolkit.report.scene import Item, Shape

_NS = 1_000_000_000
_LENGTHS_S = (60, 120, 300, 600, 900, 1800, 3600, 7200)
_LOADS_IN_WINDOW = 80
_ROW, _FEWEST_ROWS, _MOST_ROWS = 6, 2, 14
_LEAST_WIDTH = 0.8
_SHAPES: dict[str, tuple[Shape, str]] = {
    "hit": ("circle", "warm"),
    "joined": ("ring", "joined"),
    "cold": ("triangle", "cold"),
    "reload": ("diamond", "cold"),
}

LEGEND = (
    LegendEntry((Rect(0, 3, 24, 8, "m0"),), "in memory"),
    LegendEntry((Rect(0, 3, 24, 8, "m0", hatched=True),), "being loaded"),
    LegendEntry((Rect(0, 3, 24, 8, "m0", 0.35),), "being unloaded"),
    LegendEntry((Marks(((12, 7),), "circle", 5, "warm"),), "hit"),
    LegendEntry((Marks(((12, 7),), "ring", 6, "joined"),), "joined"),
    LegendEntry((Marks(((12, 7),), "triangle", 9, "cold"),), "cold"),
    LegendEntry((Marks(((12, 7),), "diamond", 8, "cold"),), "reload"),
    LegendEntry((Rect(0, 2, 20, 4, "m1"), Rect(6, 8, 16, 4, "m0")), "one wait, from arrival to model in hand"),
    LegendEntry((Marks(((12, 7),), "cross", 7, "cold"),), "no answer"),
)


def closeup(comparison: Comparison) -> Scene | None:
    """Return the window with the most loads in detail, or None if no run was kept or nothing was loaded."""
    window = busiest_window(comparison)
    if window is None:
        return None
    start, end = window
    frame = grid(comparison, TimeAxis(start, end, GUTTER, PLOT))
    sheet = Sheet()
    y = 0.0
    for run in comparison.runs:
        shown = tuple(one for one in run.records if one.model in frame.place and _overlaps(one, start, end))
        draw_heading(sheet, run.strategy, _headline(shown, run, frame.axis), y)
        lanes_bottom = draw_lanes(sheet, frame, y + HEAD)
        _draw_spans(sheet, frame, run, y + HEAD)
        sheet.items += _arrivals(frame, shown, y + HEAD)
        bottom = _draw_waits(sheet, frame, shown, lanes_bottom + 8)
        draw_time(sheet, frame.axis, y + HEAD, bottom)
        y = bottom + TICKS + GAP
    length = period(end - start)
    return Scene(
        WIDTH,
        y - GAP,
        f"Close-up: the {length} with the most loads",
        f"The {length} with the most loads, for each strategy: loads, residence and requests of each model, and "
        "below the lanes one bar for each wait, from the arrival of the request until its model was ready.",
        tuple(sheet.items),
        LEGEND,
        tuple(sheet.gutter),
        GUTTER,
    )


def busiest_window(comparison: Comparison) -> tuple[int, int] | None:
    """Return start and end of the window in which the most loads began, summed over all strategies.

    It is long enough for eighty median loads; the whole run if that is hardly longer. None if nothing was loaded or no
    run was kept. Of equally busy windows the first.
    """
    end = length_ns(comparison)
    loads = sorted(span.load_start_ns for run in comparison.runs for span in run.residency)
    if end <= 0 or not loads:
        return None
    length = _window_ns(comparison)
    if end <= 2 * length:
        return (0, end)
    best, best_start, first = 0, 0, 0
    for number, start in enumerate(loads):
        while loads[first] < start - length * 9 // 10:
            first += 1
        if number - first + 1 > best:
            best, best_start = number - first + 1, loads[first]
    begin = min(max(best_start - length // 20, 0), end - length)
    return (begin, begin + length)


def _window_ns(comparison: Comparison) -> int:
    loads = [r.load_ns for run in comparison.runs for r in run.records if r.temperature in COLD and r.load_ns]
    wanted_s = median(loads) / _NS * _LOADS_IN_WINDOW if loads else _LENGTHS_S[0]
    return next((length for length in _LENGTHS_S if length >= wanted_s), _LENGTHS_S[-1]) * _NS


def _overlaps(record: RequestRecord, start: int, end: int) -> bool:
    until = record.intended_ns if record.ready_ns is None else record.ready_ns
    return record.intended_ns <= end and until >= start


def _headline(shown: tuple[RequestRecord, ...], run: Run, axis: TimeAxis) -> str:
    loads = sum(axis.shows(span.load_start_ns) for span in run.residency)
    waits = [wait for one in shown if axis.shows(one.intended_ns) and (wait := wait_ns(one)) is not None]
    if not waits:
        return f"{counted(loads, 'load')} here · nobody arrived"
    return (
        f"{counted(loads, 'load')} here · {counted(len(waits), 'request')} · waited {duration(sum(waits) / _NS)} in all"
    )


def _draw_spans(sheet: Sheet, frame: Grid, run: Run, top: float) -> None:
    for span in run.residency:
        y = frame.lane_top(frame.place[span.model], top) + BAND_TOP
        sheet.items += _span(frame, span, y, run.end_ns)


def _span(frame: Grid, span: ResidencySpan, y: float, end_ns: int) -> list[Item]:
    axis, ink, height = frame.axis, frame.rows[frame.place[span.model]].ink, frame.band
    gone = end_ns if span.gone_ns is None else span.gone_ns
    if gone < axis.start_ns or span.load_start_ns > axis.end_ns:
        return []
    ready = gone if span.ready_ns is None else span.ready_ns
    leaving = gone if span.unload_start_ns is None else max(span.unload_start_ns, ready)
    x0, x1, x2, x3 = (axis.at(time) for time in (span.load_start_ns, ready, leaving, gone))
    name = plain(span.model)
    drawn: list[Item] = []
    if x1 > x0:
        title = f"{name}: loaded in {duration((ready - span.load_start_ns) / _NS)}"
        drawn.append(Rect(x0, y, x1 - x0, height, ink, hatched=True, title=title))
    if x2 > x1:
        left = f", then {span.cause}" if span.cause else ""
        title = f"{name}: in memory for {duration((leaving - ready) / _NS)}{left}"
        drawn.append(Rect(x1, y, x2 - x1, height, ink, title=title))
    if x3 > x2:
        title = f"{name}: unloaded in {duration((gone - leaving) / _NS)}"
        drawn.append(Rect(x2, y, x3 - x2, height, ink, 0.35, title=title))
    return drawn


def _arrivals(frame: Grid, shown: tuple[RequestRecord, ...], top: float) -> list[Item]:
    """Draw how each request found its model: signs of a load above the lane, others below it."""
    points: dict[str, list[tuple[float, float]]] = {kind: [] for kind in (*_SHAPES, "lost")}
    for record in shown:
        if not frame.axis.shows(record.intended_ns):
            continue
        x, y = frame.axis.at(record.intended_ns), frame.lane_top(frame.place[record.model], top)
        if record.temperature is not None:
            points[record.temperature].append(
                (x, y + (BAND_TOP - 4 if record.temperature in COLD else BAND_TOP + frame.band + 4.5))
            )
        if record.outcome in LOST:
            points["lost"].append((x, y + frame.lane_height / 2))
    signs: list[Item] = [
        Marks(tuple(points[kind]), shape, 4.4 if shape == "circle" else 6, ink)
        for kind, (shape, ink) in _SHAPES.items()
    ]
    return [*signs, Marks(tuple(points["lost"]), "cross", 7, "cold")]


def _draw_waits(sheet: Sheet, frame: Grid, shown: tuple[RequestRecord, ...], top: float) -> float:
    """Draw one bar a wait, each in the first free row; what finds no row is counted in words. Return the lower edge."""
    sheet.gutter.append(Text(0, top + 8, "waiting", 11, "muted"))
    free: list[float] = []
    crowded = 0
    # Who arrived before the window comes last: where rows are scarce, the window's own arrivals tell more.
    for record in sorted(shown, key=lambda one: (one.intended_ns < frame.axis.start_ns, one.intended_ns)):
        wait = wait_ns(record)
        if wait is None or record.ready_ns is None:
            continue
        x0, x1 = frame.axis.at(record.intended_ns), frame.axis.at(record.ready_ns)
        if x1 - x0 < _LEAST_WIDTH:
            continue
        row = next((number for number, busy_until in enumerate(free) if busy_until <= x0), len(free))
        if row == _MOST_ROWS:
            crowded += 1
            continue
        free[row : row + 1] = [x1 + 1]
        title = f"{plain(record.model)}: waited {duration(wait / _NS)} ({record.temperature or record.outcome})"
        ink = frame.rows[frame.place[record.model]].ink
        sheet.items.append(Rect(x0, top + row * _ROW, x1 - x0, _ROW - 2, ink, title=title))
    bottom = top + max(len(free), _FEWEST_ROWS) * _ROW + 4
    if crowded:
        sheet.items.append(Text(GUTTER, bottom + 8, f"and {count(crowded)} more at the same time", 11, "muted"))
        bottom += 14
    return bottom
