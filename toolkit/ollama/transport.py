"""The seam between the client and an HTTP library: a request goes in, a status, headers and bytes come out.

A transport opens connections, writes the request and hands the answer's bytes over as they come. It follows no
redirect, decompresses nothing, uses no proxy of the environment, and knows no time limit but that of connecting; all
else is the client's. Whatever its library raises becomes a `TransportError`.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from toolkit.ollama.wire import WireRequest

Take: TypeAlias = Callable[[bytes, int], bool | None]
"""Takes a piece of a body and the time of its arrival; True: that is enough for now."""


class Fault(enum.Enum):
    """What went wrong below the API."""

    UNREACHABLE = "no connection could be made"
    CONNECT_TIMEOUT = "the connection took too long"
    LOST = "the connection was lost"
    NOT_HTTP = "the bytes are not HTTP"


class TransportError(Exception):
    """A transport's only error; `detail` is the library's or the system's own words, perhaps empty."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(f"{fault.value}: {detail}")
        self.fault = fault
        self.detail = detail


class WireResponse(Protocol):
    """An answer whose head has come."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers; names in lower case."""
        ...

    @property
    def head_ns(self) -> int:
        """When the head came."""
        ...

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body's bytes as they arrive, transfer coding undone; to be called once. Raises TransportError."""
        ...

    async def pour(self, take: Take) -> bool:
        """Hand every piece of the body to `take` with the time of its arrival, in place of `chunks`.

        It is handed over the moment it arrives, or, if it came with the head, at once. Returns True at the end of the
        body. If `take` returns True, that is enough for now: it returns False, what comes is held until this is called
        again, and much of it makes the host wait.

        Raises TransportError, and at once whatever `take` raises.
        """
        ...

    async def aclose(self) -> None:
        """Let go: give the connection back if the body was read to its end, else close it at once."""
        ...


Opened: TypeAlias = Callable[[WireResponse], Take | None]
"""Is told of an answer whose head is here; gives what takes its pieces from then on, None: they are held."""


class Transport(Protocol):
    """Sends requests to one base URL. Used from one event loop; any number of requests at a time."""

    async def send(
        self,
        request: WireRequest,
        connect_s: float | None,
        clock: Callable[[], int] = time.monotonic_ns,
        opened: Opened | None = None,
    ) -> WireResponse:
        """Send, and wait for the head of the answer; `connect_s` limits connecting (None: no limit).

        `clock` gives the time of whatever arrives, in nanoseconds. `opened` is told of the answer as soon as its head
        is here, before anybody who waits for this is woken, and may give what takes its pieces from then on: who does
        goes on with `pour` and the same. What it raises is raised here, and the connection is closed.

        If the task is cancelled meanwhile, the connection is closed at once.

        Raises:
            TransportError: no answer came.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...
