"""What generate, chat and embed have in common: finding a model, checking it, getting it, and the shapes of answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from toolkit.host.app.completion import CompletionFailedError, Finish
from toolkit.host.app.engine import EngineRefusedError, RunnerDiedError
from toolkit.host.app.exchange import Answer, ConnectionCutError, error_answer, json_answer
from toolkit.host.app.gojson import encode
from toolkit.host.app.goscan import EmptyBodyError, GoJsonError, raw_member
from toolkit.host.app.gotypes import GoStruct, decode
from toolkit.host.library.names import (
    CLOUD,
    LOCAL,
    ModelNameError,
    ModelReference,
    NoNameError,
    TwoSourcesError,
    parse_reference,
)
from toolkit.host.scheduler.options import INTEGER_OPTIONS, OptionError
from toolkit.host.speech.template_parse import TemplateError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from toolkit.host.app.engine import Lease
    from toolkit.host.app.exchange import Call
    from toolkit.host.app.services import Services
    from toolkit.host.library.models import InstalledModel

MOST_TOP_LOGPROBS = 20
NDJSON = "application/x-ndjson"
_INTEGERS = frozenset(INTEGER_OPTIONS) | {"num_keep", "seed", "num_predict", "top_k", "repeat_last_n"}
_FLOATS = frozenset(
    {"top_p", "min_p", "typical_p", "temperature", "repeat_penalty", "presence_penalty", "frequency_penalty"}
)


class RefusedError(Exception):
    """The request ends here; `status` and the message are the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(slots=True)
class Part:
    """One message of an answer, native or not yet."""

    content: str = ""
    thinking: str = ""
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    done: bool = False
    reason: str = ""
    finish: Finish | None = None
    context: list[int] | None = None
    logprobs: list[dict[str, Any]] | None = None
    debug: dict[str, Any] | None = None
    role: str = "assistant"

    def metrics(self) -> dict[str, int]:
        """The counters, if it is the last one."""
        return self.finish.metrics() if self.finish is not None else {}


@dataclass(slots=True)
class Turn:
    """An answer to be given: one part, or a stream of them with the lease that they need."""

    model: str
    """The name as it was asked for."""
    single: Part | None = None
    parts: AsyncIterator[Part] | None = None
    lease: Lease | None = None

    def close(self) -> None:
        """Give the model back."""
        if self.lease is not None:
            self.lease.release()
            self.lease = None


@dataclass(frozen=True, slots=True)
class InHand:
    """A checked request with its model loaded."""

    services: Services
    model: InstalledModel
    lease: Lease
    request: dict[str, Any]
    options: dict[str, Any]
    """Of the model and the request together."""
    think: bool | str | None
    body: bytes
    """As it came; empty where the request was made from one of another API."""

    def raw_format(self) -> str | None:
        """The format as it stood in the body."""
        given = self.body and self.request["format"] is not None
        return raw_member(self.body, "format") if given else None

    @property
    def truncate(self) -> bool:
        """Whether a prompt may be cut."""
        return self.request["truncate"] is not False

    def shown(self, prompt: str, images: int, role: str) -> Turn:
        """Only the prompt, for those who debug templates."""
        self.lease.release()
        debug: dict[str, Any] = {"rendered_template": prompt}
        if images:
            debug["image_count"] = images
        return Turn(self.request["model"], single=Part(debug=debug, role=role))


def read_body(go_type: GoStruct, body: bytes) -> dict[str, Any]:
    """Decode a body of the native API. Raises RefusedError."""
    try:
        found: dict[str, Any] = decode(go_type, body)
    except EmptyBodyError as error:
        raise RefusedError(400, "missing request body") from error
    except GoJsonError as error:
        raise RefusedError(400, str(error)) from error
    return found


