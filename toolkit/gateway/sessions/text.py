"""Sessions for people and for machines: the list, one session, what a search found, and the export. Pure."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from toolkit.report.wording import count, counted, duration, plain, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from toolkit.gateway.sessions.records import Exchange, Hit, SessionRow, StoredTurn
    from toolkit.ollama.types import ChatMessage

_NS_PER_S = 1_000_000_000
_MODEL, _TITLE = 28, 48


def list_text(rows: Sequence[SessionRow]) -> str:
    """One session a line."""
    if not rows:
        return "no sessions yet: `hotswap serve` keeps those of requests that name one"
    heading = ("session", "last used (UTC)", "turns", "messages", "answered by", "began with")
    cells = [heading, *map(_cells, rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heading))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def row_data(row: SessionRow) -> dict[str, Any]:
    """A session without its messages, for machines."""
    return {
        "session": row.id,
        "created": _moment(row.created_ns),
        "used": _moment(row.used_ns),
        "turns": row.turns,
        "messages": row.messages,
        "text_bytes": row.text_bytes,
        "models": dict(row.models),
        "title": row.title,
    }


def turns_text(row: SessionRow, turns: Iterable[StoredTurn]) -> str:
    """A whole session to be read."""
    first = (
        f"{row.id}: {counted(row.turns, 'turn')}, {counted(row.messages, 'message')}, last used {_moment(row.used_ns)}"
    )
    return "\n\n".join((first, *map(_turn_text, turns)))


def turn_data(session_id: str, turn: StoredTurn) -> dict[str, Any]:
    """A turn with its messages, for machines; what is absent is left out. Times of a day are UTC."""
    exchange = turn.exchange
    messages = (*exchange.said, *(() if exchange.answer is None else (exchange.answer,)))
    facts = {
        "session": session_id,
        "turn": turn.number,
        "started": _moment(exchange.started_ns),
        "outcome": exchange.outcome,
        "error": exchange.error,
        "model": exchange.model,
        "model_asked": exchange.model_asked,
        "reason": exchange.reason,
        "rule": exchange.rule,
        "found": exchange.found,
        "done_reason": exchange.done_reason,
        "prompt_tokens": exchange.prompt_tokens,
        "prompt_cached": exchange.prompt_cached,
        "answer_tokens": exchange.answer_tokens,
        "queue_ns": exchange.queue_ns,
        "load_ns": exchange.load_ns,
        "first_token_ns": exchange.first_token_ns,
        "total_ns": exchange.total_ns,
        "request_key": exchange.request_key,
    }
    told = [
        {"position": position, **_message_data(one)} for position, one in zip(turn.positions, messages, strict=True)
    ]
    return {**{name: value for name, value in facts.items() if value is not None}, "messages": told}


def export_lines(session_id: str, turns: Iterable[StoredTurn]) -> Iterable[str]:
    """One line of JSON a turn."""
    return (json.dumps(turn_data(session_id, turn), ensure_ascii=False) for turn in turns)


def hits_text(hits: Sequence[Hit]) -> str:
    """One message found a line, the best first."""
    if not hits:
        return "nothing found"
    return "\n".join(map(_hit_text, hits))


def hit_data(hit: Hit) -> dict[str, Any]:
    """A message found, for machines."""
    return {
        "session": hit.session_id,
        "position": hit.position,
        "role": hit.role,
        "at": _moment(hit.at_ns),
        "score": round(hit.score, 4),
        "snippet": hit.snippet,
        "content": hit.content,
    }


def _hit_text(hit: Hit) -> str:
    around = plain(" ".join(hit.snippet.split()))
    return f"{hit.session_id}  message {hit.position}  {_moment(hit.at_ns)}  {hit.role}: {around}"


def _cells(row: SessionRow) -> tuple[str, ...]:
    models = ", ".join(f"{model} {number}" for model, number in row.models)
    title = shortened(plain(row.title), _TITLE)
    return row.id, _moment(row.used_ns), count(row.turns), count(row.messages), shortened(plain(models), _MODEL), title


def _turn_text(turn: StoredTurn) -> str:
    exchange = turn.exchange
    said = [f"{message.role}: {_content(message)}" for message in exchange.said]
    if exchange.answer is not None:
        said.append(f"{plain(exchange.model)}: {_content(exchange.answer)}")
    return "\n".join((f"[{turn.number}] {_moment(exchange.started_ns)}  {_facts(exchange)}", *said))


def _facts(exchange: Exchange) -> str:
    facts = [plain(exchange.model), plain(exchange.reason)]
    if exchange.outcome != "answered":
        facts.insert(0, exchange.outcome.upper() + (f" ({plain(exchange.error)})" if exchange.error else ""))
    if exchange.found is not None:
        facts.append(exchange.found)
    if exchange.prompt_tokens is not None:
        cached = " cached" if exchange.prompt_cached else ""
        facts.append(f"{count(exchange.prompt_tokens)} tokens in{cached}")
    if exchange.answer_tokens is not None:
        facts.append(f"{count(exchange.answer_tokens)} out")
    if exchange.first_token_ns is not None:
        facts.append(f"first after {duration(exchange.first_token_ns / _NS_PER_S)}")
    return " · ".join(facts)


def _content(message: ChatMessage) -> str:
    calls = [f"[calls {call.name} {json.dumps(call.arguments, ensure_ascii=False)}]" for call in message.tool_calls]
    pictures = [f"[{counted(len(message.images), 'picture')}]"] if message.images else []
    lines = "\n".join(plain(line) for line in message.content.splitlines())
    return " ".join((*([lines] if lines else []), *pictures, *map(plain, calls)))


def _message_data(message: ChatMessage) -> dict[str, Any]:
    data: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.thinking:
        data["thinking"] = message.thinking
    if message.tool_calls:
        data["tool_calls"] = [
            {"id": one.id, "name": one.name, "arguments": one.arguments} for one in message.tool_calls
        ]
    if message.tool_name:
        data["tool_name"] = message.tool_name
    if message.images:
        data["images"] = [base64.b64encode(image).decode() for image in message.images]
    return data


def _moment(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns // _NS_PER_S, UTC).strftime("%Y-%m-%d %H:%M:%S")
