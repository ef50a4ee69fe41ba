"""Other clients of the same host, whose requests are trouble for ours. They use the API like everybody else."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field

from toolkit.config.durations import format_duration
from toolkit.config.scalars import DelayNs, KeepAliveNs, ModelName, canonical_model_name
from toolkit.host.clock import Clock
from toolkit.host.faults.when import RequestWhen, Span

_HOLD_PROMPT = "Summarise what we have said so far."
_SETTLE_NS = 100_000_000
"""From the arrival of our request until the rival's second one: time to choose the victim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDeleted:
    """Somebody deletes a model, at a time or just before a request. What is loaded of it stays loaded."""

    model: ModelName
    span: Span = field(default_factory=Span)


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckEviction:
    """A rival undoes an eviction, which then lasts as long as the rival's `keep_alive`.

    When a request comes that `when` means, the rival is being answered by `victim` (if that is loaded) and reads
    slowly. The server chooses the victim for our load and waits until it is idle. Then the rival asks for the victim
    again, with its `keep_alive`, which overwrites the mark of the eviction; and is done.
    """

    victim: ModelName
    keep_alive_ns: Annotated[KeepAliveNs, Field(alias="keep_alive")] = 1_800_000_000_000
    hold_ns: Annotated[DelayNs, Field(alias="hold")] = 1_000_000_000
    when: RequestWhen = field(default_factory=RequestWhen)


Rival = ModelDeleted | StuckEviction
App = Callable[[dict[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


class _Quick:
    """A client that reads its answer at once."""

    def __init__(self) -> None:
        self.body = b""

    async def send(self, message: dict[str, Any]) -> None:
        self.body += message.get("body", b"")


class _Slow:
    """A client that stops reading after the first piece, and so keeps its model busy until it is let go."""

    def __init__(self) -> None:
        self.began = asyncio.Event()

    async def send(self, message: dict[str, Any]) -> None:
        if message.get("body"):
            self.began.set()
            await asyncio.Event().wait()


async def delete(app: App, model: str) -> None:
    """Delete a model."""
    await _ask(app, "DELETE", "/api/delete", {"model": model}, _Quick().send)


async def is_loaded(app: App, model: str) -> bool:
    """Whether the host has it in memory."""
    reader = _Quick()
    await _ask(app, "GET", "/api/ps", None, reader.send)
    names = {canonical_model_name(entry["name"]) for entry in json.loads(reader.body)["models"]}
    return canonical_model_name(model) in names


async def hold(app: App, fault: StuckEviction) -> "asyncio.Task[None]":
    """Keep the victim busy; returns when it is, with the task to cancel."""
    reader = _Slow()
    body = {"model": fault.victim, "prompt": _HOLD_PROMPT, "stream": True}
    holding = asyncio.ensure_future(_ask(app, "POST", "/api/generate", body, reader.send))
    began = asyncio.ensure_future(reader.began.wait())
    await asyncio.wait({holding, began}, return_when=asyncio.FIRST_COMPLETED)
    began.cancel()
    return holding


async def undo(app: App, fault: StuckEviction, holding: "asyncio.Task[None]", clock: Clock) -> None:
    """Ask for the victim with a keep_alive, and let it go."""
    await clock.sleep_ns(_SETTLE_NS)
    keep_alive = -1 if fault.keep_alive_ns < 0 else format_duration(fault.keep_alive_ns)
    await _ask(app, "POST", "/api/generate", {"model": fault.victim, "keep_alive": keep_alive}, _Quick().send)
    await clock.sleep_ns(max(fault.hold_ns - _SETTLE_NS, 0))
    holding.cancel()
    await asyncio.wait({holding})


async def _ask(
    app: App, method: str, path: str, body: dict[str, Any] | None, send: Callable[[Any], Awaitable[None]]
) -> None:
    """A request of another client, straight into the application."""
    content = b"" if body is None else json.dumps(body).encode()
    received = False

    async def receive() -> dict[str, Any]:
        nonlocal received
        if not received:
            received = True
            return {"type": "http.request", "body": content, "more_body": False}
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 50_001),
        "server": ("127.0.0.1", 11434),
        "extensions": {},
    }
    await app(scope, receive, send)
