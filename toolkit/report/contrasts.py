"""Which differences between strategies are real, as a table for the terminal: medians, intervals, and a word each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from toolkit.report.wording import ABSENT, duration, percent, plain, shortened
from toolkit.stats.pairs_needed import pairs_needed

if TYPE_CHECKING:
    from rich.console import RenderableType

    from toolkit.replay.results import Comparison, Contrast

_STYLES = {"better": "green", "worse": "red"}
_NAME_CHARACTERS = 44


def contrast_parts(comparison: Comparison) -> list[RenderableType]:
    """A sentence and the table; the comparison has contrasts."""
    found = comparison.contrasts
    questions = [one for one in found if one.verdict is not None]
    repetitions = max(one.repetitions for one in found)
    needed = pairs_needed(max(len(questions), 1))
    told = f"Over {repetitions} repetitions, against {plain(found[0].against)} in the same repetition:"
    if questions and repetitions < needed:
        told = f"{told[:-1]}. So many questions need at least {needed} before a difference can be shown (--repeat):"
    return [Text(told), Text(), _table(found)]


def _table(found: tuple[Contrast, ...]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="dim")
    table.add_column("strategy", no_wrap=True)
    table.add_column("figure", no_wrap=True)
    for heading in ("median", "95 % interval", "change"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    last = None
    for one in found:
        name = shortened(one.strategy, _NAME_CHARACTERS) if one.strategy != last else ""
        last = one.strategy
        word = one.verdict or ""
        cells = (name, one.figure, _value(one.median, one.unit), _interval(one), _change(one), word)
        table.add_row(*(Text(cell) for cell in cells[:-1]), Text(word, style=_STYLES.get(word, "")))
    return table


def _value(value: float | None, unit: str) -> str:
    return duration(value) if unit == "s" else percent(value)


def _interval(one: Contrast) -> str:
    if one.interval is None:
        return ABSENT
    return f"{_value(one.interval.low, one.unit)} to {_value(one.interval.high, one.unit)}"


def _change(one: Contrast) -> str:
    if one.change is None:
        return ABSENT
    sign = "-" if one.change.estimate < 0 else "+"
    return f"{sign}{_value(abs(one.change.estimate), one.unit)}"
