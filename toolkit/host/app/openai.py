"""`/v1/chat/completions`, `/v1/completions`, `/v1/embeddings`, `/v1/models`."""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from toolkit.host.app.chat import start_chat
from toolkit.host.app.compat import SSE, data_event, openai_error, translated, unpacked_body
from toolkit.host.app.completion import CompletionFailedError
from toolkit.host.app.embed import embed
from toolkit.host.app.engine import RunnerDiedError
from toolkit.host.app.exchange import Answer, json_answer
from toolkit.host.app.generate import start_generate
from toolkit.host.app.gojson import Float32, dumps
from toolkit.host.app.goscan import GoJsonError
from toolkit.host.app.gotypes import GoStruct, decode
from toolkit.host.app.inference import Part, RefusedError, Turn, first_part, gather
from toolkit.host.app.openai_requests import BadRequestError, chat_request, completion_request
from toolkit.host.app.openai_schemas import CHAT_COMPLETION, COMPLETION, EMBEDDINGS
from toolkit.host.app.schemas import EMBED, SHOW
from toolkit.host.library.names import CLOUD, ModelNameError, parse_name, parse_reference

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from toolkit.host.app.exchange import Call
    from toolkit.host.app.installed import Installed
    from toolkit.host.app.services import Services

_FINGERPRINT = "fp_ollama"
_MOST_ID = 999
_DONE = b"data: [DONE]\n\n"
_NO_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def usage_of(part: Part) -> dict[str, int]:
    """The token counts of a finished answer."""
    finish = part.finish
    if finish is None:
        return dict(_NO_USAGE)
    total = finish.prompt_count + finish.count
    return {"prompt_tokens": finish.prompt_count, "completion_tokens": finish.count, "total_tokens": total}


