"""The decision rule: better, worse, same or inconclusive, for several metrics at once.

- *better*, *worse*: the rank test, corrected for autocorrelation and (by Holm) for the number of metrics, rejects at
  the level of the whole family, and the estimated change lies beyond the effect floor.
- *same*: the interval of the change lies inside ± floor.
- *inconclusive*: everything else, and always below `fewest` samples (or what correlated ones are worth) on a side.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Literal

import numpy as np

from toolkit.stats.autocorrelation import Correlation, correlation
from toolkit.stats.holm import holm
from toolkit.stats.ranktest import rank_test
from toolkit.stats.repeats import differ
from toolkit.stats.shift import mean_shift, ratio_shift, share_shift

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from toolkit.stats.shift import Shift

Kind = Literal["size", "rate", "share"]
"""What a sample is: a positive size (compared by ratio), a rate that may be zero (by means), a share from 0 to 1."""

Better = Literal["lower", "higher"]
Verdict = Literal["better", "worse", "same", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Rule:
    """What a decision must keep to.

    `effect` is the floor below which a change does not matter, `alpha` the family-wise level, `level` that of the
    intervals, `fewest` the least number of samples a side.
    """

    effect: float = 0.02
    alpha: float = 0.005
    level: float = 0.95
    fewest: int = 6


@dataclass(frozen=True, slots=True)
class Question:
    """One metric on both sides: a series of samples for each run, in the order of measurement."""

    name: str
    kind: Kind
    better: Better
    base: tuple[tuple[float, ...], ...]
    new: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question. `base` and `new` are medians (means of rates and shares), None without samples.

    `shift` is None where it cannot be estimated, `p` (adjusted for the family) where nothing was tested; `why` says
    in words what stands in the way of a decision. `by_run` where each run counted as one sample.
    """

    name: str
    verdict: Verdict
    base: float | None
    new: float | None
    base_count: int
    new_count: int
    shift: Shift | None
    p: float | None
    correlation: Correlation
    by_run: bool
    why: str


@dataclass(frozen=True, slots=True)
class _Prepared:
    question: Question
    base: NDArray[np.float64]
    new: NDArray[np.float64]
    correlation: Correlation
    by_run: bool
    lacking: str


def decide(questions: Sequence[Question], rule: Rule) -> tuple[Finding, ...]:
    """Answer all questions of one comparison together."""
    prepared = [_prepare(question, rule) for question in questions]
    adjusted = holm([_raw_p(one) for one in prepared])
    return tuple(_finding(one, p, rule) for one, p in zip(prepared, adjusted, strict=True))


def _prepare(question: Question, rule: Rule) -> _Prepared:
    base, new = _joined(question.base), _joined(question.new)
    found = correlation((*base, *new))
    by_run = differ(base, found) or differ(new, found)
    if by_run:
        base, new = ([tuple(_centre(one, question.kind) for one in side if len(one))] for side in (base, new))
        found = correlation((*base, *new))
    left, right = (np.fromiter(chain.from_iterable(side), np.float64) for side in (base, new))
    return _Prepared(question, left, right, found, by_run, _lacking(left, right, found, by_run, rule))


def _joined(series: tuple[tuple[float, ...], ...]) -> list[tuple[float, ...]]:
    """Runs of one sample each are a series of their own."""
    if all(len(one) <= 1 for one in series):
        return [tuple(chain.from_iterable(series))]
    return [one for one in series if one]


def _centre(values: Sequence[float] | NDArray[np.float64], kind: Kind) -> float:
    return float(np.median(values) if kind == "size" else np.mean(values))


def _lacking(base: NDArray[np.float64], new: NDArray[np.float64], found: Correlation, by_run: bool, rule: Rule) -> str:
    fewer = min(len(base), len(new))
    of_what = "runs (they differ among themselves, so each counts once)" if by_run else "samples"
    if fewer < rule.fewest:
        return f"{len(base)} and {len(new)} {of_what}: {rule.fewest} a side are the least"
    if fewer / found.time < rule.fewest:
        return f"neighbours resemble each other: {fewer} {of_what} are worth {fewer / found.time:.1f} independent ones"
    return ""


def _raw_p(one: _Prepared) -> float | None:
    """None where the data cannot differ, whoever is who: too few, or one and the same value everywhere."""
    if one.lacking or float(np.ptp(np.concatenate([one.base, one.new]))) == 0:
        return None
    return rank_test(one.base, one.new, one.correlation).p


def _shift(one: _Prepared, rule: Rule) -> Shift | None:
    if one.lacking:
        return None
    if one.question.kind == "share":
        return share_shift(one.base, one.new, one.correlation, rule.level)
    if one.question.kind == "size" and min(one.base.min(), one.new.min()) > 0:
        return ratio_shift(one.base, one.new, one.correlation, rule.level)
    return mean_shift(one.base, one.new, one.correlation, rule.level)


def _finding(one: _Prepared, p: float | None, rule: Rule) -> Finding:
    shift, kind = _shift(one, rule), one.question.kind
    verdict, why = _verdict(one, shift, p, rule)
    centres = tuple(_centre(side, kind) if len(side) else None for side in (one.base, one.new))
    return Finding(
        one.question.name, verdict, centres[0], centres[1], len(one.base), len(one.new), shift, p, one.correlation,
        one.by_run, why,
    )  # fmt: skip


def _verdict(one: _Prepared, shift: Shift | None, p: float | None, rule: Rule) -> tuple[Verdict, str]:
    if one.lacking:
        return "inconclusive", one.lacking
    if p is None:
        return "same", ""  # one and the same value everywhere
    if shift is None:
        return _from_zero(one, p, rule)
    change = shift.change
    if p <= rule.alpha and abs(change.estimate) > rule.effect:
        return ("worse" if (change.estimate > 0) is (one.question.better == "lower") else "better"), ""
    if -rule.effect <= change.low and change.high <= rule.effect:
        return "same", ""
    return "inconclusive", "the interval reaches beyond the floor, and the test shows no difference"


def _from_zero(one: _Prepared, p: float, rule: Rule) -> tuple[Verdict, str]:
    """The base is zero, so a change has no size; that there is one can be shown all the same."""
    if p > rule.alpha:
        return "inconclusive", "the base is zero, so there is nothing to relate a change to"
    rises = float(one.new.mean()) > float(one.base.mean())
    return ("worse" if rises is (one.question.better == "lower") else "better"), ""
