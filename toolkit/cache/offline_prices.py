"""Prices of room: what a byte, and a place, at each row is worth to the stays that compete for it.

The best set of stays is an integer programme; with halves of stays allowed it is a linear one, a flow of models through
time (D. S. Berger, N. Beckmann, M. Harchol-Balter, "Practical bounds on optimal caching with variable object sizes",
Proc. ACM Meas. Anal. Comput. Syst. 2(2), 2018: FOO). Its dual gives the prices. By weak duality *any* prices bound what
can be saved:

    saved <= sum over rows of room x price + sum over stays of max(0, worth - size x prices that it reaches over)

so a long sequence is cut into windows that overlap, each solved alone, and the prices from their middles joined: time
grows linearly, and the bound stays one. Where all sizes are equal the linear programme has whole solutions, and the
bound of a single window is the optimum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from toolkit.cache.offline_stays import reach

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from toolkit.cache.offline_stays import Stays

_WINDOW_ROWS: Final = 3000
_STRIDE_ROWS: Final = 1500


@dataclass(frozen=True, slots=True)
class Prices:
    """For each row the price of one unit of room, and of one place; `gain` is what each stay is worth beyond its cost.

    `bound`: nobody can save more, what is `sure` left out. The rest is in the unit of `Stays.worth`.
    """

    room: tuple[float, ...]
    places: tuple[float, ...]
    gain: tuple[float, ...]
    bound: float


def prices_of(stays: Stays) -> Prices:
    """Prices for a whole sequence, by windows."""
    rows = len(stays.model)
    room, places = [0.0] * rows, [0.0] * rows
    margin = (_WINDOW_ROWS - _STRIDE_ROWS) // 2
    for start in range(0, rows, _STRIDE_ROWS):
        end = min(rows, start + _STRIDE_ROWS)
        low = max(0, start - margin)
        of_room, of_places = _window(stays, low, min(rows, end + margin))
        room[start:end] = of_room[start - low : end - low]
        places[start:end] = of_places[start - low : end - low]
    return _priced(stays, room, places)


def _priced(stays: Stays, room: list[float], places: list[float]) -> Prices:
    """What follows from prices, whoever found them."""
    to_room, to_places = reach(room), reach(places)
    gain = []
    for row, following in enumerate(stays.following):
        if following is None or not stays.possible[row]:
            gain.append(0.0)
            continue
        first, worth = stays.first[row], float(stays.worth[row])
        if first < following:
            worth -= stays.sizes[stays.model[row]] * (to_room[following] - to_room[first])
            worth -= to_places[following] - to_places[first]
        gain.append(worth)
    bound = sum(max(left, 0) * price for left, price in zip(stays.room, room, strict=True))
    if stays.places is not None:
        bound += sum(left * price for left, price in zip(stays.places, places, strict=True))
    bound += sum(each for each in gain if each > 0)
    return Prices(tuple(room), tuple(places), tuple(gain), bound)


def _window(stays: Stays, low: int, high: int) -> tuple[list[float], list[float]]:
    """Prices of the rows from `low` to `high` - 1, by the stays that begin and end there.

    The room used at a row is that at the row before, plus the stays that begin to take room, minus those that end: two
    entries a stay instead of one for each row that it reaches over.
    """
    from scipy.optimize import linprog  # noqa: PLC0415 - slow to import, and seldom needed
    from scipy.sparse import coo_matrix  # noqa: PLC0415

    rows = high - low
    chosen = [row for row in range(low, high) if _competes(stays, row, high)]
    count = len(chosen)
    if not count:
        return [0.0] * rows, [0.0] * rows
    unit = max(1, *stays.room[low:high])
    spans = np.array([(stays.first[row] - low, (stays.following[row] or 0) - low) for row in chosen]).T
    size = np.array([stays.sizes[stays.model[row]] / unit for row in chosen])
    worth = np.array([stays.worth[row] for row in chosen], dtype=float)
    mean = float(worth.mean()) or 1.0
    chains = [(size, np.array(stays.room[low:high], dtype=float).clip(0) / unit)]
    if stays.places is not None:
        chains.append((np.ones(count), np.array(stays.places[low:high], dtype=float)))
    at = np.arange(rows)
    entries = [_chain(spans, weight, count + rows * place, rows * place, rows)
               for place, (weight, _) in enumerate(chains)]  # fmt: skip
    columns = count + rows * len(chains)
    equal = coo_matrix(
        (np.concatenate([each[2] for each in entries]),
         (np.concatenate([each[0] for each in entries]), np.concatenate([each[1] for each in entries]))),
        shape=(rows * len(chains), columns),
    ).tocsr()  # fmt: skip
    most = np.concatenate([np.ones(count), *(limit for _, limit in chains)])
    goal = np.concatenate([-worth / mean, np.zeros(rows * len(chains))])
    solved = linprog(
        goal, A_eq=equal, b_eq=np.zeros(rows * len(chains)), bounds=np.column_stack([np.zeros(columns), most]),
        method="highs-ds",
    )  # fmt: skip
    if solved.status != 0:  # no prices are a bound, too, if a poor one
        return [0.0] * rows, [0.0] * rows
    marginals = np.maximum(0.0, -np.asarray(solved.upper.marginals[count:], dtype=float)) * mean
    of_room = (marginals[at] / unit).tolist()
    of_places = marginals[rows + at].tolist() if stays.places is not None else [0.0] * rows
    return of_room, of_places


def _competes(stays: Stays, row: int, high: int) -> bool:
    following = stays.following[row]
    return following is not None and following < high and stays.possible[row] and not stays.free[row]


def _chain(
    spans: NDArray[np.intp], weight: NDArray[np.float64], column: int, equation: int, rows: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """used[row] - used[row - 1] - what begins + what ends = 0, as (equation, column, coefficient)."""
    stays, at = np.arange(len(weight)), np.arange(rows)
    return (
        equation + np.concatenate([*spans, at, at[1:]]),
        np.concatenate([stays, stays, column + at, column + at[:-1]]),
        np.concatenate([-weight, weight, np.ones(rows), -np.ones(rows - 1)]),
    )
