"""The OpenAPI document of the gateway, made of the types that its bodies are checked against. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pydantic.json_schema import models_json_schema

from toolkit.gateway.api import answers
from toolkit.gateway.api.operations import ANYBODY, JSON, OPERATIONS, Operation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

_NAMED: Final = re.compile(r"\{(\w+)\}")
REF: Final = "#/components/schemas/"
ITEM: Final = "x-item-schema"
"""The schema of one line or event of a stream; OpenAPI 3.1 has no word for it (3.2: itemSchema)."""
_TEXT: Final[dict[str, Any]] = {"type": "string"}
_REASONS: Final = {
    400: "The body, or a header, is not what is expected here; or the host says so of it.",
    401: "A valid key is needed.",
    403: "Not for this key, not from this origin, not under this host name, or turned off.",
    404: "There is no such model.",
    409: "Another comparison is under way.",
    408: "The body came too slowly.",
    413: "The body is longer than gateway.limits.body.",
    415: "The body is compressed.",
    422: "The Idempotency-Key was used for another request.",
    429: "This key has asked too often.",
    500: "The host failed; its own words.",
    501: "The model is not of that kind; the host's own words.",
    502: "The host did not answer, or not with what it should.",
    503: "The queue is full, the request waited too long, or no host answers.",
    504: "The host was too slow, or the deadline of the request is over.",
    507: "The answer could not be stored.",
}
_RETRY: Final = frozenset({429, 502, 503, 504, 507})
_PRIORITY: Final = {
    "name": "X-Hotswap-Priority",
    "in": "header",
    "description": "Who goes first among those who may go; empty is as good as absent.",
    "schema": {"enum": ["low", "normal", "high", ""]},
}
_DEADLINE: Final = {
    "name": "X-Hotswap-Deadline",
    "in": "header",
    "description": "How long the whole answer may take: 30s, 1m30s, or a number of seconds.",
    "schema": {"type": "string", "pattern": "^[1-9][0-9]{1,3}s?$"},
}
_SESSION: Final = (
    {
        "name": "X-Hotswap-Session",
        "in": "header",
        "description": "As the field `session`, which wins.",
        "schema": {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._:@+-]{0,127}$"},
    },
    {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Under the same key a message of a session is answered once, however often it is sent.",
        "schema": {"type": "string", "pattern": "^[!#-~][!-~]{0,254}$"},
    },
)
_HOST: Final = {
    "name": "X-Hotswap-Host",
    "in": "header",
    "description": "Which host of gateway.hosts is meant; without it, one that has the model, and a pull the first.",
}
_HOW: Final = {
    "X-Hotswap-Reason": ("Why this model answers.", _TEXT, True),
    "X-Hotswap-Model": ("The model that answers.", _TEXT, True),
    "X-Hotswap-Cache": ("How the model was found.", {"enum": ["hit", "cold", "reload"]}, False),
    "X-Hotswap-Host": ("The host that answers.", _TEXT, False),
}
_SAID_AGAIN: Final = {"Idempotent-Replayed": ("The stored answer of the same request.", {"const": "true"}, False)}
SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key of gateway.keys."},
    "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "The same, for clients that cannot."},
}


def openapi_document(version: str, *, with_keys: bool, hosts: Sequence[str]) -> dict[str, Any]:
    """The document; `with_keys`: keys are asked for; `hosts`: the names that `X-Hotswap-Host` may have."""
    shapes: set[type[BaseModel]] = {
        shape for each in OPERATIONS for shape in (each.body, each.whole, each.line) if shape is not None
    }
    shapes |= {answers.Error, answers.GptError}
    ordered = sorted(shapes, key=lambda shape: shape.__name__)
    _, schemas = models_json_schema([(shape, "validation") for shape in ordered], ref_template=f"{REF}{{model}}")
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        told = _operation(operation, with_keys=with_keys, hosts=hosts)
        paths.setdefault(operation.path, {})[operation.method.lower()] = told
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "hotswap gateway",
            "version": version,
            "description": "One address for every model: Ollama's API and OpenAI's, routed, queued and counted.",
        },
        "security": [{"bearer": []}, {"key": []}] if with_keys else [],
        "paths": paths,
        "components": {"schemas": schemas["$defs"], "securitySchemes": SCHEMES},
    }


def _operation(operation: Operation, *, with_keys: bool, hosts: Sequence[str]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": _name(operation),
        "summary": operation.summary,
        "tags": [operation.tag],
        "responses": _responses(operation, with_keys=with_keys),
    }
    parameters = _parameters(operation, hosts)
    if parameters:
        told["parameters"] = parameters
    if operation.body is not None:
        told["requestBody"] = {"required": True, "content": {JSON: {"schema": _ref(operation.body)}}}
    if operation.is_open:
        told["security"] = []
    return told


def _parameters(operation: Operation, hosts: Sequence[str]) -> list[dict[str, Any]]:
    in_path = {"in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    named: list[dict[str, Any]] = [{"name": name, **in_path} for name in _NAMED.findall(operation.path)]
    if operation.asks_model:
        named += [_PRIORITY, _DEADLINE]
    if operation.remembers:
        named.extend(_SESSION)
    if operation.takes_host:
        named.append({**_HOST, "schema": {"enum": list(hosts)}})
    return named


def _responses(operation: Operation, *, with_keys: bool) -> dict[str, Any]:
    content: dict[str, Any] = {media: {"schema": _TEXT} for media in operation.media if media not in {"", JSON}}
    content.update({media: {"schema": {"type": "object"}} for media in operation.media if media == JSON})
    if operation.whole is not None:
        content[JSON] = {"schema": _ref(operation.whole)}
    if operation.line is not None:
        content[operation.stream] = {ITEM: _ref(operation.line)}
    headers = _HOW if operation.asks_model else {}
    if operation.takes_host:
        headers = {name: _HOW[name] for name in (_HOST["name"],)}
    if operation.remembers:
        headers = {**headers, **_SAID_AGAIN}
    good = str(operation.ok)
    found: dict[str, Any] = {good: {"description": "The answer.", **_headers(headers)}}
    if content:
        found[good]["content"] = content
    error = answers.GptError if operation.path.startswith("/v1/") else answers.Error
    keys = (401,) if with_keys and not operation.is_open else ()
    for status in sorted({*operation.errors, *ANYBODY, *keys}):
        shape = operation.whole if operation.path == "/readyz" and status == 503 else error  # noqa: PLR2004
        found[str(status)] = _error(status, shape)
    return found


def _error(status: int, shape: type[BaseModel] | None) -> dict[str, Any]:
    told: dict[str, Any] = {"description": _REASONS[status]}
    if shape is not None:
        told["content"] = {JSON: {"schema": _ref(shape)}}
    if status in _RETRY:
        told.update(_headers({"Retry-After": ("Seconds.", {"type": "integer", "minimum": 1}, False)}))
    return told


def _headers(headers: dict[str, tuple[str, dict[str, Any], bool]]) -> dict[str, Any]:
    told = {
        name: {"description": text, "schema": schema, "required": required}
        for name, (text, schema, required) in headers.items()
    }
    return {"headers": told} if told else {}


def _name(operation: Operation) -> str:
    words = re.sub(r"\W+", "_", operation.path.strip("/")).strip("_") or "root"
    return f"{operation.method.lower()}_{words}"


def _ref(shape: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"{REF}{shape.__name__}"}
