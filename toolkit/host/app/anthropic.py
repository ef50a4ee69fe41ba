"""`/v1/messages`, Anthropic's API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from toolkit.host.app.anthropic_requests import MESSAGES_REQUEST, estimated_tokens, native_request
from toolkit.host.app.chat import start_chat
from toolkit.host.app.compat import SSE, anthropic_error, named_event, translated, unpacked_body
from toolkit.host.app.completion import CompletionFailedError
from toolkit.host.app.engine import RunnerDiedError
from toolkit.host.app.exchange import Answer, json_answer
from toolkit.host.app.gojson import dumps
from toolkit.host.app.goscan import GoJsonError
from toolkit.host.app.gotypes import decode
from toolkit.host.app.inference import Part, RefusedError, Turn, first_part, gather
from toolkit.host.app.openai_requests import BadRequestError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from toolkit.host.app.exchange import Call
    from toolkit.host.app.services import Services

_REASONS = {"stop": "end_turn", "length": "max_tokens", "": ""}
_STREAM_HEADERS = [("Cache-Control", "no-cache"), ("Connection", "keep-alive")]


@dataclass(frozen=True, slots=True)
class Anthropic:
    """The handler."""

    services: Services

    async def __call__(self, call: Call) -> Answer:  # noqa: PLR0911 - each way a request can end
        """Answer one request."""
        body, ended = await unpacked_body(call)
        if ended is not None:
            return ended
        services = self.services
        try:
            request = decode(MESSAGES_REQUEST, body)
            native = native_request(request)
        except (GoJsonError, BadRequestError) as error:
            return json_answer(anthropic_error(400, str(error), services.hex_id("req")), 400)
        more = list(_STREAM_HEADERS) if request["stream"] else []
        identifier = services.hex_id("msg")
        try:
            turn = await start_chat(services, native, relaxed_thinking=True)
        except RefusedError as refused:
            return self._failed(refused, more)
        if not request["stream"]:
            try:
                return translated(whole(identifier, turn.model, await gather(turn, tools=bool(native["tools"]))))
            except RefusedError as refused:
                return self._failed(refused, more)
            finally:
                turn.close()
        writer = EventWriter(identifier, request["model"], estimated_tokens(request))
        headers = [("Content-Type", SSE), *more]
        if turn.parts is None:
            return Answer(200, headers, writer.events(turn.single or Part()))
        try:
            first, rest = await first_part(turn)
        except RefusedError as refused:
            turn.close()
            failed = self._failed(refused, more)
            failed.flushed = True
            return failed
        except BaseException:
            turn.close()
            raise
        return Answer(200, headers, stream=_events(turn, writer, first, rest))

    def _failed(self, refused: RefusedError, more: list[tuple[str, str]]) -> Answer:
        error = anthropic_error(refused.status, refused.message, self.services.hex_id("req"))
        return translated(error, refused.status, more=more)


def whole(identifier: str, model: str, part: Part) -> dict[str, Any]:
    """A whole answer as one message."""
    content: list[dict[str, Any]] = []
    if part.thinking:
        content.append({"type": "thinking", "thinking": part.thinking})
    if part.content:
        content.append({"type": "text", "text": part.content})
    for call in part.tool_calls:
        function = call["function"]
        content.append({"type": "tool_use", "id": call["id"], "name": function["name"], "input": function["arguments"]})
    reason = stop_reason(part.reason, called=bool(part.tool_calls))
    out: dict[str, Any] = {"id": identifier, "type": "message", "role": "assistant", "model": model}
    out["content"] = content or None
    if reason:
        out["stop_reason"] = reason
    return {**out, "usage": _usage(part)}


def stop_reason(reason: str, *, called: bool) -> str:
    """Why the answer ended, in Anthropic's words."""
    return "tool_use" if called else _REASONS.get(reason, "stop_sequence")


def _usage(part: Part) -> dict[str, int]:
    finish = part.finish
    read, written = (finish.prompt_count, finish.count) if finish is not None else (0, 0)
    return {"input_tokens": read, "output_tokens": written}


async def _events(turn: Turn, writer: EventWriter, first: Part, rest: AsyncIterator[Part]) -> AsyncIterator[bytes]:
    try:
        yield writer.events(first)
        async for part in rest:
            data = writer.events(part)
            if data:
                yield data
    except (CompletionFailedError, RunnerDiedError):
        return  # the server reads its own error line as an empty message and says nothing
    finally:
        turn.close()


@dataclass(slots=True)
class EventWriter:
    """Parts of a chat as the events of a message."""

    identifier: str
    model: str
    estimate: int
    index: int = 0
    begun: bool = False
    block: str = ""
    """The kind of the open block, or nothing."""
    thought: bool = False
    """The thinking is over."""
    sent: set[str] = field(default_factory=set)

    def events(self, part: Part) -> bytes:
        """The events of one part."""
        out: list[bytes] = []
        if not self.begun:
            self.begun = True
            out.append(self._start(part))
        if part.thinking and not self.thought:
            out += self._open("thinking", {"type": "thinking", "thinking": ""})
            out.append(self._delta({"type": "thinking_delta", "thinking": part.thinking}))
        if part.content:
            out += self._open("text", {"type": "text", "text": ""})
            out.append(self._delta({"type": "text_delta", "text": part.content}))
        for call in part.tool_calls:
            out += self._call(call)
        if part.done:
            out += self._end(part)
        return b"".join(out)

    def _start(self, part: Part) -> bytes:
        read = part.finish.prompt_count if part.finish is not None else self.estimate
        message = {
            "id": self.identifier,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [],
            "usage": {"input_tokens": read, "output_tokens": 0},
        }
        return named_event("message_start", {"type": "message_start", "message": message})

    def _open(self, kind: str, block: dict[str, Any]) -> list[bytes]:
        if self.block == kind:
            return []
        out = self._close()
        self.block = kind
        return [*out, self._block_start(block)]

    def _block_start(self, block: dict[str, Any]) -> bytes:
        return named_event(
            "content_block_start", {"type": "content_block_start", "index": self.index, "content_block": block}
        )

    def _close(self) -> list[bytes]:
        if not self.block:
            return []
        self.thought = self.thought or self.block == "thinking"
        out = [self._block_stop()]
        self.block = ""
        self.index += 1
        return out

    def _block_stop(self) -> bytes:
        return named_event("content_block_stop", {"type": "content_block_stop", "index": self.index})

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return named_event("content_block_delta", {"type": "content_block_delta", "index": self.index, "delta": delta})

    def _call(self, call: dict[str, Any]) -> list[bytes]:
        if call["id"] in self.sent:
            return []
        self.sent.add(call["id"])
        out = self._close()
        function = call["function"]
        out.append(self._block_start({"type": "tool_use", "id": call["id"], "name": function["name"], "input": {}}))
        out.append(self._delta({"type": "input_json_delta", "partial_json": dumps(function["arguments"])}))
        out.append(self._block_stop())
        self.index += 1
        return out

    def _end(self, part: Part) -> list[bytes]:
        out = [self._block_stop()] if self.block else []
        reason = stop_reason(part.reason, called=bool(self.sent))
        delta = {"stop_reason": reason} if reason else {}
        out.append(named_event("message_delta", {"type": "message_delta", "delta": delta, "usage": _usage(part)}))
        return [*out, named_event("message_stop", {"type": "message_stop"})]
