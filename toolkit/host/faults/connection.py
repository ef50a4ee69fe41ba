"""The connection below a request, as far as faults need it: to break it off in the way that servers and networks do.

The mock puts its own into the scope; under uvicorn it is made from the transport of the connection.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio

CONNECTION = "hotswap.connection"
"""Where a scope's `extensions` hold it."""


class Connection(Protocol):
    """What can be done to a connection."""

    def cut(self) -> None:
        """Close it after what has been written, without an end of the answer."""

    def reset(self) -> None:
        """Break it off with a TCP reset: what was on its way is lost."""

    def refuse(self) -> None:
        """Seem not to listen. A connection that stands already can only be reset."""


@dataclass(frozen=True, slots=True)
class TransportConnection:
    """A connection of asyncio."""

    transport: asyncio.Transport

    def cut(self) -> None:
        """See `Connection`."""
        self.transport.close()

    def reset(self) -> None:
        """A linger time of 0 makes the system send RST, not FIN."""
        sock = self.transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def refuse(self) -> None:
        """It stands already: reset it."""
        self.reset()


def connection_of(scope: dict[str, Any], send: Any) -> Connection | None:
    """The connection of a request; None if the server does not let us at it (then a fault can only end the answer)."""
    known: Connection | None = scope.get("extensions", {}).get(CONNECTION)
    if known is not None:
        return known
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    return None if transport is None else TransportConnection(transport)
