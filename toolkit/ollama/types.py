"""What goes over Ollama's wire, as frozen records. Times are integer nanoseconds, sizes bytes; absent is None."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Role = Literal["system", "user", "assistant", "tool"]
Think = bool | Literal["low", "medium", "high", "max"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function that the model wants called. `arguments` is its JSON object; treat it as read-only."""

    name: str
    arguments: Mapping[str, Any]
    id: str | None = None


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One turn of a conversation. `images` are the files' bytes, `tool_name` says whose result a `tool` turn holds."""

    role: Role
    content: str
    thinking: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    images: tuple[bytes, ...] = field(default=(), repr=False)
    tool_name: str | None = None


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What `/api/chat` is asked. None and empty tuples are not sent.

    `keep_alive_ns`: 0 unloads after the answer, negative is for ever, None leaves the runner's duration as it is.
    `options` are runner and sampling options; any runner option that differs from the loaded one reloads the model.
    `format` is "json" or a JSON schema, `tools` are function descriptions in Ollama's own form.
    """

    model: str
    messages: tuple[ChatMessage, ...]
    keep_alive_ns: int | None = None
    options: Mapping[str, Any] | None = None
    think: Think | None = None
    format: str | Mapping[str, Any] | None = None
    tools: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """What `/api/generate` is asked: as `ChatRequest`, for a bare prompt.

    `raw` sends the prompt without the model's template. `context` is that of an earlier answer.
    """

    model: str
    prompt: str
    system: str | None = None
    suffix: str | None = None
    raw: bool = False
    context: tuple[int, ...] | None = None
    images: tuple[bytes, ...] = field(default=(), repr=False)
    keep_alive_ns: int | None = None
    options: Mapping[str, Any] | None = None
    think: Think | None = None
    format: str | Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Counters:
    """The server's own account of a request. The server leaves a zero out, so None may mean zero.

    `load_ns` runs from the start of the handler to the runner in hand: queue, eviction, memory recovery and load
    together. `prompt_eval_count` counts cached tokens too, `prompt_eval_ns` only the processing of the others.
    """

    total_ns: int | None = None
    load_ns: int | None = None
    prompt_eval_count: int | None = None
    prompt_eval_ns: int | None = None
    eval_count: int | None = None
    eval_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Times:
    """When things happened at the client, on its monotonic clock.

    `sent_ns`: handed to the transport, before a connection is made if one is needed. `first_token_ns`, `last_token_ns`:
    arrival of the first and last chunk that was not empty (text, thinking or a tool call); None if there was none, and
    always where the answer was not streamed. `done_ns`: arrival of the last line; None if it never came.
    """

    sent_ns: int
    headers_ns: int | None = None
    first_token_ns: int | None = None
    last_token_ns: int | None = None
    done_ns: int | None = None


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One line of a streamed answer, at its arrival `at_ns`. The last has `done`, `done_reason` and the counters."""

    at_ns: int
    text: str = ""
    thinking: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    done: bool = False
    done_reason: str | None = None
    counters: Counters | None = None
    context: tuple[int, ...] | None = None
    model: str = ""

    @property
    def is_token(self) -> bool:
        """Whether the line brought anything of the answer."""
        return bool(self.text or self.thinking or self.tool_calls)


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """A finished answer. `done_reason`: stop, length, load or unload."""

    model: str
    text: str
    thinking: str
    tool_calls: tuple[ToolCall, ...]
    done_reason: str | None
    counters: Counters
    times: Times

    @property
    def message(self) -> ChatMessage:
        """The answer as the next turn of the conversation."""
        return ChatMessage("assistant", self.text, self.thinking or None, self.tool_calls)