def refer(name: str, status: int, no_name: str) -> ModelReference:
    """Take a model's name apart; `status` and `no_name` answer an empty name. Raises RefusedError."""
    try:
        return parse_reference(name)
    except NoNameError as error:
        raise RefusedError(status, no_name) from error
    except (TwoSourcesError, ModelNameError) as error:
        raise RefusedError(400, str(error)) from error


def refuse_cloud(reference: ModelReference) -> None:
    """A model of the cloud is not to be had here. Raises RefusedError."""
    if reference.source == CLOUD:
        raise RefusedError(403, "ollama cloud is disabled: remote model is unavailable")


def refuse_remote(reference: ModelReference, model: InstalledModel, asked: str) -> None:
    """Nor is a model that only points elsewhere. Raises RefusedError."""
    if model.remote and reference.source == LOCAL:
        raise RefusedError(404, f"model '{asked}' not found")
    if model.remote:
        raise RefusedError(403, "ollama cloud is disabled: remote model is unavailable")


def read_model(services: Services, reference: ModelReference) -> InstalledModel | None:
    """The installed model. Raises RefusedError for one whose template is broken."""
    try:
        return services.catalog.find(reference.name)
    except TemplateError as error:
        raise RefusedError(500, str(error)) from error


def require(model: InstalledModel, wanted: list[str], asked: str, what: str) -> None:
    """Check capabilities; `what` is the word for a model that cannot complete. Raises RefusedError."""
    missing = [name for name in wanted if name not in model.capabilities]
    if "completion" in missing:
        raise RefusedError(400, f'"{asked}" does not support {what}')
    if missing:
        raise RefusedError(400, f"{model.name.full} does not support " + "\n".join(missing))


def settle_think(model: InstalledModel, think: bool | str | None, asked: str, *, relaxed: bool) -> bool | str | None:
    """The think value that applies: on by default where the model can. Raises RefusedError."""
    if "thinking" in model.capabilities:
        return True if think is None else think
    if think:
        if relaxed:
            return None
        raise RefusedError(400, f'"{asked}" does not support thinking')
    return think


def merged_options(model: InstalledModel, given: dict[str, Any] | None) -> dict[str, Any]:
    """Options of the model and the request, checked. Raises RefusedError for a wrong type."""
    merged: dict[str, Any] = {}
    for layer in (model.options, given or {}):
        for name, value in layer.items():
            if value is not None:
                _check_option(name, value)
                merged[name] = value
    return merged


def _check_option(name: str, value: Any) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if name in _INTEGERS and not number:
        raise RefusedError(500, f'option "{name}" must be of type integer')
    if name in _FLOATS and not number:
        raise RefusedError(500, f'option "{name}" must be of type float32')
    if name == "use_mmap" and not isinstance(value, bool):
        raise RefusedError(500, f'option "{name}" must be of type boolean')
    if name == "stop":
        if not isinstance(value, list):
            raise RefusedError(500, f'option "{name}" must be of type array')
        if not all(isinstance(item, str) for item in value):
            raise RefusedError(500, f'option "{name}" must be of an array of strings')


async def schedule(
    services: Services,
    model: InstalledModel,
    given: dict[str, Any] | None,
    keep_alive_ns: int | None,
    *,
    shift: bool | None = None,
) -> Lease:
    """Get the model in hand. Raises RefusedError."""
    try:
        return await services.engine.acquire(model, given or {}, keep_alive_ns, shift=shift)
    except EngineRefusedError as error:
        if error.aborted and not services.line.survives_load_abort:
            raise ConnectionCutError from error
        raise RefusedError(error.status, str(error)) from error
    except OptionError as error:
        raise RefusedError(500, str(error)) from error


def chat_json(services: Services, model: str, part: Part) -> dict[str, Any]:
    """A part as a message of `/api/chat`."""
    message: dict[str, Any] = {"role": part.role, "content": part.content}
    if part.thinking:
        message["thinking"] = part.thinking
    if part.tool_calls:
        message["tool_calls"] = part.tool_calls
    out: dict[str, Any] = {"model": model, "created_at": services.timestamp(), "message": message, "done": part.done}
    if part.reason:
        out["done_reason"] = part.reason
    if part.debug is not None:
        out["_debug_info"] = part.debug
    if part.logprobs:
        out["logprobs"] = part.logprobs
    return {**out, **part.metrics()}


