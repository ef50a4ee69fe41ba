"""The box that answers: can I trust these numbers?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.report.page.markup import Html, esc, join, name, section
from toolkit.report.wording import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.report.trust import Finding, Trust

_SIGNS = {"void": ("missed", "✗"), "caution": ("caution", "!"), "fine": ("yes", "✓")}
_ORDER = ("void", "caution", "fine")


def trust_box(runs: Sequence[tuple[str, Trust]]) -> Html:
    """Return the findings about some runs, worst first; one that holds for all of them is said once."""
    if not runs:
        return Html("")
    worst = min((trust for _, trust in runs), key=lambda trust: _ORDER.index(trust.level))
    names_of: dict[Finding, list[str]] = {}
    for label, trust in runs:
        for finding in trust.findings:
            names_of.setdefault(finding, []).append(label)
    findings = sorted(names_of, key=lambda finding: _ORDER.index(finding.level))
    lines = join(_line(finding, names_of[finding], everybody=len(runs)) for finding in findings)
    return section(
        "trust",
        "Can I trust these numbers?",
        Html(f'<div class="trust {worst.level}"><p><strong>{esc(worst.verdict)}</strong></p><ul>{lines}</ul></div>'),
    )


def _line(finding: Finding, labels: list[str], *, everybody: int) -> Html:
    kind, sign = _SIGNS[finding.level]
    whose = Html("") if len(labels) == everybody else join((name(listed(labels)), esc(": ")))
    return Html(f'<li><span class="{kind}" aria-hidden="true">{sign}</span> {whose}{esc(finding.text)}</li>')
