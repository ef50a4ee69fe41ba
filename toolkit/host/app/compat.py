"""What the compatible APIs (`/v1`) share: unpacking, models of the cloud, errors, server-sent events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolkit.host.app.exchange import Answer, json_answer
from toolkit.host.app.gojson import dumps, encode
from toolkit.host.app.goscan import NotPlainError, read_fast
from toolkit.host.app.zstd import ZstdError, unpack
from toolkit.host.library.names import CLOUD, ModelNameError, parse_reference

if TYPE_CHECKING:
    from toolkit.host.app.exchange import Call

SSE = "text/event-stream"
_OPENAI_TYPES = {400: "invalid_request_error", 404: "not_found_error"}
_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    529: "overloaded_error",
}


async def unpacked_body(call: Call) -> tuple[bytes, Answer | None]:
    """The body, unpacked if it was packed; an answer if that ends the matter, as a model of the cloud does."""
    body = await call.body()
    if call.headers.get("content-encoding") == "zstd":
        try:
            body = unpack(body)
        except ZstdError as error:
            return b"", json_answer({"error": str(error)}, 400)
    if b"cloud" in body.lower():
        name = _model_field(body)
        if name and _is_cloud(name):
            return b"", json_answer({"error": "ollama cloud is disabled: remote model is unavailable"}, 403)
    return body, None


def _model_field(body: bytes) -> str:
    try:
        value = read_fast(body)
    except NotPlainError:
        return ""
    name = value.get("model") if isinstance(value, dict) else None
    return name if isinstance(name, str) else ""


def _is_cloud(name: str) -> bool:
    try:
        return parse_reference(name).source == CLOUD
    except ModelNameError:
        return False


def openai_error(status: int, message: str) -> dict[str, Any]:
    """An error in OpenAI's shape."""
    kind = _OPENAI_TYPES.get(status, "api_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def anthropic_error(status: int, message: str, request_id: str) -> dict[str, Any]:
    """An error in Anthropic's shape."""
    kind = _ANTHROPIC_TYPES.get(status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id}


def translated(
    value: Any, status: int = 200, *, flushed: bool = False, more: list[tuple[str, str]] | None = None
) -> Answer:
    """A native answer in another shape: JSON with a line end, and a bare content type."""
    headers = [("Content-Type", "application/json"), *(more or [])]
    return Answer(status, headers, encode(value) + b"\n", flushed=flushed)


def data_event(value: Any) -> bytes:
    """A server-sent event without a name."""
    return f"data: {dumps(value)}\n\n".encode("utf-8", "replace")


def named_event(name: str, value: Any) -> bytes:
    """A server-sent event with a name."""
    return f"event: {name}\ndata: {dumps(value)}\n\n".encode("utf-8", "replace")
