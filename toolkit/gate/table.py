"""The verdict as a table for the terminal, in the manner of benchstat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.gate.wording import change, conclusion, probability, reasons, spread, value
from toolkit.report.wording import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.gate.judge import Judgement, Line

HEADINGS = ("metric", "base", "new", "change", "p", "n", "verdict")
_LEFT = frozenset({"metric", "verdict"})


def cells(line: Line) -> tuple[str, ...]:
    """Return the texts of one row, in the order of `HEADINGS`."""
    finding, unit = line.finding, line.series.unit
    return (
        plain(line.series.name),
        value(finding.base, unit) + spread(line.base),
        value(finding.new, unit) + spread(line.new),
        change(line),
        probability(finding.p),
        f"{finding.base_count:,}+{finding.new_count:,}",
        finding.verdict,
    )


def text_of(judgement: Judgement) -> str:
    """Return verdict, table and notes; no line has trailing blanks."""
    heading = tuple(
        f"change [{judgement.rule.level * 100:g} % interval]" if name == "change" else name for name in HEADINGS
    )
    rows = [heading, *(cells(line) for line in judgement.lines)]
    parts = [f"{plain(judgement.base)} → {plain(judgement.new)}", "", plain(conclusion(judgement)), ""]
    parts += aligned(rows)
    below = [
        f"{key}: {left}" if left == right else f"{key}: {left} → {right}" for key, left, right in judgement.shown
    ] + reasons(judgement)
    if below:
        parts += ["", *map(plain, below)]
    return "\n".join(parts)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Set rows in columns, the first row being the heading; texts to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    left = [name in _LEFT or name.startswith("change") for name in rows[0]]
    return [
        "  ".join(
            text.ljust(width) if to_left else text.rjust(width)
            for text, width, to_left in zip(row, widths, left, strict=True)
        ).rstrip()
        for row in rows
    ]
