"""One side of a comparison, wherever it was read from: what must be alike, what may differ, and the samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from toolkit.stats.decide import Better, Kind


@dataclass(frozen=True, slots=True)
class Series:
    """All samples of one metric on one side: `runs` holds one tuple a run, in the order of measurement.

    `unit` is `ns`, `s`, `share`, `bytes` or whatever the source wrote.
    """

    name: str
    unit: str
    kind: Kind
    better: Better
    runs: tuple[tuple[float, ...], ...]

    @property
    def samples(self) -> tuple[float, ...]:
        """All of them, runs one after the other."""
        return tuple(value for run in self.runs for value in run)


@dataclass(frozen=True, slots=True)
class Side:
    """Where it came from (`label`), what it is (`facts`: must be alike), its circumstances (`shown`: may differ).

    Facts are (key, value) pairs; one that a source does not know is absent. `notes` are sentences for the reader.
    """

    label: str
    facts: tuple[tuple[str, str], ...]
    shown: tuple[tuple[str, str], ...]
    series: tuple[Series, ...]
    notes: tuple[str, ...] = ()


def merged(label: str, sides: Sequence[Side]) -> Side:
    """Join repeats of one thing into one side.

    Raises:
        UsageError: the repeats are not alike among themselves.
    """
    first = sides[0]
    for other in sides[1:]:
        unlike = differences(first.facts, other.facts)
        if unlike:
            key, left, right = unlike[0]
            raise UsageError(
                f"{label}: these are no repeats of one thing: {key} is {left} in {first.label} and {right} "
                f"in {other.label}; give them apart"
            )
    return Side(
        label,
        first.facts,
        tuple((key, _listed(dict(side.shown).get(key) for side in sides)) for key, _ in first.shown),
        _joined([series for side in sides for series in side.series]),
        tuple(dict.fromkeys(note for side in sides for note in side.notes)),
    )


def differences(left: Sequence[tuple[str, str]], right: Sequence[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Return (key, value, value) wherever both know the key and say different things."""
    others = dict(right)
    return [(key, value, others[key]) for key, value in left if key in others and others[key] != value]


def _joined(every: Iterable[Series]) -> tuple[Series, ...]:
    found: dict[str, Series] = {}
    for one in every:
        known = found.get(one.name)
        runs = one.runs if known is None else (*known.runs, *one.runs)
        found[one.name] = Series(one.name, one.unit, one.kind, one.better, runs)
    return tuple(found.values())


def _listed(values: Iterable[str | None]) -> str:
    unique = list(dict.fromkeys(value for value in values if value is not None))
    most = 4
    return ", ".join(unique) if len(unique) <= most else f"{unique[0]} … {unique[-1]} ({len(unique)})"
