"""Which metrics a comparison is about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from toolkit.errors import UsageError
from toolkit.metrics.catalogue import chosen
from toolkit.metrics.yields import goodput

if TYPE_CHECKING:
    from toolkit.gate.side import Side
    from toolkit.metrics.metric import Metric
    from toolkit.workload.plan import Slo


@dataclass(frozen=True, slots=True)
class Choice:
    """Names or patterns as the user wrote them (none: the default), and limits that make goodput a metric."""

    names: tuple[str, ...] = ()
    slos: tuple[Slo, ...] = ()

    def of_runs(self) -> tuple[Metric, ...]:
        """Return the metrics of our own runs. Raises UsageError for a name that none has."""
        return chosen(self.names, (goodput(self.slos),) if self.slos else ())

    def among(self, side: Side) -> Side:
        """Leave of a foreign benchmark what was asked for: by name, by unit, or by both with a blank between.

        Raises:
            UsageError: nothing of it bears such a name.
        """
        if not self.names:
            return side
        kept = tuple(
            series
            for series in side.series
            if any(
                fnmatchcase(text, name)
                for name in self.names
                for text in (series.name, series.unit, series.name.removesuffix(f" {series.unit}"))
            )
        )
        if not kept:
            there = ", ".join(series.name for series in side.series)
            raise UsageError(f"--metric {self.names[0]}: {side.label} has no such benchmark; there are {there}")
        return replace(side, series=kept)
