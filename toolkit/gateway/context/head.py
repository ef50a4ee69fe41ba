"""The head of the context: one system message out of the system prompt, files and the summary. Pure.

One message, because many templates know one system text, at the beginning; in the order of how seldom the parts change,
because whatever stands behind a change must be read anew by the server.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from toolkit.gateway.context.parts import HeadPart, PartReport
from toolkit.gateway.weight import text_weight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.gateway.context.tokens import ModelTokens

CUT_MARK = "\n[… the rest is left out]"


@dataclass(frozen=True, slots=True)
class HeadText:
    """A part as it is sent, with its account."""

    text: str
    weight: float
    report: PartReport


def fitted(part: HeadPart, room: float, tokens: ModelTokens) -> HeadText:
    """The part within its budget and within `room` (a weight), cut at the end of a line if need be."""
    if part.refused is not None:
        return _empty(part, "refused", part.refused)
    if not part.text.strip():
        return _empty(part, "absent", "there is nothing in it")
    text = _section(part)
    weight = text_weight(text)
    if part.budget_tokens is None:
        return HeadText(text, weight, _report(part, tokens.part_bound(weight), "whole", "always sent"))
    limit = min(part.budget_tokens / tokens.slope, room)
    if weight <= limit:
        return HeadText(text, weight, _report(part, tokens.part_bound(weight), "whole", "within its budget"))
    short = cut(text, limit)
    if short is None:
        return _empty(part, "dropped", "no room for even its first line")
    reason = f"longer than its budget: {len(short) - len(CUT_MARK):,} of {len(text):,} characters"
    weight = text_weight(short)
    return HeadText(short, weight, _report(part, tokens.part_bound(weight), "cut", reason))


def dropped(text: HeadText, reason: str) -> HeadText:
    """The same part, left out after all."""
    return HeadText("", 0.0, replace(text.report, tokens=0, kept="dropped", reason=reason))


def cut(text: str, limit: float) -> str | None:
    """As many whole lines of a text as weigh at most `limit` with the mark at their end; None if not even one."""
    lines = text.splitlines(keepends=True)
    room = limit - text_weight(CUT_MARK)
    kept = 0
    for line in lines:
        room -= text_weight(line)
        if room < 0:
            break
        kept += 1
    body = "".join(lines[:kept]).rstrip()
    # A heading without anything below it is of no use.
    return body + CUT_MARK if body and (kept > 1 or len(lines) == 1) else None


def system_text(texts: Sequence[HeadText]) -> str:
    """All parts as one text; empty if there is nothing to say."""
    return "\n\n".join(each.text for each in texts if each.text)


def _section(part: HeadPart) -> str:
    """Files under their name; the prompts as they are."""
    body = part.text.strip()
    return body if part.budget_tokens is None else f"## {part.name}\n{body}"


def _report(part: HeadPart, tokens: int, kept: str, reason: str) -> PartReport:
    return PartReport(part.name, tokens, part.budget_tokens, kept, reason)  # type: ignore[arg-type] # one of Kept


def _empty(part: HeadPart, kept: str, reason: str) -> HeadText:
    return HeadText("", 0.0, _report(part, 0, kept, reason))
