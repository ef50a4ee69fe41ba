"""The answer of a comparison in one sentence, as an honest colleague would say it.

The strategy with the shortest mean wait wins, if it wins by more than can be told apart; else the sentence says that
nothing beats what the user would have had anyway. Hits are set against what is achievable at all.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from toolkit.report import measures
from toolkit.report.wording import achieved, count, counted, duration, listed, percent, period, plain

if TYPE_CHECKING:
    from toolkit.replay.results import Comparison, Distribution, StrategySummary

    Ranked = tuple[StrategySummary, Distribution]

TIE_SHARE = 0.02
"""Mean waits that differ by less than this share of the longer one are called equal."""
TIE_S = 0.01
"""Nobody feels a shorter difference than this, whatever its share."""
UNANSWERED_SHARE = 0.005
"""How much more of its requests a winner may leave unanswered before the sentence must say so."""
SERVER_DEFAULT = "server-default"

_FRACTIONS = (
    (0.45, 0.55, "halves the swaps of {0}"),
    (0.30, 0.37, "cuts the swaps of {0} to a third"),
    (0.22, 0.28, "cuts the swaps of {0} to a quarter"),
)
_SAME_FROM, _SAME_TO = 0.97, 1.03
_PAIR = 2
_FIRST_HOURS_NS, _LAST_HOURS_NS = 6 * 3600 * 10**9, 30 * 3600 * 10**9


def verdict(comparison: Comparison, *, baseline: str = "ram") -> str:
    """Return the verdict on a comparison whose own `verdict` may still be empty.

    `baseline` is the strategy that swaps are counted against: the config's own, `ram` if there is none. With two or
    more repetitions, a strategy only beats another if it does so in every one.
    """
    waits = _waits(comparison)
    lead = (
        "" if measures.is_complete(comparison) else "The run was cut short, so this holds only for what was measured: "
    )
    if not waits:
        asked = max((summary.requests for summary in comparison.strategies), default=0)
        if asked == 0:
            return _begin(f"{lead}nothing can be said: no request was measured; warm-up and drain do not count.")
        return _begin(f"{lead}nothing can be said: none of {counted(asked, 'request')} was answered.")
    level = _level(waits)
    crowded = _crowded(comparison)
    anyway = _anyway(waits, level, baseline)
    chosen = level[0] if anyway is None else anyway
    if len(waits) == 1:
        main = _alone(chosen, comparison)
    elif anyway is not None:
        main = _nobody_beats(anyway, level, waits, comparison)
    else:
        main = _winner(level, waits, baseline, comparison)
    return _begin(f"{lead}{crowded}{main}{_unanswered(chosen[0], comparison)}{_achieved(chosen[0], comparison)}.")


def _begin(sentence: str) -> str:
    """Begin with a capital where our own words come first; the name of a strategy is written as it is."""
    return f"N{sentence[1:]}" if sentence.startswith(("no strategy", "nothing can")) else sentence


def leaders(comparison: Comparison) -> tuple[str, ...]:
    """Return the strategies with the shortest mean wait: the best, and those that cannot be told from it.

    The verdict is found by the same rule, so a mark in a table and the sentence above it agree.
    """
    waits = _waits(comparison)
    return tuple(one.strategy for one, _ in _level(waits)) if waits else ()


def _waits(comparison: Comparison) -> list[Ranked]:
    return [(summary, summary.wait) for summary in comparison.strategies if summary.wait is not None]


def _level(waits: list[Ranked]) -> list[Ranked]:
    """Return the best, then its equals in the order of the comparison; `min` takes the first of equals as the best."""
    best = min(waits, key=lambda pair: pair[1].mean_s)
    return [best, *(pair for pair in waits if pair is not best and _tied(best, pair))]


def _tied(best: Ranked, other: Ranked) -> bool:
    low, high = best[1].mean_s, other[1].mean_s
    if high - low <= max(TIE_S, TIE_SHARE * high):
        return True
    ours, theirs = _repetitions(best[0]), _repetitions(other[0])
    if min(len(ours), len(theirs)) < _PAIR:
        return False
    if len(ours) == len(theirs):
        return any(mine >= its for mine, its in zip(ours, theirs, strict=True))
    return max(ours) >= min(theirs)


def _repetitions(one: StrategySummary) -> tuple[float, ...]:
    """The mean waits, endless where a repetition had no answer: nobody waits longer."""
    return tuple(math.inf if mean_s is None else mean_s for mean_s in one.wait_means_s)


def _anyway(waits: list[Ranked], level: list[Ranked], baseline: str) -> Ranked | None:
    """Return what the user would have without choosing, if it is among the best: nothing beats it then."""
    present = {pair[0].strategy for pair in waits}
    name = next((name for name in (SERVER_DEFAULT, baseline) if name in present), None)
    if name is None:
        return level[0] if len(level) == len(waits) else None
    return next((pair for pair in level if pair[0].strategy == name), None)


def _crowded(comparison: Comparison) -> str:
    if not measures.fits_only_alone(comparison):
        return ""
    contexts = measures.contexts(comparison)
    at = f" at a context of {contexts}" if contexts else ""
    return f"No two of these models fit into memory together{at}, so every change of model is a swap, and "


def _called(one: StrategySummary) -> str:
    """The strategy's name in a sentence; one that reads as an English word is marked as a name."""
    return "'none'" if one.strategy == "none" else plain(one.strategy)


