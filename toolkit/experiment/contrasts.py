"""Which differences between strategies are real? Each figure over the repetitions, and against one strategy of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from toolkit.config.durations import format_duration
from toolkit.replay.results import Contrast
from toolkit.replay.summary import summarise
from toolkit.stats.interval import median_interval
from toolkit.stats.paired import Pairs, compare_pairs
from toolkit.stats.pairs_needed import FEWEST
from toolkit.stats.quantiles import quantile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from toolkit.replay.records import Run
    from toolkit.replay.results import StrategySummary
    from toolkit.stats.decide import Better
    from toolkit.workload.plan import Slo

SIZE_FLOOR, SHARE_FLOOR = 0.02, 0.005
"""What does not matter: 2 % of a wait, half a percentage point of a share."""
PREFERRED = "server-default"


class _Figure(NamedTuple):
    """A figure of one repetition: how it is called, its unit, which way is better, and where it stands."""

    name: str
    unit: str
    better: Better
    pick: Callable[[StrategySummary], float | None]


def contrasts(runs: Mapping[str, Sequence[Run]], slos: Sequence[Slo], baseline: str) -> tuple[Contrast, ...]:
    """Every figure of every strategy over its complete repetitions.

    Held against `server-default` if that was played, else `baseline`, else the first strategy. The repetitions are
    pairs: all strategies meet the same arrivals in the same repetition.
    """
    against = next((name for name in (PREFERRED, baseline) if name in runs), next(iter(runs)))
    summaries = {
        name: {run.repetition: summarise([run], slos) for run in of_one if run.complete}
        for name, of_one in runs.items()
    }
    rows = [
        (name, figure, _both(summaries[against], summaries[name], figure)) for name in runs for figure in _figures(slos)
    ]
    asked = [row for row in rows if row[0] != against and len(row[2][0]) >= FEWEST]
    found = compare_pairs([_pairs(figure, both) for _, figure, both in asked])
    verdicts = {(name, figure.name): finding for (name, figure, _), finding in zip(asked, found, strict=True)}
    told = []
    for name, figure, (_, values) in rows:
        finding = verdicts.get((name, figure.name))
        told.append(
            Contrast(
                strategy=name,
                against=against,
                figure=figure.name,
                unit=figure.unit,
                repetitions=len(values),
                median=quantile(sorted(values), 0.5) if values else None,
                interval=median_interval(values),
                change=None if finding is None else finding.change,
                p=None if finding is None else finding.p,
                verdict=None if name == against else "inconclusive" if finding is None else finding.verdict,
            )
        )
    return tuple(told)


def _figures(slos: Sequence[Slo]) -> tuple[_Figure, ...]:
    kept = tuple(_slo(slo, place) for place, slo in enumerate(slos))
    return (
        _Figure("wait mean", "s", "lower", lambda one: one.wait.mean_s if one.wait else None),
        _Figure("wait p95", "s", "lower", lambda one: one.wait.p95_s if one.wait else None),
        _Figure("hit rate", "share", "higher", lambda one: one.hit_rate),
        *kept,
    )


def _slo(slo: Slo, place: int) -> _Figure:
    def pick(one: StrategySummary) -> float | None:
        return one.slos[place].kept_share

    return _Figure(f"{slo.metric} within {format_duration(slo.limit_ns)}", "share", "higher", pick)


def _both(
    base: Mapping[int, StrategySummary], new: Mapping[int, StrategySummary], figure: _Figure
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The figure both ways, of the repetitions that have it both ways."""
    pairs = [(figure.pick(base[at]), figure.pick(new[at])) for at in sorted(base.keys() & new.keys())]
    known = [(left, right) for left, right in pairs if left is not None and right is not None]
    return tuple(left for left, _ in known), tuple(right for _, right in known)


def _pairs(figure: _Figure, both: tuple[tuple[float, ...], tuple[float, ...]]) -> Pairs:
    base, new = both
    floor = SHARE_FLOOR if figure.unit == "share" else SIZE_FLOOR * quantile(sorted(base), 0.5)
    return Pairs(base, new, figure.better, floor)
