"""Calls that wait for no model: what is there, what is in memory, versions, pulls, and other writes."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from toolkit.config.scalars import model_key
from toolkit.gateway.http import as_json, begin, piece, whole_json
from toolkit.gateway.openai_out import model_card
from toolkit.gateway.reading import WholeLines
from toolkit.gateway.refusal import Refusal, Why
from toolkit.ollama.errors import HostTimeoutError, OllamaError
from toolkit.ollama.json_fields import WrongJsonError, load_object
from toolkit.ollama.wire import JSON, NDJSON, WireRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Send

    from toolkit.gateway.backend import Backend
    from toolkit.gateway.fleet import Fleet
    from toolkit.gateway.keys import Caller
    from toolkit.gateway.registries import Registries

_HEADERS: Final = (("content-type", JSON), ("accept", f"{NDJSON}, {JSON}"))
_OK: Final = 200
WRITES: Final = (
    ("POST", "/api/create"),
    ("POST", "/api/copy"),
    ("POST", "/api/push"),
    ("DELETE", "/api/delete"),
)
_BEGINS_WITH: Final[dict[str, tuple[str, ...]]] = {
    "/api/create": ("from",),
    "/api/copy": ("source",),
    "/api/push": ("model", "name"),
    "/api/delete": ("model", "name"),
}
"""The fields that name the model which a host has to have for a write."""
HOST: Final = "x-hotswap-host"
"""In a request for a pull or a write: the host that is meant. In an answer: the host that gave it."""


class Plain:
    """See the module. `writes`: create, copy, push and delete are let through."""

    def __init__(self, fleet: Fleet, registries: Registries, *, writes: bool) -> None:
        self._fleet = fleet
        self._registries = registries
        self._writes = writes

    async def version(self, send: Send) -> None:
        """`GET /api/version`: the first host's."""
        await relay(self._fleet.first(), WireRequest("GET", "/api/version", (("accept", JSON),)), send)

    async def listing(self, path: str, send: Send) -> None:
        """`GET /api/tags` or `/api/ps`: of all hosts that answer; of models that several have, the first's row."""
        await whole_json(send, _OK, {"models": await self._rows(path)})

    async def openai_models(self, send: Send) -> None:
        """`GET /v1/models`."""
        cards = [model_card(row, _unix_s(row.get("modified_at"))) for row in await self._rows("/api/tags")]
        await whole_json(send, _OK, {"object": "list", "data": cards})

    async def openai_model(self, name: str, send: Send) -> None:
        """`GET /v1/models/NAME`."""
        for row in await self._rows("/api/tags"):
            if model_key(str(row.get("name"))) == model_key(name):
                await whole_json(send, _OK, {**model_card(row, _unix_s(row.get("modified_at"))), "id": name})
                return
        raise Refusal(Why.NOT_FOUND, f"model '{name}' not found")

    async def show(self, body: dict[str, Any], send: Send) -> None:
        """`POST /api/show`, asked of a host that has the model."""
        name = body.get("model") or body.get("name")
        backend = await self._fleet.place(name) if isinstance(name, str) and name else self._fleet.first()
        await relay(backend, WireRequest("POST", "/api/show", _HEADERS, as_json(body)), send)

    def check_admin(self, path: str, caller: Caller) -> None:
        """Raises Refusal if the caller may not change what a host has."""
        if not caller.is_admin:
            text = "only an admin key may pull models" if path == "/api/pull" else f"only an admin key may use {path}"
            raise Refusal(Why.NOT_ADMIN, text)

    def check_writes(self, method: str, path: str) -> None:
        """Create, copy, push and delete: raises Refusal unless the config lets them through."""
        if not self._writes:
            raise Refusal(Why.WRITES_OFF, f"{method} {path} is turned off here; gateway.writes: true lets it through")

    async def pull(self, body: dict[str, Any], host: str | None, send: Send) -> None:
        """`POST /api/pull`: only the model's name and `stream` are passed on, to the first host where none is named."""
        kept = self._registries.transfer(body)
        backend = self._fleet.first() if host is None else self._fleet.named(host)
        await self._change(backend, "POST", "/api/pull", kept, send)

    async def write(self, method: str, path: str, body: dict[str, Any], host: str | None, send: Send) -> None:
        """Create, copy, push and delete: by the host that is named, else by one that has the model they begin with."""
        kept = self._registries.kept(path, body)
        if host is not None:
            backend = self._fleet.named(host)
        else:
            model = next((kept[field] for field in _BEGINS_WITH[path] if isinstance(kept.get(field), str)), "")
            backend = await self._fleet.place(model) if model else self._fleet.first()
        await self._change(backend, method, path, kept, send)

    async def _change(self, backend: Backend, method: str, path: str, body: dict[str, Any], send: Send) -> None:
        request = WireRequest(method, path, _HEADERS, as_json(body))
        await relay(backend, request, send, waits=True, headers=((HOST, backend.name),))
        await backend.list_installed()

    async def _rows(self, path: str) -> list[dict[str, Any]]:
        backends = self._fleet.backends
        found = await asyncio.gather(*(_document(backend, path) for backend in backends), return_exceptions=True)
        rows: dict[str, dict[str, Any]] = {}
        failures: list[BaseException] = []
        for answer in found:
            if isinstance(answer, BaseException):
                failures.append(answer)
                continue
            models = answer.get("models")
            for row in models if isinstance(models, list) else ():
                if isinstance(row, dict):
                    rows.setdefault(str(row.get("name")), row)
        if len(failures) == len(backends):
            raise failures[0]
        return list(rows.values())


async def relay(
    backend: Backend,
    request: WireRequest,
    send: Send,
    *,
    waits: bool = False,
    headers: Iterable[tuple[str, str]] = (),
) -> None:
    """Pass a call on to a host, and its answer back as it comes. Raises Refusal where nothing of it was sent."""
    begun = False
    try:
        async with backend.client.stream_relay(request, waits=waits) as stream:
            begun = True
            await begin(send, stream.status, stream.content_type, headers)
            lines = WholeLines()
            async for chunk in stream:
                await piece(send, lines.feed(chunk))
            await piece(send, lines.rest(), more=False)
    except OllamaError as error:
        if not begun:
            raise failure(error) from error
        await piece(send, as_json({"error": str(error)}) + b"\n", more=False)


def failure(error: OllamaError) -> Refusal:
    """What a client is told of a host that does not answer."""
    return Refusal(Why.HOST_SLOW if isinstance(error, HostTimeoutError) else Why.HOST_FAILED, str(error), 1)


async def _document(backend: Backend, path: str) -> dict[str, Any]:
    request = WireRequest("GET", path, (("accept", JSON),))
    try:
        async with backend.client.stream_relay(request, waits=False) as stream:
            return load_object(b"".join([chunk async for chunk in stream]))
    except OllamaError as error:
        raise failure(error) from error
    except WrongJsonError as error:
        raise Refusal(Why.HOST_FAILED, f"host {backend.name}: GET {path} was answered with {error}") from error


def _unix_s(text: Any) -> int:
    try:
        return int(datetime.fromisoformat(str(text)).timestamp())
    except ValueError:
        return 0
