"""Ollama's answers as OpenAI's. Pure: lines in, chunks out."""

from __future__ import annotations

import base64
import json
import struct
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DONE: Final = b"data: [DONE]\n\n"


def event(value: Mapping[str, Any]) -> bytes:
    """One event of a stream."""
    return b"data: " + json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n\n"


class ChatChunks:
    """The chunks of one streamed chat. `with_usage`: the last one before the end has the token counts."""

    def __init__(self, completion_id: str, created_s: int, model: str, *, with_usage: bool) -> None:
        self._id = completion_id
        self._head = {
            "id": completion_id,
            "object": "chat.completion.chunk",
            "created": created_s,
            "model": model,
            "system_fingerprint": "fp_ollama",
        }
        self._with_usage = with_usage
        self._has_begun = False
        self._calls = 0

    def of(self, record: Mapping[str, Any]) -> Iterator[bytes]:
        """The events for one line of the host's answer."""
        delta = self._delta(record.get("message"))
        chances = logprobs(record)
        if delta or chances or not self._has_begun:
            role = {} if self._has_begun else {"role": "assistant"}
            self._has_begun = True
            yield event(self._chunk({**role, "content": "", **delta} if role else delta, None, chances))
        if record.get("done") is True:
            yield event(self._chunk({}, finish_reason(record, has_calls=self._calls > 0), {}))
            if self._with_usage:
                yield event({**self._head, "choices": [], "usage": usage(record)})
            yield DONE

    def _delta(self, message: Any) -> dict[str, Any]:
        if not isinstance(message, dict):
            return {}
        delta: dict[str, Any] = {}
        if message.get("content"):
            delta["content"] = message["content"]
        if message.get("thinking"):
            delta["reasoning"] = message["thinking"]
        if message.get("tool_calls"):
            delta["tool_calls"] = tool_calls(message["tool_calls"], self._id, self._calls)
            self._calls += len(delta["tool_calls"])
        return delta

    def _chunk(self, delta: dict[str, Any], reason: str | None, chances: dict[str, Any]) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, **chances}
        chunk: dict[str, Any] = {**self._head, "choices": [choice]}
        return {**chunk, "usage": None} if self._with_usage else chunk


def whole_chat(record: Mapping[str, Any], completion_id: str, created_s: int) -> dict[str, Any]:
    """A whole answer."""
    said = record.get("message")
    native: Mapping[str, Any] = said if isinstance(said, dict) else {}
    message: dict[str, Any] = {"role": "assistant", "content": native.get("content", "")}
    if native.get("thinking"):
        message["reasoning"] = native["thinking"]
    calls = tool_calls(native.get("tool_calls") or [], completion_id, 0)
    if calls:
        message["tool_calls"] = calls
        message["content"] = message["content"] or None
    reason = finish_reason(record, has_calls=bool(calls))
    return {
        "id": completion_id,
        "object": "chat.completion",
        "created": created_s,
        "model": record.get("model", ""),
        "system_fingerprint": "fp_ollama",
        "choices": [{"index": 0, "message": message, "finish_reason": reason, **logprobs(record)}],
        "usage": usage(record),
    }


def tool_calls(calls: list[Any], completion_id: str, first: int) -> list[dict[str, Any]]:
    """Calls with their arguments as text, as OpenAI has them; an id is made where the host gives none."""
    found = []
    for index, call in enumerate(calls, start=first):
        function = call.get("function", {})
        made = f"call_{completion_id.removeprefix('chatcmpl-')}_{index}"
        arguments = json.dumps(function.get("arguments", {}), ensure_ascii=False)
        described = {"name": function.get("name", ""), "arguments": arguments}
        found.append({"index": index, "id": call.get("id") or made, "type": "function", "function": described})
    return found


def logprobs(record: Mapping[str, Any]) -> dict[str, Any]:
    """`logprobs` of a choice; nothing where the host told none."""
    told = record.get("logprobs")
    return {"logprobs": {"content": told}} if told else {}


def finish_reason(record: Mapping[str, Any], *, has_calls: bool) -> str:
    """`tool_calls`, `length` or `stop`."""
    if has_calls:
        return "tool_calls"
    return "length" if record.get("done_reason") == "length" else "stop"


def usage(record: Mapping[str, Any]) -> dict[str, int]:
    """The token counts; the server leaves out a count of zero."""
    prompt, answer = record.get("prompt_eval_count") or 0, record.get("eval_count") or 0
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}


def embeddings(record: Mapping[str, Any], model: str, *, as_base64: bool) -> dict[str, Any]:
    """The answer of `/api/embed` as a list of embeddings."""
    vectors = record.get("embeddings") or []
    prompt = record.get("prompt_eval_count") or 0
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": _packed(vector) if as_base64 else vector}
            for index, vector in enumerate(vectors)
        ],
        "model": record.get("model") or model,
        "usage": {"prompt_tokens": prompt, "total_tokens": prompt},
    }


def model_card(row: Mapping[str, Any], created_s: int) -> dict[str, Any]:
    """A row of `/api/tags` as OpenAI lists models."""
    owner, slash, _ = str(row.get("name", "")).rpartition("/")
    return {
        "id": row.get("name", ""),
        "object": "model",
        "created": created_s,
        "owned_by": owner.rpartition("/")[2] if slash else "library",
    }


def _packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")
