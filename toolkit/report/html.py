"""The page: one HTML file that needs nothing else, no network, no script, no font.

It follows the reader's light or dark setting, fits a phone and a sheet of paper, and says in words what its figures
show.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from toolkit.report import figures, palette
from toolkit.report.page import answer, background, pictures
from toolkit.report.page.markup import beside, esc
from toolkit.report.svg import hatches

if TYPE_CHECKING:
    from toolkit.replay.results import Comparison
    from toolkit.report.scene import Scene

# A page with text from foreign hosts in it runs nothing and fetches nothing, even if an escape were missing somewhere.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_CONTENTS = (
    ("numbers", "Numbers"),
    ("timeline", "Timeline"),
    ("latency", "Latency"),
    ("swap", "Swap time"),
    ("hits", "Hit rates"),
    ("models", "Models"),
    ("together", "What fits"),
    ("provenance", "Provenance"),
    ("reading", "How to read"),
)


def render_html(comparison: Comparison, scenes: dict[str, Scene] | None = None) -> str:
    """Return the whole page. `scenes` are the figures if the caller has them already; same comparison, same bytes."""
    drawn = figures.scenes(comparison) if scenes is None else scenes
    body = "\n".join(
        (
            answer.header(comparison),
            answer.key_numbers(comparison),
            pictures.timeline(comparison, drawn),
            pictures.latency(comparison, drawn),
            beside(pictures.swap_time(comparison, drawn), pictures.hit_rates(comparison, drawn)),
            pictures.models(comparison, drawn),
            background.together(comparison),
            background.promises(comparison),
            background.provenance(comparison),
            background.glossary(),
        )
    )
    contents = "".join(f'<a href="#{anchor}">{esc(label)}</a>' for anchor, label in _CONTENTS)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<link rel="icon" href="data:,">\n<title>{esc(comparison.title)}: hotswap comparison</title>\n'
        f"<style>\n{_style()}</style>\n</head>\n<body>\n"
        f'<svg class="defs" aria-hidden="true">{hatches()}</svg>\n'
        f'<a class="skip" href="#numbers">Skip to the numbers</a>\n<nav aria-label="Sections">{contents}</nav>\n'
        f"<main>\n{body}\n</main>\n"
        f"<footer>hotswap {esc(comparison.provenance.toolkit_version)}</footer>\n</body>\n</html>\n"
    )


def _style() -> str:
    sheet = resources.files("toolkit.report").joinpath("page.css").read_text(encoding="utf-8")
    return (
        f":root{{{palette.variables(dark=False)}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{palette.variables(dark=True)}}}}}\n"
        f"{palette.classes()}\n{sheet}"
    )
