"""OpenAI's completions of a bare text, which editors ask for, as Ollama's generate; and the answers back. Pure.

As Ollama's own `/v1/completions` answers, but that `keep_alive`, `options` and `think` go through, and what is not said
is left to the model's own parameters. Its `echo`, `best_of` and `logprobs` have no effect there, nor here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.gateway.openai_in import native_options, refuse_choices
from toolkit.gateway.openai_out import DONE, event, usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_AS_THEY_ARE = ("suffix", "keep_alive", "think")


def native_generate(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body for `/api/generate`, without the model. Raises Refusal for more than one choice, or wrong options."""
    refuse_choices(body)
    native: dict[str, Any] = {"prompt": body.get("prompt") or "", "stream": body.get("stream") is True}
    options = native_options(body)
    if options:
        native["options"] = options
    native.update((name, body[name]) for name in _AS_THEY_ARE if body.get(name) is not None)
    return native


class TextChunks:
    """The chunks of one streamed text. `with_usage`: each has token counts, of zero but in one more before the end."""

    def __init__(self, completion_id: str, created_s: int, model: str, *, with_usage: bool) -> None:
        self._head = _head(completion_id, created_s, model)
        self._with_usage = with_usage

    def of(self, record: Mapping[str, Any]) -> Iterator[bytes]:
        """The events for one line of the host's answer."""
        none = {"usage": usage({})} if self._with_usage else {}
        yield event({**self._head, "choices": [_choice(record)], **none})
        if record.get("done") is True:
            if self._with_usage:
                yield event({**self._head, "choices": [], "usage": usage(record)})
            yield DONE


def whole_text(record: Mapping[str, Any], completion_id: str, created_s: int) -> dict[str, Any]:
    """A whole answer."""
    head = _head(completion_id, created_s, record.get("model", ""))
    return {**head, "choices": [_choice(record)], "usage": usage(record)}


def _head(completion_id: str, created_s: int, model: str) -> dict[str, Any]:
    return {
        "id": completion_id,
        "object": "text_completion",
        "created": created_s,
        "model": model,
        "system_fingerprint": "fp_ollama",
    }


def _choice(record: Mapping[str, Any]) -> dict[str, Any]:
    """The server's own reason for the end: `stop`, `length`, or `load` where there was no prompt."""
    return {"text": record.get("response", ""), "index": 0, "finish_reason": record.get("done_reason") or None}
