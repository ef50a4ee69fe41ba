"""Runs one completion: checks, prompt, tokens at the model's pace, stop sequences, counters.

What comes out is a stream of `Piece`s and one `Finish`; the endpoints make their own shapes of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from toolkit.host.app.schemas import go_quote
from toolkit.host.speech.stops import StopWatch
from toolkit.host.speech.voice import Asked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from toolkit.host.app.engine import Lease
    from toolkit.host.app.services import Services
    from toolkit.host.library.models import InstalledModel

OPEN_ENDED_CONTEXTS = 10
"""A request without a limit may write this many times its context."""
_OVERHEAD_NS = 4_000_000
"""total_duration less its parts, as measured."""
_SCHEMA_TYPES = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})


class CompletionFailedError(Exception):
    """The runner refuses or fails; `status` applies as long as nothing has been sent."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(frozen=True, slots=True)
class Order:
    """One completion. `format` is JSON text as it stood in the request, or None."""

    model: InstalledModel
    prompt: str
    options: dict[str, Any]
    """Options of the model and the request together, checked."""
    last_user: str
    format: str | None = None
    raw_format: str | None = None
    images: int = 0
    truncate: bool = True
    logprobs: bool = False
    top_logprobs: int = 0
    native: bool = False
    """The runner makes the prompt from the messages itself."""
    tools: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """Text to send, and what is known of its tokens."""

    text: str
    logprobs: list[dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """The end. Durations are unscaled."""

    reason: str
    prompt_count: int
    prompt_ns: int
    count: int
    eval_ns: int
    total_ns: int
    load_ns: int

    def metrics(self) -> dict[str, int]:
        """The counters of the last message, zero ones left out."""
        values = {
            "total_duration": self.total_ns,
            "load_duration": self.load_ns,
            "prompt_eval_count": self.prompt_count,
            "prompt_eval_duration": self.prompt_ns,
            "eval_count": self.count,
            "eval_duration": self.eval_ns,
        }
        return {key: value for key, value in values.items() if value}


@dataclass(slots=True)
class Completion:
    """A completion under way."""

    services: Services
    lease: Lease
    order: Order
    written: str = field(default="")
    """All text sent so far."""

    async def run(self) -> AsyncIterator[Piece | Finish]:
        """Write the answer.

        Raises:
            CompletionFailedError: before the first piece, or in mid-stream.
        """
        order, lease, line = self.order, self.lease, self.services.line
        schema = None if line.native_errors else self._schema()
        waited_ns = await lease.enter()
        tokens = self._prompt_tokens()
        if line.native_errors:
            schema = self._schema()
        self._check_images()
        prompt_ns = lease.read_ns(tokens)
        await lease.pause(prompt_ns)
        tokenizer = self.services.speech.tokenizer(order.model)
        voice = iter(self.services.speech.voice(order.model).say(self._asked(tokens, schema), tokenizer))
        watch = StopWatch(tuple(order.options.get("stop") or ()))
        limit = self._limit(len(tokens))
        spoken: list[int] = []
        count, eval_ns, reason = 0, 0, "stop"
        while True:
            token = next(voice, None)
            count += 1
            if count > 1:
                step_ns = lease.write_ns(len(tokens) + count)
                eval_ns += step_ns
                await lease.pause(step_ns)
            text = watch.flush() if token is None else watch.add(tokenizer.piece(token))
            if text:
                self.written += text
                yield Piece(text, self._logprobs(token, tokenizer) if order.logprobs else None)
            if token is None:
                break
            spoken.append(token)
            if watch.stopped:
                break
            if count >= limit:
                reason = "length"
                if line.flushes_at_limit and (text := watch.flush()):
                    self.written += text
                    yield Piece(text)
                break
        lease.wrote([*tokens, *spoken])
        yield self._finish(Finish(reason, len(tokens), prompt_ns, count, eval_ns, waited_ns, lease.load_ns))

    def _asked(self, tokens: list[int], schema: Any) -> Asked:
        order = self.order
        return Asked(
            order.prompt,
            tuple(tokens),
            order.last_user,
            int(order.options.get("seed", -1)),
            None if order.native else schema,
            order.tools,
            order.model.template.tool_tag,
        )

    def _finish(self, raw: Finish) -> Finish:
        """The counters with the grain of the server's clock, and their total (which came in as the wait alone)."""
        least_ns = self.services.line.least_eval_ns
        prompt_ns, eval_ns = raw.prompt_ns, raw.eval_ns
        if least_ns:
            eval_ns = max(eval_ns // least_ns, 1) * least_ns
            prompt_ns = max(prompt_ns // least_ns, 1) * least_ns
        total_ns = raw.load_ns + raw.total_ns + prompt_ns + eval_ns + _OVERHEAD_NS
        return replace(raw, prompt_ns=prompt_ns, eval_ns=eval_ns, total_ns=total_ns)

    def _prompt_tokens(self) -> list[int]:
        """The prompt in tokens, cut to the context where that is allowed."""
        order, lease, line = self.order, self.lease, self.services.line
        tokens = self.services.speech.tokenizer(order.model).encode(order.prompt)
        context = lease.num_ctx
        if order.truncate and not order.native:
            return self._cut(tokens, context)
        room = -(-context // line.context_step) * line.context_step
        if len(tokens) < room or (not line.native_errors and len(tokens) <= room):
            return tokens
        if not line.native_errors:
            raise CompletionFailedError(400, "the input length exceeds the context length")
        message = (
            f"request ({len(tokens)} tokens) exceeds the available context size ({room} tokens), try increasing it"
        )
        raise CompletionFailedError(
            400,
            runner_error(400, message, "exceed_context_size_error", n_prompt_tokens=len(tokens), n_ctx=room),
        )

    def _cut(self, tokens: list[int], context: int) -> list[int]:
        keep = int(self.order.options.get("num_keep", 4))
        if not self.services.line.shifts_by_half:
            keep = min(len(tokens) if keep < 0 else keep, context - 1)
            return tokens if len(tokens) <= context else tokens[:keep] + tokens[len(tokens) - (context - keep) :]
        most = context - 1
        if context <= 1 or len(tokens) <= most:
            return tokens
        if not self.lease.context_shift:
            raise CompletionFailedError(
                400,
                "the prompt is longer than the context length currently available to the model; shorten the prompt, "
                "adjust the context length in settings, or use a model with a longer context length",
            )
        keep = min(len(tokens) if keep < 0 else keep, most)
        limit = context - max((context - keep) // 2, 1)
        return tokens[:keep] + tokens[len(tokens) - (limit - keep) :] if limit > keep else tokens[:keep]

    def _limit(self, prompt_count: int) -> int:
        """After how many tokens the answer ends."""
        line, context = self.services.line, self.lease.num_ctx
        most = OPEN_ENDED_CONTEXTS * context
        asked = int(self.order.options.get("num_predict", -1))
        # 0 is no limit in the server; an endless model would then never end, which helps nobody.
        limit = most if asked <= 0 or asked > most else asked
        if not self.lease.context_shift:
            room = -(-context // line.context_step) * line.context_step
            return max(1, min(limit, room - prompt_count + (0 if line.native_errors else 1)))
        return limit

    def _schema(self) -> Any:
        """What the answer must comply with. Raises CompletionFailedError."""
        text = self.order.format
        if text is None or text in {"null", '""', ""}:
            return None
        if text == '"json"':
            return "json"
        if not text.startswith("{"):
            shown = go_quote(self.order.raw_format or text)
            raise CompletionFailedError(500, f'invalid format: {shown}; expected "json" or a valid JSON Schema object')
        schema = json.loads(text)
        bad = None if self.order.native else unrecognised_schema(schema)
        if bad is None:
            return schema
        if not self.services.line.native_errors:
            raise CompletionFailedError(500, "invalid JSON schema in format")
        shown = json.dumps(bad, ensure_ascii=False, separators=(",", ":"))
        message = f"Field 'json_schema': \"json_schema\": JSON schema conversion failed:\nUnrecognized schema: {shown}"
        raise CompletionFailedError(400, runner_error(400, message, "invalid_request_error"))

    def _check_images(self) -> None:
        model = self.order.model
        if not self.order.images or "vision" in model.capabilities or not self.services.line.refuses_images:
            return
        if self.order.native:
            message = "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"
            raise CompletionFailedError(500, runner_error(500, message, "server_error"))
        message = "Multimodal data provided, but model does not support multimodal requests."
        raise CompletionFailedError(400, runner_error(400, message, "invalid_request_error"))

    def _logprobs(self, token: int | None, tokenizer: Any) -> list[dict[str, Any]] | None:
        if token is None:
            return None
        text = tokenizer.piece(token)
        entry = {"token": text, "logprob": 0, "bytes": list(text.encode())}
        if not self.order.top_logprobs:
            return [entry]
        others = [chr(ord("a") + place) for place in range(self.order.top_logprobs - 1)]
        ranked = [
            {"token": other, "logprob": -20 - place, "bytes": list(other.encode())}
            for place, other in enumerate(others)
        ]
        return [{**entry, "top_logprobs": [dict(entry), *ranked]}]


def runner_error(code: int, message: str, kind: str, **more: int) -> str:
    """An error of the runner, which the server passes on as text."""
    body = {"error": {"code": code, "message": message, "type": kind, **more}}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def unrecognised_schema(schema: Any) -> Any:
    """The first part of a JSON schema that no grammar can be made of, or None."""
    if not isinstance(schema, dict):
        return None
    kinds = schema.get("type")
    known = {
        "anyOf",
        "oneOf",
        "allOf",
        "$ref",
        "enum",
        "const",
        "properties",
        "pattern",
        "format",
        "not",
    } & schema.keys()
    names = kinds if isinstance(kinds, list) else [kinds]
    if kinds is not None and not known and any(name not in _SCHEMA_TYPES for name in names):
        return schema
    for part in (schema.get("properties") or {}).values():
        found = unrecognised_schema(part)
        if found is not None:
            return found
    return unrecognised_schema(schema.get("items"))
