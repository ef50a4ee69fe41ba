"""Bodies of OpenAI's API, as far as the gateway translates them."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from toolkit.gateway.api.fields import (
    Input,
    KeepAlive,
    ModelName,
    OneChoice,
    RequestKey,
    Session,
    Shape,
    TextOrTexts,
    Think,
    Whole,
)
from toolkit.gateway.api.native import Options, Tool

_IMAGE: Final[dict[str, Any]] = {"type": "string", "pattern": "^data:[a-z]+/[a-z]+;base64,"}
_PARTS: Final[dict[str, Any]] = {
    "type": "array",
    "items": {
        "anyOf": [
            {
                "type": "object",
                "properties": {"type": {"const": "text"}, "text": {"type": "string"}},
                "required": ["type", "text"],
            },
            {
                "type": "object",
                "properties": {
                    "type": {"const": "image_url"},
                    "image_url": {
                        "anyOf": [_IMAGE, {"type": "object", "properties": {"url": _IMAGE}, "required": ["url"]}]
                    },
                },
                "required": ["type", "image_url"],
            },
        ]
    },
}
_CALL: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "function": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "arguments": {"type": "string", "contentMediaType": "application/json"},
            },
            "required": ["name"],
        },
    },
    "required": ["function"],
}


class GptMessage(Shape):
    """One message. An image is a data URL; others are refused: the gateway fetches nothing that a client names."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Annotated[Any, Field(json_schema_extra={"anyOf": [{"type": "string"}, _PARTS, {"type": "null"}]})] = None
    name: str | None = None
    tool_call_id: str | None = None
    tool_calls: Annotated[list[Any] | None, Field(json_schema_extra={"items": _CALL})] = None


class StreamOptions(Shape):
    """What a stream has besides the text."""

    include_usage: bool | None = None


class _GptBody(Shape):
    model: ModelName = None
    stream: bool | None = Field(default=None, description="Server-sent events, if true.")
    stream_options: StreamOptions | None = None
    n: OneChoice = None
    temperature: float | None = None
    top_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: Whole = None
    max_tokens: Whole = None
    stop: TextOrTexts = None
    keep_alive: KeepAlive = None
    options: Options | None = None
    think: Think = None


class GptChatBody(_GptBody):
    """`POST /v1/chat/completions`. `keep_alive`, `options`, `think`, `session` and `request_key` are the gateway's."""

    messages: list[GptMessage] = Field(min_length=1)
    max_completion_tokens: Whole = None
    tools: list[Tool] | None = None
    tool_choice: Any = None
    response_format: dict[str, Any] | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high"] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int | None, Field(ge=0, le=20)] = None
    session: Session = None
    request_key: RequestKey = None


class GptTextBody(_GptBody):
    """`POST /v1/completions`. `keep_alive`, `options` and `think` are the gateway's."""

    prompt: str | None = None
    suffix: str | None = Field(default=None, description="What comes behind the text that is to be filled in.")


class GptEmbeddingsBody(Shape):
    """`POST /v1/embeddings`."""

    model: str = Field(min_length=1)
    input: Input
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Whole = None
    keep_alive: KeepAlive = None
    options: Options | None = None
