"""The calls of the native API as exchanges: request, reader and what messages say about it, put together. Pure.

Every shell (plain, shared by threads) makes its calls here, so that they cannot differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from toolkit.ollama import parsing, wire
from toolkit.ollama.exchange import DocumentExchange, StreamExchange
from toolkit.ollama.failures import Where
from toolkit.ollama.json_fields import WrongJsonError
from toolkit.ollama.relay import RelayExchange
from toolkit.ollama.timed_chat import TimedChatExchange
from toolkit.ollama.transfer import DeleteExchange, TransferExchange
from toolkit.ollama.types import (
    ChatAnswer,
    ChatRequest,
    Counters,
    GenerateAnswer,
    GenerateRequest,
    InstalledModel,
    LoadAnswer,
    ModelInfo,
    RunningModel,
    Times,
    Version,
)
from toolkit.ollama.wire import WireRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from toolkit.ollama.address import Address
    from toolkit.ollama.types import CreateRequest, StreamEvent

A = TypeVar("A")


class Calls:
    """Makes the exchanges for one host. `headers` (names in any case) go with each request."""

    def __init__(self, address: Address, headers: tuple[tuple[str, str], ...]) -> None:
        self.address = address
        self._headers = tuple((name.lower(), value) for name, value in headers)

    def chat_stream(self, request: ChatRequest) -> StreamExchange[ChatAnswer]:
        """`/api/chat`, streamed."""
        call = self._with_headers(wire.chat_call(request, stream=True))
        return StreamExchange(call, self._where(call, request.model), parsing.parse_chat_line, _chat_answer)

    def chat_timed(self, request: ChatRequest) -> TimedChatExchange:
        """`/api/chat`, streamed, of which only the times are read."""
        call = self._with_headers(wire.chat_call(request, stream=True))
        return TimedChatExchange(call, self._where(call, request.model))

    def chat_whole(self, request: ChatRequest) -> DocumentExchange[ChatAnswer]:
        """`/api/chat` with `"stream": false`."""
        call = self._with_headers(wire.chat_call(request, stream=False))
        return DocumentExchange(
            call, self._where(call, request.model), lambda body, times: _chat_answer(_whole_chat(body), times)
        )

    def generate_stream(self, request: GenerateRequest) -> StreamExchange[GenerateAnswer]:
        """`/api/generate`, streamed."""
        call = self._with_headers(wire.generate_call(request, stream=True))
        return StreamExchange(call, self._where(call, request.model), parsing.parse_generate_line, _generate_answer)

    def generate_whole(self, request: GenerateRequest) -> DocumentExchange[GenerateAnswer]:
        """`/api/generate` with `"stream": false`."""
        call = self._with_headers(wire.generate_call(request, stream=False))
        return DocumentExchange(
            call, self._where(call, request.model), lambda body, times: _generate_answer(_whole_generate(body), times)
        )

    def load(
        self, model: str, keep_alive_ns: int | None, options: Mapping[str, Any] | None
    ) -> DocumentExchange[LoadAnswer]:
        """A load without a prompt. Raises UsageError for a keep_alive of 0."""
        call = self._with_headers(wire.load_call(model, keep_alive_ns, options))
        return DocumentExchange(call, self._where(call, model, loads=True), _load_reader("load"))

    def unload(self, model: str) -> DocumentExchange[LoadAnswer]:
        """An unload; the server answers at once, the model goes when it is idle."""
        call = self._with_headers(wire.unload_call(model))
        return DocumentExchange(call, self._where(call, model), _load_reader("unload"))

    def pull(self, model: str) -> TransferExchange:
        """`/api/pull`, streamed."""
        call = self._with_headers(wire.pull_call(model))
        return TransferExchange(call, self._where(call, model), model)

    def create(self, request: CreateRequest) -> TransferExchange:
        """`/api/create` from another model, streamed."""
        call = self._with_headers(wire.create_call(request))
        return TransferExchange(call, self._where(call, request.model), request.model)

    def delete(self, model: str) -> DeleteExchange:
        """`/api/delete`."""
        call = self._with_headers(wire.delete_call(model))
        return DeleteExchange(call, self._where(call, model), model)

    def show(self, model: str, *, in_full: bool) -> DocumentExchange[ModelInfo]:
        """`/api/show`."""
        call = self._with_headers(wire.show_call(model, in_full=in_full))
        return DocumentExchange(call, self._where(call, model), _timeless(parsing.parse_show))

    def ps(self) -> DocumentExchange[tuple[RunningModel, ...]]:
        """`/api/ps`."""
        return self._get("/api/ps", parsing.parse_ps)

    def tags(self) -> DocumentExchange[tuple[InstalledModel, ...]]:
        """`/api/tags`."""
        return self._get("/api/tags", parsing.parse_tags)

    def version(self) -> DocumentExchange[Version]:
        """`/api/version`."""
        return self._get("/api/version", parsing.parse_version)

    def relay(self, request: WireRequest, model: str | None) -> RelayExchange:
        """A call that somebody else wrote, as it is."""
        call = self._with_headers(request)
        return RelayExchange(call, self._where(call, model))

    def _get(self, path: str, parse: Callable[[Mapping[str, Any]], A]) -> DocumentExchange[A]:
        call = self._with_headers(wire.get_call(path))
        return DocumentExchange(call, self._where(call), _timeless(parse))

    def _where(self, call: WireRequest, model: str | None = None, *, loads: bool = False) -> Where:
        return Where(self.address, call.call, model, loads)

    def _with_headers(self, call: WireRequest) -> WireRequest:
        return WireRequest(call.method, call.path, call.headers + self._headers, call.body)


def _chat_answer(last: StreamEvent, times: Times) -> ChatAnswer:
    counters = last.counters or Counters()
    return ChatAnswer(last.model, last.text, last.thinking, last.tool_calls, last.done_reason, counters, times)


def _generate_answer(last: StreamEvent, times: Times) -> GenerateAnswer:
    counters = last.counters or Counters()
    return GenerateAnswer(
        last.model, last.text, last.thinking, last.tool_calls, last.done_reason, counters, times, last.context
    )


def _whole_chat(body: Mapping[str, Any]) -> StreamEvent:
    return _finished(parsing.parse_chat_line(body, 0))


def _whole_generate(body: Mapping[str, Any]) -> StreamEvent:
    return _finished(parsing.parse_generate_line(body, 0))


def _finished(event: StreamEvent) -> StreamEvent:
    if not event.done:
        raise WrongJsonError("the only object of the answer is not marked as done")
    return event


def _load_reader(wanted: str) -> Callable[[Mapping[str, Any], Times], LoadAnswer]:
    def read(body: Mapping[str, Any], times: Times) -> LoadAnswer:
        event = _whole_generate(body)
        if event.done_reason not in {wanted, None}:
            raise WrongJsonError(f"its done_reason is {event.done_reason!r}, not {wanted!r}")
        return LoadAnswer(event.model, event.done_reason, times)

    return read


def _timeless(parse: Callable[[Mapping[str, Any]], A]) -> Callable[[Mapping[str, Any], Times], A]:
    return lambda body, _times: parse(body)