def _alone(only: Ranked, comparison: Comparison) -> str:
    summary, wait = only
    rate, swaps = percent(summary.hit_rate, 0), counted(summary.swaps, "swap")
    hits = f"{_called(summary)} finds the model in memory for {rate} of the requests{_when(comparison)}"
    return f"{hits}, with {swaps} and a mean wait of {duration(wait.mean_s)}"


def _nobody_beats(anyway: Ranked, level: list[Ranked], waits: list[Ranked], comparison: Comparison) -> str:
    name, mean = _called(anyway[0]), duration(anyway[1].mean_s)
    start = f"no strategy beats {name}{_when(comparison)}"
    if len(level) == len(waits):
        together = "both wait" if len(waits) == _PAIR else f"all {len(waits)} wait"
        return f"{start}: {together} {mean} in the mean, with {_swap_range(waits)}"
    others = [_called(pair[0]) for pair in waits if pair in level and pair is not anyway]
    as_well = f", as under {listed(others)}" if others else ""
    worst = max(waits, key=lambda pair: pair[1].mean_s)
    longest = f"{duration(worst[1].mean_s)} under {_called(worst[0])}"
    return f"{start}: the mean wait is {mean}{as_well}, and up to {longest}"


def _swap_range(waits: list[Ranked]) -> str:
    swaps = sorted(pair[0].swaps for pair in waits)
    return counted(swaps[0], "swap") if swaps[0] == swaps[-1] else f"{count(swaps[0])} to {counted(swaps[-1], 'swap')}"


def _winner(level: list[Ranked], waits: list[Ranked], baseline: str, comparison: Comparison) -> str:
    best, against = level[0], _against(level, waits, baseline)
    name, other = _called(best[0]), _called(against[0])
    equals = [_called(pair[0]) for pair in level[1:]]
    same = f" ({listed(equals)} {'does' if len(equals) == 1 else 'do'} as well)" if equals else ""
    waiting = f"cuts the mean wait from {duration(against[1].mean_s)} to {duration(best[1].mean_s)}"
    return f"{name} {_swaps(best[0], against[0], other)}{_when(comparison)} and {waiting}{same}"


def _against(level: list[Ranked], waits: list[Ranked], baseline: str) -> Ranked:
    losers = [pair for pair in waits if pair not in level]
    for name in (baseline, SERVER_DEFAULT):
        for pair in losers:
            if pair[0].strategy == name:
                return pair
    return min(losers, key=lambda pair: pair[1].mean_s)


def _swaps(mine: StrategySummary, its: StrategySummary, other: str) -> str:
    numbers = f"({count(mine.swaps)} instead of {count(its.swaps)})"
    if its.swaps == mine.swaps:
        return f"makes as many swaps as {other} ({count(mine.swaps)})"
    if its.swaps == 0:
        return f"makes {counted(mine.swaps, 'swap')} where {other} makes none"
    ratio = mine.swaps / its.swaps
    for low, high, words in _FRACTIONS:
        if low <= ratio <= high:
            return f"{words.format(other)} {numbers}"
    if ratio < _SAME_FROM:
        return f"makes {percent(1 - ratio, 0)} fewer swaps than {other} {numbers}"
    if ratio <= _SAME_TO:
        return f"makes about as many swaps as {other} {numbers}"
    return f"makes {ratio:.2g} times the swaps of {other} {numbers}"


def _unanswered(chosen: StrategySummary, comparison: Comparison) -> str:
    """Warn of a short wait that was bought by turning people away: only answered requests have a wait."""
    missing = chosen.requests - chosen.answered
    fewest = min((one.requests - one.answered) / one.requests for one in comparison.strategies if one.requests)
    if missing / max(chosen.requests, 1) - fewest <= UNANSWERED_SHARE:
        return ""
    return f", but leaves {count(missing)} of {counted(chosen.requests, 'request')} without an answer"


def _achieved(chosen: StrategySummary, comparison: Comparison) -> str:
    share = measures.share_of_optimum(chosen, comparison.optimum)
    if share is None or comparison.optimum is None:
        return ""
    if share >= 1:
        return (
            "; nothing more is achievable"
            if share == 1
            else "; more hits than the optimum that takes requests in their order"
        )
    at_least = "at least " if comparison.optimum.method == "bound" else ""
    return f"; {at_least}{achieved(share)} of what is achievable"


def _when(comparison: Comparison) -> str:
    length = measures.length_ns(comparison)
    if length == 0:
        return ""
    return " on this day" if _FIRST_HOURS_NS <= length <= _LAST_HOURS_NS else f" in these {period(length)}"
