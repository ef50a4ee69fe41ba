"""Many runs in a row: which one is where a metric changed?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from statistics import mean, median
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.errors import Inconclusive, UsageError
from toolkit.gate.table import aligned
from toolkit.gate.wording import probability, value
from toolkit.report.wording import plain
from toolkit.stats.changepoint import SHORTEST, change_points, values_needed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.gate.side import Series, Side
    from toolkit.stats.decide import Rule

SEED = 1
"""Of the shuffling: the same history has the same answer."""


@dataclass(frozen=True, slots=True)
class Change:
    """A metric changed with run `run`: medians (means of rates and shares) of the stretches before and after.

    `share` is the change relative to before (for shares in points), None where before was zero.
    """

    metric: str
    unit: str
    run: str
    verdict: str
    before: float
    after: float
    share: float | None
    p: float


@dataclass(frozen=True, slots=True)
class History:
    """What was looked at, and the changes in order of metric and time."""

    runs: tuple[str, ...]
    metrics: tuple[str, ...]
    changes: tuple[Change, ...]


def in_time(sides: Sequence[Side]) -> tuple[Side, ...]:
    """Order by the time of measurement if every side knows it, else leave them as they are."""
    moments = [_moment(dict(side.shown).get("started")) for side in sides]
    if any(moment is None for moment in moments):
        return tuple(sides)
    order = sorted(range(len(sides)), key=lambda place: (moments[place] or 0.0, place))
    return tuple(sides[place] for place in order)


def _moment(text: str | None) -> float | None:
    try:
        return None if text is None else datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def history_of(sides: Sequence[Side], rule: Rule) -> History:
    """Find the runs at which metrics changed by more than the floor; the level holds for all metrics together.

    Raises:
        UsageError: fewer than six runs.
        Inconclusive: so few that not even the clearest change could be told from chance at this level.
    """
    if len(sides) < 2 * SHORTEST:
        raise UsageError(f"a history needs at least {2 * SHORTEST} runs, there are {len(sides)}")
    names = list(dict.fromkeys(series.name for side in sides for series in side.series))
    found = [_points(name, sides) for name in names]
    usable = [points for points in found if len(points) >= 2 * SHORTEST]
    needed = values_needed(rule.alpha / max(1, len(usable)))
    if usable and max(map(len, usable)) < needed:
        raise Inconclusive(
            f"{len(sides)} runs are too few to tell a change in {len(usable)} metrics from chance; "
            f"at least {needed} are needed, or fewer metrics (--metric)"
        )
    changes = [change for points in usable for change in _changes(points, rule, rule.alpha / len(usable))]
    metrics = tuple(points[0][1].name for points in usable)
    return History(tuple(side.label for side in sides), metrics, tuple(changes))


def _points(name: str, sides: Sequence[Side]) -> list[tuple[str, Series, float]]:
    return [
        (side.label, series, median(series.samples) if series.kind == "size" else mean(series.samples))
        for side in sides
        for series in side.series
        if series.name == name and series.samples
    ]


def _changes(points: Sequence[tuple[str, Series, float]], rule: Rule, level: float) -> list[Change]:
    values = [number for _, _, number in points]
    series = points[0][1]
    found = change_points(values, np.random.default_rng(SEED), level=level)
    cuts = [0, *(point.place for point in found), len(values)]
    changes = []
    for number, point in enumerate(found):
        before, after = (median(values[cuts[at] : cuts[at + 1]]) for at in (number, number + 1))
        share = after - before if series.kind == "share" else (after / before - 1 if before else None)
        if share is None or abs(share) > rule.effect:
            verdict = "worse" if (after > before) is (series.better == "lower") else "better"
            changes.append(
                Change(series.name, series.unit, points[point.place][0], verdict, before, after, share, point.p)
            )
    return changes


def history_text(history: History) -> str:
    """Return the changes as a table."""
    looked = f"{len(history.runs)} runs, from {history.runs[0]} to {history.runs[-1]}"
    if not history.changes:
        return plain(f"{looked}: no change in {', '.join(history.metrics) or 'any metric (too few values)'}")
    rows: list[tuple[str, ...]] = [("metric", "before", "after", "change", "p", "verdict", "since run")]
    rows += [
        (
            plain(one.metric),
            value(one.before, one.unit),
            value(one.after, one.unit),
            "-" if one.share is None else f"{one.share * 100:+.1f} {'pt' if one.unit == 'share' else '%'}",
            probability(one.p),
            one.verdict,
            plain(one.run),
        )
        for one in history.changes
    ]
    return "\n".join([plain(looked), "", *aligned(rows)])


def history_json(history: History) -> dict[str, Any]:
    """Return the document of `--history --json`; values in the metric's own unit, changes as shares."""
    changes = [
        {
            "metric": one.metric, "unit": one.unit, "run": one.run, "verdict": one.verdict, "before": one.before,
            "after": one.after, "change": one.share, "p": one.p,
        }
        for one in history.changes
    ]  # fmt: skip
    return {"runs": list(history.runs), "metrics": list(history.metrics), "changes": changes}
