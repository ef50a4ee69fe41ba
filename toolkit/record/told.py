"""What an answer tells about the work that it was: the server's counters, the usage of `/v1`, an error. Pure.

An answer's lines are gone through as they pass, and only those that may hold something are kept.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

MOST_LINE_BYTES = 16 << 20
"""A longer line (a long `context`, a heap of embeddings) is not read; its request then has estimated tokens."""
_MOST_KEPT = 8
_NO_DATA = (b"event:", b":", b"data: [DONE]")
_TELLING = re.compile(rb'"(?:usage|error)"\s*:|"done"\s*:\s*true')


@dataclass(frozen=True, slots=True)
class Told:
    """The end of an answer. Tokens are None if nobody counted; times in nanoseconds, the server's own."""

    prompt_tokens: int | None = None
    output_tokens: int | None = None
    load_ns: int | None = None
    prompt_eval_ns: int | None = None
    eval_ns: int | None = None
    total_ns: int | None = None
    done_reason: str | None = None
    error: str | None = None


class AnswerLines:
    """Takes an answer's content piece by piece. `pieces` counts the lines that may hold a token.

    `by_line` is False for an answer that is one JSON document; `texts` keeps everything, for `text`.
    """

    def __init__(self, *, by_line: bool, texts: bool) -> None:
        self._by_line = by_line
        self._texts = texts
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._kept: list[bytes] = []
        self.pieces = 0

    def take(self, content: bytes) -> None:
        """More of the body."""
        *whole, rest = content.split(b"\n") if self._by_line else (content,)
        for line in whole:
            self._hold(line)
            self.end()
        self._hold(rest)

    def end(self) -> None:
        """The line, or all of it, is complete."""
        line, size = b"".join(self._held).strip(), self._held_bytes
        self._held, self._held_bytes = [], 0
        if not line or size > MOST_LINE_BYTES or line.startswith(_NO_DATA):
            return
        self.pieces += 1
        if self._texts or _TELLING.search(line):
            self._kept.append(line)
            if not self._texts:
                del self._kept[:-_MOST_KEPT]

    def _hold(self, part: bytes) -> None:
        if self._held_bytes <= MOST_LINE_BYTES:
            self._held.append(part)
            self._held_bytes += len(part)

    def told(self) -> Told:
        """What the lines say together; later ones rule."""
        found: dict[str, Any] = {}
        for value in self._values():
            found.update(_counters(value))
        return Told(**found)

    def text(self) -> str:
        """The answer's own words, from all of its lines."""
        return "".join(_words(value) for value in self._values())

    def _values(self) -> list[dict[str, Any]]:
        values = []
        for line in self._kept:
            try:
                value = json.loads(line.removeprefix(b"data:"))
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict):
                values.append(value)
        return values


def _counters(value: dict[str, Any]) -> dict[str, Any]:
    """What one line adds."""
    found: dict[str, Any] = {
        "prompt_tokens": _count(value.get("prompt_eval_count")),
        "output_tokens": _count(value.get("eval_count")),
        "load_ns": _count(value.get("load_duration")),
        "prompt_eval_ns": _count(value.get("prompt_eval_duration")),
        "eval_ns": _count(value.get("eval_duration")),
        "total_ns": _count(value.get("total_duration")),
    }
    for holder in (value, value.get("response"), value.get("message")):  # /v1/responses and /v1/messages wrap it
        usage = holder.get("usage") if isinstance(holder, dict) else None
        if isinstance(usage, dict) and any(
            _count(each) for each in usage.values()
        ):  # chunks before the last may count 0 of all
            found["prompt_tokens"] = _count(usage.get("prompt_tokens", usage.get("input_tokens"))) or None
            found["output_tokens"] = _count(usage.get("completion_tokens", usage.get("output_tokens")))
    reason, error = value.get("done_reason"), value.get("error")
    if isinstance(reason, str):
        found["done_reason"] = reason
    if isinstance(error, dict):
        error = error.get("message")
    if isinstance(error, str):
        found["error"] = error
    return {name: known for name, known in found.items() if known is not None}


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _words(value: dict[str, Any]) -> str:
    message = value.get("message")
    choices = value.get("choices")
    candidates = [value.get("response"), message.get("content") if isinstance(message, dict) else None]
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        for name in ("delta", "message"):
            inner = choices[0].get(name)
            candidates.append(inner.get("content") if isinstance(inner, dict) else None)
        candidates.append(choices[0].get("text"))
    if value.get("type") == "response.output_text.delta":
        candidates.append(value.get("delta"))
    if value.get("type") == "content_block_delta" and isinstance(value.get("delta"), dict):
        candidates.append(value["delta"].get("text"))
    return next((each for each in candidates if isinstance(each, str) and each), "")
