"""The heat map: what was in memory down, what was asked for across; the darker, the longer the swap."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from toolkit.report.scene import LegendEntry, Rect, Scene, Text
from toolkit.report.swap.wording import NOTHING, pair, remark, seconds, speed, title
from toolkit.report.wording import shortened

if TYPE_CHECKING:
    from toolkit.measure.swap.matrix import Cell
    from toolkit.measure.swap.study import SwapStudy
    from toolkit.report.scene import Item

_LEFT: Final = 190
_TOP: Final = 62
_CELL_WIDTH: Final = 132
_CELL_HEIGHT: Final = 58
_GAP: Final = 3
_LONGEST_NAME: Final = 24
_LONGEST_HEADING: Final = 18
_FAINTEST, _DARKEST = 0.06, 0.55
"""Text stays readable on the darkest, on light and on dark paper."""


def heatmap(study: SwapStudy) -> Scene:
    """The matrix as a picture; each cell has its number in words, so that the colour is never needed."""
    matrix = study.matrix
    befores: tuple[str | None, ...] = (None, *matrix.models)
    cells = [(row, column, matrix.cell(before, model)) for row, before in enumerate(befores)
             for column, model in enumerate(matrix.models)]  # fmt: skip
    longest = max((_load_ns(cell) for _, _, cell in cells), default=0.0)
    items: list[Item] = [Text(_LEFT, 14, "asked for", 12, "muted"), Text(10, _TOP - 10, "in memory", 12, "muted")]
    for column, model in enumerate(matrix.models):
        x = _LEFT + column * _CELL_WIDTH + _CELL_WIDTH / 2
        items.append(
            Text(x, _TOP - 10, shortened(model, _LONGEST_HEADING), 12, anchor="middle", bold=True, title=model)
        )
    for row, before in enumerate(befores):
        y = _TOP + row * _CELL_HEIGHT + _CELL_HEIGHT / 2 + 4
        name = before or NOTHING
        items.append(Text(10, y, shortened(name, _LONGEST_NAME), 12, bold=True, title=name))
    for row, column, cell in cells:
        items += _cell(cell, _LEFT + column * _CELL_WIDTH, _TOP + row * _CELL_HEIGHT, longest)
    width = _LEFT + _CELL_WIDTH * len(matrix.models) + 10
    height = _TOP + _CELL_HEIGHT * len(befores) + 8
    words = "; ".join(f"{pair(cell)} {seconds(_load_ns(cell))}" for _, _, cell in cells if cell is not None)
    return Scene(width, height, title(study), f"Median load_duration by pair: {words}.", tuple(items), _legend())


def _legend() -> tuple[LegendEntry, ...]:
    return (
        LegendEntry((Rect(2, 1, 20, 12, "load", _DARKEST),), "the longest swap"),
        LegendEntry((Rect(2, 1, 20, 12, "best", 0.3),), "resident, or both stay"),
        LegendEntry((Rect(2, 1, 20, 12, "wash"),), "not measured"),
    )


def _cell(cell: Cell | None, x: float, y: float, longest_ns: float) -> list[Item]:
    box = (x + _GAP / 2, y + _GAP / 2, _CELL_WIDTH - _GAP, _CELL_HEIGHT - _GAP)
    if cell is None or cell.swap is None:
        return [Rect(*box, "wash"), Text(x + _CELL_WIDTH / 2, y + 34, "-", 12, "muted", "middle")]
    said = remark(cell)
    quiet = cell.is_beside or cell.before == cell.model
    ink, shade = ("best", 0.3) if quiet else ("load", _shade(cell.swap.median_ns, longest_ns))
    below = "both stay" if cell.is_beside else cell.state.value
    inner = speed(cell.bytes_per_s) if cell.bytes_per_s is not None and not quiet else ""
    middle = x + _CELL_WIDTH / 2
    words: list[Item] = [
        Text(middle, y + 20, seconds(cell.swap.median_ns), 14, "ink", "middle", bold=True),
        Text(middle, y + 35, below, 10.5, "ink", "middle"),
    ]
    if inner:
        words.append(Text(middle, y + 49, inner, 10.5, "ink", "middle"))
    return [Rect(*box, ink, shade, title=f"{pair(cell)}. {said}"), *words]


def _shade(value_ns: float, longest_ns: float) -> float:
    """Opacity by the root of the share: swaps of a tenth of the longest are still seen to differ."""
    share = value_ns / longest_ns if longest_ns else 0.0
    return round(_FAINTEST + (_DARKEST - _FAINTEST) * math.sqrt(share), 3)


def _load_ns(cell: Cell | None) -> float:
    return cell.swap.median_ns if cell is not None and cell.swap is not None else 0.0
