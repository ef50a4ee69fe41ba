"""The request bodies of `/v1`, as Go types. Source: the documented compatibility and the recorded error texts."""

from __future__ import annotations

from toolkit.host.app.goscalars import GoBool, GoFloat, GoInt, GoString
from toolkit.host.app.gotypes import GoSlice, GoStruct
from toolkit.host.app.schemas import ANY, BOOL, INT, RAW, STRING, TOOL

_OPTIONAL_INT = GoInt(zero=None)
_OPTIONAL_FLOAT = GoFloat(64, zero=None)
STREAM_OPTIONS = GoStruct("openai.StreamOptions", {"include_usage": BOOL}, pointer=True)
_TOOL_CALL = GoStruct(
    "openai.ToolCall",
    {
        "id": STRING,
        "index": INT,
        "type": STRING,
        "function": GoStruct("struct { Name string; Arguments string }", {"name": STRING, "arguments": STRING}),
    },
)
_MESSAGE = GoStruct(
    "openai.Message",
    {
        "role": STRING,
        "content": ANY,
        "reasoning": STRING,
        "tool_calls": GoSlice(_TOOL_CALL, "[]openai.ToolCall"),
        "name": STRING,
        "tool_call_id": STRING,
    },
)
CHAT_COMPLETION = GoStruct(
    "openai.ChatCompletionRequest",
    {
        "model": STRING,
        "messages": GoSlice(_MESSAGE, "[]openai.Message"),
        "stream": BOOL,
        "stream_options": STREAM_OPTIONS,
        "max_tokens": _OPTIONAL_INT,
        "seed": _OPTIONAL_INT,
        "stop": ANY,
        "temperature": _OPTIONAL_FLOAT,
        "frequency_penalty": _OPTIONAL_FLOAT,
        "presence_penalty": _OPTIONAL_FLOAT,
        "top_p": _OPTIONAL_FLOAT,
        "response_format": GoStruct(
            "openai.ResponseFormat",
            {"type": STRING, "json_schema": GoStruct("openai.JsonSchema", {"schema": RAW}, pointer=True)},
            pointer=True,
        ),
        "tools": GoSlice(TOOL, "[]api.Tool"),
        "reasoning": GoStruct("openai.Reasoning", {"effort": STRING}, pointer=True),
        "reasoning_effort": GoString(),
        "logprobs": GoBool(zero=None),
        "top_logprobs": INT,
        "_debug_render_only": BOOL,
    },
)
COMPLETION = GoStruct(
    "openai.CompletionRequest",
    {
        "model": STRING,
        "prompt": STRING,
        "frequency_penalty": GoFloat(32),
        "max_tokens": _OPTIONAL_INT,
        "presence_penalty": GoFloat(32),
        "seed": _OPTIONAL_INT,
        "stop": ANY,
        "stream": BOOL,
        "stream_options": STREAM_OPTIONS,
        "temperature": GoFloat(32, zero=None),
        "top_p": GoFloat(32),
        "suffix": STRING,
        "logprobs": _OPTIONAL_INT,
        "_debug_render_only": BOOL,
    },
)
EMBEDDINGS = GoStruct(
    "openai.EmbedRequest", {"input": ANY, "model": STRING, "dimensions": INT, "encoding_format": STRING}
)
