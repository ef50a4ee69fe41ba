"""Connections that are not waited for: a request whose head does not come is dropped (slowloris)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from toolkit.gateway.outgoing import FLOW

if TYPE_CHECKING:
    import asyncio

    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class Impatient(HttpToolsProtocol):
    """Uvicorn's protocol, which closes a connection that owes it the head of a request for `head_s` seconds.

    A new connection owes one, and so does one that has sent anything since its last answer; between two requests
    uvicorn's own keep-alive time holds.
    """

    head_s: ClassVar[float]
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """See asyncio."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """See asyncio. Line ends alone begin no request, and are none of the silence that keep-alive allows."""
        super().data_received(data)
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None before the first request, whatever its type says
        if (cycle is None or cycle.response_complete) and not self.transport.is_closing():
            self._wait()

    def on_message_begin(self) -> None:
        """See httptools. The scope says whether the client keeps up: what is sent to one that does need not wait."""
        super().on_message_begin()
        self.scope[FLOW] = self.flow  # type: ignore[typeddict-unknown-key]  # a key of ours

    def on_headers_complete(self) -> None:
        """See httptools."""
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._stop_waiting()
        super().connection_lost(exc)

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


def impatient(head_s: float) -> type[Impatient]:
    """The protocol with this patience."""
    return type("Impatient", (Impatient,), {"head_s": head_s})
