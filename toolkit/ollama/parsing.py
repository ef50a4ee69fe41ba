"""The API's answers, read into the records of `toolkit.ollama.types`.

Every function takes the decoded object and raises `WrongJsonError` where it breaks the API's promises.
Source of the fields: `behaviour.md` section 4 and the recorded answers of two server versions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from toolkit.ollama.json_fields import (
    WrongJsonError,
    count_field,
    counts_field,
    flag_field,
    object_field,
    objects_field,
    text_field,
    texts_field,
    time_field,
)
from toolkit.ollama.types import (
    Counters,
    InstalledModel,
    ModelDetails,
    ModelInfo,
    RunningModel,
    StreamEvent,
    ToolCall,
    Version,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}  # Go quotes other control characters in hexadecimal; none is in use
_VERSION = re.compile(r"v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?!\d)")


def parse_chat_line(record: Mapping[str, Any], at_ns: int) -> StreamEvent:
    """One line of `/api/chat`, or its whole answer where it was not streamed."""
    return _event(record, object_field(record, "message"), "content", at_ns)


def parse_generate_line(record: Mapping[str, Any], at_ns: int) -> StreamEvent:
    """One line of `/api/generate`, or its whole answer where it was not streamed."""
    return _event(record, record, "response", at_ns)


def _event(record: Mapping[str, Any], body: Mapping[str, Any], text_key: str, at_ns: int) -> StreamEvent:
    text, thinking = text_field(body, text_key), text_field(body, "thinking")
    calls = tuple(_tool_call(item) for item in objects_field(body, "tool_calls")) if "tool_calls" in body else ()
    if not flag_field(record, "done"):
        return StreamEvent(at_ns, text, thinking, calls, model=text_field(record, "model"))
    return StreamEvent(
        at_ns,
        text,
        thinking,
        calls,
        done=True,
        done_reason=text_field(record, "done_reason") or None,
        counters=parse_counters(record),
        context=counts_field(record, "context"),
        model=text_field(record, "model"),
    )


def parse_counters(record: Mapping[str, Any]) -> Counters:
    """The counters of a last line; those that it lacks are None."""
    return Counters(
        total_ns=count_field(record, "total_duration"),
        load_ns=count_field(record, "load_duration"),
        prompt_eval_count=count_field(record, "prompt_eval_count"),
        prompt_eval_ns=count_field(record, "prompt_eval_duration"),
        eval_count=count_field(record, "eval_count"),
        eval_ns=count_field(record, "eval_duration"),
    )


def parse_ps(record: Mapping[str, Any]) -> tuple[RunningModel, ...]:
    """`/api/ps`, in the server's order: the latest `expires_at` first."""
    return tuple(
        RunningModel(
            name=_name(row),
            digest=text_field(row, "digest"),
            size_bytes=count_field(row, "size") or 0,
            vram_bytes=count_field(row, "size_vram") or 0,
            expires_at_ns=time_field(row, "expires_at"),
            context_length=count_field(row, "context_length") or None,
            details=_details(row),
        )
        for row in _models(record)
    )


def parse_tags(record: Mapping[str, Any]) -> tuple[InstalledModel, ...]:
    """`/api/tags`, in the server's order: the newest first."""
    return tuple(
        InstalledModel(
            name=_name(row),
            digest=text_field(row, "digest"),
            size_bytes=count_field(row, "size") or 0,
            modified_at_ns=time_field(row, "modified_at") or 0,
            details=_details(row),
            capabilities=texts_field(row, "capabilities"),
        )
        for row in _models(record)
    )


def parse_show(record: Mapping[str, Any]) -> ModelInfo:
    """`/api/show`."""
    if "details" not in record and "model_info" not in record:
        raise WrongJsonError("it has neither 'details' nor 'model_info'")
    return ModelInfo(
        details=_details(record),
        parameters=_parameters(text_field(record, "parameters")),
        template=text_field(record, "template"),
        system=text_field(record, "system"),
        license=text_field(record, "license"),
        modelfile=text_field(record, "modelfile"),
        model_info=object_field(record, "model_info"),
        capabilities=texts_field(record, "capabilities"),
        modified_at_ns=time_field(record, "modified_at"),
        tensors=tuple(row for row in record.get("tensors") or () if isinstance(row, dict)),
    )


def parse_version(record: Mapping[str, Any]) -> Version:
    """`/api/version`."""
    text = text_field(record, "version")
    if not text:
        raise WrongJsonError("it has no 'version'")
    match = _VERSION.match(text)
    return Version(text, (int(match[1]), int(match[2]), int(match[3])) if match else None)


def _tool_call(item: Mapping[str, Any]) -> ToolCall:
    function = object_field(item, "function")
    name = text_field(function, "name")
    if not name:
        raise WrongJsonError("a tool call has no function name")
    return ToolCall(name, object_field(function, "arguments"), text_field(item, "id") or None)


def _models(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    if "models" not in record:  # an empty host says []
        raise WrongJsonError("it has no 'models'")
    return objects_field(record, "models")


def _name(row: Mapping[str, Any]) -> str:
    name = text_field(row, "name") or text_field(row, "model")
    if not name:
        raise WrongJsonError("a model has no name")
    return name


def _details(record: Mapping[str, Any]) -> ModelDetails:
    details = object_field(record, "details")
    return ModelDetails(
        format=text_field(details, "format"),
        family=text_field(details, "family"),
        families=texts_field(details, "families") or (),
        parameter_size=text_field(details, "parameter_size"),
        quantization=text_field(details, "quantization_level"),
        context_length=count_field(details, "context_length") or None,
        embedding_length=count_field(details, "embedding_length") or None,
    )


def _parameters(text: str) -> tuple[tuple[str, str], ...]:
    """Name and value of each `name      value` line; a quoted value loses its quotes."""
    pairs = []
    for line in text.split("\n"):
        name, _, value = line.strip().partition(" ")
        if name:
            pairs.append((name, _unquoted(value.strip())))
    return tuple(sorted(pairs))


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] == value[-1] == '"'
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), value[1:-1]) if is_quoted else value
