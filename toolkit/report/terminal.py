"""The comparison as a table for the terminal: the verdict first, one strategy a row, what limits the numbers below.

It fits 80 columns and says everything without colour. Texts are never read as markup, and control characters of foreign
names are made visible, so that a model's name cannot act on the terminal.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from toolkit.report import measures
from toolkit.report.contrasts import contrast_parts
from toolkit.report.loading import least_loading
from toolkit.report.verdict import leaders
from toolkit.report.wording import JOINED, OVER_OPTIMUM, achieved, count, counted, duration, percent, plain, shortened

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

    from toolkit.replay.results import Comparison, Distribution, Optimum, StrategySummary

_HEADINGS = (
    "hit\nrate",
    "of\nbest",
    "\njoined",
    "\nswaps",
    "wait\nmean",
    "wait\np95",
    "TTFT\ncold",
    "TTFT\nwarm",
    "end to\nend",
)
_NAME_CHARACTERS, _SPEC_CHARACTERS = 16, 44
"""How much of a name is shown; of one with parameters more, as these are what tells it from its neighbours."""
_SPEC = re.compile(r"[a-z0-9-]+(\([a-z0-9=., ()-]*\))?(\+[a-z0-9-]+(\([a-z0-9=., ()-]*\))?)?")
WIDE_ENOUGH = 200
"""No table is wider than this: names are shortened, and numbers are written with few digits."""


def terminal_text(comparison: Comparison, width: int = 80, *, color: bool = False) -> str:
    """Return verdict, table and footnotes for a terminal `width` columns wide, with escape codes only if `color`.

    Text is wrapped at `width`; the table is as wide as it must be, because a number that is cut is a lie.
    """
    buffer = io.StringIO()
    console = Console(
        file=buffer,
        width=WIDE_ENOUGH,
        force_terminal=color,
        color_system="standard" if color else None,
        legacy_windows=False,
    )
    for part in _parts(comparison):
        needed = WIDE_ENOUGH if isinstance(part, Table) and part.columns[0].header else width
        console.print(part, width=needed, markup=False, highlight=False, emoji=False)
    return "\n".join(line.rstrip() for line in buffer.getvalue().split("\n"))


def _parts(comparison: Comparison) -> list[RenderableType]:
    heading = Text.assemble((plain(comparison.title), "bold"), (f"  {plain(measures.origin(comparison))}", "dim"))
    verdict = Text(plain(comparison.verdict or "No verdict was given."), style="bold")
    parts: list[RenderableType] = [heading, Text(), verdict, Text(), _table(comparison), Text()]
    if comparison.contrasts:
        parts += [*contrast_parts(comparison), Text()]
    notes = Table.grid(padding=(0, 1, 0, 0))
    notes.add_column()
    notes.add_column(overflow="fold")
    for sign, note in _footnotes(comparison):
        notes.add_row(Text(sign), Text(plain(note)))
    parts.append(notes)
    return parts


def _table(comparison: Comparison) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="dim")
    table.add_column("\nstrategy", no_wrap=True)
    for heading in _HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    best = leaders(comparison)
    distinct = len(best) < len(comparison.strategies)
    for one in comparison.strategies:
        wins = distinct and one.strategy in best
        most = _SPEC_CHARACTERS if _SPEC.fullmatch(one.strategy) else _NAME_CHARACTERS
        name = f"{'*' if wins else ' '} {shortened(one.strategy, most)}"
        table.add_row(Text(name), *map(Text, _cells(one, comparison.optimum)), style="bold green" if wins else "")
    if comparison.optimum is not None:
        table.add_row(*map(Text, _optimum_cells(comparison.optimum)), style="dim")
    return table


def _cells(one: StrategySummary, optimum: Optimum | None) -> tuple[str, ...]:
    return (
        percent(one.hit_rate),
        achieved(measures.share_of_optimum(one, optimum)),
        count(one.joined),
        count(one.swaps),
        _of(one.wait, lambda values: values.mean_s),
        _of(one.wait, lambda values: values.p95_s),
        _of(one.ttft_cold, lambda values: values.p50_s),
        _of(one.ttft_warm, lambda values: values.p50_s),
        _of(one.e2e, lambda values: values.p50_s),
    )


def _of(values: Distribution | None, pick: Callable[[Distribution], float | None]) -> str:
    return duration(None if values is None else pick(values))


def _optimum_cells(optimum: Optimum) -> tuple[str, ...]:
    at_most, at_least = ("<=", ">=") if optimum.method == "bound" else ("", "")
    known = (
        "  optimum",
        f"{at_most}{percent(optimum.hit_rate)}",
        "100 %",
        duration(None),
        f"{at_least}{count(optimum.requests - optimum.hits)}",
    )
    return known + (duration(None),) * (len(_HEADINGS) + 1 - len(known))


def _footnotes(comparison: Comparison) -> list[tuple[str, str]]:
    """Return what qualifies the numbers, each with the sign before it."""
    best = leaders(comparison)
    notes = [("*", "shortest mean wait")] if 0 < len(best) < len(comparison.strategies) else []
    if any(one.joined for one in comparison.strategies):
        notes.append(("-", JOINED))
    notes.append(("-", "TTFT (time to first token) and end to end are medians; cold and warm never pooled."))
    if any(one.wait is not None and one.wait.p95_s is None for one in comparison.strategies):
        notes.append(("-", "A dash under p95: too few samples to carry a 95th percentile."))
    if comparison.optimum is not None:
        notes.append(("-", f"Of best: hits as a share of the optimum's. Optimum: {comparison.optimum.of}"))
    if told := least_loading(comparison):
        notes.append(("-", told))
    if any((measures.share_of_optimum(one, comparison.optimum) or 0) > 1 for one in comparison.strategies):
        notes.append(("-", OVER_OPTIMUM))
    notes += [
        ("-", f"{one.strategy}: {_unanswered(one)} of {counted(one.requests, 'request')}.")
        for one in comparison.strategies
        if one.answered < one.requests
    ]
    if measures.fits_only_alone(comparison):
        notes.append(("-", "No two of these models fit into memory together at this context."))
    return notes + [("-", note) for note in comparison.notes]


def _unanswered(one: StrategySummary) -> str:
    kinds = (
        (one.rejected, "rejected"),
        (one.failed, "failed"),
        (one.cancelled, "cancelled"),
        (one.unanswered, "never answered"),
    )
    return ", ".join(f"{count(number)} {word}" for number, word in kinds if number)
