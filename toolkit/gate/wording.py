"""How the gate writes values, changes and what else is said of a metric; the same in table, Markdown and JUnit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.gate.judge import Judgement, Line
    from toolkit.stats.decide import Kind
    from toolkit.stats.interval import Interval

ABSENT = "-"
NO_DIFFERENCE = "~"
_TIME_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
_SECONDS = {"ns": 1e-9, "s": 1.0, "sec": 1.0}
_DIGITS = 3
_SMALL_P = 0.0001
_NAMED = 3


def value(number: float | None, unit: str) -> str:
    """Write a value to three digits with a unit that suits it: `18.2 ms`, `97.5 %`, `13.1 k token/s`."""
    if number is None:
        return ABSENT
    if unit == "share":
        return f"{number * 100:.1f} %"
    if unit == "bytes":
        return f"{_three(number / 2**30)} GiB"
    time, slash, per = unit.partition("/")
    if time in _SECONDS:
        return _scaled(number * _SECONDS[time], _TIME_UNITS, slash + per)
    return _scaled(number, _PREFIXES, f" {unit.removeprefix('1')}").replace("  ", " ")


def _scaled(number: float, units: tuple[tuple[float, str], ...], rest: str) -> str:
    size, name = next(((size, name) for size, name in units if abs(number) >= size), units[-1])
    return f"{_three(number / size)} {name}{rest}"


def _three(number: float) -> str:
    if number == 0:
        return "0"
    places = max(0, _DIGITS - 1 - math.floor(math.log10(abs(number))))
    return f"{number:.{min(places, 9)}f}"


def spread(interval: Interval | None) -> str:
    """Write half the width of a median's interval as a share of it: ` ±3 %`; nothing where there is none."""
    if interval is None or interval.estimate == 0:
        return ""
    half = max(interval.high - interval.estimate, interval.estimate - interval.low) / abs(interval.estimate)
    return f" ±{half * 100:.0f} %"


def change(line: Line) -> str:
    """Write the effect with its interval; `~` in its place where no difference is shown."""
    shift = line.finding.shift
    if shift is None:
        return NO_DIFFERENCE if line.finding.verdict == "same" else ABSENT
    kind, found = line.series.kind, shift.change
    effect = _percent(found.estimate, kind) if line.finding.verdict in {"better", "worse"} else NO_DIFFERENCE
    return f"{effect} [{_percent(found.low, kind)}, {_percent(found.high, kind)}]"


def _percent(share: float, kind: Kind) -> str:
    return f"{share * 100:+.1f} {'pt' if kind == 'share' else '%'}"


def probability(p: float | None) -> str:
    """Write a p-value as benchstat does: three digits, and never 0."""
    if p is None:
        return ABSENT
    return f"<{_SMALL_P}" if p < _SMALL_P else f"{p:.4f}"


def needed(line: Line) -> str:
    """Say how many samples a side a decision needs."""
    size, finding = line.size, line.finding
    sentences = []
    if size.to_see is not None:
        sentences.append(f"to see a change of {size.change * 100:g} % you need {size.to_see:,} a side")
    if size.to_clear is not None:
        sentences.append(f"to show that there is none beyond the floor {size.to_clear:,}")
    if not sentences:
        return ""
    kind = "runs" if finding.by_run else "samples"
    return f"{line.series.name}: {', '.join(sentences)} ({finding.base_count:,} and {finding.new_count:,} {kind} here)"


def reasons(judgement: Judgement) -> list[str]:
    """Sentences below the table: why a metric is inconclusive, what it needs, what else a reader must know."""
    found = []
    for line in judgement.lines:
        if line.finding.verdict == "inconclusive":
            found.append(f"{line.series.name}: {line.finding.why}.")
        if line.finding.verdict == "inconclusive" or judgement.base == judgement.new:
            found += [f"{sentence}."] if (sentence := needed(line)) else []
    return found + list(judgement.notes)


def conclusion(judgement: Judgement) -> str:
    """One sentence: the verdict, and the metrics that decided it."""
    by = {
        verdict: [line.series.name for line in judgement.lines if line.finding.verdict == verdict]
        for verdict in ("worse", "better", "inconclusive")
    }
    if judgement.verdict == "regression":
        return f"REGRESSION: worse in {_some(by['worse'])}"
    better = f"better in {_some(by['better'])}" if by["better"] else ""
    if judgement.verdict == "inconclusive":
        open_ones = f"no decision on {_some(by['inconclusive'])}"
        return f"INCONCLUSIVE: {open_ones}{'; ' + better if better else ''}"
    return f"PASS: {better or f'no change beyond {judgement.rule.effect * 100:g} %'}"


def _some(names: list[str]) -> str:
    """Name three, and count the rest: the table has them all."""
    return (
        ", ".join(names) if len(names) <= _NAMED + 1 else f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
    )
