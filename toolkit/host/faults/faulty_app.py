"""The application of a twin with faults between it and its clients."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from toolkit.host.faults.connection import connection_of
from toolkit.host.faults.delays import SlowTokens, SlowTokensLink, Stall, StallLink, StallStream, StallStreamLink
from toolkit.host.faults.garbling import (
    ErrorLine,
    ErrorLineLink,
    HalfLine,
    HalfLineLink,
    HttpError,
    HttpErrorLink,
    WrongContentType,
    WrongContentTypeLink,
)
from toolkit.host.faults.pulls import (
    PullCorrupts,
    PullFillsDisk,
    PullFillsDiskLink,
    PullRepeats,
    PullRepeatsLink,
    PullStops,
    PullStopsLink,
)
from toolkit.host.faults.rivals import ModelDeleted, StuckEviction, delete, hold, is_loaded, undo
from toolkit.host.faults.severing import Refuse, RefuseLink, Reset, ResetLink
from toolkit.host.faults.when import Asked
from toolkit.host.faults.wire import BODY, Link, OverError, Wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractContextManager

    from toolkit.host.faults.injector import Injector
    from toolkit.host.faults.plan import Fault
    from toolkit.host.faults.rivals import App
    from toolkit.host.faults.wire import Doors, Send

LINKS: dict[type[Any], Callable[[Any, Wire, Any], Link[Any]]] = {
    Refuse: RefuseLink,
    Reset: ResetLink,
    Stall: StallLink,
    StallStream: StallStreamLink,
    SlowTokens: SlowTokensLink,
    HttpError: HttpErrorLink,
    ErrorLine: ErrorLineLink,
    HalfLine: HalfLineLink,
    WrongContentType: WrongContentTypeLink,
    PullStops: PullStopsLink,
    PullRepeats: PullRepeatsLink,
    PullFillsDisk: PullFillsDiskLink,
}
_UPLOADS = "/api/blobs/"
_ABOUT_THE_TWIN = "/twin/"
"""Pages that are no part of Ollama: nothing goes wrong with them."""


class Machine(Protocol):
    """The host behind the application, as far as faults change it."""

    def refresh(self) -> None:
        """Put conditions into force that have begun, and out of force that have ended."""

    def corrupting(self, model: str | None) -> AbstractContextManager[None]:
        """While the block runs, the registry has a broken copy of this model."""


@dataclass(slots=True)
class FaultyApp:
    """An ASGI application around another."""

    app: App
    injector: Injector
    machine: Machine
    doors: Doors
    _errands: set[asyncio.Task[None]] = field(default_factory=set)

    async def __call__(
        self, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"].startswith(_ABOUT_THE_TWIN):
            await self.app(scope, receive, send)
            return
        request = _Request(receive)
        if not scope["path"].startswith(_UPLOADS):
            await request.read()
        asked = _asked(scope, request.body, self.injector.now_ns)
        faults = (Refuse(),) if self.doors.is_shut() else self.injector.request(asked)
        self.machine.refresh()
        for fault in self.injector.begun():
            if isinstance(fault, ModelDeleted):
                await delete(self.app, fault.model)
        wire = Wire(asked, connection_of(scope, send), self.injector.clock, self.doors, request.gone)
        try:
            await self._serve(faults, wire, scope, request, send)
        except OverError:
            await request.gone_if_broken()

    async def _serve(
        self, faults: tuple[Fault, ...], wire: Wire, scope: dict[str, Any], request: _Request, send: Send
    ) -> None:
        links, chained = [], request.watched(send)
        for fault in faults:
            if type(fault) in LINKS:
                link = LINKS[type(fault)](fault, wire, chained)
                chained = link.send
                links.append(link)
        for link in links:
            await link.before()
        for fault in faults:
            if isinstance(fault, StuckEviction):
                await self._begin_race(fault)
        corrupts = wire.asked.model is not None and any(isinstance(fault, PullCorrupts) for fault in faults)
        with self.machine.corrupting(wire.asked.model) if corrupts else contextlib.nullcontext():
            await self.app(scope, request.receive, chained)

    async def _begin_race(self, fault: StuckEviction) -> None:
        if not await is_loaded(self.app, fault.victim):
            return
        holding = await hold(self.app, fault)
        errand = asyncio.ensure_future(undo(self.app, fault, holding, self.injector.clock))
        self._errands.add(errand)
        errand.add_done_callback(self._errands.discard)


class _Request:
    """A request whose body is read ahead, so that conditions can look at it, and handed on afterwards."""

    def __init__(self, receive: Callable[[], Awaitable[Any]]) -> None:
        self._receive = receive
        self._ahead: list[dict[str, Any]] = []
        self._has_gone = False
        self._complete = False
        self.body = b""

    async def read(self) -> None:
        """Read the whole body."""
        parts = []
        more = True
        while more:
            message = await self._receive()
            self._ahead.append(message)
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
        self.body = b"".join(parts)

    async def receive(self) -> Any:
        """For the application: what was read ahead, then the rest."""
        if self._ahead:
            return self._ahead.pop(0)
        if self._has_gone:
            return {"type": "http.disconnect"}
        return await self._receive()

    async def gone(self) -> None:
        """Wait until the client has gone."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._has_gone = True

    def watched(self, send: Send) -> Send:
        """Notice when the answer is complete."""

        async def watching(message: dict[str, Any]) -> None:
            await send(message)
            if message["type"] == BODY and not message.get("more_body", False):
                self._complete = True

        return watching

    async def gone_if_broken(self) -> None:
        """After a connection was broken off: the server must notice that before it sees the application end."""
        if not self._complete and not self._has_gone:
            await self.gone()


def _asked(scope: dict[str, Any], body: bytes, now_ns: int) -> Asked:
    try:
        parsed = json.loads(body) if body else None
    except ValueError:
        parsed = None
    named = parsed.get("model") or parsed.get("name") if isinstance(parsed, dict) else None
    model = named if isinstance(named, str) else None
    return Asked(now_ns, scope["method"], scope["path"], model, parsed)
