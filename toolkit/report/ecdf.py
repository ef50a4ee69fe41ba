"""Distributions as they are: for each duration, which share of the requests was at most that long.

An empirical distribution function shows every sample, needs no bins, and puts several runs into one picture: further
left is quicker, a step is many equal requests, a long foot to the right is a tail that no average would show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from toolkit.report.axis import log_axis
from toolkit.report.bars import WIDTH
from toolkit.report.measures import COLD
from toolkit.report.palette import MODELS
from toolkit.report.scene import Curve, LegendEntry, Line, Scene, Text
from toolkit.report.wording import counted, duration, shortened
from toolkit.stats.quantiles import quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.replay.results import Comparison
    from toolkit.report.axis import LogAxis
    from toolkit.report.scene import Anchor, Item

_LEFT, _RIGHT, _TOP, _HEIGHT = 44, WIDTH - 14, 8, 200
_SHARES = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)
_MOST_POINTS = 300
_NAME_CHARACTERS = 28
NS_PER_S = 1e9


class Series(NamedTuple):
    """One curve: its name, and its samples in seconds."""

    label: str
    samples_s: Sequence[float]


def ecdf(title: str, meaning: str, series: Sequence[Series]) -> Scene | None:
    """Draw the distribution of each series; None if none has a sample."""
    drawn = [(one, sorted(one.samples_s)) for one in series if one.samples_s]
    if not drawn:
        return None
    axis = log_axis(
        min(ordered[0] for _, ordered in drawn), max(ordered[-1] for _, ordered in drawn), _LEFT, _RIGHT - _LEFT
    )
    curves = [_curve(ordered, axis, number) for number, (_, ordered) in enumerate(drawn)]
    legend = tuple(
        LegendEntry(
            (Line(0, 7, 24, 7, curve.ink, 2.4, curve.dashed),),
            f"{shortened(one.label, _NAME_CHARACTERS)}: {counted(len(ordered), 'request')}",
        )
        for curve, (one, ordered) in zip(curves, drawn, strict=True)
    )
    words = "; ".join(f"{one.label}: median {duration(quantile(ordered, 0.5))}" for one, ordered in drawn)
    items = (*_frame(axis), *curves)
    return Scene(WIDTH, _TOP + _HEIGHT + 24, title, f"{meaning}. {words}.", items, legend)


def ttft_cold(comparison: Comparison) -> Scene | None:
    """The times to first token of requests that had a model loaded, all strategies in one picture."""
    return ecdf("Time to first token, cold: all strategies", "Share of the requests", _series(comparison, COLD))


def ttft_warm(comparison: Comparison) -> Scene | None:
    """The times to first token of requests that found their model in memory, all strategies in one picture."""
    return ecdf("Time to first token, warm: all strategies", "Share of the requests", _series(comparison, ("hit",)))


def _series(comparison: Comparison, temperatures: Sequence[str]) -> list[Series]:
    """The samples of the kept runs, a series a strategy."""
    return [
        Series(
            run.strategy,
            [
                (one.first_token_ns - one.intended_ns) / NS_PER_S
                for one in run.records
                if one.outcome == "ok" and one.temperature in temperatures and one.first_token_ns is not None
            ],
        )
        for run in comparison.runs
    ]


def _curve(ordered: Sequence[float], axis: LogAxis, number: int) -> Curve:
    """From nothing to all; of many samples about 300 are drawn, the first, the last and every so-many-th."""
    count = len(ordered)
    step = max(1, count // _MOST_POINTS)
    places = sorted({*range(step - 1, count, step), count - 1})
    points = [(axis.at(ordered[0]), _y(0.0)), *((axis.at(ordered[at]), _y((at + 1) / count)) for at in places)]
    points.append((float(_RIGHT), _y(1.0)))
    return Curve(tuple(points), MODELS[number % len(MODELS)].name, 1.8, dashed=number >= len(MODELS))


def _y(share: float) -> float:
    return _TOP + _HEIGHT * (1 - share)


def _frame(axis: LogAxis) -> list[Item]:
    items: list[Item] = []
    for share in _SHARES:
        items.append(Line(_LEFT, _y(share), _RIGHT, _y(share), "rule", 0.7))
        items.append(Text(_LEFT - 6, _y(share) + 4, f"{share:.0%}".replace("%", " %"), 11, "muted", "end"))
    for value, label in axis.ticks():
        x = axis.at(value)
        anchor: Anchor = "end" if x >= _RIGHT - 1 else "middle"
        items.append(Line(x, _TOP, x, _TOP + _HEIGHT, "rule", 0.7))
        items.append(Text(x, _TOP + _HEIGHT + 16, label, 11, "muted", anchor))
    return items