@dataclass(frozen=True, slots=True)
class TimedAnswer:
    """A finished answer of which the times matter: `token_ns` is the arrival of each line that brought a token.

    `lines` are the lines as they came, undecoded; `toolkit.ollama.timed_chat.texts_of` reads them.
    """

    model: str
    done_reason: str | None
    counters: Counters
    times: Times
    token_ns: tuple[int, ...]
    lines: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class GenerateAnswer:
    """A finished answer to a bare prompt. `context` continues it, None if the server sent none (raw)."""

    model: str
    text: str
    thinking: str
    tool_calls: tuple[ToolCall, ...]
    done_reason: str | None
    counters: Counters
    times: Times
    context: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class LoadAnswer:
    """A model was loaded or asked to go. The server gives no durations here: `times` is all there is."""

    model: str
    done_reason: str | None
    times: Times


@dataclass(frozen=True, slots=True)
class TransferLine:
    """One line about a pull or a creation, at its arrival `at_ns`.

    `digest` (`sha256:…`), `total_bytes` and `completed_bytes` are those of the blob that the line is about, if it is
    about one. The server repeats such lines every 60 ms whether or not anything arrives, leaves out a blob that is
    there at once, and may let a blob's last line stay below its total.
    """

    at_ns: int
    status: str
    digest: str | None = None
    total_bytes: int | None = None
    completed_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Transferred:
    """A pull or a creation that ended well. `blob_bytes`: the blobs that had lines, with their sizes, in order."""

    model: str
    blob_bytes: tuple[tuple[str, int], ...]
    times: Times


@dataclass(frozen=True, slots=True)
class Deleted:
    """A model was deleted; what is loaded of it stays loaded."""

    model: str
    times: Times


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """What `/api/create` is asked: a model made of another one. None and empty mappings are not sent.

    What is not said is taken over from `base`, parameter by parameter.
    """

    model: str
    base: str
    parameters: Mapping[str, Any] | None = None
    system: str | None = None
    template: str | None = None


@dataclass(frozen=True, slots=True)
class ModelDetails:
    """What the server says about a model's kind, in its own words; an empty text where it says nothing."""

    format: str
    family: str
    families: tuple[str, ...]
    parameter_size: str
    quantization: str
    context_length: int | None = None
    embedding_length: int | None = None


@dataclass(frozen=True, slots=True)
class RunningModel:
    """One row of `/api/ps`.

    `size_bytes` is every buffer of the runner, `vram_bytes` those on GPUs (too low for sliding-window models).
    `expires_at_ns` is Unix time in nanoseconds, None until the runner was first idle; it is stale while a warm runner
    is busy. `context_length` is that of one slot.
    """

    name: str
    digest: str
    size_bytes: int
    vram_bytes: int
    expires_at_ns: int | None
    context_length: int | None
    details: ModelDetails


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """One row of `/api/tags`. `modified_at_ns` is Unix time. `capabilities` is None where the server tells none."""

    name: str
    digest: str
    size_bytes: int
    modified_at_ns: int
    details: ModelDetails
    capabilities: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The answer of `/api/show`.

    `parameters` are the Modelfile's, sorted (the server's order is random); a name can occur more than once.
    `tensors` are rows of name, type and shape (ne0 first), as the server tells them.
    `model_info` is the GGUF header: arrays longer than 5 are empty unless asked for in full; treat it as read-only.
    """

    details: ModelDetails
    parameters: tuple[tuple[str, str], ...]
    template: str
    system: str
    license: str
    modelfile: str
    model_info: Mapping[str, Any]
    capabilities: tuple[str, ...] | None
    modified_at_ns: int | None
    tensors: tuple[Mapping[str, Any], ...] = ()

    @property
    def architecture(self) -> str | None:
        """`general.architecture` of the header."""
        value = self.model_info.get("general.architecture")
        return value if isinstance(value, str) else None

    @property
    def trained_context(self) -> int | None:
        """The longest context that the model was trained for, in tokens."""
        value = self.model_info.get(f"{self.architecture}.context_length")
        return value if isinstance(value, int) else None


@dataclass(frozen=True, slots=True)
class Version:
    """A server's version: its text, and the three numbers at its start, None if it does not begin so."""

    text: str
    numbers: tuple[int, int, int] | None