def generate_json(services: Services, model: str, part: Part) -> dict[str, Any]:
    """A part as a message of `/api/generate`."""
    out: dict[str, Any] = {"model": model, "created_at": services.timestamp(), "response": part.content}
    if part.thinking:
        out["thinking"] = part.thinking
    out["done"] = part.done
    if part.reason:
        out["done_reason"] = part.reason
    if part.context:
        out["context"] = part.context
    out.update(part.metrics())
    if part.tool_calls:
        out["tool_calls"] = part.tool_calls
    if part.debug is not None:
        out["_debug_info"] = part.debug
    if part.logprobs:
        out["logprobs"] = part.logprobs
    return out


async def gather(turn: Turn, *, tools: bool) -> Part:
    """All parts of a turn as one. Raises RefusedError for a failure on the way."""
    if turn.parts is None:
        return turn.single or Part()
    content, thinking = [], []
    calls: list[dict[str, Any]] = []
    logprobs: list[dict[str, Any]] = []
    last = Part()
    try:
        async for part in turn.parts:
            content.append(part.content)
            thinking.append(part.thinking)
            calls += part.tool_calls if tools else []
            logprobs += part.logprobs or []
            last = part
    except (CompletionFailedError, RunnerDiedError) as error:
        raise failure_of(error) from error
    last.content, last.thinking = "".join(content), "".join(thinking)
    last.tool_calls = calls or last.tool_calls
    last.logprobs = logprobs or None
    return last


def failure_of(error: CompletionFailedError | RunnerDiedError) -> RefusedError:
    """A failure of the runner as an answer."""
    if isinstance(error, CompletionFailedError):
        return RefusedError(error.status, error.message)
    return RefusedError(500, str(error))


async def first_part(turn: Turn) -> tuple[Part, AsyncIterator[Part]]:
    """The first part, and the rest. Raises RefusedError if the turn fails before it has said anything."""
    if turn.parts is None:
        raise RuntimeError("a turn without parts has no first one")
    iterator = aiter(turn.parts)
    try:
        return await anext(iterator), iterator
    except (CompletionFailedError, RunnerDiedError) as error:
        raise failure_of(error) from error


def error_line(message: str) -> bytes:
    """A failure in the middle of a native stream."""
    return encode({"error": message}) + b"\n"


async def native_answer(services: Services, call: Call, turn: Turn, *, chat: bool, stream: bool, tools: bool) -> Answer:
    """The answer of a native endpoint: one object, or a line for each part."""
    shape = chat_json if chat else generate_json
    if turn.parts is None or not stream:
        try:
            return json_answer(shape(services, turn.model, await gather(turn, tools=tools)))
        except RefusedError as refused:
            return error_answer(refused.status, refused.message)
        finally:
            turn.close()
    try:
        first, rest = await first_part(turn)
    except RefusedError as refused:
        turn.close()
        body = encode({"error": refused.message})
        return Answer(refused.status, [("Content-Type", "application/json")], body, flushed=True)
    except BaseException:
        turn.close()
        raise
    del call
    return Answer(200, [("Content-Type", NDJSON)], stream=_lines(services, turn, first, rest, chat=chat))


async def _lines(
    services: Services, turn: Turn, first: Part, rest: AsyncIterator[Part], *, chat: bool
) -> AsyncIterator[bytes]:
    shape = chat_json if chat else generate_json
    try:
        yield encode(shape(services, turn.model, first)) + b"\n"
        async for part in rest:
            yield encode(shape(services, turn.model, part)) + b"\n"
    except (CompletionFailedError, RunnerDiedError) as error:
        yield error_line(failure_of(error).message)
    finally:
        turn.close()
