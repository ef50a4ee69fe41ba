"""`/v1/responses`, OpenAI's Responses API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from toolkit.host.app.chat import start_chat
from toolkit.host.app.compat import SSE, named_event, openai_error, translated, unpacked_body
from toolkit.host.app.completion import CompletionFailedError
from toolkit.host.app.engine import RunnerDiedError
from toolkit.host.app.exchange import Answer, json_answer
from toolkit.host.app.goscan import GoJsonError
from toolkit.host.app.gotypes import decode
from toolkit.host.app.inference import Part, RefusedError, Turn, first_part, gather
from toolkit.host.app.openai import tool_calls_of
from toolkit.host.app.openai_requests import BadRequestError
from toolkit.host.app.responses_requests import RESPONSES_REQUEST, native_request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from toolkit.host.app.exchange import Call
    from toolkit.host.app.services import Services

_MOST_ID = 999_999
_STREAM_HEADERS = [("Cache-Control", "no-cache"), ("Connection", "keep-alive")]


@dataclass(frozen=True, slots=True)
class Responses:
    """The handler."""

    services: Services

    async def __call__(self, call: Call) -> Answer:  # noqa: PLR0911 - each way a request can end
        """Answer one request."""
        body, ended = await unpacked_body(call)
        if ended is not None:
            return ended
        services = self.services
        try:
            request = decode(RESPONSES_REQUEST, body)
            native = native_request(request, services.line)
        except (GoJsonError, BadRequestError) as error:
            return json_answer(openai_error(400, str(error)), 400)
        writer = ResponseWriter(
            services, request, f"resp_{services.ids.randrange(_MOST_ID)}", f"msg_{services.ids.randrange(_MOST_ID)}"
        )
        more = list(_STREAM_HEADERS) if native["stream"] else []
        try:
            turn = await start_chat(services, native)
        except RefusedError as refused:
            return translated(openai_error(refused.status, refused.message), refused.status, more=more)
        if not native["stream"]:
            try:
                return translated(writer.whole(await gather(turn, tools=bool(native["tools"]))))
            except RefusedError as refused:
                return translated(openai_error(refused.status, refused.message), refused.status)
            finally:
                turn.close()
        headers = [("Content-Type", SSE), *more]
        if turn.parts is None:
            return Answer(200, headers, writer.events(turn.single or Part()))
        try:
            first, rest = await first_part(turn)
        except RefusedError as refused:
            turn.close()
            failed = openai_error(refused.status, refused.message)
            return translated(failed, refused.status, flushed=True, more=more)
        except BaseException:
            turn.close()
            raise
        return Answer(200, headers, stream=_events(turn, writer, first, rest))


async def _events(turn: Turn, writer: ResponseWriter, first: Part, rest: AsyncIterator[Part]) -> AsyncIterator[bytes]:
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


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _sorted(value: Any) -> Any:
    """Objects that are maps in the server come out sorted."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


