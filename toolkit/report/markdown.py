"""The comparison as a short Markdown text, for the summary of a CI job, an issue or a chat."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from toolkit.report import measures
from toolkit.report.verdict import leaders
from toolkit.report.wording import achieved, count, duration, percent, plain

if TYPE_CHECKING:
    from toolkit.replay.results import Comparison, Distribution, Optimum, StrategySummary

_SPECIAL = re.compile(r"([\\`*_{}\[\]#|~$@]|^[-+=])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_LINKED = re.compile(r"(?i)\b(https?|ftp|mailto)(:)|\b(www)(\.)")
_COLUMNS = (
    "Hit rate",
    "Of optimum",
    "Joined",
    "Swaps",
    "Wait mean",
    "Wait p95",
    "TTFT cold p50",
    "TTFT warm p50",
    "End to end p50",
)


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, on one line, in a table cell too.

    Entities stand for what would begin HTML; a word that renderers would turn into a link or a mention is broken up by
    an empty comment, which shows nothing.
    """
    visible = "".join(_ENTITIES.get(character, character) for character in plain(text))
    marked = _SPECIAL.sub(r"\\\1", visible)
    return _LINKED.sub(lambda found: "<!-- -->".join(part for part in found.groups() if part), marked)


def render_markdown(comparison: Comparison) -> str:
    """Return the summary: title, verdict, table, notes, provenance in one line."""
    best = leaders(comparison)
    distinct = len(best) < len(comparison.strategies)
    rows = [_row(one, comparison.optimum, strong=distinct and one.strategy in best) for one in comparison.strategies]
    if comparison.optimum is not None:
        rows.append(_optimum_row(comparison.optimum))
    origin = measures.origin(comparison)
    notes = [f"- {escape(note)}" for note in comparison.notes]
    source = comparison.provenance
    made = f"plan {escape(source.plan)} ({escape(source.plan_sha256[:12])}), seed {source.seed}"
    lines = [
        f"## {escape(comparison.title)}",
        "",
        f"**{escape(comparison.verdict or 'No verdict was given.')}**",
        "",
        _line(("Strategy", *_COLUMNS)),
        _line((":---", *("---:" for _ in _COLUMNS))),
        *rows,
        "",
        *([*notes, ""] if notes else []),
        f"{escape(origin[:1].upper() + origin[1:])}. hotswap {escape(source.toolkit_version)}, {made}.",
    ]
    return "\n".join(lines) + "\n"


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _row(one: StrategySummary, optimum: Optimum | None, *, strong: bool) -> str:
    name = f"**{escape(one.strategy)}**" if strong else escape(one.strategy)
    return _line(
        (
            name,
            percent(one.hit_rate),
            achieved(measures.share_of_optimum(one, optimum)),
            count(one.joined),
            count(one.swaps),
            duration(None if one.wait is None else one.wait.mean_s),
            duration(None if one.wait is None else one.wait.p95_s),
            _median(one.ttft_cold),
            _median(one.ttft_warm),
            _median(one.e2e),
        )
    )


def _median(values: Distribution | None) -> str:
    return duration(None if values is None else values.p50_s).replace("<", "&lt;")


def _optimum_row(optimum: Optimum) -> str:
    at_most, at_least = ("≤ ", "≥ ") if optimum.method == "bound" else ("", "")
    known = (
        "optimum",
        f"{at_most}{percent(optimum.hit_rate)}",
        "100 %",
        duration(None),
        f"{at_least}{count(optimum.requests - optimum.hits)}",
    )
    return _line(known + (duration(None),) * (len(_COLUMNS) + 1 - len(known)))
