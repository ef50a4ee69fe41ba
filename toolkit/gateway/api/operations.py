"""Every call that the gateway answers, as its OpenAPI document tells it. A test holds it against the routes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from toolkit.gateway.api import answers, native, openai
from toolkit.gateway.api.whatif import WhatIfBody
from toolkit.gateway.dashboard.pages import PATHS, content_type_of
from toolkit.gateway.whatif.paths import REPORTS, WHAT_IF

if TYPE_CHECKING:
    from pydantic import BaseModel

    from toolkit.gateway.api.fields import Shape

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
SSE: Final = "text/event-stream"
PLAIN: Final = "text/plain"
ANYBODY: Final = (403,)
"""Statuses of the door, which any call may have: a foreign Host or Origin; 401 where keys are asked for."""
BODY: Final = (400, 408, 413, 415)
HOST: Final = (502, 503, 504)
MODEL: Final = (*BODY, 404, 429, 500, 501, *HOST)
SESSION: Final = (422, 507)


@dataclass(frozen=True, slots=True)
class Operation:
    """One call. `whole` is its answer, `line` one piece of it where it streams; `media` what else it may be."""

    method: str
    path: str
    tag: str
    summary: str
    body: type[Shape] | None = None
    whole: type[BaseModel] | None = None
    line: type[BaseModel] | None = None
    stream: str = NDJSON
    media: tuple[str, ...] = ()
    errors: tuple[int, ...] = ()
    ok: int = 200
    is_open: bool = False
    asks_model: bool = False
    remembers: bool = False
    takes_host: bool = False


def _asks(path: str, summary: str, body: type[Shape], whole: type[BaseModel], **more: object) -> Operation:
    tag = "OpenAI" if path.startswith("/v1/") else "Ollama"
    errors = MODEL if not more.get("remembers") else (*MODEL, *SESSION)
    return Operation("POST", path, tag, summary, body, whole, errors=errors, asks_model=True, **more)  # type: ignore[arg-type] # fields of Operation


def _reads(path: str, tag: str, summary: str, whole: type[BaseModel], errors: tuple[int, ...] = HOST) -> Operation:
    return Operation("GET", path, tag, summary, None, whole, errors=errors)


def _writes(method: str, path: str, summary: str, body: type[Shape], *, streams: bool) -> Operation:
    line = answers.Progress if streams else None
    errors = (*BODY, 404, 500, *HOST)
    return Operation(
        method, path, "Admin", summary, body, line, line, media=() if streams else ("",), errors=errors, takes_host=True
    )


def _own(path: str, summary: str, **more: object) -> Operation:
    return Operation("GET", path, "Gateway", summary, **more)  # type: ignore[arg-type] # as above


OPERATIONS: Final = (
    _asks("/api/chat", "Answer a conversation", native.ChatBody, answers.ChatAnswer, line=answers.ChatAnswer,
          remembers=True),
    _asks("/api/generate", "Go on with a text", native.GenerateBody, answers.GenerateAnswer,
          line=answers.GenerateAnswer),
    _asks("/api/embed", "Vectors of texts", native.EmbedBody, answers.EmbedAnswer),
    _asks("/api/embeddings", "The vector of one text", native.EmbeddingsBody, answers.EmbeddingsAnswer),
    _asks("/v1/chat/completions", "Answer a conversation", openai.GptChatBody, answers.GptChat, line=answers.GptChunk,
          stream=SSE, remembers=True),
    _asks("/v1/completions", "Complete a text", openai.GptTextBody, answers.GptText, line=answers.GptTextChunk,
          stream=SSE),
    _asks("/v1/embeddings", "Vectors of texts", openai.GptEmbeddingsBody, answers.GptEmbeddings),
    _reads("/api/version", "Ollama", "The first host's version", answers.Version),
    _reads("/api/tags", "Ollama", "Models on disk", answers.Models),
    _reads("/api/ps", "Ollama", "Models in memory", answers.Models),
    Operation("POST", "/api/show", "Ollama", "What a host says of a model", native.ShowBody, answers.ShowAnswer,
              errors=(*BODY, 404, 500, *HOST)),
    _reads("/v1/models", "OpenAI", "Models on disk", answers.GptModels),
    _reads("/v1/models/{name}", "OpenAI", "One of them", answers.GptModel, (404, *HOST)),
    _writes("POST", "/api/pull", "Fetch a model; only its name is passed on", native.PullBody, streams=True),
    _writes("POST", "/api/create", "Make a model", native.CreateBody, streams=True),
    _writes("POST", "/api/copy", "Give a model another name", native.CopyBody, streams=False),
    _writes("POST", "/api/push", "Send a model to its registry", native.PushBody, streams=True),
    _writes("DELETE", "/api/delete", "Remove a model", native.DeleteBody, streams=False),
    _own("/", "`Ollama is running`; for a browser, the dashboard", media=(PLAIN, "text/html"), is_open=True),
    *(_own(path, "A file of the dashboard", media=(content_type_of(path),), is_open=True) for path in sorted(PATHS)),
    _own("/healthz", "Whether the gateway lives", whole=answers.Status, is_open=True),
    _own("/readyz", "Whether a host answers", whole=answers.Status, errors=(503,), is_open=True),
    _own("/api/llm/stats", "Hit rate, swaps, models, routing, errors, queue", whole=answers.Stats),
    _own("/api/llm/live", "What the dashboard shows", whole=answers.Live),
    _own(WHAT_IF, "How far a comparison with other strategies has come", whole=answers.Comparing),
    Operation("POST", WHAT_IF, "Gateway", "Compare with other strategies", WhatIfBody, answers.Comparing, ok=202,
              errors=(*BODY, 409)),
    Operation("DELETE", WHAT_IF, "Gateway", "Give the comparison up", whole=answers.Comparing),
    _own(f"{REPORTS}{{token}}", "The page of a comparison", media=("text/html",), errors=(404,), is_open=True),
    _own("/metrics", "The same for Prometheus", media=(PLAIN,)),
    _own("/openapi.json", "This document", media=(JSON,)),
)  # fmt: skip