@dataclass(slots=True)
class ResponseWriter:
    """Parts of a chat as a response, whole or as events."""

    services: Services
    request: dict[str, Any]
    identifier: str
    item_id: str
    sequence: int = 0
    index: int = 0
    text: str = ""
    thinking: str = ""
    reasoning_id: str = ""
    writing: bool = False
    called: bool = False
    finished: list[dict[str, Any]] = field(default_factory=list)

    def whole(self, part: Part) -> dict[str, Any]:
        """The whole answer as one object."""
        output: list[dict[str, Any]] = []
        if part.thinking:
            output.append(
                {
                    "id": f"rs_{self.identifier}",
                    "type": "reasoning",
                    "summary": [{"type": "summary_text", "text": part.thinking}],
                    "encrypted_content": part.thinking,
                }
            )
        for place, call in enumerate(tool_calls_of(part.tool_calls)):
            output.append(self._call_item(f"fc_{self.identifier}_{place}", call))
        if not part.tool_calls:
            output.append(
                {
                    "id": self.item_id,
                    "type": "message",
                    "status": "completed",
                    "role": "assistant",
                    "content": [_text_part(part.content)],
                }
            )
        shown = self._response("completed", output, self._usage(part), streamed=False)
        return {**shown, "completed_at": self.services.unix_s()}

    @staticmethod
    def _call_item(identifier: str, call: dict[str, Any], status: str = "completed") -> dict[str, Any]:
        arguments = call["function"]["arguments"] if status == "completed" else ""
        return {
            "id": identifier,
            "type": "function_call",
            "status": status,
            "call_id": call["id"],
            "name": call["function"]["name"],
            "arguments": arguments,
        }

    @staticmethod
    def _usage(part: Part) -> dict[str, Any]:
        finish = part.finish
        read, written = (finish.prompt_count, finish.count) if finish is not None else (0, 0)
        return {
            "input_tokens": read,
            "output_tokens": written,
            "total_tokens": read + written,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        }

    def _response(self, status: str, output: list[Any], usage: Any, *, streamed: bool) -> dict[str, Any]:
        request = self.request
        return {
            "id": self.identifier,
            "object": "response",
            "created_at": self.services.unix_s(),
            "completed_at": None,
            "status": status,
            "incomplete_details": None,
            "model": request["model"],
            "previous_response_id": None,
            "instructions": request["instructions"] or None,
            "output": output,
            "error": None,
            "tools": [self._tool(tool, streamed=streamed) for tool in request["tools"] or ()],
            "tool_choice": "auto",
            "truncation": "disabled" if request["truncation"] is None else request["truncation"],
            "parallel_tool_calls": True,
            "text": {"format": self._format()},
            "top_p": 1 if request["top_p"] is None else request["top_p"],
            "presence_penalty": 0,
            "frequency_penalty": 0,
            "top_logprobs": 0,
            "temperature": 1 if request["temperature"] is None else request["temperature"],
            "reasoning": self._reasoning(streamed=streamed),
            "usage": usage,
            "max_output_tokens": request["max_output_tokens"],
            "max_tool_calls": None,
            "store": False,
            "background": request["background"],
            "service_tier": "default",
            "metadata": {},
            "safety_identifier": None,
            "prompt_cache_key": None,
        }

    def _tool(self, tool: dict[str, Any], *, streamed: bool) -> dict[str, Any]:
        shown = {key: tool[key] for key in ("type", "name", "description", "strict", "parameters")}
        shown["parameters"] = _sorted(shown["parameters"])
        if tool["tools"] and not streamed:
            shown["tools"] = [self._tool(inner, streamed=False) for inner in tool["tools"]]
        return shown

    def _format(self) -> dict[str, Any]:
        given = (self.request["text"] or {}).get("format")
        if given is None:
            return {"type": "text"}
        return {"type": given["type"], **{key: given[key] for key in ("name", "schema", "strict") if given[key]}}

    def _reasoning(self, *, streamed: bool) -> dict[str, Any] | None:
        given = self.request["reasoning"]
        if not given["effort"] and not given["summary"]:
            return None
        shown = {"effort": given["effort"] or None, "summary": given["summary"] or None}
        return shown if streamed else {key: value for key, value in shown.items() if value is not None}

    def _event(self, name: str, **data: Any) -> bytes:
        body = _sorted({**data, "type": name, "sequence_number": self.sequence})
        self.sequence += 1
        return named_event(name, body)

    def events(self, part: Part) -> bytes:
        """The events of one part."""
        out: list[bytes] = []
        if self.sequence == 0:
            for name in ("response.created", "response.in_progress"):
                now = self._response("in_progress", [], None, streamed=True)
                out.append(self._event(name, response=now))
        if part.thinking:
            out += self._think(part.thinking)
        if part.tool_calls:
            out += self._end_thinking()
            out += self._calls(part.tool_calls)
            self.called = True
        elif part.content and not self.called:
            out += self._write(part.content)
        if part.done:
            out += self._end(part)
        return b"".join(out)

    def _think(self, thinking: str) -> list[bytes]:
        out: list[bytes] = []
        if not self.reasoning_id:
            self.reasoning_id = f"rs_{self.services.ids.randrange(_MOST_ID)}"
            item = {"id": self.reasoning_id, "type": "reasoning", "summary": []}
            out.append(self._event("response.output_item.added", output_index=self.index, item=item))
        self.thinking += thinking
        place = {"item_id": self.reasoning_id, "output_index": self.index, "summary_index": 0}
        return [*out, self._event("response.reasoning_summary_text.delta", **place, delta=thinking)]

    def _end_thinking(self) -> list[bytes]:
        if not self.reasoning_id:
            return []
        item = {
            "id": self.reasoning_id,
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": self.thinking}],
            "encrypted_content": self.thinking,
        }
        place = {"item_id": self.reasoning_id, "output_index": self.index, "summary_index": 0}
        out = [
            self._event("response.reasoning_summary_text.done", **place, text=self.thinking),
            self._event("response.output_item.done", output_index=self.index, item=item),
        ]
        self.finished.append(item)
        self.reasoning_id, self.thinking = "", ""
        self.index += 1
        return out

    def _calls(self, calls: list[dict[str, Any]]) -> list[bytes]:
        out: list[bytes] = []
        for place, call in enumerate(tool_calls_of(calls)):
            identifier = f"fc_{self.services.ids.randrange(_MOST_ID)}_{place}"
            item = self._call_item(identifier, call)
            where = {"item_id": identifier, "output_index": self.index}
            added = self._call_item(identifier, call, "in_progress")
            arguments = call["function"]["arguments"]
            out.append(self._event("response.output_item.added", output_index=self.index, item=added))
            out.append(self._event("response.function_call_arguments.delta", **where, delta=arguments))
            out.append(self._event("response.function_call_arguments.done", **where, arguments=arguments))
            out.append(self._event("response.output_item.done", output_index=self.index, item=item))
            self.finished.append(item)
            self.index += 1
        return out

    def _message(self, status: str, content: list[dict[str, Any]]) -> dict[str, Any]:
        return {"id": self.item_id, "type": "message", "status": status, "role": "assistant", "content": content}

    def _write(self, content: str) -> list[bytes]:
        out = self._end_thinking()
        place = {"item_id": self.item_id, "output_index": self.index, "content_index": 0}
        if not self.writing:
            self.writing = True
            item = self._message("in_progress", [])
            out.append(self._event("response.output_item.added", output_index=self.index, item=item))
            out.append(self._event("response.content_part.added", **place, part=_text_part("")))
        self.text += content
        return [*out, self._event("response.output_text.delta", **place, delta=content, logprobs=[])]

    def _end(self, part: Part) -> list[bytes]:
        out = self._end_thinking()
        item = self._message("completed", [_text_part(self.text)])
        if self.writing and not self.called:
            place = {"item_id": self.item_id, "output_index": self.index, "content_index": 0}
            out.append(self._event("response.output_text.done", **place, text=self.text, logprobs=[]))
            out.append(self._event("response.content_part.done", **place, part=_text_part(self.text)))
            out.append(self._event("response.output_item.done", output_index=self.index, item=item))
        output = [*self.finished, *([item] if self.writing else [])]
        response = self._response("completed", output, self._usage(part), streamed=True)
        response["completed_at"] = self.services.unix_s()
        return [*out, self._event("response.completed", response=response)]
