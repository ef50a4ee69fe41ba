"""A composition for people and for machines: what is sent, and what became of each part. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from toolkit.gateway.sessions.wire import message_data
from toolkit.report.wording import count, counted, plain

if TYPE_CHECKING:
    from toolkit.gateway.context.parts import Composition, ContextReport, PartReport
    from toolkit.ollama.types import ChatMessage

_SIGNS = {"whole": "✓", "cut": "◐", "dropped": "✗", "refused": "✗", "absent": "·"}


def context_text(session_id: str, model: str, composition: Composition) -> str:
    """The account of the parts, then every message exactly as it is sent."""
    report = composition.report
    whole, free = count(report.context_tokens), count(report.answer_tokens)
    first = f"session {session_id}, for {plain(model)}: a context of {whole} tokens, {free} kept free for the answer"
    lines = [first, _sum(report), "", *_table(report)]
    if report.window.dropped:
        told = (
            "all are told by the summary" if not report.window.untold else f"{report.window.untold} are not summarised"
        )
        lines += ["", f"{counted(report.window.dropped, 'older message')} not sent as they were: {told}"]
    number = len(composition.messages)
    lines += ["", f"what is sent ({counted(number, 'message')}):"]
    for message in composition.messages:
        lines += ["", f"── {message.role}{' ' + plain(message.tool_name) if message.tool_name else ''}", _body(message)]
    return "\n".join(lines)


def context_data(session_id: str, model: str, composition: Composition) -> dict[str, Any]:
    """The same for machines; `messages` are as they go to `/api/chat`."""
    report = composition.report
    return {
        "session": session_id,
        "model": model,
        "context_tokens": report.context_tokens,
        "answer_tokens": report.answer_tokens,
        "room_tokens": report.context_tokens - report.answer_tokens,
        "bound_tokens": report.bound_tokens,
        "estimate_tokens": report.estimate_tokens,
        "certain": report.certain,
        "parts": [
            {
                "name": part.name,
                "tokens": part.tokens,
                "budget_tokens": part.budget_tokens,
                "kept": part.kept,
                "reason": part.reason,
            }
            for part in report.parts
        ],
        "window": {
            "start": report.window.start,
            "next_start": report.window.next_start,
            "fill": report.window.fill,
            "dropped": report.window.dropped,
            "untold": report.window.untold,
        },
        "summary_through": report.summary_through,
        "messages": [message_data(message) for message in composition.messages],
    }


def _sum(report: ContextReport) -> str:
    room = report.context_tokens - report.answer_tokens
    verdict = "" if report.certain else "; it may be too long: everything but the request was left out"
    return (
        f"the prompt has about {count(report.estimate_tokens)} tokens and at most {count(report.bound_tokens)}"
        f" of {count(room)}{verdict}"
    )


def _table(report: ContextReport) -> list[str]:
    heading = ("", "part", "tokens ≤", "budget", "", "why")
    cells = [heading, *map(_cells, report.parts)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heading))]
    right = {2, 3}
    return [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def _cells(part: PartReport) -> tuple[str, ...]:
    budget = "-" if part.budget_tokens is None else count(part.budget_tokens)
    return _SIGNS[part.kept], plain(part.name), count(part.tokens), budget, part.kept, plain(part.reason)


def _body(message: ChatMessage) -> str:
    """The text line by line; what could act on a terminal is made visible, `--json` has it as it is."""
    lines = [plain(line) for line in message.content.split("\n")] if message.content else []
    lines += [plain(f"[calls {call.name} {json.dumps(dict(call.arguments))}]") for call in message.tool_calls]
    if message.images:
        lines.append(f"[{counted(len(message.images), 'picture')}]")
    return "\n".join(lines)
