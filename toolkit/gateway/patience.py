"""The gateway's end of a client's connection: not waited for without end, and open about who is at the other one."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from toolkit.gateway.http import CLIENT
from toolkit.gateway.refusal import Why

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


_NO_NEWS: Final = (
    "Invalid HTTP request received.",
    "Unsupported upgrade request.",
    "No supported WebSocket library detected.",
)
"""How uvicorn begins to tell of a client that speaks something else, or would rather."""


class Impatient(HttpToolsProtocol):
    """Uvicorn's protocol, which closes a connection that owes it the head of a request for `head_s` seconds.

    A new connection owes one, and so does one that has sent anything since its last answer; between two requests
    uvicorn's own keep-alive time holds.
    """

    head_s: ClassVar[float]
    refused: ClassVar[staticmethod[[Why], None]]
    _late: asyncio.TimerHandle | None = None
    _left: Callable[[], None] | None = None

    def connection_made(self, transport: Any) -> None:
        """See asyncio."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """See asyncio. Line ends alone begin no request, and are none of the silence that keep-alive allows."""
        super().data_received(data)
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request, whatever its type says
        if (cycle is None or cycle.response_complete) and not self.transport.is_closing():
            self._wait()

    def on_message_begin(self) -> None:
        """See httptools. The scope has the connection itself, see `toolkit.gateway.http.Client`."""
        super().on_message_begin()
        self.scope[CLIENT] = self  # type: ignore[typeddict-unknown-key]  # a key of ours

    def on_headers_complete(self) -> None:
        """See httptools."""
        self._stop_waiting()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """See uvicorn: what came is no HTTP. Counted, and in no log; see `quiet_about_clients`."""
        self.refused(Why.NOT_HTTP)
        super().send_400_response(msg)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._stop_waiting()
        super().connection_lost(exc)
        if self._left is not None:
            self._left()
        scope = cast("dict[str, Any] | None", self.scope)  # None before the first request
        if scope is not None:  # or connection and scope would hold each other until somebody collects
            scope.pop(CLIENT, None)

    @property
    def has_asked(self) -> bool:
        """See `Client`."""
        return not self.cycle.more_body

    @property
    def keeps_up(self) -> bool:
        """See `Client`."""
        return not self.flow.write_paused

    def watch(self, left: Callable[[], None]) -> None:
        """See `Client`; a body that came fast may have stopped the reading, and an end would not be seen."""
        self._left = left
        self.flow.resume_reading()
        if self.transport.is_closing():
            left()

    def unwatch(self) -> None:
        """See `Client`."""
        self._left = None

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """See `Client`; uvicorn writes each message by itself, and each such call of the system wakes the client."""
        cycle, gathered = self.cycle, _Gathered(self.transport)
        cycle.transport = gathered  # type: ignore[assignment]  # it is asked for no more than to write
        try:
            yield
        finally:
            cycle.transport = self.transport
            if gathered.parts:
                self.transport.write(b"".join(gathered.parts))

    def _wait(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(self.head_s, self._give_up)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        self._late = None
        if not self.transport.is_closing():
            self.transport.close()


class _Gathered:
    """A transport that keeps what is written to it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """See asyncio."""
        self.parts.append(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def impatient(head_s: float, refused: Callable[[Why], None]) -> type[Impatient]:
    """The protocol with this patience; `refused` is told of what is no HTTP."""
    return type("Impatient", (Impatient,), {"head_s": head_s, "refused": staticmethod(refused)})


@contextmanager
def quiet_about_clients() -> Iterator[None]:
    """Uvicorn says nothing of what clients do wrong: whoever reaches the port could fill the log."""
    log = logging.getLogger("uvicorn.error")
    log.addFilter(_is_news)
    try:
        yield
    finally:
        log.removeFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(_NO_NEWS)
