"""The page: one HTML file that needs nothing else, no network, no script, no font.

It follows the reader's light or dark setting, fits a phone and a sheet of paper, and says in words what its figures
show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.report import figures
from toolkit.report.page import answer, background, pictures
from toolkit.report.page.document import document
from toolkit.report.page.markup import beside
from toolkit.report.page.trust_box import trust_box
from toolkit.report.trust import judged

if TYPE_CHECKING:
    from toolkit.replay.results import Comparison
    from toolkit.report.scene import Scene

_CONTENTS = (
    ("numbers", "Numbers"),
    ("trust", "Trust"),
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
            trust_box(judged(comparison)),
            pictures.timeline(comparison, drawn),
            pictures.latency(comparison, drawn),
            beside(pictures.swap_time(comparison, drawn), pictures.hit_rates(comparison, drawn)),
            pictures.models(comparison, drawn),
            background.together(comparison, drawn),
            background.promises(comparison),
            background.provenance(comparison),
            background.glossary(),
        )
    )
    return document(f"{comparison.title}: hotswap comparison", _CONTENTS, body, comparison.provenance.toolkit_version)
