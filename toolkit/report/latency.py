"""Time to first token, cold and warm in charts of their own: a load takes a hundred times as long as a warm token.

Each strategy has a small histogram on a logarithmic axis of seconds, with marks at its median and, where the number of
samples can carry it, at the 95th percentile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.replay.summary import NS_PER_S, ttft_ns
from toolkit.report.axis import log_axis
from toolkit.report.bars import WIDTH, row_label
from toolkit.report.measures import COLD
from toolkit.report.scene import Columns, LegendEntry, Line, Marks, Rect, Scene, Text
from toolkit.report.wording import counted, duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.replay.results import Comparison, Distribution
    from toolkit.report.axis import LogAxis
    from toolkit.report.scene import Anchor, Item

_LEFT, _RIGHT = 8, WIDTH - 14
_ROW, _HISTOGRAM_TOP, _HISTOGRAM = 58, 22, 26
_BINS = 60

LEGEND_MARKS = (
    LegendEntry((Rect(10, 1, 3, 12, "ink"),), "median"),
    LegendEntry((Marks(((12, 7),), "diamond", 9, "ink"),), "95th percentile"),
)


def ttft_cold(comparison: Comparison) -> Scene | None:
    """Return the times to first token of requests that had a model loaded; None without any."""
    samples = _samples(comparison, COLD)
    rows = [(one.strategy, samples.get(one.strategy, ()), one.ttft_cold) for one in comparison.strategies]
    return _panel("Time to first token, cold", rows, "cold", "a model was loaded for the request")


def ttft_warm(comparison: Comparison) -> Scene | None:
    """Return the times to first token of requests that found their model in memory; None without any."""
    samples = _samples(comparison, ("hit",))
    rows = [(one.strategy, samples.get(one.strategy, ()), one.ttft_warm) for one in comparison.strategies]
    return _panel("Time to first token, warm", rows, "warm", "the model was in memory")


def _samples(comparison: Comparison, temperatures: tuple[str, ...]) -> dict[str, tuple[float, ...]]:
    """Return the samples of the kept runs; the summaries beside them count all repetitions."""
    return {
        run.strategy: tuple(
            ttft / NS_PER_S
            for one in run.records
            if one.outcome == "ok" and one.temperature in temperatures and (ttft := ttft_ns(one)) is not None
        )
        for run in comparison.runs
    }


def _panel(
    title: str, rows: Sequence[tuple[str, tuple[float, ...], Distribution | None]], ink: str, meaning: str
) -> Scene | None:
    values = [seconds for _, samples, _ in rows for seconds in samples]
    values += [number for _, _, summary in rows if summary is not None for number in (summary.p50_s, summary.max_s)]
    if not values:
        return None
    axis = log_axis(min(values), max(values), _LEFT, _RIGHT - _LEFT)
    bottom = 4 + len(rows) * _ROW
    items: list[Item] = []
    for value, label in axis.ticks():
        x = axis.at(value)
        anchor: Anchor = "start" if x <= _LEFT + 1 else "end" if x >= _RIGHT - 1 else "middle"
        # Only beside the histograms: a line through the words above them would strike them out.
        tops = [4 + row * _ROW + _HISTOGRAM_TOP for row in range(len(rows))]
        items += [Line(x, top, x, top + _HISTOGRAM + 3, "rule", 0.7) for top in tops]
        items += [Text(x, bottom + 15, label, 11, "muted", anchor)]
    words: list[str] = []
    for row, (strategy, samples, summary) in enumerate(rows):
        y = 4.0 + row * _ROW
        text = _numbers(summary)
        items += row_label(y, strategy, text)
        items += _histogram(samples, axis, y + _HISTOGRAM_TOP, ink)
        items += _quantiles(summary, axis, y + _HISTOGRAM_TOP)
        words.append(f"{strategy}: {text}")
    legend = (LegendEntry((Columns(((4, 5), (10, 11), (16, 7)), 13, 4, ink),), f"requests: {meaning}"), *LEGEND_MARKS)
    return Scene(WIDTH, bottom + 22, title, "; ".join(words) + ".", tuple(items), legend)


def _numbers(summary: Distribution | None) -> str:
    if summary is None:
        return "none"
    high = "too few for p95" if summary.p95_s is None else f"p95 {duration(summary.p95_s)}"
    return f"p50 {duration(summary.p50_s)} · {high} · {counted(summary.count, 'sample')}"


def _histogram(samples: Sequence[float], axis: LogAxis, top: float, ink: str) -> list[Item]:
    step = axis.width / _BINS
    bins = [0] * _BINS
    for seconds in samples:
        bins[min(int((axis.at(seconds) - axis.x) / step), _BINS - 1)] += 1
    highest = max(bins)
    base = top + _HISTOGRAM
    items: list[Item] = [Line(axis.x, base, axis.x + axis.width, base, "rule")]
    if highest:
        bars = tuple(
            (axis.x + (i + 0.5) * step, max(2.0, (_HISTOGRAM - 4) * number / highest))
            for i, number in enumerate(bins)
            if number
        )
        items.append(Columns(bars, base, step - 1, ink, 0.75))
    return items


def _quantiles(summary: Distribution | None, axis: LogAxis, top: float) -> list[Item]:
    if summary is None:
        return []
    median = axis.at(summary.p50_s)
    marks: list[Item] = [
        Rect(median - 1.5, top + 2, 3, _HISTOGRAM + 2, "ink", title=f"median {duration(summary.p50_s)}")
    ]
    if summary.p95_s is not None:
        marks.append(Marks(((axis.at(summary.p95_s), top + _HISTOGRAM),), "diamond", 9, "ink"))
    return marks
