"""Bodies of Ollama's own API. Source: its documented API and the recorded answers of a real server."""

from typing import Annotated, Any

from pydantic import Field

from toolkit.gateway.api.fields import (
    Format,
    KeepAlive,
    ModelName,
    RequestKey,
    Session,
    Shape,
    TextOrTexts,
    Think,
    Whole,
)

Object = dict[str, Any]


class Options(Shape):
    """Parameters of the runner and of sampling. Those named here are checked; others are the host's business."""

    num_ctx: float | None = None
    num_batch: float | None = None
    num_gpu: float | None = None
    num_keep: float | None = None
    num_predict: float | None = None
    num_thread: float | None = None
    main_gpu: float | None = None
    use_mmap: bool | None = None
    seed: float | None = None
    top_k: float | None = None
    top_p: float | None = None
    min_p: float | None = None
    typical_p: float | None = None
    temperature: float | None = None
    repeat_last_n: float | None = None
    repeat_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    stop: list[str] | None = None


class CalledFunction(Shape):
    """What a model wants called."""

    name: str | None = None
    index: Whole = None
    arguments: Object | None = None


class Call(Shape):
    """A call of a tool."""

    id: str | None = None
    function: CalledFunction | None = None


class Message(Shape):
    """One message of a conversation."""

    role: str | None = Field(default=None, description="system, user, assistant or tool")
    content: str | None = None
    thinking: str | None = None
    images: list[str] | None = Field(default=None, description="base64")
    tool_calls: list[Call] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None


class Function(Shape):
    """What a tool does."""

    name: str | None = None
    description: str | None = None
    parameters: Object | None = None


class Tool(Shape):
    """A tool that the model may have called."""

    type: str | None = None
    function: Function | None = None


class _Asking(Shape):
    model: ModelName = None
    keep_alive: KeepAlive = None
    options: Options | None = None


class ChatBody(_Asking):
    """`POST /api/chat`."""

    messages: list[Message] | None = Field(default=None, description="Absent or empty: the model is only loaded.")
    tools: list[Tool] | None = None
    stream: bool | None = Field(default=None, description="Lines as they come, unless false.")
    format: Format = None
    think: Think = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int | None, Field(ge=0, le=20)] = None
    session: Session = None
    request_key: RequestKey = None


class GenerateBody(_Asking):
    """`POST /api/generate`."""

    prompt: str | None = None
    suffix: str | None = None
    system: str | None = None
    template: str | None = None
    context: list[int] | None = None
    raw: bool | None = None
    images: list[str] | None = Field(default=None, description="base64")
    stream: bool | None = Field(default=None, description="Lines as they come, unless false.")
    format: Format = None
    think: Think = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int | None, Field(ge=0, le=20)] = None


class EmbedBody(_Asking):
    """`POST /api/embed`."""

    model: str = Field(min_length=1)
    input: TextOrTexts = Field(default=None, description="Absent: the model is only loaded.")
    truncate: bool | None = None
    dimensions: Whole = None


class EmbeddingsBody(_Asking):
    """`POST /api/embeddings`, the older call for one text."""

    model: str = Field(min_length=1)
    prompt: str | None = None


class ShowBody(Shape):
    """`POST /api/show`."""

    model: str | None = None
    name: str | None = Field(default=None, deprecated=True)
    verbose: bool | None = None
    options: Options | None = None


class PullBody(Shape):
    """`POST /api/pull`; whatever else it holds (`insecure`) is not passed on."""

    model: str | None = None
    name: str | None = Field(default=None, deprecated=True)
    stream: bool | None = None


class CreateBody(Shape):
    """`POST /api/create`."""

    model: str | None = None
    stream: bool | None = None


class CopyBody(Shape):
    """`POST /api/copy`."""

    source: str | None = None
    destination: str | None = None


class PushBody(Shape):
    """`POST /api/push`; whatever else it holds (`insecure`) is not passed on."""

    model: str | None = None
    name: str | None = Field(default=None, deprecated=True)
    stream: bool | None = None


class DeleteBody(Shape):
    """`DELETE /api/delete`."""

    model: str | None = None
    name: str | None = Field(default=None, deprecated=True)