def tool_calls_of(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tool calls with their arguments as text."""
    return [
        {
            "id": call.get("id", ""),
            "index": call["function"]["index"],
            "type": "function",
            "function": {"name": call["function"]["name"], "arguments": dumps(call["function"]["arguments"])},
        }
        for call in calls
    ]


@dataclass(frozen=True, slots=True)
class OpenAi:
    """The handlers."""

    services: Services
    installed: Installed

    async def chat(self, call: Call) -> Answer:
        """`/v1/chat/completions`."""
        body, ended = await unpacked_body(call)
        if ended is not None:
            return ended
        try:
            request = decode(CHAT_COMPLETION, body)
            native = chat_request(request, self.services.line)
        except (GoJsonError, BadRequestError) as error:
            return json_answer(openai_error(400, str(error)), 400)
        writer = ChatWriter(
            self.services, f"chatcmpl-{self.services.ids.randrange(_MOST_ID)}", bool(_wants_usage(request))
        )
        return await self._answer(start_chat(self.services, native), writer, request, tools=bool(native["tools"]))

    async def completions(self, call: Call) -> Answer:
        """`/v1/completions`."""
        body, ended = await unpacked_body(call)
        if ended is not None:
            return ended
        try:
            request = decode(COMPLETION, body)
            native = completion_request(request)
        except (GoJsonError, BadRequestError) as error:
            return json_answer(openai_error(400, str(error)), 400)
        writer = TextWriter(self.services, f"cmpl-{self.services.ids.randrange(_MOST_ID)}", bool(_wants_usage(request)))
        return await self._answer(start_generate(self.services, native), writer, request, tools=False)

    async def _answer(
        self, starting: Any, writer: ChatWriter | TextWriter, request: dict[str, Any], *, tools: bool
    ) -> Answer:
        """Start a native turn and translate it."""
        try:
            turn: Turn = await starting
        except RefusedError as refused:
            return translated(openai_error(refused.status, refused.message), refused.status)
        writer.model = turn.model
        if not request["stream"]:
            try:
                return translated(writer.whole(await gather(turn, tools=tools)))
            except RefusedError as refused:
                return translated(openai_error(refused.status, refused.message), refused.status)
            finally:
                turn.close()
        if turn.parts is None:
            return Answer(200, [("Content-Type", SSE)], writer.chunk(turn.single or Part()))
        try:
            first, rest = await first_part(turn)
        except RefusedError as refused:
            turn.close()
            return translated(openai_error(refused.status, refused.message), refused.status, flushed=True)
        except BaseException:
            turn.close()
            raise
        return Answer(200, [("Content-Type", SSE)], stream=_events(turn, writer, first, rest))

    async def embeddings(self, call: Call) -> Answer:
        """`/v1/embeddings`."""
        body, ended = await unpacked_body(call)
        if ended is not None:
            return ended
        try:
            request = decode(EMBEDDINGS, body)
        except GoJsonError as error:
            return json_answer(openai_error(400, str(error)), 400)
        coding = request["encoding_format"]
        if coding and coding.lower() not in {"float", "base64"}:
            message = f"Invalid value for 'encoding_format' = {coding}. Supported values: ['float', 'base64']."
            return json_answer(openai_error(400, message), 400)
        given = [""] if request["input"] == "" else request["input"]
        if given is None or given == []:
            return json_answer(openai_error(400, "invalid input"), 400)
        native = {**EMBED.fresh(), "model": request["model"], "input": given, "dimensions": request["dimensions"]}
        try:
            found = await embed(self.services, native)
        except RefusedError as refused:
            return translated(openai_error(refused.status, refused.message), refused.status)
        entries = [
            {"object": "embedding", "embedding": _coded(vector, coding), "index": place}
            for place, vector in enumerate(found.vectors)
        ]
        usage = {"prompt_tokens": found.tokens, "total_tokens": found.tokens}
        return translated({"object": "list", "data": entries, "model": request["model"], "usage": usage})

    async def models(self, call: Call) -> Answer:
        """`/v1/models`."""
        del call
        entries = [
            _model_json(model.name.short, model.manifest.modified_ns) for model in self.services.catalog.models()
        ]
        return translated({"object": "list", "data": entries or None})

    async def model(self, call: Call) -> Answer:
        """`/v1/models/…`."""
        asked = call.params["model"]
        try:
            if parse_reference(asked).source == CLOUD:
                message = "ollama cloud is disabled: remote model details are unavailable"
                return json_answer({"error": message}, 403)
        except ModelNameError:
            pass  # the handler below says what is wrong with it
        try:
            self.installed.shown(SHOW.fresh(), asked)
            model = self.services.catalog.find(parse_reference(asked).name)
        except RefusedError as refused:
            return translated(openai_error(refused.status, refused.message), refused.status)
        modified_ns = model.manifest.modified_ns if model is not None else 0
        return translated(_model_json(asked, modified_ns))


def _wants_usage(request: dict[str, Any]) -> bool:
    options = request["stream_options"]
    return options is not None and bool(options["include_usage"])


def _coded(vector: list[float], coding: str) -> Any:
    if coding.lower() == "base64":
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    return [Float32(value) for value in vector]


def _model_json(name: str, modified_ns: int) -> dict[str, Any]:
    created = modified_ns // 1_000_000_000
    return {"id": name, "object": "model", "created": created, "owned_by": parse_name(name).namespace}


async def _events(
    turn: Turn, writer: ChatWriter | TextWriter, first: Part, rest: AsyncIterator[Part]
) -> AsyncIterator[bytes]:
    try:
        yield writer.chunk(first)
        async for part in rest:
            yield writer.chunk(part)
    except (CompletionFailedError, RunnerDiedError):
        # The server reads its own error line as an empty message of nobody.
        writer.model = ""
        yield writer.chunk(Part())
    finally:
        turn.close()


@dataclass(slots=True)
class ChatWriter:
    """Parts of a chat in OpenAI's shape."""

    services: Services
    id: str
    usage: bool
    model: str = ""
    created: int = 0
    started: bool = False
    called: bool = False
    _line: Any = field(init=False)

    def __post_init__(self) -> None:
        self._line = self.services.line

    def whole(self, part: Part) -> dict[str, Any]:
        """The whole answer as one object."""
        message: dict[str, Any] = {"role": part.role, "content": part.content}
        if part.thinking:
            message["reasoning"] = part.thinking
        if part.tool_calls:
            message["tool_calls"] = tool_calls_of(part.tool_calls)
        reason = "tool_calls" if part.reason == "stop" and part.tool_calls else part.reason
        if not self._line.finish_chunk and part.tool_calls and part.reason:
            reason = "tool_calls"
        choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": reason or None}
        if part.logprobs:
            choice["logprobs"] = {"content": part.logprobs}
        out = self._head("chat.completion", self.services.unix_s(), [choice])
        out["usage"] = usage_of(part)
        return {**out, "_debug_info": part.debug} if part.debug is not None else out

    def _head(self, kind: str, created: int, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": created,
            "model": self.model,
            "system_fingerprint": _FINGERPRINT,
            "choices": choices,
        }

    def chunk(self, part: Part) -> bytes:
        """The events of one part."""
        if not self._line.finish_chunk:
            return self._old_chunk(part)
        if not self.created:
            self.created = self.services.unix_s()
        out = b""
        trailer = part.done and self.started and not (part.content or part.thinking or part.tool_calls or part.logprobs)
        if not trailer:
            out += b"".join(data_event(self._chunk_of(choice)) for choice in self._choices(part))
            self.started = True
        if part.done:
            reason = part.reason or "stop"
            reason = "tool_calls" if reason == "stop" and self.called else reason
            finish = self._chunk_of({"index": 0, "delta": {}, "finish_reason": reason})
            out += data_event(finish)
            if self.usage:
                out += data_event({**finish, "choices": [], "usage": usage_of(part)})
            out += _DONE
        return out

    def _chunk_of(self, choice: dict[str, Any]) -> dict[str, Any]:
        return self._head("chat.completion.chunk", self.created, [choice])

    def _choices(self, part: Part) -> list[dict[str, Any]]:
        """One choice, or two where thinking and the rest come together."""
        role = {} if self.started else {"role": "assistant"}
        rest: dict[str, Any] = {"content": part.content}
        if part.tool_calls:
            self.called = True
            rest["tool_calls"] = tool_calls_of(part.tool_calls)
        logprobs = {"logprobs": {"content": part.logprobs}} if part.logprobs else {}
        if not part.thinking:
            return [{"index": 0, "delta": {**role, **rest}, "finish_reason": None, **logprobs}]
        if not part.content and not part.tool_calls:
            delta = {**role, "content": "", "reasoning": part.thinking}
            return [{"index": 0, "delta": delta, "finish_reason": None, **logprobs}]
        thought = {"index": 0, "delta": {**role, "reasoning": part.thinking}, "finish_reason": None, **logprobs}
        return [thought, {"index": 0, "delta": rest, "finish_reason": None}]

    def _old_chunk(self, part: Part) -> bytes:
        """As v0.24 wrote it: the role on every chunk, the reason on the last one."""
        self.created = self.services.unix_s()
        calls = tool_calls_of(part.tool_calls)
        reason = part.reason and ("tool_calls" if self.called or calls else part.reason)
        logprobs = {"logprobs": {"content": part.logprobs}} if part.logprobs else {}
        head: dict[str, Any] = {"role": "assistant"}
        thought = {"reasoning": part.thinking} if part.thinking else {}
        mixed = bool(part.thinking and (part.content or calls))
        made = {"tool_calls": calls} if calls else {}
        choices: list[dict[str, Any]] = []
        if mixed:
            delta = {**head, "content": "", **thought}
            choices.append({"index": 0, "delta": delta, "finish_reason": None, **logprobs})
            thought, logprobs = {}, {}
        delta = {**head, "content": part.content, **thought, **made}
        choices.append({"index": 0, "delta": delta, "finish_reason": reason or None, **logprobs})
        out = b"".join(data_event(self._chunk_of(choice)) for choice in choices)
        self.called = self.called or bool(calls)
        if part.done:
            if self.usage:
                out += data_event({**self._chunk_of(choices[-1]), "choices": [], "usage": usage_of(part)})
            out += _DONE
        return out


@dataclass(slots=True)
class TextWriter:
    """Parts of a completion in OpenAI's shape."""

    services: Services
    id: str
    usage: bool
    model: str = ""

    def whole(self, part: Part) -> dict[str, Any]:
        """The whole answer as one object."""
        return {
            "id": self.id,
            "object": "text_completion",
            "created": self.services.unix_s(),
            "model": self.model,
            "system_fingerprint": _FINGERPRINT,
            "choices": [{"text": part.content, "index": 0, "finish_reason": part.reason or None}],
            "usage": usage_of(part),
        }

    def chunk(self, part: Part) -> bytes:
        """The events of one part."""
        body: dict[str, Any] = {
            "id": self.id,
            "object": "text_completion",
            "created": self.services.unix_s(),
            "choices": [{"text": part.content, "index": 0, "finish_reason": part.reason or None}],
            "model": self.model,
            "system_fingerprint": _FINGERPRINT,
        }
        if self.usage:
            body["usage"] = dict(_NO_USAGE)
        out = data_event(body)
        if part.done:
            if self.usage:
                out += data_event({**body, "choices": [], "usage": usage_of(part)})
            out += _DONE
        return out


__all__ = ["ChatWriter", "GoStruct", "OpenAi", "TextWriter", "tool_calls_of", "usage_of"]
