"""Two ways of doing the same thing, repetition by repetition: is the difference real?

Repetitions come in pairs: the same seed, so the same arrivals and the same luck, once each way. The difference within a
pair is free of what the pair shares, which is most of the noise. If the ways were equal, each difference would as
likely have the other sign: the share of all sign patterns whose mean is as far from zero is the p-value, exact up to 13
pairs and by 9,999 drawn patterns above. Source: Fisher, The Design of Experiments (1935), section 21; done by SciPy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import permutation_test

from toolkit.stats.holm import holm
from toolkit.stats.interval import median_interval
from toolkit.stats.pairs_needed import FEWEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.stats.decide import Better, Verdict
    from toolkit.stats.interval import Interval

_PATTERNS = 9_999


@dataclass(frozen=True, slots=True)
class Pairs:
    """One figure both ways: `base[n]` and `new[n]` are one repetition. A change below `floor` does not matter."""

    base: tuple[float, ...]
    new: tuple[float, ...]
    better: Better
    floor: float


@dataclass(frozen=True, slots=True)
class PairedFinding:
    """`change` is the median of new minus base with its interval (None below six pairs), `p` is that of the family."""

    verdict: Verdict
    change: Interval | None
    p: float | None


def compare_pairs(family: Sequence[Pairs], alpha: float = 0.05) -> tuple[PairedFinding, ...]:
    """Answer all questions together, so that one false alarm among all of them has a chance of `alpha` at most.

    *better*, *worse*: the sign test rejects, and the median change lies beyond the floor. *same*: its interval lies
    within the floor. *inconclusive*: everything else.
    """
    adjusted = holm([_p(one) for one in family])
    return tuple(_finding(one, p, alpha) for one, p in zip(family, adjusted, strict=True))


def _differences(one: Pairs) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(one.new, dtype=np.float64) - np.asarray(one.base, dtype=np.float64)


def _p(one: Pairs) -> float | None:
    differences = _differences(one)
    if len(differences) < FEWEST:
        return None
    if not differences.any():
        return 1.0
    found = permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=_PATTERNS, vectorized=True,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    return float(found.pvalue)


def _finding(one: Pairs, p: float | None, alpha: float) -> PairedFinding:
    change = median_interval(_differences(one).tolist())
    if change is None or p is None:
        return PairedFinding("inconclusive", None, p)
    if p <= alpha and abs(change.estimate) > one.floor:
        rises = change.estimate > 0
        return PairedFinding("worse" if rises is (one.better == "lower") else "better", change, p)
    if -one.floor <= change.low and change.high <= one.floor:
        return PairedFinding("same", change, p)
    return PairedFinding("inconclusive", change, p)
