"""The swap study for a terminal, and as Markdown."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from toolkit.report.markdown import escape
from toolkit.report.swap.wording import PARTS, headline, middle, notes, pair, remark, seconds, speed, title
from toolkit.report.wording import plain

if TYPE_CHECKING:
    from toolkit.measure.swap.matrix import Cell
    from toolkit.measure.swap.study import SwapStudy

_WIDE_ENOUGH: Final = 200
COLUMNS: Final = ("from → to", "cache", "n", "swap", *(name.replace("_", " ") for name, _ in PARTS), "speed")

_ON_TERMINAL: Final = tuple(place for place, name in enumerate(COLUMNS) if name not in {"prefill", "first token"})
"""What a terminal has room for; the page and the JSON have all."""


def cells_of(cell: Cell) -> tuple[str, ...]:
    """One pair, a text for each of `COLUMNS`."""
    state = cell.state.value if cell.state_known else f"{cell.state.value} (inferred)"
    parts = dict(cell.parts)
    columns = tuple(seconds(parts[name]) for name, _ in PARTS)
    return (pair(cell), state, str(cell.count), middle(cell.swap), *columns, speed(cell.bytes_per_s))


def terminal_text(study: SwapStudy, width: int = 80) -> str:
    """Headline, table and notes; the table is as wide as it must be, text is wrapped at `width`."""
    buffer = io.StringIO()
    console = Console(file=buffer, width=_WIDE_ENOUGH, force_terminal=False, legacy_windows=False)
    table = Table(box=None, pad_edge=False, padding=(0, 1))
    for number, place in enumerate(_ON_TERMINAL):
        table.add_column(COLUMNS[place], justify="left" if number <= 1 else "right", no_wrap=True)
    for cell in study.matrix.cells:
        texts = cells_of(cell)
        table.add_row(*(Text(texts[place].replace(" (inferred)", "?")) for place in _ON_TERMINAL))
    lines: list[str] = [headline(study), ""]
    console.print(table, markup=False, highlight=False, emoji=False)
    remarks = [f"{pair(cell)} ({cell.state.value}): {remark(cell)}" for cell in study.matrix.cells if remark(cell)]
    wrapped = Console(file=(rest := io.StringIO()), width=width, force_terminal=False, legacy_windows=False)
    for sentence in (*remarks, *([""] if remarks else []), *notes(study)):
        wrapped.print(Text(plain(sentence) if sentence else ""), markup=False, highlight=False, emoji=False)
    text = "\n".join(lines) + buffer.getvalue() + "\n" + rest.getvalue()
    return "\n".join(line.rstrip() for line in text.split("\n")).rstrip()


def markdown_text(study: SwapStudy) -> str:
    """The same for an issue or a chat."""
    facts = study.facts
    rows = ["| " + " | ".join((*(escape(text) for text in cells_of(cell)), escape(remark(cell)))) + " |"
            for cell in study.matrix.cells]  # fmt: skip
    made = (
        f"Ollama {facts.server_version}, seed {study.order.seed}, {study.order.rounds} rounds, {facts.started_at}, "
        f"hotswap {facts.toolkit_version}."
    )
    lines = [
        f"## {escape(title(study))}",
        "",
        f"**{escape(headline(study))}**",
        "",
        "| " + " | ".join((*COLUMNS, "remark")) + " |",
        "| :--- | :--- |" + " ---: |" * (len(COLUMNS) - 2) + " :--- |",
        *rows,
        "",
        *(f"- {escape(note)}" for note in notes(study)),
        "",
        escape(made),
        "",
    ]
    return "\n".join(lines)
