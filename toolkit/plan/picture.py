"""Latency against load: the median and the tail of the time to first token, the limits, the answer and the knee.

The knee is the first load from which on the tail grows faster than the load itself: d log(p95) / d log(load) > 1
between two judged loads, there and at every pair above. Source of the idea: Kleinrock's power (1979), load over delay,
which is highest there.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from toolkit.plan.tally import ttft_quantile_s
from toolkit.plan.words import amount, promise
from toolkit.report.axis import log_axis
from toolkit.report.scene import LegendEntry, Line, Marks, Scene, Text
from toolkit.report.wording import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.plan.judge import Judged
    from toolkit.plan.load_question import LoadAnswer
    from toolkit.report.axis import LogAxis
    from toolkit.report.scene import Item
    from toolkit.workload.plan import Slo

WIDTH: Final = 760
_LEFT: Final = 64
_RIGHT: Final = 740
_TOP: Final = 12
_BOTTOM: Final = 320
_LINES: Final = ((0.5, "m0", "median"), (0.95, "m1", "95th percentile"))


def latency_against_load(answer: LoadAnswer, slos: Sequence[Slo], title: str) -> Scene | None:
    """The picture of one largest load; None with fewer than two loads that have a latency."""
    curve = _distinct(answer.curve)
    series = [_places(curve, share) for share, _, _ in _LINES]
    points = [point for line in series for point in line]
    if len({load for load, _ in points}) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    limits = [slo.limit_ns / 1e9 for slo in slos if slo.metric == "ttft"]
    x = _Loads(min(load for load, _ in points), max(load for load, _ in points))
    times = [seconds for _, seconds in points] + limits
    y = log_axis(min(times), max(times), 0, _BOTTOM - _TOP)
    items = [*_grid(x, y), *_limits(slos, y), *_answer_line(answer, x), *_knee_mark(curve, x, y)]
    for (_, ink, _), line in zip(_LINES, series, strict=True):
        places = [(x.at(load), _BOTTOM - y.at(seconds)) for load, seconds in line]
        items += [Line(*start, *end, ink, 2) for start, end in pairwise(places)]
        items.append(Marks(tuple(places), "circle", 6, ink))
    broken = tuple((x.at(one.load), _BOTTOM - 6.0) for one in curve if not one.keeps)
    items.append(Marks(broken, "cross", 8, "cold"))
    legend = (
        *_line_signs(),
        LegendEntry((Line(2, 7, 22, 7, "cold", 1.5, dashed=True),), "promised limit"),
        LegendEntry((Line(12, 0, 12, 14, "best", 2),), "largest load that keeps every promise"),
        LegendEntry((Marks(((12, 7),), "cross", 8, "cold"),), "a promise is broken"),
        LegendEntry((Marks(((12, 7),), "diamond", 9, "ink"),), "knee"),
    )  # fmt: skip
    return Scene(WIDTH, _BOTTOM + 44, title, _description(answer, curve), tuple(items), legend)


def knee(curve: Sequence[Judged]) -> Judged | None:
    """See the module's docstring; None where the tail never grows that fast, or is too long to be known."""
    known = [(one, tail_s) for one in curve if (tail_s := ttft_quantile_s(one.tallies, 0.95))]
    found = None
    for (low, low_s), (high, high_s) in zip(reversed(known[:-1]), reversed(known[1:]), strict=True):
        if math.log(high_s / low_s) <= math.log(high.load / low.load):
            break
        found = low
    return found


class _Loads:
    """Loads by their logarithm."""

    def __init__(self, low: float, high: float) -> None:
        self._low = low
        self._span = math.log(high / low)

    def at(self, load: float) -> float:
        return _LEFT + math.log(load / self._low) / self._span * (_RIGHT - _LEFT)

    def ticks(self) -> list[float]:
        high = self._low * math.exp(self._span)
        powers = [2.0**power for power in range(-6, 10)]
        return [load for load in powers if self._low * 0.999 <= load <= high * 1.001]


def _distinct(curve: Sequence[Judged]) -> list[Judged]:
    """Without loads so near to each other that they would be one mark, the answer's neighbours kept apart."""
    kept: list[Judged] = []
    for one in curve:
        if not kept or one.load / kept[-1].load > 1.03 or one.keeps != kept[-1].keeps:  # noqa: PLR2004 - three percent
            kept.append(one)
    return kept


def _places(curve: Sequence[Judged], share: float) -> list[tuple[float, float]]:
    """Loads with a quantile, where it is known."""
    known = ((one.load, ttft_quantile_s(one.tallies, share)) for one in curve)
    return [(load, seconds) for load, seconds in known if seconds is not None]


def _line_signs() -> tuple[LegendEntry, ...]:
    return tuple(
        LegendEntry((Line(2, 7, 22, 7, ink, 2), Marks(((12, 7),), "circle", 6, ink)), f"TTFT, {name}")
        for _, ink, name in _LINES
    )


def _grid(x: _Loads, y: LogAxis) -> list[Item]:
    items: list[Item] = []
    for seconds, label in y.ticks():
        height = _BOTTOM - y.at(seconds)
        items.append(Line(_LEFT, height, _RIGHT, height, "rule", 0.7))
        items.append(Text(_LEFT - 6, height + 4, label, 11, "muted", "end"))
    for load in x.ticks():
        items.append(Line(x.at(load), _BOTTOM, x.at(load), _BOTTOM + 4, "muted"))
        items.append(Text(x.at(load), _BOTTOM + 17, f"{load:g}", 11, "muted", "middle"))
    items.append(Line(_LEFT, _BOTTOM, _RIGHT, _BOTTOM, "muted"))
    axis = "load, in multiples of the workload as it is written"
    items.append(Text((_LEFT + _RIGHT) / 2, _BOTTOM + 36, axis, 12, "muted", "middle"))
    return items


def _limits(slos: Sequence[Slo], y: LogAxis) -> list[Item]:
    items: list[Item] = []
    for slo in slos:
        if slo.metric == "ttft":
            height = _BOTTOM - y.at(slo.limit_ns / 1e9)
            items.append(Line(_LEFT, height, _RIGHT, height, "cold", 1.5, dashed=True))
            items.append(Text(_LEFT + 6, height - 4, promise(slo), 11, "cold"))
    return items


def _answer_line(answer: LoadAnswer, x: _Loads) -> list[Item]:
    if answer.load is None:
        return []
    place = x.at(answer.load)
    return [
        Line(place, _TOP, place, _BOTTOM, "best", 2),
        Text(place - 5, _TOP + 10, f"{amount(answer.load)} times", 12, "best", "end", bold=True),
    ]


def _knee_mark(curve: Sequence[Judged], x: _Loads, y: LogAxis) -> list[Item]:
    found = knee(curve)
    tail_s = None if found is None else ttft_quantile_s(found.tallies, 0.95)
    if found is None or tail_s is None:
        return []
    return [Marks(((x.at(found.load), _BOTTOM - y.at(tail_s)),), "diamond", 13, "ink")]


def _description(answer: LoadAnswer, curve: Sequence[Judged]) -> str:
    tails = (
        f"at {amount(one.load)} times the workload p95 {duration(ttft_quantile_s(one.tallies, 0.95))}"
        f"{'' if one.keeps else ', a promise broken'}"
        for one in curve
    )
    kept = "at no load" if answer.load is None else f"up to {amount(answer.load)} times the workload"
    lead = f"every promise is kept {kept}"
    return f"Time to first token against load: {lead}; {'; '.join(tails)}."
