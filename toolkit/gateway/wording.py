"""What a host is sent for a request, and what it shows of how the model will be found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from toolkit.gateway.refusal import Refusal, Why
from toolkit.ollama.keep_alive import encode_keep_alive
from toolkit.ollama.wire import JSON, NDJSON, WireRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.cache.strategy import Directive
    from toolkit.gateway.ask import Ask
    from toolkit.gateway.backend import Backend
    from toolkit.gateway.course import Found
    from toolkit.gateway.gate import Turn

_HEADERS: Final = (("content-type", JSON), ("accept", f"{NDJSON}, {JSON}"))
_RUNNER_OPTIONS: Final = ("num_ctx", "num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread")
"""A difference in one of these loads a model anew."""
_AS_IT_IS: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_ESCAPED: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def body_of(ask: Ask, known: Mapping[str, Any], directive: Directive | None) -> dict[str, Any]:
    """Its body with the model, the config's options (`known`) below its own, and a keep_alive if it had none."""
    body = {**ask.body, "model": ask.model}
    given = body.get("options")
    if known and (given is None or isinstance(given, dict)):
        body["options"] = {**known, **(given or {})}
    if body.get("keep_alive") is None and directive is not None and directive.keep_alive_ns is not None:
        body["keep_alive"] = encode_keep_alive(directive.keep_alive_ns)
    return body


def request_of(path: str, body: Mapping[str, Any]) -> WireRequest:
    """The request with this body. Raises Refusal for numbers that JSON does not have."""
    return WireRequest("POST", path, _HEADERS, _encoded(body))


def expected(backend: Backend, model: str, body: Mapping[str, Any], turn: Turn | None) -> Found | None:
    """How the model will be found, as far as one knows before the answer."""
    if turn is None:
        return None
    options = body.get("options")
    asked = {name: options[name] for name in _RUNNER_OPTIONS if name in options} if isinstance(options, dict) else {}
    before = backend.last_options.get(model)
    backend.last_options[model] = asked
    if turn.loads:
        return "cold"
    return "hit" if before is None or before == asked else "reload"


def _encoded(body: Mapping[str, Any]) -> bytes:
    try:
        return _AS_IT_IS.encode(body).encode()
    except UnicodeEncodeError:  # half a character, which JSON can escape and UTF-8 cannot carry
        return _ESCAPED.encode(body).encode()
    except ValueError:
        raise Refusal(Why.BAD_REQUEST, "NaN and infinity are no JSON") from None
