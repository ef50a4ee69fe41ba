"""What a status that is not 2xx means: the table of the errors that servers answer with. Pure.

Source: `behaviour.md` section 4 and the recorded answers of v0.24.0 and v0.32.15; rows are tried in order.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.ollama.errors import (
    AnsweredError,
    BadRequestError,
    CanceledError,
    ForbiddenError,
    LoadFailedError,
    ModelMissingError,
    ServerBusyError,
    ServerFailedError,
    UnsupportedError,
)
from toolkit.ollama.failures import Where, message_of, protocol_error, quoted

if TYPE_CHECKING:
    from collections.abc import Container

    from toolkit.ollama.errors import OllamaError, Progress

_CLIENT_SIDE, _SERVER_SIDE, _ANY = range(300, 500), range(500, 600), range(300, 600)


@dataclass(frozen=True, slots=True)
class _Row:
    """One kind of answer. `words`: one of them is in the server's message, in lower case; None takes any answer.

    `spoken`: there must be a message of the server at all. `{model}` in the hint is the model asked for.
    """

    statuses: Container[int]
    kind: type[AnsweredError]
    hint: str
    words: tuple[str, ...] | None = None
    spoken: bool = False

    def fits(self, status: int, said: str | None) -> bool:
        """Whether the row speaks of this answer."""
        if status not in self.statuses or (self.spoken and said is None):
            return False
        return self.words is None or any(word in (said or "").lower() for word in self.words)


_LOAD_HINT = "the server's log has the reason; too little memory is the usual one"
_LOAD_WORDS = (
    "process has terminated",
    "unable to load model",
    "failed to load model",
    "error loading model",
    "requires more system memory",
    "timed out waiting for",
    "out of memory",
    "cudamalloc failed",
    "unable to allocate",
)
_REQUEST_WORDS = ("must be of type", "must be of an array", "invalid format", "invalid json schema", "template:")
_ROWS = (
    _Row((401,), ForbiddenError, "give the token or password that it wants"),
    _Row((403,), ForbiddenError, "the server's settings forbid it", spoken=True),
    _Row(
        (403,),
        ForbiddenError,
        "it refuses the name in the URL, or an origin: use its IP address, or set OLLAMA_HOST and OLLAMA_ORIGINS",
    ),
    _Row((404,), ModelMissingError, "fetch it with `ollama pull {model}`, or correct the name"),
    _Row((429,), ServerBusyError, "send less at a time"),
    _Row((503,), ServerBusyError, "send less at a time, or raise OLLAMA_MAX_QUEUE", spoken=True),
    _Row((499,), CanceledError, "something between here and the server closed the connection"),
    _Row(_ANY, UnsupportedError, "choose another model, or leave that out", ("does not support", "is not supported")),
    _Row(
        _ANY,
        BadRequestError,
        "shorten the prompt, or raise num_ctx",
        ("available context size", "exceeds the context length"),
    ),
    _Row(_CLIENT_SIDE, BadRequestError, "correct the request"),
    _Row(_SERVER_SIDE, BadRequestError, "correct the request", _REQUEST_WORDS),
    _Row(_SERVER_SIDE, LoadFailedError, _LOAD_HINT, _LOAD_WORDS),
)


def answered_error(where: Where, status: int, body: bytes, *, is_json: bool, progress: Progress) -> OllamaError:
    """The error for an answer; `body` may be cut, `is_json` is what its content type says."""
    said = _server_message(body) if is_json else None
    if status in {404, 405} and (said is None or where.model is None):
        return protocol_error(where, f"is not a call that it knows (status {status})", progress)
    kind, hint = _kind(where, status, said)
    if said is not None:
        says = f"the server says {quoted(said)!r}"
    elif plain := _plain_text(body):
        says = f"the answer is {plain!r}"
    elif body:
        says = "not in Ollama's words, so a proxy before it may have answered"
    else:
        says = "without a word"
    text = f"{where.place} ended with status {status}: {says}; {hint.format(model=quoted(where.model or 'MODEL'))}"
    return kind(text, progress, status=status, server_message=said)


def _kind(where: Where, status: int, said: str | None) -> tuple[type[AnsweredError], str]:
    row = next((row for row in _ROWS if row.fits(status, said)), None)
    if row is not None:
        return row.kind, row.hint
    if status in _SERVER_SIDE and where.loads:
        return LoadFailedError, _LOAD_HINT
    return ServerFailedError, "look into the server's log"


def _server_message(body: bytes) -> str | None:
    try:
        record = json.loads(body.decode())
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or "error" not in record:
        return None
    return message_of(record["error"])


def _plain_text(body: bytes) -> str:
    """A foreign answer that is worth quoting; a web page is not."""
    text = body.decode("utf-8", "replace").strip()
    return "" if text.startswith("<") else quoted(text)
