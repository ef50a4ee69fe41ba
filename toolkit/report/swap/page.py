"""The swap study as one HTML file that needs nothing else: the heat map, the table, and how to read them."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from toolkit.report import palette
from toolkit.report.page.markup import Column, Html, Row, definitions, esc, figure, join, paragraph, section, table
from toolkit.report.svg import hatches
from toolkit.report.swap.text import COLUMNS, cells_of
from toolkit.report.swap.wording import PARTS, headline, notes, remark, title

if TYPE_CHECKING:
    from toolkit.measure.swap.study import SwapStudy
    from toolkit.report.scene import Scene

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_CAPTION = (
    "Median load_duration: queue, eviction, recovery of memory and load together, as the server counts them. "
    "Where a pair was measured from disk and from the page cache, the page cache is shown."
)


def render_page(study: SwapStudy, drawn: Scene) -> str:
    """The whole page."""
    facts = study.facts
    kicker = f"Ollama {facts.server_version} · {facts.started_at} · seed {study.order.seed}"
    head = Html(
        f'<header><h1>{esc(title(study))}</h1><p class="kicker">{esc(kicker)}</p>'
        f'<p class="verdict">{esc(headline(study))}</p></header>'
    )
    rows = [
        Row(esc(first), (*(esc(text) for text in rest), esc(remark(cell))))
        for cell in study.matrix.cells
        for first, *rest in [cells_of(cell)]
    ]
    meanings = {name.replace("_", " "): meaning for name, meaning in PARTS}
    columns = [Column(one, meanings.get(one, ""), numeric=one != "cache") for one in COLUMNS[1:]]
    columns.append(Column("remark", numeric=False))
    pairs = table("Medians; in brackets the 95 % interval", COLUMNS[0], columns, rows)
    parts = definitions([(name, esc(meaning)) for name, meaning in meanings.items()])
    body = join(
        (
            head,
            section("matrix", "The matrix", figure(drawn, _CAPTION, missing="Nothing was measured.")),
            section("pairs", "Pair by pair", pairs),
            section("mind", "What to mind", *(paragraph(note) for note in notes(study))),
            section("parts", "What the parts are", parts),
        )
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<link rel="icon" href="data:,">\n<title>{esc(title(study))}</title>\n<style>\n{_style()}</style>\n</head>\n'
        f'<body>\n<svg class="defs" aria-hidden="true">{hatches()}</svg>\n<main>\n{body}\n</main>\n'
        f"<footer>hotswap {esc(facts.toolkit_version)}</footer>\n</body>\n</html>\n"
    )


def _style() -> str:
    sheet = resources.files("toolkit.report").joinpath("page.css").read_text(encoding="utf-8")
    dark = f"@media screen and (prefers-color-scheme:dark){{:root{{{palette.variables(dark=True)}}}}}"
    return f":root{{{palette.variables(dark=False)}}}\n{dark}\n{palette.classes()}\n{sheet}"
