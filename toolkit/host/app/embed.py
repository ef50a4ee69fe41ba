"""`/api/embed` and `/api/embeddings`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.host.app.exchange import Answer, error_answer, json_answer
from toolkit.host.app.gojson import Float32
from toolkit.host.app.inference import (
    RefusedError,
    merged_options,
    read_body,
    refer,
    refuse_cloud,
    schedule,
)
from toolkit.host.app.inference import read_model as read_installed
from toolkit.host.app.schemas import EMBED, EMBEDDING
from toolkit.host.speech.vectors import normalised, vector_of

if TYPE_CHECKING:
    from toolkit.host.app.engine import Lease
    from toolkit.host.app.exchange import Call
    from toolkit.host.app.services import Services
    from toolkit.host.library.models import InstalledModel

_NO_EMBEDDINGS = "This server does not support embeddings. Start it with `--embeddings`"
_TOO_LONG = "the input length exceeds the context length"
_OVERHEAD_NS = 1_500_000
_FRAMING_TOKENS = 2
"""Embedding models put a token before each text and one behind it."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """What an embed request gives: vectors, tokens read, times."""

    model: str
    vectors: list[list[float]]
    tokens: int = 0
    total_ns: int = 0
    load_ns: int = 0

    def as_json(self) -> dict[str, Any]:
        """The native answer."""
        out: dict[str, Any] = {
            "model": self.model,
            "embeddings": [[Float32(value) for value in vector] for vector in self.vectors],
        }
        times = {"total_duration": self.total_ns, "load_duration": self.load_ns, "prompt_eval_count": self.tokens}
        return {**out, **{key: value for key, value in times.items() if value}}


@dataclass(frozen=True, slots=True)
class EmbedEndpoint:
    """`/api/embed`."""

    services: Services

    async def __call__(self, call: Call) -> Answer:
        """Answer one request."""
        try:
            return json_answer((await embed(self.services, read_body(EMBED, await call.body()))).as_json())
        except RefusedError as refused:
            return error_answer(refused.status, refused.message)


@dataclass(frozen=True, slots=True)
class EmbeddingsEndpoint:
    """`/api/embeddings`, the older one: a single text, no truncation, the vector as float64."""

    services: Services

    async def __call__(self, call: Call) -> Answer:
        """Answer one request."""
        try:
            request = read_body(EMBEDDING, await call.body())
            vector = await self._vector(request)
        except RefusedError as refused:
            return error_answer(refused.status, refused.message)
        return json_answer({"embedding": vector})

    async def _vector(self, request: dict[str, Any]) -> list[float]:
        services, asked = self.services, request["model"]
        reference = refer(asked, 400, "model is required")
        refuse_cloud(reference)
        model = services.catalog.exact(reference.name)
        if model is None:
            raise RefusedError(404, f'model "{asked}" not found, try pulling it first')
        merged_options(model, request["options"])
        lease = await schedule(services, model, request["options"], request["keep_alive"])
        try:
            if not request["prompt"]:
                return []
            _refuse_completion_model(services, model, 500)
            await lease.enter()
            await _read(lease, services.speech.tokenizer(model).encode(request["prompt"]))
            return vector_of(request["prompt"], _dimensions(model))
        finally:
            lease.release()


async def embed(services: Services, request: dict[str, Any]) -> Embedded:
    """Answer a decoded embed request. Raises RefusedError."""
    asked = request["model"]
    reference = refer(asked, 404, f"model '{asked}' not found")
    refuse_cloud(reference)
    texts = _texts(request["input"])
    model = read_installed(services, reference)
    if model is None:
        raise RefusedError(404, f'model "{asked}" not found, try pulling it first')
    merged_options(model, request["options"])
    lease = await schedule(services, model, request["options"], request["keep_alive"])
    try:
        if not texts:
            return Embedded(asked, [])
        return await _embed_texts(services, model, lease, request, texts)
    finally:
        lease.release()


def _texts(given: Any) -> list[str]:
    if given is None or given == "":
        return []
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
        raise RefusedError(400, "invalid input type")
    return list(given)


async def _embed_texts(
    services: Services, model: InstalledModel, lease: Lease, request: dict[str, Any], texts: list[str]
) -> Embedded:
    tokenizer = services.speech.tokenizer(model)
    framing = _FRAMING_TOKENS if model.embeds else 0
    trained = int(model.facts.get("context_length", 0)) if model.facts is not None else 0
    room = (min(lease.num_ctx, trained) if trained else lease.num_ctx) - framing
    vectors: list[list[float]] = []
    total_tokens, read_ns = 0, await lease.enter()
    for given in texts:
        tokens, text = tokenizer.encode(given), given
        if len(tokens) > room:
            if request["truncate"] is False:
                raise RefusedError(400, _TOO_LONG)
            if room <= 0:
                raise RefusedError(400, "input after truncation exceeds maximum context length")
            tokens = tokens[:room]
            text = tokenizer.decode(tokens)
        _refuse_completion_model(services, model, 501)
        total_tokens += len(tokens) + framing
        read_ns += await _read(lease, tokens)
        vector = vector_of(text, _dimensions(model))
        wanted = request["dimensions"]
        vectors.append(normalised(vector[:wanted]) if 0 < wanted < len(vector) else vector)
    return Embedded(request["model"], vectors, total_tokens, lease.load_ns + read_ns + _OVERHEAD_NS, lease.load_ns)


async def _read(lease: Lease, tokens: list[int]) -> int:
    """Let the runner read a text; returns how long that takes, unscaled."""
    duration_ns = lease.read_ns(tokens)
    await lease.pause(duration_ns)
    lease.wrote(())
    return duration_ns


def _dimensions(model: InstalledModel) -> int:
    return int(model.facts.get("embedding_length", 64)) if model.facts is not None else 64


def _refuse_completion_model(services: Services, model: InstalledModel, status: int) -> None:
    if services.line.embeds_only_embedders and not model.embeds:
        raise RefusedError(status, _NO_EMBEDDINGS)
