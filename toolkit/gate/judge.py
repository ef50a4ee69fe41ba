"""Two sides become a verdict. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from toolkit.errors import UsageError
from toolkit.gate.alike import check_alike
from toolkit.stats.decide import Finding, Question, Rule, decide
from toolkit.stats.interval import Interval, median_interval
from toolkit.stats.power import SampleSize, sample_size
from toolkit.stats.warmup import warmup_length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.gate.side import Series, Side

Overall = Literal["pass", "regression", "inconclusive"]

EXIT_CODES: dict[Overall, int] = {"pass": 0, "regression": 1, "inconclusive": 3}
USUAL_CHANGE = 0.05


@dataclass(frozen=True, slots=True)
class Line:
    """One metric: what it is, what was found, how well each side knows its median, and how many samples it needs.

    `base` and `new` are None where the samples cannot carry an interval, and for rates and shares.
    """

    series: Series
    finding: Finding
    base: Interval | None
    new: Interval | None
    size: SampleSize


@dataclass(frozen=True, slots=True)
class Judgement:
    """The whole answer. `shown` are (key, base, new) of what may differ; `notes` sentences below the table."""

    verdict: Overall
    base: str
    new: str
    lines: tuple[Line, ...]
    shown: tuple[tuple[str, str, str], ...]
    notes: tuple[str, ...]
    rule: Rule


def judge(base: Side, new: Side, rule: Rule, *, allowed: Sequence[str] = (), change: float = USUAL_CHANGE) -> Judgement:
    """Compare two sides; `change` is the one for which the number of samples is planned.

    Raises:
        UsageError: the sides are not alike, or have no metric in common.
    """
    notes = [*check_alike(base, new, allowed), *base.notes, *new.notes]
    pairs = _pairs(base, new)
    if not pairs:
        raise UsageError(f"{base.label} and {new.label} have no metric in common that either has samples of")
    notes += _one_sided(base, new)
    findings = decide(
        [Question(left.name, left.kind, left.better, left.runs, right.runs) for left, right in pairs], rule
    )
    family = max(1, sum(finding.p is not None for finding in findings))
    lines = tuple(
        Line(left, finding, _median(left, finding), _median(right, finding), sample_size(finding, change, family, rule))
        for (left, right), finding in zip(pairs, findings, strict=True)
    )
    notes += [sentence for pair in pairs for sentence in _warmups(pair, base, new)]
    shown = tuple((key, value, dict(new.shown)[key]) for key, value in base.shown if key in dict(new.shown))
    return Judgement(_overall(findings), base.label, new.label, lines, shown, tuple(dict.fromkeys(notes)), rule)


def _overall(findings: Sequence[Finding]) -> Overall:
    verdicts = {finding.verdict for finding in findings}
    if "worse" in verdicts:
        return "regression"
    return "inconclusive" if "inconclusive" in verdicts else "pass"


def _pairs(base: Side, new: Side) -> list[tuple[Series, Series]]:
    """Metrics that both sides know and at least one has samples of."""
    others = {series.name: series for series in new.series}
    return [
        (series, others[series.name])
        for series in base.series
        if series.name in others and (series.samples or others[series.name].samples)
    ]


def _one_sided(base: Side, new: Side) -> list[str]:
    left, right = {series.name for series in base.series}, {series.name for series in new.series}
    return [f"Only in {base.label}: {name}." for name in sorted(left - right)] + [
        f"Only in {new.label}: {name}." for name in sorted(right - left)
    ]


def _median(series: Series, finding: Finding) -> Interval | None:
    return None if series.kind != "size" or finding.by_run else median_interval(series.samples)


def _warmups(pair: tuple[Series, Series], base: Side, new: Side) -> list[str]:
    return [
        f"{series.name} of {side.label} begins unlike its rest: leave out about {length} of {len(run)} as warm-up."
        for series, side in zip(pair, (base, new), strict=True)
        if series.kind == "size"
        for run in series.runs
        if (length := warmup_length(run))
    ]
